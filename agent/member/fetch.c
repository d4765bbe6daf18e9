#include "agent/member/fetch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/here.h"
#include "agent/publish/verdict.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/path.h"

#define AGAIN_MS 2000 /* before a file that changed is asked for again */

static void tell(struct member *m, const struct pull *p)
{
	struct member_event e = {
		.news = MEMBER_PULL,
		.path = p->path,
		.text = pulls_state_name(p->state),
		.pull = p->id,
		.size = p->size,
		.n = p->bytes,
	};

	m->world.tell(m->world.arg, &e);
}

static void release(struct member_active *a)
{
	pulls_free(a->pull);
	json_decref(a->endpoints);
	memset(a, 0, sizeof(*a));
}

void fetch_drop(struct member *m)
{
	for (int i = 0; i < MEMBER_FILES_MAX; i++)
		release(&m->active[i]);
	m->look_for_pulls = true;
}

struct member_active *fetch_find(struct member *m, const char *id)
{
	for (int i = 0; i < m->files_max; i++)
		if (m->active[i].pull != NULL &&
		    strcmp(m->active[i].pull->id, id) == 0)
			return &m->active[i];
	return NULL;
}

/* Writes the pull as it is now; a transaction of its own. */
static int save(struct member *m, const struct pull *p, struct vs_err *err)
{
	int rc = vs_db_begin(m->mirror.db, err);

	if (rc < 0)
		return rc;
	rc = pulls_put(&m->mirror, p, m->now.wall_ms, err);
	if (rc == 0)
		return member_core_commit(m, err);
	vs_db_rollback(m->mirror.db);
	return rc;
}

static int move(struct member *m, struct member_active *a, enum pull_state to,
    struct vs_err *err)
{
	struct pull *p = a->pull;
	int rc;

	assert(pulls_move(p->state, to));
	p->state = to;
	if (to >= PULL_DONE)
		p->ended_ms = m->now.wall_ms;
	rc = save(m, p, err);
	if (rc < 0)
		return rc;
	tell(m, p);
	if (to >= PULL_DONE) {
		release(a);
		m->look_for_pulls = true;
	}
	return 0;
}

/* Tells the cloud how a transfer stands; nobody waits for its answer. */
static void patch(struct member *m, const struct pull *p, const char *status)
{
	char path[160];
	char body[128];

	if (p->transfer[0] == '\0')
		return;
	snprintf(path, sizeof(path), "/api/projects/%s/transfers/%s",
	    m->project_id, p->transfer);
	snprintf(body, sizeof(body),
	    "{\"status\":\"%s\",\"bytes_transferred\":%" PRId64 "}", status,
	    p->bytes);
	member_core_send(m, "PATCH", path, body, 65536);
}

/* The end of a pull that did not succeed. */
static int fail(struct member *m, struct member_active *a, const char *why,
    struct vs_err *err)
{
	struct pull *p = a->pull;

	snprintf(p->error, sizeof(p->error), "%s", why);
	if (a->opened)
		a->target->part_drop(a->target, p->id);
	patch(m, p, "failed");
	return move(m, a, PULL_FAILED, err);
}

/* Back to the queue for a while. */
static int again(struct member *m, struct member_active *a, int64_t ms,
    const char *why, struct vs_err *err)
{
	snprintf(a->pull->error, sizeof(a->pull->error), "%s", why);
	a->retry_ms = m->now.mono_ms + ms;
	if (a->pull->state == PULL_QUEUED)
		return 0;
	return move(m, a, PULL_QUEUED, err);
}

static int back_off(struct member *m, struct member_active *a,
    int64_t retry_after, const char *why, struct vs_err *err)
{
	return again(m, a,
	    vs_backoff_next(&a->backoff, m->world.rand, retry_after), why, err);
}

int fetch_cancel(struct member *m, struct member_active *a, struct vs_err *err)
{
	if (a->opened)
		a->target->part_drop(a->target, a->pull->id);
	patch(m, a->pull, "cancelled");
	return move(m, a, PULL_CANCELLED, err);
}

