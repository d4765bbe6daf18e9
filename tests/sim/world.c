#include "tests/sim/world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/hex.h"
#include "common/crypto/sha256.h"
#include "tests/sim/membox.h"
#include "tests/sim/memwire.h"
#include "tests/sim/plainbox.h"
#include "tests/sim/veil.h"
#include "tests/sim/worldnet.h"

#define WORLD_ROOT_ID "0123456789abcdef0123456789abcdef"
#define WORLD_START_MS 1750000000000LL /* since 1970 */
#define WORLD_STUCK 50000 /* steps without a rest: it goes round in circles */
#define WORLD_REOPEN_MS 500

struct vs_now world_now(const struct world *w)
{
	return sched_now(w->sched);
}

bool world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	w = w->host ? w->host : w;
	if (w->failure[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
	return false;
}

/* --- the engine's clockwork --- */

static void step_plan(struct world *w, int64_t at);

static void step_due(void *arg, void *data, bool due)
{
	struct world *w = arg;
	int64_t serial = *(int64_t *)data;
	struct vs_now now = world_now(w);
	int64_t next;

	free(data);
	if (!due || serial != w->step_serial || !w->engine)
		return;
	w->step_at = INT64_MAX;
	w->stats.steps++;
	next = engine_step(w->engine, now);
	if (next > now.mono_ms)
		w->stuck = 0;
	else if (++w->stuck > WORLD_STUCK)
		world_fail(w, "the engine wants step after step");
	/* steps take their time, so that things happen between two */
	if (next <= now.mono_ms)
		next = now.mono_ms + (int64_t)vs_rand_below(&w->rand, 2);
	step_plan(w, next);
}

static void step_plan(struct world *w, int64_t at)
{
	int64_t *serial;

	if (at >= w->step_at || at == INT64_MAX)
		return;
	serial = malloc(sizeof(*serial));
	if (!serial)
		abort();
	*serial = ++w->step_serial;
	w->step_at = at;
	sched_add(
	    w->sched, at - world_now(w).mono_ms, w->owner, step_due, w, serial);
}

void world_poke(struct world *w)
{
	if (w->engine)
		step_plan(w,
		    world_now(w).mono_ms + (int64_t)vs_rand_below(&w->rand, 2));
}

static void hint_give(void *arg, const struct watch_hint *h)
{
	struct world *w = arg;

	w->stats.hints++;
	trace_add(&w->trace, world_now(w).mono_ms, "hint %d%s %s", h->what,
	    h->moved ? "m" : "", h->path);
	engine_hint(w->engine, h, world_now(w));
}

static void hints_plan(struct world *w);

static void hints_come(void *arg, void *data, bool due)
{
	struct world *w = arg;

	(void)data;
	w->hints_due = false;
	if (!due || !w->engine)
		return;
	memdisk_deliver(
	    w->disk, 1 + (int)vs_rand_below(&w->rand, 64), hint_give, w);
	if (w->log)
		memlog_deliver(
		    w->log, 1 + (int)vs_rand_below(&w->rand, 64), hint_give, w);
	world_poke(w);
	hints_plan(w);
}

static void hints_plan(struct world *w)
{
	if (w->hints_due || !w->engine ||
	    !(memdisk_pending(w->disk) || (w->log && memlog_pending(w->log))))
		return;
	w->hints_due = true;
	sched_add(w->sched,
	    (int64_t)vs_rand_below(&w->rand, (uint64_t)w->hint_ms + 1),
	    w->owner, hints_come, w, NULL);
}

/* --- hashing --- */

struct hashing {
	uint64_t id;
	char *path;
	bool held;
	bool begun;
	struct memdisk_hash h;
};

static void hashing_free(struct world *w, struct hashing *k)
{
	if (k->begun)
		memdisk_hash_end(w->disk, &k->h, NULL);
	free(k->path);
	free(k);
}

static void shown_key(char *out, size_t cap, const char *path, const char *hash)
{
	snprintf(out, cap, "%s//%s", path, hash);
}

/*
 * Written over within one tick of the clock, after its size and while it was
 * read: no stat tells.  What was read is of two contents, and corrected once
 * the tick is over.
 */
static void note_torn(struct world *w, const struct disk_hash *h)
{
	char hash[65];
	char key[80];

	vs_hex_encode(hash, h->sha256, sizeof(h->sha256));
	shown_key(key, sizeof(key), "", hash);
	if (vs_map_put(w->shown, key, w, NULL) != VS_OK)
		abort();
}

static void hash_ends(void *arg, void *data, bool due)
{
	struct world *w = arg;
	struct hashing *k = data;
	int code;

	if (!due) {
		hashing_free(w, k);
		return;
	}
	k->begun = false;
	code = memdisk_hash_end(w->disk, &k->h, NULL);
	trace_add(&w->trace, world_now(w).mono_ms, "hash %s: %d %llx", k->path,
	    code,
	    code ? 0ULL
		 : (unsigned long long)trace_digest(
		       k->h.out.sha256, sizeof(k->h.out.sha256)));
	if (code == VS_OK && k->h.torn && w->o.coarse)
		note_torn(w, &k->h.out);
	engine_hashed(w->engine, k->id, code, &k->h.out, world_now(w));
	hashing_free(w, k);
	world_poke(w);
}

static void hash_begins(void *arg, void *data, bool due)
{
	struct world *w = arg;
	struct hashing *k = data;

	if (!due) {
		hashing_free(w, k);
		return;
	}
	memdisk_hash_start(w->disk, k->path, k->held, &k->h);
	k->begun = true;
	sched_add(w->sched,
	    (int64_t)vs_rand_below(&w->rand, (uint64_t)w->hash_ms + 1),
	    w->owner, hash_ends, w, k);
}

static void world_hash(void *arg, const struct engine_hash *h)
{
	struct world *w = arg;
	struct hashing *k = calloc(1, sizeof(*k));

	if (!k)
		abort();
	w->stats.hashes++;
	if (w->o.sabotage == WORLD_LOST_HASH && !vs_rand_below(&w->rand, 200)) {
		free(k);
		return;
	}
	k->id = h->id;
	k->held = h->held;
	k->path = strdup(h->path);
	if (!k->path)
		abort();
	sched_add(w->sched, (int64_t)vs_rand_below(&w->rand, 3), w->owner,
	    hash_begins, w, k);
}

static void world_tell(void *arg, const struct engine_event *e)
{
	struct world *w = arg;

	assert(e->news <= ENGINE_STATE);
	w->stats.news[e->news]++;
	trace_add(&w->trace, world_now(w).mono_ms, "news %d %s %s %s %lld",
	    e->news, e->path ? e->path : "-", e->op ? e->op : "-",
	    e->text ? e->text : "-", (long long)e->seq);
}

static int world_set_aside(
    void *arg, const char *path, char *aside, size_t cap, struct vs_err *err)
{
	struct world *w = arg;
	char from[64], to[80];

	(void)err;
	snprintf(
	    aside, cap, "%s.corrupt-%d", path, (int)(w->stats.rescues++ % 2));
	snprintf(from, sizeof(from), "%s-wal", path);
	snprintf(to, sizeof(to), "%s-wal", aside);
	(void)memvfs_move(w->agent_vfs, from, to);
	(void)memvfs_move(w->agent_vfs, path, aside);
	return VS_OK;
}

/* --- starting and ending --- */

/* Sabotage: what was fixed behind the batch in flight was never there. */
static void forget_ahead(const struct world *w)
{
	static const char sql[] =
	    "BEGIN; DELETE FROM flight WHERE pos >= (SELECT pos FROM batch "
	    "ORDER BY counter LIMIT 1 OFFSET 1);"
	    "UPDATE meta SET value = value - 1 WHERE key = 'counter' "
	    "AND (SELECT count(*) FROM batch) > 1;"
	    "DELETE FROM batch WHERE counter > (SELECT min(counter) "
	    "FROM batch); COMMIT";
	sqlite3 *db = NULL;

	/* where there is none yet, or the disk fails: nothing to forget */
	if (sqlite3_open_v2("agent.db", &db, SQLITE_OPEN_READWRITE,
		w->vfs_name) == SQLITE_OK)
		(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
}

static void engine_start(void *arg, void *data, bool due)
{
	/* batches overlap seldom, whenever they can, or now and then */
	static const int ahead[] = { 0, 1, 1, 5 };
	struct world *w = arg;
	struct vs_err err = VS_ERR_INIT;
	struct engine_options o = { .db_path = "agent.db",
		.vfs = w->vfs_name,
		.project_id = cloudbox_project(w->cloud),
		.device_id =
		    w->device[0] ? w->device : cloudbox_device(w->cloud),
		.root_id = WORLD_ROOT_ID,
		.hash_jobs = 4,
		.ahead_least = ahead[w->o.seed % 4],
		.list_first = w->o.list_first };
	struct engine_world ew = { .arg = w,
		.disk = &w->edge.disk,
		.rand = &w->engine_rand,
		.hash = world_hash,
		.send = worldnet_send,
		.tell = world_tell,
		.set_aside = w->o.rot ? world_set_aside : NULL };
	int rc;

	(void)data;
	if (!due || w->engine)
		return;
	w->life++;
	if (w->o.sabotage == WORLD_FORGETFUL)
		forget_ahead(w);
	if (w->log)
		memlog_begin(w->log);
	rc = engine_open(&w->engine, &ew, &o, world_now(w), &err);
	trace_add(&w->trace, world_now(w).mono_ms, "engine: start %d: %s %s",
	    w->life, vs_err_name(rc), err.msg);
	w->stats.opens++;
	if (rc == VS_OK) {
		w->stuck = 0;
		step_plan(w, world_now(w).mono_ms);
		return;
	}
	w->engine = NULL;
	if (w->log)
		memlog_end(w->log);
	w->stats.open_failures++;
	if ((rc == VS_ECORRUPT && !w->o.rot) || rc == VS_ESCHEMA)
		world_fail(w, "the engine does not open: %s", err.msg);
	sched_add(w->sched, WORLD_REOPEN_MS, WORLD_PLAN, engine_start, w, NULL);
}

static void engine_end(struct world *w, int64_t down_ms)
{
	engine_close(w->engine);
	w->engine = NULL;
	w->step_at = INT64_MAX;
	w->step_serial++;
	sched_clear(w->sched, w->owner);
	memdisk_forget(w->disk);
	w->edge.readings = 0;
	if (w->log)
		memlog_end(w->log);
	sched_add(w->sched, down_ms, WORLD_PLAN, engine_start, w, NULL);
}

void world_stop_engine(struct world *w, int64_t down_ms)
{
	trace_add(&w->trace, world_now(w).mono_ms, "engine: stopped");
	if (w->engine)
		engine_end(w, down_ms);
}

void world_crash_engine(struct world *w, bool power, int64_t down_ms)
{
	trace_add(&w->trace, world_now(w).mono_ms, "engine: %s",
	    power ? "power cut" : "killed");
	if (!w->engine)
		return;
	w->stats.engine_crashes++;
	memvfs_halt(w->agent_vfs);
	engine_end(w, down_ms);
	if (power)
		memvfs_crash(w->agent_vfs);
	else
		memvfs_kill(w->agent_vfs);
}

void world_replace_state(
    struct world *w, const struct dbcopy *copy, int64_t down_ms)
{
	if (!w->engine)
		return;
	trace_add(&w->trace, world_now(w).mono_ms, "engine: state %s",
	    copy ? "restored" : "deleted");
	w->stats.states++;
	w->unsettled = w->excused = true;
	w->listed = false;
	/* what its last life sent may still be on its way */
	if (vs_rand_below(&w->rand, 2))
		worldnet_echo(w);
	memvfs_heal(w->agent_vfs);
	memvfs_budget(w->agent_vfs, -1);
	world_crash_engine(w, false, down_ms);
	if (copy && dbcopy_restore(copy, "agent.db", w->vfs_name) != VS_OK)
		world_fail(w, "the agent's copy cannot be put back");
	if (!copy) {
		memvfs_remove(w->agent_vfs, "agent.db");
		memvfs_remove(w->agent_vfs, "agent.db-wal");
	}
}

/* A database that was put back is of another log before anybody asks. */
static int cloud_open(struct world *w)
{
	int rc = cloudbox_start(w->cloud);

	if (rc != VS_OK || !w->renew)
		return rc;
	rc = cloudside_renew(w->cloud, &w->rand);
	if (rc != VS_OK)
		cloudbox_crash(w->cloud, false);
	w->renew = rc != VS_OK;
	return rc;
}

static void cloud_start(void *arg, void *data, bool due)
{
	struct world *w = arg;
	int rc;

	(void)data;
	if (!due || cloudbox_up(w->cloud))
		return;
	rc = cloud_open(w);
	if (rc == VS_ECORRUPT || rc == VS_ESCHEMA)
		world_fail(w, "the cloud does not open: %s", vs_err_name(rc));
	if (rc != VS_OK)
		sched_add(w->sched, WORLD_REOPEN_MS, WORLD_PLAN, cloud_start, w,
		    NULL);
}

void world_crash_cloud(struct world *w, bool power, int64_t down_ms)
{
	w->stats.cloud_crashes++;
	if (w->plain)
		plainbox_crash(w->plain);
	cloudbox_crash(w->cloud, power);
	sched_add(w->sched, down_ms, WORLD_PLAN, cloud_start, w, NULL);
}

void world_restore_cloud(
    struct world *w, const struct dbcopy *copy, int64_t down_ms)
{
	trace_add(&w->trace, world_now(w).mono_ms, "cloud: restored");
	w->stats.restores++;
	w->unsettled = w->excused = true;
	if (w->twin)
		w->twin->unsettled = w->twin->excused = true;
	w->listed = false;
	w->asked = 0; /* what is on its way is of the other log */
	memvfs_heal(w->cloud_vfs);
	memvfs_budget(w->cloud_vfs, -1);
	if (w->plain) {
		plainbox_crash(w->plain);
		plainbox_restore(w->plain);
	}
	cloudbox_crash(w->cloud, false);
	if (cloudside_restore(w->cloud, copy) != VS_OK)
		world_fail(w, "the cloud's copy cannot be put back");
	w->renew = true;
	sched_add(w->sched, down_ms, WORLD_PLAN, cloud_start, w, NULL);
}

bool world_run(struct world *w, int64_t ms)
{
	int64_t end = world_now(w).mono_ms + ms;

	w = w->host ? w->host : w;
	if (w->twin)
		memvfs_clock(w->twin->agent_vfs, world_now(w).wall_ms);
	memvfs_clock(w->agent_vfs, world_now(w).wall_ms);
	memvfs_clock(w->cloud_vfs, world_now(w).wall_ms);
	for (int i = 0; i < w->members; i++)
		memvfs_clock(w->member[i]->vfs, world_now(w).wall_ms);

	while (!w->failure[0] && sched_next(w->sched) <= end) {
		sched_one(w->sched);
		hints_plan(w);
		if (w->twin)
			hints_plan(w->twin);
	}
	if (w->failure[0])
		return false;
	sched_wait(w->sched, end);
	if (cloudbox_lost(w->cloud))
		return world_fail(w, "the cloud lost %lld acknowledged seqs",
		    (long long)cloudbox_lost(w->cloud));
	hints_plan(w);
	return true;
}

static int64_t world_ns(void *arg)
{
	const struct world *w = arg;

	return w->sched ? world_now(w).wall_ms * 1000000
			: WORLD_START_MS * 1000000;
}

static void world_note_removed(void *arg, const char *path)
{
	struct world *w = arg;
	intptr_t n = (intptr_t)vs_map_get(w->removed, path);

	if (vs_map_put(w->removed, path, (void *)(n + 1), NULL) != VS_OK)
		abort();
}

void world_veil(struct world *w)
{
	struct ignore *rules = veil_load(w->fs);

	w->veiled |= ignore_has_reach(rules);
	ignore_free(rules);
	w->unveiled = true;
	veil_each(w->fs, world_note_removed, w);
}

static const struct world *other(const struct world *w)
{
	return w->host ? w->host : w->twin;
}

int64_t world_removed(const struct world *w, const char *path)
{
	const struct world *o = other(w);

	return (int64_t)(intptr_t)vs_map_get(w->removed, path) +
	    (o ? (int64_t)(intptr_t)vs_map_get(o->removed, path) : 0);
}

static void world_note_shown(void *arg, const struct memfs_node *n)
{
	struct world *w = arg;
	char path[VS_PATH_MAX + 1], hash[65];
	char key[VS_PATH_MAX + 80];

	if (!memfs_path(n, path))
		return;
	vs_sha256_hex(n->data, n->size, hash);
	shown_key(key, sizeof(key), path, hash);
	if (vs_map_put(w->shown, key, w, NULL) != VS_OK)
		abort();
}

static bool was_shown(const struct world *w, const char *path, const char *hash)
{
	char key[VS_PATH_MAX + 80];

	shown_key(key, sizeof(key), path, hash);
	return w->o.forget || vs_map_get(w->shown, key) != NULL ||
	    vs_map_get(w->shown, key + strlen(path)) != NULL;
}

bool world_shown(const struct world *w, const char *path, const char *hash)
{
	const struct world *o = other(w);

	return was_shown(w, path, hash) || (o && was_shown(o, path, hash));
}

static void folder_event(void *arg, struct memfs_node *dir, const char *name,
    enum memfs_event what, bool is_dir)
{
	struct world *w = arg;

	if (!dir->hidden)
		trace_add(
		    &w->trace, world_now(w).mono_ms, "event %d %s", what, name);
	if (w->log)
		memlog_event(w->log, dir, name, what, is_dir);
	else
		memdisk_event(w->disk, dir, name, what, is_dir);
}

static void folders_make(struct world *w)
{
	struct memfs_hooks hooks = { .arg = w, .now = world_ns };

	w->copy = memfs_new(&hooks);
	hooks.removed = world_note_removed;
	if (!w->o.forget)
		hooks.shown = world_note_shown;
	w->fs = memfs_new(&hooks);
	w->disk = memdisk_new(&w->rand);
	memdisk_attach(w->disk, w->fs, w->copy);
	memfs_watch(w->fs, folder_event, w);
	if (w->o.unwatched) {
		memdisk_disk(w->disk)->watch = NULL;
		memdisk_disk(w->disk)->watched = NULL;
	}
	if (w->o.history)
		w->log = memlog_new(w->disk, &w->rand);
	if (w->log && w->o.sabotage == WORLD_EARLY_MARK)
		memlog_hurry(w->log);
	memedge_init(&w->edge, memdisk_disk(w->disk));
	w->edge.late = w->o.sabotage == WORLD_LATE_WATCH;
	w->edge.hasty = w->o.sabotage == WORLD_HASTY_RULES;
	memfs_grain(w->fs, w->o.coarse ? 4000000 : 1);
	memfs_mkdir(w->copy, "a");
	memfs_close(w->copy, memfs_open(w->copy, "b"));
	memdisk_disk(w->disk)->mark(memdisk_disk(w->disk), WORLD_ROOT_ID, NULL);
}

static void cloud_news(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < w->members; i++)
		memwire_news(w->member[i]);
}

static void cloud_ended(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < w->members; i++)
		memwire_ended(w->member[i]);
}

