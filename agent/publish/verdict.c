#include "agent/publish/verdict.h"

#include <string.h>
#include <strings.h>

#include "common/base/err.h"
#include "common/base/json.h"

void verdict_error_code(char *out, size_t cap, const char *body, size_t len)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-.";
	struct vs_err err = VS_ERR_INIT;
	const char *code = "";
	json_t *doc;

	out[0] = '\0';
	doc = len > 0 ? vs_json_parse(body, len, &err) : NULL;
	if (doc == NULL)
		return;
	if (json_is_object(doc))
		vs_json_get_str(doc, "code", false, &code, &err);
	/* it is shown to people: no stranger writes them sentences */
	if (code[strspn(code, word)] == '\0' && strlen(code) < cap)
		memcpy(out, code, strlen(code) + 1);
	json_decref(doc);
}

bool verdict_follows(struct vs_batch_mark *m, const char *body, size_t len)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = len > 0 ? vs_json_parse(body, len, &err) : NULL;
	bool found = false;

	if (!json_is_object(doc) ||
	    vs_batch_read_follows(doc, m, &found, &err) < 0)
		found = false;
	json_decref(doc);
	return found;
}

int64_t verdict_due(const char *body, size_t len)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = len > 0 ? vs_json_parse(body, len, &err) : NULL;
	int64_t due = 0;

	if (!json_is_object(doc) ||
	    vs_json_get_i64(doc, "expected", false, &due, &err) < 0)
		due = 0;
	json_decref(doc);
	return due;
}

static enum verdict conflict(const char *body, size_t len)
{
	char code[64];

	verdict_error_code(code, sizeof(code), body, len);
	if (strcmp(code, "stale_epoch") == 0)
		return VERDICT_STALE;
	if (strcmp(code, "epoch_order") == 0)
		return VERDICT_ORDER;
	if (strcmp(code, "not_publisher") == 0)
		return VERDICT_NOT_PUBLISHER;
	if (strncmp(code, "batch_", 6) == 0)
		return VERDICT_RESYNC;
	return VERDICT_RETRY;
}

/* A 404 counts only when it speaks our language: a proxy's does not. */
static enum verdict not_found(const char *body, size_t len)
{
	char code[64];

	verdict_error_code(code, sizeof(code), body, len);
	return code[0] != '\0' ? VERDICT_GONE : VERDICT_RETRY;
}

enum verdict verdict_of(
    int code, long status, const char *type, const char *body, size_t len)
{
	bool json = strncasecmp(type, "application/json", 16) == 0;

	if (code < 0)
		return VERDICT_RETRY;
	if (status >= 200 && status <= 299)
		return json ? VERDICT_READ : VERDICT_RETRY;
	switch (status) {
	case 400:
	case 413:
	case 422:
		return status != 413 && !json ? VERDICT_RETRY : VERDICT_SPLIT;
	case 401:
		return VERDICT_AUTH;
	case 403:
		return json ? VERDICT_FORBIDDEN : VERDICT_RETRY;
	case 404:
		return not_found(body, len);
	case 409:
		return conflict(body, len);
	default:
		return VERDICT_RETRY;
	}
}
