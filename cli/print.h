/*
 * A stream that people or programs read: colours and quotes on a terminal
 * only, and the first error of writing kept, so that a command checks once.
 */
#ifndef PRINT_H
#define PRINT_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

#include "cli/trouble.h"

enum print_when { PRINT_AUTO, PRINT_ALWAYS, PRINT_NEVER };

enum print_ink {
	PRINT_PLAIN,
	PRINT_GOOD,
	PRINT_WARN,
	PRINT_BAD,
	PRINT_DIM,
	PRINT_BOLD,
};

struct print {
	FILE *f; /* borrowed */
	bool terminal; /* f is one */
	bool color; /* inks show */
	bool quote; /* names are quoted */
	int error; /* errno of the first write that failed, or 0 */
};

/*
 * when is what --color says; PRINT_AUTO asks the terminal, NO_COLOR (set and
 * not empty: none) and TERM (dumb: none).
 */
void print_init(struct print *p, FILE *f, enum print_when when);

/* Text of our own, as printf(3). */
void print_f(struct print *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Text of our own in a colour. */
void print_ink(struct print *p, enum print_ink ink, const char *text);

/* A name from outside: quoted where the stream is a terminal, else raw. */
void print_name(struct print *p, const char *name);

/* A message from outside: on one line, nothing in it drives a terminal. */
void print_text(struct print *p, const char *text);

/*
 * A word from outside in a colour, on one line and safe like a message, with
 * blanks up to width.
 */
void print_word(
    struct print *p, enum print_ink ink, const char *word, size_t width);

/* One document on a line of its own. */
void print_json(struct print *p, const json_t *doc);

/* Writes out what is buffered.  0 or the errno of the first failure. */
int print_flush(struct print *p);

/* The trouble on p: "vsync: what: why", and what to do. */
void print_fault(struct print *p, const struct trouble *f);

#endif
