#include "agent/member/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/here.h"
#include "agent/member/member_core.h"
#include "agent/member/names.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/stamp.h"
#include "common/base/text.h"

/* What was pulled and what is on its way. */
struct counts {
	int64_t here_files;
	int64_t here_bytes;
	int64_t pulls;
	int64_t pull_bytes;
	int64_t renamed; /* files that have another name here */
};

static void problem(json_t *list, const char *code, const char *severity,
    const char *message, const char *hint)
{
	json_array_append_new(list,
	    json_pack("{s:s, s:s, s:s, s:s}", "code", code, "severity",
		severity, "message", message, "hint", hint));
}

/* Files whose names this disk takes for others'. */
static void add_renamed(json_t *list, int64_t n)
{
	char text[120];

	if (n == 0)
		return;
	snprintf(text, sizeof(text),
	    "this disk takes the names of %lld %s for others': %s here with "
	    "~case behind the name",
	    (long long)n, n == 1 ? "file" : "files",
	    n == 1 ? "it is" : "they are");
	problem(list, "renamed", "info", text,
	    "vsync ls -R shows which; rename them at the owner's to have them "
	    "under their own");
}

static json_t *problems(const struct member *m, const struct counts *c)
{
	const struct member_follow *f = &m->follow;
	json_t *list = json_array();

	if (m->root_lost)
		problem(list, "root_lost", "error", m->root_why,
		    "mount the disk or put the folder back: vsync goes on "
		    "by itself");
	if (m->fault)
		problem(list, "degraded", "error", m->fault_why,
		    "free space or mend the disk: vsync opens its state "
		    "again by itself");
	if (f->stop == VS_EAUTH)
		problem(list, "auth", "error", f->why,
		    "vsync login URL, then vsync resume");
	else if (f->stop != VS_OK)
		problem(list, "project_gone", "error", f->why,
		    "ask the project's owner, then vsync resume");
	else if (f->offline)
		problem(list, "offline", "error", f->why,
		    "what is listed is as of the last contact: vsync tries "
		    "again by itself");
	if (m->paused)
		problem(list, "paused", "info", "following is paused",
		    "vsync resume");
	add_renamed(list, c->renamed);
	return list;
}

static bool is_current(const struct member *m)
{
	return m->follow.hello && !m->follow.relist &&
	    m->mirror.last_seq >= m->follow.head;
}

static const char *state_name(const struct member *m, int64_t pulls)
{
	if (m->root_lost)
		return "root_lost";
	if (m->fault)
		return "degraded";
	if (m->follow.stop == VS_EAUTH)
		return "auth";
	if (m->follow.stop != VS_OK)
		return "degraded";
	if (m->paused)
		return "paused";
	if (m->follow.offline)
		return "offline";
	if (!is_current(m))
		return "catching_up";
	if (pulls > 0)
		return "pulling";
	return m->follow.tree_equal == 1 ? "in_sync" : "following";
}

static json_t *tree_doc(const struct vs_tree *t)
{
	char hex[2 * sizeof(t->sum) + 1];

	vs_hex_encode(hex, t->sum, sizeof(t->sum));
	return json_pack("{s:I, s:I, s:s}", "count", (json_int_t)t->count,
	    "bytes", (json_int_t)t->bytes, "checksum", hex);
}

static void set_int(json_t *doc, const char *key, int64_t value)
{
	json_object_set_new(doc, key, json_integer(value));
}

static void add_mirror(
    const struct member *m, json_t *doc, const struct counts *c)
{
	const struct member_follow *f = &m->follow;
	char stamp[VS_STAMP_SIZE];

	set_int(doc, "files", m->mirror.tree.count - m->mirror.dirs);
	set_int(doc, "directories", m->mirror.dirs);
	set_int(doc, "bytes", m->mirror.tree.bytes);
	set_int(doc, "here_files", c->here_files);
	set_int(doc, "here_bytes", c->here_bytes);
	set_int(doc, "pulls", c->pulls);
	set_int(doc, "pull_bytes", c->pull_bytes);
	set_int(doc, "renamed_files", c->renamed);
	set_int(doc, "last_seq", m->mirror.last_seq);
	set_int(doc, "head_seq", f->head);
	json_object_set_new(doc, "log_id", json_string(m->mirror.log_id));
	json_object_set_new(doc, "connected", json_boolean(f->hello));
	json_object_set_new(doc, "last_ack_at",
	    f->last_ms > 0 ? json_string(vs_stamp_format(f->last_ms, stamp))
			   : json_null());
	json_object_set_new(doc, "tree", tree_doc(&m->mirror.tree));
	json_object_set_new(doc, "cloud_tree",
	    f->tree_equal < 0 ? json_null() : tree_doc(&f->cloud_tree));
	json_object_set_new(doc, "tree_equal",
	    f->tree_equal < 0 ? json_null() : json_boolean(f->tree_equal));
}

