#include "tests/sim/imp.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memwire.h"

#define IMP_RARE 6 /* one in so many calls does something */
#define MIB ((size_t)1024 * 1024)

static uint64_t below(struct imp *p, uint64_t n)
{
	return vs_rand_below(&p->rand, n);
}

static int64_t while_ms(struct imp *p)
{
	static const uint64_t scale[] = { 10, 200, 3000, 90000 };

	return 1 + (int64_t)below(p, scale[below(p, 4)]);
}

/* What ends by itself. */
struct ending {
	void (*end)(struct imp *p, struct membox *b, bool power);
	struct imp *p;
	bool power;
};

static void ending_due(void *arg, void *data, bool due)
{
	struct ending *e = data;

	if (due)
		e->end(e->p, arg, e->power);
	free(e);
}

static void ending_add(struct imp *p, struct membox *b,
    void (*end)(struct imp *p, struct membox *b, bool power), bool power)
{
	struct ending *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	*e = (struct ending){ .end = end, .p = p, .power = power };
	sched_add(b->w->sched, while_ms(p), WORLD_GREMLIN, ending_due, b, e);
}

/* --- people --- */

/* Some path of the owner's folder: mostly it is in the mirror, too. */
static bool path_some(struct imp *p, struct world *w, int kind, char *path)
{
	struct memfs_node *n = memfs_pick(w->fs, &p->rand, kind);

	return n && memfs_path(n, path);
}

static void pull(struct membox *b, const char *path, bool dry, bool force)
{
	const struct member_want want = { .dry = dry, .force = force };
	struct vs_err err = VS_ERR_INIT;

	if (!b->m)
		return;
	if (force && !*path)
		b->force_all = true;
	else if (force && vs_map_put(b->forced, path, b, NULL) != VS_OK)
		abort();
	json_decref(member_pull(b->m, &path, 1, &want, world_now(b->w), &err));
	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: pull %s: %s", b->no, path, vs_err_name(err.code));
	membox_poke(b);
}

static void act_pull(struct imp *p, struct membox *b)
{
	char path[VS_PATH_MAX + 1];

	for (uint64_t i = 1 + below(p, 4); i > 0; i--)
		if (path_some(p, b->w, below(p, 3) ? VS_KIND_FILE : -1, path))
			pull(b, path, false, false);
}

static void act_pull_all(struct imp *p, struct membox *b)
{
	if (!below(p, 8))
		pull(b, "", false, false);
}

static void act_pull_forced(struct imp *p, struct membox *b)
{
	char path[VS_PATH_MAX + 1];

	if (path_some(p, b->w, VS_KIND_FILE, path))
		pull(b, path, false, true);
}

static void act_dry(struct imp *p, struct membox *b)
{
	char path[VS_PATH_MAX + 1] = "";

	if (below(p, 4) && !path_some(p, b->w, -1, path))
		return;
	pull(b, path, true, false);
}

/* A file of the member's own folder gets a line of its own. */
static void act_edit(struct imp *p, struct membox *b)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n = memfs_pick(b->fs, &p->rand, VS_KIND_FILE);
	uint64_t word = vs_rand_u64(&p->rand);

	if (n && below(p, 4)) {
		if (!memfs_path(n, path))
			return;
	} else if (!path_some(p, b->w, VS_KIND_FILE, path)) {
		return;
	}
	n = memfs_open(b->fs, path);
	if (!n)
		return;
	memfs_write(b->fs, n, below(p, 2) ? 0 : n->size, &word, sizeof(word));
	memfs_close(b->fs, n);
}

static void act_remove(struct imp *p, struct membox *b)
{
	struct memfs_node *n = memfs_pick(b->fs, &p->rand, -1);
	char path[VS_PATH_MAX + 1];

	if (!n || !memfs_path(n, path))
		return;
	if (n->kind != VS_KIND_DIR)
		memfs_unlink(b->fs, path);
	else
		memfs_rmtree(b->fs, path);
}

static void act_rename(struct imp *p, struct membox *b)
{
	struct memfs_node *n = memfs_pick(b->fs, &p->rand, -1);
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];

	if (n && memfs_path(n, from) && path_some(p, b->w, -1, to))
		memfs_rename(b->fs, from, to);
}

static void act_touch(struct imp *p, struct membox *b)
{
	struct memfs_node *n = memfs_pick(b->fs, &p->rand, VS_KIND_FILE);
	char path[VS_PATH_MAX + 1];

	if (n && memfs_path(n, path))
		memfs_utimes(
		    b->fs, path, n->mtime_ns + (int64_t)below(p, 1000000000));
}

static void act_cancel(struct imp *p, struct membox *b)
{
	json_t *doc, *list;
	const char *id;

	if (!b->m)
		return;
	doc = member_transfers(b->m, 20);
	list = json_object_get(doc, "transfers");
	id = json_string_value(
	    json_object_get(json_array_get(list, (size_t)below(p, 20)), "id"));
	if (id)
		member_cancel(b->m, id, world_now(b->w), NULL);
	json_decref(doc);
	membox_poke(b);
}

