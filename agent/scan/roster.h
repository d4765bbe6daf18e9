/*
 * The names of one folder with their stats, in one block each, so that a
 * million folders cost a million listings but no allocation a name.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/scan/disk.h"

struct roster_row {
	size_t name; /* where it begins in text */
	struct disk_stat stat;
};

/* Zeroed is empty. */
struct roster {
	struct roster_row *row;
	size_t count;
	size_t cap;
	char *text;
	size_t len;
	size_t room;
};

/* Forgets the names and keeps the memory, up to some hundred KiB of it. */
void roster_reset(struct roster *r);

/* Frees all; it is empty then. */
void roster_release(struct roster *r);

/* Copies one more name; 0 or VS_ENOMEM. */
int roster_add(struct roster *r, const char *name, const struct disk_stat *st);

/* Into the order of the names' bytes; 0 or VS_ENOMEM. */
int roster_sort(struct roster *r);

/* The name of row i; valid until the next roster_add. */
const char *roster_name(const struct roster *r, size_t i);

/* Whether name is there; of a sorted one only. */
bool roster_has(const struct roster *r, const char *name);

#endif
