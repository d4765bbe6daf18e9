#include "agent/member/follow.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/publish/verdict.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/proto/events.h"
#include "common/proto/totals.h"

#define PAGE_MAX (16 * 1024 * 1024) /* bytes of a listing's page */

static void back_off(struct member *m, int64_t retry_after, const char *why)
{
	struct member_follow *f = &m->follow;
	bool was = f->offline;

	f->retry_ms = m->now.mono_ms +
	    vs_backoff_next(&f->backoff, m->world.rand, retry_after);
	f->offline = true;
	snprintf(f->why, sizeof(f->why), "%s", why);
	if (!was)
		member_core_tell(m, "offline");
}

static void reached(struct member *m)
{
	struct member_follow *f = &m->follow;
	bool was = f->offline;

	vs_backoff_reset(&f->backoff);
	f->offline = false;
	f->retry_ms = 0;
	f->why[0] = '\0';
	f->last_ms = m->now.wall_ms;
	if (was)
		member_core_tell(m, "online");
}

/* Only a person can mend this. */
static void stop(struct member *m, int code, const char *why)
{
	m->follow.stop = code;
	snprintf(m->follow.why, sizeof(m->follow.why), "%s", why);
	member_core_tell(m, "stopped");
}

void follow_drop(struct member *m)
{
	struct member_follow *f = &m->follow;

	if (f->opening)
		m->world.stream(m->world.arg, NULL);
	f->opening = false;
	f->up = false;
	f->hello = false;
	f->ask = ASK_NONE;
	f->ask_id = 0;
	f->listing = false;
}

/* The stream is given up and opened anew. */
static void restart(struct member *m)
{
	follow_drop(m);
	m->follow.retry_ms = 0;
}

/* The mirror is not to be trusted any more. */
static void relist(struct member *m, const char *why)
{
	follow_drop(m);
	m->follow.relist = true;
	m->follow.tree_equal = -1;
	member_core_tell(m, why);
}

static void ask(
    struct member *m, enum member_ask what, const char *tail, size_t max_body)
{
	char path[1024];

	assert(m->follow.ask == ASK_NONE);
	snprintf(
	    path, sizeof(path), "/api/projects/%s/%s", m->project_id, tail);
	m->follow.ask = what;
	m->follow.ask_id = member_core_send(m, "GET", path, NULL, max_body);
}

static void ask_page(struct member *m)
{
	char tail[900];
	const char *c = m->follow.cursor;
	size_t n = (size_t)snprintf(tail, sizeof(tail), "files?limit=%d%s",
	    VS_PAGE_LIMIT, c[0] != '\0' ? "&cursor=" : "");

	for (; *c != '\0' && n + 4 < sizeof(tail); c++)
		n += (size_t)snprintf(
		    tail + n, sizeof(tail) - n, "%%%02X", (unsigned char)*c);
	ask(m, ASK_PAGE, tail, PAGE_MAX);
}

static void open_stream(struct member *m)
{
	char path[160];

	snprintf(path, sizeof(path),
	    "/api/projects/%s/events/stream?since_seq=%" PRId64, m->project_id,
	    m->mirror.last_seq);
	m->follow.opening = true;
	m->world.stream(m->world.arg, path);
}

/* The log is longer than what came: what is missing must come soon. */
static void behind(struct member *m, int64_t head)
{
	struct member_follow *f = &m->follow;

	if (head > f->head)
		f->head = head;
	f->stall_ms = m->now.mono_ms + MEMBER_STALL_MS;
}

static bool is_quiet(const struct member *m)
{
	const struct member_follow *f = &m->follow;

	return f->hello && m->mirror.last_seq >= f->head &&
	    m->now.mono_ms - f->applied_ms >= MEMBER_SETTLE_MS;
}

/* Compares checksums when nothing has come for a moment. */
static int64_t check_step(struct member *m)
{
	struct member_follow *f = &m->follow;
	char tail[96];

	if (!f->hello)
		return INT64_MAX;
	if (m->mirror.last_seq < f->head && f->stall_ms > m->now.mono_ms)
		return f->stall_ms;
	if (m->mirror.last_seq < f->head) {
		restart(m);
		back_off(m, -1, "the stream stands still");
		return f->retry_ms;
	}
	if (!is_quiet(m))
		return f->applied_ms + MEMBER_SETTLE_MS;
	if (f->check_ms > m->now.mono_ms)
		return f->check_ms;
	snprintf(tail, sizeof(tail), "events?limit=1&since_seq=%" PRId64,
	    m->mirror.last_seq);
	ask(m, ASK_CHECK, tail, 1024 * 1024);
	return INT64_MAX;
}

