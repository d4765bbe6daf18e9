#include "common/net/backoff.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "common/base/limits.h"

static int64_t backoff_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t vs_backoff_next(
    struct vs_backoff *b, struct vs_rand *r, int64_t retry_after_ms)
{
	int64_t least = VS_RETRY_MIN_MS / 2;
	int64_t cap = VS_RETRY_MIN_MS;
	int64_t wait;

	assert(b->tries >= 0);
	for (int i = 0; i < b->tries && cap < VS_RETRY_MAX_MS; i++)
		cap *= 2;
	cap = backoff_min(cap, VS_RETRY_MAX_MS);
	if (b->tries < INT_MAX)
		b->tries++;
	wait = least + (int64_t)vs_rand_below(r, (uint64_t)(cap - least) + 1);
	retry_after_ms = backoff_min(retry_after_ms, VS_RETRY_AFTER_MAX_MS);
	return wait > retry_after_ms ? wait : retry_after_ms;
}

void vs_backoff_reset(struct vs_backoff *b)
{
	b->tries = 0;
}

int64_t vs_backoff_retry_after(const char *value, int64_t wall_ms)
{
	int64_t ms = 0;
	size_t digits;
	time_t date;

	if (value == NULL)
		return -1;
	value += strspn(value, " \t");
	digits = strspn(value, "0123456789");
	if (digits > 0 && value[digits] == '\0') {
		for (size_t i = 0; i < digits && ms < INT64_MAX / 100000; i++)
			ms = ms * 10 + (value[i] - '0');
		return backoff_min(ms * 1000, VS_RETRY_AFTER_MAX_MS);
	}
	/* curl_getdate takes a lot; an HTTP date begins with a weekday. */
	if (value[0] < 'A' || value[0] > 'Z')
		return -1;
	date = curl_getdate(value, NULL);
	if (date < 0)
		return -1;
	ms = (int64_t)date * 1000 - wall_ms;
	return ms < 0 ? -1 : backoff_min(ms, VS_RETRY_AFTER_MAX_MS);
}