/* What is wanted may have changed since it was queued: 1 to go on. */
static int refresh(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct mirror_row *row = malloc(sizeof(*row));
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	rc = mirror_get(&m->mirror, p->path, row, err);
	if (rc == 0) {
		rc = fail(m, a, "it is not in the project any more", err);
		goto out;
	}
	if (rc < 0)
		goto out;
	if (strcmp(row->hash, p->hash) != 0 || row->size != p->size) {
		struct pull *fresh = pulls_new(p->id, row, p->force);

		if (fresh == NULL) {
			rc = vs_err_set(err, VS_ENOMEM, "pull: out of memory");
			goto out;
		}
		memcpy(fresh->out, p->out, sizeof(fresh->out));
		a->target->part_drop(a->target, p->id);
		a->opened = false;
		a->unsynced_count = 0;
		pulls_free(p);
		a->pull = fresh;
	}
	rc = 1;
out:
	free(row);
	return rc;
}

static int ask(struct member *m, struct member_active *a, struct vs_err *err)
{
	struct vs_buf body;
	char path[160];
	int rc = refresh(m, a, err);

	if (rc <= 0)
		return rc;
	vs_buf_init(&body, 64 * 1024);
	vs_buf_addstr(&body, "{\"file_path\":");
	vs_json_add_str(&body, a->pull->path);
	vs_buf_addf(&body,
	    ",\"file_hash\":\"%s\",\"request_mode\":\"full\","
	    "\"device_id\":\"%s\"}",
	    a->pull->hash, m->device_id);
	snprintf(path, sizeof(path), "/api/projects/%s/files/download",
	    m->project_id);
	a->renewing = false;
	a->ask_id =
	    member_core_send(m, "POST", path, vs_buf_str(&body), 1024 * 1024);
	vs_buf_release(&body);
	return move(m, a, PULL_ASKED, err);
}

static void renew(struct member *m, struct member_active *a)
{
	char path[160];

	snprintf(path, sizeof(path), "/api/projects/%s/transfers/%s/ticket",
	    m->project_id, a->pull->transfer);
	a->renewing = true;
	a->ask_id = member_core_send(m, "POST", path, "{}", 1024 * 1024);
}

