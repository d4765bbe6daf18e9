/*
 * What happened, as one number: every step of a run goes into a running
 * hash, so that two runs of one seed can be told equal; and as text.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace {
	uint64_t hash;
	bool print; /* lines to standard output */
	int64_t lines;
};

void trace_init(struct trace *t, bool print);

/* One line; at is its virtual moment in ms. */
void trace_add(struct trace *t, int64_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A number for bytes that would be too long for a line. */
uint64_t trace_digest(const void *data, size_t len);

#endif
