#include "agent/member/fetch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/member/grant.h"
#include "agent/member/here.h"
#include "agent/member/reuse.h"
#include "agent/member/verify.h"
#include "common/base/text.h"

#define AGAIN_MS 2000 /* at least, before a file that changed is asked for */
#define QUEUE (MEMBER_FILES_MAX + MEMBER_WAITING + MEMBER_CHUNKS_MAX + 1)

bool fetch_answered(
    struct member *m, uint64_t id, const struct engine_answer *an)
{
	struct vs_err err = VS_ERR_INIT;

	for (int i = 0; i < m->files_max; i++) {
		struct member_active *a = &m->active[i];

		if (a->pull == NULL || a->ask_id != id || id == 0)
			continue;
		if (grant_answered(m, a, an, &err) < 0)
			member_core_fault(m, &err);
		return true;
	}
	return false;
}

/* What is on our disk survives; what is not counted is fetched again. */
static int make_durable(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	int rc;

	if (a->unsynced_count == 0)
		return 0;
	if (a->target->part_sync(a->target, a->pull->id, &why) < 0)
		return active_fail(
		    m, a, vs_control_exit(why.code), why.msg, err);
	for (int i = 0; i < a->unsynced_count; i++)
		pulls_mark(a->pull, a->unsynced[i]);
	a->unsynced_count = 0;
	rc = active_save(m, a->pull, err);
	if (rc < 0)
		return rc;
	active_moved(m, a);
	if (a->told_ms + MEMBER_TOLD_MS <= m->now.mono_ms) {
		a->told_ms = m->now.mono_ms;
		active_patch(m, a->pull, "in_progress");
	}
	return 0;
}

/* The part is there, with what was received before: 1 to go on. */
static int open_part(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	bool kept = false;
	int rc;

	if (a->opened)
		return 1;
	rc = a->target->check(a->target, &why);
	if (rc < 0)
		return active_again(m, a, MEMBER_ROOT_MS, why.msg, err);
	rc = a->target->part_open(
	    a->target, a->pull->id, a->pull->size, &kept, &why);
	if (rc < 0)
		return active_fail(
		    m, a, vs_control_exit(why.code), why.msg, err);
	if (!kept)
		pulls_clear(a->pull);
	a->opened = true;
	a->first = 0;
	return 1;
}

static bool is_under_way(const struct member_active *a, int64_t chunk)
{
	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++)
		if (a->chunks[i].id != 0 && a->chunks[i].chunk == chunk)
			return true;
	for (int i = 0; i < a->unsynced_count; i++)
		if (a->unsynced[i] == chunk)
			return true;
	return false;
}

/* The next chunk to fetch, -1 for none. */
static int64_t next_chunk(struct member_active *a)
{
	int64_t n = pulls_chunks(a->pull);

	while (a->first < n && pulls_has(a->pull, a->first))
		a->first++;
	for (int64_t i = a->first; i < n; i++)
		if (!pulls_has(a->pull, i) && !is_under_way(a, i))
			return i;
	return -1;
}

static int busy_chunks(const struct member_active *a)
{
	int n = 0;

	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++)
		n += a->chunks[i].id != 0;
	return n;
}

static int all_busy(const struct member *m)
{
	int n = active_strays(m);

	for (int i = 0; i < m->files_max; i++)
		n += busy_chunks(&m->active[i]);
	return n;
}

/* True if there is somebody to ask for a chunk, or a copy to take it of. */
static bool has_origin(const struct member_active *a)
{
	return a->endpoints != NULL || a->pull->source[0] != '\0';
}

static void start_chunk(
    struct member *m, struct member_active *a, int64_t chunk)
{
	const char *base =
	    json_string_value(json_array_get(a->endpoints, a->endpoint));
	char url[600];
	struct member_fetch f = {
		.url = url,
		.ticket = a->pull->ticket,
		.pin = a->pull->pin,
		.target = a->target,
		.part = a->pull->id,
		.off = chunk * PULLS_CHUNK,
		.len = pulls_chunk_len(a->pull, chunk),
		.is = &a->seen,
	};
	int i = 0;

	if (a->pull->source[0] != '\0')
		f.source = a->pull->source;
	while (a->chunks[i].id != 0)
		i++;
	assert(i < MEMBER_CHUNKS_MAX);
	snprintf(url, sizeof(url), "%s/v1/transfers/%s/chunks/%" PRId64,
	    base != NULL ? base : "", a->pull->transfer, chunk);
	a->chunks[i].id = f.id = ++m->serial;
	a->chunks[i].chunk = chunk;
	a->chunks[i].endpoint = a->endpoint;
	m->world.fetch(m->world.arg, &f);
}

