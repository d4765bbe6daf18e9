#include "tests/unit/enginekit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/scan/disk_posix.h"
#include "common/base/buf.h"
#include "common/crypto/sha256.h"
#include "common/proto/batch.h"

#define PROJECT "10000000-0000-4000-8000-000000000001"
#define DEVICE "20000000-0000-4000-8000-000000000002"
#define LOG "30000000-0000-4000-8000-000000000003"
#define ROOT "0123456789abcdef0123456789abcdef"

static void hash(void *arg, const struct engine_hash *h)
{
	struct enginekit *k = arg;

	assert_true(k->jobs < 256);
	k->job[k->jobs].id = h->id;
	k->job[k->jobs].path = strdup(h->path);
	k->jobs++;
}

static void log_add(struct enginekit *k, const struct vs_change *c)
{
	struct enginekit_event *e;

	if (k->count == k->cap) {
		k->cap = k->cap != 0 ? 2 * k->cap : 64;
		k->log = realloc(k->log, k->cap * sizeof(*k->log));
		assert_non_null(k->log);
	}
	e = &k->log[k->count++];
	memset(e, 0, sizeof(*e));
	e->path = strdup(c->path);
	e->op = vs_op_name(c->op)[0];
	e->from = c->renamed_from != NULL ? strdup(c->renamed_from) : NULL;
	snprintf(
	    e->hash, sizeof(e->hash), "%s", c->hash != NULL ? c->hash : "");
	e->batch = k->batches;
}

/* The changes of a batch, whose strings the result keeps; decref that. */
static json_t *read_long(const char *body, size_t len,
    struct vs_batch_request *r, struct vs_change *c, size_t *n)
{
	json_t *doc = json_loadb(body, len, 0, NULL);
	const char *code;

	assert_non_null(doc);
	assert_int_equal(vs_batch_read(doc, r, NULL), VS_OK);
	*n = json_array_size(r->changes);
	for (size_t i = 0; i < *n; i++)
		assert_int_equal(vs_change_read(json_array_get(r->changes, i),
				     false, &c[i], &code, NULL),
		    VS_OK);
	return doc;
}

/* Everything is taken: the answer to a batch. */
static char *take_batch(struct enginekit *k, const char *body, size_t len)
{
	struct vs_change *c = calloc(VS_BATCH_CHANGES, sizeof(*c));
	char *copy = malloc(len + 1);
	struct vs_batch_request r;
	json_t *results = json_array();
	json_t *doc, *request = NULL;
	char *text;
	size_t n;

	assert_true(c != NULL && copy != NULL);
	memcpy(copy, body, len);
	copy[len] = '\0';
	if (!vs_batch_scan(copy, len, &r, c, &n))
		request = read_long(body, len, &r, c, &n);
	k->batches++;
	for (size_t i = 0; i < n; i++) {
		log_add(k, &c[i]);
		json_array_append_new(results,
		    json_pack("{s:s,s:I,s:i,s:s}", "path", c[i].path, "seq",
			(json_int_t)++k->seq, "version", 1, "status",
			"synced"));
	}
	doc = json_pack("{s:b,s:I,s:I,s:o,s:[],s:[],s:s,s:I,s:{s:s,s:I}}",
	    "success", 1, "synced", (json_int_t)n, "total", (json_int_t)n,
	    "results", results, "held", "errors", "log_id", LOG, "last_seq",
	    (json_int_t)k->seq, "batch", "epoch", r.id.epoch, "counter",
	    (json_int_t)r.id.counter);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	json_decref(request);
	free(copy);
	free(c);
	return text;
}

/* A page of a listing, which is asked for only at first, or of the log. */
static char *take_question(const struct enginekit *k, bool listing)
{
	json_t *doc = json_pack("{s:b,s:[],s:b,s:s,s:I}", "success", 1,
	    listing ? "files" : "events", "has_more", 0, "log_id", LOG,
	    "last_seq", (json_int_t)k->seq);
	char *text = json_dumps(doc, JSON_COMPACT);

	assert_true(!listing || k->seq == 0);
	json_decref(doc);
	return text;
}

