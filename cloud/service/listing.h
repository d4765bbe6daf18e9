/* GET /files: the rows of a project, page by page. */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define LISTING_MAX (64 * 1024 * 1024) /* bytes of a page */

struct listing_query {
	const char *cursor; /* of the page before, NULL: the first page */
	const char *prefix; /* a folder; "" for all */
	int64_t limit; /* rows of a page, 1 .. VS_PAGE_LIMIT */
	bool deleted; /* deleted rows, too */
	bool children; /* only what lies directly in the folder */
};

/*
 * Appends {"success","files","next_cursor","has_more","log_id","last_seq"}.
 *
 * A whole listing goes by the time of the rows' last change as the server
 * saw it: the cursor is that time, and a row that changes meanwhile comes
 * again at the end, so that nothing is ever missed.  The children of a
 * folder go by name, and a folder that has rows below it but none of its
 * own is listed as one with version 0.
 */
int listing_page(
    struct call *call, const struct listing_query *query, struct vs_buf *b);

/* Appends one row as a JSON object. */
void listing_row(struct vs_buf *b, const struct store_file *f);

/* Appends a time with microseconds, quoted; the form of a cursor. */
void listing_stamp(struct vs_buf *b, int64_t us);

#endif
