/*
 * The seeded simulator: random operations on a folder, everything that can
 * go wrong on the way to the cloud, and after every few hundred operations
 * the question whether all is as it must be.
 *
 *   sim [--seed S] [--seeds K] [--ops N] [--trace] [--selfcheck]
 *       [--coarse] [--calm] [--sabotage NAME]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "tests/sim/folder.h"
#include "tests/sim/gremlin.h"
#include "tests/sim/imp.h"
#include "tests/sim/judge.h"
#include "tests/sim/oracle.h"
#include "tests/sim/worldnet.h"

#define SIM_QUIESCE 200 /* operations between two judgements, about */
#define SIM_FOLLOW 10 /* between two looks at the log */

struct options {
	struct world_options world;
	uint64_t seeds;
	int64_t ops;
	bool selfcheck;
	bool calm; /* nothing goes wrong */
	bool coarse; /* every seed, not every fourth only */
	int members; /* -1: one or two */
};

/* What all runs did together. */
struct totals {
	int64_t ops;
	int64_t events;
	int64_t renames;
	int64_t compared;
	int64_t virtual_ms;
	int64_t gremlins[GREMLINS];
	int64_t fates[WORLD_FATES];
	int64_t engine_crashes;
	int64_t cloud_crashes;
	int64_t failed_groups;
	int64_t engine_opens;
	int64_t vfs_faults;
	int64_t full;
	int64_t overflows;
	int64_t folder_errors;
	int64_t changed_hashes;
	int64_t restores;
	int64_t imps[IMPS];
	struct membox_stats members;
};

struct run {
	struct world *w;
	struct folder folder;
	struct gremlin gremlin;
	struct oracle oracle;
	struct imp imp;
	int64_t op;
};

/* Mostly moments, so that things overlap. */
static int64_t pause_ms(struct vs_rand *r)
{
	static const uint64_t scale[] = { 4, 4, 4, 4, 4, 4, 60, 60, 60, 2500 };

	return (int64_t)vs_rand_below(
	    r, vs_rand_below(r, 200) ? scale[vs_rand_below(r, 10)] : 60000);
}

/*
 * Everything comes to rest and is judged; a second sync must find nothing.
 * The barrier alone must do unless the watcher was kept from knowing.
 */
static bool run_judge(struct run *k, bool whole)
{
	bool scan = k->gremlin.blind;
	int64_t seq;

	folder_rest(&k->folder, k->w);
	gremlin_rest(&k->gremlin, k->w);
	imp_rest(&k->imp, k->w);
	if (!oracle_settle(k->w, scan) ||
	    !oracle_compare(&k->oracle, k->w, whole))
		return false;
	seq = k->oracle.seq;
	if (!oracle_settle(k->w, true) ||
	    !oracle_follow(&k->oracle, k->w, true))
		return false;
	if (k->oracle.seq != seq)
		return world_fail(k->w, "a second sync made %" PRId64 " events",
		    k->oracle.seq - seq);
	return judge_members(&k->oracle, k->w, whole);
}

/* Reads on, and judges what members made of it. */
static bool run_follow(struct run *k)
{
	if (!oracle_follow(&k->oracle, k->w, false))
		return false;
	return !k->oracle.whole || judge_finished(&k->oracle, k->w);
}

/* What the log said before it is put back must be known. */
static bool run_restore(struct run *k)
{
	int64_t ms = k->imp.restore_ms;

	k->imp.restore_ms = 0;
	if (ms > 0 && !run_follow(k))
		return false;
	if (ms > 0 && k->oracle.whole)
		world_restore_cloud(k->w, k->imp.copy, ms);
	return true;
}

static bool run_ops(struct run *k, const struct options *o)
{
	struct vs_rand pace;
	int64_t judge = SIM_QUIESCE;

	vs_rand_seed(&pace, o->world.seed ^ 0x9ace);
	/* the agent meets its folder before anything else lies there */
	if (!world_run(k->w, 1000))
		return false;
	for (k->op = 1; k->op <= o->ops; k->op++) {
		folder_act(&k->folder, k->w);
		if (!o->calm)
			gremlin_act(&k->gremlin, k->w);
		imp_act(&k->imp, k->w);
		if (!run_restore(k) || !world_run(k->w, pause_ms(&pace)))
			return false;
		if (k->op % SIM_FOLLOW == 0 && !run_follow(k))
			return false;
		if (k->op < judge && k->op < o->ops)
			continue;
		if (!run_judge(k, k->op == o->ops))
			return false;
		judge = k->op + SIM_QUIESCE / 2 +
		    (int64_t)vs_rand_below(&pace, SIM_QUIESCE);
	}
	return true;
}

static void totals_add_vfs(struct totals *t, const struct memvfs_stats *s)
{
	for (int i = 0; i < MEMVFS_OPS; i++)
		t->vfs_faults += s->failed[i];
	t->full += s->full;
}

