/*
 * What was pulled to the project's own folder, looked for by its content;
 * and which folders there are for the sake of it.
 */
#ifndef COPIES_H
#define COPIES_H

#include "agent/member/mirror.h"

struct copy {
	char path[VS_PATH_MAX + 1];
	struct mirror_local local;
};

/*
 * Those with this content, the one that has been here longest first: at most
 * cap of them to out.  How many, or negative.  What stands at their paths
 * now is for the caller to see.
 */
int copies_of_hash(struct mirror *m, const char *hash, struct copy *out,
    int cap, struct vs_err *err);

/* Nothing of ours stands at path any more. */
int copies_drop(struct mirror *m, const char *path, struct vs_err *err);

/* A pull makes the folder at path. */
int copies_made(struct mirror *m, const char *path, struct vs_err *err);

/* 1 if one did, 0, negative. */
int copies_is_made(struct mirror *m, const char *path, struct vs_err *err);

/* The folder is gone. */
int copies_unmade(struct mirror *m, const char *path, struct vs_err *err);

#endif
