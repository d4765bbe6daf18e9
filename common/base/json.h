/*
 * Strict JSON on jansson: what is read is bounded and typed, and an error
 * names the field.  Objects come from jansson (json_t, reference counted).
 */
#ifndef VS_JSON_H
#define VS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/*
 * Parses len bytes.  Refused with VS_EINVAL: anything but one value, depth
 * over VS_JSON_DEPTH (checked before parsing), duplicate keys, NUL in
 * strings, strings over VS_JSON_STRING, numbers out of range, bad UTF-8.
 * The caller owns the result (json_decref); NULL on error.
 */
json_t *vs_json_parse(const char *data, size_t len, struct vs_err *err);

/*
 * Typed members of obj.  A missing or null member leaves *out alone; it is
 * VS_OK when required is false and VS_EINVAL else.  A wrong type is VS_EINVAL.
 * The message begins with the key; err may be NULL.
 *
 * A string, borrowed from obj.
 */
int vs_json_get_str(const json_t *obj, const char *key, bool required,
    const char **out, struct vs_err *err);

/* An integer: no fraction and no exponent, also not of value 0. */
int vs_json_get_i64(const json_t *obj, const char *key, bool required,
    int64_t *out, struct vs_err *err);

/* true or false, no number. */
int vs_json_get_bool(const json_t *obj, const char *key, bool required,
    bool *out, struct vs_err *err);

/* An array, borrowed from obj: no reference is added. */
int vs_json_get_array(const json_t *obj, const char *key, bool required,
    json_t **out, struct vs_err *err);

/* An object, borrowed likewise. */
int vs_json_get_object(const json_t *obj, const char *key, bool required,
    json_t **out, struct vs_err *err);

/*
 * Appends s quoted and escaped as a JSON string.  In text that is not valid
 * UTF-8 every byte above ASCII becomes U+FFFD.
 */
void vs_json_add_str(struct vs_buf *b, const char *s);

/*
 * Appends v compactly, object keys in insertion order; the same value always
 * gives the same bytes.
 */
int vs_json_dump(struct vs_buf *b, const json_t *v);

#endif
