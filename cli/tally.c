/*
 * A pull moves from waiting to done, failed or cancelled, as the rows say,
 * and never back.  The rows come live ones first, then the newest: one of
 * ours that is not among them has ended when a row that ended is, for then
 * no live one can have been cut off; but before that is believed more rows
 * are asked for.
 *
 * The rate is what came in the last ten seconds: one sample a second is
 * kept, with the sum of that moment, and the oldest that is young enough is
 * compared with now.
 */
#include "cli/tally.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/human.h"
#include "cli/pullplan.h"

enum {
	WINDOW = 10, /* seconds that a rate looks back */
	SLACK = 64, /* rows asked for beyond our own */
	LIMIT_MAX = 1 << 20, /* rows */
	MOVING = 4, /* pulls that are drawn one by one */
	FAILED = 10, /* told one by one */
};

enum outcome { WAITING, DONE, FAILED_PULL, CANCELLED };

struct item {
	char *id;
	char *path; /* NULL: not known yet */
	char *error; /* NULL: none */
	char *place; /* where it stands, NULL: under its own name */
	char state[16]; /* as the agent says */
	enum outcome outcome;
	int exit; /* of a failed one, 0: not said */
	int64_t size, bytes;
	int64_t resumed; /* -1: no row yet */
	int64_t fed; /* the feed that had it last */
};

struct sample {
	int64_t at_ms;
	int64_t bytes; /* fetched until then */
};

struct tally {
	json_t *index; /* id -> its place in items */
	struct item *items;
	size_t n;
	struct sample samples[WINDOW + 1]; /* by second */
	int64_t start_ms;
	int64_t limit;
	int64_t feeds;
};

static void sample(struct tally *t, int64_t bytes, int64_t now_ms)
{
	struct sample *s = &t->samples[now_ms / 1000 % (WINDOW + 1)];

	assert(now_ms >= 0);
	/* The first of its second stays. */
	if (s->at_ms / 1000 != now_ms / 1000 || s->at_ms > now_ms)
		*s = (struct sample){ .at_ms = now_ms, .bytes = bytes };
}

struct tally *tally_new(const json_t *ids, int64_t now_ms)
{
	struct tally *t = calloc(1, sizeof(*t));
	size_t i;
	json_t *id;

	if (t == NULL)
		return NULL;
	t->index = json_object();
	t->items = calloc(json_array_size(ids) + 1, sizeof(*t->items));
	t->start_ms = now_ms;
	for (i = 0; i <= WINDOW; i++)
		t->samples[i].at_ms = -1;
	sample(t, 0, now_ms);
	if (t->index == NULL || t->items == NULL)
		goto fail;
	json_array_foreach(ids, i, id)
	{
		const char *s = json_string_value(id);
		struct item *p = &t->items[t->n];
		if (s == NULL || json_object_get(t->index, s) != NULL)
			continue;
		*p = (struct item){ .id = strdup(s), .resumed = -1 };
		if (p->id == NULL ||
		    json_object_set_new(
			t->index, s, json_integer((json_int_t)t->n++)) != 0)
			goto fail;
	}
	t->limit = (int64_t)t->n + SLACK;
	return t;
fail:
	tally_free(t);
	return NULL;
}

void tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->items[i].id);
		free(t->items[i].path);
		free(t->items[i].error);
		free(t->items[i].place);
	}
	free(t->items);
	json_decref(t->index);
	free(t);
}

int64_t tally_limit(const struct tally *t)
{
	return t->limit;
}

static enum outcome outcome_of(const json_t *row)
{
	const char *state = field_text(row, "state");

	if (strcmp(state, "completed") == 0)
		return DONE;
	if (strcmp(state, "failed") == 0)
		return FAILED_PULL;
	if (strcmp(state, "cancelled") == 0)
		return CANCELLED;
	return WAITING;
}

/* Replaces *s; what cannot be kept for want of memory is not known. */
static void keep(char **s, const char *text)
{
	if (text[0] == '\0' || (*s != NULL && strcmp(*s, text) == 0))
		return;
	free(*s);
	*s = strdup(text);
}

static void take(struct item *p, const json_t *row)
{
	if (p->outcome != WAITING)
		return;
	p->outcome = outcome_of(row);
	p->size = field_number(row, "size");
	p->bytes = p->outcome == DONE ? p->size : field_number(row, "bytes");
	if (p->bytes > p->size)
		p->bytes = p->size;
	/* What is gone again was of no use; what ended at once is all new. */
	if (p->resumed < 0)
		p->resumed = p->outcome == WAITING ? p->bytes : 0;
	else if (p->resumed > p->bytes)
		p->resumed = p->bytes;
	p->exit = (int)field_number(row, "exit");
	keep(&p->path, field_text(row, "path"));
	keep(&p->error, field_text(row, "error"));
	keep(&p->place, field_text(row, "place"));
	snprintf(p->state, sizeof(p->state), "%s", field_text(row, "state"));
}

