#include "tests/sim/oracle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/stamp.h"
#include "common/crypto/sha256.h"
#include "tests/sim/veil.h"

#define ORACLE_PATIENCE_MS (4 * 60 * 60 * 1000LL)

void oracle_init(struct oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->deletes = vs_map_new();
	o->recording = vs_map_new();
	o->named = vs_map_new();
	if (!o->deletes || !o->recording || !o->named)
		abort();
}

void oracle_release(struct oracle *o)
{
	table_release(&o->replay);
	vs_map_free(o->recording);
	vs_map_free(o->deletes);
	vs_map_free(o->named);
}

/* Another log: what was read of the old one is of no account. */
static void oracle_renew(struct oracle *o, const char *log_id)
{
	table_release(&o->replay);
	vs_map_free(o->deletes);
	vs_map_free(o->recording);
	o->deletes = vs_map_new();
	o->recording = vs_map_new();
	if (!o->deletes || !o->recording)
		abort();
	o->seq = 0;
	snprintf(o->log_id, sizeof(o->log_id), "%s", log_id);
}

static void named_key(char *out, size_t cap, const char *path, const char *hash)
{
	snprintf(out, cap, "%s//%s", path, hash);
}

bool oracle_named(const struct oracle *o, const char *path, const char *hash)
{
	char key[VS_PATH_MAX + 80];

	named_key(key, sizeof(key), path, hash);
	return vs_map_get(o->named, key) != NULL;
}

static void named_add(struct oracle *o, const char *path, const char *hash)
{
	char key[VS_PATH_MAX + 80];

	named_key(key, sizeof(key), path, hash);
	if (vs_map_put(o->named, key, o, NULL) != VS_OK)
		abort();
}

/* --- coming to rest --- */

struct answer {
	bool done;
	int code;
	char text[200];
};

static void rescan_done(void *arg, int code, const struct engine_report *r)
{
	struct answer *a = arg;

	(void)r;
	a->done = true;
	a->code = code;
}

static void flush_done(void *arg, int code, const char *text)
{
	struct answer *a = arg;

	a->done = true;
	a->code = code;
	snprintf(a->text, sizeof(a->text), "%s", text ? text : "");
}

/* Runs until a is done; false when that takes too long. */
static bool answer_wait(struct world *w, const struct answer *a, int64_t end)
{
	while (!a->done && world_now(w).mono_ms < end)
		if (!world_run(w, 20))
			return false;
	return a->done;
}

static void holds_approve(struct world *w)
{
	engine_decide(w->engine, true, world_now(w), NULL);
	world_poke(w);
	cloudside_decide(w->cloud, true);
}

/* Gives up: says why, and ends the engine, so that it answers now. */
static bool settle_abandon(struct world *w, const char *text)
{
	json_t *status =
	    w->engine ? engine_status(w->engine, world_now(w)) : NULL;
	char *doc = status ? json_dumps(status, JSON_COMPACT) : NULL;

	world_fail(w, "does not come to rest: %s: %.800s", text,
	    doc ? doc : "no engine");
	free(doc);
	json_decref(status);
	world_crash_engine(w, false, 0);
	return false;
}

/* Asks for a rescan (or not) and waits for it. */
static bool settle_scan(
    struct world *w, bool scan, int64_t end, struct answer *a)
{
	a->done = true;
	if (!scan)
		return true;
	a->done = false;
	if (engine_rescan(
		w->engine, "", false, rescan_done, a, world_now(w), NULL) < 0) {
		a->done = true;
		a->code = VS_EAGAIN;
	}
	world_poke(w);
	return answer_wait(w, a, end) ||
	    settle_abandon(w, "a rescan that does not end");
}

/* The barrier. */
static bool settle_flush(struct world *w, int64_t end, struct answer *a)
{
	if (engine_flush(w->engine, flush_done, a, world_now(w), NULL) < 0) {
		a->done = true;
		a->code = VS_EAGAIN;
	}
	world_poke(w);
	return answer_wait(w, a, end) ||
	    settle_abandon(w, "a barrier that does not end");
}

/* A file that grows and grows is published when its turn comes. */
static bool is_recording(struct world *w)
{
	json_t *doc = engine_status(w->engine, world_now(w));
	bool yes = json_integer_value(json_object_get(doc, "recording")) > 0;

	json_decref(doc);
	return yes;
}

