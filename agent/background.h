/* A daemon for people without a service manager. */
#ifndef BACKGROUND_H
#define BACKGROUND_H

#include "common/base/err.h"

/*
 * Goes on in a child process in a session of its own, its standard error in
 * $XDG_STATE_HOME/vsync/agent.log.  The child gets -1 and a descriptor in
 * *ready, to write a byte to once it serves.  The parent waits for that, or
 * for the child's end, tells on standard error what that logged, and gets the
 * exit code it should end with.  On an
 * error: -1 and err.
 */
int background_enter(int *ready, struct vs_err *err);

#endif
