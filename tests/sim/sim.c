/*
 * The seeded simulator: random operations on a folder, everything that can
 * go wrong on the way to the cloud, and after every few hundred operations
 * the question whether all is as it must be.  sim --help says how.
 */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "tests/sim/gang.h"
#include "tests/sim/offline.h"
#include "tests/sim/run.h"
#include "tests/sim/series.h"
#include "tests/sim/shrink.h"
#include "tests/sim/step.h"

#define SIM_REPORT 100 /* seeds between two words on how far it is */
#define SIM_SHRINK 300 /* runs that make a failure smaller, at most */

struct options {
	struct run_options run;
	int64_t seed;
	int64_t seeds;
	int64_t check; /* one seed in so many runs twice */
	int jobs;
	int members; /* -1: none, one or two */
	bool coarse; /* every seed, not every fourth only */
	bool history; /* likewise, not every sixteenth only */
	bool twin; /* likewise */
	bool plain; /* likewise, not every eighth only */
	bool shrink;
	const char *commit;
	int64_t days; /* without the cloud; 0: seeds */
	int64_t names;
	int series; /* length of its sequences; 0: seeds */
	int64_t share;
	int only[SERIES_LENGTH];
	int only_count;
};

static const char *const sabotage_names[] = {
	[WORLD_HONEST] = "none",
	[WORLD_NOSYNC_AGENT] = "nosync-agent",
	[WORLD_NOSYNC_CLOUD] = "nosync-cloud",
	[WORLD_NO_DEDUPE] = "no-dedupe",
	[WORLD_UNLINKED] = "unlinked",
	[WORLD_NO_GUARD] = "no-guard",
	[WORLD_UNVERIFIED] = "unverified",
	[WORLD_NOSYNC_PART] = "nosync-part",
	[WORLD_NOSYNC_FILE] = "nosync-file",
	[WORLD_STALE_LISTING] = "stale-listing",
	[WORLD_MIXED_HASH] = "mixed-hash",
	[WORLD_UNSTEADY] = "unsteady",
	[WORLD_EARLY_MARK] = "early-mark",
	[WORLD_HOARD] = "hoard",
	[WORLD_FORGETFUL] = "forgetful",
	[WORLD_LATE_WATCH] = "late-watch",
	[WORLD_ADOPT] = "adopt",
	[WORLD_HASTY_RULES] = "hasty-rules",
	[WORLD_BLANK] = "blank",
	[WORLD_PLAIN_LIAR] = "plain-liar",
	[WORLD_ONE_DEVICE] = "one-device",
	[WORLD_LOST_HASH] = "lost-hash",
};

static void failure_print(
    const struct run_options *o, const struct run_result *r)
{
	const struct world_options *w = &o->world;

	printf("sim: seed %" PRIu64 ", operation %" PRId64 ": %s\n", w->seed,
	    r->op, r->failure);
	printf("sim: again: build/sim --seed %" PRIu64
	       " --seeds 1 --ops %" PRId64
	       " --members %d%s%s%s%s%s%s%s --trace\n",
	    w->seed, o->ops, w->members, w->coarse ? " --coarse" : "",
	    w->history ? " --history" : "", w->plain ? " --plain" : "",
	    w->twin ? " --twin" : "", o->calm ? " --calm" : "",
	    w->sabotage ? " --sabotage " : "",
	    w->sabotage ? sabotage_names[w->sabotage] : "");
}

/* What a seed says of its world. */
static struct run_options seed_options(const struct options *o, int64_t seed)
{
	struct run_options r = o->run;

	r.world.seed = (uint64_t)seed;
	r.world.coarse = o->coarse || seed % 4 == 0;
	r.world.list_first = seed % 3 == 0;
	r.world.unwatched = seed % 16 == 7;
	r.world.history = o->history || seed % 16 == 11;
	r.world.members = o->members >= 0 ? o->members : (int)(seed % 3);
	r.world.plain = !o->twin && (o->plain || seed % 8 == 5);
	r.world.twin = !r.world.plain && (o->twin || seed % 8 == 6);
	if (r.world.plain || r.world.twin)
		r.world.members = 0; /* it knows of none */
	return r;
}

