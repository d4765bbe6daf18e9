#include "cloud/service/fault.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/path.h"

struct fault_entry {
	int status;
	const char *code;
};

static const struct fault_entry faults[] = { [FAULT_NONE] = { 200, "" },
#define FAULT_ENTRY(name, status, code) [name] = { status, code },
	FAULT_MAP(FAULT_ENTRY)
#undef FAULT_ENTRY
};

int fault_set(struct fault *f, enum fault_kind kind, const char *field,
    const char *fmt, ...)
{
	va_list ap;

	assert(kind != FAULT_NONE);
	f->kind = kind;
	f->expected = 0;
	f->linked = false;
	(void)snprintf(f->field, sizeof(f->field), "%s", field);
	va_start(ap, fmt);
	(void)vsnprintf(f->error, sizeof(f->error), fmt, ap);
	va_end(ap);
	/* what was cut in the middle of a character must not leave as JSON */
	while (!vs_path_utf8(f->error, strlen(f->error)))
		f->error[strlen(f->error) - 1] = '\0';
	return VS_EINVAL;
}

int fault_failed(struct fault *f, int code)
{
	assert(code < 0);
	switch (code) {
	case VS_ENOSPC:
		return fault_set(f, FAULT_NO_SPACE, "",
		    "the server's disk is full; try again later");
	case VS_EBUG:
		return fault_set(f, FAULT_INTERNAL, "", "internal error");
	case VS_ELIMIT:
		return fault_set(f, FAULT_INTERNAL, "",
		    "the answer is larger than the server makes");
	default:
		return fault_set(f, FAULT_UNAVAILABLE, "",
		    "the server's database is not available; "
		    "try again later");
	}
}

int fault_store(struct fault *f, const struct vs_err *err)
{
	vs_log(VS_LOG_ERR, "store: %s: %s", vs_err_name(err->code), err->msg);
	return fault_failed(f, err->code);
}

int fault_status(enum fault_kind kind)
{
	return faults[kind].status;
}

void fault_write(struct vs_buf *b, const struct fault *f)
{
	assert(f->kind != FAULT_NONE);
	vs_buf_addstr(b, "{\"error\":");
	vs_json_add_str(b, f->error);
	vs_buf_addf(b, ",\"code\":\"%s\"", faults[f->kind].code);
	if (f->field[0] != '\0') {
		vs_buf_addstr(b, ",\"field\":");
		vs_json_add_str(b, f->field);
	}
	if (f->expected > 0)
		vs_buf_addf(b, ",\"expected\":%" PRId64, f->expected);
	if (f->linked) {
		vs_buf_addch(b, ',');
		vs_batch_put_follows(b, &f->follows);
	}
	vs_buf_addstr(b, "}");
}
