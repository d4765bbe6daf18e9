#include "tests/sim/offline.h"

#include <inttypes.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/oracle.h"

#define DAY_MS (24 * 60 * 60 * 1000LL)
#define LOOK_EVERY 500 /* changes */
#define KIB 1024LL

/* Ceilings, by names: a row of the manifest, one of the outbox, one of the
 * shadow, with their indexes; SQLite's log and its cache beside. */
#define DATABASE_BASE (20 * KIB * KIB)
#define HEAP_BASE (6 * KIB * KIB)
#define NAME_BYTES (3 * KIB)
#define CONVERGE_MS (15 * 60 * 1000LL)

struct offline {
	const struct offline_options *o;
	struct offline_result *r;
	struct world *w;
	struct folder folder;
	struct oracle oracle;
	int64_t had; /* names in the cloud when the network went */
	int64_t names; /* the most there were since */
};

static int64_t status_number(struct offline *f, const char *key)
{
	json_t *doc = engine_status(f->w->engine, world_now(f->w));
	int64_t n = json_integer_value(json_object_get(doc, key));

	json_decref(doc);
	return n;
}

static void at_most(int64_t *most, int64_t n)
{
	if (n > *most)
		*most = n;
}

/* A row for what is there, one for what the cloud had and is gone, and those
 * of the batch that was under way. */
static bool look(struct offline *f)
{
	struct offline_result *r = f->r;
	int64_t outbox, database;

	if (!f->w->engine)
		return true;
	outbox = status_number(f, "outbox");
	database = memvfs_size(f->w->agent_vfs, "agent.db") +
	    memvfs_size(f->w->agent_vfs, "agent.db-wal");
	at_most(&f->names, (int64_t)memfs_count(f->w->fs));
	at_most(&r->outbox, outbox);
	at_most(&r->database, database);
	r->room = f->names + f->had + VS_BATCH_CHANGES;
	if (outbox > r->room)
		return world_fail(f->w,
		    "%" PRId64 " rows in the outbox for %" PRId64 " names",
		    outbox, r->room);
	if (database > DATABASE_BASE + r->room * NAME_BYTES)
		return world_fail(f->w,
		    "the database has %" PRId64 " bytes for %" PRId64 " names",
		    database, r->room);
	return true;
}

/* The engine ends and starts again; what it held is what is free then. */
static bool day_ends(struct offline *f)
{
	size_t before = mallinfo2().uordblks;
	int64_t heap;

	if (!f->w->engine)
		return true;
	world_crash_engine(f->w, false, 1000);
	heap = (int64_t)before - (int64_t)mallinfo2().uordblks;
	at_most(&f->r->heap, heap);
	if (heap > HEAP_BASE + f->r->room * NAME_BYTES)
		return world_fail(f->w,
		    "the engine held %" PRId64 " bytes for %" PRId64 " names",
		    heap, f->r->room);
	return true;
}

/* Sabotage: each change of a row leaves a row of its own behind. */
static bool hoard(struct offline *f)
{
	static const char sql[] =
	    "CREATE TRIGGER hoard AFTER UPDATE ON outbox "
	    "BEGIN INSERT INTO outbox(id, path, op, kind, size, mode, hash, "
	    "state, at, half, mine, approved, tries) SELECT max(id) + 1, "
	    "NEW.path || '~' || hex(randomblob(8)), NEW.op, NEW.kind, "
	    "NEW.size, NEW.mode, NEW.hash, 0, NEW.at, 0, "
	    "max(id + 1) & 281474976710655, 0, 0 FROM outbox; END";
	sqlite3 *db = NULL;
	bool ok;

	world_crash_engine(f->w, false, 1000);
	ok = sqlite3_open_v2("agent.db", &db, SQLITE_OPEN_READWRITE,
		 "sim-agent") == SQLITE_OK &&
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	if (!ok)
		printf("sim: no sabotage: %s\n", sqlite3_errmsg(db));
	sqlite3_close(db);
	return ok;
}

static bool begin(struct offline *f)
{
	struct world *w = f->w;

	if (!world_run(w, 1000))
		return false;
	for (int64_t op = 1; op <= f->o->names; op++) {
		folder_act(&f->folder, w, -op);
		if (!world_run(w, 1))
			return false;
	}
	folder_rest(&f->folder, w);
	if (!oracle_settle(w, true) || !oracle_compare(&f->oracle, w, false))
		return false;
	f->had = (int64_t)f->oracle.replay.n;
	return true;
}

static bool go_on(struct offline *f)
{
	int64_t step_ms = f->o->days * DAY_MS / f->o->changes;
	int64_t a_day = f->o->changes / f->o->days;
	struct world *w = f->w;
	struct vs_rand pace;

	vs_rand_seed(&pace, f->o->world.seed ^ 0x0ff11e);
	for (int64_t op = 1; f->folder.done < f->o->changes; op++) {
		folder_act(&f->folder, w, op);
		if (!world_run(w,
			(int64_t)vs_rand_below(
			    &pace, (uint64_t)(2 * step_ms + 1))))
			return false;
		if (op % LOOK_EVERY == 0 && !look(f))
			return false;
		if (op % a_day == 0 && !day_ends(f))
			return false;
	}
	return true;
}

/* Nobody helps it: what is not held leaves by itself. */
static bool converge(struct offline *f)
{
	struct world *w = f->w;
	int64_t start = world_now(w).mono_ms;
	int64_t left = 1;

	while (left > 0 && world_now(w).mono_ms - start < CONVERGE_MS) {
		if (!world_run(w, 1000))
			return false;
		if (w->engine)
			left = status_number(f, "outbox") -
			    status_number(f, "held");
	}
	f->r->converge_ms = world_now(w).mono_ms - start;
	if (left > 0)
		return world_fail(
		    w, "%" PRId64 " changes are still not sent", left);
	return true;
}

static bool all(struct offline *f)
{
	int64_t seq, done;

	if (!begin(f))
		return false;
	seq = f->oracle.seq;
	done = f->folder.done;
	f->folder.done = 0;
	f->w->net.down = true;
	if (f->o->world.sabotage == WORLD_HOARD && !hoard(f))
		return true;
	if (!go_on(f))
		return false;
	f->r->changes = f->folder.done;
	f->folder.done += done;
	folder_rest(&f->folder, f->w);
	f->w->net.down = false;
	if (!converge(f) || !oracle_settle(f->w, memfs_unseen(f->w->fs)) ||
	    !oracle_compare(&f->oracle, f->w, true))
		return false;
	f->r->events = f->oracle.seq - seq;
	if (f->r->events > f->r->room)
		return world_fail(f->w,
		    "%" PRId64 " events for %" PRId64 " names", f->r->events,
		    f->r->room);
	return true;
}

bool offline_run(const struct offline_options *o, struct offline_result *result,
    struct score *score)
{
	struct offline f = { .o = o, .r = result };
	bool ok;

	memset(result, 0, sizeof(*result));
	f.w = world_new(&o->world);
	if (!f.w) {
		snprintf(result->failure, sizeof(result->failure), "no world");
		return false;
	}
	folder_init(&f.folder, o->world.seed);
	f.folder.many = (size_t)o->names;
	oracle_init(&f.oracle);
	ok = all(&f);
	snprintf(result->failure, sizeof(result->failure), "%s",
	    ok ? "" : f.w->failure);
	score_world(score, f.w);
	score_run(score, &f.folder, NULL, NULL, &f.oracle);
	folder_rest(&f.folder, f.w);
	oracle_release(&f.oracle);
	world_free(f.w);
	return ok;
}
