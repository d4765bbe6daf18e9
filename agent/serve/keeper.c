/*
 * A chunk server has two handles here, its process and our end of the
 * socket pair; they end together, and the next one starts only when both
 * are closed.  An answer to an ask of an earlier chunk server is dropped: the
 * generation is part of the id.
 */
#include "agent/serve/keeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/serve/child.h"
#include "common/base/log.h"
#include "common/net/backoff.h"
#include "common/os/clock.h"
#include "common/os/rand.h"

#define PROGRAM "/proc/self/exe"
#define ASKS_MAX 64 /* of one chunk server, not answered */
#define GOOD_MS 60000 /* one that lived this long was no failure */
#define STALE_MS 2000 /* between two starts at its own wish */

struct keeper {
	struct keeper_options o;
	struct wire_setup setup;
	struct wire_root *roots; /* none: nothing is served */
	size_t nroots;
	uv_timer_t again;
	struct vs_backoff backoff;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
	/* the chunk server there is */
	uv_process_t process;
	uv_poll_t poll;
	int fd; /* our end, -1: none */
	int handles; /* open: process, poll */
	bool alive;
	bool meant; /* its end is ours */
	uint32_t generation;
	size_t told; /* roots; SETUP before, GO after */
	bool greeted; /* SETUP was sent */
	bool gone; /* GO was sent */
	int asks; /* not answered */
	int64_t started_ms; /* mono */
	struct wire_message message;
};

static void keeper_start(struct keeper *k);

static void keeper_due(uv_timer_t *timer)
{
	keeper_start(timer->data);
}

static void keeper_ended(uv_handle_t *handle)
{
	struct keeper *k = handle->data;
	void (*closed)(void *arg) = k->closed;
	void *arg = k->closed_arg;

	explicit_bzero(&k->setup, sizeof(k->setup));
	free(k->roots);
	free(k);
	closed(arg);
}

/* No chunk server is there: the next one, if any, in ms. */
static void keeper_next(struct keeper *k, int64_t ms)
{
	assert(k->handles == 0 && !k->alive);
	if (k->closing)
		uv_close((uv_handle_t *)&k->again, keeper_ended);
	else if (k->nroots > 0)
		uv_timer_start(&k->again, keeper_due, (uint64_t)ms, 0);
}

static int64_t keeper_delay(struct keeper *k)
{
	int64_t lived = vs_clock_mono_ms() - k->started_ms;

	if (k->meant)
		return lived < STALE_MS ? STALE_MS - lived : 0;
	if (lived >= GOOD_MS)
		vs_backoff_reset(&k->backoff);
	return vs_backoff_next(&k->backoff, vs_rand_os(), -1);
}

static void handle_closed(uv_handle_t *handle)
{
	struct keeper *k = handle->data;

	assert(k->handles > 0);
	if (--k->handles == 0)
		keeper_next(k, keeper_delay(k));
}

/* SIGKILL: it has nothing to put in order, and may be beyond asking. */
static void keeper_kill(struct keeper *k, bool meant)
{
	if (!k->alive)
		return;
	k->meant = k->meant || meant;
	(void)uv_process_kill(&k->process, SIGKILL);
}

static void poll_close(struct keeper *k)
{
	if (k->fd < 0)
		return;
	uv_poll_stop(&k->poll);
	close(k->fd);
	k->fd = -1;
	uv_close((uv_handle_t *)&k->poll, handle_closed);
}

static void process_exited(uv_process_t *process, int64_t status, int number)
{
	struct keeper *k = process->data;

	k->alive = false;
	if (!k->meant)
		vs_log(VS_LOG_WARN,
		    "serve: the chunk server ended by itself (exit %lld, "
		    "signal %d): it is started again",
		    (long long)status, number);
	poll_close(k);
	uv_close((uv_handle_t *)process, handle_closed);
}

/* Something is wrong with it. */
static void keeper_fail(struct keeper *k, const struct vs_err *err)
{
	vs_log(VS_LOG_WARN, "serve: %s", err->msg);
	poll_close(k);
	keeper_kill(k, false);
}

/* What is said. */

static int message_next(struct keeper *k, struct vs_err *err)
{
	struct wire_message *m = &k->message;

	memset(m, 0, sizeof(*m));
	if (!k->greeted) {
		m->type = WIRE_SETUP;
		m->setup = k->setup;
	} else if (k->told < k->nroots) {
		m->type = WIRE_ROOT;
		m->root = k->roots[k->told];
	} else {
		m->type = WIRE_GO;
	}
	return wire_send(k->fd, m, err);
}

