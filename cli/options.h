/*
 * Options: one catalogue for all verbs, so that a word means the same
 * everywhere; each verb says which of them it takes.  Two may share a letter
 * where no verb takes both.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/trouble.h"
#include "cli/print.h"

enum options_flags {
	OPT_HELP = 1 << 0,
	OPT_COLOR = 1 << 1,
	OPT_PROJECT = 1 << 2,
	OPT_JSON = 1 << 3,
	OPT_LINES = 1 << 4,
	OPT_NULL = 1 << 5,
	OPT_LONG = 1 << 6,
	OPT_RECURSIVE = 1 << 7,
	OPT_CHECK = 1 << 8,
	OPT_DATA = 1 << 9,
	OPT_SINCE = 1 << 10,
	OPT_LIMIT = 1 << 11,
	OPT_TIMEOUT = 1 << 12,
	OPT_IN_SYNC = 1 << 13,
	OPT_YES = 1 << 14,
	OPT_NAME = 1 << 15,
	OPT_DEVICE = 1 << 16,
	OPT_FOLLOW = 1 << 17,
	OPT_EXPIRES = 1 << 18,
	OPT_OUT = 1 << 19,
	OPT_DRY = 1 << 20,
	OPT_FORCE = 1 << 21,
	OPT_NO_WAIT = 1 << 22,
	OPT_PROGRESS = 1 << 23,
	OPT_ALL = 1 << 24,
	OPT_TAKE_OVER = 1 << 25,
	OPT_NEW_MARKER = 1 << 26,
	OPT_VERBOSE = 1 << 27,
	OPT_NON_MATCHING = 1 << 28,
	OPT_STDIN = 1 << 29,
	OPT_ZERO = 1 << 30,
};

#define OPT_LIST_FIRST (1U << 31) /* more than an enumerator may be */

enum options_progress { PROGRESS_AUTO, PROGRESS_JSON, PROGRESS_NONE };

/* Strings are borrowed from argv. */
struct options {
	unsigned given; /* OPT_ flags that stood on the line */
	enum print_when color;
	const char *project;
	const char *name;
	const char *device;
	const char *out;
	enum options_progress progress;
	int64_t since; /* 0 unless given */
	int64_t limit; /* -1: none */
	int64_t timeout_ms; /* -1: none */
	int64_t expires_s; /* seconds, -1: none */
	int first; /* index in argv of what follows the options */
};

/*
 * Reads argv[1..] (argv[0] is the verb's name); takes is what the verb
 * allows, OPT_HELP and OPT_COLOR come with it.  argv is reordered so that
 * options come first; what follows "--" is left alone.
 */
int options_parse(struct options *o, unsigned takes, int argc, char **argv,
    struct trouble *f);

/* "-l, --long" and what it does, a line for each option in takes. */
void options_print(struct print *p, unsigned takes);

/* Whether a document is wanted, also from a line that cannot be parsed. */
bool options_want_json(int argc, char *const *argv);

#endif