static void act_cancel_all(struct imp *p, struct membox *b)
{
	if (b->m && !below(p, 4))
		member_cancel(b->m, NULL, world_now(b->w), NULL);
	membox_poke(b);
}

static void pause_ends(struct imp *p, struct membox *b, bool power)
{
	(void)p;
	(void)power;
	if (b->m)
		member_pause(b->m, false, NULL);
	membox_poke(b);
}

static void act_pause(struct imp *p, struct membox *b)
{
	if (b->m)
		member_pause(b->m, true, NULL);
	ending_add(p, b, pause_ends, false);
}

static void act_look(struct imp *p, struct membox *b)
{
	char path[VS_PATH_MAX + 1] = "";
	struct vs_err err = VS_ERR_INIT;

	if (!b->m)
		return;
	path_some(p, b->w, -1, path);
	json_decref(member_status(b->m, world_now(b->w)));
	json_decref(member_list(b->m, path, below(p, 2), "", 50, &err));
	json_decref(member_transfers(b->m, 20));
	json_decref(member_why(b->m, path, world_now(b->w)));
}

/* Content of several chunks that differs in little. */
static void act_big(struct imp *p, struct membox *b)
{
	size_t len = 4 * MIB * (1 + (size_t)below(p, 2)) + (size_t)below(p, 9);
	char path[] = "big0.mov";
	struct memfs_node *n;
	uint8_t *data;

	path[3] = (char)('0' + below(p, 2));
	if (below(p, 3))
		return;
	n = memfs_open(b->w->fs, path);
	if (!n)
		return;
	data = malloc(len);
	if (!data)
		abort();
	memset(data, (int)below(p, 256), len);
	for (int i = 0; i < 16; i++)
		data[below(p, len)] = (uint8_t)below(p, 256);
	memfs_truncate(b->w->fs, n, 0);
	memfs_write(b->w->fs, n, 0, data, len);
	memfs_close(b->w->fs, n);
	free(data);
}

/* --- machines --- */

static void act_kill(struct imp *p, struct membox *b)
{
	membox_crash(b, false, while_ms(p));
}

static void act_power(struct imp *p, struct membox *b)
{
	membox_crash(b, true, while_ms(p));
}

static void inside_ends(struct imp *p, struct membox *b, bool power)
{
	membox_crash(b, power, while_ms(p));
	memvfs_heal(b->vfs);
	memtarget_revive(b->target);
}

static void act_inside(struct imp *p, struct membox *b)
{
	const struct memvfs_fault f = {
		.ops = MEMVFS_ANY, .after = (int64_t)below(p, 60), .stays = true
	};

	if (below(p, 2))
		memvfs_fail(b->vfs, &f);
	else
		memtarget_die(b->target, 1 + (int64_t)below(p, 30));
	ending_add(p, b, inside_ends, below(p, 2));
}

static void db_ends(struct imp *p, struct membox *b, bool power)
{
	(void)p;
	(void)power;
	memvfs_heal(b->vfs);
	memvfs_budget(b->vfs, -1);
}

static void act_db(struct imp *p, struct membox *b)
{
	static const unsigned ops[] = { MEMVFS_BIT(MEMVFS_READ),
		MEMVFS_BIT(MEMVFS_WRITE), MEMVFS_BIT(MEMVFS_SYNC), MEMVFS_ANY };
	struct memvfs_fault f = { .ops = ops[below(p, 4)],
		.after = (int64_t)below(p, 40),
		.stays = !below(p, 4) };

	memvfs_fail(b->vfs, &f);
	ending_add(p, b, db_ends, false);
}

static void act_db_full(struct imp *p, struct membox *b)
{
	memvfs_budget(b->vfs, (int64_t)below(p, 40000));
	ending_add(p, b, db_ends, false);
}

static void disk_ends(struct imp *p, struct membox *b, bool power)
{
	(void)p;
	(void)power;
	memtarget_set_faults(b->target, &(struct memtarget_faults){ 0 });
	memtarget_set_space(b->target, -1);
	memtarget_show(b->target, true);
}

static void act_disk(struct imp *p, struct membox *b)
{
	const struct memtarget_faults f = { .look_io = (int)below(p, 100),
		.write_io = (int)below(p, 300),
		.sync_io = (int)below(p, 300),
		.finish_io = (int)below(p, 500),
		.hash_io = (int)below(p, 300) };

	memtarget_set_faults(b->target, &f);
	ending_add(p, b, disk_ends, false);
}

static void act_disk_full(struct imp *p, struct membox *b)
{
	memtarget_set_space(b->target, (int64_t)below(p, 20000));
	ending_add(p, b, disk_ends, false);
}

static void act_root(struct imp *p, struct membox *b)
{
	memtarget_show(b->target, false);
	ending_add(p, b, disk_ends, false);
}

