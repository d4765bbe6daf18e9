/* One process a state directory: flock(2), let go by the kernel at exit. */
#ifndef VS_LOCK_H
#define VS_LOCK_H

#include "common/base/err.h"

/*
 * Takes path (made when missing, 0600) exclusively without waiting and
 * writes the pid into it.  A descriptor to keep open, or VS_EBUSY with the
 * holder's pid in the message.
 */
int vs_lock_take(const char *path, struct vs_err *err);

#endif
