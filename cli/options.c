/*
 * getopt_long(3) does the reading; its tables are made of the rows that a
 * verb takes, so that an option of another verb is unknown here.  A long
 * option's value is LONG_BASE and its row, a letter's is the letter, and
 * optopt tells the same of one that was refused.
 */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct row {
	unsigned flag; /* OPT_ */
	int letter; /* 0: none */
	const char *name;
	const char *value; /* what it takes, for help; NULL: nothing */
	const char *text;
};

static const struct row rows[] = {
	{ OPT_LONG, 'l', "long", NULL, "size, time, version and seq, too" },
	{ OPT_RECURSIVE, 'R', "recursive", NULL, "everything below, too" },
	{ OPT_SINCE, 0, "since", "SEQ", "only events after SEQ" },
	{ OPT_LIMIT, 'n', "limit", "N", "at most N of them" },
	{ OPT_FOLLOW, 'f', "follow", NULL, "go on with what comes" },
	{ OPT_CHECK, 0, "check", NULL,
	    "exit 3: not in sync, 6: the token, 7: a decision" },
	{ OPT_DATA, 0, "data", NULL,
	    "reread contents, also where the stat is unchanged" },
	{ OPT_IN_SYNC, 0, "in-sync", NULL, "until it is proven in sync" },
	{ OPT_TIMEOUT, 't', "timeout", "S", "give up after S seconds" },
	{ OPT_DRY, 'n', "dry-run", NULL, "show the plan and do nothing" },
	{ OPT_OUT, 'o', "out", "DIR", "into DIR, not the project's folder" },
	{ OPT_FORCE, 0, "force", NULL, "replace what was changed here, too" },
	{ OPT_NO_WAIT, 0, "no-wait", NULL, "queue, and wait for nothing" },
	{ OPT_PROGRESS, 0, "progress", "HOW", "auto, json or none" },
	{ OPT_EXPIRES, 0, "expires", "T", "for how long: 90s, 30m, 12h, 7d" },
	{ OPT_ALL, 'a', "all", NULL, "all that run" },
	{ OPT_TAKE_OVER, 0, "take-over", NULL,
	    "publish from this machine from now on" },
	{ OPT_NEW_MARKER, 0, "new-marker", NULL,
	    "also a folder that has lost its marker" },
	{ OPT_VERBOSE, 'v', "verbose", NULL, "the rule that decides, too" },
	{ OPT_NON_MATCHING, 'n', "non-matching", NULL,
	    "with -v, also paths that no rule describes" },
	{ OPT_STDIN, 0, "stdin", NULL, "read the paths, one a line" },
	{ OPT_ZERO, 'z', "zero", NULL, "end lines and fields with NUL" },
	{ OPT_YES, 'y', "yes", NULL, "do not ask" },
	{ OPT_NAME, 0, "name", "NAME", "the project's name" },
	{ OPT_LIST_FIRST, 0, "list-first", NULL,
	    "names and sizes at once, hashes later" },
	{ OPT_DEVICE, 0, "device", "NAME", "this device's name" },
	{ OPT_PROJECT, 'p', "project", "NAME|ID", "which project" },
	{ OPT_NULL, '0', "null", NULL, "paths only, each ended by NUL" },
	{ OPT_JSON, 0, "json", NULL, "one JSON document" },
	{ OPT_LINES, 0, "json-lines", NULL, "one JSON object a line" },
	{ OPT_COLOR, 0, "color", "WHEN", "auto, always or never" },
	{ OPT_HELP, 'h', "help", NULL, "this text" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), LONG_BASE = 1000 };

static bool taken(const struct row *r, unsigned takes)
{
	return (takes & r->flag) != 0;
}

/* The tables that getopt_long(3) wants. */
static void tables(
    unsigned takes, char letters[2 * ROWS + 2], struct option longs[ROWS + 1])
{
	size_t l = 0, n = 0;

	assert(ROWS < LONG_BASE);
	letters[l++] = ':';
	for (int i = 0; i < ROWS; i++) {
		if (!taken(&rows[i], takes))
			continue;
		if (rows[i].letter != 0)
			letters[l++] = (char)rows[i].letter;
		if (rows[i].letter != 0 && rows[i].value != NULL)
			letters[l++] = ':';
		longs[n++] = (struct option){ .name = rows[i].name,
			.has_arg = rows[i].value != NULL,
			.val = LONG_BASE + i };
	}
	letters[l] = '\0';
	longs[n] = (struct option){ .name = NULL };
}

static int number(
    const char *name, const char *value, int64_t *out, struct trouble *f)
{
	char *end;

	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || n < 0)
		return trouble_usage(
		    f, "--%s: not a whole number: %s", name, value);
	*out = n;
	return 0;
}

static int seconds(const char *value, int64_t *ms, struct trouble *f)
{
	char *end;
	double s = strtod(value, &end);

	/* Written so that NaN is refused as well. */
	if (end == value || *end != '\0' || !(s >= 0 && s <= 1e9))
		return trouble_usage(f, "--timeout: not seconds: %s", value);
	*ms = (int64_t)(s * 1000 + 0.5);
	return 0;
}

