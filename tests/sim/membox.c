#include "tests/sim/membox.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/member_core.h"
#include "common/base/hex.h"
#include "tests/sim/memwire.h"
#include "tests/sim/worldnet.h"

#define MEMBOX_STUCK 50000 /* steps without a rest */
#define MEMBOX_REOPEN_MS 500
#define MEMBOX_DB "mirror.db"

static const char *const vfs_names[WORLD_MEMBERS] = { "sim-member0",
	"sim-member1" };

/* --- the engine's clockwork --- */

static void step_plan(struct membox *b, int64_t at);

static void step_due(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	int64_t serial = *(int64_t *)data;
	struct vs_now now = world_now(b->w);
	int64_t next;

	free(data);
	if (!due || serial != b->step_serial || !b->m)
		return;
	b->step_at = INT64_MAX;
	b->stats.steps++;
	next = member_step(b->m, now);
	if (next > now.mono_ms + 1)
		b->stuck = 0;
	else if (++b->stuck > MEMBOX_STUCK)
		world_fail(b->w, "member %d wants step after step", b->no);
	step_plan(b, next);
}

static void step_plan(struct membox *b, int64_t at)
{
	int64_t *serial;

	if (at >= b->step_at || at == INT64_MAX)
		return;
	serial = malloc(sizeof(*serial));
	if (!serial)
		abort();
	*serial = ++b->step_serial;
	b->step_at = at;
	sched_add(b->w->sched, at - world_now(b->w).mono_ms, b->owner, step_due,
	    b, serial);
}

void membox_poke(struct membox *b)
{
	if (b->m)
		step_plan(b,
		    world_now(b->w).mono_ms +
			(int64_t)vs_rand_below(&b->w->rand, 2));
}

/* --- hashing --- */

struct hashing {
	uint64_t id;
	struct target *target;
	bool path;
	char name[];
};

/* What the pull wants to hear: for a member that believes all. */
static int hash_lie(struct membox *b, const char *part, uint8_t *out)
{
	struct vs_err err = VS_ERR_INIT;
	struct pull *p = NULL;
	int rc = VS_ENOENT;

	/* closed after an error of its database */
	if (b->m->mirror.db == NULL)
		return rc;
	if (pulls_get(&b->m->mirror, part, &p, &err) == 1)
		rc = vs_hex_decode(out, VS_SHA256_SIZE, p->hash);
	pulls_free(p);
	return rc;
}

static int hash_do(struct membox *b, const struct hashing *h, uint8_t *out)
{
	struct vs_err err = VS_ERR_INIT;
	struct disk_hash *d;
	int rc;

	if (!h->path && b->w->o.sabotage == WORLD_UNVERIFIED)
		return hash_lie(b, h->name, out);
	if (!h->path)
		return h->target->part_hash(
		    h->target, h->name, out, NULL, &err);
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	rc = h->target->hash(h->target, h->name, d, NULL, &err);
	memcpy(out, d->sha256, sizeof(d->sha256));
	free(d);
	return rc;
}

static void hash_due(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct hashing *h = data;
	uint8_t sha[VS_SHA256_SIZE] = { 0 };
	int rc;

	if (due && b->m) {
		rc = hash_do(b, h, sha);
		trace_add(&b->w->trace, world_now(b->w).mono_ms,
		    "member %d: hash %s: %d %llx", b->no, h->name, rc,
		    (unsigned long long)trace_digest(sha, sizeof(sha)));
		member_hashed(b->m, h->id, rc, sha, world_now(b->w));
		membox_poke(b);
	}
	free(h);
}

static void world_hash(
    void *arg, uint64_t id, struct target *target, const char *name, bool path)
{
	struct membox *b = arg;
	size_t len = strlen(name) + 1;
	struct hashing *h = calloc(1, sizeof(*h) + len);

	if (!h)
		abort();
	h->id = id;
	h->target = target;
	h->path = path;
	memcpy(h->name, name, len);
	sched_add(b->w->sched,
	    (int64_t)vs_rand_below(&b->w->rand, (uint64_t)b->hash_ms + 1),
	    b->owner, hash_due, b, h);
}

/* --- requests, news --- */

static void answered(void *arg, uint64_t id, const struct engine_answer *a)
{
	struct membox *b = arg;

	if (!b->m)
		return;
	member_answered(b->m, id, a, world_now(b->w));
	membox_poke(b);
}

static void world_send(void *arg, const struct engine_send *s)
{
	struct membox *b = arg;
	bool was = b->w->net.no_token;

	b->w->net.no_token = was || b->no_token;
	worldnet_send_as(b->w, &b->end, s);
	b->w->net.no_token = was;
}

static void strike_due(void *arg, void *data, bool due)
{
	(void)data;
	if (due)
		membox_crash(arg, true, 100);
}

