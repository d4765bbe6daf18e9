#include "cloud/service/eventlog.h"

#include <assert.h>
#include <inttypes.h>

#include "common/base/stamp.h"
#include "common/proto/totals.h"

struct eventlog {
	struct vs_buf *b;
	const char *project_id;
	int64_t rows;
	int64_t last_seq; /* of the page */
};

void eventlog_event(
    struct vs_buf *b, const char *project_id, const struct store_event *e)
{
	char stamp[VS_STAMP_SIZE];

	/* written for each event there is: no formats */
	vs_buf_addstr(b, "{\"id\":");
	vs_buf_addi(b, e->seq);
	vs_buf_addstr(b, ",\"project_id\":\"");
	vs_buf_addstr(b, project_id);
	vs_buf_addstr(b, "\",\"seq\":");
	vs_buf_addi(b, e->seq);
	vs_buf_addstr(b, ",\"change\":");
	vs_buf_addstr(b, e->change);
	vs_buf_addstr(b, ",\"created_at\":\"");
	vs_buf_addstr(b, vs_stamp_format(e->created_ms, stamp));
	vs_buf_addstr(b, "\"}");
}

static int add_event(void *arg, const struct store_event *e)
{
	struct eventlog *page = arg;

	if (page->rows > 0)
		vs_buf_addch(page->b, ',');
	eventlog_event(page->b, page->project_id, e);
	page->rows++;
	page->last_seq = e->seq;
	return vs_buf_error(page->b);
}

int eventlog_page(struct call *call, int64_t from_seq, int64_t limit,
    struct vs_buf *b, int64_t *rows)
{
	const struct store_project *p = &call->project;
	struct eventlog page = { .b = b, .project_id = p->id };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(limit >= 1);
	page.last_seq = p->last_seq;
	vs_buf_addstr(b, "{\"success\":true,\"events\":[");
	rc = call->store->ops->events(
	    call->store, p->no, from_seq, limit, add_event, &page, &err);
	if (rc != VS_OK) {
		if (err.code == VS_OK)
			(void)vs_err_set(&err, rc, "a page of events");
		return fault_store(&call->fault, &err);
	}
	vs_buf_addf(b,
	    "],\"next_seq\":%" PRId64 ",\"last_seq\":%" PRId64
	    ",\"has_more\":%s,\"log_id\":\"%s\"",
	    page.last_seq + 1, p->last_seq,
	    page.rows > 0 && page.last_seq < p->last_seq ? "true" : "false",
	    p->log_id);
	if (p->publisher[0] != '\0')
		vs_buf_addf(b, ",\"publisher\":\"%s\"", p->publisher);
	vs_buf_addstr(b, ",\"tree\":");
	vs_totals_write(b, &p->tree);
	vs_buf_addch(b, '}');
	*rows = page.rows;
	return VS_OK;
}
