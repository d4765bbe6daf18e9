/* The workers' lanes, and the mailbox, with threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "agent/crew.h"
#include "agent/mailbox.h"
#include "common/os/clock.h"

#define JOBS 64
#define PROCESSORS 2

/* What jobs share; a large one takes as long as the test says. */
struct shared {
	atomic_bool block_large;
	atomic_int running;
	atomic_int done;
};

struct job {
	struct crew_job job; /* first */
	struct shared *shared;
	bool large;
	atomic_int calls;
};

static void job_work(struct crew_job *j)
{
	struct job *job = (struct job *)j;
	struct shared *s = job->shared;

	atomic_fetch_add(&s->running, 1);
	while (job->large && atomic_load(&s->block_large) &&
	    !atomic_load(j->cancel))
		usleep(1000);
	atomic_fetch_sub(&s->running, 1);
	if (atomic_load(j->cancel))
		vs_err_set(&j->err, VS_ECANCELED, "stopped");
}

static void job_done(struct crew_job *j)
{
	struct job *job = (struct job *)j;

	atomic_fetch_add(&job->calls, 1);
	atomic_fetch_add(&job->shared->done, 1);
}

struct fixture {
	struct crew *crew;
	struct shared shared;
	atomic_bool cancel;
	struct job jobs[JOBS];
	int count;
};

static void submit_size(
    struct fixture *f, int64_t size, bool urgent, const void *owner)
{
	struct job *j = &f->jobs[f->count++];

	assert_true(f->count <= JOBS);
	j->shared = &f->shared;
	j->large = size > CREW_SMALL;
	j->job.size = size;
	j->job.urgent = urgent;
	j->job.cancel = &f->cancel;
	j->job.owner = owner;
	j->job.work = job_work;
	j->job.done = job_done;
	crew_submit(f->crew, &j->job);
}

static void submit(struct fixture *f, bool large, const void *owner)
{
	submit_size(f, large ? CREW_SMALL + 1 : CREW_SMALL, false, owner);
}

static void wait_done(struct fixture *f, int n)
{
	int64_t until = vs_clock_mono_ms() + 10000;

	while (atomic_load(&f->shared.done) < n && vs_clock_mono_ms() < until)
		usleep(1000);
	assert_int_equal(atomic_load(&f->shared.done), n);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(
	    crew_new(&f->crew, PROCESSORS + CREW_SPARE, NULL), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->shared.block_large, false);
	crew_forget(f->crew, f);
	crew_free(f->crew);
	for (int i = 0; i < f->count; i++)
		assert_int_equal(atomic_load(&f->jobs[i].calls), 1);
	free(f);
	return 0;
}

/* So many larger ones run; small ones that come now find a worker. */
static void check_running(struct fixture *f, int n)
{
	int64_t until = vs_clock_mono_ms() + 10000;
	int done = atomic_load(&f->shared.done);

	while (
	    atomic_load(&f->shared.running) < n && vs_clock_mono_ms() < until)
		usleep(1000);
	for (int i = 0; i < 5; i++)
		submit(f, false, f);
	wait_done(f, done + 5);
	assert_int_equal(atomic_load(&f->shared.running), n);
}

/* A third would run beside two, and leave the fourth alone afterwards. */
static void test_large_ones_have_a_processor_each(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->shared.block_large, true);
	for (int i = 0; i < 4; i++)
		submit(f, true, f);
	check_running(f, PROCESSORS);
	/* clips do not hold up the film */
	for (int i = 0; i < 2; i++)
		submit_size(f, CREW_LARGE + 1, false, f);
	check_running(f, PROCESSORS + 1);
	atomic_store(&f->shared.block_large, false);
	wait_done(f, f->count);
	for (int i = 0; i < f->count; i++)
		assert_int_equal(f->jobs[i].job.err.code, VS_OK);
}

/* Films of a terabyte leave room for a clip, and the clip for a script. */
static void test_huge_ones_leave_two(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->shared.block_large, true);
	for (int i = 0; i < 4; i++)
		submit_size(f, CREW_LARGE + 1, false, f);
	check_running(f, PROCESSORS);
	for (int i = 0; i < 2; i++)
		submit(f, true, f);
	check_running(f, PROCESSORS + 1);
	atomic_store(&f->shared.block_large, false);
	wait_done(f, f->count);
}

/* The fewest workers there are: one for each lane. */
static void test_each_lane_has_one(void **state)
{
	struct fixture *f = *state;

	crew_free(f->crew);
	assert_int_equal(crew_new(&f->crew, 1, NULL), VS_OK);
	atomic_store(&f->shared.block_large, true);
	for (int i = 0; i < 3; i++) {
		submit_size(f, CREW_LARGE + 1, false, f);
		submit(f, true, f);
	}
	check_running(f, 2);
	atomic_store(&f->shared.block_large, false);
	wait_done(f, f->count);
}

/* Waits for as many others as there are workers. */
static void meet_work(struct crew_job *j)
{
	struct shared *s = ((struct job *)j)->shared;
	int64_t until = vs_clock_mono_ms() + 10000;

	atomic_fetch_add(&s->running, 1);
	while (atomic_load(&s->running) < PROCESSORS + CREW_SPARE &&
	    vs_clock_mono_ms() < until)
		usleep(1000);
}

