#include "cli/human.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/stamp.h"

const char *human_bytes(int64_t n, char out[HUMAN_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	size_t unit = 0;
	double value = (double)n;

	while ((value >= 999.5 || value <= -999.5) && unit < 6) {
		value /= 1024;
		unit++;
	}
	if (unit > 0 && value < 99.95 && value > -99.95)
		snprintf(out, HUMAN_SIZE, "%.1f %s", value, units[unit]);
	else
		snprintf(out, HUMAN_SIZE, "%.0f %s", value, units[unit]);
	return out;
}

const char *human_count(int64_t n, char out[HUMAN_SIZE])
{
	char digits[24];
	size_t at = 0;
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n);

	assert(len > 0);
	for (int i = 0; i < len; i++) {
		int left = len - i;
		if (i > 0 && left % 3 == 0 && digits[i - 1] != '-')
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *human_span(int64_t ms, char out[HUMAN_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(out, HUMAN_SIZE, "0 s");
	else if (ms < 1000)
		snprintf(out, HUMAN_SIZE, "%" PRId64 " ms", ms);
	else if (s < 10)
		snprintf(out, HUMAN_SIZE, "%" PRId64 ".%" PRId64 " s", s,
		    ms % 1000 / 100);
	else if (s < 60)
		snprintf(out, HUMAN_SIZE, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(out, HUMAN_SIZE, "%" PRId64 " min %" PRId64 " s",
		    s / 60, s % 60);
	else if (s < 2 * 86400)
		snprintf(out, HUMAN_SIZE, "%" PRId64 " h %" PRId64 " min",
		    s / 3600, s % 3600 / 60);
	else
		snprintf(out, HUMAN_SIZE, "%" PRId64 " days", s / 86400);
	return out;
}

const char *human_ago(const char *stamp, int64_t now_ms, char out[HUMAN_SIZE])
{
	char span[HUMAN_SIZE];
	int64_t us;

	assert(now_ms >= 0);
	if (stamp == NULL || vs_stamp_parse(stamp, &us) != 0)
		snprintf(out, HUMAN_SIZE, "never");
	else if (now_ms - us / 1000 < 1000)
		snprintf(out, HUMAN_SIZE, "just now");
	else
		snprintf(out, HUMAN_SIZE, "%.24s ago",
		    human_span(now_ms - us / 1000, span));
	return out;
}

const char *human_things(int64_t n, const char *word, char out[HUMAN_SIZE])
{
	char count[HUMAN_SIZE];
	size_t len = strlen(word);

	assert(len > 0);
	if (n == 1)
		snprintf(out, HUMAN_SIZE, "one %s", word);
	else if (len > 1 && word[len - 1] == 'y')
		snprintf(out, HUMAN_SIZE, "%s %.*sies", human_count(n, count),
		    (int)len - 1, word);
	else
		snprintf(out, HUMAN_SIZE, "%s %s%s", human_count(n, count),
		    word, word[len - 1] == 's' ? "" : "s");
	return out;
}
