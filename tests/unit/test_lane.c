/* Groups of requests in one commit, and what a failing store makes of them. */
#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/lane.h"

/* The real store with a fault of choice. */
struct broken {
	struct store base;
	struct store_ops ops;
	struct store *real;
	int fail_commit; /* the code it fails with, or VS_OK */
	int fail_put; /* of events, after fail_after of them */
	int fail_after;
	int refuse_put; /* the code it returns once it has put, or VS_OK */
	int failed;
	int commits;
	int savepoints;
};

static struct broken *broken_of(struct store *s)
{
	return (struct broken *)(void *)s;
}

static int broken_begin(struct store *s, struct vs_err *err)
{
	struct store *r = broken_of(s)->real;

	return r->ops->begin(r, err);
}

static int broken_commit(struct store *s, struct vs_err *err)
{
	struct broken *b = broken_of(s);

	b->commits++;
	if (b->fail_commit == VS_OK)
		return b->real->ops->commit(b->real, err);
	b->failed = b->fail_commit;
	return vs_err_set(err, b->fail_commit, "commit: made to fail");
}

static void broken_rollback(struct store *s)
{
	struct store *r = broken_of(s)->real;

	r->ops->rollback(r);
}

static int broken_failed(const struct store *s)
{
	return ((const struct broken *)(const void *)s)->failed;
}

#define PASS(name) \
	static int broken_##name(struct store *s, struct vs_err *err) \
	{ \
		struct store *r = broken_of(s)->real; \
		return r->ops->name(r, err); \
	}
PASS(release)
PASS(rollback_to)
#undef PASS

static int broken_savepoint(struct store *s, struct vs_err *err)
{
	struct broken *b = broken_of(s);

	b->savepoints++;
	return b->real->ops->savepoint(b->real, err);
}

static int broken_token_user(struct store *s,
    const uint8_t hash[VS_SHA256_SIZE], struct store_user *u,
    struct vs_err *err)
{
	struct store *r = broken_of(s)->real;

	return r->ops->token_user(r, hash, u, err);
}

static int broken_project_put(
    struct store *s, struct store_project *p, struct vs_err *err)
{
	struct broken *b = broken_of(s);
	int rc;

	if (b->fail_put != VS_OK && b->fail_after-- == 0) {
		b->failed = b->fail_put;
		return vs_err_set(err, b->fail_put, "made to fail");
	}
	rc = b->real->ops->project_put(b->real, p, err);
	if (rc == VS_OK && b->refuse_put != VS_OK)
		return vs_err_set(err, b->refuse_put, "made to refuse");
	return rc;
}

static void broken_init(struct broken *b, struct store *real)
{
	memset(b, 0, sizeof(*b));
	b->base.ops = &b->ops;
	b->real = real;
	b->ops.begin = broken_begin;
	b->ops.commit = broken_commit;
	b->ops.rollback = broken_rollback;
	b->ops.failed = broken_failed;
	b->ops.savepoint = broken_savepoint;
	b->ops.release = broken_release;
	b->ops.rollback_to = broken_rollback_to;
	b->ops.token_user = broken_token_user;
	b->ops.project_put = broken_project_put;
}

static int setup(void **state)
{
	*state = cloudkit_new();
	return 0;
}

static int teardown(void **state)
{
	cloudkit_free(*state);
	return 0;
}

/* A request as the server would have copied it. */
static struct job *job(
    const char *method, const char *path, const char *token, const char *body)
{
	struct job *j = calloc(1, sizeof(*j));

	assert_non_null(j);
	api_answer_init(&j->answer);
	j->request.method = strdup(method);
	j->request.path = strdup(path);
	j->request.query = strdup("");
	j->request.token = strdup(token);
	j->request.body = strdup(body);
	j->request.len = strlen(body);
	return j;
}

/* n requests for a project each; every third one with a bad name. */
static struct job_list jobs(const struct cloudkit *k, int n)
{
	struct job_list list = { .count = 0 };
	char body[64];
	int i;

	for (i = 0; i < n; i++) {
		(void)snprintf(body, sizeof(body), "{\"name\":\"%s%d\"}",
		    i % 3 == 2 ? "\\n" : "p", i);
		job_append(
		    &list, job("POST", "/api/projects", k->owner.text, body));
	}
	return list;
}

static int statuses(struct job_list *list, int status)
{
	struct job *j;
	int n = 0;

	while ((j = job_take(list)) != NULL) {
		n += j->answer.status == status;
		job_free(j);
	}
	return n;
}

static int64_t projects(struct cloudkit *k)
{
	json_t *doc =
	    cloudkit_ask(k, k->owner.text, "GET", "/api/projects", NULL);
	int64_t n = (int64_t)json_array_size(cloudkit_at(doc, "projects"));

	json_decref(doc);
	return n - 1; /* the kit's own */
}

static void test_group(void **state)
{
	struct cloudkit *k = *state;
	struct job_list list = jobs(k, 9), copy = list;
	struct broken b;

	broken_init(&b, k->store);
	assert_int_equal(lane_commit(&b.base, &list), VS_OK);
	assert_int_equal(b.commits, 1);
	assert_int_equal(statuses(&copy, 201), 6);
	cloudkit_reopen(k);
	assert_int_equal(projects(k), 6);
}

