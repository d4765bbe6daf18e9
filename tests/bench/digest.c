/*
 * digest [-r] ROUNDS FILE... - how fast the content of cached files is hashed,
 * and how fast SHA-256 alone is with the same library (16 KiB at a time, from
 * memory), by turns: on one core with the first file, then on as many threads
 * as there are files.  Prints a line for each: threads, then MB of SHA-256
 * alone in a second of processor time and of the clock, then of content, the
 * medians of all rounds.  -r: content is read, as where it cannot be mapped.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/scan/content.h"
#include "common/os/mapping.h"
#include "tests/bench/load.h"

#define BLOCK 16384
#define ROUNDS_MAX 1000
#define FILES_MAX 64

/* One thread's work: a file, or as many bytes of memory. */
struct task {
	int fd;
	int64_t size;
	bool content;
	double cpu; /* seconds it took */
	pthread_t thread;
};

enum { ALONE_CPU, ALONE_WALL, CONTENT_CPU, CONTENT_WALL, RATES };

static double cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void alone(int64_t size, uint8_t sha256[VS_SHA256_SIZE])
{
	static const char block[BLOCK] = "x";
	struct vs_sha256 *s = vs_sha256_new();

	if (s == NULL)
		load_die("digest", "out of memory");
	vs_sha256_start(s);
	for (int64_t i = 0; i < size; i += BLOCK)
		vs_sha256_add(s, block, BLOCK);
	vs_sha256_end(s, sha256);
	vs_sha256_free(s);
}

static void *task_run(void *arg)
{
	struct task *t = arg;
	atomic_bool cancel = false;
	uint8_t sha256[VS_SHA256_SIZE];
	double start = cpu_now();

	if (!t->content)
		alone(t->size, sha256);
	else if (content_hash(t->fd, t->size, sha256, &cancel, NULL) != t->size)
		load_die("digest", "a file cannot be read");
	t->cpu = cpu_now() - start;
	return NULL;
}

/* MB in a second of processor time and of the clock, with n threads. */
static void measure(
    struct task *tasks, int n, bool content, double *by_cpu, double *by_wall)
{
	double start = load_now();
	double bytes = 0, cpu = 0;

	for (int i = 0; i < n; i++) {
		tasks[i].content = content;
		if (pthread_create(
			&tasks[i].thread, NULL, task_run, &tasks[i]) != 0)
			load_die("digest", "no thread");
	}
	for (int i = 0; i < n; i++) {
		pthread_join(tasks[i].thread, NULL);
		bytes += (double)tasks[i].size;
		cpu += tasks[i].cpu;
	}
	*by_cpu = bytes / 1e6 / cpu;
	*by_wall = bytes / 1e6 / (load_now() - start);
}

static int order(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(struct task *tasks, int n, long rounds)
{
	static double rate[RATES][ROUNDS_MAX];

	for (long i = 0; i < rounds; i++) {
		measure(
		    tasks, n, false, &rate[ALONE_CPU][i], &rate[ALONE_WALL][i]);
		measure(tasks, n, true, &rate[CONTENT_CPU][i],
		    &rate[CONTENT_WALL][i]);
	}
	printf("%d", n);
	for (int i = 0; i < RATES; i++) {
		qsort(rate[i], (size_t)rounds, sizeof(double), order);
		printf(" %.1f", rate[i][rounds / 2]);
	}
	printf("\n");
}

/* Opens a file and has all of it cached. */
static void task_open(struct task *t, const char *path)
{
	static char text[1024 * 1024];
	struct stat s;

	t->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (t->fd < 0 || fstat(t->fd, &s) != 0)
		load_die("digest: cannot open", path);
	t->size = s.st_size;
	while (read(t->fd, text, sizeof(text)) > 0)
		continue;
}

int main(int argc, char **argv)
{
	bool reads = argc > 1 && strcmp(argv[1], "-r") == 0;
	int first = reads ? 2 : 1;
	int files = argc - first - 1;
	struct task tasks[FILES_MAX];
	long rounds = files > 0 ? strtol(argv[first], NULL, 10) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX || files > FILES_MAX)
		load_die("usage", "digest [-r] ROUNDS FILE...");
	if (!reads && vs_mapping_guard(NULL) != VS_OK)
		load_die("digest", "no guard");
	for (int i = 0; i < files; i++)
		task_open(&tasks[i], argv[first + 1 + i]);
	print(tasks, 1, rounds);
	print(tasks, files, rounds);
	return 0;
}
