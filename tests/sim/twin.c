#include "tests/sim/twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"

#define CARRY 12 /* one in so many operations carries something */
#define CARRY_ALL 6 /* of these, all of it */
#define EDIT 8 /* one in so many is one on the follower, too */
#define END 80 /* its agent ends */
#define MOVE 150 /* the role changes hands */
#define REST_S 600 /* an agent is able to hear within, once all is well */
#define HEARD_MIN 20 /* minutes within which each has asked for news */

static uint64_t below(struct twin *t, uint64_t n)
{
	return vs_rand_below(&t->rand, n);
}

struct world *twin_leader(const struct twin *t)
{
	return t->second ? t->w->twin : t->w;
}

struct world *twin_follower(const struct twin *t)
{
	return t->second ? t->w : t->w->twin;
}

/* --- who publishes --- */

/* True once the cloud has w's device for the publisher. */
static bool appoint(struct world *w)
{
	const char *device =
	    w->device[0] ? w->device : cloudbox_device(w->cloud);
	char path[160], body[100];
	json_t *doc;

	if (!cloudbox_up(w->cloud))
		return false;
	snprintf(path, sizeof(path), "/api/projects/%s/publisher",
	    cloudbox_project(w->cloud));
	snprintf(body, sizeof(body), "{\"device_id\":\"%s\"}", device);
	doc = cloudbox_ask(w->cloud, "POST", path, body);
	json_decref(doc);
	return doc != NULL;
}

bool twin_init(struct twin *t, struct world *w)
{
	static const char body[] =
	    "{\"name\":\"second\",\"public_key_pin\":\"" CLOUDSIDE_PIN
	    "\",\"endpoints\":[]}";
	json_t *doc = cloudbox_ask(w->cloud, "POST", "/api/devices", body);
	const char *id = json_string_value(json_object_get(doc, "device_id"));
	bool ok = id && appoint(w);

	memset(t, 0, sizeof(*t));
	t->w = w;
	t->seed = w->o.seed ^ 0x7e117e11;
	folder_init(&t->folder, t->seed);
	if (ok)
		world_second(w,
		    w->o.sabotage == WORLD_ONE_DEVICE
			? cloudbox_device(w->cloud)
			: id)
		    ->follows = true;
	json_decref(doc);
	return ok || world_fail(w, "no second device");
}

/* --- what carries the folder --- */

struct carry {
	struct twin *t;
	struct memfs *from;
	struct memfs *to;
	uint64_t share; /* one path in so many; 1: all */
};

/* Rules go together: one that includes what is not there is no rule. */
static bool is_due(struct carry *c, const struct memfs_node *n)
{
	return n->spared || c->share == 1 || !below(c->t, c->share);
}

static void drop(struct memfs *fs, const char *path)
{
	if (!memfs_rmtree(fs, path))
		memfs_unlink(fs, path);
}

/* As it arrives: under another name, then in its place. */
static void carry_file(
    struct carry *c, const struct memfs_node *n, const char *path)
{
	const struct memfs_node *had = memfs_at(c->to, path, NULL);
	struct memfs_node *copy;

	if (had && had->kind == VS_KIND_FILE && had->size == n->size &&
	    had->mtime_ns == n->mtime_ns &&
	    !memcmp(had->data, n->data, n->size))
		return;
	copy = memfs_open(c->to, "carried");
	if (!copy)
		return;
	memfs_truncate(c->to, copy, 0);
	memfs_write(c->to, copy, 0, n->data, n->size);
	copy->spared = n->spared;
	memfs_close(c->to, copy);
	memfs_utimes(c->to, "carried", n->mtime_ns);
	memfs_chmod(c->to, "carried", n->mode);
	if (!memfs_rename(c->to, "carried", path))
		memfs_unlink(c->to, "carried");
}

static void carry_link(
    struct carry *c, const struct memfs_node *n, const char *path)
{
	char target[VS_PATH_MAX + 1];

	snprintf(target, sizeof(target), "%.*s", (int)n->size,
	    (const char *)n->data);
	drop(c->to, path);
	memfs_symlink(c->to, path, target);
}

static void carry_node(
    struct carry *c, const struct memfs_node *n, const char *path)
{
	const struct memfs_node *had = memfs_at(c->to, path, NULL);

	c->t->carried++;
	if (had && had->kind != n->kind)
		drop(c->to, path);
	if (n->kind == VS_KIND_DIR) {
		memfs_mkdir(c->to, path);
		memfs_chmod(c->to, path, n->mode);
	} else if (n->kind == VS_KIND_FILE) {
		carry_file(c, n, path);
	} else {
		carry_link(c, n, path);
	}
}

static void carry_dir(
    struct carry *c, const struct memfs_node *dir, const char *at)
{
	for (size_t i = 0; i < dir->children; i++) {
		const struct memfs_node *n = dir->child[i];
		char path[VS_PATH_MAX + 1];

		if (n->hidden || n->writers || n->unreadable || n->mount ||
		    vs_path_join(path, sizeof(path), at, n->name) < 0)
			continue;
		if (is_due(c, n))
			carry_node(c, n, path);
		if (n->kind == VS_KIND_DIR)
			carry_dir(c, n, path);
	}
}

