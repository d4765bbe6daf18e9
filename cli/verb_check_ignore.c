/*
 * check-ignore: which paths the rules hide, and which rule does it.  The
 * rules are the agent's, as it has them in force; paths are asked about in
 * portions, so that a pipe may bring any number of them.
 */
#include "cli/verb.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field.h"

enum { PORTION = 256 }; /* paths in one question */

struct checking {
	struct call *c;
	json_t *doc; /* the first answer, with the results of all */
	bool any; /* one is ignored */
	bool told; /* that the rules' files cannot be used */
	char *line[PORTION]; /* of standard input */
};

static bool given(const struct call *c, unsigned flags)
{
	return (c->opt.given & flags) != 0;
}

/* Ends a field: a NUL, or what a person reads. */
static void end(struct call *c, char plain)
{
	char stop = given(c, OPT_NULL | OPT_ZERO) ? '\0' : plain;

	if (c->out.error == 0 && fputc(stop, c->out.f) == EOF)
		c->out.error = errno;
}

static void name(struct call *c, const char *s)
{
	if (given(c, OPT_NULL | OPT_ZERO))
		print_f(&c->out, "%s", s);
	else
		print_name(&c->out, s);
}

/* Where the rule stands, and the rule; empty fields where there is none. */
static void print_rule(struct call *c, const json_t *r)
{
	int64_t line = field_number(r, "line");

	if (field_text(r, "class")[0] != '\0') {
		print_f(&c->out, "class ");
		print_text(&c->out, field_text(r, "class"));
	} else {
		name(c, field_text(r, "source"));
	}
	end(c, ':');
	if (line > 0)
		print_f(&c->out, "%lld", (long long)line);
	end(c, ':');
	name(c, field_text(r, "rule"));
	end(c, '\t');
}

static void print_one(struct call *c, const json_t *r, const char *arg)
{
	bool ruled = field_text(r, "rule")[0] != '\0';
	bool verbose = given(c, OPT_VERBOSE);

	if (verbose ? !ruled && !given(c, OPT_NON_MATCHING)
		    : !json_is_true(json_object_get(r, "ignored")))
		return;
	if (verbose)
		print_rule(c, r);
	name(c, arg);
	end(c, '\n');
}

static void tell_fault(struct checking *k, const json_t *doc)
{
	if (k->told || field_text(doc, "fault")[0] == '\0')
		return;
	k->told = true;
	print_f(&k->c->note, "vsync: the rules of before: ");
	print_text(&k->c->note, field_text(doc, "fault"));
	print_f(&k->c->note, "\n");
}

/* Takes over doc, the answer about c->args. */
static int take(struct checking *k, json_t *doc)
{
	json_t *results = json_object_get(doc, "results"), *r;
	struct call *c = k->c;
	size_t i;

	if (json_array_size(results) != (size_t)c->count) {
		json_decref(doc);
		return trouble_set(&c->trouble, VS_EPROTO,
		    "check-ignore: the agent answered something else");
	}
	json_array_foreach(results, i, r)
	{
		k->any = k->any || json_is_true(json_object_get(r, "ignored"));
		if (!call_json(c))
			print_one(c, r, c->args[i]);
	}
	if (!call_json(c))
		tell_fault(k, doc);
	if (k->doc == NULL) {
		k->doc = doc;
		return VS_OK;
	}
	if (call_json(c))
		json_array_extend(json_object_get(k->doc, "results"), results);
	json_decref(doc);
	return VS_OK;
}

/* One portion: all of c->args. */
static int ask(struct checking *k)
{
	json_t *params = call_params(k->c), *doc = NULL;
	int rc = call_add_paths(k->c, params);

	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc =
	    call_ask(k->c, "POST /v1/check-ignore", params, CALL_LONG_MS, &doc);
	return rc == VS_OK ? take(k, doc) : rc;
}