bool oracle_settle(struct world *w, bool scan)
{
	int64_t end = world_now(w).mono_ms + ORACLE_PATIENCE_MS;
	char why[256] = "nothing runs";

	while (world_now(w).mono_ms < end) {
		struct answer sweep = { .code = VS_OK };
		struct answer flush = { .code = VS_OK };

		if (w->engine && cloudbox_up(w->cloud)) {
			/* one that ends meanwhile is not waited for */
			bool recording = is_recording(w);

			engine_pause(w->engine, false, NULL);
			if (!settle_scan(w, scan, end, &sweep) ||
			    !settle_flush(w, end, &flush))
				return false;
			if (flush.code == VS_OK && sweep.code == VS_OK &&
			    w->engine && !recording && !is_recording(w))
				return true;
			snprintf(why, sizeof(why), "scan %s, barrier %s %s",
			    vs_err_name(sweep.code), vs_err_name(flush.code),
			    flush.text);
			if (flush.code == VS_EHELD)
				holds_approve(w);
		}
		if (!world_run(w, 1000))
			return false;
	}
	return settle_abandon(w, why);
}

/* --- the four listings --- */

/* A row for what is shown, and for folders that lead there. */
static void disk_walk(struct table *t, const struct ignore *rules,
    const struct memfs_node *n, const char *dir)
{
	for (size_t i = 0; i < n->children; i++) {
		const struct memfs_node *c = n->child[i];
		char path[VS_PATH_MAX + 1];
		struct table_row r = { .path = path,
			.kind = vs_kind_name(c->kind),
			.mtime_us = -1,
			.mode = c->mode };
		enum ignore_kind veil;
		size_t before = t->n;

		if (c->hidden ||
		    vs_path_join(path, sizeof(path), dir, c->name) < 0 ||
		    vs_path_check(path, strlen(path)) != VS_PATH_GOOD)
			continue;
		veil = ignore_path(rules, path, c->kind == VS_KIND_DIR).kind;
		if (veil == IGNORE_HIDDEN)
			continue;
		if (c->kind != VS_KIND_DIR) {
			r.size = (int64_t)c->size;
			vs_sha256_hex(c->data, c->size, r.hash);
		}
		if (c->kind == VS_KIND_FILE)
			r.mtime_us = c->mtime_ns / 1000;
		if (c->kind == VS_KIND_SYMLINK)
			r.mode = -1;
		disk_walk(t, rules, c, path);
		if (veil == IGNORE_SHOWN || t->n > before)
			table_append(t, &r);
	}
}

static int manifest_row(void *arg, const struct vs_change *c)
{
	struct table_row r = { .path = (char *)c->path,
		.kind = vs_kind_name(c->kind),
		.size = c->size,
		.mtime_us =
		    c->has_mtime && c->kind == VS_KIND_FILE ? c->mtime_us : -1,
		.mode = c->mode };

	snprintf(r.hash, sizeof(r.hash), "%s", c->hash ? c->hash : "");
	table_append(arg, &r);
	return 0;
}

/* A kind's name with static life. */
static const char *kind_static(const char *name)
{
	int kind = name ? vs_kind_parse(name) : VS_EINVAL;

	return kind < 0 ? "?" : vs_kind_name((enum vs_kind)kind);
}

static void listing_add(struct table *t, const json_t *o)
{
	const char *path = json_string_value(json_object_get(o, "path"));
	const char *hash = json_string_value(json_object_get(o, "hash"));
	const char *kind = json_string_value(json_object_get(o, "kind"));
	struct table_row r = { .path = (char *)path,
		.kind = kind_static(kind),
		.size = json_integer_value(json_object_get(o, "size")),
		.mtime_us = -1,
		.mode = -1 };

	if (!path)
		return;
	snprintf(r.hash, sizeof(r.hash), "%s", hash ? hash : "");
	table_append(t, &r);
}

bool oracle_listing(struct world *w, struct table *t)
{
	char cursor[128] = "";
	bool more = true;

	while (more) {
		char path[320];
		const char *next;
		json_t *doc, *row;
		size_t i;

		snprintf(path, sizeof(path),
		    "/api/projects/%s/files?limit=37%s%s",
		    cloudbox_project(w->cloud), *cursor ? "&cursor=" : "",
		    cursor);
		doc = cloudbox_ask(w->cloud, "GET", path, NULL);
		if (!doc)
			return world_fail(w, "GET /files is not answered");
		json_array_foreach(json_object_get(doc, "files"), i, row)
		    listing_add(t, row);
		more = json_is_true(json_object_get(doc, "has_more"));
		next = json_string_value(json_object_get(doc, "next_cursor"));
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		json_decref(doc);
	}
	table_sort(t);
	return true;
}

/* --- the log --- */

