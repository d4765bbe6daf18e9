/*
 * Statuses are kept by project, as whole documents: what is drawn is read
 * from them each time, so that a member that is missing today is no state to
 * repair tomorrow.  Rates come from eleven buckets of a second each, one of
 * which is the second that is still going on; an old bucket is taken anew
 * when its turn comes, and one from the future (a clock that was set back)
 * does not count.
 */
#include "cli/progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/evidence.h"
#include "cli/field.h"
#include "cli/human.h"
#include "common/base/stamp.h"

enum {
	WINDOW = 10, /* seconds that a rate looks back */
	PROBLEMS = 3, /* shown of a project in the live view */
	PROJECTS = 8, /* shown in the live view */
};

struct bucket {
	int64_t second; /* since 1970 */
	int64_t changes;
	int64_t bytes;
};

struct progress {
	json_t *status; /* project id -> its last status */
	json_t *said; /* project id -> the state that was last told */
	json_t *pulls; /* pull -> the state that was last told */
	struct bucket buckets[WINDOW + 1];
	int64_t changes; /* since the start */
};

struct progress *progress_new(void)
{
	struct progress *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->status = json_object();
	p->said = json_object();
	p->pulls = json_object();
	if (p->status == NULL || p->said == NULL || p->pulls == NULL) {
		progress_free(p);
		return NULL;
	}
	return p;
}

void progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	json_decref(p->status);
	json_decref(p->said);
	json_decref(p->pulls);
	free(p);
}

static bool is(const json_t *event, const char *type)
{
	return strcmp(field_text(event, "type"), type) == 0;
}

static void count(struct progress *p, const json_t *event, int64_t now_ms)
{
	int64_t second = now_ms / 1000;
	struct bucket *b = &p->buckets[second % (WINDOW + 1)];

	assert(second >= 0);
	if (b->second != second)
		*b = (struct bucket){ .second = second };
	b->changes++;
	b->bytes += field_number(event, "size");
	p->changes++;
}

void progress_feed(struct progress *p, const json_t *event, int64_t now_ms)
{
	json_t *copy;

	if (is(event, "published") || is(event, "changed"))
		count(p, event, now_ms);
	if (!is(event, "status") || field_text(event, "id")[0] == '\0')
		return;
	/* A copy: the event is the caller's.  Without memory the old stays. */
	copy = json_deep_copy(event);
	if (copy != NULL)
		json_object_set_new(p->status, field_text(event, "id"), copy);
}

/* Sums what lies in the window before now. */
static struct bucket window(const struct progress *p, int64_t now_ms)
{
	struct bucket sum = { .second = now_ms / 1000 };

	for (int i = 0; i <= WINDOW; i++) {
		int64_t age = sum.second - p->buckets[i].second;
		if (age < 0 || age >= WINDOW)
			continue;
		sum.changes += p->buckets[i].changes;
		sum.bytes += p->buckets[i].bytes;
	}
	return sum;
}

double progress_rate(const struct progress *p, int64_t now_ms)
{
	return (double)window(p, now_ms).changes / WINDOW;
}

/* The status of a project by its id or name, or NULL. */
static const json_t *status_of(const struct progress *p, const char *project)
{
	const json_t *s = json_object_get(p->status, project);
	const char *id;
	json_t *v;

	if (s != NULL)
		return s;
	json_object_foreach(p->status, id, v)
	{
		if (strcmp(field_text(v, "name"), project) == 0)
			return v;
	}
	return NULL;
}

/* Whether nothing is being sent, so that a commit is all there is to see. */
static bool silent(const struct progress *p, const json_t *event)
{
	static const char *const states[] = { "offline", "paused", "auth",
		"held", "diverged" };
	const json_t *s = status_of(p, field_text(event, "project"));

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(field_text(s, "state"), states[i]) == 0)
			return true;
	return false;
}

static void print_time(struct print *out, const json_t *event, int64_t now_ms)
{
	const json_t *at = json_object_get(event, "at");
	time_t t = (time_t)(now_ms / 1000);
	struct tm tm;
	int64_t us;
	char text[16];

	if (json_is_string(at) &&
	    vs_stamp_parse(json_string_value(at), &us) == VS_OK)
		t = (time_t)(us / 1000000);
	else if (json_is_integer(at))
		t = (time_t)(json_integer_value(at) / 1000);
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%H:%M:%S", &tm) == 0)
		return;
	print_ink(out, PRINT_DIM, text);
	print_f(out, " ");
}

static void print_project(
    const struct progress *p, const json_t *event, struct print *out)
{
	const char *project = field_text(event, "project");
	const json_t *s = status_of(p, project);
	const char *name = field_text(s, "name");

	print_name(out, name[0] != '\0' ? name : project);
}

/* What happened to a path: "published update scenes/a.mov (1.2 MiB) #7". */
static void print_path(
    struct print *out, const json_t *event, enum print_ink ink)
{
	const char *op = field_text(event, "op");
	char size[HUMAN_SIZE];

	print_word(out, ink, field_text(event, "type"), 0);
	if (op[0] != '\0') {
		print_f(out, " ");
		print_text(out, op);
	}
	if (field_text(event, "path")[0] != '\0') {
		print_f(out, " ");
		print_name(out, field_text(event, "path"));
	}
	if (field_number(event, "size") > 0 && strcmp(op, "delete") != 0)
		print_f(out, " (%s)",
		    human_bytes(field_number(event, "size"), size));
	if (field_number(event, "seq") > 0)
		print_f(out, " #%" PRId64, field_number(event, "seq"));
}

