/*
 * A project with its real thread, watcher, folder and state, against a
 * server that cannot be reached: what is found is known here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/project.h"
#include "agent/scan/disk_posix.h"
#include "common/net/httpc.h"
#include "tests/unit/scratch.h"

#define ID "0ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define DEVICE "1ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define ROOT_ID "5b36d9b08420640f5c3dff182ad40c63"
#define PATIENCE_MS 10000

struct fixture {
	struct scratch *dir;
	uv_loop_t loop;
	uv_timer_t patience;
	struct post *post;
	struct crew *crew;
	struct vs_httpc *httpc;
	struct session *session;
	struct project_host host;
	struct project *project;
	char state_dir[128];
	char root[128];
	int scanned; /* news of that kind */
	int committed;
	int failed; /* the code it failed with */
	bool stopped;
};

static void on_news(void *arg, struct project *p, const struct project_news *n)
{
	struct fixture *f = arg;

	assert_ptr_equal(p, f->project);
	f->scanned += strcmp(n->type, "scanned") == 0;
	f->committed += strcmp(n->type, "committed") == 0;
}

static void on_failed(void *arg, struct project *p, const struct vs_err *why)
{
	struct fixture *f = arg;

	assert_ptr_equal(p, f->project);
	f->failed = why->code;
}

static void on_patience(uv_timer_t *t)
{
	(void)t;
	fail_msg("waited too long");
}

static void run_until(struct fixture *f, bool (*done)(struct fixture *f))
{
	uv_timer_start(&f->patience, on_patience, PATIENCE_MS, 0);
	while (!done(f))
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->patience);
}

static void mark_root(struct fixture *f)
{
	struct disk *d;

	assert_int_equal(disk_posix_new(&d, f->root, NULL, NULL), VS_OK);
	assert_int_equal(d->mark(d, ROOT_ID, NULL), VS_OK);
	disk_posix_free(d);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	scratch_mkdir(f->dir, "root");
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir->path);
	snprintf(f->state_dir, sizeof(f->state_dir), "%s/state", f->dir->path);
	mark_root(f);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->patience);
	assert_int_equal(post_new(&f->post, &f->loop, NULL), VS_OK);
	assert_int_equal(crew_new(&f->crew, 2, NULL), VS_OK);
	assert_int_equal(vs_httpc_new(&f->httpc, &f->loop, NULL), VS_OK);
	assert_int_equal(
	    session_new(&f->session, &f->loop, f->httpc, NULL), VS_OK);
	f->host = (struct project_host){
		.loop = &f->loop,
		.post = f->post,
		.crew = f->crew,
		.session = f->session,
		.state_dir = f->state_dir,
		.device_id = DEVICE,
		.hash_jobs = 4,
		.news = on_news,
		.failed = on_failed,
		.arg = f,
	};
	*state = f;
	return 0;
}

static void on_httpc_closed(void *arg)
{
	struct fixture *f = arg;

	session_free(f->session);
	crew_free(f->crew);
	post_close(f->post);
	uv_close((uv_handle_t *)&f->patience, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vs_httpc_close(f->httpc, on_httpc_closed, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	scratch_free(f->dir);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	char id[] = ID;
	char name[] = "film";
	char root_id[] = ROOT_ID;
	const struct config_project c = {
		.id = id, .name = name, .root = f->root, .root_id = root_id
	};

	assert_int_equal(project_start(&f->project, &f->host, &c, NULL), VS_OK);
	assert_true(project_is(f->project, &c));
	assert_string_equal(project_id(f->project), ID);
	project_listen(f->project, true);
}

static void on_stopped(void *arg)
{
	struct fixture *f = arg;

	f->stopped = true;
}

static bool is_stopped(struct fixture *f)
{
	return f->stopped;
}

static void stop(struct fixture *f)
{
	f->stopped = false;
	project_stop(f->project, on_stopped, f);
	run_until(f, is_stopped);
}

/* A call that collects the names the manifest holds. */
struct names {
	struct project_call call; /* first */
	char text[1024];
	bool done;
};

static int name_add(void *arg, const struct vs_change *row)
{
	struct names *n = arg;
	size_t len = strlen(n->text);

	snprintf(n->text + len, sizeof(n->text) - len, " %s ", row->path);
	return 0;
}

static void names_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct names *n = (struct names *)c;

	(void)now;
	engine_each(e, name_add, n, &c->err);
	project_return(c);
}

static void names_done(struct project_call *c)
{
	struct names *n = (struct names *)c;

	n->done = true;
}

static void names_ask(struct fixture *f, struct names *n)
{
	memset(n, 0, sizeof(*n));
	n->call.run = names_run;
	n->call.done = names_done;
	project_call(f->project, &n->call);
	uv_timer_start(&f->patience, on_patience, PATIENCE_MS, 0);
	while (!n->done)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->patience);
}

static bool has_scanned(struct fixture *f)
{
	return f->scanned > 0;
}

static bool has_committed(struct fixture *f)
{
	return f->committed > 0;
}

static bool has_failed(struct fixture *f)
{
	return f->failed < 0;
}

