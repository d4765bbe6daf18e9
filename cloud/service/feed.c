/*
 * The stamp of rights is read in the same view as the events: as long as it
 * stands where it stood when a subscriber was let in, nobody has lost a
 * right, and there is nothing to look up.
 */
#include "cloud/service/feed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/service/eventlog.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/stamp.h"
#include "common/proto/change.h"
#include "common/proto/totals.h"

#define TEXT_MAX (8 * 1024 * 1024) /* bytes of a form of a page */

struct feed *feed_new(const char *project_id, size_t count)
{
	struct feed *f = calloc(1, sizeof(*f));
	size_t i;

	assert(strlen(project_id) < STORE_ID);
	if (f == NULL)
		return NULL;
	memcpy(f->project_id, project_id, strlen(project_id) + 1);
	for (i = 0; i < FEED_FORMS; i++)
		vs_buf_init(&f->texts[i], TEXT_MAX);
	f->count = count;
	f->readers = calloc(count + 1, sizeof(*f->readers));
	if (f->readers != NULL)
		return f;
	free(f);
	return NULL;
}

void feed_free(struct feed *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < FEED_FORMS; i++)
		vs_buf_release(&f->texts[i]);
	free(f->readers);
	free(f);
}

void feed_message(struct vs_buf *b, const char *type, const char *data)
{
	vs_buf_addf(b, "{\"type\":\"%s\",\"data\":", type);
	vs_buf_addstr(b, data);
	vs_buf_addch(b, '}');
}

/* A page that fills. */
struct page {
	struct feed *f;
	struct vs_buf events; /* array elements */
	int64_t rows;
	int64_t last_ms; /* when the last one happened */
};

static const char *type_of(const char *change)
{
	static const char *const types[] = {
		[VS_OP_CREATE] = "file_created",
		[VS_OP_UPDATE] = "file_updated",
		[VS_OP_DELETE] = "file_deleted",
	};
	json_t *doc = json_loads(change, 0, NULL);
	const char *name = json_string_value(json_object_get(doc, "op"));
	int op = name == NULL ? VS_EINVAL : vs_op_parse(name);

	json_decref(doc);
	return op < 0 ? NULL : types[op];
}

/* The change itself, with where it stands in the log. */
static int add_room(struct vs_buf *b, const struct store_event *e)
{
	const char *type = type_of(e->change);
	char stamp[VS_STAMP_SIZE];
	size_t len = strlen(e->change);

	if (type == NULL || len < 2 || e->change[len - 1] != '}')
		return VS_ECORRUPT;
	vs_buf_addf(b, "{\"type\":\"%s\",\"data\":", type);
	vs_buf_add(b, e->change, len - 1);
	vs_buf_addf(b, ",\"seq\":%" PRId64 ",\"created_at\":\"%s\"}}\n", e->seq,
	    vs_stamp_format(e->created_ms, stamp));
	return vs_buf_error(b);
}

static int add_event(void *arg, const struct store_event *e)
{
	struct page *page = arg;
	struct feed *f = page->f;
	int rc = VS_OK;

	if (page->rows > 0)
		vs_buf_addch(&page->events, ',');
	eventlog_event(&page->events, f->project_id, e);
	if (f->wants[FEED_ROOM])
		rc = add_room(&f->texts[FEED_ROOM], e);
	if (rc == VS_OK)
		rc = vs_buf_error(&page->events);
	page->rows++;
	page->last_ms = e->created_ms;
	f->last_seq = e->seq;
	if (rc != VS_OK)
		return rc;
	return page->events.len >= FEED_BYTES;
}

