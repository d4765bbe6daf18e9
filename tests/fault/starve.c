/*
 * Preloaded into a program: there is no memory for its i-th allocation, so
 * that a sweep over i visits every place that has to cope.
 *
 * STARVE_AT=i      which allocation, from 1; absent: only count
 * STARVE_LONG=n    and the n - 1 that follow
 * STARVE_PROG=name only in the program of that name
 * STARVE_COUNT=f   at its end the program writes its number of them to f
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static atomic_long calls;
static atomic_long first; /* 0: not known yet, -1: never */
static atomic_long last;

static void learn(void)
{
	const char *prog = getenv("STARVE_PROG");
	const char *at = getenv("STARVE_AT");
	const char *n = getenv("STARVE_LONG");
	long from = at ? strtol(at, NULL, 10) : -1;

	if (prog && strcmp(prog, program_invocation_short_name) != 0)
		from = -1;
	atomic_store(&last, from + (n ? strtol(n, NULL, 10) : 1) - 1);
	atomic_store(&first, from > 0 ? from : -1);
}

static bool refused(void)
{
	long i = atomic_fetch_add(&calls, 1) + 1;
	long from;

	if (atomic_load(&first) == 0)
		learn();
	from = atomic_load(&first);
	if (from < 0 || i < from || i > atomic_load(&last))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return refused() ? NULL : __libc_realloc(p, size);
}

__attribute__((destructor)) static void tell(void)
{
	const char *prog = getenv("STARVE_PROG");
	const char *path = getenv("STARVE_COUNT");
	FILE *f;

	if (!path || (prog && strcmp(prog, program_invocation_short_name) != 0))
		return;
	f = fopen(path, "w");
	if (!f)
		return;
	fprintf(f, "%ld\n", atomic_load(&calls));
	fclose(f);
}