static bool event_delete(
    struct oracle *o, struct world *w, int64_t seq, const char *path)
{
	intptr_t n = 1 + (intptr_t)vs_map_get(o->deletes, path);
	const struct table_row *was = table_find(&o->replay, path);
	/* a hidden folder comes and goes with what is shown in it */
	bool veiled = w->veiled && was && !strcmp(was->kind, "directory");
	/* a machine that took over may never have had it */
	bool lacked = w->moved || (w->host && w->host->moved);

	if (!table_drop(&o->replay, path))
		return world_fail(w,
		    "event %lld deletes %s, which is not there", (long long)seq,
		    path);
	if (vs_map_put(o->deletes, path, (void *)n, NULL) != VS_OK)
		abort();
	if (!veiled && !lacked && n > world_removed(w, path))
		return world_fail(w,
		    "event %lld deletes %s: deletion %ld, but it went away "
		    "%lld times",
		    (long long)seq, path, (long)n,
		    (long long)world_removed(w, path));
	return true;
}

/* A follower moves its copy: it must have one, of just this content. */
static bool event_rename(
    struct oracle *o, struct world *w, int64_t seq, const struct vs_change *c)
{
	const struct table_row *from = table_find(&o->replay, c->renamed_from);

	if (!from || strcmp(from->hash, c->hash ? c->hash : "") != 0)
		return world_fail(w, "event %lld renames %s to %s: %s",
		    (long long)seq, c->renamed_from, c->path,
		    from ? "another content" : "it is not there");
	o->renames++;
	return true;
}

/*
 * Files without a hash: recordings, and what a new state lists first.  Once
 * that was over, the engine has no business to list so again.
 */
static bool event_bare(
    struct oracle *o, struct world *w, int64_t seq, const struct vs_change *c)
{
	if (c->kind != VS_KIND_FILE || c->hash || c->recording)
		return true;
	o->bare++;
	if (w->o.list_first && (!w->listed || w->o.rot || o->again))
		return true;
	return world_fail(w, "event %lld gives %s no hash%s", (long long)seq,
	    c->path, w->o.list_first ? ", though all was listed" : "");
}

/* Shown as a recording or not: whether that is news. */
static bool mark(struct oracle *o, const struct vs_change *c)
{
	void *old = NULL;
	void *now = c->recording ? o : NULL;

	if (vs_map_put(o->recording, c->path, now, &old) != VS_OK)
		abort();
	return old != now;
}

static bool event_apply(
    struct oracle *o, struct world *w, int64_t seq, const json_t *change)
{
	const char *code = NULL;
	struct vs_change c;
	struct table_row r = { .mtime_us = -1 };
	bool marked;

	if (vs_change_read(change, false, &c, &code, NULL) < 0)
		return world_fail(w, "event %lld is no change: %s",
		    (long long)seq, code ? code : "?");
	if (c.op == VS_OP_DELETE)
		return event_delete(o, w, seq, c.path);
	r.path = (char *)c.path;
	r.kind = vs_kind_name(c.kind);
	r.size = c.size;
	r.mode = c.mode;
	if (c.has_mtime)
		r.mtime_us = c.mtime_us;
	snprintf(r.hash, sizeof(r.hash), "%s", c.hash ? c.hash : "");
	if (c.renamed_from && !event_rename(o, w, seq, &c))
		return false;
	if (!event_bare(o, w, seq, &c))
		return false;
	named_add(o, c.path, r.hash);
	if (*r.hash && !world_shown(w, c.path, r.hash))
		return world_fail(w,
		    "event %lld gives %s content %.12s, which it never had",
		    (long long)seq, c.path, r.hash);
	marked = mark(o, &c);
	if (!table_put(&o->replay, &r) && !marked)
		return world_fail(w, "event %lld changes nothing of %s",
		    (long long)seq, c.path);
	return true;
}

