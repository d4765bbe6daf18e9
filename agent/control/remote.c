/* What the cloud has, asked for anew each time: ls and log. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

#define PAGE_MAX (64 * 1024 * 1024) /* bytes of an answer */
#define REMOTE_MS 60000

struct remote {
	char *id; /* the project's */
	char path[VS_PATH_MAX + 1];
	char parent[VS_PATH_MAX + 1]; /* of path, while path is looked for */
	bool recursive;
	bool first; /* no cursor was given */
	json_t *files;
	char *cursor; /* of the next page, or NULL */
};

static void remote_free(void *data)
{
	struct remote *m = data;

	free(m->id);
	free(m->cursor);
	json_decref(m->files);
	free(m);
}

static struct remote *remote_new(struct request *r)
{
	const struct config_project *c = request_project(r);
	const char *path = c != NULL ? request_path(r) : NULL;
	struct vs_err err = VS_ERR_INIT;
	struct remote *m;

	if (path == NULL)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (m != NULL)
		m->id = strdup(c->id);
	if (m == NULL || m->id == NULL) {
		free(m);
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
		return NULL;
	}
	memcpy(m->path, path, strlen(path) + 1);
	r->data = m;
	r->data_free = remote_free;
	return m;
}

/* Appends "key=value" percent-encoded (RFC 3986). */
static void query_add(struct vs_buf *b, const char *key, const char *value)
{
	vs_buf_addf(b, "&%s=", key);
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr("-._~", c) != NULL)
			vs_buf_addch(b, (char)c);
		else
			vs_buf_addf(b, "%%%02X", c);
	}
}

static void remote_ask(struct request *r, struct vs_buf *b,
    void (*answer)(struct request *r, const struct vs_httpc_result *result))
{
	struct session_request q = { .method = "GET",
		.path = vs_buf_str(b),
		.max_body = PAGE_MAX,
		.timeout_ms = REMOTE_MS };
	struct vs_err err = VS_ERR_INIT;

	if (vs_buf_error(b) < 0) {
		vs_err_set(&err, vs_buf_error(b), "request too long");
		request_fail(r, &err, NULL);
	} else {
		request_cloud(r, agent_session(r->agent), &q, answer);
	}
	vs_buf_release(b);
}

static void remote_protocol(struct request *r, const struct vs_err *why)
{
	struct vs_err err = *why;

	err.code = VS_EPROTO;
	vs_err_wrap(&err, "the server's answer");
	request_fail(r, &err, NULL);
}

/* ls of a member: what the mirror has, so it answers offline, too. */

static void mirror_run(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct remote *w = r->data;

	(void)now;
	r->doc = member_list(m, w->path, w->recursive,
	    w->cursor != NULL ? w->cursor : "", VS_PAGE_LIMIT, &c->err);
	project_return(c);
}

static void mirror_answer(struct request *r)
{
	const struct remote *m = r->data;
	struct vs_err err = r->err;

	if (!request_open(r))
		return;
	if (err.code == VS_OK &&
	    (r->doc == NULL ||
		json_object_set_new(r->doc, "project_id", json_string(m->id)) !=
		    0))
		vs_err_set(&err, VS_ENOMEM, "out of memory");
	if (err.code < 0)
		request_fail_path(
		    r, &err, "vsync why says where it stands", m->path);
	else
		request_ok(r, json_incref(r->doc));
}

static void mirror_ls(struct request *r, const char *cursor)
{
	struct remote *m = r->data;
	struct project *p = request_running(r);

	if (p == NULL)
		return;
	m->cursor = cursor != NULL ? strdup(cursor) : NULL;
	request_engine(r, p, NULL, mirror_run, mirror_answer);
}

/* ls of an owner */

static void ls_page(struct request *r, const char *folder, const char *cursor);

static const char *stage_badge(const char *stage)
{
	if (strcmp(stage, "published") == 0)
		return "=";
	if (strcmp(stage, "recording") == 0)
		return "*";
	if (strcmp(stage, "listed") == 0)
		return "?";
	if (strcmp(stage, "absent") == 0 || strcmp(stage, "ignored") == 0)
		return "-";
	if (strcmp(stage, "refused") == 0 || strcmp(stage, "degraded") == 0)
		return "x";
	return "~";
}

