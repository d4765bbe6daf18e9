/* What a handler reads of its request: path, query and body, checked. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "cloud/api/api.h"
#include "cloud/service/call.h"

#define INPUT_ARGS 2 /* variable components of a path at most */
#define INPUT_ARG 72 /* bytes of one, NUL included */

struct input {
	const struct api_request *request;
	char args[INPUT_ARGS][INPUT_ARG]; /* in the order of the path */
	bool bare; /* came without /api in front */
};

/*
 * Appends the query parameter key, decoded, to out; *found tells whether
 * there is one.  400 when it does not fit, or holds a NUL.
 */
int input_text(struct call *call, const struct input *in, const char *key,
    struct vs_buf *out, bool *found);

/*
 * A number from min on; *out stays as it is without the parameter.  400 for
 * anything else.
 */
int input_number(struct call *call, const struct input *in, const char *key,
    int64_t min, int64_t *out);

/* "true" or "1", "false" or "0"; *out stays as it is without it. */
int input_flag(
    struct call *call, const struct input *in, const char *key, bool *out);

/* The body as a JSON object; the caller owns it; NULL with a fault set. */
json_t *input_body(struct call *call, const struct input *in);

#endif