/* A plain server believes all: what it is told must be true. */
static void plain_stored(void *arg, const struct vs_change *c)
{
	struct world *w = arg;

	if (c->op == VS_OP_DELETE && world_removed(w, c->path) == 0)
		world_fail(w, "%s is deleted, but it never went", c->path);
	if (c->op != VS_OP_DELETE && !c->hash)
		world_fail(w, "%s is sent without its hash", c->path);
	if (c->op != VS_OP_DELETE && c->hash &&
	    !world_shown(w, c->path, c->hash))
		world_fail(w,
		    "%s is sent with content %.12s, which it never had",
		    c->path, c->hash);
}

static void plain_make(struct world *w)
{
	static const int64_t limits[] = { 4096, 20000, 100 * 1024 };
	const struct plainbox_options o = { .sched = w->sched,
		.rand = &w->rand,
		.limit = limits[w->o.seed / 8 % 3],
		.liar = w->o.sabotage == WORLD_PLAIN_LIAR,
		.stored = plain_stored,
		.arg = w };

	w->plain = plainbox_new(&o);
}

void world_upgrade(struct world *w)
{
	trace_add(&w->trace, world_now(w).mono_ms, "plain: upgraded");
	w->unsettled = w->excused = true;
	w->listed = false;
	w->plain_stats = *plainbox_stats(w->plain);
	plainbox_free(w->plain);
	w->plain = NULL;
}

