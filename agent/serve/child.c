#include "agent/serve/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "agent/serve/desk.h"
#include "agent/serve/fence.h"
#include "agent/serve/wire.h"
#include "common/base/log.h"
#include "common/crypto/sha256.h"
#include "common/net/httpd.h"

#define CONNECTIONS 256
#define ANSWER_MS (10 * 60 * 1000) /* for a chunk to be taken */
#define BODY_MAX 1 /* bytes: nobody has anything to send here */
#define ROOTS_MAX 10000

struct child {
	struct wire_message message;
	struct wire_setup setup;
	struct desk_root *roots;
	size_t nroots;
	bool stale; /* it was said */
	uv_loop_t loop;
	uv_poll_t wire;
	struct desk *desk;
	struct vs_httpd *httpd;
};

/* The agent is gone, or nothing can be said to it: so are we. */
static void child_leave(const struct vs_err *why)
{
	if (why != NULL)
		vs_log(VS_LOG_ERR, "serve: %s", why->msg);
	_exit(why != NULL ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Beginning. */

/* Nothing of the agent's stays open; no other user's process looks in. */
static int child_detach(struct vs_err *err)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)syscall(SYS_close_range, CHILD_LISTEN + 1, ~0U, 0);
	(void)fcntl(CHILD_WIRE, F_SETFD, FD_CLOEXEC);
	(void)fcntl(CHILD_LISTEN, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	/* a terminal's: the agent ends us itself */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return chdir("/") == 0 ? VS_OK : vs_err_errno(err, errno, "chdir");
}

static int root_add(
    struct child *c, const struct wire_root *r, struct vs_err *err)
{
	struct desk_root *more;

	if (c->nroots == ROOTS_MAX)
		return vs_err_set(err, VS_ELIMIT, "too many folders");
	more = realloc(c->roots, (c->nroots + 1) * sizeof(*more));
	if (more == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	c->roots = more;
	more += c->nroots++;
	more->project = strdup(r->project);
	more->path = strdup(r->path);
	if (more->project == NULL || more->path == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	return VS_OK;
}

/* 1 for more to come, 0 when all is known. */
static int setup_take(struct child *c, struct vs_err *err)
{
	const struct wire_message *m = &c->message;

	switch (m->type) {
	case WIRE_SETUP:
		c->setup = m->setup;
		return 1;
	case WIRE_ROOT:
		return root_add(c, &m->root, err) < 0 ? err->code : 1;
	case WIRE_GO:
		if (c->setup.device[0] != '\0')
			return 0;
		break;
	default:
		break;
	}
	return vs_err_set(err, VS_EPROTO, "not a beginning");
}

static int setup_read(struct child *c, struct vs_err *err)
{
	int rc = 1;

	while (rc == 1) {
		rc = wire_receive(CHILD_WIRE, &c->message, err);
		if (rc == 0)
			child_leave(NULL);
		if (rc == 1)
			rc = setup_take(c, err);
	}
	explicit_bzero(&c->message, sizeof(c->message));
	return rc;
}

static bool wire_is_there(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(CHILD_WIRE, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET;
}

/* The folders are held only until the fence stands: a disk that is not
   read from can be unmounted. */
static int child_fence(
    struct child *c, struct fence_report *out, struct vs_err *err)
{
	int *dirs = calloc(c->nroots + 1, sizeof(*dirs));
	size_t n = 0;
	int rc;

	if (dirs == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	for (size_t i = 0; i < c->nroots; i++) {
		int fd =
		    open(c->roots[i].path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			dirs[n++] = fd;
	}
	rc = fence_raise(dirs, n, out, err);
	while (n > 0)
		close(dirs[--n]);
	free(dirs);
	return rc;
}

/* Serving. */

static void child_say(struct child *c)
{
	struct vs_err err = VS_ERR_INIT;

	if (wire_send(CHILD_WIRE, &c->message, &err) < 0)
		child_leave(&err);
}

static int child_ask(void *arg, const struct wire_message *m)
{
	(void)arg;
	return wire_send(CHILD_WIRE, m, NULL);
}

static void child_stale(void *arg)
{
	struct child *c = arg;

	if (c->stale)
		return;
	c->stale = true;
	memset(&c->message, 0, sizeof(c->message));
	c->message.type = WIRE_STALE;
	child_say(c);
}

static void wire_ready(uv_poll_t *poll, int status, int events)
{
	struct child *c = poll->data;
	struct vs_err err = VS_ERR_INIT;
	int rc = 1;

	(void)status;
	(void)events;
	while (rc == 1) {
		rc = wire_receive(CHILD_WIRE, &c->message, &err);
		if (rc == 1 && c->message.type == WIRE_FOUND)
			desk_found(c->desk, &c->message.found);
	}
	if (rc == 0)
		child_leave(NULL);
	if (rc != VS_EAGAIN)
		child_leave(&err);
}

static int child_serve(struct child *c, struct vs_err *err)
{
	const struct desk_options desk = {
		.loop = &c->loop,
		.device = c->setup.device,
		.ticket_key = c->setup.ticket_key,
		.roots = c->roots,
		.nroots = c->nroots,
		.ask = child_ask,
		.stale = child_stale,
		.arg = c,
	};
	struct vs_httpd_options httpd = {
		.fd = CHILD_LISTEN,
		.max_body = BODY_MAX,
		.max_inflated = BODY_MAX,
		.connections = CONNECTIONS,
		.answer_ms = ANSWER_MS,
		.key_pem = c->setup.key_pem,
		.cert_pem = c->setup.cert_pem,
		.handle = desk_handle,
		.gone = desk_gone,
	};
	int rc = uv_loop_init(&c->loop);

	if (rc != 0)
		return vs_err_errno(err, -rc, "event loop");
	rc = desk_new(&c->desk, &desk, err);
	httpd.arg = c->desk;
	if (rc == VS_OK)
		rc = vs_httpd_new(&c->httpd, &c->loop, &httpd, err);
	explicit_bzero(c->setup.key_pem, sizeof(c->setup.key_pem));
	if (rc < 0)
		return rc;
	rc = uv_poll_init(&c->loop, &c->wire, CHILD_WIRE);
	c->wire.data = c;
	if (rc == 0)
		rc = uv_poll_start(
		    &c->wire, UV_READABLE | UV_DISCONNECT, wire_ready);
	return rc == 0 ? VS_OK : vs_err_errno(err, -rc, "event loop");
}

/* Libraries read their settings from files the first time they are used. */
static void libraries_wake(void)
{
	uint8_t sum[VS_SHA256_SIZE];

	vs_sha256("", 0, sum);
}

int child_run(struct vs_err *err)
{
	struct child *c;
	struct fence_report fence = { .landlock = 0 };
	int rc;

	if (!wire_is_there())
		return vs_err_set(err, VS_EINVAL,
		    "--serve is for the agent itself: it starts its chunk "
		    "server with it");
	rc = child_detach(err);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return vs_err_set(err, VS_ENOMEM, "serve: out of memory");
	if (rc == VS_OK)
		rc = setup_read(c, err);
	if (rc == VS_OK) {
		vs_log_setup((enum vs_log_level)c->setup.log_level,
		    (enum vs_log_format)c->setup.log_format);
		libraries_wake();
		rc = child_serve(c, err);
	}
	/* after all that opens files, before a stranger's first byte, and
	   before there is a second thread */
	if (rc == VS_OK)
		rc = child_fence(c, &fence, err);
	if (rc < 0)
		return vs_err_wrap(err, "chunk server");
	c->message.type = WIRE_READY;
	c->message.ready = (struct wire_ready){
		.landlock = fence.landlock,
		.seccomp = fence.seccomp,
		.roots = (int)c->nroots,
	};
	child_say(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	return vs_err_set(err, VS_EBUG, "chunk server: nothing to do");
}
