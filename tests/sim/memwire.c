#include "tests/sim/memwire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/crypto/ticket.h"

static bool chance(struct membox *b, int permille)
{
	return permille &&
	    vs_rand_below(&b->w->rand, 1000) < (uint64_t)permille;
}

static int64_t delay(struct membox *b)
{
	return (int64_t)vs_rand_below(
	    &b->w->rand, (uint64_t)b->w->net.delay_ms + 1);
}

/* --- the stream --- */

struct event {
	int64_t serial; /* of the stream it is for */
	int code;
	char path[];
};

static struct event *event_new(struct membox *b, int code, const char *path)
{
	struct event *e = calloc(1, sizeof(*e) + strlen(path) + 1);

	if (!e)
		abort();
	e->serial = b->stream.serial;
	e->code = code;
	memcpy(e->path, path, strlen(path) + 1);
	return e;
}

/* True if the event is still about the stream there is. */
static bool event_is(const struct membox *b, const struct event *e, bool due)
{
	return due && b->m && e->serial == b->stream.serial;
}

static void down_due(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct event *e = data;

	if (event_is(b, e, due)) {
		b->stream =
		    (struct membox_stream){ .serial = b->stream.serial + 1 };
		trace_add(&b->w->trace, world_now(b->w).mono_ms,
		    "member %d: stream: %s", b->no, vs_err_name(e->code));
		b->stats.cuts++;
		member_stream_down(b->m, e->code, "cut", world_now(b->w));
		membox_poke(b);
	}
	free(e);
}

/* It hears of it in a while. */
static void down(struct membox *b, int code, int64_t in_ms)
{
	b->stream.open = false;
	sched_add(
	    b->w->sched, in_ms, b->owner, down_due, b, event_new(b, code, ""));
}

static void text_give(struct membox *b, const char *text)
{
	b->stats.messages++;
	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: message %llx", b->no,
	    (unsigned long long)trace_digest(text, strlen(text)));
	member_stream_text(b->m, text, strlen(text), world_now(b->w));
	membox_poke(b);
}

static void feed_due(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct event *e = data;
	char *text = NULL;
	bool cut;
	int rc;

	if (!event_is(b, e, due) || !b->stream.open) {
		free(e);
		return;
	}
	free(e);
	b->stream.due = false;
	cut = chance(b, b->faults.cut) || b->w->net.down;
	if (cut && !chance(b, b->faults.lost)) {
		memwire_cut(b);
		return;
	}
	rc = cloudside_feed(b->w->cloud, &b->stream.socket, &text);
	if (rc != VS_OK || cut) {
		free(text);
		down(b, rc == VS_OK ? VS_ENET : rc, delay(b));
		return;
	}
	if (text)
		text_give(b, text);
	free(text);
	if (b->stream.open && b->stream.socket.more)
		memwire_news(b);
}

void memwire_news(struct membox *b)
{
	if (!b->stream.open || b->stream.due)
		return;
	b->stream.due = true;
	sched_add(
	    b->w->sched, delay(b), b->owner, feed_due, b, event_new(b, 0, ""));
}

static void open_due(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct event *e = data;
	char *hello = NULL;
	int rc = VS_ENET;

	if (!event_is(b, e, due)) {
		free(e);
		return;
	}
	if (b->no_token || b->w->net.no_token)
		rc = VS_EAUTH;
	else if (!b->w->net.down && !chance(b, b->faults.net))
		rc = cloudside_open(b->w->cloud, b->user.token, e->path,
		    &b->stream.socket, &hello);
	free(e);
	if (rc != VS_OK) {
		down(b, rc, delay(b));
		return;
	}
	b->stats.streams++;
	b->stream.open = true;
	member_stream_up(b->m, world_now(b->w));
	text_give(b, hello);
	free(hello);
	memwire_news(b);
}

void memwire_stream(void *arg, const char *path)
{
	struct membox *b = arg;

	b->stream = (struct membox_stream){ .serial = b->stream.serial + 1 };
	if (!path)
		return;
	b->stream.wanted = true;
	sched_add(b->w->sched, delay(b), b->owner, open_due, b,
	    event_new(b, 0, path));
}

