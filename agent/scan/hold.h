/*
 * Whether deletions may leave by themselves.  Pure.
 *
 * The rule looks at what would be left, not at how many deletions there
 * were: a project shrinks from its high-water mark (baseline) by at most
 * max(VS_HOLD_FLOOR, VS_HOLD_PERCENT of it) before a person is asked.  So
 * years of ordinary churn, renames and temporary files never add up to a
 * question, while an emptied or lost disk always does.
 */
#ifndef HOLD_H
#define HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_ALL_FROM 10 /* files from which "everything" is held, too */

struct hold_view {
	int64_t live; /* files the cloud has */
	int64_t baseline; /* the most it had since the last approval */
	int64_t creates; /* pending files it does not have */
	int64_t deletes; /* pending deletions of files it has */
};

/* True if the pending deletions wait for a person. */
bool hold_decide(const struct hold_view *v);

#endif
