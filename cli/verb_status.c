/*
 * status: reads what the agent says of each project as evidence (evidence.h)
 * and tells it, the worst first.  --check is the same in the exit code; in
 * the document it is then an error, because ok agrees with that code.
 */
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

#include "cli/evidence.h"
#include "cli/field.h"
#include "cli/human.h"
#include "common/base/json.h"
#include "common/os/clock.h"

enum { REFUSED_SHOWN = 5, COPIES_SHOWN = 5 };

/* One problem with the command that mends it. */
static void print_problem(struct print *p, const json_t *problem)
{
	const char *severity = field_text(problem, "severity");
	const char *hint = field_text(problem, "hint");
	bool error = strcmp(severity, "error") == 0;
	bool warning = strcmp(severity, "warning") == 0;

	print_f(p, "  ");
	print_ink(p,
	    error         ? PRINT_BAD
		: warning ? PRINT_WARN
			  : PRINT_DIM,
	    error         ? "error  "
		: warning ? "warning"
			  : "note   ");
	print_f(p, "  ");
	print_text(p, field_text(problem, "message"));
	print_f(p, "\n");
	if (hint[0] != '\0') {
		print_f(p, "             -> ");
		print_text(p, hint);
		print_f(p, "\n");
	}
}

static void print_refused(struct print *p, const struct evidence *e)
{
	size_t n = json_array_size(e->refused);
	char more[HUMAN_SIZE];

	for (size_t i = 0; i < n && i < REFUSED_SHOWN; i++) {
		const json_t *r = json_array_get(e->refused, i);
		print_f(p, "  ");
		print_ink(p, PRINT_WARN, "refused");
		print_f(p, "  ");
		print_name(p, field_text(r, "path"));
		print_f(p, ": ");
		print_text(p, field_text(r, "reason"));
		print_f(p, "\n");
	}
	if (n > REFUSED_SHOWN)
		print_f(p, "           and %s more\n",
		    human_count((int64_t)(n - REFUSED_SHOWN), more));
}

static void print_copies(struct print *p, const struct evidence *e)
{
	char more[HUMAN_SIZE];
	int64_t shown = 0;
	size_t i;
	json_t *path;

	json_array_foreach(e->copies, i, path)
	{
		if (!json_is_string(path) || shown == COPIES_SHOWN)
			break;
		shown++;
		print_f(p, "  ");
		print_ink(p, PRINT_WARN, "copy   ");
		print_f(p, "  ");
		print_name(p, json_string_value(path));
		print_f(p, "\n");
	}
	if (e->conflicts > shown)
		print_f(p, "           and %s more\n",
		    human_count(e->conflicts - shown, more));
}

static void print_project(struct print *p, const struct evidence *e)
{
	const char *lacks = evidence_lacks(e);
	int64_t now = vs_clock_wall_ms();
	char a[HUMAN_SIZE], b[HUMAN_SIZE], d[HUMAN_SIZE];
	size_t i;
	json_t *problem;

	print_name(p, e->name);
	print_f(p, ": ");
	evidence_print_state(p, e);
	print_f(p, "\n");
	json_array_foreach(e->problems, i, problem)
	{
		print_problem(p, problem);
	}
	print_copies(p, e);
	print_refused(p, e);
	print_f(p, e->member ? "  member   " : "  folder   ");
	print_name(p, e->root);
	print_f(p, ": %s, %s, %s\n", human_things(e->files, "file", a),
	    human_things(e->directories, "folder", b),
	    human_bytes(e->bytes, d));
	if (lacks != NULL)
		print_f(p, "  not in sync: %s\n", lacks);
	print_f(p, "  proof    ");
	evidence_print(p, e, now);
	print_f(p, "\n");
}

static void print_agent(struct print *p, const json_t *doc)
{
	const json_t *agent = json_object_get(doc, "agent");
	const json_t *in = json_object_get(agent, "logged_in");
	char up[HUMAN_SIZE];

	if (json_is_false(in)) {
		print_ink(p, PRINT_WARN, "not logged in");
		print_f(p, "\n             -> vsync login URL\n");
	}
	print_f(p, "agent: ");
	print_text(p, field_text(agent, "version"));
	print_f(p, ", pid %lld, started %s",
	    (long long)field_number(agent, "pid"),
	    human_ago(field_text(agent, "started_at"), vs_clock_wall_ms(), up));
	if (field_text(agent, "server")[0] != '\0') {
		print_f(p, ", server ");
		print_text(p, field_text(agent, "server"));
	}
	print_f(p, "\n");
}

