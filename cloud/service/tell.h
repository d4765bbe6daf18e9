/*
 * What those who listen are to hear of a request, once it is durable,
 * besides the events of the log.
 */
#ifndef TELL_H
#define TELL_H

#include <stdbool.h>

#include "cloud/store/store.h"
#include "common/base/buf.h"

#define TELL_MAX (256 * 1024) /* bytes of data */

struct tell {
	const char *type; /* "transfer_complete"; static; NULL: nothing */
	struct vs_buf data; /* a JSON object */
	char to[2][STORE_ID]; /* users; "" for none */
	bool rights; /* somebody in the project has lost one */
};

#endif