void memwire_cut(struct membox *b)
{
	if (b->stream.open)
		down(b, VS_ENET, delay(b));
}

/* Nobody closes a connection on a machine without power: it is missed. */
void memwire_ended(struct membox *b)
{
	if (b->stream.open)
		down(b, VS_ENET, (int64_t)vs_rand_below(&b->w->rand, 30000));
}

/* --- chunks --- */

struct chunk {
	uint64_t id;
	struct target *target;
	char part[40];
	int64_t off;
	size_t len;
	char *ticket;
	int code; /* of the source; VS_OK while all is well */
	bool looks; /* the source looks again at the end */
	struct vs_ticket t;
	struct disk_stat stat;
	uint8_t *data;
	char *source; /* a file of the target, or NULL */
	struct membox *b;
};

static void chunk_free(struct chunk *c)
{
	free(c->ticket);
	free(c->source);
	free(c->data);
	free(c);
}

/* The owner's file behind the ticket as its manifest has it, or a code. */
static int source_find(struct membox *b, struct chunk *c,
    struct memfs_node **out, struct disk_stat *stat)
{
	struct world *w = b->w;
	struct disk *disk = memdisk_disk(w->disk);
	struct engine_lookup look;
	struct vs_err err = VS_ERR_INIT;
	char hex[VS_HASH_HEX + 1];
	int rc;

	if (!w->engine)
		return VS_ENET;
	rc = engine_lookup(w->engine, c->t.path, &look, &err);
	if (rc < 0)
		return rc == VS_ENOENT ? VS_ENOENT : VS_ECHANGED;
	vs_hex_encode(hex, look.hash, sizeof(look.hash));
	if (strcmp(hex, c->t.hash) != 0)
		return VS_ECHANGED;
	if (disk->look(disk, c->t.path, stat, &err) < 0)
		return VS_ENOENT;
	*out = memfs_at(w->fs, c->t.path, NULL);
	if (!*out || stat->ino != look.stat.ino ||
	    stat->mtime_ns != look.stat.mtime_ns ||
	    stat->ctime_ns != look.stat.ctime_ns ||
	    stat->size != look.stat.size)
		return VS_ECHANGED;
	return VS_OK;
}

/* Bytes from..to of the chunk, as far as the file has them. */
static void source_read(
    struct chunk *c, const struct memfs_node *n, size_t from, size_t to)
{
	size_t at = (size_t)c->off + from;

	if (at >= n->size)
		return;
	if (to - from > n->size - at)
		to = from + (n->size - at);
	memcpy(c->data + from, n->data + at, to - from);
}

static void chunk_answer(struct chunk *c, int code, const char *why)
{
	struct membox *b = c->b;

	trace_add(&b->w->trace, world_now(b->w).mono_ms,
	    "member %d: chunk %lld of %s: %s", b->no, (long long)c->off,
	    c->part, vs_err_name(code));
	b->stats.came += code == VS_OK;
	b->stats.refused += code == VS_EFORBIDDEN;
	b->stats.changed += code == VS_ECHANGED;
	member_fetched(b->m, c->id, code, why, world_now(b->w));
	membox_poke(b);
}

/* What is written is not what the log names: only the whole shows it. */
static void part_spoiled(struct chunk *c)
{
	if (vs_map_put(c->b->spoiled, c->part, c->b, NULL) != VS_OK)
		abort();
}

/* A bit may turn on the way (its hash shows it) or behind that. */
static bool chunk_spoil(struct chunk *c)
{
	struct membox *b = c->b;
	bool flip = chance(b, b->faults.flip);
	bool rot = !flip && chance(b, b->faults.rot);

	if (flip || rot)
		c->data[vs_rand_below(&b->w->rand, c->len)] ^=
		    (uint8_t)(1u << vs_rand_below(&b->w->rand, 8));
	if (rot)
		part_spoiled(c);
	return flip && b->w->o.sabotage != WORLD_UNVERIFIED;
}

