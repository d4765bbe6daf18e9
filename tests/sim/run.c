#include "tests/sim/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/judge.h"
#include "tests/sim/meddle.h"
#include "tests/sim/plainjudge.h"
#include "tests/sim/twin.h"

#define RUN_QUIESCE 200 /* operations between two judgements, about */
#define RUN_UPGRADE 8 /* of judgements: a plain server becomes a cloud */
#define RUN_FOLLOW 10 /* between two looks at the log */
#define RUN_ASKED_MS (15 * 60 * 1000) /* an agent has asked for news within */

struct run {
	struct world *w;
	struct folder folder;
	struct gremlin gremlin;
	struct oracle oracle;
	struct imp imp;
	struct meddle meddle;
	struct twin twin;
	bool restored; /* the cloud was, and the agent may have slept through */
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
	struct world *w;
	int64_t seq;

	k->meddle.on = false;
	folder_rest(&k->folder, k->w);
	gremlin_rest(&k->gremlin, k->w);
	imp_rest(&k->imp, k->w);
	scan |= memfs_unseen(k->w->fs);
	/* with nothing to send it hears of that when it next asks */
	if (k->restored && !world_run(k->w, RUN_ASKED_MS))
		return false;
	k->restored = false;
	if (k->w->plain)
		return plainjudge(k->w);
	if (k->w->twin && !twin_rest(&k->twin))
		return false;
	w = k->w->twin ? twin_leader(&k->twin) : k->w;
	scan |= k->w->twin && memfs_unseen(k->w->twin->fs);
	if (!oracle_settle(w, scan) || !oracle_compare(&k->oracle, w, whole))
		return false;
	w->unveiled = false;
	k->w->rules++;
	seq = k->oracle.seq;
	if (!oracle_settle(w, true) || !oracle_follow(&k->oracle, w, true))
		return false;
	/* all was listed by a whole scan, with each hash */
	k->w->listed = true;
	if (k->oracle.seq != seq)
		return world_fail(k->w, "a second sync made %" PRId64 " events",
		    k->oracle.seq - seq);
	if (k->w->twin && !twin_judge(&k->twin, &k->oracle))
		return false;
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
	int64_t ms = k->gremlin.restore_ms;

	k->gremlin.restore_ms = 0;
	if (ms > 0 && !run_follow(k))
		return false;
	if (ms > 0 && k->oracle.whole) {
		world_restore_cloud(k->w, k->gremlin.copy, ms);
		gremlin_restored(&k->gremlin, k->w);
		k->restored = true;
	}
	return true;
}

/* A cloud's copy of before the role moved would move it back. */
static bool run_twin(struct run *k)
{
	int64_t moves = k->twin.moves;
	bool ok = twin_act(&k->twin, &k->oracle, k->op);

	if (k->twin.moves != moves)
		gremlin_moved(&k->gremlin);
	return ok;
}

static bool run_act(struct run *k, const struct run_options *o)
{
	int skip = o->skip ? o->skip[k->op] : 0;

	meddle_begin(&k->meddle, k->op, skip & RUN_NO_MEDDLE);
	if (!(skip & RUN_NO_ACT))
		folder_act(&k->folder, k->w, k->op);
	/* what comes under the rules of before is published, and goes again */
	if (k->w->unveiled)
		world_veil(k->w);
	if (k->w->o.history && !(skip & RUN_NO_GREMLIN))
		gremlin_restart(&k->gremlin, k->w, k->op);
	if (!o->calm && !(skip & RUN_NO_GREMLIN))
		gremlin_act(&k->gremlin, k->w, k->op);
	if (!(skip & RUN_NO_IMP))
		imp_act(&k->imp, k->w, k->op);
	return !k->w->twin || run_twin(k);
}

static bool run_ops(struct run *k, const struct run_options *o)
{
	struct vs_rand pace;
	int64_t judge = RUN_QUIESCE;

	vs_rand_seed(&pace, o->world.seed ^ 0x9ace);
	/* the agent meets its folder before anything else lies there */
	if (!world_run(k->w, 1000))
		return false;
	if (o->world.twin && !twin_init(&k->twin, k->w))
		return false;
	for (k->op = 1; k->op <= o->ops; k->op++) {
		if (!run_act(k, o) || !run_restore(k) ||
		    !world_run(k->w, pause_ms(&pace)))
			return false;
		if (k->op % RUN_FOLLOW == 0 && !run_follow(k))
			return false;
		if (k->op < judge && k->op < o->ops)
			continue;
		if (!run_judge(k, k->op == o->ops))
			return false;
		if (k->w->plain && !vs_rand_below(&pace, RUN_UPGRADE)) {
			/* a state of before would begin an epoch of its own */
			gremlin_restored(&k->gremlin, k->w);
			world_upgrade(k->w);
		}
		judge = k->op + RUN_QUIESCE / 2 +
		    (int64_t)vs_rand_below(&pace, RUN_QUIESCE);
	}
	return true;
}

bool run_seed(
    const struct run_options *o, struct run_result *result, struct score *score)
{
	struct run k = { .op = 0 };
	bool ok;

	memset(result, 0, sizeof(*result));
	k.w = world_new(&o->world);
	if (!k.w) {
		snprintf(result->failure, sizeof(result->failure), "no world");
		return false;
	}
	folder_init(&k.folder, o->world.seed);
	gremlin_init(&k.gremlin, o->world.seed);
	imp_init(&k.imp, o->world.seed, o->calm);
	oracle_init(&k.oracle);
	meddle_init(&k.meddle, &k.folder, k.w, o->world.seed);
	memedge_turn(&k.w->edge, meddle_turn, &k.meddle);
	ok = run_ops(&k, o);
	k.meddle.on = false;
	result->hash = k.w->trace.hash;
	result->op = k.op;
	snprintf(result->failure, sizeof(result->failure), "%s",
	    ok ? "" : k.w->failure);
	if (score) {
		score_world(score, k.w);
		score_run(score, &k.folder, &k.gremlin, &k.imp, &k.oracle);
	}
	folder_rest(&k.folder, k.w);
	if (k.w->twin)
		folder_rest(&k.twin.folder, k.w->twin);
	gremlin_rest(&k.gremlin, k.w);
	imp_rest(&k.imp, k.w);
	gremlin_release(&k.gremlin);
	oracle_release(&k.oracle);
	world_free(k.w);
	return ok;
}
