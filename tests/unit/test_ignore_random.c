/*
 * Random rules and paths against a matcher that is as simple as it is slow:
 * every line becomes the plain patterns that it stands for, and each is
 * tried on the whole path by recursion.
 */
#include "agent/scan/ignore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/rand.h"

#define LINES 6
#define ROUNDS 2000
#define PATHS 40

static struct vs_rand rng;

static size_t below(size_t n)
{
	return (size_t)vs_rand_below(&rng, n);
}

/* --- the slow one --- */

static bool slow(const char *p, const char *t);

/* Each alternative of the braces at p, put before what follows them. */
static bool slow_braces(const char *p, const char *t)
{
	char whole[512];
	const char *from = p + 1, *end = p;
	int depth = 0;

	do {
		depth += *end == '{';
		depth -= *end == '}';
		end++;
	} while (depth > 0);
	for (const char *at = p + 1; at < end; at++) {
		depth += *at == '{';
		if (depth == 0 && (*at == ',' || at == end - 1)) {
			snprintf(whole, sizeof(whole), "%.*s%s",
			    (int)(at - from), from, end);
			if (slow(whole, t))
				return true;
			from = at + 1;
		}
		depth -= *at == '}' && at < end - 1;
	}
	return false;
}

static bool slow_set(const char *p, const char *t)
{
	bool not = p[1] == '!', in = false;
	const char *at = p + 1 + not ;

	for (; *at != ']'; at++) {
		if (at[1] == '-' && at[2] != ']') {
			in = in || (*t >= at[0] && *t <= at[2]);
			at += 2;
		} else {
			in = in || *t == *at;
		}
	}
	return *t != '\0' && *t != '/' && in != not &&slow(at + 1, t + 1);
}

static bool slow(const char *p, const char *t)
{
	switch (*p) {
	case '\0':
		return *t == '\0';
	case '*':
		if (p[1] == '*') {
			while (!slow(p + 2, t))
				if (*t++ == '\0')
					return false;
			return true;
		}
		while (!slow(p + 1, t))
			if (*t == '\0' || *t++ == '/')
				return false;
		return true;
	case '?':
		return *t != '\0' && *t != '/' && slow(p + 1, t + 1);
	case '[':
		return slow_set(p, t);
	case '{':
		return slow_braces(p, t);
	case '\\':
		return p[1] == *t && slow(p + 2, t + 1);
	default:
		return *p == *t && slow(p + 1, t + 1);
	}
}

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* One plain pattern, which is tied to the root or not. */
static bool slow_tied(const char *p, const char *t)
{
	char deep[300];

	if (p[0] == '/')
		return slow(p + 1, t);
	if (strncmp(p, "**/", 3) == 0)
		return slow(p, t) || slow(p + 3, t);
	snprintf(deep, sizeof(deep), "**/%s", p);
	return slow(p, t) || slow(deep, t);
}

/* One line: 1 shows path, -1 hides it, 0 says nothing. */
static int slow_line(const char *line, const char *path)
{
	char p[256], t[256], all[300];
	int verdict = -1;
	bool fold = false;
	size_t n;

	for (;;) {
		if (*line == '!' && verdict < 0) {
			verdict = 1;
			line++;
		} else if (strncmp(line, "(?i)", 4) == 0 && !fold) {
			fold = true;
			line += 4;
		} else if (strncmp(line, "(?d)", 4) == 0) {
			line += 4;
		} else {
			break;
		}
	}
	snprintf(p, sizeof(p), "%s", line);
	snprintf(t, sizeof(t), "%s", path);
	if (fold) {
		lower(p);
		lower(t);
	}
	n = strlen(p);
	snprintf(all, sizeof(all), "%s%s", p,
	    n >= 3 && strcmp(p + n - 3, "/**") == 0 ? ""
		: p[n - 1] == '/'                   ? "**"
						    : "/**");
	if (slow_tied(all, t))
		return verdict;
	if (p[n - 1] == '/' || (n >= 3 && strcmp(p + n - 3, "/**") == 0))
		return 0;
	return slow_tied(p, t) ? verdict : 0;
}

/* The first line that says something, from 1; 0: none. */
static int slow_first(
    char lines[LINES][64], int count, const char *path, bool *hidden)
{
	*hidden = false;
	for (int i = 0; i < count; i++) {
		int verdict = slow_line(lines[i], path);

		*hidden = verdict < 0;
		if (verdict != 0)
			return i + 1;
	}
	return 0;
}

/* --- random ones --- */