static int by_rank(const void *a, const void *b)
{
	int ra = evidence_rank(a), rb = evidence_rank(b);

	if (ra != rb)
		return rb - ra;
	return strcmp(((const struct evidence *)a)->name,
	    ((const struct evidence *)b)->name);
}

/* Reads the projects that --project leaves, worst first; *all is malloc'd. */
static int read_all(
    struct call *c, const json_t *doc, struct evidence **all, size_t *n)
{
	const json_t *projects = json_object_get(doc, "projects");
	struct vs_err err = VS_ERR_INIT;
	size_t i, count = json_array_size(projects);
	json_t *p;

	*n = 0;
	*all = calloc(count + 1, sizeof(**all));
	if (*all == NULL)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	json_array_foreach(projects, i, p)
	{
		if (evidence_read(&(*all)[*n], p, &err) != VS_OK)
			return trouble_set(&c->trouble, VS_EPROTO,
			    "status of a project: %s", err.msg);
		++*n;
	}
	qsort(*all, *n, sizeof(**all), by_rank);
	return VS_OK;
}

/* --check: the worst of them as the exit code. */
static void check(struct call *c, const struct evidence *all, size_t n)
{
	const struct evidence *bad = NULL, *held = NULL;

	for (size_t i = 0; i < n; i++) {
		if (all[i].held > 0)
			held = &all[i];
		if (bad == NULL && evidence_rank(&all[i]) > 0)
			bad = &all[i];
	}
	if (held != NULL) {
		trouble_set(&c->trouble, VS_EHELD, "%s: %s", held->name,
		    "deletions wait for a decision");
		c->trouble.exit = VS_EXIT_DECIDE;
		trouble_hint(&c->trouble, "see `vsync held`");
	} else if (bad != NULL && strcmp(bad->state, "auth") == 0) {
		trouble_set(&c->trouble, VS_EAUTH,
		    "%s: the server refuses the token", bad->name);
		c->trouble.exit = VS_EXIT_PERMISSION;
		trouble_hint(&c->trouble, "run `vsync login` again");
	} else if (bad != NULL) {
		const char *lacks = evidence_lacks(bad);
		trouble_set(&c->trouble, VS_EAGAIN, "%s is %s: %s", bad->name,
		    lacks != NULL ? "not in sync" : "degraded",
		    lacks != NULL ? lacks : "it has problems");
		c->trouble.exit = VS_EXIT_NOT_IN_SYNC;
	} else if (n == 0) {
		trouble_set(&c->trouble, VS_EAGAIN, "there is no project yet");
		c->trouble.exit = VS_EXIT_NOT_IN_SYNC;
		trouble_hint(&c->trouble, "make one with `vsync init DIR`");
	}
}

static void show(
    struct call *c, const json_t *doc, const struct evidence *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print_project(&c->out, &all[i]);
	if (n == 0)
		print_f(&c->out,
		    "no project yet\n             -> vsync init DIR, or "
		    "vsync join TOKEN DIR\n");
	print_agent(&c->out, doc);
}

static int run(struct call *c)
{
	json_t *params = json_object(), *doc = NULL;
	struct evidence *all = NULL;
	size_t n = 0;
	int rc;

	if (params != NULL && c->opt.project != NULL &&
	    call_add(c, params, "project", c->opt.project) != VS_OK) {
		json_decref(params);
		return c->trouble.err.code;
	}
	rc = call_ask(c, "GET /v1/status", params, CALL_SHORT_MS, &doc);
	if (rc != VS_OK)
		return rc;
	rc = read_all(c, doc, &all, &n);
	if (rc == VS_OK) {
		if (c->opt.given & OPT_CHECK)
			check(c, all, n);
		if (call_json(c))
			call_print(c, doc);
		else
			show(c, doc, all, n);
		rc = c->trouble.err.code;
	}
	free(all);
	json_decref(doc);
	return rc;
}

const struct verb verb_status = {
	.name = "status",
	.args = "",
	.summary = "what is in sync, what is not, and what mends it",
	.examples = "  vsync status\n"
		    "  vsync status --check && echo all is in the cloud\n"
		    "  vsync status --project film --json\n",
	.text = "The worst comes first, each problem with what mends it.  \"in "
		"sync\" is only\nsaid with its proof: the folder was "
		"reconciled as a whole, nothing waits,\nand the checksum of "
		"its tree equals the cloud's.  For a member it is so\nwhen "
		"what it lists equals the cloud's.\n",
	.takes = OPT_CHECK | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