static void totals_add_member(
    struct membox_stats *t, const struct membox_stats *s)
{
	t->crashes += s->crashes;
	t->streams += s->streams;
	t->cuts += s->cuts;
	t->messages += s->messages;
	t->relists += s->relists;
	t->chunks += s->chunks;
	t->came += s->came;
	t->refused += s->refused;
	t->changed += s->changed;
	t->finished += s->finished;
	for (int i = 0; i < 3; i++)
		t->pulls[i] += s->pulls[i];
}

static void totals_add(struct totals *t, const struct run *k)
{
	const struct world *w = k->w;
	const struct memdisk_stats *d = memdisk_stats(w->disk);

	t->ops += k->folder.done;
	t->events += k->oracle.seq;
	t->renames += k->oracle.renames;
	t->compared += k->oracle.compared;
	t->virtual_ms += world_now(w).mono_ms;
	for (int i = 0; i < GREMLINS; i++)
		t->gremlins[i] += k->gremlin.count[i];
	for (int i = 0; i < WORLD_FATES; i++)
		t->fates[i] += w->stats.fates[i];
	t->engine_crashes += w->stats.engine_crashes;
	t->cloud_crashes += w->stats.cloud_crashes;
	t->engine_opens += w->stats.opens;
	t->failed_groups += cloudbox_stats(w->cloud)->failed_groups;
	totals_add_vfs(t, memvfs_stats(w->agent_vfs));
	totals_add_vfs(t, memvfs_stats(w->cloud_vfs));
	t->overflows += d->overflows;
	t->folder_errors +=
	    d->list_io + d->look_io + d->hash_io + d->watch_full;
	t->changed_hashes += d->hash_changed;
	t->restores += w->stats.restores;
	for (int i = 0; i < IMPS; i++)
		t->imps[i] += k->imp.count[i];
	for (int i = 0; i < w->members; i++)
		totals_add_member(&t->members, &w->member[i]->stats);
}

static const char *const sabotage_names[] = {
	[WORLD_HONEST] = "none",
	[WORLD_NOSYNC_AGENT] = "nosync-agent",
	[WORLD_NOSYNC_CLOUD] = "nosync-cloud",
	[WORLD_NO_DEDUPE] = "no-dedupe",
	[WORLD_NO_GUARD] = "no-guard",
	[WORLD_UNVERIFIED] = "unverified",
	[WORLD_NOSYNC_PART] = "nosync-part",
	[WORLD_NOSYNC_FILE] = "nosync-file",
	[WORLD_STALE_LISTING] = "stale-listing",
};

static void failure_print(const struct run *k, const struct options *o)
{
	printf("sim: seed %" PRIu64 ", operation %" PRId64 ": %s\n",
	    o->world.seed, k->op, k->w->failure);
	printf("sim: again: build/sim --seed %" PRIu64 " --ops %" PRId64
	       " --members %d%s%s%s%s --trace\n",
	    o->world.seed, o->ops, o->world.members,
	    o->world.coarse ? " --coarse" : "", o->calm ? " --calm" : "",
	    o->world.sabotage ? " --sabotage " : "",
	    o->world.sabotage ? sabotage_names[o->world.sabotage] : "");
}

/* One seed; *hash gets its trace's. */
static bool run_seed(const struct options *o, struct totals *t, uint64_t *hash)
{
	struct run k = { .op = 0 };
	bool ok;

	k.w = world_new(&o->world);
	if (!k.w)
		return false;
	folder_init(&k.folder, o->world.seed);
	gremlin_init(&k.gremlin, o->world.seed);
	imp_init(&k.imp, o->world.seed, o->calm);
	oracle_init(&k.oracle);
	ok = run_ops(&k, o);
	if (!ok)
		failure_print(&k, o);
	totals_add(t, &k);
	*hash = k.w->trace.hash;
	folder_rest(&k.folder, k.w);
	gremlin_rest(&k.gremlin, k.w);
	imp_rest(&k.imp, k.w);
	imp_release(&k.imp);
	oracle_release(&k.oracle);
	world_free(k.w);
	return ok;
}

static void members_print(const struct totals *t)
{
	const struct membox_stats *m = &t->members;

	printf("\nsim: members: %" PRId64 " ends, %" PRId64 " streams, %" PRId64
	       " cuts, %" PRId64 " messages, %" PRId64
	       " listings compared, %" PRId64 " restored clouds\n",
	    m->crashes, m->streams, m->cuts, m->messages, m->relists,
	    t->restores);
	printf("sim: pulls: %" PRId64 " completed, %" PRId64 " failed, %" PRId64
	       " cancelled; %" PRId64 " files under their names, %" PRId64
	       " chunks of %" PRId64 ", %" PRId64 " tickets refused, %" PRId64
	       " changed at the source\n",
	    m->pulls[0], m->pulls[1], m->pulls[2], m->finished, m->came,
	    m->chunks, m->refused, m->changed);
	printf("sim: members:");
	for (int i = 0; i < IMPS; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    imp_name((enum imp_kind)i), t->imps[i]);
	printf("\n");
}

