#include "agent/sharing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/presence.h"
#include "agent/serve/keeper.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/path.h"
#include "common/os/sock.h"

#define LOOK_MS 60000 /* between looks at the interfaces, for a socket */
#define ANYWHERE ":0"

struct sharing {
	struct agent *agent;
	struct presence *presence;
	struct keeper *keeper; /* NULL: not listening */
	bool unlistening; /* the keeper is being closed */
	int listen; /* descriptor, -1: none */
	int port; /* of it */
	char *address; /* it was opened for */
	unsigned generation; /* of the account that presence spoke for */
	uv_timer_t look;
	bool stopping;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* Lookups: chunk server -> loop -> engine -> loop -> chunk server. */

struct lookup {
	struct project_call call; /* first */
	struct sharing *sharing;
	uint64_t id;
	struct engine_lookup found;
	char path[VS_PATH_MAX + 1];
};

static void lookup_answer(
    struct sharing *s, uint64_t id, int code, const struct engine_lookup *l)
{
	struct wire_found f = { .code = code };

	if (code == VS_OK) {
		memcpy(f.hash, l->hash, sizeof(f.hash));
		f.size = l->stat.size;
		f.mtime_ns = l->stat.mtime_ns;
		f.ctime_ns = l->stat.ctime_ns;
		f.ino = l->stat.ino;
		f.root_dev = l->root_dev;
		f.root_ino = l->root_ino;
	}
	if (s->keeper != NULL)
		keeper_found(s->keeper, id, &f);
}

static void lookup_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct lookup *l = (struct lookup *)c;

	(void)now;
	engine_lookup(e, l->path, &l->found, &c->err);
	project_return(c);
}

static void lookup_done(struct project_call *c)
{
	struct lookup *l = (struct lookup *)c;

	lookup_answer(l->sharing, l->id, c->err.code, &l->found);
	free(l);
}

static void sharing_asked(
    void *arg, uint64_t id, const char *project, const char *path)
{
	struct sharing *s = arg;
	const struct config_project *c =
	    config_find(agent_config(s->agent), project);
	struct project *p = agent_project(s->agent, project);
	struct lookup *l;

	if (c == NULL || c->member || strcmp(c->id, project) != 0 ||
	    vs_path_check(path, strlen(path)) != VS_PATH_GOOD) {
		lookup_answer(s, id, VS_ENOENT, NULL);
		return;
	}
	/* it is being started anew, or waits for a login */
	if (p == NULL || project_is_member(p)) {
		lookup_answer(s, id, VS_EAGAIN, NULL);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		lookup_answer(s, id, VS_ENOMEM, NULL);
		return;
	}
	l->call.run = lookup_run;
	l->call.done = lookup_done;
	l->sharing = s;
	l->id = id;
	memcpy(l->path, path, strlen(path) + 1);
	project_call(p, &l->call);
}

/* The chunk server. */

/* The folders that are ours, whether they run at this moment or not. */
static size_t roots_fill(const struct config *c, struct wire_root *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nprojects; i++) {
		const struct config_project *p = &c->projects[i];

		if (!p->member &&
		    wire_text(out[n].project, sizeof(out[n].project), p->id) &&
		    wire_text(out[n].path, sizeof(out[n].path), p->root))
			n++;
	}
	return n;
}

static int keeper_tell(struct sharing *s, const struct wire_root *roots,
    size_t nroots, struct vs_err *err)
{
	const struct account *a = agent_account(s->agent);
	const struct vs_key *key = agent_key(s->agent);
	uint8_t ticket_key[VS_TICKET_KEY];
	struct keeper_setup setup = {
		.key_pem = key->key_pem,
		.cert_pem = key->cert_pem,
		.device = a->device_id,
		.ticket_key = ticket_key,
		.roots = roots,
		.nroots = nroots,
		.log_level = (int)agent_log_level(s->agent),
		.log_format = (int)agent_log_format(s->agent),
	};
	int rc;

	if (vs_hex_decode(ticket_key, sizeof(ticket_key), a->ticket_key) < 0)
		return vs_err_set(err, VS_ECONFIG, "no key for tickets");
	rc = keeper_set(s->keeper, &setup, err);
	explicit_bzero(ticket_key, sizeof(ticket_key));
	return rc;
}

static void sharing_ended(struct sharing *s)
{
	s->stopped(s->stopped_arg);
}

static void keeper_closed(void *arg)
{
	struct sharing *s = arg;

	close(s->listen);
	free(s->address);
	s->listen = -1;
	s->address = NULL;
	s->keeper = NULL;
	s->unlistening = false;
	if (s->stopping)
		sharing_ended(s);
	else
		sharing_apply(s);
}

static void sharing_unlisten(struct sharing *s)
{
	assert(!s->unlistening);
	s->unlistening = true;
	keeper_close(s->keeper, keeper_closed, s);
}

