#include "tests/sim/gremlin.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/folder.h"
#include "tests/sim/plainbox.h"

#define GREMLIN_RARE 25 /* one in so many calls does something */
#define GREMLIN_RESTART 40 /* likewise ends the agent in order */

static uint64_t below(struct gremlin *g, uint64_t n)
{
	return vs_rand_below(&g->rand, n);
}

/* How long it lasts: mostly moments, sometimes minutes. */
static int64_t while_ms(struct gremlin *g)
{
	static const uint64_t scale[] = { 10, 200, 3000, 90000 };

	return 1 + (int64_t)below(g, scale[below(g, 4)]);
}

/* What ends by itself carries what it was. */
struct ending {
	void (*end)(struct world *w, struct ending *e);
	struct gremlin *g;
	struct memfs_node *node;
	bool noisy;
};

static void ending_due(void *arg, void *data, bool due)
{
	struct ending *e = data;

	if (due)
		e->end(arg, e);
	free(e);
}

static struct ending *ending_add(struct gremlin *g, struct world *w,
    void (*end)(struct world *w, struct ending *e))
{
	struct ending *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->g = g;
	e->end = end;
	sched_add(w->sched, while_ms(g), WORLD_GREMLIN, ending_due, w, e);
	return e;
}

/* Back to what is usual in this stretch: all well, or never quite well. */
static void net_ends(struct world *w, struct ending *e)
{
	w->net = (struct world_net){ .delay_ms = 20, .fault = e->g->usual };
}

static void act_net(struct gremlin *g, struct world *w)
{
	w->net.fault = (int)below(g, 900);
	w->net.delay_ms = 1 + (int)below(g, 3000);
	ending_add(g, w, net_ends);
}

static void act_net_down(struct gremlin *g, struct world *w)
{
	w->net.down = true;
	ending_add(g, w, net_ends);
}

static void act_no_token(struct gremlin *g, struct world *w)
{
	w->net.no_token = true;
	ending_add(g, w, net_ends);
}

static void act_cloud_kill(struct gremlin *g, struct world *w)
{
	world_crash_cloud(w, false, while_ms(g));
}

static void act_cloud_power(struct gremlin *g, struct world *w)
{
	world_crash_cloud(w, true, while_ms(g));
}

/* One error, or one from which there is no way back until it is healed. */
static void disk_error(struct gremlin *g, struct memvfs *v, bool may_stay)
{
	static const struct memvfs_fault some[] = {
		{ .ops = MEMVFS_BIT(MEMVFS_READ) },
		{ .ops = MEMVFS_BIT(MEMVFS_WRITE) },
		{ .ops = MEMVFS_BIT(MEMVFS_SYNC) },
		{ .ops = MEMVFS_BIT(MEMVFS_TRUNCATE) },
		{ .ops = MEMVFS_BIT(MEMVFS_WRITE), .code = SQLITE_FULL },
		{ .ops = MEMVFS_ANY },
	};
	struct memvfs_fault f = some[below(g, sizeof(some) / sizeof(some[0]))];

	f.after = (int64_t)below(g, 40);
	f.stays = may_stay && !below(g, 4);
	memvfs_fail(v, &f);
}

static void disks_heal(struct world *w, struct ending *e)
{
	(void)e;
	w->overlap = 0;
	memvfs_heal(w->agent_vfs);
	memvfs_heal(w->cloud_vfs);
	memvfs_budget(w->agent_vfs, -1);
	memvfs_budget(w->cloud_vfs, -1);
}

static void act_cloud_disk(struct gremlin *g, struct world *w)
{
	disk_error(g, w->cloud_vfs, true);
	ending_add(g, w, disks_heal);
}

static void act_cloud_full(struct gremlin *g, struct world *w)
{
	memvfs_budget(w->cloud_vfs, (int64_t)below(g, 40000));
	ending_add(g, w, disks_heal);
}

static void act_agent_disk(struct gremlin *g, struct world *w)
{
	disk_error(g, w->agent_vfs, true);
	ending_add(g, w, disks_heal);
}

static void act_agent_full(struct gremlin *g, struct world *w)
{
	memvfs_budget(w->agent_vfs, (int64_t)below(g, 40000));
	ending_add(g, w, disks_heal);
}