static void test_scan_and_watch(void **state)
{
	struct fixture *f = *state;
	struct names n;

	scratch_write(f->dir, "root/a", "1");
	scratch_mkdir(f->dir, "root/d");
	start(f);
	run_until(f, has_scanned);
	names_ask(f, &n);
	assert_int_equal(n.call.err.code, VS_OK);
	assert_non_null(strstr(n.text, " a "));
	assert_non_null(strstr(n.text, " d "));
	/* from here on only the watcher can tell */
	f->committed = 0;
	scratch_write(f->dir, "root/d/b", "22");
	run_until(f, has_committed);
	names_ask(f, &n);
	assert_non_null(strstr(n.text, " d/b "));
	assert_true(project_hashed(f->project) >= 3);
	stop(f);
}

static void test_stop_at_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		start(f);
		stop(f);
	}
}

static void test_state_survives(void **state)
{
	struct fixture *f = *state;
	struct names n;

	scratch_write(f->dir, "root/a", "1");
	start(f);
	run_until(f, has_scanned);
	stop(f);
	f->scanned = f->committed = 0;
	start(f);
	run_until(f, has_scanned);
	names_ask(f, &n);
	assert_string_equal(n.text, " a ");
	/* nothing changed: nothing was found */
	assert_int_equal(f->committed, 0);
	stop(f);
}

static void never_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	(void)c;
	(void)e;
	(void)now;
	fail_msg("ran without a state");
}

static void test_state_not_to_be_opened(void **state)
{
	struct fixture *f = *state;
	struct names n = { .call = { .run = never_run, .done = names_done } };

	scratch_write(f->dir, "state", "a file where a folder must be");
	start(f);
	run_until(f, has_failed);
	project_call(f->project, &n.call);
	while (!n.done)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(n.call.err.code, f->failed);
	stop(f);
}

static void flush_over(void *arg, int code, const char *text)
{
	struct names *n = arg;

	(void)text;
	n->call.err.code = code;
	project_return(&n->call);
}

static void flush_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	if (engine_flush(e, flush_over, c, now, &c->err) < 0)
		project_return(c);
}

/* Whoever waits for the cloud is told when the project stops. */
static void test_stop_ends_what_waits(void **state)
{
	struct fixture *f = *state;
	struct names n = { .call = { .run = flush_run, .done = names_done } };

	scratch_write(f->dir, "root/a", "1");
	start(f);
	run_until(f, has_scanned);
	project_call(f->project, &n.call);
	for (int i = 0; i < 20; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	stop(f);
	assert_true(n.done);
	assert_true(n.call.err.code < 0);
}

/* A call that looks one path up. */
struct lookup {
	struct project_call call; /* first */
	const char *path;
	struct engine_lookup found;
	bool done;
};

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
	((struct lookup *)c)->done = true;
}

static int lookup_ask(struct fixture *f, struct lookup *l, const char *path)
{
	memset(l, 0, sizeof(*l));
	l->path = path;
	l->call.run = lookup_run;
	l->call.done = lookup_done;
	project_call(f->project, &l->call);
	while (!l->done)
		uv_run(&f->loop, UV_RUN_ONCE);
	return l->call.err.code;
}

static void status_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	json_decref(engine_status(e, now));
	project_return(c);
}

/* Only files that are published are found, with their stat and their root. */
static void test_lookup(void **state)
{
	static const char *const absent[] = { "d", "link", "b", "d/../a", "/a",
		"", ".vsync/root-id", ".stfolder/x", "d/nothing" };
	struct fixture *f = *state;
	uint8_t hash[VS_SHA256_SIZE];
	struct lookup l;
	struct stat st;

	scratch_write(f->dir, "root/a", "one");
	scratch_mkdir(f->dir, "root/d");
	scratch_mkdir(f->dir, "root/.stfolder");
	scratch_write(f->dir, "root/.stfolder/x", "1");
	assert_int_equal(symlink("a", scratch_at(f->dir, "root/link")), 0);
	start(f);
	run_until(f, has_scanned);
	assert_int_equal(lookup_ask(f, &l, "a"), VS_OK);
	vs_sha256("one", 3, hash);
	assert_memory_equal(l.found.hash, hash, sizeof(hash));
	assert_int_equal(stat(scratch_at(f->dir, "root/a"), &st), 0);
	assert_int_equal(l.found.stat.ino, st.st_ino);
	assert_int_equal(l.found.stat.size, 3);
	assert_int_equal(stat(f->root, &st), 0);
	assert_int_equal(l.found.root_ino, st.st_ino);
	assert_int_equal(l.found.root_dev, st.st_dev);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_int_equal(lookup_ask(f, &l, absent[i]), VS_ENOENT);
	scratch_rename(f->dir, "root", "aside");
	/* whoever asks for the status has the root looked at */
	l.done = false;
	l.call.run = status_run;
	project_call(f->project, &l.call);
	while (!l.done)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(lookup_ask(f, &l, "a"), VS_EROOT);
	stop(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scan_and_watch),
		TEST(test_stop_at_once),
		TEST(test_state_survives),
		TEST(test_state_not_to_be_opened),
		TEST(test_stop_ends_what_waits),
		TEST(test_lookup),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
