/*
 * JSON read where it stands: a cursor over a text that may be written to,
 * for the few long messages of regular form whose parsing is most of their
 * cost.  It knows no more than it must: what it takes is what vs_json_parse
 * would take, with the same values, and whatever else there is (an escape it
 * does not know, a number of another form) makes it bad.  Whoever uses it
 * then reads an untouched copy by vs_json_parse, which has the last word; so
 * nothing here ever refuses a message.
 *
 * Failure is sticky: after the first thing that is not as asked for,
 * everything gives nothing, and vs_jtext_good tells.
 */
#ifndef VS_JTEXT_H
#define VS_JTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vs_jtext {
	char *p; /* where it reads */
	char *end; /* of the text */
	bool first; /* nothing of the open bracket was read yet */
	bool bad;
};

/* text has len bytes, borrowed, and is changed by what is read of it. */
void vs_jtext_init(struct vs_jtext *t, char *text, size_t len);

/* Opens an object. */
void vs_jtext_object(struct vs_jtext *t);

/* The next member's key; NULL behind the last one (closed) or when bad. */
const char *vs_jtext_key(struct vs_jtext *t);

/* Opens an array. */
void vs_jtext_array(struct vs_jtext *t);

/* True before an element; false behind the last one (closed) or when bad. */
bool vs_jtext_more(struct vs_jtext *t);

/* A string, NUL-ended in place, valid UTF-8; "" when bad. */
const char *vs_jtext_str(struct vs_jtext *t);

/* An integer of at most 18 digits; 0 when bad. */
int64_t vs_jtext_int(struct vs_jtext *t);

/*
 * A number as its thousandths: an integer of at most 15 digits, or one of at
 * most 13 with one to three digits behind the point; 0 when bad.
 */
int64_t vs_jtext_milli(struct vs_jtext *t);

/* Passes the word true. */
void vs_jtext_true(struct vs_jtext *t);

/* True when all went well so far. */
bool vs_jtext_good(const struct vs_jtext *t);

/* True when all went well and only blanks are left. */
bool vs_jtext_end(struct vs_jtext *t);

/* Which of names, of count, key is, looked for from *hint on, which moves
 * behind it; -1 for none. */
int vs_jtext_find(
    const char *const *names, int count, const char *key, int *hint);

#endif
