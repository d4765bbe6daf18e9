/*
 * watch: runs an agent, or finds one, and shows what it tells until a signal
 * or the agent ends it.  Three outputs of one stream: the lines as they are
 * (--json-lines), a line for each thing worth one, or on a terminal the same
 * lines above a few that are redrawn.
 *
 * How it can end: a signal (0, after our own agent has ended), a reader that
 * left (as by SIGPIPE, after our own agent has ended), an agent that ended or
 * broke off (69, with its last words where it is ours), a line that makes no
 * sense (1).
 */
#include "cli/verb.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "common/base/json.h"
#include "common/os/clock.h"

/* A watch under way. */
struct watching {
	struct call *c;
	struct progress *progress;
	struct live live;
	bool redraw; /* a live view, not lines */
	bool ours; /* the agent is one that we started */
};

static void say(void *arg, const char *line)
{
	struct watching *w = arg;

	if (w->redraw) {
		live_clear(&w->live);
		print_flush(&w->c->out);
	}
	print_text(&w->c->note, line);
	print_f(&w->c->note, "\n");
	print_flush(&w->c->note);
}

/* Shows an event that is not passed on as it is. */
static void show(struct watching *w, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	int64_t now = vs_clock_wall_ms();

	progress_feed(w->progress, event, now);
	if (w->redraw) {
		/* A status has its place in the lines that are redrawn. */
		if (type == NULL || strcmp(type, "status") == 0)
			return;
		live_clear(&w->live);
	}
	progress_line(w->progress, event, &w->c->out, now);
}

static bool on_line(void *arg, const char *line, size_t len)
{
	struct watching *w = arg;
	struct print *out = &w->c->out;
	json_t *event;

	if (len == 0)
		return true;
	event = vs_json_parse(line, len, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		trouble_set(&w->c->trouble, VS_EPROTO,
		    "the agent sent a line that makes no sense");
		return false;
	}
	if (w->c->opt.given & OPT_LINES)
		print_json(out, event);
	else
		show(w, event);
	json_decref(event);
	return print_flush(out) == 0;
}

static int draw(void *arg, struct print *out, int64_t now_ms)
{
	return progress_draw(arg, out, now_ms);
}

static bool on_tick(void *arg)
{
	struct watching *w = arg;
	struct live_lines lines = { .draw = draw, .arg = w->progress };

	if (w->ours && !launch_alive(&w->c->agent))
		return false;
	if (w->redraw)
		live_draw(&w->live, &lines, vs_clock_wall_ms());
	return w->c->out.error == 0;
}

/* The project whose folder arg is, added to params. */
static int add_dir(
    struct call *c, json_t *params, const json_t *projects, const char *arg)
{
	char dir[PATH_MAX];
	size_t i;
	json_t *p;

	if (realpath(arg, dir) == NULL) {
		int why = errno;

		trouble_set(&c->trouble, vs_err_of_errno(why), "watch: %s: %s",
		    arg, strerror(why));
		if (why == ENOENT || why == ENOTDIR)
			c->trouble.exit = VS_EXIT_NOT_FOUND;
		return c->trouble.err.code;
	}
	json_array_foreach(projects, i, p)
	{
		const char *root =
		    json_string_value(json_object_get(p, "root"));
		const char *id = json_string_value(json_object_get(p, "id"));
		if (root != NULL && id != NULL && strcmp(root, dir) == 0)
			return call_add(c, params, "project", id);
	}
	trouble_set(
	    &c->trouble, VS_ENOENT, "%s is not a project's folder", arg);
	c->trouble.exit = VS_EXIT_NOT_FOUND;
	trouble_hint(&c->trouble, "make it one with `vsync init %s`", arg);
	return VS_ENOENT;
}

