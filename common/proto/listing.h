/*
 * Pages of a listing (GET /files) as a client reads them.
 */
#ifndef VS_LISTING_H
#define VS_LISTING_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/err.h"
#include "common/proto/change.h"

struct vs_listing_page {
	json_t *doc; /* owns all strings */
	json_t *files; /* borrowed array of rows, each checked */
	const char *cursor; /* of the next page, "" at the end */
	bool more;
	const char *log_id; /* "" from a server that knows none */
	int64_t last_seq; /* -1 likewise */
};

struct vs_listing_row {
	struct vs_change c; /* VS_OP_UPDATE; strings borrowed from the page */
	int64_t version;
	int64_t seq;
	bool deleted;
};

/*
 * Reads a page and checks every row of it: VS_EINVAL or VS_EPROTO when it is
 * none.  Release it in any case.
 */
int vs_listing_page_read(struct vs_listing_page *p, const char *body,
    size_t len, struct vs_err *err);

/* Frees the page; rows read of it are void then. */
void vs_listing_page_release(struct vs_listing_page *p);

/* A row of a page that was read. */
int vs_listing_row_read(
    const json_t *obj, struct vs_listing_row *row, struct vs_err *err);

#endif
