/*
 * A byte buffer that grows up to a ceiling it was given (curl's dynbuf is
 * the idea).  Failure is sticky: after the first append that does not fit,
 * vs_buf_error() is set, the content is kept as it was, and further appends
 * do nothing; so a writer checks once, at the end.
 */
#ifndef VS_BUF_H
#define VS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vs_buf {
	char *data; /* NUL-terminated after any append; NULL while empty */
	size_t len; /* bytes used, NUL not counted */
	size_t cap; /* bytes allocated */
	size_t max; /* ceiling for len */
	int error; /* VS_OK, VS_ENOMEM or VS_ELIMIT */
};

/* max: ceiling in bytes.  Nothing is allocated yet. */
void vs_buf_init(struct vs_buf *b, size_t max);

/* Frees the content; the buffer is as after vs_buf_init.  NULL is nothing. */
void vs_buf_release(struct vs_buf *b);

/* Empties without freeing; clears the error. */
void vs_buf_reset(struct vs_buf *b);

/* Appends len bytes, copied; data may be NULL only when len is 0. */
void vs_buf_add(struct vs_buf *b, const void *data, size_t len);

/* Appends a string without its NUL. */
void vs_buf_addstr(struct vs_buf *b, const char *s);

/* Appends one byte, also '\0'. */
void vs_buf_addch(struct vs_buf *b, char c);

/* Appends v in decimal; much cheaper than by a format. */
void vs_buf_addi(struct vs_buf *b, int64_t v);

/* Appends what printf(3) would print; all of it or nothing. */
void vs_buf_addf(struct vs_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* VS_OK, or what went wrong first. */
int vs_buf_error(const struct vs_buf *b);

/* The content as a string that is never NULL. */
const char *vs_buf_str(const struct vs_buf *b);

/*
 * Hands the content over (malloc'd, NUL-terminated, never NULL unless out of
 * memory or failed before); *len may be NULL.  The buffer is empty again.
 */
char *vs_buf_take(struct vs_buf *b, size_t *len);

#endif
