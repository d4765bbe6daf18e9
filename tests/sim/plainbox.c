#include "tests/sim/plainbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 500 /* events in a page */
#define LIE 20 /* changes of a thousand that a liar only claims */
#define ANSWER_MS 5 /* at most, until it answers */

struct plainbox {
	struct plainbox_options o;
	struct plainbox_faults faults;
	struct plainbox_stats stats;
	struct table files;
	json_t *log;
	size_t kept; /* events in the copy */
	bool has_copy;
};

/* A request under way; its strings are ours. */
struct plain_call {
	struct cloudbox_call c;
	char *path;
	char *body;
	bool update;
};

struct plainbox *plainbox_new(const struct plainbox_options *o)
{
	struct plainbox *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	b->o = *o;
	b->log = json_array();
	if (!b->log)
		abort();
	table_init(&b->files);
	return b;
}

void plainbox_free(struct plainbox *b)
{
	if (!b)
		return;
	sched_clear(b->o.sched, PLAINBOX_OWNER);
	table_release(&b->files);
	json_decref(b->log);
	free(b);
}

static bool happens(struct plainbox *b, int chance)
{
	return chance > 0 && vs_rand_below(b->o.rand, 1000) < (uint64_t)chance;
}

/* --- what it keeps --- */

static void files_apply(struct plainbox *b, const struct vs_change *c)
{
	struct table_row r = { .path = (char *)c->path,
		.kind = "file",
		.size = c->size,
		.mtime_us = c->has_mtime ? c->mtime_us : -1,
		.mode = -1 };

	snprintf(r.hash, sizeof(r.hash), "%s", c->hash ? c->hash : "");
	if (c->op == VS_OP_DELETE)
		table_drop(&b->files, c->path);
	else
		table_put(&b->files, &r);
}

/* What it keeps of a change. */
static json_t *change_copy(const json_t *change)
{
	static const char *const kept[] = { "path", "op", "hash", "mtime",
		"size" };
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		json_object_set(out, kept[i], json_object_get(change, kept[i]));
	return out;
}

/* A row of the results, or NULL: left out. */
static json_t *change_take(struct plainbox *b, const json_t *change)
{
	const char *path = json_string_value(json_object_get(change, "path"));
	bool out = happens(b, b->o.liar ? LIE : b->faults.leaves);
	json_int_t seq = (json_int_t)json_array_size(b->log) + 1;
	const char *code;
	struct vs_change c;

	b->stats.left_out += out;
	if (out && !b->o.liar)
		return NULL;
	seq -= out;
	if (!out) {
		json_t *kept = change_copy(change);

		if (vs_change_read(kept, true, &c, &code, NULL) < 0)
			abort();
		files_apply(b, &c);
		b->stats.stored++;
		if (b->o.stored)
			b->o.stored(b->o.arg, &c);
		json_array_append_new(b->log,
		    json_pack("{s:I, s:I, s:o}", "id", seq, "seq", seq,
			"change", kept));
	}
	return json_pack(
	    "{s:s, s:I, s:s}", "path", path, "seq", seq, "status", "synced");
}

void plainbox_keep(struct plainbox *b)
{
	b->kept = json_array_size(b->log);
	b->has_copy = true;
}

void plainbox_restore(struct plainbox *b)
{
	json_t *event;
	size_t i;

	if (!b->has_copy || b->kept > json_array_size(b->log))
		return;
	b->stats.restored++;
	while (json_array_size(b->log) > b->kept)
		json_array_remove(b->log, json_array_size(b->log) - 1);
	table_release(&b->files);
	table_init(&b->files);
	json_array_foreach(b->log, i, event)
	{
		const char *code;
		struct vs_change c;

		if (vs_change_read(json_object_get(event, "change"), true, &c,
			&code, NULL) == 0)
			files_apply(b, &c);
	}
}

const struct table *plainbox_files(const struct plainbox *b)
{
	return &b->files;
}

int64_t plainbox_seq(const struct plainbox *b)
{
	return (int64_t)json_array_size(b->log);
}

const struct plainbox_stats *plainbox_stats(const struct plainbox *b)
{
	return &b->stats;
}

void plainbox_fail(struct plainbox *b, const struct plainbox_faults *f)
{
	b->faults = *f;
}