/* The moments at which what was promised to be durable is needed. */
static void strike(struct membox *b, const struct member_event *e)
{
	if (e->news != MEMBER_PULL || e->n == 0 || !b->faults.strike ||
	    vs_rand_below(&b->w->rand, 1000) >= (uint64_t)b->faults.strike)
		return;
	sched_add(b->w->sched, (int64_t)vs_rand_below(&b->w->rand, 4),
	    WORLD_GREMLIN, strike_due, b, NULL);
}

static void world_tell(void *arg, const struct member_event *e)
{
	struct membox *b = arg;

	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: news %d %s %s %lld", b->no, e->news,
	    e->path ? e->path : "-", e->text ? e->text : "-",
	    (long long)e->seq);
	strike(b, e);
	if (e->news == MEMBER_STATE && strstr(e->text, "listings"))
		b->stats.relists++;
	if (e->news == MEMBER_PULL && !strcmp(e->text, "completed") &&
	    vs_map_put(b->sure, e->path, b, NULL) != VS_OK)
		abort();
	if (e->news == MEMBER_PULL)
		for (int s = PULL_DONE; s <= PULL_CANCELLED; s++)
			b->stats.pulls[s - PULL_DONE] += !strcmp(
			    e->text, pulls_state_name((enum pull_state)s));
}

/* --- its folder --- */

static void placed_put(struct membox *b, const char *path, const char *hash)
{
	char *copy = strdup(hash);
	void *old = NULL;

	if (!copy || vs_map_put(b->placed, path, copy, &old) != VS_OK)
		abort();
	free(old);
}

/* What the log must have named for path: judged when it is known so far. */
static void judged(struct membox *b, const char *path, const char *hash)
{
	struct membox_file *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->path = strdup(path);
	memcpy(f->hash, hash, sizeof(f->hash));
	f->next = b->finished;
	b->finished = f;
}

/*
 * Something goes from path for good: left there by a pull, asked for, or the
 * member's own with the content of one of the versions of that path, which
 * counts as pulled (member.h).
 */
static void given_up(struct membox *b, const char *path)
{
	const struct memfs_node *n = memfs_at(b->fs, path, NULL);
	const char *ours = vs_map_get(b->placed, path);
	char was[65];

	if (!n || b->force_all || vs_map_get(b->forced, path))
		return;
	vs_sha256_hex(n->data, n->size, was);
	if (!ours || strcmp(was, ours) != 0)
		judged(b, path, was);
}

/* A file is about to get its name: over what stands there now? */
static void finished(void *arg, const char *path, const void *data, size_t len)
{
	struct membox *b = arg;
	char hash[65];

	vs_sha256_hex(data, len, hash);
	judged(b, path, hash);
	b->stats.finished++;
	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: %s is %.12s", b->no, path, hash);
	given_up(b, path);
	placed_put(b, path, hash);
	vs_map_del(b->sure, path);
}

/* It had the name from; what stands at its new one gets that, or nothing. */
static void moved(void *arg, const char *from, const char *to)
{
	struct membox *b = arg;
	const struct memfs_node *over = memfs_at(b->fs, to, NULL);
	char was[65];

	b->stats.moved++;
	given_up(b, from);
	vs_map_del(b->sure, from);
	free(vs_map_del(b->placed, from));
	if (!over)
		return;
	vs_sha256_hex(over->data, over->size, was);
	judged(b, from, was);
	placed_put(b, from, was);
}

static void taken(void *arg, const char *path)
{
	struct membox *b = arg;

	given_up(b, path);
	b->stats.taken++;
	vs_map_del(b->sure, path);
	free(vs_map_del(b->placed, path));
}

static int64_t membox_ns(void *arg)
{
	const struct membox *b = arg;

	return world_now(b->w).wall_ms * 1000000;
}

/* --- starting and ending --- */

static bool content_is(const struct memfs_node *n, const struct pull *p)
{
	char hash[65];

	if (n->kind != VS_KIND_FILE || (int64_t)n->size != p->size)
		return false;
	vs_sha256_hex(n->data, n->size, hash);
	return strcmp(hash, p->hash) == 0;
}

/* What a pull counts as received is there, after whatever end. */
static int received_check(void *arg, const struct pull *p)
{
	struct membox *b = arg;
	struct memfs_node *n = memfs_at(b->w->fs, p->path, NULL);
	uint8_t *have = malloc(PULLS_CHUNK);

	if (!have)
		abort();
	if (vs_map_get(b->spoiled, p->id))
		n = NULL;
	for (int64_t c = 0; p->state < PULL_DONE && n && content_is(n, p) &&
	     c < pulls_chunks(p);
	     c++) {
		size_t len = (size_t)pulls_chunk_len(p, c);
		int64_t off = c * PULLS_CHUNK;

		/* a part that is gone is no lie: it begins anew */
		if (!pulls_has(p, c) ||
		    memtarget_read(b->target, p->id, have, len, off) != len)
			continue;
		if (memcmp(have, n->data + off, len) != 0)
			world_fail(b->w,
			    "member %d: chunk %lld of %s is counted as "
			    "received and is not there",
			    b->no, (long long)c, p->path);
	}
	free(have);
	return 0;
}