/* Those of ours that an answer of count rows does not have. */
static void miss(struct tally *t, int64_t count, bool ended)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++) {
		struct item *p = &t->items[i];
		if (p->outcome != WAITING || p->fed == t->feeds)
			continue;
		any = true;
		if (count >= t->limit || (count > 0 && !ended))
			continue;
		p->outcome = FAILED_PULL;
		keep(&p->error, "the agent does not know it any more");
		snprintf(p->state, sizeof(p->state), "failed");
	}
	if (any && count >= t->limit && t->limit < LIMIT_MAX)
		t->limit *= 2;
}

void tally_feed(struct tally *t, const json_t *rows, int64_t now_ms)
{
	bool ended = false;
	int64_t fetched = 0;
	size_t i;
	json_t *row;

	t->feeds++;
	json_array_foreach(rows, i, row)
	{
		const json_t *at =
		    json_object_get(t->index, field_text(row, "id"));
		struct item *p;
		ended = ended || outcome_of(row) != WAITING;
		if (at == NULL)
			continue;
		p = &t->items[json_integer_value(at)];
		p->fed = t->feeds;
		take(p, row);
	}
	miss(t, (int64_t)json_array_size(rows), ended);
	for (i = 0; i < t->n; i++)
		if (t->items[i].resumed >= 0)
			fetched += t->items[i].bytes - t->items[i].resumed;
	sample(t, fetched, now_ms);
}

bool tally_over(const struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].outcome == WAITING)
			return false;
	return true;
}

/* Bytes a second since the oldest sample that is young enough. */
static int64_t rate(const struct tally *t, int64_t fetched, int64_t now_ms)
{
	const struct sample *oldest = NULL;
	int64_t ms;

	for (int i = 0; i <= WINDOW; i++) {
		const struct sample *s = &t->samples[i];
		int64_t age = now_ms - s->at_ms;
		if (s->at_ms < 0 || age < 0 || age > WINDOW * 1000)
			continue;
		if (oldest == NULL || s->at_ms < oldest->at_ms)
			oldest = s;
	}
	if (oldest == NULL || fetched <= oldest->bytes)
		return 0;
	ms = now_ms - oldest->at_ms;
	/* A second at least, so that the first chunk promises nothing. */
	return (int64_t)((double)(fetched - oldest->bytes) * 1000 /
	    (double)(ms < 1000 ? 1000 : ms));
}

void tally_figures(
    const struct tally *t, struct tally_figures *f, int64_t now_ms)
{
	int64_t fetched = 0, left = 0;

	*f = (struct tally_figures){ .files = (int64_t)t->n,
		.eta_ms = -1,
		.spent_ms = now_ms - t->start_ms };
	for (size_t i = 0; i < t->n; i++) {
		const struct item *p = &t->items[i];
		int64_t resumed = p->resumed > 0 ? p->resumed : 0;
		bool failed = p->outcome > DONE;
		f->size += p->size;
		f->ended += p->outcome != WAITING;
		f->failed += failed;
		fetched += p->bytes - resumed;
		if (failed)
			continue;
		f->bytes += p->bytes;
		f->resumed += resumed;
		left += p->size - p->bytes;
	}
	f->rate = rate(t, fetched, now_ms);
	if (left == 0)
		f->eta_ms = 0;
	else if (f->rate > 0)
		f->eta_ms = (int64_t)((double)left * 1000 / (double)f->rate);
}

static int percent(int64_t part, int64_t whole)
{
	/* 99.9 % is not all of it. */
	return whole <= 0 ? 100 : (int)(100 * (double)part / (double)whole);
}

static void draw_item(struct print *out, const struct item *p)
{
	char a[HUMAN_SIZE];

	print_f(out, "  ");
	print_text(out, p->state);
	print_f(out, " ");
	print_name(out, p->path != NULL ? p->path : p->id);
	print_f(out, " %d %% of %s\n", percent(p->bytes, p->size),
	    human_bytes(p->size, a));
}

static bool moves(const struct item *p)
{
	return p->outcome == WAITING &&
	    (strcmp(p->state, "fetching") == 0 ||
		strcmp(p->state, "verifying") == 0);
}

int tally_draw(const struct tally *t, struct print *out, int64_t now_ms)
{
	struct tally_figures f;
	char a[HUMAN_SIZE], b[HUMAN_SIZE];
	int lines = 1;

	tally_figures(t, &f, now_ms);
	print_f(out, "%s of %s", human_count(f.ended, a),
	    human_things(f.files, "file", b));
	print_f(out, "  %s of %s (%d %%)", human_bytes(f.bytes, a),
	    human_bytes(f.size, b), percent(f.bytes, f.size));
	print_f(out, "  %s/s", human_bytes(f.rate, a));
	if (f.eta_ms > 0)
		print_f(out, "  %s to go",
		    human_span(f.eta_ms < 1000 ? 1000 : f.eta_ms, a));
	if (f.resumed > 0)
		print_f(out, "  %s resumed", human_bytes(f.resumed, a));
	if (f.failed > 0)
		print_f(out, "  %s failed", human_count(f.failed, a));
	print_f(out, "\n");
	for (size_t i = 0; i < t->n && lines <= MOVING; i++) {
		if (!moves(&t->items[i]))
			continue;
		draw_item(out, &t->items[i]);
		lines++;
	}
	return lines;
}

