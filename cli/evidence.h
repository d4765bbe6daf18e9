/*
 * What the agent says of one project, and whether it proves that folder and
 * cloud are the same: nobody says "in sync" without it.  Pure.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/print.h"
#include "common/base/err.h"

/* Strings are borrowed from the document; "" or 0 where it is silent. */
struct evidence {
	const char *id, *name, *root, *state;
	bool member; /* of somebody else's project: it follows and pulls */
	const char *last_scan_at, *last_ack_at; /* NULL: never */
	const char *watcher; /* what tells of changes; NULL: not known */
	const json_t *problems, *refused; /* arrays or NULL */
	const json_t *copies; /* of conflicts, the first paths, or NULL */
	bool claimed; /* the agent says that it is in sync */
	bool scanning;
	int tree_equal; /* 1 yes, 0 no, -1 not compared */
	double coverage; /* share of the folders that is watched */
	int64_t files, directories, bytes, dirs_watched, overflows;
	int64_t conflicts; /* copies, all of them */
	int64_t settling, hashing, recording, outbox, in_flight, held;
	int64_t last_seq, lag_ms;
	int64_t here_files, here_bytes; /* of a member's files and bytes */
	int64_t pulls, pull_bytes; /* under way, and still to come */
};

/* VS_EINVAL if project is not what the protocol says. */
int evidence_read(
    struct evidence *e, const json_t *project, struct vs_err *err);

/* NULL when it is proven to be in sync, else the first thing that lacks. */
const char *evidence_lacks(const struct evidence *e);

/* How bad it is: 0 is in sync without a problem; the worst sorts first. */
int evidence_rank(const struct evidence *e);

/* Whether it has a problem that is an error or a warning. */
bool evidence_degraded(const struct evidence *e);

/*
 * Its state as people read it: "in_sync" of the agent alone is "unproven",
 * or with a problem "in sync, degraded"; blanks for underscores.
 */
#define EVIDENCE_STATE 32 /* bytes, NUL included */
void evidence_state(const struct evidence *e, char state[EVIDENCE_STATE]);

/* The same in the colour of its rank. */
void evidence_print_state(struct print *p, const struct evidence *e);

/* The facts on one line. */
void evidence_print(struct print *p, const struct evidence *e, int64_t now_ms);

#endif