static void act_agent_kill(struct gremlin *g, struct world *w)
{
	world_crash_engine(w, false, while_ms(g));
}

static void act_agent_power(struct gremlin *g, struct world *w)
{
	world_crash_engine(w, true, while_ms(g));
}

static void inside_ends(struct world *w, struct ending *e)
{
	w->overlap = 0;
	world_crash_engine(w, e->noisy, while_ms(e->g));
	memvfs_heal(w->agent_vfs);
}

/* From the n-th access on nothing works; then it is dead. */
static void act_agent_inside(struct gremlin *g, struct world *w)
{
	struct memvfs_fault f = {
		.ops = MEMVFS_ANY, .after = (int64_t)below(g, 60), .stays = true
	};

	memvfs_fail(w->agent_vfs, &f);
	ending_add(g, w, inside_ends)->noisy = below(g, 2);
}

/* The same, while it takes the answer to the batch before. */
static void act_agent_overlap(struct gremlin *g, struct world *w)
{
	w->overlap = 1 + (int)below(g, 30);
	ending_add(g, w, inside_ends)->noisy = below(g, 2);
}

static void cloud_inside_ends(struct world *w, struct ending *e)
{
	world_crash_cloud(w, e->noisy, while_ms(e->g));
	memvfs_heal(w->cloud_vfs);
}

static void act_cloud_inside(struct gremlin *g, struct world *w)
{
	struct memvfs_fault f = {
		.ops = MEMVFS_ANY, .after = (int64_t)below(g, 60), .stays = true
	};

	memvfs_fail(w->cloud_vfs, &f);
	ending_add(g, w, cloud_inside_ends)->noisy = below(g, 2);
}

static void act_cloud_copy(struct gremlin *g, struct world *w)
{
	struct dbcopy *copy;

	if (!cloudbox_up(w->cloud) || w->renew)
		return;
	copy = cloudside_save();
	if (!copy)
		return;
	dbcopy_free(g->copy);
	g->copy = copy;
	if (w->plain)
		plainbox_keep(w->plain);
}

static void plain_ends(struct world *w, struct ending *e)
{
	(void)e;
	if (w->plain)
		plainbox_fail(w->plain, &(struct plainbox_faults){ 0 });
}

/* A plain server has bad days of its own. */
static void act_plain(struct gremlin *g, struct world *w)
{
	const struct plainbox_faults f = {
		.leaves = below(g, 2) ? (int)below(g, 1000) : 0,
		.html = below(g, 2) ? (int)below(g, 1000) : 0,
		.down = below(g, 2) ? (int)below(g, 1000) : 0,
	};

	if (!w->plain)
		return;
	plainbox_fail(w->plain, &f);
	ending_add(g, w, plain_ends);
}

/* What the log said until then must be known first: the run does it. */
static void act_cloud_restored(struct gremlin *g, struct world *w)
{
	(void)w;
	if (g->copy)
		g->restore_ms = while_ms(g);
}

static void act_both_power(struct gremlin *g, struct world *w)
{
	world_crash_engine(w, true, while_ms(g));
	world_crash_cloud(w, true, while_ms(g));
}

static void act_state_copy(struct gremlin *g, struct world *w)
{
	struct dbcopy *copy =
	    w->engine ? dbcopy_save("agent.db", "sim-agent") : NULL;

	if (!copy)
		return;
	dbcopy_free(g->state);
	g->state = copy;
}

/* Which root is its own it can only learn from the one it finds. */
static void state_delete(struct gremlin *g, struct world *w)
{
	if (!w->engine || !memdisk_is_here(w->disk))
		return;
	g->fresh = true;
	g->fresh_scans = w->stats.news[ENGINE_SCANNED];
	world_replace_state(w, NULL, while_ms(g));
}

static void again_ends(struct world *w, struct ending *e)
{
	if (e->g->state && e->noisy)
		world_replace_state(w, e->g->state, while_ms(e->g));
	else
		state_delete(e->g, w);
}

/*
 * The first batch of the state that took its place gets lost on the way for
 * a while, and by then there is another state.
 */
static void state_again(struct gremlin *g, struct world *w)
{
	if (below(g, 2))
		return;
	w->late_epoch = true;
	ending_add(g, w, again_ends)->noisy = below(g, 2);
}

