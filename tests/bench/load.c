#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/hex.h"

enum load_kind load_kind_parse(const char *name)
{
	if (strcmp(name, "growing") == 0)
		return LOAD_GROWING;
	if (strcmp(name, "rename") == 0)
		return LOAD_RENAME;
	if (strcmp(name, "random") != 0)
		load_die(name, "no kind of load");
	return LOAD_RANDOM;
}

/* Spreads n over all 64 bits; the same for the same n. */
static uint64_t scatter(uint64_t n)
{
	n += 0x9E3779B97F4A7C15U;
	n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9U;
	n = (n ^ (n >> 27)) * 0x94D049BB133111EBU;
	return n ^ (n >> 31);
}

static void name_it(char out[96], const char *top, uint64_t n)
{
	snprintf(out, 96, "%s/day-%03u/camera-%02u/clip-%07u.mov", top,
	    (unsigned)(n / 10000), (unsigned)(n / 500 % 20), (unsigned)n);
}

/* A new file, or new content of one. */
static void fill_row(struct load_row *row, uint64_t path, uint64_t n)
{
	uint64_t words[4];

	for (int i = 0; i < 4; i++)
		words[i] = scatter(4 * n + (uint64_t)i);
	name_it(row->path, "footage", path);
	vs_hex_encode(row->hash, (const uint8_t *)words, sizeof(words));
	row->c.op = VS_OP_CREATE;
	row->c.hash = row->hash;
	row->c.size = (int64_t)(words[0] % 1000000000);
	row->c.has_mtime = true;
	row->c.mtime_us = 1763000000000000 + (int64_t)n * 1001;
	row->c.mode = 0644;
}

void load_row(struct load_row *row, enum load_kind kind, uint64_t n)
{
	memset(row, 0, sizeof(*row));
	row->c.path = row->path;
	row->c.kind = VS_KIND_FILE;
	row->c.mode = -1;
	row->c.base_version = -1;
	row->c.op = VS_OP_DELETE;
	switch (kind) {
	case LOAD_GROWING:
		fill_row(row, n, n);
		break;
	case LOAD_RANDOM:
		fill_row(row, scatter(n) % LOAD_PATHS, n);
		break;
	case LOAD_RENAME:
		fill_row(row, n / 2, n / 2);
		row->c.op = n % 2 == 0 ? VS_OP_CREATE : VS_OP_DELETE;
		if (n % 2 != 0) {
			row->c.hash = NULL;
			row->c.size = 0;
			row->c.has_mtime = false;
			row->c.mode = -1;
			break;
		}
		name_it(row->from, "footage", n / 2);
		name_it(row->path, "archive", n / 2);
		row->c.renamed_from = row->from;
		break;
	}
}

double load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn void load_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}
