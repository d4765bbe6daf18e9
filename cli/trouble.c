#include "cli/trouble.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"

/* Names for programs, of the codes that this side makes itself. */
static const char *name_of(int code)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{ VS_EINVAL, "invalid" },
		{ VS_ENOMEM, "out_of_memory" },
		{ VS_ENOENT, "not_found" },
		{ VS_EACCES, "permission" },
		{ VS_EIO, "io" },
		{ VS_ENOSPC, "no_space" },
		{ VS_EPROTO, "protocol" },
		{ VS_ENET, "network" },
		{ VS_ETIMEDOUT, "timeout" },
		{ VS_ECANCELED, "cancelled" },
		{ VS_ECONFLICT, "conflict" },
		{ VS_EPATH, "bad_path" },
		{ VS_EAGAIN, "not_in_sync" },
		{ VS_ECONFIG, "config" },
		{ VS_EHELD, "held" },
		{ VS_ENOAGENT, "no_agent" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return "error";
}

static void fill(struct trouble *f, int code, const char *fmt, va_list ap)
{
	char msg[VS_ERR_MSG];

	assert(code < 0);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	vs_err_set(&f->err, code, "%s", msg);
	f->exit = vs_control_exit(code);
	snprintf(f->name, sizeof(f->name), "%s", name_of(code));
	f->hint[0] = '\0';
	f->path[0] = '\0';
	f->told = false;
}

int trouble_set(struct trouble *f, int code, const char *fmt, ...)
{
	va_list ap;

	assert(code != VS_OK);
	va_start(ap, fmt);
	fill(f, code, fmt, ap);
	va_end(ap);
	return code;
}

int trouble_usage(struct trouble *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, VS_EINVAL, fmt, ap);
	va_end(ap);
	f->exit = VS_EXIT_USAGE;
	snprintf(f->name, sizeof(f->name), "usage");
	return VS_EINVAL;
}

int trouble_of_err(struct trouble *f, const struct vs_err *err)
{
	assert(err->code < 0);
	return trouble_set(f, err->code, "%s", err->msg);
}

void trouble_hint(struct trouble *f, const char *fmt, ...)
{
	va_list ap;

	assert(f->err.code < 0);
	va_start(ap, fmt);
	vsnprintf(f->hint, sizeof(f->hint), fmt, ap);
	va_end(ap);
}

bool trouble_exit_known(int64_t n)
{
	switch (n) {
	case VS_EXIT_ERROR:
	case VS_EXIT_USAGE:
	case VS_EXIT_NOT_IN_SYNC:
	case VS_EXIT_NOT_FOUND:
	case VS_EXIT_AGAIN:
	case VS_EXIT_PERMISSION:
	case VS_EXIT_DECIDE:
	case VS_EXIT_LIMIT:
	case VS_EXIT_VERIFY:
	case VS_EXIT_NO_AGENT:
	case VS_EXIT_TEMPFAIL:
	case VS_EXIT_CONFIG:
		return true;
	default:
		return false;
	}
}

int trouble_of_reply(struct trouble *f, const json_t *doc, long status)
{
	json_t *error = json_object_get(doc, "error");
	const char *code = NULL, *msg = NULL, *hint = NULL, *path = NULL;
	int64_t n = 0;

	if (json_is_object(error)) {
		vs_json_get_str(error, "code", false, &code, NULL);
		vs_json_get_str(error, "message", false, &msg, NULL);
		vs_json_get_str(error, "hint", false, &hint, NULL);
		vs_json_get_str(error, "path", false, &path, NULL);
	}
	vs_json_get_i64(doc, "exit", false, &n, NULL);
	if (msg != NULL)
		trouble_set(f, VS_EPROTO, "%s", msg);
	else
		trouble_set(f, VS_EPROTO,
		    "the agent refused and did not say why (status %ld)",
		    status);
	f->exit = trouble_exit_known(n) ? (enum vs_exit)n : VS_EXIT_ERROR;
	if (code != NULL)
		snprintf(f->name, sizeof(f->name), "%s", code);
	snprintf(f->hint, sizeof(f->hint), "%s", hint ? hint : "");
	snprintf(f->path, sizeof(f->path), "%s", path ? path : "");
	return f->err.code;
}

/* Text that may have been cut inside a character still makes a document. */
static json_t *text(const char *s)
{
	size_t len = strlen(s);
	json_t *v = json_stringn(s, len);

	for (int cut = 0; v == NULL && len > 0 && cut < 4; cut++)
		v = json_stringn(s, --len);
	return v != NULL ? v : json_string("(not UTF-8)");
}

static json_t *text_or_null(const char *s)
{
	return s[0] != '\0' ? text(s) : json_null();
}

int trouble_into(const struct trouble *f, json_t *doc)
{
	bool ok = f->exit == VS_EXIT_OK;

	assert(ok == (f->err.code == VS_OK));
	if (json_object_set_new(doc, "ok", json_boolean(ok)) != 0)
		return VS_ENOMEM;
	if (ok)
		return VS_OK;
	json_t *error = json_object();
	if (error == NULL ||
	    json_object_set_new(error, "code", text(f->name)) != 0 ||
	    json_object_set_new(error, "message", text(f->err.msg)) != 0 ||
	    json_object_set_new(error, "hint", text_or_null(f->hint)) != 0 ||
	    json_object_set_new(error, "path", text_or_null(f->path)) != 0) {
		json_decref(error);
		return VS_ENOMEM;
	}
	if (json_object_set_new(doc, "error", error) != 0 ||
	    json_object_set_new(doc, "exit", json_integer(f->exit)) != 0)
		return VS_ENOMEM;
	return VS_OK;
}
