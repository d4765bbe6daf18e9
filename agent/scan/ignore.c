/*
 * The rules stand in one row: firm classes, files, other classes.  What is
 * asked of a path is which rule comes first; a folder's answer is kept as
 * the rule from which on the files say nothing new of what is in it (base).
 */
#include "agent/scan/ignore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/sieve.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/crypto/sha256.h"

struct ignore {
	struct rule_list list;
	struct sieve *sieve;
	struct sieve_gap files; /* which of the rules are the files' */
	size_t loose; /* first "!" that may describe anything anywhere */
	bool reach; /* there is a "!" after which something is hidden */
	char digest[VS_HASH_HEX + 1];
};

static int add_classes(struct ignore *g, unsigned firm, struct vs_err *err)
{
	const struct ignore_class *c = ignore_classes();
	int rc = 0;

	for (; c->name != NULL; c++)
		for (int i = 0; c->rule[i] != NULL && rc == 0; i++)
			if (c->flags == firm)
				rc = rule_list_add(&g->list, c->name,
				    c->rule[i], RULE_CLASS | firm, err);
	return rc;
}

static int add_files(
    struct ignore *g, const struct rule_reader *reader, struct vs_err *err)
{
	int rc = rule_list_file(&g->list, reader, IGNORE_OWN, err);

	if (rc == 0)
		rc = rule_list_file(&g->list, reader, IGNORE_SYNCTHING, err);
	return rc;
}

/* What the "!" rules can do. */
static void look_at_shows(struct ignore *g)
{
	bool any = false;

	g->loose = SIEVE_NONE;
	for (size_t i = g->files.first; i < g->files.end; i++) {
		const struct rule *r = &g->list.rule[i];

		if ((r->flags & RULE_SHOW) == 0) {
			g->reach = g->reach || any;
			continue;
		}
		any = true;
		if ((r->flags & RULE_ROOTED) == 0 && g->loose == SIEVE_NONE)
			g->loose = i;
	}
}

static int digest(struct ignore *g)
{
	struct vs_sha256 *hash = vs_sha256_new();
	uint8_t sum[VS_SHA256_SIZE];

	if (hash == NULL)
		return VS_ENOMEM;
	vs_sha256_start(hash);
	for (size_t i = 0; i < g->list.count; i++) {
		const struct rule *r = &g->list.rule[i];

		vs_sha256_add(hash, r->source, strlen(r->source) + 1);
		vs_sha256_add(hash, r->text, strlen(r->text) + 1);
		vs_sha256_add(hash, &r->flags, sizeof(r->flags));
	}
	vs_sha256_end(hash, sum);
	vs_sha256_free(hash);
	vs_hex_encode(g->digest, sum, sizeof(sum));
	return VS_OK;
}

int ignore_load(
    struct ignore **out, const struct rule_reader *reader, struct vs_err *err)
{
	struct ignore *g = calloc(1, sizeof(*g));
	int rc;

	*out = NULL;
	if (g == NULL)
		return vs_err_set(err, VS_ENOMEM, "rules: out of memory");
	rc = add_classes(g, RULE_FIRM, err);
	g->files.first = g->list.count;
	if (rc == 0 && reader != NULL)
		rc = add_files(g, reader, err);
	g->files.end = g->list.count;
	if (rc == 0)
		rc = add_classes(g, 0, err);
	if (rc == 0 && (rc = digest(g)) < 0)
		vs_err_set(err, rc, "rules: out of memory");
	if (rc == 0)
		rc = sieve_new(&g->sieve, g->list.rule, g->list.count, err);
	if (rc < 0) {
		ignore_free(g);
		return rc;
	}
	look_at_shows(g);
	*out = g;
	return 0;
}

void ignore_free(struct ignore *g)
{
	if (g == NULL)
		return;
	sieve_free(g->sieve);
	rule_list_release(&g->list);
	free(g);
}

/* Whether a "!" before rule i may describe something below the folder. */
static bool reaches(const struct ignore *g, size_t i, const char *path)
{
	if (g->loose < i)
		return true;
	for (size_t k = g->files.first; k < i && k < g->files.end; k++)
		if ((g->list.rule[k].flags & RULE_SHOW) != 0 &&
		    rule_reaches(&g->list.rule[k], path))
			return true;
	return false;
}

/* The class that hides path itself, for what the files hide anyway. */
static const struct rule *class_of(
    const struct ignore *g, const char *path, size_t len)
{
	const struct sieve_gap gap = { 0, g->files.end };
	struct sieve_found f = sieve_find(g->sieve, path, len, &gap);

	return f.self != SIEVE_NONE ? &g->list.rule[f.self] : NULL;
}

