#include "agent/projects.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

/* A project that runs or is being stopped. */
struct slot {
	struct projects *home;
	struct project *project; /* NULL: being stopped */
	char *id;
	unsigned generation; /* of the account it was started with */
	struct slot *next;
};

struct projects {
	const struct project_host *host;
	struct projects_calls calls;
	struct slot *slots;
};

struct projects *projects_new(
    const struct project_host *host, const struct projects_calls *calls)
{
	struct projects *ps = calloc(1, sizeof(*ps));

	if (ps == NULL)
		return NULL;
	ps->host = host;
	ps->calls = *calls;
	return ps;
}

void projects_free(struct projects *ps)
{
	assert(ps == NULL || ps->slots == NULL);
	free(ps);
}

static void stopped(void *arg)
{
	struct slot *s = arg;
	struct projects *ps = s->home;
	struct slot **at = &ps->slots;

	assert(s->project == NULL);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s->id);
	free(s);
	ps->calls.stopped(ps->calls.arg);
}

static void stop(struct slot *s)
{
	struct project *p = s->project;

	assert(p != NULL);
	s->project = NULL;
	project_stop(p, stopped, s);
}

static bool exists(const struct projects *ps, const char *id)
{
	for (const struct slot *s = ps->slots; s != NULL; s = s->next)
		if (strcmp(s->id, id) == 0)
			return true;
	return false;
}

static void start(
    struct projects *ps, const struct config_project *c, unsigned generation)
{
	struct slot *s = calloc(1, sizeof(*s));
	struct vs_err err = VS_ERR_INIT;

	assert(!exists(ps, c->id));
	if (s != NULL)
		s->id = strdup(c->id);
	if (s == NULL || s->id == NULL) {
		vs_log(VS_LOG_ERR, "agent: project %s: out of memory", c->id);
		free(s);
		return;
	}
	s->home = ps;
	s->generation = generation;
	if (project_start(&s->project, ps->host, c, &err) < 0) {
		vs_log(VS_LOG_ERR, "agent: project %s: %s", c->id, err.msg);
		free(s->id);
		free(s);
		return;
	}
	s->next = ps->slots;
	ps->slots = s;
	ps->calls.started(ps->calls.arg, s->project);
}

static bool wanted(
    const struct slot *s, const struct config *config, unsigned generation)
{
	const struct config_project *c = config_find(config, s->id);

	return c != NULL && s->generation == generation &&
	    project_is(s->project, c);
}

void projects_apply(
    struct projects *ps, const struct config *config, unsigned generation)
{
	for (struct slot *s = ps->slots; s != NULL; s = s->next)
		if (s->project != NULL && !wanted(s, config, generation))
			stop(s);
	for (size_t i = 0; i < config->nprojects; i++)
		if (!exists(ps, config->projects[i].id))
			start(ps, &config->projects[i], generation);
}

void projects_stop(struct projects *ps)
{
	for (struct slot *s = ps->slots; s != NULL; s = s->next)
		if (s->project != NULL)
			stop(s);
}

struct project *projects_find(const struct projects *ps, const char *id)
{
	for (struct slot *s = ps->slots; s != NULL; s = s->next)
		if (s->project != NULL && strcmp(s->id, id) == 0)
			return s->project;
	return NULL;
}

size_t projects_count(const struct projects *ps)
{
	size_t n = 0;

	for (const struct slot *s = ps->slots; s != NULL; s = s->next)
		n += s->project != NULL ? 1 : 0;
	return n;
}

bool projects_settled(const struct projects *ps)
{
	for (const struct slot *s = ps->slots; s != NULL; s = s->next)
		if (s->project == NULL)
			return false;
	return true;
}

bool projects_none(const struct projects *ps)
{
	return ps->slots == NULL;
}