/* "7d" and the like. */
static int expires(const char *value, int64_t *s, struct trouble *f)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		{ "d", 86400 } };
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (errno == 0 && end != value && n > 0 && n <= 1000000000 &&
		    strcmp(end, units[i].unit) == 0) {
			*s = n * units[i].seconds;
			return 0;
		}
	trouble_usage(f, "--expires: no span of time: %s", value);
	trouble_hint(f, "as in 90s, 30m, 12h or 7d");
	return VS_EINVAL;
}

static int progress(
    const char *value, enum options_progress *how, struct trouble *f)
{
	static const char *const names[] = { [PROGRESS_AUTO] = "auto",
		[PROGRESS_JSON] = "json",
		[PROGRESS_NONE] = "none" };

	for (int i = PROGRESS_AUTO; i <= PROGRESS_NONE; i++)
		if (strcmp(value, names[i]) == 0) {
			*how = (enum options_progress)i;
			return 0;
		}
	return trouble_usage(
	    f, "--progress: auto, json or none, not %s", value);
}

static int color(const char *value, enum print_when *when, struct trouble *f)
{
	static const char *const names[] = { [PRINT_AUTO] = "auto",
		[PRINT_ALWAYS] = "always",
		[PRINT_NEVER] = "never" };

	for (int i = PRINT_AUTO; i <= PRINT_NEVER; i++)
		if (strcmp(value, names[i]) == 0) {
			*when = (enum print_when)i;
			return 0;
		}
	return trouble_usage(
	    f, "--color: auto, always or never, not %s", value);
}

static int take(struct options *o, const struct row *r, struct trouble *f)
{
	assert(r->value == NULL || optarg != NULL);
	o->given |= r->flag;
	switch (r->flag) {
	case OPT_COLOR:
		return color(optarg, &o->color, f);
	case OPT_SINCE:
		return number(r->name, optarg, &o->since, f);
	case OPT_LIMIT:
		return number(r->name, optarg, &o->limit, f);
	case OPT_TIMEOUT:
		return seconds(optarg, &o->timeout_ms, f);
	case OPT_EXPIRES:
		return expires(optarg, &o->expires_s, f);
	case OPT_PROGRESS:
		return progress(optarg, &o->progress, f);
	case OPT_OUT:
		o->out = optarg;
		return 0;
	case OPT_PROJECT:
		o->project = optarg;
		return 0;
	case OPT_NAME:
		o->name = optarg;
		return 0;
	case OPT_DEVICE:
		o->device = optarg;
		return 0;
	default:
		return 0; /* given says it all */
	}
}

static const struct row *row_of(int got, unsigned takes)
{
	if (got >= LONG_BASE)
		return &rows[got - LONG_BASE];
	for (int i = 0; i < ROWS; i++)
		if (rows[i].letter == got && taken(&rows[i], takes))
			return &rows[i];
	return NULL;
}

static int refuse(int got, char **argv, struct trouble *f)
{
	const char *word = argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	assert(optind > 0);
	/* A letter in a bundle, else the word as it was written. */
	if (optopt > 0 && optopt < LONG_BASE && strncmp(word, "--", 2) != 0)
		word = letter;
	if (got == ':')
		trouble_usage(f, "%s: a value is missing", word);
	else if (optopt >= LONG_BASE)
		trouble_usage(f, "%s: takes no value", word);
	else
		trouble_usage(f, "no option %s", word);
	trouble_hint(f, "see `vsync help %s`", argv[0]);
	return VS_EINVAL;
}

int options_parse(
    struct options *o, unsigned takes, int argc, char **argv, struct trouble *f)
{
	char letters[2 * ROWS + 2];
	struct option longs[ROWS + 1];
	int got, rc;

	assert(argc > 0);
	takes |= OPT_HELP | OPT_COLOR;
	*o = (struct options){ .limit = -1, .timeout_ms = -1, .expires_s = -1 };
	tables(takes, letters, longs);
	optind = 0; /* glibc: forget the last line */
	opterr = 0;
	while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct row *r = row_of(got, takes);
		if (r == NULL)
			return refuse(got, argv, f);
		rc = take(o, r, f);
		if (rc != 0)
			return rc;
	}
	o->first = optind;
	return 0;
}

void options_print(struct print *p, unsigned takes)
{
	takes |= OPT_HELP | OPT_COLOR;
	for (int i = 0; i < ROWS; i++) {
		char left[40];
		if (!taken(&rows[i], takes))
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s",
		    rows[i].letter ? '-' : ' ',
		    rows[i].letter ? rows[i].letter : ' ',
		    rows[i].letter ? "," : " ", rows[i].name,
		    rows[i].value ? " " : "",
		    rows[i].value ? rows[i].value : "");
		print_f(p, "  %-26s %s\n", left, rows[i].text);
	}
}

bool options_want_json(int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0 ||
		    strcmp(argv[i], "--json-lines") == 0)
			return true;
	return false;
}