static void act_state_restored(struct gremlin *g, struct world *w)
{
	if (!g->state)
		return;
	world_replace_state(w, g->state, while_ms(g));
	state_again(g, w);
}

static void act_state_deleted(struct gremlin *g, struct world *w)
{
	state_delete(g, w);
	state_again(g, w);
}

static void overflow_ends(struct world *w, struct ending *e)
{
	(void)e;
	memdisk_set_queue(w->disk, 4096);
	memlog_room(w->log, 4096);
	w->hint_ms = 2;
}

static void act_overflow(struct gremlin *g, struct world *w)
{
	memdisk_set_queue(w->disk, 2 + (int)below(g, 8));
	memlog_room(w->log, 2 + below(g, 8));
	w->hint_ms = 1 + (int)below(g, 2000);
	ending_add(g, w, overflow_ends);
}

static void root_ends(struct world *w, struct ending *e)
{
	memdisk_show(w->disk, MEMDISK_HERE, e->noisy);
}

static void act_root(struct gremlin *g, struct world *w)
{
	bool noisy = below(g, 2);

	g->fresh &= g->fresh_scans == w->stats.news[ENGINE_SCANNED];
	if (g->fresh)
		return;
	memdisk_show(w->disk,
	    (enum memdisk_shown)(1 + below(g, MEMDISK_SHOWN - 1)), noisy);
	/* an unmount takes the watches; when nothing more is mounted over
	   the folder the old ones are good again */
	ending_add(g, w, root_ends)->noisy = false;
}

/* One of them can be read again. */
static void shut_open(struct world *w, struct memfs_node **shut)
{
	struct memfs_node *n = *shut;
	char path[VS_PATH_MAX + 1];

	if (!n)
		return;
	if (n->unreadable && memfs_path(n, path)) {
		n->unreadable = false;
		memfs_chmod(w->fs, path, 0755);
	}
	n->unreadable = false;
	n->mount = false;
	memfs_unref(n);
	*shut = NULL;
}

static void shut_ends(struct world *w, struct ending *e)
{
	for (int i = 0; i < GREMLIN_SHUT; i++)
		if (e->g->shut[i] == e->node)
			shut_open(w, &e->g->shut[i]);
}

static bool is_shut(const struct gremlin *g, const struct memfs_node *n)
{
	for (int i = 0; i < GREMLIN_SHUT; i++)
		if (g->shut[i] == n)
			return true;
	return false;
}

static struct memfs_node *shut_some(
    struct gremlin *g, struct world *w, char *path)
{
	struct memfs_node *n;
	int i = 0;

	while (i < GREMLIN_SHUT && g->shut[i])
		i++;
	if (i == GREMLIN_SHUT)
		return NULL;
	n = memfs_pick(w->fs, &g->rand, VS_KIND_DIR);
	if (!n || is_shut(g, n) || !memfs_path(n, path))
		return NULL;
	g->shut[i] = memfs_ref(n);
	ending_add(g, w, shut_ends)->node = n;
	return n;
}

static void act_unreadable(struct gremlin *g, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n = shut_some(g, w, path);

	if (!n)
		return;
	n->unreadable = true;
	memfs_chmod(w->fs, path, 0);
}

static void act_mount(struct gremlin *g, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n = shut_some(g, w, path);

	if (n)
		n->mount = true;
}

static void folder_io_ends(struct world *w, struct ending *e)
{
	(void)e;
	memdisk_set_faults(w->disk, &(struct memdisk_faults){ 0 });
}

static void act_folder_io(struct gremlin *g, struct world *w)
{
	struct memdisk_faults f = { .list_io = (int)below(g, 300),
		.look_io = (int)below(g, 100),
		.hash_io = (int)below(g, 300),
		.watch_full = below(g, 4) ? 0 : 200 };

	memdisk_set_faults(w->disk, &f);
	ending_add(g, w, folder_io_ends);
}

static void slow_ends(struct world *w, struct ending *e)
{
	(void)e;
	w->hash_ms = 5;
}

static void act_slow_hash(struct gremlin *g, struct world *w)
{
	w->hash_ms = 50 + (int)below(g, 5000);
	ending_add(g, w, slow_ends);
}