static void membox_start(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct vs_err err = VS_ERR_INIT;
	const struct member_options o = { .db_path = MEMBOX_DB,
		.vfs = vfs_names[b->no],
		.project_id = cloudbox_project(b->w->cloud),
		.device_id = b->user.device,
		.files = 3,
		.chunks = 5 };
	const struct member_world mw = { .arg = b,
		.target = memtarget_target(b->target),
		.rand = &b->rand,
		.send = world_send,
		.stream = memwire_stream,
		.fetch = memwire_fetch,
		.hash = world_hash,
		.tell = world_tell };
	int rc;

	(void)data;
	if (!due || b->m)
		return;
	b->life++;
	rc = member_open(&b->m, &mw, &o, world_now(b->w), &err);
	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: start %d: %s", b->no, b->life, vs_err_name(rc));
	b->stats.opens++;
	if (rc == VS_OK) {
		if (b->rusty)
			pulls_list(
			    &b->m->mirror, 1000, received_check, b, &err);
		b->rusty = false;
		b->stuck = 0;
		step_plan(b, world_now(b->w).mono_ms);
		return;
	}
	b->m = NULL;
	if (rc == VS_ECORRUPT || rc == VS_ESCHEMA)
		world_fail(b->w, "member %d does not open: %s", b->no, err.msg);
	sched_add(
	    b->w->sched, MEMBOX_REOPEN_MS, WORLD_PLAN, membox_start, b, NULL);
}

void membox_crash(struct membox *b, bool power, int64_t down_ms)
{
	trace_add(&b->w->trace, world_now(b->w).mono_ms, "member %d: %s", b->no,
	    power ? "power cut" : "killed");
	if (!b->m)
		return;
	b->stats.crashes++;
	memvfs_halt(b->vfs);
	member_close(b->m);
	b->m = NULL;
	b->step_at = INT64_MAX;
	b->step_serial++;
	b->stream = (struct membox_stream){ .serial = b->stream.serial + 1 };
	sched_clear(b->w->sched, b->owner);
	memtarget_revive(b->target);
	if (power) {
		memvfs_crash(b->vfs);
		memtarget_crash(b->target);
		b->rusty = true;
	} else {
		memvfs_kill(b->vfs);
	}
	sched_add(b->w->sched, down_ms, WORLD_PLAN, membox_start, b, NULL);
}

struct membox *membox_new(struct world *w, int no)
{
	const struct memfs_hooks hooks = { .now = membox_ns };
	struct membox *b = calloc(1, sizeof(*b));
	const struct memtarget_hooks watch = {
		.arg = b, .finished = finished, .moved = moved, .taken = taken
	};
	struct memfs_hooks mine = hooks;
	char name[] = "bob0";

	assert(no < WORLD_MEMBERS);
	if (!b)
		abort();
	mine.arg = b;
	b->w = w;
	b->no = no;
	b->owner = WORLD_MEMBER + no;
	b->step_at = INT64_MAX;
	b->hash_ms = 5;
	vs_rand_seed(&b->rand, w->o.seed + 0xb0b + (uint64_t)no);
	b->vfs = memvfs_new(vfs_names[no], &w->rand);
	b->fs = memfs_new(&mine);
	b->target = memtarget_new(b->fs, &w->rand);
	memtarget_watch(b->target, &watch);
	memtarget_nosync(b->target, w->o.sabotage == WORLD_NOSYNC_PART,
	    w->o.sabotage == WORLD_NOSYNC_FILE);
	b->placed = vs_map_new();
	b->forced = vs_map_new();
	b->sure = vs_map_new();
	b->spoiled = vs_map_new();
	name[3] = (char)('0' + no);
	if (!b->placed || !b->forced || !b->sure || !b->spoiled)
		abort();
	if (!cloudside_join(w->cloud, name, &b->user)) {
		membox_free(b);
		return NULL;
	}
	b->end = (struct world_end){ .token = b->user.token,
		.life = &b->life,
		.answered = answered,
		.arg = b };
	sched_add(w->sched, 0, WORLD_PLAN, membox_start, b, NULL);
	return b;
}

static bool value_free(void *arg, const char *key, void *value)
{
	(void)arg;
	(void)key;
	free(value);
	return true;
}

void membox_free(struct membox *b)
{
	if (!b)
		return;
	memvfs_halt(b->vfs);
	member_close(b->m);
	b->m = NULL;
	sched_clear(b->w->sched, b->owner);
	memtarget_free(b->target);
	memfs_free(b->fs);
	memvfs_free(b->vfs);
	vs_map_each(b->placed, value_free, NULL);
	vs_map_free(b->placed);
	vs_map_free(b->forced);
	vs_map_free(b->sure);
	vs_map_free(b->spoiled);
	while (b->finished) {
		struct membox_file *f = b->finished;

		b->finished = f->next;
		free(f->path);
		free(f);
	}
	free(b);
}
