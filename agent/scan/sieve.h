/*
 * Many rules made ready to be asked at once: by the letter a name begins or
 * ends with, or its whole, nearly all of them are left out unread.  Pure.
 */
#ifndef SIEVE_H
#define SIEVE_H

#include <stddef.h>

#include "agent/scan/rule.h"
#include "common/base/err.h"

#define SIEVE_NONE SIZE_MAX

struct sieve;

/* rules: borrowed, in their order, unchanged while the sieve lives. */
int sieve_new(struct sieve **out, const struct rule *rules, size_t count,
    struct vs_err *err);

/* The rules stay.  NULL is nothing. */
void sieve_free(struct sieve *s);

/* Rules from first up to but without end are not asked. */
struct sieve_gap {
	size_t first, end;
};

/* What is said of one path itself, nothing of the folders it lies in. */
struct sieve_found {
	size_t self; /* first rule that describes it, or SIEVE_NONE */
	size_t below; /* first that describes it or what is below */
};

/* Takes no memory; path has len bytes. */
struct sieve_found sieve_find(const struct sieve *s, const char *path,
    size_t len, const struct sieve_gap *gap);

#endif
