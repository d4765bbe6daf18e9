#include "agent/scan/rule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/brace.h"
#include "agent/scan/glob.h"
#include "common/base/limits.h"

/* A pattern without its prefixes. */
struct body {
	const char *text;
	size_t len;
};

static bool starts(const struct body *b, const char *with)
{
	size_t n = strlen(with);

	return b->len >= n && memcmp(b->text, with, n) == 0;
}

static bool ends(const struct body *b, const char *with)
{
	size_t n = strlen(with);

	return b->len >= n && memcmp(b->text + b->len - n, with, n) == 0;
}

static void cut(struct body *b, size_t n)
{
	b->text += n;
	b->len -= n;
}

/* Takes the prefixes off, in any order, each once. */
static unsigned prefixes(struct body *b)
{
	static const struct {
		const char *text;
		unsigned flag;
	} known[] = { { "!", RULE_SHOW }, { "(?i)", RULE_FOLD },
		{ "(?d)", RULE_DELETABLE } };
	unsigned flags = 0;
	size_t i = 0;

	while (i < sizeof(known) / sizeof(known[0])) {
		if ((flags & known[i].flag) == 0 && starts(b, known[i].text)) {
			flags |= known[i].flag;
			cut(b, strlen(known[i].text));
			i = 0;
			continue;
		}
		i++;
	}
	return flags;
}

/* Where it is tied to, and whether it is about what is below only. */
static unsigned ties(struct body *b)
{
	unsigned flags = 0;

	if (starts(b, "/")) {
		flags |= RULE_ROOTED;
		cut(b, 1);
	}
	if ((flags & RULE_ROOTED) == 0 && starts(b, "**/"))
		cut(b, 3); /* any folder, the root included */
	if (ends(b, "/**") && b->len > 3) {
		flags |= RULE_BELOW;
		b->len -= 3;
	} else if (ends(b, "/") && b->len > 1) {
		flags |= RULE_BELOW;
		b->len -= 1;
	}
	return flags;
}

struct making {
	struct rule *rule;
	struct glob_syntax syntax;
};

static int add_glob(
    void *arg, const char *pattern, size_t n, struct vs_err *err)
{
	struct making *m = arg;
	struct rule *r = m->rule;
	struct glob **glob =
	    realloc(r->glob, (r->globs + 1) * sizeof(*r->glob));

	if (glob == NULL)
		return vs_err_set(err, VS_ENOMEM, "pattern: out of memory");
	r->glob = glob;
	if (glob_new(&glob[r->globs], pattern, n, &m->syntax, err) < 0)
		return err->code;
	r->globs++;
	return 0;
}

int rule_read(struct rule *r, const char *line, size_t len, uint32_t escape,
    struct vs_err *err)
{
	struct body b = { line, len };
	struct making m = { .rule = r };
	int rc;

	assert(len > 0 && err != NULL);
	memset(r, 0, sizeof(*r));
	r->flags = prefixes(&b);
	if (b.len == 0)
		return vs_err_set(err, VS_EINVAL, "prefixes without a pattern");
	r->flags |= ties(&b);
	if (b.len == 0) {
		/* nothing but slashes and stars: all there is */
		b = (struct body){ "**", 2 };
		r->flags &= ~(unsigned)RULE_BELOW;
	}
	m.syntax = (struct glob_syntax){
		.escape = escape,
		.fold = (r->flags & RULE_FOLD) != 0,
	};
	r->text = strndup(line, len);
	rc = r->text == NULL
	    ? vs_err_set(err, VS_ENOMEM, "pattern: out of memory")
	    : brace_each(b.text, b.len, escape, add_glob, &m, err);
	if (rc < 0)
		rule_release(r);
	return rc;
}

void rule_release(struct rule *r)
{
	for (size_t i = 0; i < r->globs; i++)
		glob_free(r->glob[i]);
	free(r->glob);
	free(r->text);
	r->glob = NULL;
	r->globs = 0;
	r->text = NULL;
}

bool rule_reaches(const struct rule *r, const char *dir)
{
	char text[VS_PATH_MAX + 2];
	size_t len = strlen(dir);

	if ((r->flags & RULE_ROOTED) == 0 || len >= sizeof(text) - 1)
		return true;
	memcpy(text, dir, len);
	text[len] = '/';
	for (size_t i = 0; i < r->globs; i++) {
		if (glob_begins(r->glob[i], text, len + 1))
			return true;
		if ((r->flags & RULE_BELOW) != 0 &&
		    glob_match(r->glob[i], text, len))
			return true;
	}
	return false;
}