/* Engine's thread: where each row stands here. */
static void badge_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct remote *m = request_of(c)->data;
	size_t i;
	json_t *row;

	json_array_foreach(m->files, i, row)
	{
		json_t *why = engine_why(
		    e, json_string_value(json_object_get(row, "path")), now);
		const char *stage =
		    json_string_value(json_object_get(why, "stage"));

		if (stage != NULL)
			json_object_set_new(
			    row, "badge", json_string(stage_badge(stage)));
		json_decref(why);
	}
	project_return(c);
}

static void ls_answer(struct request *r)
{
	const struct remote *m = r->data;

	if (request_open(r))
		request_ok(r,
		    json_pack("{s:s, s:O, s:s?}", "project_id", m->id, "files",
			m->files, "next_cursor", m->cursor));
}

static void ls_badges(struct request *r)
{
	const struct remote *m = r->data;
	struct project *p = agent_project(r->agent, m->id);

	if (p != NULL && json_array_size(m->files) > 0)
		request_engine(r, p, badge_run, NULL, ls_answer);
	else
		ls_answer(r);
}

/* A row of the cloud's listing as ours; NULL with err if it is none. */
static json_t *ls_row(const json_t *row, struct vs_err *err)
{
	const char *path = NULL;
	const char *kind = NULL;
	const char *state = NULL;
	json_t *out;

	if (!json_is_object(row)) {
		vs_err_set(err, VS_EPROTO, "files: not an object");
		return NULL;
	}
	if (vs_json_get_str(row, "path", true, &path, err) < 0 ||
	    vs_json_get_str(row, "kind", false, &kind, err) < 0 ||
	    vs_json_get_str(row, "state", false, &state, err) < 0)
		return NULL;
	/* bytes from the network: what is no path is not passed on */
	if (vs_path_check(path, strlen(path)) != VS_PATH_GOOD) {
		vs_err_set(err, VS_EPROTO, "files: a path that is none");
		return NULL;
	}
	out = json_pack("{s:s, s:s, s:O?, s:s, s:O?, s:O?, s:O?, s:O?, s:s}",
	    "path", path, "name", vs_path_name(path), "size",
	    json_object_get(row, "size"), "kind", kind != NULL ? kind : "file",
	    "hash", json_object_get(row, "hash"), "modified_at",
	    json_object_get(row, "modified_at"), "version",
	    json_object_get(row, "version"), "seq", json_object_get(row, "seq"),
	    "badge",
	    state != NULL && strcmp(state, "recording") == 0 ? "*" : "=");
	if (out == NULL)
		vs_err_set(err, VS_ENOMEM, "out of memory");
	return out;
}

/* Moves the page's rows to m->files; only is one path, or NULL for all. */
static int ls_rows(
    struct remote *m, const json_t *doc, const char *only, struct vs_err *err)
{
	const char *cursor = NULL;
	json_t *rows = NULL;
	json_t *row;
	size_t i;

	if (vs_json_get_array(doc, "files", true, &rows, err) < 0 ||
	    vs_json_get_str(doc, "next_cursor", false, &cursor, err) < 0)
		return err->code;
	json_array_foreach(rows, i, row)
	{
		json_t *out = ls_row(row, err);
		const char *path =
		    json_string_value(json_object_get(out, "path"));

		if (out == NULL)
			return err->code;
		if (only == NULL || strcmp(only, path) == 0)
			json_array_append_new(m->files, out);
		else
			json_decref(out);
	}
	free(m->cursor);
	m->cursor = cursor != NULL && *cursor != '\0' ? strdup(cursor) : NULL;
	return VS_OK;
}

/* Among its neighbours: path itself, or it is not there at all. */
static void ls_found(struct request *r, const struct vs_httpc_result *result)
{
	struct remote *m = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	char *cursor;
	int rc;

	if (doc == NULL)
		return;
	rc = ls_rows(m, doc, m->path, &err);
	json_decref(doc);
	if (rc < 0) {
		remote_protocol(r, &err);
		return;
	}
	cursor = m->cursor;
	m->cursor = NULL;
	if (json_array_size(m->files) > 0) {
		json_t *row = json_array_get(m->files, 0);
		const char *kind =
		    json_string_value(json_object_get(row, "kind"));

		/* an empty folder is listed as what it holds */
		if (kind != NULL && strcmp(kind, "directory") == 0)
			json_array_clear(m->files);
		ls_badges(r);
	} else if (cursor != NULL) {
		ls_page(r, m->parent, cursor);
	} else {
		vs_err_set(&err, VS_ENOENT, "%s is not in the cloud", m->path);
		request_fail_path(
		    r, &err, "vsync why says where it stands", m->path);
	}
	free(cursor);
}

