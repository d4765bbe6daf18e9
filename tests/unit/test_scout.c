/* agent/scan/scout: the threads that read folders ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/scan/scout.h"
#include "common/base/err.h"

/* A disk whose folders hold one name: their own. */
struct fake {
	struct disk disk;
	atomic_int reads;
	atomic_bool held; /* a reading does not end before this is false */
};

static int fake_list(
    struct disk *d, const char *dir, struct roster *names, struct vs_err *err)
{
	struct fake *f = (struct fake *)d;
	const struct disk_stat st = { .size = (int64_t)strlen(dir) };

	atomic_fetch_add(&f->reads, 1);
	while (atomic_load(&f->held))
		usleep(1000);
	if (strcmp(dir, "bad") == 0)
		return vs_err_set(err, VS_EIO, "a bad folder");
	return roster_add(names, dir, &st);
}

static struct scout *make(struct fake *f, int threads)
{
	struct scout *s = NULL;

	memset(f, 0, sizeof(*f));
	assert_int_equal(
	    scout_new(&s, threads, fake_list, &f->disk, NULL), VS_OK);
	return s;
}

static void wait_reads(struct fake *f, int n)
{
	while (atomic_load(&f->reads) < n)
		usleep(1000);
}

static void test_take(void **state)
{
	struct fake f;
	struct scout *s = make(&f, 2);
	struct roster r = { 0 };
	struct vs_err err = VS_ERR_INIT;
	int code;

	(void)state;
	assert_false(scout_take(s, "a", &r, &code, &err));
	assert_true(scout_ask(s, "a"));
	assert_true(scout_ask(s, "bad"));
	wait_reads(&f, 2);
	assert_true(scout_take(s, "a", &r, &code, &err));
	assert_int_equal(code, VS_OK);
	assert_int_equal(r.count, 1);
	assert_string_equal(roster_name(&r, 0), "a");
	assert_false(scout_take(s, "a", &(struct roster){ 0 }, &code, &err));
	roster_reset(&r);
	assert_true(scout_take(s, "bad", &r, &code, &err));
	assert_int_equal(code, VS_EIO);
	assert_string_equal(err.msg, "a bad folder");
	roster_release(&r);
	scout_free(s);
}

/* What nobody has begun yet is the taker's to read. */
static void test_not_begun(void **state)
{
	struct fake f;
	struct scout *s = make(&f, 1);
	struct roster r = { 0 };
	int code;

	(void)state;
	atomic_store(&f.held, true);
	assert_true(scout_ask(s, "a"));
	wait_reads(&f, 1);
	assert_true(scout_ask(s, "b"));
	assert_false(scout_take(s, "b", &r, &code, NULL));
	atomic_store(&f.held, false);
	assert_true(scout_take(s, "a", &r, &code, NULL));
	assert_int_equal(atomic_load(&f.reads), 1);
	roster_release(&r);
	scout_free(s);
}

/* A reading that is void is not given out, even one under way. */
static void test_forget(void **state)
{
	struct fake f;
	struct scout *s = make(&f, 1);
	struct roster r = { 0 };
	int code;

	(void)state;
	atomic_store(&f.held, true);
	assert_true(scout_ask(s, "a"));
	wait_reads(&f, 1);
	scout_forget(s, "a");
	assert_false(scout_take(s, "a", &r, &code, NULL));
	assert_true(scout_ask(s, "a"));
	scout_forget(s, NULL);
	assert_false(scout_take(s, "a", &r, &code, NULL));
	assert_true(scout_ask(s, "a"));
	atomic_store(&f.held, false);
	wait_reads(&f, 2);
	assert_true(scout_take(s, "a", &r, &code, NULL));
	assert_int_equal(r.count, 1);
	roster_release(&r);
	scout_free(s);
}

static void test_bounded(void **state)
{
	struct fake f;
	struct scout *s = make(&f, 1);
	struct roster r = { 0 };
	char name[16];
	int code;

	(void)state;
	atomic_store(&f.held, true);
	for (int i = 0; i < SCOUT_SLOTS; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_true(scout_ask(s, name));
	}
	assert_false(scout_ask(s, "more"));
	atomic_store(&f.held, false);
	wait_reads(&f, 1);
	assert_true(scout_take(s, "d0", &r, &code, NULL));
	assert_true(scout_ask(s, "more"));
	roster_release(&r);
	scout_free(s); /* with readings that nobody took */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_not_begun),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
