#include "common/base/json.h"

#include <assert.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/path.h"

/*
 * What jansson does not bound is counted before it sees the text.  The scan
 * knows just strings and brackets; all else is left to the parser.
 */
struct json_scan {
	const char *p;
	const char *end;
	int depth;
};

/*
 * Passes the four digits of a \u escape; bytes of UTF-8 that they stand for.
 * Of an escape that is none the parser gets to know before anything else.
 */
static size_t json_scan_escape(struct json_scan *s)
{
	unsigned v = 0;

	for (int i = 0; i < 4 && s->p < s->end; i++, s->p++) {
		unsigned digit = 15;

		if (*s->p >= '0' && *s->p <= '9')
			digit = (unsigned)(*s->p - '0');
		else if (*s->p >= 'A' && *s->p <= 'F')
			digit = (unsigned)(*s->p - 'A' + 10);
		else if (*s->p >= 'a' && *s->p <= 'f')
			digit = (unsigned)(*s->p - 'a' + 10);
		v = v * 16 + digit;
	}
	if (v < 0x80)
		return 1;
	/* A surrogate is half of a sequence of four. */
	return v < 0x800 || (v >= 0xD800 && v < 0xE000) ? 2 : 3;
}

/* Passes one character, escaped or not; bytes it stands for. */
static size_t json_scan_char(struct json_scan *s)
{
	char c = *s->p++;

	if (c != '\\' || s->p == s->end)
		return 1;
	c = *s->p++;
	return c == 'u' ? json_scan_escape(s) : 1;
}

/* Passes a string; p stands behind the opening quote, then on the other. */
static int json_scan_string(struct json_scan *s)
{
	size_t len = 0;

	while (s->p < s->end && *s->p != '"') {
		len += json_scan_char(s);
		if (len > VS_JSON_STRING)
			return VS_EINVAL;
	}
	return VS_OK;
}

static int json_scan_bounds(const char *data, size_t len, struct vs_err *err)
{
	struct json_scan s = { .p = data, .end = data + len, .depth = 0 };

	for (; s.p < s.end; s.p++) {
		char c = *s.p;

		if (c == '[' || c == '{')
			s.depth++;
		else if (c == ']' || c == '}')
			s.depth--;
		if (s.depth > VS_JSON_DEPTH)
			return vs_err_set(err, VS_EINVAL,
			    "JSON nested deeper than %d", VS_JSON_DEPTH);
		if (c != '"')
			continue;
		s.p++;
		if (json_scan_string(&s) < 0)
			return vs_err_set(err, VS_EINVAL,
			    "JSON string longer than %d bytes", VS_JSON_STRING);
		if (s.p == s.end) /* never closed */
			break;
	}
	return VS_OK;
}