static void keeper_tell(struct keeper *k)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = VS_OK;

	while (!k->gone && rc == VS_OK) {
		rc = message_next(k, &err);
		if (rc < 0)
			break;
		if (!k->greeted)
			k->greeted = true;
		else if (k->told < k->nroots)
			k->told++;
		else
			k->gone = true;
	}
	explicit_bzero(&k->message, sizeof(k->message));
	if (rc < 0 && rc != VS_EAGAIN)
		keeper_fail(k, &err);
}

void keeper_found(struct keeper *k, uint64_t id, const struct wire_found *f)
{
	struct vs_err err = VS_ERR_INIT;

	if (id >> 32 != k->generation || k->fd < 0)
		return;
	assert(k->asks > 0);
	k->asks--;
	memset(&k->message, 0, sizeof(k->message));
	k->message.type = WIRE_FOUND;
	k->message.found = *f;
	k->message.found.id = (uint32_t)id;
	if (wire_send(k->fd, &k->message, &err) < 0)
		keeper_fail(k, &err);
}

/* What is heard. */

static void keeper_ready(const struct wire_ready *r)
{
	if (r->landlock == 0 || !r->seccomp)
		vs_log(VS_LOG_WARN,
		    "serve: the chunk server runs with less of a fence: "
		    "%s%s%s not to be had here",
		    r->landlock == 0 ? "Landlock" : "",
		    r->landlock == 0 && !r->seccomp ? " and " : "",
		    r->seccomp ? "" : "seccomp");
	vs_log(VS_LOG_INFO,
	    "serve: chunk server started: %d folders, Landlock ABI %d%s",
	    r->roots, r->landlock, r->seccomp ? ", seccomp" : "");
}

static int keeper_hear(struct keeper *k, struct vs_err *err)
{
	const struct wire_message *m = &k->message;
	uint64_t id = (uint64_t)k->generation << 32 | m->ask.id;

	switch (m->type) {
	case WIRE_READY:
		keeper_ready(&m->ready);
		return VS_OK;
	case WIRE_ASK:
		if (k->asks == ASKS_MAX)
			return vs_err_set(
			    err, VS_ELIMIT, "the chunk server asks too much");
		k->asks++;
		/* the answer may overwrite the message: ask copies first */
		k->o.ask(k->o.arg, id, m->ask.project, m->ask.path);
		return VS_OK;
	case WIRE_STALE:
		vs_log(VS_LOG_INFO,
		    "serve: a folder was mounted anew: starting again");
		keeper_kill(k, true);
		return VS_OK;
	default:
		return vs_err_set(
		    err, VS_EPROTO, "the chunk server said what it may not");
	}
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
	struct keeper *k = poll->data;
	struct vs_err err = VS_ERR_INIT;
	int rc = 1;

	(void)status;
	if ((events & UV_WRITABLE) != 0 && k->fd >= 0) {
		keeper_tell(k);
		if (k->gone && k->fd >= 0)
			uv_poll_start(poll, UV_READABLE, poll_ready);
	}
	while (rc == 1 && k->fd >= 0) {
		rc = wire_receive(k->fd, &k->message, &err);
		if (rc == 1 && keeper_hear(k, &err) < 0)
			rc = err.code;
	}
	if (rc == 0) {
		/* its process has ended, or soon will have */
		poll_close(k);
		keeper_kill(k, false);
	} else if (rc < 0 && rc != VS_EAGAIN && k->fd >= 0) {
		keeper_fail(k, &err);
	}
}

/* Starting one. */

static int process_spawn(struct keeper *k, int end, struct vs_err *err)
{
	char name[] = "vsync-agent";
	char option[] = "--serve";
	char *args[] = { name, option, NULL };
	char *none[] = { NULL, NULL }; /* tokens may stand in ours */
#ifdef VS_TEST_HOOKS
	char flip[] = "VSYNC_TEST_FLIP=1";
#endif
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		[CHILD_WIRE] = { .flags = UV_INHERIT_FD, .data.fd = end },
		[CHILD_LISTEN] = { .flags = UV_INHERIT_FD,
		    .data.fd = k->o.listen },
	};
	const uv_process_options_t options = {
		.exit_cb = process_exited,
		.file = PROGRAM,
		.args = args,
		.env = none,
		.stdio = stdio,
		.stdio_count = sizeof(stdio) / sizeof(stdio[0]),
	};
	int rc;

#ifdef VS_TEST_HOOKS
	if (getenv("VSYNC_TEST_FLIP") != NULL)
		none[0] = flip;
#endif
	k->process.data = k;
	rc = uv_spawn(k->o.loop, &k->process, &options);
	k->handles++;
	if (rc != 0) {
		/* a handle even when it failed */
		uv_close((uv_handle_t *)&k->process, handle_closed);
		return vs_err_errno(err, -rc, "start the chunk server");
	}
	k->alive = true;
	return VS_OK;
}