int64_t follow_step(struct member *m)
{
	struct member_follow *f = &m->follow;

	if (f->stop != VS_OK || m->paused || f->ask != ASK_NONE)
		return INT64_MAX;
	if (f->retry_ms > m->now.mono_ms)
		return f->retry_ms;
	if (f->relist && f->listing)
		ask_page(m);
	else if (f->relist)
		ask(m, ASK_HEAD, "events?limit=1&since_seq=0", 1024 * 1024);
	else if (!f->opening)
		open_stream(m);
	else
		return check_step(m);
	return INT64_MAX;
}

void follow_up(struct member *m)
{
	m->follow.up = true;
	m->follow.hello = false;
}

void follow_down(struct member *m, int code, const char *why)
{
	struct member_follow *f = &m->follow;
	bool had_hello = f->hello;

	f->opening = false;
	f->up = false;
	f->hello = false;
	if (m->paused || f->relist)
		return;
	if (code == VS_EAUTH)
		stop(
		    m, code, "the server refuses the token: run `vsync login`");
	else if (code == VS_ENOENT || code == VS_EFORBIDDEN)
		stop(m, code,
		    "the project is gone, or you are no member of it "
		    "any more");
	else if (code != VS_ECANCELED)
		back_off(m, had_hello ? 0 : -1,
		    why != NULL && why[0] != '\0' ? why : "the stream ended");
}

static void tell_changed(
    struct member *m, const struct vs_listing_row *row, enum vs_op op)
{
	struct member_event e = {
		.news = MEMBER_CHANGED,
		.path = row->c.path,
		.op = vs_op_name(op),
		.seq = row->seq,
		.size = row->c.size,
	};

	m->world.tell(m->world.arg, &e);
}

/* 1: a gap before it; 0: applied or known; negative: the database. */
static int apply(
    struct member *m, const struct vs_listing_row *row, struct vs_err *err)
{
	int rc;

	if (row->seq <= m->mirror.last_seq)
		return 0;
	if (row->seq != m->mirror.last_seq + 1)
		return 1;
	rc = mirror_apply(&m->mirror, row, err);
	if (rc < 0)
		return rc;
	m->mirror.last_seq = row->seq;
	m->mirror.dirty = true;
	m->follow.since_hello++;
	return 0;
}

/* Applies a page; 1: it has a gap or is no page. */
static int apply_all(
    struct member *m, const struct vs_events *page, struct vs_err *err)
{
	size_t i;
	int gap;
	int rc = vs_db_begin(m->mirror.db, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < page->count && rc == 0; i++)
		rc = apply(m, &page->rows[i], err);
	if (rc < 0) {
		vs_db_rollback(m->mirror.db);
		return rc;
	}
	gap = rc > 0 || page->broken;
	rc = member_core_commit(m, err);
	return rc < 0 ? rc : gap;
}

static void tell_all(
    struct member *m, const struct vs_events *page, int64_t from)
{
	const struct vs_listing_row *row;
	size_t i;

	for (i = 0; i < page->count; i++) {
		row = &page->rows[i];
		if (row->seq <= from || row->seq > m->mirror.last_seq)
			continue;
		tell_changed(m, row, row->c.op);
		active_changed(m, row->c.path);
	}
}

static void caught_up(struct member *m)
{
	struct member_event e = {
		.news = MEMBER_CAUGHT_UP,
		.seq = m->mirror.last_seq,
		.n = m->follow.since_hello,
	};

	m->follow.since_hello = 0;
	m->world.tell(m->world.arg, &e);
}

/*
 * A gap, or what is no event: the backlog of a new stream may do.  When it
 * comes to the same point again the log is no help, a listing is.
 */
static void gap(struct member *m)
{
	struct member_follow *f = &m->follow;

	if (f->gap_seq == m->mirror.last_seq) {
		relist(m, "the log has a gap: comparing listings");
		return;
	}
	f->gap_seq = m->mirror.last_seq;
	restart(m);
}

/*
 * Checksums that differ after a listing was compared differ again soon:
 * ever longer in between.
 */
static void differs(struct member *m)
{
	struct member_follow *f = &m->follow;
	int64_t wait = 0;

	if (f->differ.tries > 0)
		wait = vs_backoff_next(&f->differ, m->world.rand, -1);
	else
		f->differ.tries = 1;
	relist(m, "checksums differ: comparing listings");
	f->retry_ms = m->now.mono_ms + wait;
}

/*
 * Checksums of both sides at one seq: what is equal needs no look for a
 * while; what differs is compared soon.
 */