static void send_it(void *arg, const struct engine_send *s)
{
	struct enginekit *k = arg;

	assert_null(k->body);
	k->send_id = s->id;
	if (k->offline)
		return;
	if (strcmp(s->method, "POST") == 0)
		k->body = take_batch(k, s->body, s->len);
	else
		k->body = take_question(k, strstr(s->path, "/files?") != NULL);
}

static void tell(void *arg, const struct engine_event *e)
{
	(void)arg;
	(void)e;
}

void enginekit_start(struct enginekit *k)
{
	struct engine_world w = {
		.arg = k,
		.disk = k->disk,
		.rand = &k->rand,
		.hash = hash,
		.send = send_it,
		.tell = tell,
	};
	struct engine_options o = {
		.db_path = scratch_at(k->dir, "state.db"),
		.project_id = PROJECT,
		.device_id = DEVICE,
		.root_id = ROOT,
		.hash_jobs = 16,
		.list_first = k->list_first,
	};
	struct vs_err err = VS_ERR_INIT;

	assert_int_equal(engine_open(&k->engine, &w, &o, k->now, &err), VS_OK);
}

void enginekit_stop(struct enginekit *k)
{
	engine_close(k->engine);
	k->engine = NULL;
	while (k->jobs > 0)
		free(k->job[--k->jobs].path);
	free(k->body);
	k->body = NULL;
	k->send_id = 0;
}

int enginekit_setup(void **state)
{
	struct enginekit *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	assert_int_equal(scratch_setup((void **)&k->dir), 0);
	scratch_mkdir(k->dir, "root");
	vs_rand_seed(&k->rand, 7);
	assert_int_equal(
	    disk_posix_new(&k->disk, scratch_at(k->dir, "root"), NULL, NULL),
	    VS_OK);
	assert_int_equal(k->disk->mark(k->disk, ROOT, NULL), VS_OK);
	/* ahead of the files' times, so that no content is racy */
	k->now = vs_clock_now();
	k->now.wall_ms += 3600000;
	enginekit_start(k);
	*state = k;
	return 0;
}

int enginekit_teardown(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	enginekit_forget(k);
	free(k->log);
	disk_posix_free(k->disk);
	scratch_teardown((void **)&k->dir);
	free(k);
	return 0;
}

const char *enginekit_at(const struct enginekit *k, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "root/%s", name);
	return scratch_at(k->dir, path);
}

void enginekit_write(
    const struct enginekit *k, const char *name, const char *text)
{
	char path[4096];

	snprintf(path, sizeof(path), "root/%s", name);
	scratch_write(k->dir, path, text);
}

void enginekit_rename(
    const struct enginekit *k, const char *from, const char *to)
{
	char a[4096], b[4096];

	snprintf(a, sizeof(a), "root/%s", from);
	snprintf(b, sizeof(b), "root/%s", to);
	scratch_rename(k->dir, a, b);
}

void enginekit_fill(const struct enginekit *k, const char *dir, int n)
{
	char name[64], text[64];

	assert_int_equal(mkdir(enginekit_at(k, dir), 0755), 0);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%02d", dir, i);
		snprintf(text, sizeof(text), "content %d", i);
		enginekit_write(k, name, text);
	}
}

void enginekit_edit_quietly(const struct enginekit *k, const char *name)
{
	const char *path = enginekit_at(k, name);
	struct stat st;
	struct timespec t[2];
	char c;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &c, 1, 0), 1);
	c ^= 0x20; /* a small letter is a capital */
	assert_int_equal(pwrite(fd, &c, 1, 0), 1);
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static bool hash_one(struct enginekit *k)
{
	struct disk_hash *h;
	atomic_bool cancel = false;
	uint64_t id;
	char *path;
	int code;

	if (k->jobs == 0 || k->hold)
		return false;
	h = calloc(1, sizeof(*h));
	assert_non_null(h);
	k->jobs--;
	id = k->job[k->jobs].id;
	path = k->job[k->jobs].path;
	code = k->disk->hash(k->disk, path, h, &cancel, NULL);
	k->hashes++;
	engine_hashed(k->engine, id, code, h, k->now);
	free(path);
	free(h);
	return true;
}