static int sharing_listen(
    struct sharing *s, const char *address, struct vs_err *err)
{
	struct keeper_options o = {
		.loop = agent_loop(s->agent),
		.ask = sharing_asked,
		.arg = s,
	};
	int rc;

	s->address = strdup(address);
	if (s->address == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	rc = s->listen = vs_sock_listen_tcp(address, &s->port, err);
	if (rc >= 0) {
		o.listen = s->listen;
		rc = keeper_new(&s->keeper, &o, err);
	}
	if (rc < 0) {
		if (s->listen >= 0)
			close(s->listen);
		s->listen = -1;
		free(s->address);
		s->address = NULL;
		return rc;
	}
	vs_log(VS_LOG_INFO, "serve: listening on port %d", s->port);
	return VS_OK;
}

/* Where we are reached, to the cloud. */
static void addresses_tell(struct sharing *s)
{
	const struct config *c = agent_config(s->agent);
	unsigned generation = agent_generation(s->agent);
	struct address_list l = { .count = 0 };
	struct vs_err err = VS_ERR_INIT;
	int rc = VS_OK;

	if (s->keeper != NULL && c->advertise != NULL)
		rc = address_advertised(&l, c->advertise, s->port);
	else if (s->keeper != NULL)
		rc = address_collect(&l, s->listen,
		    c->url != NULL && address_is_local(c->url), &err);
	if (rc < 0)
		vs_log(VS_LOG_WARN, "serve: %s", err.msg);
	presence_set(s->presence, &l, generation != s->generation);
	s->generation = generation;
}

/* What is needed to serve anybody. */
static bool sharing_can(const struct sharing *s)
{
	const struct config *c = agent_config(s->agent);
	const struct account *a = agent_account(s->agent);

	return agent_key(s->agent)->pin[0] != '\0' && a->device_id[0] != '\0' &&
	    a->ticket_key[0] != '\0' &&
	    (c->listen == NULL || strcmp(c->listen, "off") != 0);
}

static int sharing_serve(struct sharing *s, struct vs_err *err)
{
	const struct config *c = agent_config(s->agent);
	const char *address = c->listen != NULL ? c->listen : ANYWHERE;
	struct wire_root *roots = calloc(c->nprojects + 1, sizeof(*roots));
	size_t n = 0;
	int rc = VS_OK;

	if (roots == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	if (sharing_can(s))
		n = roots_fill(c, roots);
	if (s->keeper != NULL && (n == 0 || strcmp(address, s->address) != 0))
		sharing_unlisten(s);
	else if (n > 0 && s->keeper == NULL)
		rc = sharing_listen(s, address, err);
	if (rc == VS_OK && s->keeper != NULL && !s->unlistening)
		rc = keeper_tell(s, roots, n, err);
	free(roots);
	return rc;
}

void sharing_apply(struct sharing *s)
{
	struct vs_err err = VS_ERR_INIT;

	/* the end of what is being closed comes here again */
	if (s->stopping || s->unlistening)
		return;
	if (sharing_serve(s, &err) < 0)
		vs_log(VS_LOG_WARN, "serve: members cannot fetch from here: %s",
		    err.msg);
	if (!s->unlistening)
		addresses_tell(s);
}

/* Interfaces come and go, ports become free. */
static void look_due(uv_timer_t *timer)
{
	sharing_apply(timer->data);
}

int sharing_new(struct sharing **out, struct agent *a, struct vs_err *err)
{
	struct sharing *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return vs_err_set(err, VS_ENOMEM, "sharing: out of memory");
	s->agent = a;
	s->listen = -1;
	rc = presence_new(&s->presence, a, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	uv_timer_init(agent_loop(a), &s->look);
	s->look.data = s;
	if (!agent_idle(a))
		uv_timer_start(&s->look, look_due, LOOK_MS, LOOK_MS);
	*out = s;
	return VS_OK;
}

static void look_closed(uv_handle_t *handle)
{
	struct sharing *s = handle->data;

	if (s->keeper == NULL)
		sharing_ended(s);
	else if (!s->unlistening)
		sharing_unlisten(s);
}

static void presence_closed(void *arg)
{
	struct sharing *s = arg;

	uv_close((uv_handle_t *)&s->look, look_closed);
}

void sharing_stop(struct sharing *s, void (*stopped)(void *arg), void *arg)
{
	assert(!s->stopping && stopped != NULL);
	s->stopping = true;
	s->stopped = stopped;
	s->stopped_arg = arg;
	presence_stop(s->presence, presence_closed, s);
}

void sharing_free(struct sharing *s)
{
	if (s == NULL)
		return;
	assert(s->stopping && s->keeper == NULL);
	presence_free(s->presence);
	free(s);
}
