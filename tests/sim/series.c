#include "tests/sim/series.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/oracle.h"
#include "tests/sim/step.h"

struct series {
	struct series_options o;
	struct world *w;
	struct oracle oracle;
	struct step_place place;
	int step[SERIES_LENGTH];
	int steps;
	struct series_result *shared; /* by all processes, one at a time */
};

/* Chance that depends on the steps so far and on nothing else. */
static void chance_seed(const struct series *s, struct vs_rand *r)
{
	uint64_t h = s->o.world.seed + 0x5e41e5;

	for (int i = 0; i < s->steps; i++)
		h = (h + (uint64_t)s->step[i] + 1) * 0x9e3779b97f4a7c15ULL;
	vs_rand_seed(r, h);
}

/* The process ends, or the machine, or both machines; while things go on. */
static bool crash(struct series *s)
{
	static const uint64_t later[] = { 0, 3, 60, 90, 150, 400 };
	struct vs_rand r;
	int64_t ms;

	chance_seed(s, &r);
	ms = (int64_t)later[vs_rand_below(&r, 6)];
	if (ms)
		ms += (int64_t)vs_rand_below(&r, 20);
	if (!world_run(s->w, ms))
		return false;
	world_crash_engine(
	    s->w, vs_rand_below(&r, 3) != 0, (int64_t)vs_rand_below(&r, 200));
	if (!vs_rand_below(&r, 4))
		world_crash_cloud(s->w, true, (int64_t)vs_rand_below(&r, 200));
	return world_run(s->w, (int64_t)vs_rand_below(&r, 300));
}

static bool judge(struct series *s)
{
	int64_t seq;

	step_rest(&s->place);
	memdisk_set_queue(s->w->disk, 4096);
	s->w->net.forced = 0;
	if (!oracle_settle(s->w, memfs_unseen(s->w->fs)) ||
	    !oracle_compare(&s->oracle, s->w, true))
		return false;
	seq = s->oracle.seq;
	if (!oracle_settle(s->w, true) ||
	    !oracle_follow(&s->oracle, s->w, true))
		return false;
	return s->oracle.seq == seq ||
	    world_fail(s->w, "a second sync made %" PRId64 " events",
		s->oracle.seq - seq);
}

static void failure_print(const struct series *s)
{
	printf("sim: sequence");
	for (int i = 0; i < s->steps; i++)
		printf("%s %s", i ? ";" : "", step_name(s->step[i]));
	printf(": %s\nsim: again: build/sim --seed %" PRIu64
	       " --series %d --trace --only ",
	    s->w->failure, s->o.world.seed, s->steps);
	for (int i = 0; i < s->steps; i++)
		printf("%s%d", i ? "," : "", s->step[i]);
	printf("\n");
}

static void verdict(struct series *s, bool passed)
{
	if (passed)
		s->shared->passed++;
	else
		s->shared->failed++;
	if (!passed)
		failure_print(s);
}

/* In a process of its own, which is waited for. */
static void apart(struct series *s, void (*what)(struct series *s))
{
	int64_t failed = s->shared->failed;
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		what(s);
		fflush(NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		world_fail(s->w, "the process died (status %d)", status);
		failure_print(s);
		s->shared->failed = failed + 1;
	}
}

static void judge_apart(struct series *s)
{
	verdict(s, judge(s));
}

/* Whether this one of the longest is to be tried. */
static bool sampled(const struct series *s)
{
	struct vs_rand r;

	if (s->o.share <= 1)
		return true;
	chance_seed(s, &r);
	return vs_rand_below(&r, (uint64_t)s->o.share) == 0;
}

static void step_try(struct series *s);

/* The next step, whichever may be tried. */
static void steps_try(struct series *s)
{
	for (int step = 0; step < STEPS; step++) {
		if (s->o.only && s->o.only[s->steps] != step)
			continue;
		s->step[s->steps++] = step;
		if (s->steps < s->o.length || sampled(s))
			apart(s, step_try);
		s->steps--;
	}
}

/* Does the last step; judges, and goes on. */
static void step_try(struct series *s)
{
	int step = s->step[s->steps - 1];

	trace_add(
	    &s->w->trace, world_now(s->w).mono_ms, "step: %s", step_name(step));
	if (!step_do(&s->place, step)) {
		s->shared->empty++;
		return;
	}
	if (!crash(s)) {
		verdict(s, false);
		return;
	}
	if (s->steps == s->o.length) {
		verdict(s, judge(s));
		return;
	}
	if (!s->o.only)
		apart(s, judge_apart);
	steps_try(s);
}

static bool prepare(struct series *s)
{
	s->place = (struct step_place){ .w = s->w };
	if (!world_run(s->w, 1000))
		return false;
	step_prepare(&s->place);
	return world_run(s->w, 1000) && oracle_settle(s->w, true) &&
	    oracle_compare(&s->oracle, s->w, true);
}

void series_run(
    const struct series_options *o, int first, struct series_result *result)
{
	struct series s = { .o = *o };

	assert(o->length >= 1 && o->length <= SERIES_LENGTH);
	if (o->only && o->only[0] != first)
		return;
	s.shared = mmap(NULL, sizeof(*s.shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s.w = world_new(&o->world);
	if (s.shared == MAP_FAILED || !s.w)
		abort();
	oracle_init(&s.oracle);
	if (prepare(&s)) {
		s.step[s.steps++] = first;
		apart(&s, step_try);
	} else {
		verdict(&s, false);
	}
	result->passed += s.shared->passed;
	result->failed += s.shared->failed;
	result->empty += s.shared->empty;
	munmap(s.shared, sizeof(*s.shared));
	oracle_release(&s.oracle);
	world_free(s.w);
}
