#include "agent/control/refusal.h"

#include <assert.h>
#include <stddef.h>

#include "common/proto/control.h"

struct refusal {
	int code;
	const char *name;
	int status;
	const char *hint;
};

#define LOGIN "run vsync login URL with a valid token"
#define SERVER "is the server running, and is its URL right? (vsync status)"

static const struct refusal refusals[] = {
	{ VS_EINVAL, "invalid", 400, NULL },
	{ VS_EPATH, "bad_path", 400, NULL },
	{ VS_ENOMEM, "out_of_memory", 503, NULL },
	{ VS_ENOENT, "not_found", 404, NULL },
	{ VS_EEXIST, "exists", 409, NULL },
	{ VS_EACCES, "permission", 403, "check the folder's permissions" },
	{ VS_EIO, "io", 503, "check the disk; the system's log may say more" },
	{ VS_ENOSPC, "no_space", 507, "make room on the disk" },
	{ VS_EROFS, "read_only", 403, "the file system is read-only" },
	{ VS_EBUSY, "busy", 503, "try again" },
	{ VS_ELIMIT, "limit", 413, NULL },
	{ VS_ECORRUPT, "corrupt", 500, NULL },
	{ VS_ESCHEMA, "newer_schema", 500,
	    "install the newer version of vsync again" },
	{ VS_EPROTO, "protocol", 502, SERVER },
	{ VS_ENET, "network", 502, SERVER },
	{ VS_ETIMEDOUT, "timeout", 504, NULL },
	{ VS_ECANCELED, "cancelled", 503, "the agent is stopping" },
	{ VS_EAUTH, "auth", 403, LOGIN },
	{ VS_EFORBIDDEN, "forbidden", 403, NULL },
	{ VS_ECONFLICT, "conflict", 409, NULL },
	{ VS_ENOTDIR, "not_a_directory", 400, NULL },
	{ VS_ECHANGED, "changed", 503, "try again" },
	{ VS_EAGAIN, "try_again", 503, "try again in a moment" },
	{ VS_ECONFIG, "config", 409, NULL },
	{ VS_EROOT, "root_lost", 409,
	    "mount or restore the folder, then run vsync rescan" },
	{ VS_ENOTSUP, "not_supported", 409, NULL },
	{ VS_EHELD, "held", 409,
	    "see vsync held, then approve or reject them" },
};

static const struct refusal *refusal_of(int code)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].code == code)
			return &refusals[i];
	return NULL;
}

const char *refusal_code(int code)
{
	const struct refusal *r = refusal_of(code);

	return r != NULL ? r->name : "error";
}

const char *refusal_hint(int code)
{
	const struct refusal *r = refusal_of(code);

	return r != NULL ? r->hint : NULL;
}

int refusal_status(int code)
{
	const struct refusal *r = refusal_of(code);

	return r != NULL ? r->status : 500;
}

/* A path that is refused is a wrong argument here, whatever it is to a pull. */
static enum vs_exit refusal_exit(int code)
{
	return code == VS_EPATH ? VS_EXIT_USAGE : vs_control_exit(code);
}

json_t *refusal_document(
    const struct vs_err *err, const char *hint, const char *path)
{
	assert(err->code < 0);
	if (hint == NULL)
		hint = refusal_hint(err->code);
	return json_pack("{s:i, s:b, s:{s:s, s:s, s:s?, s:s?}, s:i}", "schema",
	    VS_CONTROL_SCHEMA, "ok", 0, "error", "code",
	    refusal_code(err->code), "message", err->msg, "hint", hint, "path",
	    path, "exit", (int)refusal_exit(err->code));
}