/* One that is alone needs no savepoint to be taken back. */
static void test_alone(void **state)
{
	struct cloudkit *k = *state;
	struct job_list list = jobs(k, 1), refused = jobs(k, 1);
	struct broken b;

	broken_init(&b, k->store);
	assert_int_equal(lane_commit(&b.base, &list), VS_OK);
	assert_int_equal(b.commits, 1);
	assert_int_equal(b.savepoints, 0);
	assert_int_equal(statuses(&list, 201), 1);
	b.refuse_put = VS_EBUSY;
	assert_int_equal(lane_commit(&b.base, &refused), VS_OK);
	assert_int_equal(b.commits, 1);
	assert_int_equal(statuses(&refused, 201), 0);
	cloudkit_reopen(k);
	assert_int_equal(projects(k), 1);
}

/* Nothing of a group that did not commit, and everybody hears of it. */
static void test_commit_fails(void **state)
{
	struct cloudkit *k = *state;
	struct job_list list = jobs(k, 9), copy = list;
	struct broken b;

	broken_init(&b, k->store);
	b.fail_commit = VS_EIO;
	assert_int_equal(lane_commit(&b.base, &list), VS_EIO);
	assert_int_equal(b.commits, 1); /* never tried again */
	assert_non_null(
	    strstr(vs_buf_str(&copy.first->answer.body), "\"unavailable\""));
	assert_int_equal(statuses(&copy, 503), 9);
	assert_int_equal(projects(k), 0);
}

static void test_disk_full(void **state)
{
	struct cloudkit *k = *state;
	struct job_list list = jobs(k, 9), copy = list;
	struct broken b;

	broken_init(&b, k->store);
	b.fail_put = VS_ENOSPC;
	b.fail_after = 3;
	assert_int_equal(lane_commit(&b.base, &list), VS_ENOSPC);
	assert_int_equal(b.commits, 0);
	assert_int_equal(statuses(&copy, 507), 9);
	assert_int_equal(projects(k), 0);
}

struct seen {
	uv_mutex_t lock;
	struct job_list done;
	int groups;
	int ended;
};

static void on_done(void *arg, struct job_list *list)
{
	struct seen *s = arg;
	struct job *j;

	uv_mutex_lock(&s->lock);
	s->groups++;
	while ((j = job_take(list)) != NULL)
		job_append(&s->done, j);
	uv_mutex_unlock(&s->lock);
}

static void on_ended(void *arg)
{
	struct seen *s = arg;

	uv_mutex_lock(&s->lock);
	s->ended++;
	uv_mutex_unlock(&s->lock);
}

/* What was pushed before the stop is done, durably, before the end. */
static void test_thread(void **state)
{
	struct cloudkit *k = *state;
	struct seen seen;
	struct lane_options o = { .store = { .path = k->file },
		.done = on_done,
		.ended = on_ended,
		.arg = &seen };
	struct job_list list = jobs(k, 600);
	struct lane *lane;
	struct job *j;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(uv_mutex_init(&seen.lock), 0);
	assert_int_equal(lane_start(&lane, &o, NULL), VS_OK);
	while ((j = job_take(&list)) != NULL)
		lane_push(lane, j);
	lane_stop(lane);
	lane_join(lane);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.done.count, 600);
	assert_true(seen.groups >= 3); /* 256 at most in one */
	assert_int_equal(statuses(&seen.done, 201), 400);
	assert_int_equal(projects(k), 400);
	uv_mutex_destroy(&seen.lock);
}

static void test_reader(void **state)
{
	struct cloudkit *k = *state;
	struct seen seen;
	struct lane_options o = { .store = { .path = k->file,
				      .readonly = true },
		.done = on_done,
		.ended = on_ended,
		.arg = &seen };
	struct lane *lane;
	int i;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(uv_mutex_init(&seen.lock), 0);
	assert_int_equal(lane_start(&lane, &o, NULL), VS_OK);
	for (i = 0; i < 20; i++)
		lane_push(lane, job("GET", "/api/me", k->member.text, ""));
	lane_stop(lane);
	lane_join(lane);
	assert_int_equal(seen.groups, 20);
	assert_int_equal(statuses(&seen.done, 200), 20);
	uv_mutex_destroy(&seen.lock);
}

static void test_start_fails(void **state)
{
	struct lane_options o = { .store = { .path = "/dev/null/x.db" } };
	struct vs_err err = VS_ERR_INIT;
	struct lane *lane;

	(void)state;
	assert_true(lane_start(&lane, &o, &err) < 0);
	assert_null(lane);
	assert_true(err.msg[0] != '\0');
	lane_join(NULL);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_group),
		WITH_KIT(test_alone),
		WITH_KIT(test_commit_fails),
		WITH_KIT(test_disk_full),
		WITH_KIT(test_thread),
		WITH_KIT(test_reader),
		cmocka_unit_test(test_start_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
