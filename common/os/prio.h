/* How urgent the calling thread's work is to the system. */
#ifndef VS_PRIO_H
#define VS_PRIO_H

#include <stdbool.h>

/*
 * low: the thread's reads and writes of disks come after those of others
 * (ioprio_set(2), setiopolicy_np(3)); false: as is usual.  Where the system
 * has no such thing, or its scheduler does not look, nothing happens.
 */
void vs_prio_io(bool low);

#endif
