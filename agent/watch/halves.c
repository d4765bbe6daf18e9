#include "agent/watch/halves.h"

#include <stdlib.h>
#include <string.h>

struct half *half_new(const char *path)
{
	size_t size = strlen(path) + 1;
	struct half *half = calloc(1, sizeof(*half) + size);

	if (half != NULL)
		memcpy(half->path, path, size);
	return half;
}

void halves_put(struct halves *h, struct half *half)
{
	half->newer = NULL;
	half->older = h->newest;
	if (h->newest != NULL)
		h->newest->newer = half;
	else
		h->oldest = half;
	h->newest = half;
	h->count++;
}

static struct half *take(struct halves *h, struct half *half)
{
	if (half->newer != NULL)
		half->newer->older = half->older;
	else
		h->newest = half->older;
	if (half->older != NULL)
		half->older->newer = half->newer;
	else
		h->oldest = half->newer;
	h->count--;
	return half;
}

struct half *halves_match(struct halves *h, uint32_t cookie, bool dir)
{
	/* the kernel mostly tells the two in one breath */
	for (struct half *half = h->newest; half != NULL; half = half->older)
		if (half->cookie == cookie)
			return half->dir == dir ? take(h, half) : NULL;
	return NULL;
}

struct half *halves_alone(struct halves *h, int64_t now_ms)
{
	if (h->oldest == NULL || h->oldest->due_ms > now_ms)
		return NULL;
	return take(h, h->oldest);
}

int64_t halves_due(const struct halves *h)
{
	return h->oldest != NULL ? h->oldest->due_ms : INT64_MAX;
}
