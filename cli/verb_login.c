/*
 * login: the token goes from the terminal or standard input to the agent and
 * is wiped here; it is on no command line and in no message.
 */
#include "cli/verb.h"

#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "common/base/json.h"

enum { TOKEN_MAX = 8192 };

/* The host of url as far as it says that it is this machine. */
static bool loopback(const char *host)
{
	size_t n = strcspn(host, ":/");

	return strncmp(host, "127.", 4) == 0 ||
	    strncmp(host, "[::1]", 5) == 0 ||
	    (n == 9 && strncmp(host, "localhost", 9) == 0);
}

static int check_url(struct call *c, const char *url)
{
	const char *host = NULL;
	bool plain = strncmp(url, "http://", 7) == 0;

	if (plain)
		host = url + 7;
	else if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	if (host == NULL || host[strcspn(host, "/?#")] == '?' ||
	    host[strcspn(host, "#")] == '#' || host[0] == '/' ||
	    host[0] == '\0') {
		trouble_usage(
		    &c->trouble, "login: not a server's URL: %s", url);
		trouble_hint(&c->trouble, "as in https://sync.example.org");
		return VS_EINVAL;
	}
	if (memchr(host, '@', strcspn(host, "/")) != NULL)
		return trouble_usage(&c->trouble,
		    "login: the URL has a user or a password in it");
	if (plain && !loopback(host)) {
		print_f(&c->note,
		    "vsync: warning: http:// sends the token unencrypted\n");
		print_flush(&c->note);
	}
	return VS_OK;
}

static json_t *request(const char *url, const char *token, const char *device)
{
	char host[256] = "";

	if (device == NULL && gethostname(host, sizeof(host) - 1) == 0)
		device = host;
	return json_pack("{s:s, s:s, s:s}", "url", url, "token", token,
	    "device", device != NULL && device[0] ? device : "unnamed");
}

static void tell(struct call *c, json_t *doc)
{
	json_t *user = json_object_get(doc, "user");
	const char *name = json_string_value(json_object_get(user, "name"));
	const char *server = json_string_value(json_object_get(doc, "server"));
	const char *device =
	    json_string_value(json_object_get(doc, "device_id"));

	if (call_json(c)) {
		call_print(c, doc);
		return;
	}
	print_f(&c->out, "logged in to ");
	print_text(&c->out, server != NULL ? server : c->args[0]);
	print_f(&c->out, " as ");
	print_name(&c->out, name != NULL ? name : "?");
	print_f(&c->out, ", device ");
	print_text(&c->out, device != NULL ? device : "?");
	print_f(&c->out, "\n");
}

static int run(struct call *c)
{
	struct vs_buf token;
	json_t *doc = NULL;
	int rc;

	vs_buf_init(&token, TOKEN_MAX);
	rc = check_url(c, c->args[0]);
	if (rc == VS_OK && call_client(c) == NULL)
		rc = c->trouble.err.code;
	if (rc == VS_OK)
		rc = ask_secret(&token, "Token: ", &c->intr, &c->trouble);
	if (rc == VS_OK)
		rc = call_attend(c, LAUNCH_IDLE);
	if (rc == VS_OK)
		rc = call_ask(c, "POST /v1/login",
		    request(c->args[0], vs_buf_str(&token), c->opt.device),
		    CALL_LONG_MS, &doc);
	if (rc == VS_OK)
		rc = call_leave(c);
	if (rc == VS_OK)
		tell(c, doc);
	json_decref(doc);
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	vs_buf_release(&token);
	return rc;
}

const struct verb verb_login = {
	.name = "login",
	.args = "URL",
	.summary = "store a server and a token, register this device",
	.examples = "  vsync login https://sync.example.org\n"
		    "  vsync login http://127.0.0.1:8765 < ada.token\n",
	.text = "The token is asked for on a terminal, without echo, or read "
		"from standard\ninput; it is never taken from the command "
		"line.  No agent needs to run.\n",
	.takes = OPT_DEVICE | OPT_JSON,
	.least = 1,
	.most = 1,
	.run = run,
};