/* --- what it answers --- */

static void call_free(struct plain_call *k)
{
	free(k->path);
	free(k->body);
	free(k);
}

static void answer(
    const struct plain_call *k, int status, const char *type, const char *text)
{
	k->c.done(k->c.arg, k->c.data, status, type, text, strlen(text));
}

static void answer_html(struct plainbox *b, const struct plain_call *k,
    int status, const char *what)
{
	char text[200];

	b->stats.pages++;
	snprintf(text, sizeof(text),
	    "<!DOCTYPE html>\n<html><body><pre>%s</pre></body></html>\n", what);
	answer(k, status, "text/html; charset=utf-8", text);
}

static void answer_json(const struct plain_call *k, json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	if (!text)
		abort();
	answer(k, 200, "application/json; charset=utf-8", text);
	free(text);
	json_decref(doc);
}

static void update(struct plainbox *b, const struct plain_call *k)
{
	json_t *doc = json_loadb(k->body, k->c.len, 0, NULL);
	json_t *changes = json_object_get(doc, "changes");
	json_t *results = json_array();
	const json_t *change;
	size_t i;

	b->stats.batches++;
	json_array_foreach(changes, i, change)
	{
		json_t *row = change_take(b, change);

		if (row)
			json_array_append_new(results, row);
	}
	answer_json(k,
	    json_pack("{s:b, s:I, s:I, s:o}", "success", 1, "synced",
		(json_int_t)json_array_size(results), "total",
		(json_int_t)json_array_size(changes), "results", results));
	json_decref(doc);
}

/* The number behind key in a query. */
static size_t query_number(const char *path, const char *key, size_t other)
{
	const char *at = strstr(path, key);

	return at ? (size_t)strtoul(at + strlen(key), NULL, 10) : other;
}

/* Seqs are places in the log, from 1. */
static void events(struct plainbox *b, const struct plain_call *k)
{
	size_t since = query_number(k->path, "since_seq=", 0);
	size_t limit = query_number(k->path, "limit=", PAGE_MAX);
	json_t *page = json_array();
	size_t last = since, n;

	limit = limit < PAGE_MAX ? limit : PAGE_MAX;
	while (last < json_array_size(b->log) && last - since < limit)
		json_array_append(page, json_array_get(b->log, last++));
	n = json_array_size(page);
	answer_json(k,
	    json_pack("{s:b, s:o, s:I, s:b}", "success", 1, "events", page,
		"next_seq", (json_int_t)last + 1, "has_more", n == limit));
}

static void call_due(void *arg, void *data, bool due)
{
	struct plainbox *b = arg;
	struct plain_call *k = data;

	if (!due || happens(b, b->faults.down)) {
		k->c.done(k->c.arg, k->c.data, 0, "", "", 0);
	} else if ((int64_t)k->c.len > b->o.limit) {
		b->stats.too_large++;
		answer_html(b, k, 413, "PayloadTooLargeError");
	} else if (happens(b, b->faults.html)) {
		answer_html(b, k, 500, "Internal Server Error");
	} else if (k->update) {
		update(b, k);
	} else if (strstr(k->path, "/events?")) {
		events(b, k);
	} else {
		answer_html(b, k, 404, "Cannot GET this");
	}
	call_free(k);
}

static char *text_of(const char *s, size_t len)
{
	char *out = malloc(len + 1);

	if (!out)
		abort();
	if (len)
		memcpy(out, s, len);
	out[len] = '\0';
	return out;
}

void plainbox_deliver(struct plainbox *b, const struct cloudbox_call *call)
{
	struct plain_call *k = calloc(1, sizeof(*k));

	if (!k)
		abort();
	k->c = *call;
	k->path = text_of(call->path, strlen(call->path));
	k->body = text_of(call->body, call->body ? call->len : 0);
	k->update = !strcmp(call->method, "POST") &&
	    strstr(call->path, "/files/update");
	sched_add(b->o.sched, (int64_t)vs_rand_below(b->o.rand, ANSWER_MS),
	    PLAINBOX_OWNER, call_due, b, k);
}

void plainbox_crash(struct plainbox *b)
{
	sched_clear(b->o.sched, PLAINBOX_OWNER);
}
