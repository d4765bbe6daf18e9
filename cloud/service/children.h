/* A listing of what lies directly in a folder, by name. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "cloud/service/call.h"
#include "cloud/service/listing.h"
#include "common/base/buf.h"

/*
 * Appends the rows of a page and then ],"next_cursor":...,"has_more":...
 * for listing_page.  What lies deeper is skipped, not read.
 */
int children_page(
    struct call *call, const struct listing_query *query, struct vs_buf *b);

#endif