static void wire_ends(struct imp *p, struct membox *b, bool power)
{
	(void)p;
	(void)power;
	b->faults = (struct membox_faults){ 0 };
	b->no_token = false;
	b->hash_ms = 5;
}

static void act_stream(struct imp *p, struct membox *b)
{
	b->faults.cut = (int)below(p, 900);
	b->faults.lost = (int)below(p, 1000);
	b->faults.net = (int)below(p, 500);
	ending_add(p, b, wire_ends, false);
}

static void act_cut(struct imp *p, struct membox *b)
{
	(void)p;
	memwire_cut(b);
}

static void act_strike(struct imp *p, struct membox *b)
{
	b->faults.strike = 1 + (int)below(p, 500);
	act_pull(p, b);
	ending_add(p, b, wire_ends, false);
}

static void act_chunks(struct imp *p, struct membox *b)
{
	b->faults.net = (int)below(p, 400);
	b->faults.flip = (int)below(p, 300);
	b->faults.rot = (int)below(p, 200);
	b->faults.torn = (int)below(p, 1000);
	b->faults.late = (int)below(p, 2) * (int)below(p, 800);
	ending_add(p, b, wire_ends, false);
}

static void act_token(struct imp *p, struct membox *b)
{
	b->no_token = true;
	memwire_cut(b);
	ending_add(p, b, wire_ends, false);
}

static void act_slow(struct imp *p, struct membox *b)
{
	b->hash_ms = 50 + (int)below(p, 5000);
	ending_add(p, b, wire_ends, false);
}

static const struct {
	const char *name;
	void (*run)(struct imp *p, struct membox *b);
	unsigned weight;
} imps[IMPS] = {
	[IMP_PULL] = { "pulls", act_pull, 24 },
	[IMP_PULL_ALL] = { "pulls all", act_pull_all, 2 },
	[IMP_PULL_FORCED] = { "forces", act_pull_forced, 2 },
	[IMP_DRY] = { "plans", act_dry, 3 },
	[IMP_EDIT] = { "edits", act_edit, 6 },
	[IMP_REMOVE] = { "removes", act_remove, 3 },
	[IMP_RENAME] = { "renames", act_rename, 2 },
	[IMP_TOUCH] = { "touches", act_touch, 1 },
	[IMP_CANCEL] = { "cancels", act_cancel, 2 },
	[IMP_CANCEL_ALL] = { "cancels all", act_cancel_all, 1 },
	[IMP_PAUSE] = { "pauses", act_pause, 1 },
	[IMP_LOOK] = { "looks", act_look, 2 },
	[IMP_BIG] = { "a large file", act_big, 1 },
	[IMP_KILL] = { "killed", act_kill, 3 },
	[IMP_POWER] = { "power cut", act_power, 3 },
	[IMP_INSIDE] = { "dies inside", act_inside, 3 },
	[IMP_DB] = { "database error", act_db, 2 },
	[IMP_DB_FULL] = { "database full", act_db_full, 1 },
	[IMP_DISK] = { "disk errors", act_disk, 2 },
	[IMP_DISK_FULL] = { "disk full", act_disk_full, 1 },
	[IMP_ROOT] = { "folder lost", act_root, 1 },
	[IMP_STREAM] = { "bad stream", act_stream, 2 },
	[IMP_CUT] = { "stream cut", act_cut, 2 },
	[IMP_STRIKE] = { "struck", act_strike, 4 },
	[IMP_CHUNKS] = { "bad chunks", act_chunks, 3 },
	[IMP_TOKEN] = { "token refused", act_token, 1 },
	[IMP_SLOW] = { "slow hashes", act_slow, 1 },
};

const char *imp_name(enum imp_kind kind)
{
	assert(kind < IMPS);
	return imps[kind].name;
}

void imp_init(struct imp *p, uint64_t seed, bool calm)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed ^ 0x1335;
	vs_rand_seed(&p->rand, p->seed);
	p->calm = calm;
}

void imp_act(struct imp *p, struct world *w, int64_t op)
{
	unsigned total = 0, n;
	struct membox *b;
	int kind = 0;

	vs_rand_seed(&p->rand, p->seed + (uint64_t)op * 0x9e3779b97f4a7c15ULL);
	if (!w->members || below(p, IMP_RARE))
		return;
	b = w->member[below(p, (uint64_t)w->members)];
	for (int i = 0; i < (p->calm ? IMP_KILL : IMPS); i++)
		total += imps[i].weight;
	n = (unsigned)below(p, total);
	while (n >= imps[kind].weight)
		n -= imps[kind++].weight;
	p->count[kind]++;
	trace_add(&w->trace, world_now(w).mono_ms, "member %d: %s", b->no,
	    imps[kind].name);
	imps[kind].run(p, b);
}

void imp_rest(struct imp *p, struct world *w)
{
	for (int i = 0; i < w->members; i++) {
		struct membox *b = w->member[i];

		db_ends(p, b, false);
		disk_ends(p, b, false);
		wire_ends(p, b, false);
		memtarget_revive(b->target);
		pause_ends(p, b, false);
	}
}
