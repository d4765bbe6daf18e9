/* GET /events: the log, page by page. */
#ifndef EVENTLOG_H
#define EVENTLOG_H

#include <stdint.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define EVENTLOG_MAX (64 * 1024 * 1024) /* bytes of a page */

/*
 * Appends {"success","events","next_seq","last_seq","has_more","log_id"}
 * with at most limit events from from_seq (inclusive) on.  next_seq is the
 * seq after the last one of the page, the log's next one for an empty page.
 * *rows gets their number.
 */
int eventlog_page(struct call *call, int64_t from_seq, int64_t limit,
    struct vs_buf *b, int64_t *rows);

/* Appends one event as those who may see it are shown it. */
void eventlog_event(
    struct vs_buf *b, const char *project_id, const struct store_event *e);

#endif
