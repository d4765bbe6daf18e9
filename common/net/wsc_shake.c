/* RFC 6455, 4.1: what a client says, and what it has to hear. */
#include <assert.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/net/wsc_priv.h"

#define SHAKE_FIELD 256 /* bytes of a field's value that is looked at */

/* The parts of a URL that a request names. */
struct shake_url {
	char *scheme;
	char *host;
	char *port; /* NULL: the scheme's */
	char *path;
	char *query; /* NULL: none */
};

static void shake_url_release(struct shake_url *u)
{
	curl_free(u->scheme);
	curl_free(u->host);
	curl_free(u->port);
	curl_free(u->path);
	curl_free(u->query);
}

static int shake_url_parse(
    struct shake_url *u, const char *url, struct vs_err *err)
{
	CURLU *h = curl_url();
	CURLUcode rc;

	memset(u, 0, sizeof(*u));
	if (h == NULL)
		return vs_err_set(err, VS_ENOMEM, "parse a URL");
	rc = curl_url_set(h, CURLUPART_URL, url, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(h, CURLUPART_SCHEME, &u->scheme, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(h, CURLUPART_HOST, &u->host, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(h, CURLUPART_PATH, &u->path, 0);
	if (rc == CURLUE_OK) {
		curl_url_get(h, CURLUPART_PORT, &u->port, 0);
		curl_url_get(h, CURLUPART_QUERY, &u->query, 0);
	}
	curl_url_cleanup(h);
	if (rc != CURLUE_OK)
		return vs_err_set(
		    err, VS_EINVAL, "URL: %s", curl_url_strerror(rc));
	if (strcmp(u->scheme, "http") != 0 && strcmp(u->scheme, "https") != 0)
		return vs_err_set(
		    err, VS_EINVAL, "URL: must begin with http:// or https://");
	return VS_OK;
}

/* Nothing in it may begin another line or another word. */
static bool shake_is_word(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	}
	return true;
}

static void shake_add(struct vs_buf *b, const struct shake_url *u,
    const char *bearer, const char *key)
{
	vs_buf_addf(b, "GET %s", u->path);
	if (u->query != NULL)
		vs_buf_addf(b, "?%s", u->query);
	vs_buf_addf(b, " HTTP/1.1\r\nHost: %s", u->host);
	if (u->port != NULL)
		vs_buf_addf(b, ":%s", u->port);
	vs_buf_addf(b,
	    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
	    "User-Agent: vsync\r\n",
	    key);
	if (bearer != NULL)
		vs_buf_addf(b, "Authorization: Bearer %s\r\n", bearer);
	vs_buf_addstr(b, "\r\n");
}

int vs_wsc_request(struct vs_buf *b, const struct vs_wsc_options *o,
    const char key[WSC_KEY], struct vs_err *err)
{
	struct shake_url u;
	int rc = shake_url_parse(&u, o->url, err);

	if (rc == VS_OK &&
	    (!shake_is_word(u.path) || !shake_is_word(u.host) ||
		(u.query != NULL && !shake_is_word(u.query))))
		rc = vs_err_set(err, VS_EINVAL, "URL: bad character");
	if (rc == VS_OK && o->bearer != NULL && !shake_is_word(o->bearer))
		rc = vs_err_set(err, VS_EINVAL, "token: bad character");
	if (rc == VS_OK) {
		shake_add(b, &u, o->bearer, key);
		rc = vs_buf_error(b);
		if (rc < 0)
			vs_err_set(err, rc, "request: %s", vs_err_text(rc));
	}
	shake_url_release(&u);
	return rc;
}

/* Status of "HTTP/1.1 101 ...", or 0. */
static int shake_status(const char *head)
{
	const char *s = head + strlen("HTTP/1.");

	if (strncmp(head, "HTTP/1.", strlen("HTTP/1.")) != 0 ||
	    strspn(s, "01") != 1 || s[1] != ' ' ||
	    strspn(s + 2, "0123456789") != 3)
		return 0;
	return (s[2] - '0') * 100 + (s[3] - '0') * 10 + (s[4] - '0');
}

static int shake_refused(int status, struct vs_err *err)
{
	int code = VS_EPROTO;

	if (status == 401)
		code = VS_EAUTH;
	else if (status == 403)
		code = VS_EFORBIDDEN;
	else if (status == 404)
		code = VS_ENOENT;
	else if (status == 408 || status == 429 || status >= 500)
		code = VS_ENET;
	return vs_err_set(
	    err, code, "the server answered with status %d", status);
}

/*
 * The value of a field, trimmed, to out; how often it is there.  -1 when it
 * is too long to be looked at.
 */
static int shake_field(
    const char *head, const char *name, char out[SHAKE_FIELD])
{
	size_t len = strlen(name);
	int times = 0;

	out[0] = '\0';
	for (const char *s = strstr(head, "\r\n"); s != NULL;
	     s = strstr(s, "\r\n")) {
		size_t n;

		s += 2;
		if (strncasecmp(s, name, len) != 0 || s[len] != ':')
			continue;
		s += len + 1;
		s += strspn(s, " \t");
		n = strcspn(s, "\r\n");
		while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
			n--;
		if (n >= SHAKE_FIELD)
			return -1;
		memcpy(out, s, n);
		out[n] = '\0';
		times++;
	}
	return times;
}

/* True if the list "a, B" has the token, whatever its case. */
static bool shake_has_token(const char *list, const char *token)
{
	size_t len = strlen(token);

	while (*list != '\0') {
		list += strspn(list, ", \t");
		if (strncasecmp(list, token, len) == 0 &&
		    strchr(", \t", list[len]) != NULL)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

int vs_wsc_reply(
    const char *head, size_t len, const char key[WSC_KEY], struct vs_err *err)
{
	const char *flaw = NULL;
	char value[SHAKE_FIELD];
	char accept[29];
	int status;
	int rc = vs_ws_accept(key, accept);

	assert(rc == VS_OK && head[len] == '\0');
	if (rc < 0)
		return vs_err_set(err, rc, "handshake: %s", vs_err_text(rc));
	status = strlen(head) == len ? shake_status(head) : 0;
	if (status == 0)
		return vs_err_set(
		    err, VS_EPROTO, "the server does not speak HTTP");
	if (status != 101)
		return shake_refused(status, err);
	if (shake_field(head, "Upgrade", value) != 1 ||
	    strcasecmp(value, "websocket") != 0)
		flaw = "Upgrade";
	else if (shake_field(head, "Connection", value) < 1 ||
	    !shake_has_token(value, "upgrade"))
		flaw = "Connection";
	else if (shake_field(head, "Sec-WebSocket-Accept", value) != 1 ||
	    strcmp(value, accept) != 0)
		flaw = "Sec-WebSocket-Accept";
	else if (shake_field(head, "Sec-WebSocket-Extensions", value) != 0)
		flaw = "Sec-WebSocket-Extensions";
	else if (shake_field(head, "Sec-WebSocket-Protocol", value) != 0)
		flaw = "Sec-WebSocket-Protocol";
	if (flaw != NULL)
		return vs_err_set(
		    err, VS_EPROTO, "handshake: %s is not as asked", flaw);
	return VS_OK;
}
