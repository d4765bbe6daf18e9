/*
 * The same changes for whoever is measured: numbered batches, each change a
 * function of its number.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/proto/change.h"

#define LOAD_BATCH VS_BATCH_CHANGES

/*
 * LOAD_GROWING: every change is a new path, in the order of a tree.
 * LOAD_RANDOM: every change is new content of one of LOAD_PATHS paths, in no
 * order.  LOAD_RENAME: a path of LOAD_GROWING gets another name, by two
 * changes, one behind the other.
 */
enum load_kind { LOAD_GROWING, LOAD_RANDOM, LOAD_RENAME };

#define LOAD_PATHS 200000

/* A change, with memory of its own. */
struct load_row {
	struct vs_change c;
	char path[96];
	char from[96];
	char hash[VS_HASH_HEX + 1];
};

/* The enum of "growing", "random" or "rename"; all else ends the program. */
enum load_kind load_kind_parse(const char *name);

/* Fills in change number n. */
void load_row(struct load_row *row, enum load_kind kind, uint64_t n);

/* Monotonic seconds. */
double load_now(void);

/* Prints what and why, and ends the program. */
_Noreturn void load_die(const char *what, const char *why);

#endif