/* A swarm of jobs wakes all workers, whoever calls whom. */
static void test_a_swarm_wakes_all(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 10; round++) {
		usleep(2000); /* they fall asleep */
		atomic_store(&f->shared.running, 0);
		for (int i = 0; i < PROCESSORS + CREW_SPARE; i++) {
			struct job *j = &f->jobs[f->count++];

			j->shared = &f->shared;
			j->job.cancel = &f->cancel;
			j->job.owner = f;
			j->job.work = meet_work;
			j->job.done = job_done;
			crew_submit(f->crew, &j->job);
		}
		wait_done(f, f->count);
		assert_int_equal(
		    atomic_load(&f->shared.running), PROCESSORS + CREW_SPARE);
	}
}

struct order {
	atomic_bool go;
	int n;
	int at[4];
};

/* One at a time: the other worker of the lane is busy. */
static void order_work(struct crew_job *j)
{
	struct order *o = (struct order *)(uintptr_t)j->owner;

	while (!atomic_load(&o->go))
		usleep(1000);
	o->at[o->n++] = (int)j->size;
}

/* One that somebody waits for is the next of its lane. */
static void test_urgent_ones_first(void **state)
{
	struct fixture *f = *state;
	struct order o = { 0 };

	atomic_store(&f->shared.block_large, true);
	submit_size(f, CREW_LARGE + 1, false, f);
	while (atomic_load(&f->shared.running) == 0)
		usleep(1000);
	for (int i = 0; i < 4; i++) {
		struct job *j = &f->jobs[f->count++];

		j->shared = &f->shared;
		j->job.size = CREW_SMALL + 10 + i;
		j->job.urgent = i == 3;
		j->job.cancel = &f->cancel;
		j->job.owner = &o;
		j->job.work = order_work;
		j->job.done = job_done;
		crew_submit(f->crew, &j->job);
		usleep(20000); /* the first one begins, and waits */
	}
	atomic_store(&o.go, true);
	wait_done(f, 4);
	assert_int_equal(o.n, 4);
	assert_int_equal(o.at[1], CREW_SMALL + 13);
	atomic_store(&f->shared.block_large, false);
	wait_done(f, 5);
}

static void test_forget(void **state)
{
	struct fixture *f = *state;
	int other;

	atomic_store(&f->shared.block_large, true);
	for (int i = 0; i < 3; i++)
		submit(f, true, f);
	while (atomic_load(&f->shared.running) == 0)
		usleep(1000);
	atomic_store(&f->cancel, true);
	crew_forget(f->crew, f);
	/* nothing of ours runs or comes back any more */
	assert_int_equal(atomic_load(&f->shared.done), 3);
	assert_int_equal(atomic_load(&f->shared.running), 0);
	for (int i = 0; i < f->count; i++)
		assert_int_equal(f->jobs[i].job.err.code, VS_ECANCELED);
	atomic_store(&f->cancel, false);
	atomic_store(&f->shared.block_large, false);
	submit(f, false, &other);
	crew_forget(f->crew, f);
	wait_done(f, 4);
	assert_int_equal(f->jobs[3].job.err.code, VS_OK);
}

/* The mailbox. */

struct letter {
	struct mailbox_item item; /* first */
	int number;
	int *last;
};

static void letter_read(struct mailbox_item *item)
{
	struct letter *l = (struct letter *)item;

	/* each sender's letters come in their order */
	assert_true(l->number > *l->last);
	*l->last = l->number;
	free(l);
}

static void letter_put(struct mailbox *m, int number, int *last)
{
	struct letter *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->item.handle = letter_read;
	l->item.weight = 10;
	l->number = number;
	l->last = last;
	mailbox_put(m, &l->item);
}

#define LETTERS 5000

struct sender {
	struct mailbox *mailbox;
	int last;
};

static void sender_run(void *arg)
{
	struct sender *s = arg;

	for (int i = 1; i <= LETTERS; i++)
		letter_put(s->mailbox, i, &s->last);
}

static void test_mailbox(void **state)
{
	struct mailbox *m;
	struct sender senders[3] = { { 0 } };
	uv_thread_t threads[3];

	(void)state;
	assert_int_equal(mailbox_new(&m, NULL), VS_OK);
	for (int i = 0; i < 3; i++) {
		senders[i].mailbox = m;
		assert_int_equal(
		    uv_thread_create(&threads[i], sender_run, &senders[i]), 0);
	}
	while (senders[0].last < LETTERS || senders[1].last < LETTERS ||
	    senders[2].last < LETTERS)
		mailbox_serve(m, 1000);
	for (int i = 0; i < 3; i++)
		uv_thread_join(&threads[i]);
	assert_int_equal(mailbox_weight(m), 0);
	mailbox_free(m);
}

static void test_mailbox_waits(void **state)
{
	struct mailbox *m;
	int64_t start = vs_clock_mono_ms();
	int last = 0;

	(void)state;
	assert_int_equal(mailbox_new(&m, NULL), VS_OK);
	mailbox_serve(m, 0);
	mailbox_serve(m, -5);
	assert_true(vs_clock_mono_ms() - start < 25);
	mailbox_serve(m, 30);
	assert_true(vs_clock_mono_ms() - start >= 30);
	letter_put(m, 1, &last);
	letter_put(m, 2, &last);
	assert_int_equal(mailbox_weight(m), 20);
	/* something is there: it does not wait at all */
	mailbox_serve(m, INT64_MAX);
	assert_int_equal(last, 2);
	assert_int_equal(mailbox_weight(m), 0);
	mailbox_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_large_ones_have_a_processor_each, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_huge_ones_leave_two, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_each_lane_has_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_swarm_wakes_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_urgent_ones_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_mailbox_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
