/* How an error looks on the control socket. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <jansson.h>

#include "common/base/err.h"

/* For when there is no memory to build an answer. */
#define REFUSAL_NO_MEMORY \
	"{\"ok\":false,\"error\":{\"code\":\"out_of_memory\"," \
	"\"message\":\"out of memory\",\"hint\":null,\"path\":null}," \
	"\"exit\":75,\"schema\":1}"

/* The code for programs: "not_found". */
const char *refusal_code(int code);

/* What to do about it, or NULL. */
const char *refusal_hint(int code);

/* The HTTP status that suits code. */
int refusal_status(int code);

/* The whole document; hint and path may be NULL.  NULL out of memory. */
json_t *refusal_document(
    const struct vs_err *err, const char *hint, const char *path);

#endif