static void compare(struct member *m, const struct vs_tree *cloud)
{
	struct member_follow *f = &m->follow;

	f->check_ms = m->now.mono_ms + MEMBER_CHECK_MS;
	f->cloud_tree = *cloud;
	f->tree_equal = vs_tree_equal(cloud, &m->mirror.tree);
	if (f->tree_equal == 0) {
		differs(m);
		return;
	}
	vs_backoff_reset(&f->differ);
	f->gap_seq = -1;
	member_core_tell(m, "in_sync");
}

/* The stream, or a message of it, says what the log adds up to. */
static void compare_at(
    struct member *m, int64_t seq, bool has_tree, const struct vs_tree *tree)
{
	if (has_tree && seq == m->mirror.last_seq)
		compare(m, tree);
}

static void take_page(struct member *m, const struct vs_events *page)
{
	struct member_follow *f = &m->follow;
	struct vs_err err = VS_ERR_INIT;
	int64_t from = m->mirror.last_seq;
	bool was_behind = from < f->head;
	int rc;

	if (!f->hello) {
		restart(m);
		back_off(m, -1, "the stream sent what is no event");
		return;
	}
	m->follow.last_ms = m->now.wall_ms;
	rc = apply_all(m, page, &err);
	if (rc < 0) {
		member_core_fault(m, &err);
		return;
	}
	tell_all(m, page, from);
	f->applied_ms = m->now.mono_ms;
	f->check_ms = m->now.mono_ms;
	f->tree_equal = -1;
	behind(m, m->mirror.last_seq);
	if (rc > 0)
		gap(m);
	else if (was_behind && m->mirror.last_seq >= f->head)
		caught_up(m);
	if (f->hello)
		compare_at(m, page->seq, page->has_tree, &page->tree);
}

/* A page that has to be read the long way. */
static void take_events(struct member *m, const json_t *doc)
{
	struct vs_events page;

	if (vs_events_read(&page, doc, NULL) < 0) {
		restart(m);
		back_off(m, -1, "the stream sent what is no event");
	} else {
		take_page(m, &page);
	}
	vs_events_release(&page);
}

static void take_hello(struct member *m, json_t *doc)
{
	struct member_follow *f = &m->follow;
	const char *log_id = "";
	struct vs_tree tree;
	bool has_tree = false;
	int64_t head = 0;

	if (vs_json_get_str(doc, "log_id", true, &log_id, NULL) < 0 ||
	    vs_json_get_i64(doc, "seq", true, &head, NULL) < 0) {
		restart(m);
		back_off(m, -1, "the stream's hello is none");
		return;
	}
	reached(m);
	f->head = head;
	behind(m, head);
	if (strcmp(m->mirror.log_id, log_id) != 0) {
		relist(m, "another log: comparing listings");
		return;
	}
	if (head < m->mirror.last_seq ||
	    head - m->mirror.last_seq > MEMBER_FAR) {
		relist(m, "far behind: comparing listings");
		return;
	}
	f->hello = true;
	f->applied_ms = m->now.mono_ms;
	f->check_ms = f->tree_equal == 1 ? f->check_ms : m->now.mono_ms;
	if (head > m->mirror.last_seq) {
		member_core_tell(m, "catching_up");
		return;
	}
	caught_up(m);
	if (vs_totals_read(doc, &tree, &has_tree, NULL) == 0)
		compare_at(m, head, has_tree, &tree);
}

/* A message of any kind and form. */
static void take_text(struct member *m, const char *text, size_t len)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *doc = vs_json_parse(text, len, &why);
	const char *type = "";

	if (doc == NULL || !json_is_object(doc) ||
	    vs_json_get_str(doc, "type", true, &type, &why) < 0) {
		restart(m);
		back_off(m, -1, "the stream sent what is no message");
	} else if (strcmp(type, "hello") == 0) {
		take_hello(m, doc);
	} else if (strcmp(type, "PROJECT_EVENT_BATCH") == 0) {
		take_events(m, doc);
	}
	json_decref(doc);
}

void follow_text(struct member *m, const char *text, size_t len)
{
	struct vs_events page;

	if (!vs_events_scan(&page, text, len)) {
		take_text(m, text, len);
		return;
	}
	take_page(m, &page);
	vs_events_release(&page);
}

/* What a page of events says of the log. */
struct head {
	const char *log_id;
	int64_t last_seq;
	struct vs_tree tree;
	bool has_tree;
};

static int read_head(json_t *doc, struct head *h, struct vs_err *err)
{
	int rc = vs_json_get_str(doc, "log_id", true, &h->log_id, err);

	if (rc == 0)
		rc = vs_json_get_i64(doc, "last_seq", true, &h->last_seq, err);
	if (rc == 0)
		rc = vs_totals_read(doc, &h->tree, &h->has_tree, err);
	return rc;
}

