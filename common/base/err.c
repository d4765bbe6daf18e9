#include "common/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_entry {
	int code;
	const char *name;
	const char *text;
};

static const struct err_entry err_table[] = { { VS_OK, "VS_OK", "ok" },
#define VS_ERR_ENTRY(name, number, text) { name, #name, text },
	VS_ERR_MAP(VS_ERR_ENTRY)
#undef VS_ERR_ENTRY
};

static const struct {
	int errnum;
	int code;
} err_errno_table[] = {
	{ EINVAL, VS_EINVAL },
	{ EISDIR, VS_EINVAL },
	{ ENOMEM, VS_ENOMEM },
	{ ENOBUFS, VS_ENOMEM },
	{ ENOENT, VS_ENOENT },
	{ EEXIST, VS_EEXIST },
	{ ENOTEMPTY, VS_EEXIST },
	{ EACCES, VS_EACCES },
	{ EPERM, VS_EACCES },
	{ ENOSPC, VS_ENOSPC },
	{ EDQUOT, VS_ENOSPC },
	{ EROFS, VS_EROFS },
	{ EBUSY, VS_EBUSY },
	{ ETXTBSY, VS_EBUSY },
	{ EADDRINUSE, VS_EBUSY },
	{ EMFILE, VS_ELIMIT },
	{ ENFILE, VS_ELIMIT },
	{ E2BIG, VS_ELIMIT },
	{ EFBIG, VS_ELIMIT },
	{ EMLINK, VS_ELIMIT },
	{ EOVERFLOW, VS_ELIMIT },
	{ ENAMETOOLONG, VS_EPATH },
	{ EILSEQ, VS_EPATH },
	{ ECONNREFUSED, VS_ENET },
	{ ECONNRESET, VS_ENET },
	{ ECONNABORTED, VS_ENET },
	{ ENETUNREACH, VS_ENET },
	{ ENETDOWN, VS_ENET },
	{ EHOSTUNREACH, VS_ENET },
	{ EADDRNOTAVAIL, VS_ENET },
	{ EPIPE, VS_ENET },
	{ ENOTCONN, VS_ENET },
	{ ETIMEDOUT, VS_ETIMEDOUT },
	{ ECANCELED, VS_ECANCELED },
	{ EXDEV, VS_EXDEV },
	{ ELOOP, VS_ELOOP },
	{ ENOTDIR, VS_ENOTDIR },
	{ EAGAIN, VS_EAGAIN },
	{ EINTR, VS_EAGAIN },
	{ ENOSYS, VS_ENOTSUP },
	{ EOPNOTSUPP, VS_ENOTSUP },
	{ ENODEV, VS_ENOTSUP },
	{ ENXIO, VS_ENOTSUP },
};

/* Where to cut at most len bytes of s without halving a UTF-8 sequence. */
static size_t err_cut(const char *s, size_t len)
{
	size_t i = len;

	while (i > 0 && len - i < 4 && ((unsigned char)s[i] & 0xC0) == 0x80)
		i--;
	return ((unsigned char)s[i] & 0xC0) == 0x80 ? len : i;
}

/* Puts s into msg, cut to fit. */
static void err_store(struct vs_err *err, const char *s)
{
	size_t len = strlen(s);

	if (len >= sizeof(err->msg))
		len = err_cut(s, sizeof(err->msg) - 1);
	memmove(err->msg, s, len);
	err->msg[len] = '\0';
}

/* Twice the size of a message: enough to see where to cut. */
#define ERR_WORK (2 * VS_ERR_MSG)

int vs_err_set(struct vs_err *err, int code, const char *fmt, ...)
{
	char work[ERR_WORK];
	va_list ap;

	assert(code < 0);
	if (err == NULL)
		return code;
	va_start(ap, fmt);
	vsnprintf(work, sizeof(work), fmt, ap);
	va_end(ap);
	err->code = code;
	err_store(err, work);
	return code;
}

/* Prints what stands in front of a cause; returns its length, cut to fit. */
static size_t err_context(char work[ERR_WORK], const char *fmt, va_list ap)
{
	int len = vsnprintf(work, ERR_WORK, fmt, ap);

	if (len < 0)
		return 0;
	if (len >= VS_ERR_MSG)
		return err_cut(work, VS_ERR_MSG - 1);
	return (size_t)len;
}

int vs_err_errno(struct vs_err *err, int errnum, const char *fmt, ...)
{
	char work[ERR_WORK];
	va_list ap;
	size_t len;

	assert(errnum > 0);
	if (err == NULL)
		return vs_err_of_errno(errnum);
	va_start(ap, fmt);
	len = err_context(work, fmt, ap);
	va_end(ap);
	snprintf(work + len, sizeof(work) - len, ": %s", strerror(errnum));
	err->code = vs_err_of_errno(errnum);
	err_store(err, work);
	return err->code;
}

int vs_err_wrap(struct vs_err *err, const char *fmt, ...)
{
	char work[ERR_WORK];
	va_list ap;
	size_t len;

	assert(err != NULL);
	va_start(ap, fmt);
	len = err_context(work, fmt, ap);
	va_end(ap);
	snprintf(work + len, sizeof(work) - len, ": %s", err->msg);
	err_store(err, work);
	return err->code;
}

void vs_err_clear(struct vs_err *err)
{
	if (err == NULL)
		return;
	err->code = VS_OK;
	err->msg[0] = '\0';
}

int vs_err_of_errno(int errnum)
{
	size_t n = sizeof(err_errno_table) / sizeof(err_errno_table[0]);

	for (size_t i = 0; i < n; i++) {
		if (err_errno_table[i].errnum == errnum)
			return err_errno_table[i].code;
	}
	return VS_EIO;
}

static const struct err_entry *err_find(int code)
{
	size_t n = sizeof(err_table) / sizeof(err_table[0]);

	for (size_t i = 0; i < n; i++) {
		if (err_table[i].code == code)
			return &err_table[i];
	}
	return NULL;
}

const char *vs_err_name(int code)
{
	const struct err_entry *e = err_find(code);

	return e != NULL ? e->name : "VS_E?";
}

const char *vs_err_text(int code)
{
	const struct err_entry *e = err_find(code);

	return e != NULL ? e->text : "VS_E?";
}