json_t *member_status(struct member *m, struct vs_now now)
{
	struct counts c = { 0 };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = json_object();
	const char *state;
	int rc = 0;

	m->now = now;
	if (!m->fault)
		rc = mirror_local_count(
		    &m->mirror, &c.here_files, &c.here_bytes, &err);
	if (!m->fault && rc == 0)
		rc =
		    pulls_live_count(&m->mirror, &c.pulls, &c.pull_bytes, &err);
	if (!m->fault && rc == 0)
		rc = names_count(&m->mirror, &c.renamed, &err);
	if (rc < 0)
		member_core_fault(m, &err);
	state = state_name(m, c.pulls);
	json_object_set_new(doc, "state", json_string(state));
	json_object_set_new(doc, "in_sync",
	    json_boolean(m->follow.tree_equal == 1 && is_current(m) &&
		!m->fault && !m->root_lost && !m->paused));
	json_object_set_new(doc, "problems", problems(m, &c));
	add_mirror(m, doc, &c);
	return doc;
}

/* A listing being made. */
struct listing {
	struct member *m;
	json_t *files;
	char last[VS_PATH_MAX + 1];
	int rows;
	struct vs_err *err;
};

static const char *badge_of_pull(enum pull_state s)
{
	if (s < PULL_DONE)
		return "~";
	return s == PULL_FAILED ? "x" : NULL;
}

/* What is here, told from stats alone: a listing reads no content. */
static const char *badge_of_disk(
    struct listing *l, const struct mirror_row *row, const char *place)
{
	struct mirror_local local;
	struct target *t = l->m->world.target;
	struct disk_stat seen;

	struct vs_err err = VS_ERR_INIT;

	if (t->look(t, place, &seen, &err) != 0)
		return "-";
	if (row->kind != VS_KIND_FILE)
		return seen.kind == row->kind ? "=" : "!";
	if (seen.odd || seen.kind != VS_KIND_FILE ||
	    mirror_local_get(&l->m->mirror, place, &local, &err) != 1)
		return "!";
	if (seen.size != local.stat.size ||
	    seen.mtime_ns != local.stat.mtime_ns || seen.ino != local.stat.ino)
		return "!";
	return strcmp(local.hash, row->hash) == 0 ? "=" : "-";
}

static const char *badge(
    struct listing *l, const struct mirror_row *row, const char *place)
{
	struct vs_err err = VS_ERR_INIT;
	enum pull_state state;
	const char *b;
	char id[40];

	if (row->recording)
		return "*";
	if (row->kind == VS_KIND_FILE && row->hash[0] == '\0')
		return "?";
	b = pulls_of_path(&l->m->mirror, "", row->path, id, &state, &err) == 1
	    ? badge_of_pull(state)
	    : NULL;
	return b != NULL ? b : badge_of_disk(l, row, place);
}

static int add_row(void *arg, const struct mirror_row *row)
{
	struct listing *l = arg;
	char stamp[VS_STAMP_SIZE];
	char place[VS_PATH_MAX + 1];
	int other = names_place(&l->m->mirror, "", row->path, place, l->err);
	json_t *doc = json_pack(
	    "{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:s*}", "path", row->path,
	    "name", vs_path_name(row->path), "size", (json_int_t)row->size,
	    "kind", vs_kind_name(row->kind), "hash", row->hash, "version",
	    (json_int_t)row->version, "seq", (json_int_t)row->seq, "badge",
	    badge(l, row, place), "place", other == 1 ? place : NULL);

	if (doc == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "ls: out of memory");
	if (other < 0) {
		json_decref(doc);
		return other;
	}
	json_object_set_new(doc, "modified_at",
	    row->has_mtime
		? json_string(vs_stamp_format(row->mtime_us / 1000, stamp))
		: json_null());
	l->rows++;
	memcpy(l->last, row->path, sizeof(l->last));
	return json_array_append_new(l->files, doc) == 0
	    ? 0
	    : vs_err_set(l->err, VS_ENOMEM, "ls: out of memory");
}

/* The path itself when it is no folder: 1 if it was listed. */
static int list_one(struct listing *l, const char *path)
{
	struct mirror_row *row;
	int rc;

	if (path[0] == '\0')
		return 0;
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "ls: out of memory");
	rc = mirror_get(&l->m->mirror, path, row, l->err);
	if (rc == 1 && row->kind != VS_KIND_DIR) {
		rc = add_row(l, row);
		rc = rc < 0 ? rc : 1;
	} else if (rc == 1) {
		rc = 0;
	} else if (rc == 0) {
		rc = VS_ENOENT; /* unless something is below it */
	}
	free(row);
	return rc;
}

