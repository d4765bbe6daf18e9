/* Where things are kept: XDG Base Directory Specification. */
#ifndef VS_DIRS_H
#define VS_DIRS_H

#include <limits.h>

#include "common/base/err.h"

struct vs_dirs {
	char config[PATH_MAX]; /* $XDG_CONFIG_HOME/vsync */
	char state[PATH_MAX]; /* $XDG_STATE_HOME/vsync */
	char runtime[PATH_MAX]; /* $XDG_RUNTIME_DIR/vsync, else state/run */
};

/* From the environment; relative values are refused (VS_ECONFIG). */
int vs_dirs_find(struct vs_dirs *d, struct vs_err *err);

/* Makes the three with mode 0700; a directory of another user is refused. */
int vs_dirs_make(const struct vs_dirs *d, struct vs_err *err);

#endif
