/*
 * join: an invite is a secret until it is used, so it can come by standard
 * input; one on the command line is wiped there at once.  The folder is made
 * before the invite is spent.
 */
#include "cli/verb.h"

#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/field.h"
#include "cli/folder.h"
#include "common/base/json.h"

enum { TOKEN_MAX = 8192 };

static int read_token(struct call *c, struct vs_buf *token)
{
	char *arg = c->args[0];
	int rc;

	if (strcmp(arg, "-") == 0)
		return ask_secret(token, "Invite: ", &c->intr, &c->trouble);
	rc = ask_check(arg, &c->trouble);
	if (rc == VS_OK) {
		vs_buf_addstr(token, arg);
		if (vs_buf_error(token) != 0)
			rc = trouble_usage(
			    &c->trouble, "join: the token is too long");
	}
	/* Others can read our command line for as long as we run. */
	explicit_bzero(arg, strlen(arg));
	return rc;
}

static void tell(struct call *c, json_t *doc)
{
	struct print *out = &c->out;

	if (call_json(c)) {
		call_print(c, doc);
		return;
	}
	print_f(out, "joined ");
	print_name(out, field_text(doc, "name"));
	print_f(out, " (");
	print_text(out, field_text(doc, "project_id"));
	print_f(out, ") as ");
	print_text(out, field_text(doc, "role"));
	print_f(out, ", in ");
	print_name(out, field_text(doc, "root"));
	print_f(out,
	    "\n\nFollow it with `vsync watch`, list it with `vsync ls -R`, "
	    "fetch with `vsync pull`.\n");
}

static int join(struct call *c, const char *token, const char *dir)
{
	json_t *params = json_object(), *doc = NULL;
	int rc = VS_OK;

	if (params == NULL ||
	    json_object_set_new(params, "token", json_string(token)) != 0)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc == VS_OK)
		rc = call_add(c, params, "dir", dir);
	if (rc == VS_OK)
		rc = call_attend(c, LAUNCH_IDLE);
	if (rc == VS_OK)
		rc = call_ask(c, "POST /v1/join", json_incref(params),
		    CALL_LONG_MS, &doc);
	if (rc == VS_OK) {
		rc = call_leave(c);
		if (rc == VS_OK)
			tell(c, doc);
	}
	json_decref(params);
	json_decref(doc);
	return rc;
}

static int run(struct call *c)
{
	char dir[PATH_MAX];
	struct vs_buf token;
	bool made = false;
	int rc = VS_OK;

	vs_buf_init(&token, TOKEN_MAX);
	if (call_client(c) == NULL)
		rc = c->trouble.err.code;
	if (rc == VS_OK)
		rc = read_token(c, &token);
	if (rc == VS_OK) {
		rc = folder_make(dir, c->args[1], &made, &c->trouble);
		if (rc != VS_OK)
			trouble_hint(
			    &c->trouble, "name the folder to pull into");
	}
	if (rc == VS_OK)
		rc = join(c, vs_buf_str(&token), dir);
	if (rc != VS_OK && made)
		rmdir(dir); /* unless something is in it by now */
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	vs_buf_release(&token);
	return rc;
}

const struct verb verb_join = {
	.name = "join",
	.args = "TOKEN DIR",
	.summary = "become a member of a project, by an invite",
	.examples = "  vsync join - ~/FilmCopy < bob.invite\n"
		    "  vsync join TOKEN ~/FilmCopy --json\n",
	.text = "DIR is where `vsync pull` will put files; it is made where "
		"only its last part\nis missing.  An invite is a secret until "
		"it is used: with - it is asked for\nwithout echo, or read "
		"from standard input, and stays out of the shell's\nhistory.  "
		"No agent needs to run; one that runs follows the project at "
		"once.\n",
	.takes = OPT_JSON,
	.least = 2,
	.most = 2,
	.run = run,
};
