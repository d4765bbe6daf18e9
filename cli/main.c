/* vsync: the command line.  All it knows of the agent is its socket. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/verb.h"

static int no_verb(struct call *c, const char *word)
{
	const struct verb *near = verb_nearest(word);

	if (word[0] == '-')
		trouble_usage(&c->trouble, "no verb before %s", word);
	else
		trouble_usage(&c->trouble, "no verb %s", word);
	if (near != NULL && word[0] != '-')
		trouble_hint(
		    &c->trouble, "did you mean `vsync %s`?", near->name);
	else
		trouble_hint(&c->trouble, "see `vsync help`");
	return VS_EINVAL;
}

/* How many arguments there are is as the verb's table says. */
static int check_count(struct call *c)
{
	const struct verb *v = c->verb;

	if (c->count >= v->least && c->count <= v->most)
		return VS_OK;
	if (c->count < v->least)
		trouble_usage(&c->trouble, "%s: missing: %s", v->name, v->args);
	else
		trouble_usage(&c->trouble, "%s: too many arguments: %s",
		    v->name, c->args[v->most]);
	trouble_hint(&c->trouble, "see `vsync help %s`", v->name);
	return VS_EINVAL;
}

static const char *verb_word(int argc, char **argv)
{
	if (argc < 2)
		return NULL;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return "help";
	if (strcmp(argv[1], "--version") == 0)
		return "version";
	return argv[1];
}

static int run(struct call *c, int argc, char **argv)
{
	const char *word = verb_word(argc, argv);
	int rc;

	if (word == NULL) {
		trouble_usage(&c->trouble, "no verb given");
		trouble_hint(&c->trouble, "see `vsync help`");
		return VS_EINVAL;
	}
	c->verb = verb_find(word);
	if (c->verb == NULL)
		return no_verb(c, word);
	rc = options_parse(
	    &c->opt, c->verb->takes, argc - 1, argv + 1, &c->trouble);
	if (rc != VS_OK)
		return rc;
	print_init(&c->out, stdout, c->opt.color);
	print_init(&c->note, stderr, c->opt.color);
	if (c->opt.given & OPT_HELP) {
		verb_print(c->verb, &c->out);
		return VS_OK;
	}
	c->count = argc - 1 - c->opt.first;
	c->args = argv + 1 + c->opt.first;
	rc = check_count(c);
	return rc == VS_OK ? c->verb->run(c) : rc;
}

/* Tells of the trouble where nobody has yet. */
static void report(struct call *c, bool json)
{
	json_t *doc;

	if (c->trouble.told)
		return;
	if (!json) {
		print_flush(&c->out); /* keep the order on a terminal */
		print_fault(&c->note, &c->trouble);
		return;
	}
	doc = json_pack("{s:i}", "schema", VS_CONTROL_SCHEMA);
	if (doc != NULL)
		call_print(c, doc);
	json_decref(doc);
}

int main(int argc, char **argv)
{
	struct call c;
	enum vs_exit code;
	int signalled, error;

	/* A reader that leaves is told by EPIPE: an agent may have to be
	   ended first. */
	signal(SIGPIPE, SIG_IGN);
	call_init(&c);
	if (run(&c, argc, argv) != VS_OK)
		report(&c, call_json(&c) || options_want_json(argc, argv));
	code = c.trouble.exit;
	error = print_flush(&c.out);
	/* A verb that ends well on a signal has ended as it should. */
	signalled = code != VS_EXIT_OK ? c.intr.number : 0;
	call_release(&c);
	if (signalled != 0)
		interrupt_die(signalled);
	if (error == EPIPE)
		interrupt_die(SIGPIPE);
	if (error != 0) {
		fprintf(stderr, "vsync: cannot write to standard output: %s\n",
		    strerror(error));
		return VS_EXIT_ERROR;
	}
	return (int)code;
}