static int fetching(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	int64_t chunk;
	int rc = open_part(m, a, err);

	if (rc <= 0)
		return rc;
	/* what only wanted its name has lost its part */
	if (!has_origin(a) && next_chunk(a) >= 0)
		return active_move(m, a, PULL_QUEUED, err);
	while (a->ask_id == 0 && busy_chunks(a) < MEMBER_CHUNKS_MAX &&
	    all_busy(m) < m->chunks_max && (chunk = next_chunk(a)) >= 0)
		start_chunk(m, a, chunk);
	if (a->unsynced_count >= MEMBER_UNSYNCED ||
	    (a->unsynced_count > 0 &&
		(a->sync_ms <= m->now.mono_ms || busy_chunks(a) == 0)))
		rc = make_durable(m, a, err);
	if (rc < 0 || a->pull == NULL)
		return rc < 0 ? rc : 0;
	if (a->ask_id == 0 && busy_chunks(a) == 0 && next_chunk(a) < 0 &&
	    a->unsynced_count == 0)
		return verify_begin(m, a, err);
	return 0;
}

/* Another address; when all were tried, a pause. */
static int next_endpoint(struct member *m, struct member_active *a,
    size_t endpoint, const char *why, struct vs_err *err)
{
	size_t n = json_array_size(a->endpoints);

	assert(n > 0);
	if (endpoint != a->endpoint)
		return 0; /* given up already, for another chunk's sake */
	a->failed++;
	a->endpoint = (a->endpoint + 1) % n;
	if (a->failed < 2 * n)
		return 0;
	return active_back_off(m, a, -1, why, err);
}

/* The ticket is not taken (any more); chunks of an older one say nothing. */
static int refused(struct member *m, struct member_active *a, uint64_t id,
    const char *why, struct vs_err *err)
{
	if (a->ask_id != 0 || id < a->granted)
		return 0;
	if (++a->refusals > MEMBER_REFUSALS)
		return active_back_off(m, a, AGAIN_MS, why, err);
	grant_renew(m, a);
	return 0;
}

static int chunk_failed(struct member *m, struct member_active *a,
    const struct member_chunk *c, const struct vs_err *why, struct vs_err *err)
{
	bool disk = why->code == VS_ENOSPC || why->code == VS_EROOT;

	if (a->pull->source[0] != '\0' && !disk)
		return reuse_give_up(m, a, err);
	switch (why->code) {
	case VS_EFORBIDDEN:
		return refused(m, a, c->id, why->msg, err);
	case VS_ECHANGED:
	case VS_ENOENT:
		return active_back_off(
		    m, a, AGAIN_MS, "it is changing at the owner's", err);
	case VS_EROOT:
		return active_again(m, a, MEMBER_ROOT_MS, why->msg, err);
	case VS_ENOSPC:
	case VS_EIO:
	case VS_EROFS:
	case VS_EACCES:
		return active_fail(
		    m, a, vs_control_exit(why->code), why->msg, err);
	case VS_ECANCELED:
		return 0;
	default:
		return next_endpoint(m, a, c->endpoint, why->msg, err);
	}
}

static struct member_chunk *find_chunk(
    struct member *m, uint64_t id, struct member_active **out)
{
	for (int i = 0; i < m->files_max; i++) {
		for (int j = 0; j < MEMBER_CHUNKS_MAX; j++) {
			*out = &m->active[i];
			if (id != 0 && m->active[i].chunks[j].id == id)
				return &m->active[i].chunks[j];
		}
	}
	return NULL;
}

static void chunk_came(struct member *m, struct member_active *a, int64_t chunk)
{
	const int most = (int)(sizeof(a->unsynced) / sizeof(a->unsynced[0]));

	if (a->unsynced_count == 0)
		a->sync_ms = m->now.mono_ms + MEMBER_SYNC_MS;
	assert(a->unsynced_count < most);
	if (a->unsynced_count < most)
		a->unsynced[a->unsynced_count++] = chunk;
	a->failed = 0;
	a->refusals = 0;
	vs_backoff_reset(&a->backoff);
}

