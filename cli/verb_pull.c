/*
 * pull: the agent plans and pulls, this waits.  Its rows of /v1/transfers
 * are the truth, asked for a few times a second; so nothing is missed, and an
 * agent that is started again meanwhile is only waited for.
 *
 * How it can end: all have ended (0, or the code of the worst), Ctrl-C (the
 * pulls go on), an agent that stays away (69, the pulls are kept).
 */
#include "cli/verb.h"

#include <assert.h>
#include <limits.h>
#include <unistd.h>

#include "cli/folder.h"
#include "cli/human.h"
#include "cli/live.h"
#include "cli/pullplan.h"
#include "cli/tally.h"
#include "common/base/json.h"
#include "common/os/clock.h"

enum {
	POLL_MS = 250,
	POLL_SHARE = 10, /* of our time goes into asking at most one in */
	AWAY_MS = 5000, /* an agent may take to come back */
};

/* A pull under way. */
struct pulling {
	struct call *c;
	json_t *project; /* its id; borrowed */
	json_t *doc; /* the agent's answer */
	struct pullplan plan;
	struct tally *tally; /* NULL: nothing is waited for */
	struct live live;
	int64_t away_ms; /* since when the agent is, or -1 */
};

static int set(struct call *c, json_t *params, const char *key, json_t *v)
{
	if (json_object_set_new(params, key, v) == 0)
		return VS_OK;
	return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
}

/* Adds "out"; made tells whether the folder had to be made, in dir. */
static int add_out(
    struct call *c, json_t *params, char dir[PATH_MAX], bool *made)
{
	bool dry = (c->opt.given & OPT_DRY) != 0;
	int rc;

	if (c->opt.out == NULL)
		return set(c, params, "out", json_null());
	rc = folder_make(dir, c->opt.out, dry ? NULL : made, &c->trouble);
	if (rc != VS_OK) {
		trouble_hint(&c->trouble, "name a folder to pull into");
		return rc;
	}
	return call_add(c, params, "out", dir);
}

static int ask_plan(struct pulling *p, json_t *params)
{
	struct call *c = p->c;
	struct vs_err err = VS_ERR_INIT;
	char dir[PATH_MAX];
	bool made = false;
	int rc = call_add_paths(c, params);

	if (rc == VS_OK)
		rc = set(c, params, "dry",
		    json_boolean((c->opt.given & OPT_DRY) != 0));
	if (rc == VS_OK)
		rc = set(c, params, "force",
		    json_boolean((c->opt.given & OPT_FORCE) != 0));
	if (rc == VS_OK)
		rc = add_out(c, params, dir, &made);
	/* Planning compares what is here: that takes as long as it takes. */
	if (rc == VS_OK)
		rc = call_ask(
		    c, "POST /v1/pull", json_incref(params), -1, &p->doc);
	if (rc == VS_OK && pullplan_read(&p->plan, p->doc, &err) != VS_OK)
		rc = trouble_set(&c->trouble, VS_EPROTO, "pull: %s", err.msg);
	if (rc != VS_OK && made)
		rmdir(dir); /* unless something is in it by now */
	return rc;
}

static int draw(void *arg, struct print *out, int64_t now_ms)
{
	return tally_draw(arg, out, now_ms);
}

static void show(struct pulling *p)
{
	struct print *note = &p->c->note;
	struct live_lines lines = { .draw = draw, .arg = p->tally };
	int64_t now = vs_clock_mono_ms();
	json_t *line;

	switch (p->c->opt.progress) {
	case PROGRESS_JSON:
		line = tally_json(p->tally, now);
		if (line != NULL)
			print_json(note, line);
		print_flush(note);
		json_decref(line);
		break;
	case PROGRESS_AUTO:
		if (note->terminal)
			live_draw(&p->live, &lines, now);
		break;
	default:
		break;
	}
}

/* Makes room on the terminal for what stays. */
static void clear(struct pulling *p)
{
	live_clear(&p->live);
	print_flush(&p->c->note);
}

