#include "common/base/stamp.h"

#include <assert.h>
#include <stdbool.h>

#include "common/base/err.h"

#define STAMP_DAY_MS 86400000LL
/* 0000-01-01 and the last ms of 9999: what four digits of a year can say. */
#define STAMP_MIN_MS (-62167219200000LL)
#define STAMP_MAX_MS 253402300799999LL

struct stamp_date {
	int64_t year;
	int64_t month; /* 1 to 12 */
	int64_t day; /* 1 to 31 */
};

/*
 * Days since 1970-01-01 in the proleptic Gregorian calendar.  The year
 * begins in March, so that the leap day is its last.
 */
static int64_t stamp_days(const struct stamp_date *d)
{
	int64_t y = d->month > 2 ? d->year : d->year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t in_era = y - era * 400;
	int64_t march = d->month > 2 ? d->month - 3 : d->month + 9;
	int64_t day = (153 * march + 2) / 5 + d->day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + day -
	    719468;
}

/* The other way round. */
static struct stamp_date stamp_civil(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t in = z - era * 146097;
	int64_t y = (in - in / 1460 + in / 36524 - in / 146096) / 365;
	int64_t day = in - (365 * y + y / 4 - y / 100);
	int64_t march = (5 * day + 2) / 153;
	struct stamp_date d;

	d.day = day - (153 * march + 2) / 5 + 1;
	d.month = march < 10 ? march + 3 : march - 9;
	d.year = y + era * 400 + (d.month <= 2 ? 1 : 0);
	return d;
}

/* n digits of v and then c; where they end. */
static char *stamp_put(char *to, int n, int64_t v, char c)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		to[i] = (char)('0' + v % 10);
	to[n] = c;
	return to + n + 1;
}

const char *vs_stamp_format(int64_t ms, char out[VS_STAMP_SIZE])
{
	struct stamp_date d;
	int64_t days;
	unsigned rest;
	char *to;

	assert(out != NULL);
	if (ms < STAMP_MIN_MS)
		ms = STAMP_MIN_MS;
	if (ms > STAMP_MAX_MS)
		ms = STAMP_MAX_MS;
	days = ms / STAMP_DAY_MS;
	if (ms % STAMP_DAY_MS < 0)
		days--;
	rest = (unsigned)(ms - days * STAMP_DAY_MS);
	d = stamp_civil(days);
	to = stamp_put(out, 4, d.year, '-');
	to = stamp_put(to, 2, d.month, '-');
	to = stamp_put(to, 2, d.day, 'T');
	to = stamp_put(to, 2, rest / 3600000, ':');
	to = stamp_put(to, 2, rest / 60000 % 60, ':');
	to = stamp_put(to, 2, rest / 1000 % 60, '.');
	to = stamp_put(to, 3, rest % 1000, 'Z');
	*to = '\0';
	return out;
}

/* Takes exactly n digits from *s; -1 if they are not there. */
static int64_t stamp_digits(const char **s, int n)
{
	int64_t v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool stamp_take(const char **s, const char *any_of)
{
	for (; *any_of != '\0'; any_of++) {
		if (**s == *any_of) {
			(*s)++;
			return true;
		}
	}
	return false;
}

static bool stamp_parse_date(const char **s, int64_t *days)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	struct stamp_date d;
	bool leap;

	d.year = stamp_digits(s, 4);
	if (d.year < 0 || !stamp_take(s, "-"))
		return false;
	d.month = stamp_digits(s, 2);
	if (d.month < 1 || d.month > 12 || !stamp_take(s, "-"))
		return false;
	d.day = stamp_digits(s, 2);
	if (d.day < 1 || d.day > lengths[d.month - 1])
		return false;
	leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
	if (d.month == 2 && d.day == 29 && !leap)
		return false;
	*days = stamp_days(&d);
	return true;
}

/* ".123456789": microseconds; nothing there is 0. */
static bool stamp_parse_fraction(const char **s, int64_t *us)
{
	int64_t scale = 100000;
	int n = 0;

	*us = 0;
	if (!stamp_take(s, "."))
		return true;
	for (; **s >= '0' && **s <= '9'; (*s)++, n++) {
		*us += (**s - '0') * scale;
		scale /= 10;
	}
	return n >= 1 && n <= 9;
}

/* Microseconds into the day; a leap second counts as the next one. */
static bool stamp_parse_time(const char **s, int64_t *us)
{
	int64_t h = stamp_digits(s, 2);
	int64_t m;
	int64_t sec;
	int64_t fraction;

	if (h < 0 || h > 23 || !stamp_take(s, ":"))
		return false;
	m = stamp_digits(s, 2);
	if (m < 0 || m > 59 || !stamp_take(s, ":"))
		return false;
	sec = stamp_digits(s, 2);
	if (sec < 0 || sec > 60 || !stamp_parse_fraction(s, &fraction))
		return false;
	*us = (h * 3600 + m * 60 + sec) * 1000000 + fraction;
	return true;
}

/* Microseconds east of UTC. */
static bool stamp_parse_offset(const char **s, int64_t *us)
{
	int64_t h;
	int64_t m;
	int64_t sign = 1;

	*us = 0;
	if (stamp_take(s, "Zz"))
		return true;
	if (stamp_take(s, "-"))
		sign = -1;
	else if (!stamp_take(s, "+ "))
		return false;
	h = stamp_digits(s, 2);
	if (h < 0 || h > 23 || !stamp_take(s, ":"))
		return false;
	m = stamp_digits(s, 2);
	if (m < 0 || m > 59)
		return false;
	*us = sign * (h * 60 + m) * 60000000;
	return true;
}

/* Plain ms since 1970; 16 digits are beyond every year we can write. */
static bool stamp_parse_epoch(const char *s, int64_t *us)
{
	bool negative = stamp_take(&s, "-");
	int64_t ms = 0;
	int n = 0;

	for (; *s >= '0' && *s <= '9' && n < 16; s++, n++)
		ms = ms * 10 + (*s - '0');
	if (n == 0 || n > 15 || *s != '\0')
		return false;
	*us = (negative ? -ms : ms) * 1000;
	return true;
}

int vs_stamp_parse(const char *s, int64_t *us)
{
	int64_t days;
	int64_t time;
	int64_t offset;

	assert(s != NULL && us != NULL);
	if (stamp_parse_epoch(s, us))
		return VS_OK;
	if (!stamp_parse_date(&s, &days) || !stamp_take(&s, "Tt "))
		return VS_EINVAL;
	if (!stamp_parse_time(&s, &time) || !stamp_parse_offset(&s, &offset))
		return VS_EINVAL;
	if (*s != '\0')
		return VS_EINVAL;
	*us = days * STAMP_DAY_MS * 1000 + time - offset;
	return VS_OK;
}