static bool world_begin(struct world *w)
{
	struct cloudbox_options co = { .sched = w->sched,
		.rand = &w->rand,
		.vfs = w->cloud_vfs,
		.trace = &w->trace,
		.no_dedupe = w->o.sabotage == WORLD_NO_DEDUPE,
		.unlinked = w->o.sabotage == WORLD_UNLINKED,
		.news = cloud_news,
		.ended = cloud_ended,
		.arg = w };
	const struct memdisk_lies lies = { .root =
					       w->o.sabotage == WORLD_NO_GUARD,
		.stale = w->o.sabotage == WORLD_STALE_LISTING,
		.mixed = w->o.sabotage == WORLD_MIXED_HASH,
		.blank = w->o.sabotage == WORLD_BLANK };

	w->cloud = cloudbox_new(&co);
	if (cloudbox_start(w->cloud) != VS_OK || !cloudbox_found(w->cloud))
		return false;
	if (w->o.plain)
		plain_make(w);
	memvfs_nosync(w->agent_vfs, w->o.sabotage == WORLD_NOSYNC_AGENT);
	memvfs_nosync(w->cloud_vfs, w->o.sabotage == WORLD_NOSYNC_CLOUD);
	memdisk_sabotage(w->disk, &lies);
	if (w->o.sabotage == WORLD_ADOPT)
		memfs_rash(w->fs);
	sched_add(w->sched, 0, WORLD_PLAN, engine_start, w, NULL);
	for (int i = 0; i < w->o.members; i++) {
		w->member[i] = membox_new(w, i);
		if (!w->member[i])
			return false;
		w->members++;
	}
	return true;
}

