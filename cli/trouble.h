/*
 * What went wrong with a command: what, why, and what to do about it, with
 * the exit code.  Made where it happens, reported once, by main.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/err.h"
#include "common/proto/control.h"

#define TROUBLE_TEXT 512 /* bytes of a hint, NUL included */

struct trouble {
	struct vs_err err; /* what and why; VS_OK: nothing went wrong */
	enum vs_exit exit; /* VS_EXIT_OK only with VS_OK */
	char name[48]; /* for programs: "no_agent" */
	char hint[TROUBLE_TEXT]; /* what to do, or "" */
	char path[TROUBLE_TEXT]; /* the path it is about, or "" */
	bool told; /* standard output has its document already */
};

/* Initialiser: struct trouble f = TROUBLE_INIT; */
#define TROUBLE_INIT \
	{ \
		.err = VS_ERR_INIT \
	}

/* Sets all but hint and path, which become ""; returns code (negative). */
int trouble_set(struct trouble *f, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A wrong command line: exit 2; returns VS_EINVAL. */
int trouble_usage(struct trouble *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* From an error of common/; returns its code. */
int trouble_of_err(struct trouble *f, const struct vs_err *err);

/*
 * From an answer of the agent that is not ok.  What is missing or of a wrong
 * type in it is filled in from status.  Returns a negative code.
 */
int trouble_of_reply(struct trouble *f, const json_t *doc, long status);

/* Whether n is an exit code of a failure; no other number is passed on. */
bool trouble_exit_known(int64_t n);

/* What to do about it; there must be trouble. */
void trouble_hint(struct trouble *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Adds "ok", and on trouble "error" and "exit", to doc: what every document
 * on standard output says at its end.  VS_ENOMEM.
 */
int trouble_into(const struct trouble *f, json_t *doc);

#endif