static int ask_arguments(struct checking *k)
{
	char **args = k->c->args;
	int count = k->c->count, rc = VS_OK;

	for (int i = 0; i < count && rc == VS_OK; i += PORTION) {
		k->c->args = args + i;
		k->c->count = count - i < PORTION ? count - i : PORTION;
		rc = ask(k);
	}
	return rc;
}

/* Reads a portion; how many there are, fewer than that at the end. */
static int read_lines(struct checking *k, char stop)
{
	int n = 0;

	while (n < PORTION) {
		size_t cap = 0;
		ssize_t len = getdelim(&k->line[n], &cap, stop, stdin);

		if (len < 0) {
			free(k->line[n]);
			k->line[n] = NULL;
			return n;
		}
		if (len > 0 && k->line[n][len - 1] == stop)
			k->line[n][len - 1] = '\0';
		n++;
	}
	return n;
}

static int ask_stdin(struct checking *k)
{
	char stop = given(k->c, OPT_NULL | OPT_ZERO) ? '\0' : '\n';
	int n = PORTION, rc = VS_OK;

	while (n == PORTION && rc == VS_OK) {
		n = read_lines(k, stop);
		k->c->args = k->line;
		k->c->count = n;
		if (n > 0)
			rc = ask(k);
		for (int i = 0; i < n; i++) {
			free(k->line[i]);
			k->line[i] = NULL;
		}
	}
	if (rc == VS_OK && ferror(stdin))
		rc = trouble_set(&k->c->trouble, VS_EIO, "standard input: %s",
		    strerror(errno));
	return rc;
}

/* None is ignored: no failure, but git's manner of saying so. */
static void none(struct call *c)
{
	trouble_set(&c->trouble, VS_ENOENT, "none of these paths is ignored");
	c->trouble.exit = VS_EXIT_ERROR;
}

/* A failure never has the code that says that none is ignored. */
static void another_exit(struct trouble *f)
{
	if (f->exit == VS_EXIT_ERROR)
		f->exit = VS_EXIT_TEMPFAIL;
}

static int check_line(struct call *c)
{
	if (given(c, OPT_NON_MATCHING) && !given(c, OPT_VERBOSE))
		return trouble_usage(
		    &c->trouble, "check-ignore: -n is only for -v");
	if (given(c, OPT_STDIN) && c->count > 0)
		return trouble_usage(
		    &c->trouble, "check-ignore: paths, or --stdin, not both");
	if (!given(c, OPT_STDIN) && c->count == 0)
		return trouble_usage(
		    &c->trouble, "check-ignore: missing: PATH...");
	return VS_OK;
}

static int run(struct call *c)
{
	struct checking k = { .c = c };
	int rc = check_line(c);

	if (rc != VS_OK)
		return rc;
	c->any_path = true;
	rc = given(c, OPT_STDIN) ? ask_stdin(&k) : ask_arguments(&k);
	if (rc != VS_OK)
		another_exit(&c->trouble);
	else if (!k.any)
		none(c);
	if (rc == VS_OK && call_json(c) && k.doc != NULL)
		call_print(c, k.doc);
	else if (rc == VS_OK && !call_json(c))
		c->trouble.told = true;
	json_decref(k.doc);
	return rc == VS_OK ? c->trouble.err.code : rc;
}

const struct verb verb_check_ignore = {
	.name = "check-ignore",
	.args = "[PATH...]",
	.summary = "which paths are not published, and by which rule",
	.examples = "  vsync check-ignore scenes/12/take.mov.part\n"
		    "  vsync check-ignore -v *\n"
		    "  find . -print0 | vsync check-ignore --stdin -z -v -n\n"
		    "  vsync check-ignore --json cache\n",
	.text = "Prints those of the paths that the rules of .vsyncignore and "
		".stignore, or a\nclass that is built in, hide; with -v "
		"SOURCE:LINE:RULE, a tab, and the path.\nExits with 0 if one "
		"of them is hidden, and with 1 if none is.\n",
	.takes = OPT_VERBOSE | OPT_NON_MATCHING | OPT_STDIN | OPT_ZERO |
	    OPT_NULL | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = INT_MAX,
	.run = run,
};