static void act_clock(struct gremlin *g, struct world *w)
{
	sched_jump(w->sched, (int64_t)below(g, 7200000) - 3600000);
}

static void pause_ends(struct world *w, struct ending *e)
{
	(void)e;
	if (w->engine)
		engine_pause(w->engine, false, NULL);
	world_poke(w);
}

static void act_pause(struct gremlin *g, struct world *w)
{
	if (w->engine)
		engine_pause(w->engine, true, NULL);
	ending_add(g, w, pause_ends);
}

static void nobody_asks(void *arg, int code, const struct engine_report *r)
{
	(void)arg;
	(void)code;
	(void)r;
}

static void act_rescan(struct gremlin *g, struct world *w)
{
	struct memfs_node *n = memfs_pick(w->fs, &g->rand, -1);
	char path[VS_PATH_MAX + 1] = "";

	if (!w->engine)
		return;
	if (n && below(g, 2))
		memfs_path(n, path);
	engine_rescan(w->engine, path, below(g, 2), nobody_asks, NULL,
	    world_now(w), NULL);
	world_poke(w);
}

static void act_doubt(struct gremlin *g, struct world *w)
{
	(void)g;
	if (w->engine)
		engine_doubt(w->engine, "woke up", world_now(w));
	world_poke(w);
}

static void act_decide(struct gremlin *g, struct world *w)
{
	if (w->engine)
		engine_decide(w->engine, below(g, 2), world_now(w), NULL);
	world_poke(w);
}

static void act_decide_cloud(struct gremlin *g, struct world *w)
{
	cloudside_decide(w->cloud, below(g, 2));
}

/* Somewhere in the time in which nobody looks. */
static void rules_change(struct world *w, struct ending *e)
{
	struct folder f;

	folder_init(&f, e->g->seed);
	folder_do(&f, w, world_now(w).mono_ms, FOLDER_RULES);
}

static void act_rules(struct gremlin *g, struct world *w)
{
	world_crash_engine(w, below(g, 2), while_ms(g));
	ending_add(g, w, rules_change);
}

static void nobody_waits(void *arg, int code, const char *text)
{
	(void)arg;
	(void)code;
	(void)text;
}

static void act_flush(struct gremlin *g, struct world *w)
{
	(void)g;
	if (w->engine)
		engine_flush(w->engine, nobody_waits, NULL, world_now(w), NULL);
	world_poke(w);
}

static const struct {
	const char *name;
	void (*run)(struct gremlin *g, struct world *w);
} gremlins[GREMLINS] = {
	[GREMLIN_NET] = { "network: bad", act_net },
	[GREMLIN_NET_DOWN] = { "network: down", act_net_down },
	[GREMLIN_NO_TOKEN] = { "network: token refused", act_no_token },
	[GREMLIN_CLOUD_KILL] = { "cloud: killed", act_cloud_kill },
	[GREMLIN_CLOUD_POWER] = { "cloud: power cut", act_cloud_power },
	[GREMLIN_CLOUD_DISK] = { "cloud: disk error", act_cloud_disk },
	[GREMLIN_CLOUD_FULL] = { "cloud: disk full", act_cloud_full },
	[GREMLIN_CLOUD_INSIDE] = { "cloud: dies inside", act_cloud_inside },
	[GREMLIN_CLOUD_COPY] = { "cloud: backup", act_cloud_copy },
	[GREMLIN_CLOUD_RESTORED] = { "cloud: restored", act_cloud_restored },
	[GREMLIN_PLAIN] = { "plain server: faults", act_plain },
	[GREMLIN_BOTH_POWER] = { "both: power cut", act_both_power },
	[GREMLIN_AGENT_KILL] = { "agent: killed", act_agent_kill },
	[GREMLIN_AGENT_POWER] = { "agent: power cut", act_agent_power },
	[GREMLIN_AGENT_INSIDE] = { "agent: dies inside", act_agent_inside },
	[GREMLIN_AGENT_OVERLAP] = { "agent: dies overlapping",
	    act_agent_overlap },
	[GREMLIN_AGENT_DISK] = { "agent: disk error", act_agent_disk },
	[GREMLIN_AGENT_FULL] = { "agent: disk full", act_agent_full },
	[GREMLIN_STATE_COPY] = { "agent: backup", act_state_copy },
	[GREMLIN_STATE_RESTORED] = { "agent: restored", act_state_restored },
	[GREMLIN_STATE_DELETED] = { "agent: state deleted", act_state_deleted },
	[GREMLIN_OVERFLOW] = { "folder: overflow", act_overflow },
	[GREMLIN_ROOT] = { "folder: root lost", act_root },
	[GREMLIN_UNREADABLE] = { "folder: unreadable", act_unreadable },
	[GREMLIN_MOUNT] = { "folder: mount inside", act_mount },
	[GREMLIN_FOLDER_IO] = { "folder: I/O errors", act_folder_io },
	[GREMLIN_SLOW_HASH] = { "hashing: slow", act_slow_hash },
	[GREMLIN_CLOCK] = { "clock: jumps", act_clock },
	[GREMLIN_PAUSE] = { "person: pauses", act_pause },
	[GREMLIN_RESCAN] = { "person: rescans", act_rescan },
	[GREMLIN_DOUBT] = { "person: wakes it up", act_doubt },
	[GREMLIN_DECIDE] = { "person: decides", act_decide },
	[GREMLIN_DECIDE_CLOUD] = { "cloud: a person decides",
	    act_decide_cloud },
	[GREMLIN_RULES] = { "rules: while it is down", act_rules },
	[GREMLIN_FLUSH] = { "person: flushes", act_flush },
};