static void random_line(char out[64])
{
	static const char *const prefix[] = { "", "", "", "!", "!", "(?i)",
		"(?i)!", "(?d)" };
	static const char *const piece[] = { "a", "b", "c", "A", "a", "b", "*",
		"*", "**", "?", "[ab]", "[!a]", "[a-b]", "{a,b}", "{a*,c}",
		"{,b}", "{a/b,c}", "{a,{b,c}a}", "\\a", "/", "/", "/" };
	size_t pieces = 1 + below(5);

	snprintf(out, 64, "%s%s", prefix[below(8)], below(3) == 0 ? "/" : "");
	for (size_t i = 0; i < pieces; i++) {
		const char *s = piece[below(sizeof(piece) / sizeof(*piece))];
		size_t n = strlen(out);

		/* names have no empty part, and "//" is a comment */
		if (*s == '/' && (n == 0 || strchr("/!)", out[n - 1])))
			s = "a";
		/* stars that meet mean too much for the slow one */
		if (*s == '*' &&
		    ((n > 0 && out[n - 1] == '*') ||
			strstr(out, "{a*") != NULL))
			s = "b";
		strcat(out, s);
	}
	if (below(6) == 0)
		strcat(out, out[strlen(out) - 1] == '/' ? "**" : "/**");
}

static void random_path(char out[64])
{
	static const char *const name[] = { "a", "b", "c", "A", "ab", "ba",
		"bca", "aB", "abc" };
	size_t depth = 1 + below(4);

	out[0] = '\0';
	for (size_t i = 0; i < depth; i++) {
		strcat(out, i > 0 ? "/" : "");
		strcat(out, name[below(sizeof(name) / sizeof(*name))]);
	}
}

static int read_text(
    void *arg, const char *path, char **text, size_t *len, struct vs_err *err)
{
	if (strcmp(path, ".stignore") != 0)
		return vs_err_set(err, VS_ENOENT, "not found");
	*text = strdup(arg);
	*len = strlen(arg);
	return VS_OK;
}

static struct ignore *load(char lines[LINES][64], int count)
{
	char text[LINES * 64] = "";
	const struct rule_reader reader = { .read = read_text, .arg = text };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	for (int i = 0; i < count; i++) {
		strcat(text, lines[i]);
		strcat(text, "\n");
	}
	if (ignore_load(&g, &reader, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return g;
}

static void complain(
    char lines[LINES][64], int count, const char *path, const char *what)
{
	for (int i = 0; i < count; i++)
		print_message("%d: %s\n", i + 1, lines[i]);
	fail_msg("%s: %s", path, what);
}

/* The same answer, also by way of the folder it lies in. */
static void compare(
    const struct ignore *g, char lines[LINES][64], int count, const char *path)
{
	struct ignore_verdict v = ignore_path(g, path, false), w;
	const char *slash = strrchr(path, '/');
	char dir[64] = "";
	struct ignore_dir d;
	bool hidden;
	int line = slow_first(lines, count, path, &hidden);

	if ((v.rule != NULL ? v.rule->line : 0) != line ||
	    (v.kind == IGNORE_HIDDEN) != hidden)
		complain(lines, count, path, "another rule decides");
	if (slash != NULL)
		memcpy(dir, path, (size_t)(slash - path));
	d = ignore_enter(g, dir);
	w = ignore_in(g, &d, path, strlen(path), false);
	if (w.kind != v.kind || w.rule != v.rule)
		complain(lines, count, path, "asked in its folder");
}

/* What is shown is found: no folder above it is passed by. */
static void reachable(
    const struct ignore *g, char lines[LINES][64], int count, const char *path)
{
	char dir[64];

	if (ignore_path(g, path, false).kind != IGNORE_SHOWN)
		return;
	snprintf(dir, sizeof(dir), "%s", path);
	for (char *s; (s = strrchr(dir, '/')) != NULL;) {
		*s = '\0';
		if (ignore_path(g, dir, true).kind == IGNORE_HIDDEN)
			complain(lines, count, path, "is not found");
	}
}

static void run(uint64_t seed)
{
	char lines[LINES][64];

	vs_rand_seed(&rng, seed);
	for (int round = 0; round < ROUNDS; round++) {
		int count = 1 + (int)below(LINES);
		struct ignore *g;

		for (int i = 0; i < count; i++)
			random_line(lines[i]);
		g = load(lines, count);
		for (int i = 0; i < PATHS; i++) {
			char path[64];

			random_path(path);
			compare(g, lines, count, path);
			reachable(g, lines, count, path);
		}
		ignore_free(g);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		print_message("seed %d\n", (int)seed);
		run(seed);
	}
}

/* Any bytes are read or refused, and asked about, without a stumble. */
static void test_noise(void **state)
{
	static const char some[] = "a*?[]{},!\\/#()i-\xC3\xA9\xFF\r\n \t.";

	(void)state;
	vs_rand_seed(&rng, 7);
	for (int round = 0; round < 20000; round++) {
		char text[80];
		const struct rule_reader reader = {
			.read = read_text,
			.arg = text,
		};
		size_t n = below(sizeof(text) - 1);
		struct vs_err err = VS_ERR_INIT;
		struct ignore *g;

		for (size_t i = 0; i < n; i++)
			text[i] = some[below(sizeof(some) - 1)];
		text[n] = '\0';
		if (ignore_load(&g, &reader, &err) < 0) {
			assert_int_equal(strncmp(err.msg, ".stignore:", 10), 0);
			continue;
		}
		for (int i = 0; i < 8; i++) {
			char path[64];

			random_path(path);
			ignore_path(g, path, below(2));
		}
		ignore_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
