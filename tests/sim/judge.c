#include "tests/sim/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "tests/sim/membox.h"

#define JUDGE_ROUNDS 5 /* of pulls that make room for the next */
#define JUDGE_PATIENCE_MS (4 * 60 * 60 * 1000LL)

bool judge_finished(const struct oracle *o, struct world *w)
{
	for (int i = 0; i < w->members; i++) {
		struct membox *b = w->member[i];

		while (b->finished) {
			struct membox_file *f = b->finished;

			if (!oracle_named(o, f->path, f->hash))
				return world_fail(w,
				    "member %d: %s got or lost content %.12s, "
				    "which the log never named for it",
				    i, f->path, f->hash);
			b->finished = f->next;
			free(f->path);
			free(f);
		}
	}
	return true;
}

/* --- coming to rest --- */

static bool at_rest(
    struct membox *b, const struct oracle *o, char *text, size_t cap)
{
	json_t *doc = member_status(b->m, world_now(b->w));
	char *dump = json_dumps(doc, JSON_COMPACT);
	bool ok = json_is_true(json_object_get(doc, "in_sync")) &&
	    json_integer_value(json_object_get(doc, "last_seq")) == o->seq &&
	    json_integer_value(json_object_get(doc, "pulls")) == 0;

	snprintf(text, cap, "%s", dump ? dump : "?");
	free(dump);
	json_decref(doc);
	return ok;
}

static bool settle(struct membox *b, const struct oracle *o)
{
	struct world *w = b->w;
	int64_t end = world_now(w).mono_ms + JUDGE_PATIENCE_MS;
	char text[800] = "it is down";

	while (world_now(w).mono_ms < end) {
		if (b->m && at_rest(b, o, text, sizeof(text)))
			return true;
		if (b->m) {
			/* whoever was stopped is told to go on */
			member_pause(b->m, false, NULL);
			membox_poke(b);
		}
		if (!world_run(w, 1000))
			return false;
	}
	return world_fail(
	    w, "member %d does not come to rest: %s", b->no, text);
}

/* --- the listing --- */

static int mirror_row(void *arg, const struct vs_change *c)
{
	struct table_row r = { .path = (char *)c->path,
		.kind = vs_kind_name(c->kind),
		.size = c->size,
		.mtime_us = -1,
		.mode = -1 };

	snprintf(r.hash, sizeof(r.hash), "%s", c->hash ? c->hash : "");
	table_append(arg, &r);
	return 0;
}

static bool listing_same(struct membox *b, const struct table *cloud,
    const struct oracle *o, struct table *own)
{
	struct vs_err err = VS_ERR_INIT;
	char name[32], why[900];

	snprintf(name, sizeof(name), "member %d's mirror", b->no);
	if (member_each(b->m, mirror_row, own, &err) < 0)
		return world_fail(b->w, "%s: %s", name, err.msg);
	table_sort(own);
	if (!table_equal(own, name, cloud, "the listing", why, sizeof(why)) ||
	    !table_equal(own, name, &o->replay, "the log", why, sizeof(why)))
		return world_fail(b->w, "%s", why);
	return true;
}

/* --- the files --- */

/* True if nothing can stand at path for what stands in its way. */
static bool blocked(struct membox *b, const char *path)
{
	int code = VS_OK;
	const struct memfs_node *n = memfs_at(b->fs, path, &code);
	char dir[VS_PATH_MAX + 1];

	if (n)
		return n->kind != VS_KIND_FILE;
	snprintf(dir, sizeof(dir), "%s", path);
	for (char *s = dir; (s = strchr(s, '/')) != NULL; *s++ = '/') {
		*s = '\0';
		n = memfs_at(b->fs, dir, NULL);
		if (n && n->kind != VS_KIND_DIR)
			return true;
	}
	return false;
}

static char badge(struct membox *b, const char *path)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = member_list(b->m, path, false, "", 1, &err);
	const char *s = json_string_value(json_object_get(
	    json_array_get(json_object_get(doc, "files"), 0), "badge"));
	char c = s ? s[0] : '?';

	json_decref(doc);
	return c;
}

/* One file of the mirror that a pull of everything should have brought. */
static bool file_right(struct membox *b, const struct table_row *r)
{
	const struct memfs_node *n = memfs_at(b->fs, r->path, NULL);
	const char *ours = vs_map_get(b->placed, r->path);
	char hash[65];

	if (strcmp(r->kind, "file") != 0 || !vs_hex_is_hash(r->hash) ||
	    blocked(b, r->path))
		return true;
	if (!n)
		return world_fail(
		    b->w, "member %d: %s was not pulled", b->no, r->path);
	vs_sha256_hex(n->data, n->size, hash);
	if (!strcmp(hash, r->hash))
		return true;
	if (badge(b, r->path) == '=')
		return world_fail(
		    b->w, "member %d: %s is taken for whole", b->no, r->path);
	/* a name given at the end of its life is nobody's: left alone */
	if (!ours || strcmp(hash, ours) != 0 || !vs_map_get(b->sure, r->path))
		return true;
	return world_fail(
	    b->w, "member %d: %s is not the newest", b->no, r->path);
}