json_t *vs_json_parse(const char *data, size_t len, struct vs_err *err)
{
	json_error_t why;
	json_t *v;

	assert(data != NULL || len == 0);
	if (len == 0) {
		vs_err_set(err, VS_EINVAL, "JSON expected, nothing there");
		return NULL;
	}
	if (json_scan_bounds(data, len, err) < 0)
		return NULL;
	v = json_loadb(
	    data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (v == NULL)
		vs_err_set(err, VS_EINVAL, "bad JSON at line %d, column %d: %s",
		    why.line, why.column, why.text);
	return v;
}

/*
 * The member in *out, or NULL when it is absent or null and may be.  A
 * negative code when it is required.
 */
static int json_get(const json_t *obj, const char *key, bool required,
    json_t **out, struct vs_err *err)
{
	json_t *v;

	assert(obj != NULL && key != NULL);
	v = json_object_get(obj, key);
	*out = json_is_null(v) ? NULL : v;
	if (*out == NULL && required)
		return vs_err_set(err, VS_EINVAL, "%s: missing", key);
	return VS_OK;
}

static int json_wrong_type(
    const char *key, const char *want, struct vs_err *err)
{
	return vs_err_set(err, VS_EINVAL, "%s: must be %s", key, want);
}

int vs_json_get_str(const json_t *obj, const char *key, bool required,
    const char **out, struct vs_err *err)
{
	json_t *v;
	int rc = json_get(obj, key, required, &v, err);

	if (rc < 0 || v == NULL)
		return rc;
	if (!json_is_string(v))
		return json_wrong_type(key, "a string", err);
	*out = json_string_value(v);
	return VS_OK;
}

int vs_json_get_i64(const json_t *obj, const char *key, bool required,
    int64_t *out, struct vs_err *err)
{
	json_t *v;
	int rc = json_get(obj, key, required, &v, err);

	if (rc < 0 || v == NULL)
		return rc;
	if (!json_is_integer(v))
		return json_wrong_type(key, "an integer", err);
	*out = json_integer_value(v);
	return VS_OK;
}

int vs_json_get_bool(const json_t *obj, const char *key, bool required,
    bool *out, struct vs_err *err)
{
	json_t *v;
	int rc = json_get(obj, key, required, &v, err);

	if (rc < 0 || v == NULL)
		return rc;
	if (!json_is_boolean(v))
		return json_wrong_type(key, "true or false", err);
	*out = json_is_true(v);
	return VS_OK;
}

int vs_json_get_array(const json_t *obj, const char *key, bool required,
    json_t **out, struct vs_err *err)
{
	json_t *v;
	int rc = json_get(obj, key, required, &v, err);

	if (rc < 0 || v == NULL)
		return rc;
	if (!json_is_array(v))
		return json_wrong_type(key, "an array", err);
	*out = v;
	return VS_OK;
}

int vs_json_get_object(const json_t *obj, const char *key, bool required,
    json_t **out, struct vs_err *err)
{
	json_t *v;
	int rc = json_get(obj, key, required, &v, err);

	if (rc < 0 || v == NULL)
		return rc;
	if (!json_is_object(v))
		return json_wrong_type(key, "an object", err);
	*out = v;
	return VS_OK;
}

static void json_add_char(struct vs_buf *b, char c)
{
	static const char names[] = "\b\f\n\r\t\"\\";
	static const char letters[] = "bfnrt\"\\";
	const char *at = strchr(names, c);

	if (at != NULL) {
		vs_buf_addch(b, '\\');
		vs_buf_addch(b, letters[at - names]);
	} else {
		vs_buf_addf(b, "\\u%04X", (unsigned)(unsigned char)c);
	}
}

/*
 * Whether none of eight bytes needs an escape.  The top bit of a byte of
 * word - n * ones is set where the byte was less than n; where it was not, a
 * borrow may set it, or a top bit of its own: then they are looked at again.
 */
static bool json_plain_word(const char *s)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t word, quote, slash;

	memcpy(&word, s, sizeof(word));
	quote = word ^ ones * '"';
	slash = word ^ ones * '\\';
	return (((word - ones * 0x20) | (quote - ones) | (slash - ones)) &
		   ones * 0x80) == 0;
}

/* Bytes at s, of left, that may stand in a JSON string as they are. */
static size_t json_plain_run(const char *s, size_t left)
{
	size_t n = 0;

	while (left - n >= 8 && json_plain_word(s + n))
		n += 8;
	while (n < left && (unsigned char)s[n] >= 0x20 && s[n] != '"' &&
	    s[n] != '\\')
		n++;
	return n;
}

static void json_add_valid(struct vs_buf *b, const char *s, size_t left)
{
	for (;;) {
		size_t run = json_plain_run(s, left);

		vs_buf_add(b, s, run);
		s += run;
		left -= run;
		if (left == 0)
			return;
		json_add_char(b, *s++);
		left--;
	}
}

/* Each byte that is not ASCII becomes U+FFFD. */
static void json_add_invalid(struct vs_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x80)
			json_add_valid(b, s, 1);
		else
			vs_buf_addstr(b, "\xEF\xBF\xBD");
	}
}

void vs_json_add_str(struct vs_buf *b, const char *s)
{
	size_t len;

	assert(s != NULL);
	len = strlen(s);
	vs_buf_addch(b, '"');
	if (vs_path_utf8(s, len))
		json_add_valid(b, s, len);
	else
		json_add_invalid(b, s);
	vs_buf_addch(b, '"');
}

static int json_dump_piece(const char *data, size_t len, void *arg)
{
	struct vs_buf *b = arg;

	vs_buf_add(b, data, len);
	return vs_buf_error(b) == VS_OK ? 0 : -1;
}

int vs_json_dump(struct vs_buf *b, const json_t *v)
{
	assert(v != NULL);
	if (json_dump_callback(
		v, json_dump_piece, b, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return VS_OK;
	return vs_buf_error(b) != VS_OK ? vs_buf_error(b) : VS_ENOMEM;
}