/* Runs a seed, some twice to prove that it repeats. */
static bool seed_piece(void *arg, int64_t seed, struct score *score)
{
	const struct options *o = arg;
	const struct run_options run = seed_options(o, seed);
	struct run_result first, second;

	if ((seed - o->seed + 1) % SIM_REPORT == 0)
		printf("sim: at seed %" PRId64 "\n", seed);
	if (!run_seed(&run, &first, score)) {
		failure_print(&run, &first);
		if (o->shrink)
			shrink_print(&run, &first, SIM_SHRINK);
		return false;
	}
	if (!o->check || (seed - o->seed) % o->check)
		return true;
	run_seed(&run, &second, NULL);
	if (first.hash != second.hash)
		printf("sim: seed %" PRId64 ": two runs, two traces\n", seed);
	return first.hash == second.hash;
}

/* All sequences that begin with one step. */
static bool series_piece(void *arg, int64_t first, struct score *score)
{
	const struct options *o = arg;
	const struct series_options so = { .world = o->run.world,
		.length = o->series,
		.share = o->share,
		.only = o->only_count ? o->only : NULL };
	struct series_result r = { 0 };

	series_run(&so, (int)first, &r);
	score->sequences += r.passed + r.failed;
	score->empty += r.empty;
	if (r.passed || r.failed)
		printf("sim: sequences from '%s': %" PRId64 " passed, %" PRId64
		       " failed, %" PRId64 " void\n",
		    step_name((int)first), r.passed, r.failed, r.empty);
	return !r.failed;
}

static bool offline_piece(void *arg, int64_t seed, struct score *score)
{
	const struct options *o = arg;
	struct offline_options oo = { .world = o->run.world,
		.days = o->days,
		.changes = o->run.ops,
		.names = o->names };
	struct offline_result r;
	bool ok;

	oo.world.seed = (uint64_t)seed;
	oo.world.forget = true;
	ok = offline_run(&oo, &r, score);
	printf("sim: %" PRId64 " days offline, %" PRId64
	       " changes: at most %" PRId64 " rows in the outbox for %" PRId64
	       " names, %" PRId64 " KiB of database, %" PRId64
	       " KiB of memory; %" PRId64 " events, all sent %" PRId64
	       " s after the network was back\n",
	    o->days, r.changes, r.outbox, r.room, r.database / 1024,
	    r.heap / 1024, r.events, r.converge_ms / 1000);
	if (!ok)
		printf("sim: seed %" PRId64 ": offline: %s\n", seed, r.failure);
	return ok;
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

/* Numbers of steps with commas between them. */
static bool only_parse(struct options *o, const char *text)
{
	while (*text && o->only_count < SERIES_LENGTH) {
		char *end;
		long n = strtol(text, &end, 10);

		if (end == text || n < 0 || n >= STEPS)
			return false;
		o->only[o->only_count++] = (int)n;
		text = *end == ',' ? end + 1 : end;
	}
	return !*text;
}

/* One option with its text; false when that is none. */
static bool option_take(struct options *o, int c, const char *text)
{
	int64_t n = 0;
	bool ok = true;

	switch (c) {
	case 's':
		return number_parse(text, 0, &o->seed);
	case 'k':
		return number_parse(text, 1, &o->seeds);
	case 'n':
		return number_parse(text, 1, &o->run.ops);
	case 'c':
		return number_parse(text, 0, &o->check);
	case 'j':
		ok = number_parse(text, 1, &n);
		o->jobs = (int)n;
		return ok;
	case 'm':
		ok = number_parse(text, 0, &n) && n <= WORLD_MEMBERS;
		o->members = (int)n;
		return ok;
	case 'b':
		n = sabotage_parse(text);
		o->run.world.sabotage = (enum world_sabotage)n;
		return n >= 0;
	case 'd':
		return number_parse(text, 1, &o->days);
	case 'e':
		return number_parse(text, 1, &o->names);
	case 'l':
		ok = number_parse(text, 1, &n) && n <= SERIES_LENGTH;
		o->series = (int)n;
		return ok;
	case 'a':
		return number_parse(text, 1, &o->share);
	case 'o':
		return only_parse(o, text);
	case 'i':
		o->commit = text;
		return true;
	case 't':
		return o->run.world.print = true;
	case 'x':
		return o->shrink = true;
	case 'g':
		return o->coarse = true;
	case 'h':
		return o->history = true;
	case 'w':
		return o->twin = true;
	case 'p':
		return o->plain = true;
	case 'q':
		return o->run.calm = true;
	default:
		return false;
	}
}

static bool options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'k' },
		{ "ops", required_argument, NULL, 'n' },
		{ "check", required_argument, NULL, 'c' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "members", required_argument, NULL, 'm' },
		{ "sabotage", required_argument, NULL, 'b' },
		{ "offline", required_argument, NULL, 'd' },
		{ "names", required_argument, NULL, 'e' },
		{ "series", required_argument, NULL, 'l' },
		{ "share", required_argument, NULL, 'a' },
		{ "only", required_argument, NULL, 'o' },
		{ "commit", required_argument, NULL, 'i' },
		{ "trace", no_argument, NULL, 't' },
		{ "shrink", no_argument, NULL, 'x' },
		{ "coarse", no_argument, NULL, 'g' },
		{ "history", no_argument, NULL, 'h' },
		{ "twin", no_argument, NULL, 'w' },
		{ "plain", no_argument, NULL, 'p' },
		{ "calm", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (!option_take(o, c, optarg ? optarg : ""))
			return false;
	return optind == argc && (!o->only_count || o->only_count == o->series);
}

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A line for programs: what was proved, by what, in which time. */
static void result_print(const struct options *o, const struct gang_result *r,
    const struct score *t, double seconds)
{
	if (o->series) {
		printf(
		    "sim: result {\"suite\":\"series\",\"sequences\":%" PRId64
		    ",\"void\":%" PRId64 ",\"length\":%d,\"share\":%" PRId64
		    ",\"seed\":%" PRId64 ",\"failed\":%" PRId64
		    ",\"commit\":\"%s\",\"seconds\":%.1f,\"jobs\":%d}\n",
		    t->sequences, t->empty, o->series, o->share, o->seed,
		    r->failed, o->commit, seconds, o->jobs);
		return;
	}
	printf("sim: result {\"suite\":\"%s\",\"ops\":%" PRId64
	       ",\"first_seed\":%" PRId64 ",\"last_seed\":%" PRId64
	       ",\"failed\":%" PRId64 ",\"commit\":\"%s\",\"seconds\":%.1f,"
	       "\"jobs\":%d}\n",
	    o->days ? "offline" : "seeds", t->ops, o->seed,
	    o->seed + o->seeds - 1, r->failed, o->commit, seconds, o->jobs);
}