/* What to watch: the folder or the project that was named, or all. */
static int choose(struct call *c, json_t *params)
{
	struct place_wish wish = { .name = c->opt.project, .cwd = c->cwd };
	const json_t *projects, *project = NULL;
	json_t *doc = NULL;
	int rc =
	    call_ask(c, "GET /v1/status", json_object(), CALL_SHORT_MS, &doc);

	if (rc != VS_OK)
		return rc;
	projects = json_object_get(doc, "projects");
	if (c->count > 0) {
		rc = add_dir(c, params, projects, c->args[0]);
	} else if (wish.name != NULL || json_array_size(projects) == 0) {
		rc = place_project(projects, &wish, &project, &c->trouble);
		if (rc == VS_OK)
			rc = call_add(c, params, "project",
			    json_string_value(json_object_get(project, "id")));
	}
	json_decref(doc);
	return rc;
}

static void greet(struct watching *w)
{
	struct print *note = &w->c->note;

	if (w->ours)
		print_f(note, "vsync: agent started (pid %d), Ctrl-C ends it\n",
		    (int)w->c->agent.pid);
	else
		print_f(note,
		    "vsync: attached to the agent that runs, Ctrl-C leaves it "
		    "running\n");
	print_flush(note);
}

/*
 * The stream is over.  A signal is how a watch ends; otherwise the
 * agent went away, and where it is ours it says why.
 */
static int finish(struct watching *w)
{
	struct call *c = w->c;
	bool signalled = c->intr.number != 0;

	if (w->redraw)
		print_flush(&c->out);
	if (signalled || c->out.error != 0) {
		c->trouble = (struct trouble)TROUBLE_INIT;
		if (w->ours && signalled) {
			print_f(&c->note, "vsync: ending the agent\n");
			print_flush(&c->note);
		}
		return call_leave(c);
	}
	if (w->ours) {
		/* How it ended tells more than that its stream broke off. */
		struct trouble broken = c->trouble;
		c->trouble = (struct trouble)TROUBLE_INIT;
		if (call_leave(c) != VS_OK)
			return c->trouble.err.code;
		if (broken.err.code != VS_ECANCELED)
			c->trouble = broken;
	}
	if (c->trouble.err.code == VS_OK) {
		trouble_set(&c->trouble, VS_ENOAGENT, "the agent ended");
		c->trouble.exit = VS_EXIT_NO_AGENT;
		trouble_hint(&c->trouble, "start it again with `vsync watch`");
	}
	return c->trouble.err.code;
}

static int stream(struct watching *w, json_t *params)
{
	struct client_sink sink = { .line = on_line, .arg = w };
	struct client_request r = {
		.method = "GET",
		.path = "/v1/watch",
		.params = params,
		.timeout_ms = -1,
	};

	client_on_tick(w->c->client, on_tick, w);
	client_stream(w->c->client, &r, &sink, &w->c->trouble);
	client_on_tick(w->c->client, NULL, NULL);
	return finish(w);
}

static int run(struct call *c)
{
	struct watching w = { .c = c, .progress = progress_new() };
	json_t *params = json_object();
	int rc = VS_OK;

	w.redraw = c->out.terminal && !(c->opt.given & OPT_LINES);
	live_init(&w.live, &c->out);
	c->agent.say = say;
	c->agent.say_arg = &w;
	if (w.progress == NULL || params == NULL)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc == VS_OK)
		rc = call_attend(c, LAUNCH_FULL);
	if (rc == VS_OK)
		rc = choose(c, params);
	if (rc == VS_OK) {
		w.ours = c->agent.pid != 0;
		greet(&w);
		rc = stream(&w, params);
	}
	c->agent.say = NULL; /* w goes before the agent does */
	json_decref(params);
	progress_free(w.progress);
	return rc;
}

const struct verb verb_watch = {
	.name = "watch",
	.args = "[DIR]",
	.summary = "run the agent, or attach to it, and show what happens",
	.examples = "  vsync watch\n"
		    "  vsync watch ~/Film\n"
		    "  vsync watch --json-lines | jq .path\n",
	.text = "Where no agent runs this starts one, which ends with this "
		"command; else it\nshows what the running one does.  A live "
		"view on a terminal, a line for each\nthing that happens "
		"elsewhere.  DIR must be a project's folder.  The first\n"
		"Ctrl-C ends gracefully, the second at once.\n",
	.takes = OPT_PROJECT | OPT_LINES,
	.least = 0,
	.most = 1,
	.run = run,
};