/* One page; *more says whether there is another one. */
static bool log_page(struct oracle *o, struct world *w, bool must, bool *more)
{
	char path[160];
	const char *log_id;
	json_t *doc, *e;
	bool ok = true;
	size_t i;

	snprintf(path, sizeof(path),
	    "/api/projects/%s/events?since_seq=%lld&limit=113",
	    cloudbox_project(w->cloud), (long long)o->seq);
	doc = cloudbox_ask(w->cloud, "GET", path, NULL);
	*more = false;
	if (!doc)
		return !must || world_fail(w, "GET /events is not answered");
	log_id = json_string_value(json_object_get(doc, "log_id"));
	if (log_id && strcmp(o->log_id, log_id) != 0) {
		*more = o->log_id[0] != '\0';
		oracle_renew(o, log_id);
	}
	if (*more) {
		json_decref(doc);
		return true;
	}
	json_array_foreach(json_object_get(doc, "events"), i, e)
	{
		int64_t seq = json_integer_value(json_object_get(e, "seq"));

		if (seq != o->seq + 1)
			ok = world_fail(w, "event %lld follows event %lld",
			    (long long)seq, (long long)o->seq);
		o->seq = seq;
		ok = ok && event_apply(o, w, seq, json_object_get(e, "change"));
		if (!ok)
			break;
	}
	*more = json_is_true(json_object_get(doc, "has_more"));
	o->whole = ok && !*more;
	if (ok && !*more &&
	    json_integer_value(json_object_get(doc, "last_seq")) != o->seq)
		ok = world_fail(w, "the log ends at %lld, not at last_seq",
		    (long long)o->seq);
	json_decref(doc);
	return ok;
}

bool oracle_follow(struct oracle *o, struct world *w, bool must)
{
	bool more = true;

	o->whole = false;
	if (!cloudbox_up(w->cloud))
		return !must;
	while (more)
		if (!log_page(o, w, must, &more))
			return false;
	return true;
}

static bool log_again(struct oracle *o, struct world *w)
{
	struct oracle again;
	char why[900];
	bool ok;

	oracle_init(&again);
	again.again = true;
	ok = oracle_follow(&again, w, true);
	if (ok &&
	    !table_equal(&o->replay, "the log", &again.replay,
		"the log read anew", why, sizeof(why)))
		ok = world_fail(w, "%s", why);
	oracle_release(&again);
	return ok;
}

/* --- the checksums --- */

/* o has the member tree, and it is that of the table. */
static bool tree_is(
    struct world *w, const char *whose, const json_t *o, const struct table *t)
{
	const json_t *tree = json_object_get(o, "tree");
	const char *have = json_string_value(json_object_get(tree, "checksum"));
	int64_t n = json_integer_value(json_object_get(tree, "count"));
	struct vs_tree want;
	char sum[65];

	table_tree(t, &want);
	vs_hex_encode(sum, want.sum, sizeof(want.sum));
	if (have && !strcmp(have, sum) && n == want.count)
		return true;
	return world_fail(w, "%s tree is %.16s of %lld, not %.16s of %lld",
	    whose, have ? have : "none", (long long)n, sum,
	    (long long)want.count);
}

static bool trees_same(struct oracle *o, struct world *w, const struct table *t)
{
	json_t *status = engine_status(w->engine, world_now(w));
	char path[160];
	json_t *page;
	bool ok;

	snprintf(path, sizeof(path), "/api/projects/%s/events?since_seq=%lld",
	    cloudbox_project(w->cloud), (long long)o->seq);
	page = cloudbox_ask(w->cloud, "GET", path, NULL);
	ok = tree_is(w, "the agent's", status, t) &&
	    tree_is(w, "the cloud's", page, t);
	json_decref(status);
	json_decref(page);
	return ok;
}

bool oracle_tables(struct world *w, struct table *disk, struct table *own)
{
	struct ignore *rules = veil_load(w->fs);
	struct vs_err err = VS_ERR_INIT;

	disk_walk(disk, rules, memfs_at(w->fs, "", NULL), "");
	ignore_free(rules);
	table_sort(disk);
	if (engine_each(w->engine, manifest_row, own, &err) < 0)
		return world_fail(w, "the manifest: %s", err.msg);
	table_sort(own);
	return true;
}

bool oracle_compare(struct oracle *o, struct world *w, bool whole)
{
	struct table disk, own, cloud;
	char why[900];
	bool ok;

	table_init(&disk);
	table_init(&own);
	table_init(&cloud);
	o->compared++;
	ok = w->engine && cloudbox_up(w->cloud) &&
	    oracle_tables(w, &disk, &own) && oracle_listing(w, &cloud) &&
	    oracle_follow(o, w, true);
	if (ok &&
	    (!table_equal(
		 &disk, "the folder", &own, "the manifest", why, sizeof(why)) ||
		!table_equal(&own, "the manifest", &cloud, "the listing", why,
		    sizeof(why)) ||
		!table_equal(&disk, "the folder", &o->replay, "the log", why,
		    sizeof(why))))
		ok = world_fail(w, "%s", why);
	ok = ok && trees_same(o, w, &disk) && (!whole || log_again(o, w));
	table_release(&disk);
	table_release(&own);
	table_release(&cloud);
	return ok;
}
