#include "tests/sim/score.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/worldnet.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void vfs_add(struct score *t, const struct memvfs_stats *s)
{
	for (int i = 0; i < MEMVFS_OPS; i++)
		t->vfs_faults += s->failed[i];
	t->full += s->full;
}

static void numbers_add(int64_t *to, const int64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

/* A struct of int64_t as what it is. */
#define NUMBERS_ADD(to, from) \
	numbers_add((int64_t *)(void *)(to), \
	    (const int64_t *)(const void *)(from), \
	    sizeof(*(to)) / sizeof(int64_t))

static void disk_add(struct score *t, const struct memdisk_stats *d)
{
	t->overflows += d->overflows;
	t->pairs += d->pairs;
	t->list_io += d->list_io;
	t->look_io += d->look_io;
	t->hash_io += d->hash_io;
	t->watch_full += d->watch_full;
	t->early += d->early;
	t->changed_hashes += d->hash_changed;
}

void score_world(struct score *t, const struct world *w)
{
	t->virtual_ms += world_now(w).mono_ms;
	t->engine_crashes += w->stats.engine_crashes;
	t->cloud_crashes += w->stats.cloud_crashes;
	t->engine_opens += w->stats.opens;
	t->ahead += w->stats.ahead;
	t->overtaken += w->stats.overtaken;
	t->hashes += w->stats.hashes;
	t->restores += w->stats.restores;
	t->states += w->stats.states;
	t->coarse += w->o.coarse;
	t->unwatched += w->o.unwatched;
	numbers_add(t->fates, w->stats.fates, COUNT(t->fates));
	numbers_add(t->news, w->stats.news, COUNT(t->news));
	t->failed_groups += cloudbox_stats(w->cloud)->failed_groups;
	vfs_add(t, memvfs_stats(w->agent_vfs));
	vfs_add(t, memvfs_stats(w->cloud_vfs));
	disk_add(t, memdisk_stats(w->disk));
	if (w->log)
		NUMBERS_ADD(&t->history, memlog_stats(w->log));
	NUMBERS_ADD(&t->plain, &w->plain_stats);
	if (w->plain)
		NUMBERS_ADD(&t->plain, plainbox_stats(w->plain));
	for (int i = 0; i < w->members; i++)
		NUMBERS_ADD(&t->members, &w->member[i]->stats);
}

void score_run(struct score *t, const struct folder *f, const struct gremlin *g,
    const struct imp *p, const struct oracle *o)
{
	if (f) {
		t->ops += f->done;
		numbers_add(t->acts, f->count, COUNT(t->acts));
	}
	if (g)
		numbers_add(t->gremlins, g->count, COUNT(t->gremlins));
	if (p)
		numbers_add(t->imps, p->count, COUNT(t->imps));
	if (o) {
		t->events += o->seq;
		t->renames += o->renames;
		t->bare += o->bare;
		t->compared += o->compared;
	}
}

void score_add(struct score *t, const struct score *more)
{
	NUMBERS_ADD(t, more);
}

static void members_print(const struct score *t)
{
	const struct membox_stats *m = &t->members;

	if (!m->opens)
		return;
	printf("sim: members: %" PRId64 " ends, %" PRId64 " streams, %" PRId64
	       " cuts, %" PRId64 " messages, %" PRId64 " listings compared\n",
	    m->crashes, m->streams, m->cuts, m->messages, m->relists);
	printf("sim: pulls: %" PRId64 " completed, %" PRId64 " failed, %" PRId64
	       " cancelled; %" PRId64 " files under their names, %" PRId64
	       " chunks of %" PRId64 ", %" PRId64 " tickets refused, %" PRId64
	       " changed at the source; %" PRId64 " files moved, %" PRId64
	       " replaced by that, %" PRId64 " chunks copied\n",
	    m->pulls[0], m->pulls[1], m->pulls[2], m->finished, m->came,
	    m->chunks, m->refused, m->changed, m->moved, m->taken, m->copied);
	printf("sim: members:");
	for (int i = 0; i < IMPS; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    imp_name((enum imp_kind)i), t->imps[i]);
	printf("\n");
}

static void faults_print(const struct score *t)
{
	printf("sim: %" PRId64 " ends of the agent, %" PRId64
	       " of the cloud, %" PRId64 " restored clouds, %" PRId64
	       " states of the agent replaced, %" PRId64
	       " groups that failed, %" PRId64 " database faults, %" PRId64
	       " times full\n",
	    t->engine_crashes, t->cloud_crashes, t->restores, t->states,
	    t->failed_groups, t->vfs_faults, t->full);
	printf("sim: folder: %" PRId64 " overflows, %" PRId64
	       " renames told as one, %" PRId64
	       " listings that failed half-way, %" PRId64
	       " looks that failed, %" PRId64 " reads that failed, %" PRId64
	       " watches refused, %" PRId64 " listings read ahead, %" PRId64
	       " files changed while hashed of %" PRId64 ", %" PRId64
	       " runs on a coarse clock, %" PRId64 " without a watcher\n",
	    t->overflows, t->pairs, t->list_io, t->look_io, t->hash_io,
	    t->watch_full, t->early, t->changed_hashes, t->hashes, t->coarse,
	    t->unwatched);
	printf("sim: history: %" PRId64 " starts told, %" PRId64
	       " refused, %" PRId64 " with holes, %" PRId64 " hints\n",
	    t->history.resumed, t->history.refused, t->history.holes,
	    t->history.old);
	printf("sim: plain servers: %" PRId64 " batches, %" PRId64
	       " changes stored, %" PRId64 " left out, %" PRId64
	       " pages of HTML, %" PRId64 " bodies too large, %" PRId64
	       " restored\n",
	    t->plain.batches, t->plain.stored, t->plain.left_out,
	    t->plain.pages, t->plain.too_large, t->plain.restored);
	printf("sim: agent: %" PRId64 " times deletions held, %" PRId64
	       " refused, %" PRId64 " recording, %" PRId64 " scans, %" PRId64
	       " batches sent ahead, %" PRId64 " overtaken\n",
	    t->news[ENGINE_HELD], t->news[ENGINE_REFUSED],
	    t->news[ENGINE_RECORDING], t->news[ENGINE_SCANNED], t->ahead,
	    t->overtaken);
	printf("sim: requests:");
	for (int i = 0; i < WORLD_FATES; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    worldnet_fate((enum world_fate)i), t->fates[i]);
	printf("\n");
}

void score_print(const struct score *t)
{
	printf("sim: %" PRId64 " operations, %" PRId64 " events (%" PRId64
	       " renames, %" PRId64 " files without a hash), %" PRId64
	       " comparisons, %" PRId64 " hours of virtual time\n",
	    t->ops, t->events, t->renames, t->bare, t->compared,
	    t->virtual_ms / 3600000);
	faults_print(t);
	members_print(t);
	printf("sim: operations:");
	for (int i = 0; i < FOLDER_ACTS; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    folder_name((enum folder_act)i), t->acts[i]);
	printf("\nsim: faults:");
	for (int i = 0; i < GREMLINS; i++)
		printf("%s %s %" PRId64, i ? "," : "",
		    gremlin_name((enum gremlin_kind)i), t->gremlins[i]);
	printf("\n");
}
