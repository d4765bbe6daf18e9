/* What the service manager wants to know: sd_notify(3), by its protocol. */
#ifndef MANAGER_H
#define MANAGER_H

#include <stdint.h>

/*
 * Sends one message ("READY=1", "STATUS=...") to $NOTIFY_SOCKET; nothing
 * where there is none.  Never blocks.
 */
void manager_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often WATCHDOG=1 is due, ms: half of what was set; 0: never. */
int64_t manager_watchdog_ms(void);

#endif