static void chunk_ends(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct chunk *c = data;
	struct vs_err err = VS_ERR_INIT;
	struct memfs_node *n = NULL;
	struct disk_stat stat;
	int rc = c->code;

	if (!due || !b->m) {
		chunk_free(c);
		return;
	}
	if (rc == VS_OK) {
		rc = source_find(b, c, &n, &stat);
		if (rc != VS_OK && !c->looks && b->w->engine) {
			n = memfs_at(b->w->fs, c->t.path, NULL);
			rc = n && n->kind == VS_KIND_FILE ? VS_OK : VS_ENET;
			part_spoiled(c);
		}
	}
	if (rc == VS_OK) {
		source_read(c, n, c->len / 2, c->len);
		if (chance(b, b->faults.net))
			rc = vs_rand_below(&b->w->rand, 2) ? VS_ENET
							   : VS_ETIMEDOUT;
		else if (chunk_spoil(c))
			rc = VS_EPROTO;
	}
	if (rc == VS_OK)
		rc = c->target->part_write(
		    c->target, c->part, c->off, c->data, c->len, &err);
	chunk_answer(c, rc, rc == VS_OK ? "" : "no chunk");
	chunk_free(c);
}

/* Of what is there already: only the disk may fail. */
static void chunk_copied(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct chunk *c = data;
	struct vs_err err = VS_ERR_INIT;

	if (due && b->m) {
		int rc = c->target->part_copy(c->target, c->part, c->source,
		    &c->stat, c->off, (int64_t)c->len, &err);

		b->stats.copied += rc == VS_OK;
		chunk_answer(c, rc, rc == VS_OK ? "" : err.msg);
	}
	chunk_free(c);
}

static void chunk_begins(void *arg, void *data, bool due)
{
	struct membox *b = arg;
	struct chunk *c = data;
	struct memfs_node *n = NULL;
	struct vs_err err = VS_ERR_INIT;
	int64_t wall = world_now(b->w).wall_ms;

	if (!due || !b->m) {
		chunk_free(c);
		return;
	}
	if (chance(b, b->faults.late))
		wall += 2 * VS_TICKET_MS;
	if (b->w->net.down || chance(b, b->faults.net) || !b->w->engine)
		c->code = VS_ENET;
	else
		c->code = vs_ticket_read(&c->t, c->ticket,
		    cloudbox_ticket_key(b->w->cloud), wall, &err);
	if (c->code == VS_OK && strcmp(c->t.pin, CLOUDSIDE_PIN) != 0)
		c->code = VS_EFORBIDDEN;
	if (c->code == VS_OK && c->off + (int64_t)c->len > c->t.size)
		world_fail(b->w, "member %d asks beyond the end of %s", b->no,
		    c->t.path);
	if (c->code == VS_OK)
		c->code = source_find(b, c, &n, &c->stat);
	if (c->code == VS_OK)
		source_read(c, n, 0, c->len / 2);
	sched_add(b->w->sched, delay(b), b->owner, chunk_ends, b, c);
}

void memwire_fetch(void *arg, const struct member_fetch *f)
{
	struct membox *b = arg;
	struct chunk *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->b = b;
	c->id = f->id;
	c->target = f->target;
	snprintf(c->part, sizeof(c->part), "%s", f->part);
	c->off = f->off;
	c->len = (size_t)f->len;
	if (f->source) {
		c->source = strdup(f->source);
		c->stat = *f->is;
		sched_add(b->w->sched, delay(b), b->owner, chunk_copied, b, c);
		return;
	}
	c->ticket = strdup(f->ticket);
	c->data = calloc(1, c->len + 1);
	c->looks = !chance(b, b->faults.torn);
	if (!c->ticket || !c->data)
		abort();
	assert(strncmp(f->url, "https://10.0.0.", 15) == 0);
	if (strcmp(f->pin, CLOUDBOX_PIN) != 0)
		world_fail(b->w, "member %d does not pin the source", b->no);
	b->stats.chunks++;
	sched_add(b->w->sched, delay(b), b->owner, chunk_begins, b, c);
}