/* What each machine has of its own. */
static struct world *machine_new(const struct world_options *o)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->o = *o;
	w->owner = WORLD_ENGINE;
	w->vfs_name = "sim-agent";
	vs_rand_seed(&w->rand, o->seed);
	vs_rand_seed(&w->engine_rand, o->seed + 0x5eed);
	if (o->sabotage == WORLD_UNSTEADY)
		vs_rand_seed(&w->rand, (uint64_t)clock());
	trace_init(&w->trace, o->print);
	w->removed = vs_map_new();
	w->shown = vs_map_new();
	if (!w->removed || !w->shown)
		abort();
	w->step_at = INT64_MAX;
	w->hash_ms = 5;
	w->hint_ms = 2;
	w->net.delay_ms = 20;
	return w;
}

struct world *world_new(const struct world_options *o)
{
	struct vs_now start = { .mono_ms = 1000, .wall_ms = WORLD_START_MS };
	struct world *w = machine_new(o);

	w->sched = sched_new(&w->rand, start);
	w->agent_vfs = memvfs_new(w->vfs_name, &w->rand);
	w->cloud_vfs = memvfs_new("sim-cloud", &w->rand);
	folders_make(w);
	if (world_begin(w))
		return w;
	fprintf(stderr, "sim: the cloud could not be set up\n");
	world_free(w);
	return NULL;
}

