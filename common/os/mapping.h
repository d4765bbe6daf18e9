/*
 * Bytes of a file looked at where the system holds them, without a copy.
 *
 * What a mapping shows can go away under whoever looks: the file is cut
 * short, its disk fails.  The kernel then sends SIGBUS to the thread that
 * touches it, and that ends the program.  Behind a guard it does not: the
 * handler puts zeros in the place of the whole piece, the thread goes on over
 * them to its end, and is told afterwards that the piece was lost.  So
 * nothing is jumped out of: who looks at the bytes may hold locks and memory
 * of his own meanwhile, as OpenSSL may.  The handler makes one system call,
 * mmap, and touches only what belongs to the thread that faulted.
 *
 * A SIGBUS for anything but such a piece, or sent by a process, goes to
 * whoever had it before the guard, which by default ends the program.
 */
#ifndef VS_MAPPING_H
#define VS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

/*
 * Puts the handler up, for all threads and until the end.  Before any thread
 * maps; again after somebody else took the signal.
 */
int vs_mapping_guard(struct vs_err *err);

/*
 * Whether the open file fd may be mapped: there is a guard, and no page of it
 * is waited for from another machine or process (network, FUSE).
 */
bool vs_mapping_may(int fd);

/*
 * Maps len > 0 bytes at off (of a page's beginning) of fd, for which
 * vs_mapping_may holds, has look called with them on this thread, and takes
 * them away again.  What look read was the file's own if this returns VS_OK,
 * and is to be forgotten if it returns VS_ECHANGED: bytes were lost or
 * could not be read, or the file ends before them by now; a read tells
 * which.  Anything else: it cannot be mapped, and look was not called.  look
 * maps nothing itself.
 */
int vs_mapping_use(int fd, int64_t off, size_t len,
    void (*look)(void *arg, const void *data, size_t len), void *arg);

#endif