static int ask_transfers(struct pulling *p)
{
	struct call *c = p->c;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL, *rows = NULL;
	json_t *params = json_pack("{s:O, s:I}", "project", p->project, "limit",
	    (json_int_t)tally_limit(p->tally));
	int rc = call_ask(c, "GET /v1/transfers", params, CALL_SHORT_MS, &doc);

	if (rc == VS_OK &&
	    vs_json_get_array(doc, "transfers", true, &rows, &err) != VS_OK)
		rc = trouble_set(&c->trouble, VS_EPROTO, "pull: %s", err.msg);
	if (rc == VS_OK)
		tally_feed(p->tally, rows, vs_clock_mono_ms());
	json_decref(doc);
	return rc;
}

/* rc as it is, or VS_OK for an agent that may come back. */
static int bear(struct pulling *p, int rc)
{
	struct call *c = p->c;
	int64_t now = vs_clock_mono_ms();

	if (rc != VS_ENOAGENT) {
		p->away_ms = -1;
		return rc;
	}
	if (p->away_ms < 0) {
		p->away_ms = now;
		clear(p);
		if (c->opt.progress != PROGRESS_JSON)
			print_f(&c->note,
			    "vsync: the agent went away, waiting for it\n");
		print_flush(&c->note);
	}
	if (now - p->away_ms >= AWAY_MS) {
		trouble_hint(&c->trouble,
		    "the pulls are kept: they go on when it runs again, see "
		    "`vsync transfers`");
		return rc;
	}
	c->trouble = (struct trouble)TROUBLE_INIT;
	return VS_OK;
}

static int interrupted(struct call *c)
{
	trouble_set(&c->trouble, VS_ECANCELED, "interrupted");
	trouble_hint(&c->trouble,
	    "the pulls go on in the agent: `vsync transfers` shows them, "
	    "`vsync cancel` ends them");
	return VS_ECANCELED;
}

/* Waits until all of them have ended. */
static int follow(struct pulling *p)
{
	struct call *c = p->c;
	int rc = VS_OK;

	assert(p->tally != NULL);
	while (rc == VS_OK) {
		int64_t start = vs_clock_mono_ms(), ms;
		rc = bear(p, ask_transfers(p));
		if (rc == VS_OK && p->away_ms < 0)
			show(p);
		if (rc != VS_OK || tally_over(p->tally))
			break;
		ms = (vs_clock_mono_ms() - start) * POLL_SHARE;
		if (interrupt_wait(&c->intr, ms > POLL_MS ? (int)ms : POLL_MS))
			rc = VS_ECANCELED;
	}
	clear(p);
	return rc == VS_ECANCELED ? interrupted(c) : rc;
}

/* The last line: what came, and how long it took. */
static void tell(struct pulling *p)
{
	struct print *out = &p->c->out;
	struct tally_figures f = { .files = 0 };
	char a[HUMAN_SIZE], b[HUMAN_SIZE];
	int64_t fetched;

	if (p->tally != NULL)
		tally_figures(p->tally, &f, vs_clock_mono_ms());
	fetched = f.bytes - f.resumed - p->plan.reuse_bytes;
	print_f(out, "pulled %s, %s",
	    human_things(f.files - f.failed, "file", a),
	    human_bytes(f.bytes, b));
	print_f(out, " in %s", human_span(f.spent_ms, a));
	if (f.spent_ms > 0 && fetched > 0)
		print_f(out, " (%s/s)",
		    human_bytes(
			(int64_t)((double)fetched * 1000 / (double)f.spent_ms),
			a));
	if (f.resumed > 0)
		print_f(out, ", %s of it resumed", human_bytes(f.resumed, a));
	if (p->plan.reuse_files > 0)
		print_f(out, "; %s of them here under other names",
		    human_count(p->plan.reuse_files, a));
	if (p->plan.have_files > 0)
		print_f(out, "; %s here already",
		    human_things(p->plan.have_files, "file", a));
	print_f(out, "\n");
}

/* What the document says beside the plan. */
static int add_outcome(struct pulling *p)
{
	struct call *c = p->c;
	struct tally_figures f;
	int rc;

	if (p->tally == NULL)
		return VS_OK;
	tally_figures(p->tally, &f, vs_clock_mono_ms());
	rc = set(c, p->doc, "transfers", tally_rows(p->tally));
	if (rc == VS_OK)
		rc = set(c, p->doc, "pulled_files",
		    json_integer((json_int_t)(f.files - f.failed)));
	if (rc == VS_OK)
		rc = set(c, p->doc, "pulled_bytes",
		    json_integer((json_int_t)f.bytes));
	if (rc == VS_OK)
		rc = set(c, p->doc, "resumed_bytes",
		    json_integer((json_int_t)f.resumed));
	if (rc == VS_OK)
		rc = set(
		    c, p->doc, "seconds", json_real((double)f.spent_ms / 1000));
	return rc;
}