static int keeper_spawn(struct keeper *k, struct vs_err *err)
{
	int ends[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return vs_err_errno(err, errno, "socket pair");
	rc = uv_poll_init(k->o.loop, &k->poll, ends[0]);
	if (rc != 0) {
		close(ends[0]);
		close(ends[1]);
		return vs_err_errno(err, -rc, "socket pair on the loop");
	}
	k->fd = ends[0];
	k->poll.data = k;
	k->handles++;
	rc = process_spawn(k, ends[1], err);
	close(ends[1]);
	if (rc < 0) {
		poll_close(k);
		return rc;
	}
	rc = uv_poll_start(&k->poll, UV_READABLE | UV_WRITABLE, poll_ready);
	return rc == 0 ? VS_OK : vs_err_errno(err, -rc, "socket pair");
}

static void keeper_start(struct keeper *k)
{
	struct vs_err err = VS_ERR_INIT;

	assert(k->handles == 0 && !k->alive && !k->closing && k->nroots > 0);
	k->generation++;
	k->meant = k->greeted = k->gone = false;
	k->told = 0;
	k->asks = 0;
	k->started_ms = vs_clock_mono_ms();
	if (keeper_spawn(k, &err) == VS_OK)
		return;
	vs_log(VS_LOG_WARN, "serve: %s", err.msg);
	if (k->handles == 0)
		keeper_next(k, keeper_delay(k));
	else
		keeper_kill(k, false);
}

int keeper_new(
    struct keeper **out, const struct keeper_options *o, struct vs_err *err)
{
	struct keeper *k = calloc(1, sizeof(*k));

	assert(o->loop != NULL && o->listen >= 0 && o->ask != NULL);
	if (k == NULL)
		return vs_err_set(err, VS_ENOMEM, "serve: out of memory");
	k->o = *o;
	k->fd = -1;
	uv_timer_init(o->loop, &k->again);
	k->again.data = k;
	*out = k;
	return VS_OK;
}

/* Fills out, whose unused bytes are 0, so that two can be compared. */
static int setup_make(struct wire_setup *out, const struct keeper_setup *s)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->ticket_key, s->ticket_key, sizeof(out->ticket_key));
	out->log_level = s->log_level;
	out->log_format = s->log_format;
	if (!wire_text(out->key_pem, sizeof(out->key_pem), s->key_pem) ||
	    !wire_text(out->cert_pem, sizeof(out->cert_pem), s->cert_pem) ||
	    !wire_text(out->device, sizeof(out->device), s->device))
		return VS_ELIMIT;
	return VS_OK;
}

/* True if these are others than those that hold. */
static bool setup_differs(const struct keeper *k,
    const struct wire_setup *setup, const struct wire_root *roots, size_t n)
{
	if (n != k->nroots)
		return true;
	return n > 0 &&
	    (memcmp(&k->setup, setup, sizeof(*setup)) != 0 ||
		memcmp(k->roots, roots, n * sizeof(*roots)) != 0);
}

/* What runs is of yesterday. */
static void keeper_renew(struct keeper *k)
{
	uv_timer_stop(&k->again);
	vs_backoff_reset(&k->backoff);
	if (k->alive) {
		/* so that it is not waited for */
		k->started_ms -= STALE_MS;
		keeper_kill(k, true);
	} else if (k->handles == 0) {
		keeper_next(k, 0);
	}
}

int keeper_set(
    struct keeper *k, const struct keeper_setup *s, struct vs_err *err)
{
	struct wire_setup setup = { .device = "" };
	size_t n = s != NULL ? s->nroots : 0;
	struct wire_root *roots = NULL;
	int rc = VS_OK;

	assert(!k->closing);
	if (n > 0) {
		rc = setup_make(&setup, s);
		roots = calloc(n, sizeof(*roots));
	}
	if (rc == VS_OK && n > 0 && roots == NULL)
		rc = VS_ENOMEM;
	if (rc < 0)
		n = 0;
	else if (n > 0)
		memcpy(roots, s->roots, n * sizeof(*roots));
	if (setup_differs(k, &setup, roots, n)) {
		free(k->roots);
		k->roots = roots;
		k->nroots = n;
		k->setup = setup;
		roots = NULL;
		keeper_renew(k);
	}
	free(roots);
	explicit_bzero(&setup, sizeof(setup));
	return rc < 0 ? vs_err_set(err, rc, "chunk server: %s", vs_err_text(rc))
		      : VS_OK;
}

void keeper_close(struct keeper *k, void (*closed)(void *arg), void *arg)
{
	assert(!k->closing && closed != NULL);
	k->closing = true;
	k->closed = closed;
	k->closed_arg = arg;
	uv_timer_stop(&k->again);
	keeper_kill(k, true);
	if (k->handles == 0)
		keeper_next(k, 0);
}