static void add_batch(struct page *page, const struct store_project *p)
{
	struct vs_buf *b = &page->f->texts[FEED_STREAM];
	char stamp[VS_STAMP_SIZE];

	vs_buf_addf(b,
	    "{\"type\":\"PROJECT_EVENT_BATCH\",\"projectId\":\"%s\""
	    ",\"log_id\":\"%s\",\"seq\":%" PRId64 ",\"timestamp\":\"%s\"",
	    p->id, p->log_id, page->f->last_seq,
	    vs_stamp_format(page->last_ms, stamp));
	if (page->f->last_seq == p->last_seq) {
		vs_buf_addstr(b, ",\"tree\":");
		vs_totals_write(b, &p->tree);
	}
	if (page->rows == 1) {
		vs_buf_addstr(b, ",\"event\":");
		vs_buf_add(b, page->events.data, page->events.len);
	}
	vs_buf_addstr(b, ",\"events\":[");
	vs_buf_add(b, page->events.data, page->events.len);
	vs_buf_addstr(b, "]}\n");
}

/* The events after since_seq, as many as a page takes. */
static int read_events(struct feed *f, struct store *s,
    const struct store_project *p, struct vs_err *err)
{
	struct page page = { .f = f };
	int rc;

	if (f->since_seq >= p->last_seq ||
	    (!f->wants[FEED_STREAM] && !f->wants[FEED_ROOM]))
		return VS_OK;
	vs_buf_init(&page.events, TEXT_MAX);
	rc = s->ops->events(
	    s, p->no, f->since_seq + 1, VS_PAGE_LIMIT, add_event, &page, err);
	if (rc == VS_OK && page.rows > 0 && f->wants[FEED_STREAM]) {
		add_batch(&page, p);
		rc = vs_buf_error(&f->texts[FEED_STREAM]);
	}
	vs_buf_release(&page.events);
	return rc;
}

/* Whether one reader may still listen. */
static int check_reader(
    struct feed *f, struct feed_reader *r, struct store *s, struct vs_err *err)
{
	struct store_project p;
	struct store_user u;
	enum store_role role;
	int rc = s->ops->token_user(s, r->token, &u, err);

	if (rc == VS_ENOENT) {
		r->verdict = VS_EAUTH;
		return VS_OK;
	}
	if (rc == VS_OK)
		rc =
		    s->ops->project_get(s, f->project_id, u.id, &p, &role, err);
	if (rc != VS_OK && rc != VS_ENOENT)
		return rc;
	r->verdict = rc;
	return VS_OK;
}

void feed_read(struct feed *f, struct store *s)
{
	struct vs_err err = VS_ERR_INIT;
	struct store_project p;
	size_t i;

	f->last_seq = f->since_seq;
	f->rc = s->ops->project_find(s, f->project_id, &p, &err);
	if (f->rc == VS_OK)
		f->rc = s->ops->access_stamp(s, &f->stamp, &err);
	if (f->rc == VS_OK && f->stamp != f->access)
		for (i = 0; i < f->count && f->rc == VS_OK; i++)
			f->rc = check_reader(f, &f->readers[i], s, &err);
	if (f->rc == VS_OK) {
		f->head = p.last_seq;
		memcpy(f->log_id, p.log_id, sizeof(f->log_id));
		f->rc = read_events(f, s, &p, &err);
	}
	if (f->rc != VS_OK)
		vs_log(VS_LOG_ERR, "feed: %s: %s", vs_err_name(f->rc),
		    err.msg[0] == '\0' ? vs_err_text(f->rc) : err.msg);
}

int feed_hello(struct call *call, struct vs_buf *b, int64_t *stamp)
{
	const struct store_project *p = &call->project;
	struct vs_err err = VS_ERR_INIT;

	if (call->store->ops->access_stamp(call->store, stamp, &err) != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addf(b,
	    "{\"type\":\"hello\",\"projectId\":\"%s\",\"log_id\":\"%s\""
	    ",\"seq\":%" PRId64 ",\"tree\":",
	    p->id, p->log_id, p->last_seq);
	vs_totals_write(b, &p->tree);
	vs_buf_addch(b, '}');
	return VS_OK;
}