static void tell_queued(struct pulling *p)
{
	char a[HUMAN_SIZE], b[HUMAN_SIZE];

	print_f(&p->c->out, "queued %s, %s\n",
	    human_things((int64_t)json_array_size(p->plan.pulls), "file", a),
	    human_bytes(p->plan.fetch_bytes, b));
	print_flush(&p->c->out);
	print_f(&p->c->note, "vsync: follow with `vsync transfers --follow`\n");
}

/* The end of one that was waited for, or that had nothing to wait for. */
static int finish(struct pulling *p)
{
	struct call *c = p->c;

	if (p->tally == NULL || tally_judge(p->tally, &c->trouble) == VS_OK)
		pullplan_judge(&p->plan, &c->trouble);
	if (call_json(c)) {
		struct trouble verdict = c->trouble;
		if (add_outcome(p) != VS_OK)
			return c->trouble.err.code;
		c->trouble = verdict;
		call_print(c, p->doc);
		return c->trouble.err.code;
	}
	if (c->opt.given & OPT_DRY) {
		pullplan_print(&p->plan, &c->out);
		return c->trouble.err.code;
	}
	pullplan_print_places(
	    &p->plan, (c->opt.given & OPT_NO_WAIT) != 0, &c->note);
	if (p->tally != NULL)
		tally_print_places(p->tally, &c->note);
	if (p->tally != NULL)
		tally_print_failed(p->tally, &c->note);
	pullplan_print_left(&p->plan, &c->note);
	if (c->opt.given & OPT_NO_WAIT)
		tell_queued(p);
	else
		tell(p);
	return c->trouble.err.code;
}

static int run(struct call *c)
{
	struct pulling p = { .c = c, .away_ms = -1 };
	json_t *params = json_object();
	int rc;

	live_init(&p.live, &c->note);
	rc = ask_plan(&p, params);
	if (rc == VS_OK && !(c->opt.given & (OPT_DRY | OPT_NO_WAIT)) &&
	    json_array_size(p.plan.pulls) > 0) {
		p.project = json_object_get(params, "project");
		p.tally = tally_new(p.plan.pulls, vs_clock_mono_ms());
		rc = p.tally != NULL
		    ? follow(&p)
		    : trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	}
	if (rc == VS_OK)
		rc = finish(&p);
	tally_free(p.tally);
	json_decref(p.doc);
	json_decref(params);
	return rc;
}

const struct verb verb_pull = {
	.name = "pull",
	.args = "PATH...",
	.summary = "fetch files and folders of a project, verified",
	.examples = "  vsync pull scenes master.mov\n"
		    "  vsync pull -n .\n"
		    "  vsync pull scenes/12 -o /mnt/edit --json\n"
		    "  vsync pull . --progress=json 2>progress.ndjson\n",
	.text = "PATH is seen from the working directory where that lies in "
		"the project's\nfolder, else from that folder; . there is all "
		"of it.  A file appears under its\nname only whole and "
		"verified; one that was changed here is left alone (exit "
		"7)\nunless --force is given.  What was received before is "
		"not fetched again.\n\n"
		"Where the disk takes a name for that of another file of the "
		"project, as one\nthat folds case does, the second one stands "
		"beside it with ~case1 behind its\nname, always the same; "
		"pull and ls say so.\n\n"
		"Ctrl-C ends the waiting, not the pulls: the agent goes on, "
		"`vsync transfers`\nshows them and `vsync cancel` ends "
		"them.\n\n"
		"Exit codes: 4 not found, 5 try again, 7 changed here, 8 not "
		"enough space,\n10 verification failed; with -n what pull "
		"would meet.\n",
	.takes = OPT_OUT | OPT_DRY | OPT_FORCE | OPT_NO_WAIT | OPT_PROGRESS |
	    OPT_PROJECT | OPT_JSON,
	.least = 1,
	.most = INT_MAX,
	.run = run,
};
