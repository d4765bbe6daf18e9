/* Tells a service manager how we are (sd_notify(3)'s protocol). */
#ifndef NOTIFY_H
#define NOTIFY_H

/*
 * Sends state ("READY=1") to the socket that $NOTIFY_SOCKET names; nothing
 * happens without one, and a failure is of no consequence.
 */
void notify_send(const char *state);

#endif