/* What is not there any more goes; backwards, as names go meanwhile. */
static void carry_gone(
    struct carry *c, const struct memfs_node *dir, const char *at)
{
	for (size_t i = dir->children; i-- > 0;) {
		const struct memfs_node *n = dir->child[i];
		char path[VS_PATH_MAX + 1];

		if (n->hidden ||
		    vs_path_join(path, sizeof(path), at, n->name) < 0)
			continue;
		if (n->kind == VS_KIND_DIR)
			carry_gone(c, n, path);
		if (!memfs_at(c->from, path, NULL) && is_due(c, n))
			drop(c->to, path);
	}
}

static void carry(struct twin *t, uint64_t share)
{
	struct world *to = twin_follower(t);
	struct carry c = {
		.t = t, .from = twin_leader(t)->fs, .to = to->fs, .share = share
	};

	carry_gone(&c, memfs_at(c.to, "", NULL), "");
	carry_dir(&c, memfs_at(c.from, "", NULL), "");
	world_veil(to);
	to->unveiled = true;
}

/* --- the role --- */

/* The agent is told that the role is its; it may be unable to hear it now. */
static void agent_tell(struct twin *t)
{
	struct world *w = twin_leader(t);

	if (!t->owed || !w->engine ||
	    engine_took_over(w->engine, world_now(w), NULL) < 0)
		return;
	t->owed = false;
	w->excused = w->unsettled = true;
	world_poke(w);
}

/* w takes over, as by `vsync adopt --take-over`. */
static bool take_over(struct twin *t, struct oracle *o, struct world *w)
{
	struct world *other = w->host ? w->host : w->twin;

	if (!w->engine || !cloudbox_up(w->cloud))
		return true;
	if (!oracle_follow(o, w, false))
		return false;
	if (!o->whole || !appoint(w))
		return true;
	trace_add(&t->w->trace, world_now(w).mono_ms, "twin: %s takes over",
	    w->host ? "the second" : "the first");
	t->moves++;
	t->second = w->host != NULL;
	w->follows = false;
	w->excused = w->unsettled = true;
	other->excused = other->unsettled = true;
	other->follows = true;
	other->follows_seq = o->seq;
	t->w->moved = true;
	t->owed = true;
	agent_tell(t);
	return true;
}

/* --- what happens --- */

bool twin_act(struct twin *t, struct oracle *o, int64_t op)
{
	struct world *f = twin_follower(t);

	agent_tell(t);
	vs_rand_seed(&t->rand, t->seed + (uint64_t)op * 0x9e3779b97f4a7c15ULL);
	if (!below(t, CARRY))
		carry(t, below(t, CARRY_ALL) ? 2 + below(t, 8) : 1);
	/* the first machine's people are at work in any case */
	if (!below(t, EDIT))
		folder_act(&t->folder, t->w->twin, op);
	if (!below(t, END))
		world_crash_engine(f, below(t, 2), 1 + (int64_t)below(t, 3000));
	if (!below(t, MOVE))
		return take_over(t, o, f);
	return true;
}

bool twin_rest(struct twin *t)
{
	folder_rest(&t->folder, t->w->twin);
	for (int i = 0; i < REST_S && t->owed; i++) {
		if (!world_run(t->w, 1000))
			return false;
		agent_tell(t);
	}
	return !t->owed || world_fail(t->w, "a machine cannot take over");
}

/* It says that another one publishes. */
static bool is_told(struct world *w)
{
	json_t *doc = engine_status(w->engine, world_now(w));
	char *text = json_dumps(doc, JSON_COMPACT);
	bool yes = text && strstr(text, "\"not_publisher\"") != NULL;

	if (!yes)
		world_fail(w,
		    "a second machine was not told that it is: %.800s",
		    text ? text : "?");
	free(text);
	json_decref(doc);
	return yes;
}

static void nobody_asks(void *arg, int code, const struct engine_report *r)
{
	(void)arg;
	(void)code;
	(void)r;
}

/* People go on there, and it has the time to look around. */
static bool hear(struct world *f)
{
	for (int i = 0; i < HEARD_MIN; i++) {
		if (f->engine && i == HEARD_MIN / 2)
			engine_rescan(f->engine, "", false, nobody_asks, NULL,
			    world_now(f), NULL);
		/* whoever resumes it has it ask again: that takes its time */
		if (f->engine && i <= HEARD_MIN / 2)
			engine_pause(f->engine, false, NULL);
		world_poke(f);
		if (!world_run(f, 60 * 1000))
			return false;
	}
	return true;
}

bool twin_judge(struct twin *t, struct oracle *o)
{
	struct world *f = twin_follower(t);
	int64_t seq = o->seq;
	struct table disk, own;
	char why[900];
	bool ok;

	if (!hear(f))
		return false;
	if (!f->engine)
		return world_fail(f, "the second machine does not start");
	if (!is_told(f))
		return false;
	if (!oracle_follow(o, twin_leader(t), true))
		return false;
	if (o->seq != seq)
		return world_fail(f, "a second machine made %lld events",
		    (long long)(o->seq - seq));
	table_init(&disk);
	table_init(&own);
	ok = oracle_tables(f, &disk, &own);
	if (ok &&
	    !table_equal(&disk, "the second folder", &own, "its manifest", why,
		sizeof(why)))
		ok = world_fail(f, "%s", why);
	table_release(&disk);
	table_release(&own);
	f->unveiled = false;
	return ok;
}
