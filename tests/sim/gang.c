#include "tests/sim/gang.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GANG_MAX 64

/* What a process says when it is through with its share. */
struct gang_share {
	struct gang_result result;
	struct score score;
};

/* Numbers first, first + step, ... */
static void share_do(const struct gang_work *w, int64_t first, int64_t step,
    struct gang_share *s)
{
	memset(s, 0, sizeof(*s));
	for (int64_t i = first; i < w->count; i += step) {
		if (w->piece(w->arg, w->from + i, &s->score))
			s->result.passed++;
		else
			s->result.failed++;
		if (w->one && s->result.failed)
			return;
	}
}

static bool share_write(int fd, const struct gang_share *s)
{
	const char *p = (const char *)s;
	size_t left = sizeof(*s);

	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return true;
}

static bool share_read(int fd, struct gang_share *s)
{
	char *p = (char *)s;
	size_t left = sizeof(*s);

	while (left) {
		ssize_t n = read(fd, p, left);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return true;
}

/* Starts one process; the end of its pipe that is read. */
static int share_start(const struct gang_work *w, int no, int jobs, pid_t *pid)
{
	struct gang_share *s;
	int fd[2];

	fflush(NULL);
	if (pipe(fd) < 0 || (*pid = fork()) < 0)
		abort();
	if (*pid) {
		close(fd[1]);
		return fd[0];
	}
	close(fd[0]);
	s = malloc(sizeof(*s));
	if (!s)
		abort();
	share_do(w, no, jobs, s);
	fflush(NULL);
	_exit(share_write(fd[1], s) ? 0 : 1);
}

static void share_add(
    const struct gang_share *s, struct gang_result *result, struct score *score)
{
	result->passed += s->result.passed;
	result->failed += s->result.failed;
	score_add(score, &s->score);
}

void gang_run(const struct gang_work *w, int jobs, struct gang_result *result,
    struct score *score)
{
	struct gang_share s;
	pid_t pid[GANG_MAX];
	int fd[GANG_MAX];

	memset(result, 0, sizeof(*result));
	if (jobs > GANG_MAX)
		jobs = GANG_MAX;
	if (jobs <= 1) {
		share_do(w, 0, 1, &s);
		share_add(&s, result, score);
		return;
	}
	for (int i = 0; i < jobs; i++)
		fd[i] = share_start(w, i, jobs, &pid[i]);
	for (int i = 0; i < jobs; i++) {
		int status = 0;

		if (share_read(fd[i], &s)) {
			share_add(&s, result, score);
		} else {
			printf("sim: process %d of %d died\n", i + 1, jobs);
			result->failed++;
		}
		close(fd[i]);
		while (waitpid(pid[i], &status, 0) < 0 && errno == EINTR)
			continue;
	}
}