/* A new gen: rows that the listing does not name are of an older one. */
static void begin_listing(struct member *m, const struct head *h)
{
	struct member_follow *f = &m->follow;

	f->base = h->last_seq;
	f->listing = true;
	f->cursor[0] = '\0';
	vs_text_copy(f->log_id, sizeof(f->log_id), h->log_id);
	/* until its end the mirror is of no log: an end of the program in
	   between is a beginning anew */
	m->mirror.log_id[0] = '\0';
	m->mirror.gen++;
	m->mirror.dirty = true;
}

static void checked(struct member *m, const struct head *h)
{
	struct member_follow *f = &m->follow;

	if (h->last_seq > f->head)
		behind(m, h->last_seq);
	if (h->last_seq != m->mirror.last_seq || !h->has_tree) {
		f->check_ms = m->now.mono_ms + MEMBER_SETTLE_MS;
		return;
	}
	compare(m, &h->tree);
}

static void head_answered(
    struct member *m, const struct engine_answer *a, enum member_ask what)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *doc = vs_json_parse(a->body, a->len, &why);
	struct head h = { .log_id = "" };

	if (doc == NULL || read_head(doc, &h, &why) < 0)
		back_off(m, a->retry_after_ms, why.msg);
	else if (strcmp(h.log_id, m->mirror.log_id) != 0 && what == ASK_CHECK)
		relist(m, "another log: comparing listings");
	else if (what == ASK_CHECK)
		checked(m, &h);
	else
		begin_listing(m, &h);
	json_decref(doc);
}

/* What the listing did not have is gone. */
static int sweep(struct member *m, struct vs_err *err)
{
	char after[VS_PATH_MAX + 1] = "";
	int rc;

	do {
		rc = mirror_sweep(&m->mirror, after, err);
	} while (rc > 0);
	return rc;
}

static int learn(
    struct member *m, const struct vs_listing_page *p, struct vs_err *err)
{
	struct vs_listing_row row;
	json_t *obj;
	size_t i;
	int rc = 0;

	json_array_foreach(p->files, i, obj)
	{
		if (rc == 0)
			rc = vs_listing_row_read(obj, &row, err);
		if (rc == 0)
			rc = mirror_renew(&m->mirror, &row, err);
	}
	if (rc == 0 && !p->more)
		rc = sweep(m, err);
	if (rc == 0 && !p->more) {
		m->mirror.last_seq = m->follow.base;
		memcpy(m->mirror.log_id, m->follow.log_id,
		    sizeof(m->mirror.log_id));
		m->mirror.dirty = true;
	}
	return rc;
}

static void page_answered(struct member *m, const struct engine_answer *a)
{
	struct member_follow *f = &m->follow;
	struct vs_err why = VS_ERR_INIT;
	struct vs_err err = VS_ERR_INIT;
	struct vs_listing_page p;
	int rc = vs_listing_page_read(&p, a->body, a->len, &why);

	if (rc < 0 || strcmp(p.log_id, f->log_id) != 0) {
		f->listing = false;
		back_off(m, a->retry_after_ms,
		    rc < 0 ? why.msg : "the log changed while it was read");
		goto out;
	}
	rc = vs_db_begin(m->mirror.db, &err);
	if (rc == 0)
		rc = learn(m, &p, &err);
	if (rc < 0)
		vs_db_rollback(m->mirror.db);
	else
		rc = member_core_commit(m, &err);
	if (rc < 0) {
		member_core_fault(m, &err);
		goto out;
	}
	snprintf(f->cursor, sizeof(f->cursor), "%s", p.cursor);
	f->relist = p.more;
	f->listing = p.more;
out:
	vs_listing_page_release(&p);
}

bool follow_answered(
    struct member *m, uint64_t id, const struct engine_answer *a)
{
	struct member_follow *f = &m->follow;
	enum member_ask what = f->ask;
	enum verdict v;

	if (what == ASK_NONE || f->ask_id != id)
		return false;
	f->ask = ASK_NONE;
	f->ask_id = 0;
	v = verdict_of(a->code, a->status, a->type, a->body, a->len);
	if (v == VERDICT_AUTH)
		stop(m, VS_EAUTH,
		    "the server refuses the token: run `vsync login`");
	else if (v == VERDICT_GONE || v == VERDICT_FORBIDDEN)
		stop(m, VS_ENOENT,
		    "the project is gone, or you are no member of it any more");
	else if (v != VERDICT_READ) {
		/* a cursor that is refused will not do later, either */
		if (v != VERDICT_RETRY)
			f->listing = false;
		back_off(m, a->retry_after_ms,
		    a->code < 0 ? a->why : "the server gave no listing");
	} else {
		reached(m);
		if (what == ASK_PAGE)
			page_answered(m, a);
		else
			head_answered(m, a, what);
	}
	return true;
}