void fetch_chunk_done(struct member *m, uint64_t id, int code, const char *why)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_err fault = { .code = code };
	struct member_active *a;
	struct member_chunk *c, was;

	if (active_landed(m, id))
		return;
	c = find_chunk(m, id, &a);
	if (c == NULL)
		return;
	assert(
	    a->pull->state == PULL_FETCHING || a->pull->state == PULL_QUEUED);
	was = *c;
	memset(c, 0, sizeof(*c));
	vs_text_copy(fault.msg, sizeof(fault.msg), why);
	if (code == VS_OK)
		chunk_came(m, a, was.chunk);
	else if (a->pull->state == PULL_FETCHING &&
	    chunk_failed(m, a, &was, &fault, &err) < 0)
		member_core_fault(m, &err);
}

void fetch_hash_done(struct member *m, uint64_t id, int code,
    const uint8_t sha256[VS_SHA256_SIZE])
{
	struct vs_err err = VS_ERR_INIT;

	for (int i = 0; i < m->files_max; i++) {
		struct member_active *a = &m->active[i];

		if (a->pull == NULL || a->hash_id != id || id == 0)
			continue;
		if (verify_hashed(m, a, code, sha256, &err) < 0)
			member_core_fault(m, &err);
		return;
	}
}

/* From what is here, or else from the owner's agent. */
static int begin(struct member *m, struct member_active *a, struct vs_err *err)
{
	int rc = grant_refresh(m, a, err);

	if (rc <= 0)
		return rc;
	rc = reuse_begin(m, a, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return grant_ask(m, a, err);
}

static int step_one(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	if (a->resumed)
		return verify_resume(m, a, err);
	if (a->retry_ms > m->now.mono_ms)
		return 0;
	switch (a->pull->state) {
	case PULL_QUEUED:
		if (busy_chunks(a) > 0 || a->ask_id != 0)
			return 0;
		return begin(m, a, err);
	case PULL_FETCHING:
		return fetching(m, a, err);
	default:
		return 0;
	}
}

static struct member_active *free_slot(struct member *m)
{
	for (int i = 0; i < m->files_max; i++)
		if (m->active[i].pull == NULL)
			return &m->active[i];
	return NULL;
}

/* Where a pull of the database goes on: what was under way is asked anew. */
static int adopt(void *arg, const char *id)
{
	struct member *m = arg;
	struct vs_err err = VS_ERR_INIT;
	struct member_active *a = free_slot(m);
	struct pull *p = NULL;

	if (active_find(m, id) != NULL || active_strayed(m, id))
		return 0;
	if (a == NULL)
		return VS_EBUSY;
	if (!active_ready(m, id, &a->backoff))
		return 0;
	if (pulls_get(&m->mirror, id, &p, &err) != 1)
		return err.code;
	a->pull = p;
	a->target = here_target(m, p->out);
	a->resumed = p->state == PULL_VERIFYING;
	if (!a->resumed)
		p->state = PULL_QUEUED;
	if (a->target != NULL)
		return 0;
	snprintf(p->error, sizeof(p->error),
	    "the folder it was to go to is not there");
	p->exit = VS_EXIT_NOT_FOUND;
	return active_move(m, a, PULL_FAILED, &err);
}

static int look_for_pulls(struct member *m, struct vs_err *err)
{
	int rc;

	if (active_wake(m))
		m->look_for_pulls = true;
	if (!m->look_for_pulls)
		return 0;
	m->look_for_pulls = false;
	rc = pulls_live(&m->mirror, QUEUE, adopt, m, err);
	return rc == VS_EBUSY ? 0 : rc;
}

static int64_t due_of(const struct member *m, const struct member_active *a)
{
	if (a->retry_ms > m->now.mono_ms)
		return a->retry_ms;
	return a->pull->state == PULL_FETCHING && a->unsynced_count > 0
	    ? a->sync_ms
	    : INT64_MAX;
}

int64_t fetch_step(struct member *m)
{
	struct vs_err err = VS_ERR_INIT;
	int64_t due;
	int rc;

	if (m->paused)
		return INT64_MAX;
	rc = look_for_pulls(m, &err);
	for (int i = 0; i < m->files_max && rc >= 0; i++)
		if (m->active[i].pull != NULL)
			rc = step_one(m, &m->active[i], &err);
	if (rc < 0) {
		member_core_fault(m, &err);
		return INT64_MAX;
	}
	due = active_due(m);
	for (int i = 0; i < m->files_max; i++)
		if (m->active[i].pull != NULL && due_of(m, &m->active[i]) < due)
			due = due_of(m, &m->active[i]);
	return m->look_for_pulls ? m->now.mono_ms : due;
}
