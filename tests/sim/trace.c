#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

void trace_init(struct trace *t, bool print)
{
	t->hash = 0xcbf29ce484222325ULL;
	t->print = print;
	t->lines = 0;
}

void trace_add(struct trace *t, int64_t at, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	t->lines++;
	t->hash = mix(t->hash, &at, sizeof(at));
	t->hash = mix(t->hash, line, strlen(line) + 1);
	if (t->print)
		printf("%10lld.%03d %s\n", (long long)(at / 1000),
		    (int)(at % 1000), line);
}

uint64_t trace_digest(const void *data, size_t len)
{
	return mix(0xcbf29ce484222325ULL, data, len);
}