/* What is said of one path. */
struct step {
	size_t rule; /* that decides, or SIEVE_NONE */
	bool hidden;
	struct ignore_dir in; /* for what is in it */
};

static struct step step(const struct ignore *g, const struct ignore_dir *d,
    const char *path, size_t len, bool dir)
{
	const struct sieve_gap gap = {
		d->base < g->files.end ? d->base : g->files.end, g->files.end
	};
	struct sieve_found f = sieve_find(g->sieve, path, len, &gap);
	struct step s = { .rule = d->base, .in = *d };
	const struct rule *self =
	    f.self != SIEVE_NONE ? &g->list.rule[f.self] : NULL;

	if (f.below < g->files.end && f.below < s.in.base)
		s.in.base = f.below;
	if (self != NULL && (f.self < g->files.end || d->base == SIEVE_NONE))
		s.rule = f.self;
	s.hidden = s.rule != SIEVE_NONE &&
	    (g->list.rule[s.rule].flags & RULE_SHOW) == 0;
	if (self != NULL && (self->flags & RULE_CLASS) != 0) {
		s.in.shut = self;
		if (!s.hidden)
			s.rule = f.self; /* shown by a folder above only */
		s.hidden = true;
	} else if (s.hidden && dir) {
		s.in.shut = class_of(g, path, len);
	}
	return s;
}

static struct ignore_verdict verdict(
    const struct ignore *g, const struct step *s, const char *path, bool dir)
{
	struct ignore_verdict v = { .kind = IGNORE_SHOWN };

	if (s->rule != SIEVE_NONE)
		v.rule = &g->list.rule[s->rule];
	if (s->hidden)
		v.kind = dir && g->reach && s->in.shut == NULL &&
			reaches(g, s->rule, path)
		    ? IGNORE_REACHED
		    : IGNORE_HIDDEN;
	return v;
}

struct ignore_verdict ignore_in(const struct ignore *g,
    const struct ignore_dir *d, const char *path, size_t len, bool dir)
{
	struct ignore_verdict v = { IGNORE_HIDDEN, d->shut };
	struct step s;

	if (d->shut != NULL)
		return v;
	s = step(g, d, path, len, dir && g->reach);
	return verdict(g, &s, path, dir);
}

struct ignore_dir ignore_enter(const struct ignore *g, const char *path)
{
	struct ignore_dir d = { .base = SIEVE_NONE };

	for (size_t i = 0; path[i] != '\0' && d.shut == NULL;) {
		struct step s;

		i += strcspn(path + i, "/");
		s = step(g, &d, path, i, true);
		d = s.in;
		i += path[i] == '/';
	}
	return d;
}

struct ignore_verdict ignore_path(
    const struct ignore *g, const char *path, bool dir)
{
	struct ignore_dir d = { .base = SIEVE_NONE };
	size_t i = 0;

	assert(path[0] != '\0');
	for (;;) {
		struct step s;

		i += strcspn(path + i, "/");
		if (path[i] == '\0')
			return ignore_in(g, &d, path, i, dir);
		s = step(g, &d, path, i, true);
		if (s.in.shut != NULL)
			return (struct ignore_verdict){ IGNORE_HIDDEN,
				&g->list.rule[s.rule] };
		d = s.in;
		i++;
	}
}

bool ignore_depends(const struct ignore *g, const char *path)
{
	for (size_t i = 0; i < g->list.sources; i++)
		if (strcmp(g->list.source[i], path) == 0 ||
		    vs_path_beneath(g->list.source[i], path))
			return true;
	return strcmp(path, IGNORE_OWN) == 0 ||
	    strcmp(path, IGNORE_SYNCTHING) == 0;
}

bool ignore_same(const struct ignore *a, const struct ignore *b)
{
	if (a->list.count != b->list.count ||
	    a->list.sources != b->list.sources)
		return false;
	for (size_t i = 0; i < a->list.sources; i++)
		if (strcmp(a->list.source[i], b->list.source[i]) != 0)
			return false;
	for (size_t i = a->files.first; i < a->files.end; i++) {
		const struct rule *x = &a->list.rule[i];
		const struct rule *y = &b->list.rule[i];

		if (x->line != y->line || strcmp(x->source, y->source) != 0 ||
		    strcmp(x->text, y->text) != 0)
			return false;
	}
	return true;
}

void ignore_digest(const struct ignore *g, char out[VS_HASH_HEX + 1])
{
	memcpy(out, g->digest, sizeof(g->digest));
}

bool ignore_has_reach(const struct ignore *g)
{
	return g->reach;
}

size_t ignore_count(const struct ignore *g)
{
	return g->files.end - g->files.first;
}
