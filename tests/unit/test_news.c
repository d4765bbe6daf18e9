#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cloud/news.h"

static struct job waiter(
    const struct news *n, const char *project, int64_t seq, int64_t deadline)
{
	struct job job = { .deadline_ms = deadline, .seen = n->count };

	(void)snprintf(job.answer.project_id, sizeof(job.answer.project_id),
	    "%s", project);
	job.answer.wait_seq = seq;
	job.answer.wait_ms = 1000;
	return job;
}

static void test_wake(void **state)
{
	struct news n = { .count = 0 };
	struct job_list out = { .count = 0 };
	struct job a = waiter(&n, "p", 5, 100);
	struct job b = waiter(&n, "q", 5, 100);
	struct job c = waiter(&n, "p", 6, 100);

	(void)state;
	assert_true(news_park(&n, &a));
	assert_true(news_park(&n, &b));
	assert_true(news_park(&n, &c));
	news_wake(&n, "p", 5, &out);
	assert_int_equal(out.count, 0);
	news_wake(&n, "p", 6, &out);
	assert_int_equal(out.count, 1);
	assert_ptr_equal(job_take(&out), &a);
	news_wake(&n, "r", 99, &out);
	assert_int_equal(out.count, 0);
	news_wake(&n, "q", 99, &out);
	assert_ptr_equal(job_take(&out), &b);
	assert_int_equal(n.waiting.count, 1);
}

/* A commit between the question and the parking is not missed. */
static void test_missed(void **state)
{
	struct news n = { .count = 0 };
	struct job a = waiter(&n, "p", 5, 100);
	struct job b = waiter(&n, "q", 5, 100);
	struct job c = waiter(&n, "p", 6, 100);
	int i;

	(void)state;
	news_add(&n, "p", 6);
	assert_false(news_park(&n, &a));
	assert_true(news_park(&n, &b));
	assert_true(news_park(&n, &c));
	/* asked again it has seen that one */
	a.seen = n.count;
	a.answer.wait_seq = 6;
	assert_true(news_park(&n, &a));
	/* more news than are kept: not known, so it must ask again */
	b = waiter(&n, "q", 5, 100);
	for (i = 0; i < NEWS_KEPT; i++)
		news_add(&n, "other", i);
	assert_int_equal(n.count - b.seen, NEWS_KEPT);
	c = b;
	assert_true(news_park(&n, &c));
	news_add(&n, "other", 999);
	assert_false(news_park(&n, &b));
}

static void test_deadline(void **state)
{
	struct news n = { .count = 0 };
	struct job_list out = { .count = 0 };
	struct job a = waiter(&n, "p", 5, 300);
	struct job b = waiter(&n, "p", 5, 100);
	struct job c = waiter(&n, "p", 5, 200);

	(void)state;
	assert_int_equal(news_deadline(&n), 0);
	assert_true(
	    news_park(&n, &a) && news_park(&n, &b) && news_park(&n, &c));
	assert_int_equal(news_deadline(&n), 100);
	news_expire(&n, 99, &out);
	assert_int_equal(out.count, 0);
	news_expire(&n, 200, &out);
	assert_int_equal(out.count, 2);
	assert_int_equal(news_deadline(&n), 300);
	news_expire(&n, INT64_MAX, &out);
	assert_int_equal(out.count, 3);
	assert_int_equal(news_deadline(&n), 0);
}

static void test_leave(void **state)
{
	struct news n = { .count = 0 };
	struct job a = waiter(&n, "p", 5, 300);
	struct job b = waiter(&n, "p", 5, 100);
	struct job c = waiter(&n, "p", 5, 100);

	(void)state;
	assert_true(news_park(&n, &a) && news_park(&n, &b));
	assert_null(news_leave(&n, &c));
	assert_ptr_equal(news_leave(&n, &a), &a);
	assert_null(news_leave(&n, &a));
	assert_int_equal(n.waiting.count, 1);
	assert_ptr_equal(n.waiting.first, &b);
	assert_ptr_equal(n.waiting.last, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