static void print_event(struct print *out, const json_t *event)
{
	const char *text = field_text(event, "text");
	char n[HUMAN_SIZE];

	if (is(event, "held")) {
		print_ink(out, PRINT_BAD, "held");
		print_f(out, " %s: see `vsync held`",
		    human_things(field_number(event, "n"), "deletion", n));
		return;
	}
	if (is(event, "scanned")) {
		print_f(out, "scanned %s",
		    human_things(field_number(event, "n"), "entry", n));
		return;
	}
	if (is(event, "caught_up")) {
		print_f(out, "caught up: %s",
		    human_things(field_number(event, "n"), "event", n));
		if (field_number(event, "seq") > 0)
			print_f(out, " #%" PRId64, field_number(event, "seq"));
		return;
	}
	if (is(event, "state")) {
		print_f(out, "now ");
		print_text(out, text);
		return;
	}
	print_path(out, event,
	    is(event, "refused")                                 ? PRINT_BAD
		: is(event, "published") || is(event, "changed") ? PRINT_GOOD
								 : PRINT_WARN);
	if (text[0] != '\0') {
		print_f(out, ": ");
		print_text(out, text);
	}
}

/* A status as a line of its own, when it says something new. */
static bool status_line(
    struct progress *p, const json_t *event, struct print *out, int64_t now_ms)
{
	const char *id = field_text(event, "id");
	struct vs_err err = VS_ERR_INIT;
	char state[EVIDENCE_STATE];
	struct evidence e;

	if (evidence_read(&e, event, &err) != VS_OK)
		return false;
	evidence_state(&e, state);
	if (strcmp(field_text(p->said, id), state) == 0)
		return false;
	json_object_set_new(p->said, id, json_string(state));
	print_time(out, event, now_ms);
	print_name(out, e.name);
	print_f(out, " ");
	print_text(out, state);
	print_f(out, ": ");
	evidence_print(out, &e, now_ms);
	print_f(out, "\n");
	return true;
}

/* Whether a pull is in another state than was told; keeps none that ended. */
static bool moved(struct progress *p, const json_t *event)
{
	static const char *const ends[] = { "completed", "failed",
		"cancelled" };
	const char *id = field_text(event, "pull"),
		   *state = field_text(event, "text");
	bool news = strcmp(field_text(p->pulls, id), state) != 0;

	json_object_set_new(p->pulls, id, json_string(state));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(state, ends[i]) == 0)
			json_object_del(p->pulls, id);
	return news;
}

bool progress_line(
    struct progress *p, const json_t *event, struct print *out, int64_t now_ms)
{
	assert(json_is_object(event));
	if (is(event, "status"))
		return status_line(p, event, out, now_ms);
	if (field_text(event, "type")[0] == '\0' ||
	    (is(event, "committed") && !silent(p, event)) ||
	    (is(event, "pull") && !moved(p, event)))
		return false;
	print_time(out, event, now_ms);
	print_project(p, event, out);
	print_f(out, " ");
	print_event(out, event);
	print_f(out, "\n");
	return true;
}

static void draw_counts(struct print *out, const struct evidence *e)
{
	const struct {
		const char *what;
		int64_t n;
	} counts[] = {
		{ "settling", e->settling },
		{ "hashing", e->hashing },
		{ "recording", e->recording },
		{ "queued", e->outbox },
		{ "in flight", e->in_flight },
		{ "held", e->held },
	};
	char n[HUMAN_SIZE];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].n > 0)
			print_f(out, "  %s %s", human_count(counts[i].n, n),
			    counts[i].what);
	if (e->lag_ms >= 1000)
		print_f(out, "  %s behind", human_span(e->lag_ms, n));
}

/* Two lines and the problems of one project; how many lines. */
static int draw_project(
    struct print *out, const struct evidence *e, int64_t now_ms)
{
	const char *lacks = evidence_lacks(e);
	char a[HUMAN_SIZE], b[HUMAN_SIZE];
	int lines = 2;

	print_name(out, e->name);
	print_f(out, "  ");
	evidence_print_state(out, e);
	print_f(out, "  seq %s  %s", human_count(e->last_seq, a),
	    human_things(e->files, "file", b));
	print_f(out, "  %s", human_bytes(e->bytes, a));
	draw_counts(out, e);
	print_f(out, "\n  ");
	if (lacks != NULL)
		print_text(out, lacks);
	else
		evidence_print(out, e, now_ms);
	print_f(out, "\n");
	for (size_t i = 0; i < json_array_size(e->problems) && i < PROBLEMS;
	     i++, lines++) {
		const json_t *v = json_array_get(e->problems, i);
		print_f(out, "  ");
		print_ink(out, PRINT_BAD, "! ");
		print_text(out, field_text(v, "message"));
		print_f(out, " -> ");
		print_text(out, field_text(v, "hint"));
		print_f(out, "\n");
	}
	return lines;
}

/* Bytes here are those of the files that were named, not what was sent. */
int progress_draw(struct progress *p, struct print *out, int64_t now_ms)
{
	struct bucket w = window(p, now_ms);
	struct vs_err err = VS_ERR_INIT;
	struct evidence e;
	char a[HUMAN_SIZE], b[HUMAN_SIZE];
	const char *id;
	json_t *v;
	int lines = 1, shown = 0;

	json_object_foreach(p->status, id, v)
	{
		if (shown++ == PROJECTS)
			break;
		if (evidence_read(&e, v, &err) == VS_OK)
			lines += draw_project(out, &e, now_ms);
	}
	print_f(out, "%.1f changes/s of %s/s, %s since the start\n",
	    (double)w.changes / WINDOW, human_bytes(w.bytes / WINDOW, a),
	    human_things(p->changes, "change", b));
	return lines;
}