const char *gremlin_name(enum gremlin_kind kind)
{
	assert(kind < GREMLINS);
	return gremlins[kind].name;
}

void gremlin_init(struct gremlin *g, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->seed = seed ^ 0x93e4111;
	vs_rand_seed(&g->rand, g->seed);
	g->usual = -1;
}

void gremlin_release(struct gremlin *g)
{
	dbcopy_free(g->copy);
	dbcopy_free(g->state);
	g->copy = g->state = NULL;
}

void gremlin_act(struct gremlin *g, struct world *w, int64_t op)
{
	enum gremlin_kind kind;

	vs_rand_seed(&g->rand, g->seed + (uint64_t)op * 0x9e3779b97f4a7c15ULL);

	if (g->usual < 0) {
		struct ending e = { .g = g };

		g->usual = below(g, 2) ? (int)below(g, 400) : 0;
		net_ends(w, &e);
	}
	if (below(g, GREMLIN_RARE))
		return;
	kind = (enum gremlin_kind)below(g, GREMLINS);
	g->count[kind]++;
	/* the last one: files of which a person said that they stay */
	g->blind |= kind == GREMLIN_ROOT || kind == GREMLIN_MOUNT ||
	    kind == GREMLIN_UNREADABLE || kind == GREMLIN_FOLDER_IO ||
	    kind == GREMLIN_DECIDE || kind == GREMLIN_DECIDE_CLOUD;
	trace_add(
	    &w->trace, world_now(w).mono_ms, "gremlin: %s", gremlin_name(kind));
	gremlins[kind].run(g, w);
}

void gremlin_restored(struct gremlin *g, const struct world *w)
{
	if (!w->plain)
		return;
	dbcopy_free(g->state);
	g->state = NULL;
}

void gremlin_moved(struct gremlin *g)
{
	dbcopy_free(g->copy);
	g->copy = NULL;
	g->restore_ms = 0;
}

void gremlin_restart(struct gremlin *g, struct world *w, int64_t op)
{
	vs_rand_seed(&g->rand, ~g->seed + (uint64_t)op * 0x9e3779b97f4a7c15ULL);
	if (w->engine && !below(g, GREMLIN_RESTART))
		world_stop_engine(w, while_ms(g));
}

void gremlin_rest(struct gremlin *g, struct world *w)
{
	struct ending e = { .g = g };

	sched_clear(w->sched, WORLD_GREMLIN);
	g->usual = 0;
	net_ends(w, &e);
	disks_heal(w, &e);
	overflow_ends(w, &e);
	folder_io_ends(w, &e);
	slow_ends(w, &e);
	for (int i = 0; i < GREMLIN_SHUT; i++)
		shut_open(w, &g->shut[i]);
	pause_ends(w, &e);
	plain_ends(w, &e);
	memdisk_show(w->disk, MEMDISK_HERE, false);
	g->usual = -1;
	g->blind = false;
}
