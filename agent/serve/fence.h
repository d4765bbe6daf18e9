/*
 * What the chunk server cannot do any more, whatever its bytes made of it:
 * open anything but files beneath the folders it serves, for reading; bind,
 * connect or make a socket; start a program; signal others.
 */
#ifndef FENCE_H
#define FENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct fence_report {
	int landlock; /* its ABI; 0: the kernel has none */
	bool seccomp;
};

/*
 * For good, for this thread and those it starts: no others may run yet.
 * dirs: descriptors (O_PATH) of n folders.  What the kernel does not know is
 * left out; what it refuses is an error.
 */
int fence_raise(
    const int *dirs, size_t n, struct fence_report *out, struct vs_err *err);

#endif