static json_t *pull(struct membox *b, const char *path, bool dry)
{
	const struct member_want want = { .dry = dry };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = member_pull(b->m, &path, 1, &want, world_now(b->w), &err);

	if (!doc)
		world_fail(
		    b->w, "member %d: pull %s: %s", b->no, path, err.msg);
	membox_poke(b);
	return doc;
}

/* The first row of the plan that something would be done for. */
static const char *first_wanted(const json_t *plan)
{
	const json_t *files = json_object_get(plan, "files");
	const json_t *row;
	size_t i;

	json_array_foreach(files, i, row)
	{
		const char *action =
		    json_string_value(json_object_get(row, "action"));

		if (!strcmp(action, "fetch") || !strcmp(action, "reuse"))
			return json_string_value(json_object_get(row, "path"));
	}
	return "?";
}

/* Pulls path, waits, and asks again: what is wanted then, negative: failed. */
static int64_t pull_once(struct membox *b, const struct oracle *o,
    const char *path, char *first, size_t cap)
{
	json_t *doc = pull(b, path, false);
	int64_t n;

	if (!doc)
		return -1;
	json_decref(doc);
	doc = settle(b, o) ? pull(b, path, true) : NULL;
	if (!doc)
		return -1;
	n = json_integer_value(json_object_get(doc, "fetch_files")) +
	    json_integer_value(json_object_get(doc, "reuse_files"));
	snprintf(first, cap, "%s", first_wanted(doc));
	json_decref(doc);
	return n;
}

/* How often a pull took a file away from its name. */
static int64_t moves(const struct membox *b)
{
	return b->stats.moved + b->stats.taken;
}

/*
 * A second pull wants nothing, unless the first has moved a file out of the
 * way of what could not be pulled for it.
 */
static bool pull_twice(
    struct membox *b, const struct oracle *o, const char *path)
{
	char first[VS_PATH_MAX + 1];
	int64_t moved, n;
	int rounds = 0;

	do {
		moved = moves(b);
		n = pull_once(b, o, path, first, sizeof(first));
	} while (n > 0 && moves(b) > moved && ++rounds < JUDGE_ROUNDS);
	if (n > 0)
		world_fail(b->w,
		    "member %d: a second pull of '%s' wants %lld files: %s",
		    b->no, path, (long long)n, first);
	return n == 0;
}

/* One that a later pull moves away may have been in the way of an earlier. */
static bool files_right(struct membox *b, const struct oracle *o,
    const struct table *rows, bool all)
{
	size_t from = 0, to = rows->n;
	int64_t moved;
	int rounds = 0;

	if (rows->n == 0)
		return true;
	if (!all) {
		from = (size_t)vs_rand_below(&b->w->rand, rows->n);
		to = from + 1 + (size_t)vs_rand_below(&b->w->rand, 5);
		to = to < rows->n ? to : rows->n;
	}
	do {
		moved = moves(b);
		for (size_t i = from; i < (all ? 1 : to); i++)
			if (!pull_twice(b, o, all ? "" : rows->row[i].path))
				return false;
	} while (moves(b) > moved && ++rounds < JUDGE_ROUNDS);
	for (size_t i = from; i < to; i++)
		if (!file_right(b, &rows->row[i]))
			return false;
	return true;
}

static bool member_right(const struct oracle *o, struct membox *b,
    const struct table *cloud, bool all)
{
	struct table own;
	bool ok;

	table_init(&own);
	ok = settle(b, o) && listing_same(b, cloud, o, &own) &&
	    files_right(b, o, &own, all);
	/* what could not be dropped is swept */
	for (int i = 0; i < 60 && ok && memtarget_parts(b->target) > 0; i++)
		ok = world_run(b->w, 1000);
	if (ok && memtarget_parts(b->target) > 0)
		ok =
		    world_fail(b->w, "member %d: parts are left behind", b->no);
	table_release(&own);
	return ok;
}

bool judge_members(const struct oracle *o, struct world *w, bool all)
{
	struct table cloud;
	bool ok;

	if (!w->members)
		return true;
	table_init(&cloud);
	ok = oracle_listing(w, &cloud);
	for (int i = 0; i < w->members && ok; i++)
		ok = member_right(o, w->member[i], &cloud, all);
	table_release(&cloud);
	return ok && judge_finished(o, w);
}