static void ls_listed(struct request *r, const struct vs_httpc_result *result)
{
	struct remote *m = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (doc == NULL)
		return;
	rc = ls_rows(m, doc, NULL, &err);
	json_decref(doc);
	if (rc < 0) {
		remote_protocol(r, &err);
		return;
	}
	if (!m->first || json_array_size(m->files) > 0 || m->path[0] == '\0') {
		ls_badges(r);
		return;
	}
	/* nothing below it: a file, an empty folder, or nothing at all */
	memcpy(m->parent, m->path, vs_path_parent_len(m->path));
	ls_page(r, m->parent, NULL);
}

/* Asks for a page of folder; the parent's pages are looked through. */
static void ls_page(struct request *r, const char *folder, const char *cursor)
{
	const struct remote *m = r->data;
	bool search = folder == m->parent;
	struct vs_buf b;

	vs_buf_init(&b, 8 * VS_PATH_MAX);
	vs_buf_addf(
	    &b, "/api/projects/%s/files?limit=%d", m->id, VS_PAGE_LIMIT);
	if (*folder != '\0')
		query_add(&b, "prefix", folder);
	if (search || !m->recursive)
		query_add(&b, "depth", "1");
	if (cursor != NULL)
		query_add(&b, "cursor", cursor);
	remote_ask(r, &b, search ? ls_found : ls_listed);
}

void remote_ls(struct request *r)
{
	const char *cursor;
	struct remote *m = remote_new(r);

	if (m == NULL)
		return;
	cursor = request_str(r, "cursor");
	if (cursor != NULL && *cursor == '\0')
		cursor = NULL;
	m->recursive = request_flag(r, "recursive");
	m->first = cursor == NULL;
	m->files = json_array();
	if (config_find(agent_config(r->agent), m->id)->member)
		mirror_ls(r, cursor);
	else
		ls_page(r, m->path, cursor);
}

/* log */

static void log_add(const struct remote *m, json_t *list, json_t *event)
{
	json_t *change = json_object_get(event, "change");
	const char *path = json_string_value(json_object_get(change, "path"));
	json_t *at = json_object_get(event, "created_at");

	if (path == NULL || json_object_get(event, "seq") == NULL)
		return;
	/* a folder's log is that of what lies in it */
	if (m->path[0] != '\0' && strcmp(path, m->path) != 0 &&
	    !vs_path_beneath(path, m->path))
		return;
	json_array_append_new(list,
	    json_pack("{s:O, s:O?, s:O}", "seq", json_object_get(event, "seq"),
		"created_at", at, "change", change));
}

static void log_listed(struct request *r, const struct vs_httpc_result *result)
{
	const struct remote *m = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	json_t *events = NULL;
	json_t *list = json_array();
	json_t *event;
	size_t i;

	if (doc == NULL) {
		json_decref(list);
		return;
	}
	if (vs_json_get_array(doc, "events", true, &events, &err) < 0) {
		remote_protocol(r, &err);
		json_decref(list);
	} else {
		json_array_foreach(events, i, event) log_add(m, list, event);
		request_ok(r,
		    json_pack("{s:o, s:O?, s:O?, s:O?}", "events", list,
			"next_seq", json_object_get(doc, "next_seq"),
			"last_seq", json_object_get(doc, "last_seq"),
			"has_more", json_object_get(doc, "has_more")));
	}
	json_decref(doc);
}

void remote_log(struct request *r)
{
	struct remote *m = remote_new(r);
	struct vs_buf b;
	int64_t since;
	int64_t limit;
	int64_t wait;

	if (m == NULL)
		return;
	since = request_number(r, "since", 0);
	limit = request_number(r, "limit", VS_PAGE_LIMIT);
	wait = request_number(r, "wait", 0);
	if (limit < 1 || limit > VS_PAGE_LIMIT)
		limit = VS_PAGE_LIMIT;
	if (wait < 0 || wait > VS_WAIT_MAX_S)
		wait = VS_WAIT_MAX_S;
	vs_buf_init(&b, 1024);
	vs_buf_addf(&b, "/api/projects/%s/events?since_seq=%lld&limit=%lld",
	    m->id, (long long)(since < 0 ? 0 : since), (long long)limit);
	if (wait > 0)
		vs_buf_addf(&b, "&wait=%lld", (long long)wait);
	remote_ask(r, &b, log_listed);
}