static void totals_print(const struct totals *t, double seconds)
{
	printf("sim: %" PRId64 " operations, %" PRId64 " events (%" PRId64
	       " renames), %" PRId64 " comparisons, %" PRId64
	       " hours of virtual time, %.1f s"
	       " (%.0f operations/s)\n",
	    t->ops, t->events, t->renames, t->compared, t->virtual_ms / 3600000,
	    seconds, (double)t->ops / (seconds > 0 ? seconds : 1));
	printf("sim: %" PRId64 " ends of the agent, %" PRId64
	       " of the cloud, %" PRId64 " groups that failed, %" PRId64
	       " database faults, %" PRId64 " times full\n",
	    t->engine_crashes, t->cloud_crashes, t->failed_groups,
	    t->vfs_faults, t->full);
	printf("sim: %" PRId64 " overflows, %" PRId64
	       " errors of the folder, %" PRId64
	       " files changed while hashed\n",
	    t->overflows, t->folder_errors, t->changed_hashes);
	printf("sim: requests:");
	for (int i = 0; i < WORLD_FATES; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    worldnet_fate((enum world_fate)i), t->fates[i]);
	members_print(t);
	printf("sim: faults:");
	for (int i = 0; i < GREMLINS; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    gremlin_name((enum gremlin_kind)i), t->gremlins[i]);
	printf("\n");
}

static int sabotage_parse(const char *name)
{
	for (int i = 0; i < WORLD_SABOTAGES; i++)
		if (!strcmp(name, sabotage_names[i]))
			return i;
	return -1;
}

static bool number_parse(const char *text, int64_t least, int64_t *out)
{
	char *end;

	*out = strtoll(text, &end, 10);
	return *text && !*end && *out >= least;
}

static bool options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'k' },
		{ "ops", required_argument, NULL, 'n' },
		{ "trace", no_argument, NULL, 't' },
		{ "selfcheck", no_argument, NULL, 'c' },
		{ "coarse", no_argument, NULL, 'g' },
		{ "calm", no_argument, NULL, 'q' },
		{ "members", required_argument, NULL, 'm' },
		{ "sabotage", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int64_t n = 0;
	int c;
	bool ok = true;

	while (ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 's':
			ok = number_parse(optarg, 0, &n);
			o->world.seed = (uint64_t)n;
			break;
		case 'k':
			ok = number_parse(optarg, 1, &n);
			o->seeds = (uint64_t)n;
			break;
		case 'n':
			ok = number_parse(optarg, 1, &o->ops);
			break;
		case 't':
			o->world.print = true;
			break;
		case 'c':
			o->selfcheck = true;
			break;
		case 'g':
			o->coarse = true;
			break;
		case 'q':
			o->calm = true;
			break;
		case 'm':
			ok = number_parse(optarg, 0, &n) && n <= WORLD_MEMBERS;
			o->members = (int)n;
			break;
		case 'b':
			ok = sabotage_parse(optarg) >= 0;
			o->world.sabotage = ok
			    ? (enum world_sabotage)sabotage_parse(optarg)
			    : WORLD_HONEST;
			break;
		default:
			ok = false;
		}
	}
	return ok && optind == argc;
}

/* Runs a seed, twice if it is to prove that it repeats: the first always. */
static bool seed_pass(
    const struct options *o, struct totals *t, bool first_seed)
{
	struct totals unused = { 0 };
	uint64_t first, second;

	if (!run_seed(o, t, &first))
		return false;
	if (!o->selfcheck && !first_seed)
		return true;
	if (!run_seed(o, &unused, &second))
		return false;
	if (first != second)
		printf("sim: seed %" PRIu64 ": two runs, two traces\n",
		    o->world.seed);
	return first == second;
}

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct options o = {
		.world.seed = 1, .seeds = 40, .ops = 2000, .members = -1
	};
	struct totals t = { 0 };
	uint64_t passed = 0;
	double start = seconds_now();

	if (!options_read(&o, argc, argv)) {
		fprintf(stderr,
		    "usage: sim [--seed S] [--seeds K] [--ops N] [--trace] "
		    "[--selfcheck]\n           [--coarse] [--calm] "
		    "[--members N]\n           [--sabotage nosync-agent|"
		    "nosync-cloud|no-dedupe|no-guard|\n           "
		    "unverified|nosync-part|nosync-file|stale-listing]\n");
		return 2;
	}
	/* what the programs have to say about their faults is expected */
	vs_log_setup(
	    o.world.print ? VS_LOG_DEBUG : (enum vs_log_level)0, VS_LOG_PLAIN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	json_object_seed(1);
	for (uint64_t i = 0; i < o.seeds; i++, o.world.seed++) {
		o.world.coarse = o.coarse || o.world.seed % 4 == 0;
		o.world.members = o.members >= 0
		    ? o.members
		    : 1 + (int)(o.world.seed % WORLD_MEMBERS);
		passed += seed_pass(&o, &t, i == 0);
		/* a control has shown what it can */
		if (o.world.sabotage && passed <= i)
			break;
	}
	totals_print(&t, seconds_now() - start);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed,
	    o.seeds - passed);
	return passed == o.seeds ? 0 : 1;
}