static int take_text(char **out, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return VS_ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

/* Ticket, pin and endpoints, from a new transfer or a renewal. */
static int read_grant(struct member_active *a, json_t *info, struct vs_err *err)
{
	struct pull *p = a->pull;
	const char *ticket = NULL;
	const char *pin = NULL;
	json_t *endpoints = NULL;
	char *text;
	int rc = vs_json_get_str(info, "ticket", true, &ticket, err);

	if (rc == 0)
		rc = vs_json_get_str(info, "public_key_pin", true, &pin, err);
	if (rc == 0)
		rc =
		    vs_json_get_array(info, "endpoints", true, &endpoints, err);
	if (rc < 0)
		return rc;
	text = json_dumps(endpoints, JSON_COMPACT);
	if (text == NULL || take_text(&p->ticket, ticket) < 0 ||
	    take_text(&p->endpoints, text) < 0)
		rc = vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	free(text);
	snprintf(p->pin, sizeof(p->pin), "%s", pin);
	json_decref(a->endpoints);
	a->endpoints = json_incref(endpoints);
	a->endpoint = 0;
	a->failed = 0;
	return rc;
}

static int read_answer(struct member_active *a, json_t *doc, struct vs_err *err)
{
	json_t *info = doc;
	const char *id = NULL;
	int rc = 0;

	if (!a->renewing) {
		rc = vs_json_get_str(doc, "download_id", true, &id, err);
		if (rc == 0)
			rc = vs_json_get_object(
			    doc, "transfer_info", true, &info, err);
		if (rc == 0)
			snprintf(a->pull->transfer, sizeof(a->pull->transfer),
			    "%s", id);
	}
	return rc < 0 ? rc : read_grant(a, info, err);
}

static int granted(struct member *m, struct member_active *a,
    const struct engine_answer *an, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *doc = vs_json_parse(an->body, an->len, &why);
	int rc;

	if (doc == NULL || read_answer(a, doc, &why) < 0)
		rc = back_off(m, a, an->retry_after_ms, why.msg, err);
	else if (json_array_size(a->endpoints) == 0)
		rc = back_off(m, a, -1,
		    "the owner's machine has told no address: is its agent "
		    "running?",
		    err);
	else if (a->renewing)
		rc = save(m, a->pull, err);
	else
		rc = move(m, a, PULL_FETCHING, err);
	json_decref(doc);
	return rc;
}

static int refused(struct member *m, struct member_active *a,
    const struct engine_answer *an, struct vs_err *err)
{
	char why[VS_ERR_MSG];
	char code[64];

	verdict_error_code(code, sizeof(code), an->body, an->len);
	snprintf(
	    why, sizeof(why), "the cloud answered %ld (%s)", an->status, code);
	switch (an->status) {
	case 404:
	case 403:
		return fail(m, a, why, err);
	case 409:
		return again(m, a, AGAIN_MS, why, err);
	default:
		return back_off(m, a, an->retry_after_ms,
		    an->code < 0 ? an->why : why, err);
	}
}

bool fetch_answered(
    struct member *m, uint64_t id, const struct engine_answer *an)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	for (int i = 0; i < m->files_max; i++) {
		struct member_active *a = &m->active[i];

		if (a->pull == NULL || a->ask_id != id || id == 0)
			continue;
		a->ask_id = 0;
		if (verdict_of(an->code, an->status, an->type, an->body,
			an->len) == VERDICT_READ)
			rc = granted(m, a, an, &err);
		else
			rc = refused(m, a, an, &err);
		if (rc < 0)
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

	if (a->unsynced_count == 0)
		return 0;
	if (a->target->part_sync(a->target, a->pull->id, &why) < 0)
		return fail(m, a, why.msg, err);
	for (int i = 0; i < a->unsynced_count; i++)
		pulls_mark(a->pull, a->unsynced[i]);
	a->unsynced_count = 0;
	tell(m, a->pull);
	return save(m, a->pull, err);
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
		return again(m, a, MEMBER_ROOT_MS, why.msg, err);
	rc = a->target->part_open(
	    a->target, a->pull->id, a->pull->size, &kept, &why);
	if (rc < 0)
		return fail(m, a, why.msg, err);
	if (!kept)
		pulls_clear(a->pull);
	a->opened = true;
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
static int64_t next_chunk(const struct member_active *a)
{
	int64_t n = pulls_chunks(a->pull);

	for (int64_t i = 0; i < n; i++)
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
	int n = 0;

	for (int i = 0; i < m->files_max; i++)
		n += busy_chunks(&m->active[i]);
	return n;
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
	};
	int i = 0;

	while (a->chunks[i].id != 0)
		i++;
	assert(i < MEMBER_CHUNKS_MAX);
	snprintf(url, sizeof(url), "%s/v1/transfers/%s/chunks/%" PRId64,
	    base != NULL ? base : "", a->pull->transfer, chunk);
	a->chunks[i].id = f.id = ++m->serial;
	a->chunks[i].chunk = chunk;
	m->world.fetch(m->world.arg, &f);
}

static int verify(struct member *m, struct member_active *a, struct vs_err *err)
{
	int rc = move(m, a, PULL_VERIFYING, err);

	if (rc < 0)
		return rc;
	a->hash_id = ++m->serial;
	m->world.hash(m->world.arg, a->hash_id, a->target, a->pull->id, false);
	return 0;
}

static int fetching(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	int64_t chunk;
	int rc = open_part(m, a, err);

	if (rc <= 0)
		return rc;
	while (a->ask_id == 0 && busy_chunks(a) < MEMBER_CHUNKS_MAX &&
	    all_busy(m) < m->chunks_max && (chunk = next_chunk(a)) >= 0)
		start_chunk(m, a, chunk);
	if (a->unsynced_count == MEMBER_UNSYNCED ||
	    (a->unsynced_count > 0 &&
		(a->sync_ms <= m->now.mono_ms || busy_chunks(a) == 0)))
		rc = make_durable(m, a, err);
	if (rc < 0 || a->pull == NULL)
		return rc < 0 ? rc : 0;
	if (a->ask_id == 0 && busy_chunks(a) == 0 && next_chunk(a) < 0 &&
	    a->unsynced_count == 0)
		return verify(m, a, err);
	return 0;
}

/* Another address; when all were tried, a pause. */
static int next_endpoint(struct member *m, struct member_active *a,
    const char *why, struct vs_err *err)
{
	a->failed++;
	a->endpoint = (a->endpoint + 1) % json_array_size(a->endpoints);
	if (a->failed < 2 * json_array_size(a->endpoints))
		return 0;
	return back_off(m, a, -1, why, err);
}

static int chunk_failed(struct member *m, struct member_active *a, int code,
    const char *why, struct vs_err *err)
{
	switch (code) {
	case VS_EFORBIDDEN:
		if (a->ask_id == 0 && ++a->pull->tries <= 10 * MEMBER_TRIES)
			renew(m, a);
		else if (a->ask_id == 0)
			return fail(m, a, why, err);
		return 0;
	case VS_ECHANGED:
	case VS_ENOENT:
		return again(
		    m, a, AGAIN_MS, "it is changing at the owner's", err);
	case VS_ENOSPC:
	case VS_EIO:
		return fail(m, a, why, err);
	case VS_ECANCELED:
		return 0;
	default:
		return next_endpoint(m, a, why, err);
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

void fetch_chunk_done(struct member *m, uint64_t id, int code, const char *why)
{
	struct vs_err err = VS_ERR_INIT;
	struct member_active *a;
	struct member_chunk *c = find_chunk(m, id, &a);
	int64_t chunk;
	int rc = 0;

	if (c == NULL)
		return; /* of a pull that ended */
	chunk = c->chunk;
	memset(c, 0, sizeof(*c));
	if (code == VS_OK && a->pull->state == PULL_FETCHING) {
		if (a->unsynced_count == 0)
			a->sync_ms = m->now.mono_ms + MEMBER_SYNC_MS;
		if (a->unsynced_count < MEMBER_UNSYNCED)
			a->unsynced[a->unsynced_count++] = chunk;
		a->failed = 0;
		vs_backoff_reset(&a->backoff);
	} else if (code != VS_OK && a->pull->state == PULL_FETCHING) {
		rc = chunk_failed(m, a, code, why, &err);
	}
	if (rc < 0)
		member_core_fault(m, &err);
}

/* The bytes are not what the log says: once more from the start. */
static int wrong_hash(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;

	pulls_clear(p);
	if (++p->tries >= MEMBER_TRIES)
		return fail(m, a,
		    "verification failed: what came is not what the log "
		    "names",
		    err);
	return again(m, a, AGAIN_MS, "verification failed once", err);
}

static int put_in_place(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct mirror_row *row = calloc(1, sizeof(*row));
	struct vs_err why = VS_ERR_INIT;
	struct disk_stat seen, now;
	char parent[VS_PATH_MAX + 1];
	size_t n = vs_path_parent_len(p->path);
	enum here here;
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	memcpy(row->path, p->path, sizeof(row->path));
	memcpy(row->hash, p->hash, sizeof(row->hash));
	row->size = p->size;
	row->version = p->version;
	here = here_look(m, a->target, p->out, row, &seen, &why);
	memcpy(parent, p->path, n);
	parent[n] = '\0';
	if (here == HERE_ODD || here == HERE_ERROR ||
	    (here == HERE_CHANGED && !p->force)) {
		rc = fail(m, a,
		    here == HERE_ERROR ? why.msg
				       : "conflict: what stands there was "
					 "changed here; it is not overwritten",
		    err);
		goto out;
	}
	rc = n > 0 ? a->target->mkdirs(a->target, parent, &why) : 0;
	if (rc == 0)
		rc = a->target->part_finish(a->target, p->id, p->path,
		    here == HERE_NOTHING ? NULL : &seen, p->mode,
		    p->has_mtime ? p->mtime_us : -1, &now, &why);
	if (rc == VS_ECHANGED) {
		rc = again(m, a, AGAIN_MS, why.msg, err);
		goto out;
	}
	if (rc < 0) {
		rc = fail(m, a, why.msg, err);
		goto out;
	}
	rc = vs_db_begin(m->mirror.db, err);
	if (rc == 0)
		rc = here_put(m, p->out, row, &now, err);
	if (rc == 0)
		rc = member_core_commit(m, err);
	if (rc == 0) {
		p->bytes = p->size;
		p->error[0] = '\0';
		patch(m, p, "completed");
		rc = move(m, a, PULL_DONE, err);
	}
out:
	free(row);
	return rc;
}

void fetch_hash_done(struct member *m, uint64_t id, int code,
    const uint8_t sha256[VS_SHA256_SIZE])
{
	struct vs_err err = VS_ERR_INIT;
	struct member_active *a = NULL;
	char hex[VS_HASH_HEX + 1];
	int rc;

	for (int i = 0; i < m->files_max && a == NULL; i++)
		if (id != 0 && m->active[i].hash_id == id)
			a = &m->active[i];
	if (a == NULL)
		return;
	a->hash_id = 0;
	if (code < 0) {
		rc = again(m, a, AGAIN_MS, vs_err_text(code), &err);
	} else {
		vs_hex_encode(hex, sha256, VS_SHA256_SIZE);
		rc = strcmp(hex, a->pull->hash) == 0 ? put_in_place(m, a, &err)
						     : wrong_hash(m, a, &err);
	}
	if (rc < 0)
		member_core_fault(m, &err);
}

static int step_one(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	if (a->retry_ms > m->now.mono_ms)
		return 0;
	switch (a->pull->state) {
	case PULL_QUEUED:
		return busy_chunks(a) == 0 && a->ask_id == 0 ? ask(m, a, err)
							     : 0;
	case PULL_FETCHING:
		return fetching(m, a, err);
	default:
		return 0;
	}
}

/* Where a pull of the database goes on: what was under way is asked anew. */
static int adopt(void *arg, const char *id)
{
	struct member *m = arg;
	struct vs_err err = VS_ERR_INIT;
	struct member_active *a = NULL;
	struct pull *p;

	if (fetch_find(m, id) != NULL)
		return 0;
	for (int i = 0; i < m->files_max && a == NULL; i++)
		if (m->active[i].pull == NULL)
			a = &m->active[i];
	if (a == NULL)
		return VS_EBUSY;
	if (pulls_get(&m->mirror, id, &p, &err) != 1)
		return err.code;
	memset(a, 0, sizeof(*a));
	a->pull = p;
	a->target = here_target(m, p->out);
	p->state = PULL_QUEUED;
	if (a->target == NULL) {
		snprintf(p->error, sizeof(p->error),
		    "the folder it was to go to is not there");
		return move(m, a, PULL_FAILED, &err);
	}
	return 0;
}

static int look_for_pulls(struct member *m, struct vs_err *err)
{
	int rc;

	if (!m->look_for_pulls)
		return 0;
	m->look_for_pulls = false;
	rc = pulls_live(&m->mirror, 2 * m->files_max, adopt, m, err);
	return rc == VS_EBUSY ? 0 : rc;
}

static int64_t due_of(const struct member *m, const struct member_active *a)
{
	if (a->retry_ms > m->now.mono_ms)
		return a->retry_ms;
	return a->unsynced_count > 0 ? a->sync_ms : INT64_MAX;
}

int64_t fetch_step(struct member *m)
{
	struct vs_err err = VS_ERR_INIT;
	int64_t due = INT64_MAX;
	int rc;

	if (m->paused)
		return INT64_MAX;
	rc = look_for_pulls(m, &err);
	for (int i = 0; i < m->files_max && rc >= 0; i++) {
		struct member_active *a = &m->active[i];

		if (a->pull != NULL)
			rc = step_one(m, a, &err);
		if (a->pull != NULL && due_of(m, a) < due)
			due = due_of(m, a);
	}
	if (rc < 0)
		member_core_fault(m, &err);
	return m->look_for_pulls ? m->now.mono_ms : due;
}
