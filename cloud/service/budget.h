/*
 * How far a project may shrink before a person is asked.  Pure.
 *
 * Files are counted against a baseline: the most live ones there have been
 * since the last approval.  What is counted is the net loss, so that years
 * of churn and renames never add up to anything.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* The fewest live files that may remain; 0 for a small project. */
int64_t budget_floor(int64_t baseline);

/* True if a deletion that leaves live files needs no approval. */
bool budget_allows(int64_t baseline, int64_t live);

#endif
