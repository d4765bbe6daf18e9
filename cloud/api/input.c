/*
 * The query is decoded once and byte by byte; what is no valid escape stands
 * for itself.  Whether the bytes make sense is for whoever asked for them.
 */
#include "cloud/api/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"

#define NUMBER_MAX 24 /* bytes of a number's text */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* len bytes at p, decoded once; false if they hold a NUL. */
static bool decode(struct vs_buf *out, const char *p, size_t len)
{
	const char *end = p + len;
	char c;

	while (p < end) {
		c = *p++;
		if (c == '+') {
			c = ' ';
		} else if (c == '%' && end - p >= 2 && hex_digit(p[0]) >= 0 &&
		    hex_digit(p[1]) >= 0) {
			c = (char)(hex_digit(p[0]) * 16 + hex_digit(p[1]));
			p += 2;
		}
		if (c == '\0')
			return false;
		vs_buf_addch(out, c);
	}
	return true;
}

int input_text(struct call *call, const struct input *in, const char *key,
    struct vs_buf *out, bool *found)
{
	const char *p = in->request->query;
	size_t len, klen = strlen(key);

	*found = false;
	for (; *p != '\0'; p += len + (p[len] == '&')) {
		len = strcspn(p, "&");
		if (len <= klen || p[klen] != '=' || strncmp(p, key, klen) != 0)
			continue;
		*found = true;
		if (decode(out, p + klen + 1, len - klen - 1) &&
		    vs_buf_error(out) == VS_OK)
			return VS_OK;
		return fault_set(&call->fault, FAULT_FIELD, key,
		    "%s: too long, or with a NUL", key);
	}
	return VS_OK;
}

int input_number(struct call *call, const struct input *in, const char *key,
    int64_t min, int64_t *out)
{
	struct vs_buf text;
	const char *s;
	char *end;
	long long n;
	bool found;
	int rc;

	assert(min >= 0);
	vs_buf_init(&text, NUMBER_MAX);
	rc = input_text(call, in, key, &text, &found);
	if (rc != VS_OK || !found)
		goto out;
	s = vs_buf_str(&text);
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno != 0 || *end != '\0' || s[0] < '0' || s[0] > '9' || n < min)
		rc = fault_set(&call->fault, FAULT_FIELD, key,
		    "%s: must be a number, at least %lld", key, (long long)min);
	else
		*out = n;
out:
	vs_buf_release(&text);
	return rc;
}

int input_flag(
    struct call *call, const struct input *in, const char *key, bool *out)
{
	struct vs_buf text;
	const char *s;
	bool found;
	int rc;

	vs_buf_init(&text, NUMBER_MAX);
	rc = input_text(call, in, key, &text, &found);
	s = vs_buf_str(&text);
	if (rc != VS_OK || !found)
		; /* as it is */
	else if (strcmp(s, "true") == 0 || strcmp(s, "1") == 0)
		*out = true;
	else if (strcmp(s, "false") == 0 || strcmp(s, "0") == 0)
		*out = false;
	else
		rc = fault_set(&call->fault, FAULT_FIELD, key,
		    "%s: must be true or false", key);
	vs_buf_release(&text);
	return rc;
}

json_t *input_body(struct call *call, const struct input *in)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc;

	doc = vs_json_parse(in->request->body == NULL ? "" : in->request->body,
	    in->request->len, &err);
	if (doc == NULL) {
		(void)fault_set(&call->fault, FAULT_JSON, "", "%s", err.msg);
		return NULL;
	}
	if (!json_is_object(doc)) {
		(void)fault_set(
		    &call->fault, FAULT_JSON, "", "body: not an object");
		json_decref(doc);
		return NULL;
	}
	return doc;
}