json_t *tally_json(const struct tally *t, int64_t now_ms)
{
	struct tally_figures f;

	tally_figures(t, &f, now_ms);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}",
	    "type", "progress", "files", (json_int_t)f.files, "ended",
	    (json_int_t)f.ended, "failed", (json_int_t)f.failed, "size",
	    (json_int_t)f.size, "bytes", (json_int_t)f.bytes, "resumed",
	    (json_int_t)f.resumed, "rate", (json_int_t)f.rate, "eta_seconds",
	    f.eta_ms < 0 ? json_null() : json_real((double)f.eta_ms / 1000),
	    "seconds", (double)f.spent_ms / 1000);
}

static enum vs_exit exit_of(const struct item *p)
{
	if (p->outcome == CANCELLED)
		return VS_EXIT_AGAIN;
	if (p->outcome == FAILED_PULL)
		return trouble_exit_known(p->exit) ? (enum vs_exit)p->exit
						   : VS_EXIT_ERROR;
	return VS_EXIT_OK;
}

json_t *tally_rows(const struct tally *t)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows != NULL && i < t->n; i++) {
		const struct item *p = &t->items[i];
		json_t *row = json_pack(
		    "{s:s, s:s*, s:s, s:I, s:I, s:I, s:s?, s:i, s:s*}", "id",
		    p->id, "path", p->path, "state", p->state, "size",
		    (json_int_t)p->size, "bytes", (json_int_t)p->bytes,
		    "resumed", (json_int_t)(p->resumed > 0 ? p->resumed : 0),
		    "error", p->outcome > DONE ? p->error : NULL, "exit",
		    (int)exit_of(p), "place", p->place);
		if (row != NULL && json_array_append_new(rows, row) == 0)
			continue;
		json_decref(rows);
		rows = NULL;
	}
	return rows;
}

void tally_print_failed(const struct tally *t, struct print *note)
{
	struct tally_figures f;
	int64_t told = 0;
	char n[HUMAN_SIZE];

	tally_figures(t, &f, t->start_ms);
	for (size_t i = 0; i < t->n && told < FAILED; i++) {
		const struct item *p = &t->items[i];
		if (p->outcome <= DONE)
			continue;
		told++;
		print_f(note, "vsync: ");
		print_name(note, p->path != NULL ? p->path : p->id);
		print_f(note, ": ");
		print_text(note, p->error != NULL ? p->error : p->state);
		print_f(note, "\n");
	}
	if (f.failed > told)
		print_f(note, "vsync: and %s more: see `vsync transfers`\n",
		    human_count(f.failed - told, n));
}

void tally_print_places(const struct tally *t, struct print *note)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct item *p = &t->items[i];
		if (p->outcome == DONE && p->place != NULL)
			pullplan_print_place(note, p->path, p->place);
	}
}

/* Which of two exit codes tells more; a verdict on content comes first. */
static int weight(enum vs_exit code)
{
	static const enum vs_exit order[] = { VS_EXIT_OK, VS_EXIT_AGAIN,
		VS_EXIT_TEMPFAIL, VS_EXIT_ERROR, VS_EXIT_NOT_FOUND,
		VS_EXIT_DECIDE, VS_EXIT_PERMISSION, VS_EXIT_LIMIT,
		VS_EXIT_VERIFY };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == code)
			return (int)i;
	return 1;
}

int tally_judge(const struct tally *t, struct trouble *f)
{
	const struct item *worst = NULL;
	struct tally_figures fig;
	char a[HUMAN_SIZE], b[HUMAN_SIZE];

	assert(tally_over(t));
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].outcome > DONE &&
		    (worst == NULL ||
			weight(exit_of(&t->items[i])) > weight(exit_of(worst))))
			worst = &t->items[i];
	if (worst == NULL)
		return VS_OK;
	tally_figures(t, &fig, t->start_ms);
	trouble_set(f, worst->outcome == CANCELLED ? VS_ECANCELED : VS_EIO,
	    "%s of %s not pulled", human_count(fig.failed, a),
	    human_things(fig.files, "file", b));
	f->exit = exit_of(worst);
	snprintf(f->name, sizeof(f->name), "%s",
	    worst->outcome == CANCELLED ? "cancelled" : "not_pulled");
	snprintf(f->path, sizeof(f->path), "%s",
	    worst->path != NULL ? worst->path : worst->id);
	trouble_hint(f, "%s; the same command tries again",
	    worst->error != NULL ? worst->error : worst->state);
	return f->err.code;
}