struct world *world_second(struct world *host, const char *device)
{
	struct world_options o = host->o;
	struct world *w;

	o.seed += 0x7e11;
	o.plain = o.history = o.unwatched = false;
	o.members = 0;
	w = machine_new(&o);
	w->owner = WORLD_TWIN;
	w->vfs_name = "sim-twin";
	w->host = host;
	w->sched = host->sched;
	w->cloud = host->cloud;
	snprintf(w->device, sizeof(w->device), "%s", device);
	w->agent_vfs = memvfs_new(w->vfs_name, &w->rand);
	folders_make(w);
	host->twin = w;
	sched_add(w->sched, 0, WORLD_PLAN, engine_start, w, NULL);
	return w;
}

/* Its process ends, and nothing of it is planned any more. */
static void machine_end(struct world *w)
{
	memvfs_halt(w->agent_vfs);
	if (w->engine)
		engine_close(w->engine);
	w->engine = NULL;
	sched_clear(w->sched, w->owner);
}

static void machine_free(struct world *w)
{
	memlog_free(w->log);
	memdisk_free(w->disk);
	memfs_free(w->fs);
	memfs_free(w->copy);
	memvfs_free(w->agent_vfs);
	vs_map_free(w->removed);
	vs_map_free(w->shown);
	free(w->batch);
	free(w->batch_path);
}

void world_free(struct world *w)
{
	if (!w)
		return;
	if (w->twin)
		machine_end(w->twin);
	memvfs_halt(w->cloud_vfs);
	machine_end(w);
	sched_clear(w->sched, WORLD_NET);
	/* members that are down have their start planned */
	sched_clear(w->sched, WORLD_PLAN);
	sched_clear(w->sched, WORLD_GREMLIN);
	plainbox_free(w->plain);
	cloudbox_free(w->cloud);
	for (int i = 0; i < w->members; i++)
		membox_free(w->member[i]);
	w->members = 0;
	sched_clear(w->sched, WORLD_NET);
	sched_clear(w->sched, WORLD_PLAN);
	sched_clear(w->sched, WORLD_GREMLIN);
	if (w->twin)
		machine_free(w->twin);
	free(w->twin);
	machine_free(w);
	memvfs_free(w->cloud_vfs);
	sched_free(w->sched);
	free(w);
}