json_t *member_list(struct member *m, const char *path, bool recursive,
    const char *cursor, int limit, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	struct listing l = { .m = m, .err = err != NULL ? err : &own };
	int one, rc;

	err = l.err;
	if (m->fault) {
		vs_err_set(err, m->fault_code, "%s", m->fault_why);
		return NULL;
	}
	l.files = json_array();
	one = list_one(&l, path);
	rc = one < 0 && one != VS_ENOENT ? one : 0;
	if (one != 1 && rc == 0)
		rc = recursive ? mirror_each(&m->mirror, path, cursor, limit,
				     add_row, &l, err)
			       : mirror_children(&m->mirror, path, cursor,
				     limit, add_row, &l, err);
	if (rc == 0 && one == VS_ENOENT && l.rows == 0 && cursor[0] == '\0')
		rc = vs_err_set(err, VS_ENOENT,
		    "%s: there is no such path in the project", path);
	else if (rc < 0)
		member_core_fault(m, err);
	if (rc < 0) {
		json_decref(l.files);
		return NULL;
	}
	return json_pack("{s:o, s:o}", "files", l.files, "next_cursor",
	    one != 1 && l.rows == limit ? json_string(l.last) : json_null());
}

/* A list of transfers being made. */
struct transfers {
	struct member *m;
	json_t *list;
	struct vs_err err;
};

static int add_transfer(void *arg, const struct pull *p)
{
	struct transfers *t = arg;
	char stamp[VS_STAMP_SIZE];
	char place[VS_PATH_MAX + 1];
	int other = names_place(&t->m->mirror, p->out, p->path, place, &t->err);
	json_t *endpoints = json_loads(p->endpoints, 0, NULL);
	const char *first = json_string_value(json_array_get(endpoints, 0));
	json_t *doc = json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:s, s:i, s:s, s:s, s:s, s:s*}", "id",
	    p->id, "path", p->path, "state", pulls_state_name(p->state), "size",
	    (json_int_t)p->size, "bytes", (json_int_t)p->bytes, "error",
	    p->error, "exit", p->exit, "endpoint", first != NULL ? first : "",
	    "out", p->out, "source", p->source, "place",
	    other == 1 ? place : NULL);

	json_decref(endpoints);
	if (doc == NULL)
		return VS_ENOMEM;
	json_object_set_new(doc, "ended_at",
	    p->ended_ms > 0 ? json_string(vs_stamp_format(p->ended_ms, stamp))
			    : json_null());
	return json_array_append_new(t->list, doc) == 0 ? 0 : VS_ENOMEM;
}

json_t *member_transfers(struct member *m, int limit)
{
	struct vs_err err = VS_ERR_INIT;
	struct transfers t = { .m = m, .list = json_array() };

	if (!m->fault &&
	    pulls_list(&m->mirror, limit, add_transfer, &t, &err) < 0)
		member_core_fault(m, &err);
	return json_pack("{s:o}", "transfers", t.list);
}

static json_t *row_doc(const struct mirror_row *row)
{
	return json_pack("{s:s, s:I, s:s, s:I, s:I}", "kind",
	    vs_kind_name(row->kind), "size", (json_int_t)row->size, "hash",
	    row->hash, "version", (json_int_t)row->version, "seq",
	    (json_int_t)row->seq);
}

static const char *why_text(const char *badge)
{
	switch (badge[0]) {
	case '=':
		return "it is here and whole";
	case '~':
		return "it is being pulled";
	case '!':
		return "it was changed here, or did not come from vsync";
	case 'x':
		return "its last pull failed: see vsync transfers";
	case '*':
		return "the owner is still recording it";
	case '?':
		return "the owner has listed it but not hashed it yet";
	default:
		return "it is in the project and not here";
	}
}

json_t *member_why(struct member *m, const char *path, struct vs_now now)
{
	struct vs_err err = VS_ERR_INIT;
	struct listing l = { .m = m, .err = &err };
	struct mirror_row *row = malloc(sizeof(*row));
	char place[VS_PATH_MAX + 1];
	struct disk_stat seen;
	json_t *doc = NULL;
	const char *b;
	bool other, here;

	m->now = now;
	if (row == NULL)
		return NULL;
	vs_text_copy(place, sizeof(place), path);
	other =
	    !m->fault && names_place(&m->mirror, "", path, place, &err) == 1;
	here = path[0] != '\0' &&
	    m->world.target->look(m->world.target, place, &seen, &err) == 0;
	if (m->fault || mirror_get(&m->mirror, path, row, &err) != 1) {
		doc = json_pack("{s:s, s:s, s:s, s:s, s:n, s:n, s:n, s:n}",
		    "path", path, "stage", here ? "local" : "absent", "text",
		    here ? "it is here and not in the project"
			 : "it is neither here nor in the project",
		    "waits_for", "", "disk", "manifest", "outbox", "cloud");
		goto out;
	}
	b = badge(&l, row, place);
	doc = json_pack("{s:s, s:s, s:s, s:s, s:o?, s:n, s:n, s:o, s:s*}",
	    "path", path, "stage", b[0] == '=' ? "here" : "mirror", "text",
	    why_text(b), "waits_for", b[0] == '-' ? "vsync pull" : "", "disk",
	    here ? json_pack("{s:I, s:I}", "size", (json_int_t)seen.size,
		       "mtime_ns", (json_int_t)seen.mtime_ns)
		 : NULL,
	    "manifest", "outbox", "cloud", row_doc(row), "place",
	    other ? place : NULL);
out:
	free(row);
	return doc;
}
