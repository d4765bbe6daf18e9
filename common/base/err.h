/*
 * Errors: one negative code and one message that a person can act on.
 *
 * A function that can fail returns 0 or a negative VS_E* code.  Where the
 * caller needs to know more than the code, the function takes a struct
 * vs_err and fills it; each level on the way up may put its own context in
 * front ("open manifest /x: locked").  The place that absorbs the error
 * reports it, once.
 */
#ifndef VS_ERR_H
#define VS_ERR_H

#include <stddef.h>

/* X(name, number, text): every code there is.  Numbers never change. */
#define VS_ERR_MAP(X) \
	X(VS_EINVAL, -1, "invalid argument") \
	X(VS_ENOMEM, -2, "out of memory") \
	X(VS_ENOENT, -3, "not found") \
	X(VS_EEXIST, -4, "already exists") \
	X(VS_EACCES, -5, "permission denied") \
	X(VS_EIO, -6, "input/output error") \
	X(VS_ENOSPC, -7, "no space left") \
	X(VS_EROFS, -8, "read-only file system") \
	X(VS_EBUSY, -9, "busy") \
	X(VS_ELIMIT, -10, "limit exceeded") \
	X(VS_ECORRUPT, -11, "database is corrupt") \
	X(VS_ESCHEMA, -12, "database schema is newer than this program") \
	X(VS_EPROTO, -13, "unexpected answer") \
	X(VS_ENET, -14, "network error") \
	X(VS_ETIMEDOUT, -15, "timed out") \
	X(VS_ECANCELED, -16, "cancelled") \
	X(VS_EAUTH, -17, "token refused") \
	X(VS_EFORBIDDEN, -18, "not allowed") \
	X(VS_ECONFLICT, -19, "conflict") \
	X(VS_EXDEV, -20, "other file system") \
	X(VS_ELOOP, -21, "symbolic link in path") \
	X(VS_ENOTDIR, -22, "not a directory") \
	X(VS_EPATH, -23, "path refused") \
	X(VS_ECHANGED, -24, "changed meanwhile") \
	X(VS_EAGAIN, -25, "try again") \
	X(VS_ECONFIG, -26, "bad configuration") \
	X(VS_EROOT, -27, "root folder is not the one known") \
	X(VS_EHELD, -28, "held for a decision") \
	X(VS_ENOAGENT, -29, "agent not reachable") \
	X(VS_ENOTSUP, -30, "not supported") \
	X(VS_EBUG, -31, "internal error")

enum vs_code {
	VS_OK = 0,
#define VS_ERR_ENUM(name, number, text) name = (number),
	VS_ERR_MAP(VS_ERR_ENUM)
#undef VS_ERR_ENUM
};

#define VS_ERR_MSG 512 /* bytes of a message, NUL included */

struct vs_err {
	int code; /* VS_OK or negative */
	char msg[VS_ERR_MSG]; /* "what: why", no newline; "" with VS_OK */
};

/* Initialiser: struct vs_err err = VS_ERR_INIT; */
#define VS_ERR_INIT \
	{ \
		.code = VS_OK, .msg = "" \
	}

/*
 * Sets code and message (truncated to fit) and returns the code, so that
 * "return vs_err_set(err, VS_EINVAL, ...)" reads well.  err may be NULL:
 * then only the code is returned.
 */
int vs_err_set(struct vs_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Like vs_err_set with the code that errnum (an errno value, errno(3))
 * maps to; ": strerror" is appended to the message.
 */
int vs_err_errno(struct vs_err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message; returns err->code (err not NULL). */
int vs_err_wrap(struct vs_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Back to VS_OK and "".  NULL is nothing. */
void vs_err_clear(struct vs_err *err);

/* The code an errno value maps to; VS_EIO for what is not in the table. */
int vs_err_of_errno(int errnum);

/* "VS_ENOENT"; a static string, "VS_E?" for an unknown code and for VS_OK. */
const char *vs_err_name(int code);

/* "not found"; likewise. */
const char *vs_err_text(int code);

#endif