static bool answer_one(struct enginekit *k)
{
	struct engine_answer a = {
		.status = 200,
		.type = "application/json",
		.retry_after_ms = -1,
		.body = k->body,
		.len = k->body != NULL ? strlen(k->body) : 0,
	};
	uint64_t id = k->send_id;

	if (id == 0)
		return false;
	if (k->body == NULL) {
		a.code = VS_ENET;
		a.why = "offline";
	}
	k->send_id = 0;
	k->body = NULL;
	engine_answered(k->engine, id, &a, k->now);
	free((char *)(uintptr_t)a.body);
	return true;
}

void enginekit_run(struct enginekit *k, int64_t ms)
{
	int64_t end = k->now.mono_ms + ms;

	for (;;) {
		int64_t due = engine_step(k->engine, k->now);

		if (hash_one(k) || answer_one(k))
			continue;
		if (due > end)
			break;
		if (due > k->now.mono_ms) {
			k->now.wall_ms += due - k->now.mono_ms;
			k->now.mono_ms = due;
		}
	}
}

void enginekit_hint(
    struct enginekit *k, enum watch_what what, bool moved, const char *path)
{
	const struct watch_hint h = {
		.what = what, .path = path, .moved = moved
	};

	engine_hint(k->engine, &h, k->now);
}

void enginekit_down(struct enginekit *k)
{
	enginekit_run(k, 20000);
	enginekit_stop(k);
	enginekit_forget(k);
}

void enginekit_up(struct enginekit *k)
{
	enginekit_start(k);
	enginekit_run(k, 20000);
	enginekit_agree(k);
}

static void scanned(void *arg, int code, const struct engine_report *r)
{
	(void)arg;
	(void)r;
	assert_int_equal(code, VS_OK);
}

void enginekit_scan(struct enginekit *k)
{
	assert_int_equal(
	    engine_rescan(k->engine, "", false, scanned, NULL, k->now, NULL),
	    VS_OK);
	enginekit_run(k, 20000);
}

void enginekit_forget(struct enginekit *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->log[i].path);
		free(k->log[i].from);
	}
	k->count = 0;
	k->hashes = 0;
}

const struct enginekit_event *enginekit_event(
    const struct enginekit *k, const char *path)
{
	for (size_t i = k->count; i-- > 0;)
		if (strcmp(k->log[i].path, path) == 0)
			return &k->log[i];
	return NULL;
}

void enginekit_renamed(
    const struct enginekit *k, const char *from, const char *to)
{
	const struct enginekit_event *c = enginekit_event(k, to);
	const struct enginekit_event *d = enginekit_event(k, from);

	if (c == NULL || c->op == 'd' || c->from == NULL ||
	    strcmp(c->from, from) != 0)
		fail_msg("%s was not told to come from %s", to, from);
	else if (d == NULL || d->op != 'd' || d < c || d->batch != c->batch)
		fail_msg("%s was not deleted behind it", from);
}

void enginekit_renamed_all(
    const struct enginekit *k, const char *from, const char *to, int n)
{
	char a[64], b[64];

	for (int i = 0; i < n; i++) {
		snprintf(a, sizeof(a), "%s/%02d", from, i);
		snprintf(b, sizeof(b), "%s/%02d", to, i);
		enginekit_renamed(k, a, b);
	}
}

/* One row of the manifest against the folder. */
static int agree(void *arg, const struct vs_change *row)
{
	struct enginekit *k = arg;
	char path[4096], hex[65];
	struct stat st;
	char *text;

	snprintf(path, sizeof(path), "root/%s", row->path);
	if (lstat(scratch_at(k->dir, path), &st) != 0)
		fail_msg("%s is not there", row->path);
	if (row->kind != VS_KIND_FILE)
		return 0;
	text = scratch_read(k->dir, path);
	vs_sha256_hex(text, strlen(text), hex);
	free(text);
	if (row->hash == NULL || strcmp(row->hash, hex) != 0)
		fail_msg("%s holds something else", row->path);
	return 0;
}

void enginekit_agree(struct enginekit *k)
{
	assert_int_equal(engine_each(k->engine, agree, k, NULL), 0);
}