/* One thread, and memory that is used again: no locks, no page faults. */
static void speed_up(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 1 << 24);
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int usage(void)
{
	fprintf(stderr,
	    "usage: sim [--seed S] [--seeds K] [--ops N] [--jobs J]\n"
	    "           [--check EVERY] [--members N] [--coarse] [--calm]\n"
	    "           [--history] [--plain] [--twin]\n"
	    "           [--trace] [--shrink] [--commit ID]\n"
	    "       sim --series LENGTH [--share ONE_IN] [--only N,N,...] "
	    "[--seed S]\n"
	    "       sim --offline DAYS [--ops N] [--names N] [--seed S] "
	    "[--seeds K]\n"
	    "           [--sabotage nosync-agent|nosync-cloud|no-dedupe|\n"
	    "                       unlinked|no-guard|unverified|nosync-part|\n"
	    "                       nosync-file|stale-listing|late-watch|\n"
	    "                       adopt|early-mark|hasty-rules|blank|\n"
	    "                       lost-hash|forgetful|plain-liar|\n"
	    "                       one-device]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options o = { .run.ops = 2000,
		.seed = 1,
		.seeds = 40,
		.check = 20,
		.jobs = 1,
		.members = -1,
		.share = 1,
		.names = 2000,
		.commit = "" };
	struct gang_work work = { .piece = seed_piece, .arg = &o };
	struct gang_result result;
	struct score score = { 0 };
	double start = seconds_now();

	if (!options_read(&o, argc, argv))
		return usage();
	speed_up();
	/* what the programs have to say about their faults is expected */
	vs_log_setup(o.run.world.print ? VS_LOG_DEBUG : (enum vs_log_level)0,
	    VS_LOG_PLAIN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	json_object_seed(1);
	work.from = o.seed;
	work.count = o.seeds;
	if (o.days)
		work.piece = offline_piece;
	if (o.series) {
		o.run.world.seed = (uint64_t)o.seed;
		work.piece = series_piece;
		work.from = 0;
		work.count = STEPS;
	}
	work.one = o.run.world.sabotage; /* it has shown what it can */
	gang_run(&work, o.jobs, &result, &score);
	if (!o.series)
		score_print(&score);
	result_print(&o, &result, &score, seconds_now() - start);
	printf("%" PRId64 " passed, %" PRId64 " failed\n", result.passed,
	    result.failed);
	return result.failed ? 1 : 0;
}
