/*
 * Every pattern lies in one place: among the whole names (a hash table), or
 * in the list of the byte it ends with, or of the one it begins with, or
 * with the rest.  A list has its patterns in the order of their rules, so
 * that looking stops at the best one found.
 */
#include "agent/scan/sieve.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/glob.h"

enum sieve_place {
	SIEVE_LAST = 0, /* and the byte */
	SIEVE_FIRST = 256,
	SIEVE_REST = 512,
	SIEVE_LISTS,
};

struct sieve_item {
	size_t rule;
	const struct glob *glob;
	int slashes; /* of glob_shape */
	bool rooted;
	bool below;
};

struct sieve_list {
	struct sieve_item *item;
	size_t count;
};

struct sieve {
	struct sieve_list list[SIEVE_LISTS];
	struct sieve_list *slot; /* of whole names, a power of two */
	size_t slots;
};

/* A path while it is asked about. */
struct asked {
	const char *path;
	size_t len;
	const char *name; /* its last component */
	int slashes;
	const struct sieve_gap *gap;
	struct sieve_found found;
};

static uint32_t hash_of(const char *p, size_t n)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

static int list_add(
    struct sieve_list *l, const struct sieve_item *item, struct vs_err *err)
{
	struct sieve_item *grown;

	/* doubles at each power of two */
	if ((l->count & (l->count - 1)) == 0) {
		size_t cap = l->count != 0 ? 2 * l->count : 1;

		grown = realloc(l->item, cap * sizeof(*grown));
		if (grown == NULL)
			return vs_err_set(
			    err, VS_ENOMEM, "rules: out of memory");
		l->item = grown;
	}
	l->item[l->count++] = *item;
	return 0;
}

static int fold_add(struct sieve *s, enum sieve_place from, int c, bool fold,
    const struct sieve_item *item, struct vs_err *err)
{
	int rc = list_add(&s->list[(int)from + c], item, err);

	if (rc == 0 && fold && c >= 'a' && c <= 'z')
		rc = list_add(&s->list[(int)from + c - 32], item, err);
	return rc;
}

static int add(
    struct sieve *s, const struct sieve_item *item, struct vs_err *err)
{
	struct glob_shape shape = glob_shape(item->glob);
	bool name = shape.slashes == 0 && !item->rooted;

	if (name && shape.whole != NULL)
		return list_add(
		    &s->slot[hash_of(shape.whole, shape.n) & (s->slots - 1)],
		    item, err);
	if (shape.last >= 0)
		return fold_add(
		    s, SIEVE_LAST, shape.last, shape.fold, item, err);
	if (name && shape.first >= 0)
		return fold_add(
		    s, SIEVE_FIRST, shape.first, shape.fold, item, err);
	return list_add(&s->list[SIEVE_REST], item, err);
}

static int fill(
    struct sieve *s, const struct rule *rules, size_t count, struct vs_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < rules[i].globs && rc == 0; k++) {
			struct sieve_item item = {
				.rule = i,
				.glob = rules[i].glob[k],
				.slashes = glob_shape(rules[i].glob[k]).slashes,
				.rooted = (rules[i].flags & RULE_ROOTED) != 0,
				.below = (rules[i].flags & RULE_BELOW) != 0,
			};

			rc = add(s, &item, err);
		}
	return rc;
}

int sieve_new(struct sieve **out, const struct rule *rules, size_t count,
    struct vs_err *err)
{
	struct sieve *s = calloc(1, sizeof(*s));
	size_t slots = 64;
	int rc;

	*out = NULL;
	while (slots < count)
		slots *= 2;
	if (s != NULL)
		s->slot = calloc(slots, sizeof(*s->slot));
	if (s == NULL || s->slot == NULL) {
		free(s);
		return vs_err_set(err, VS_ENOMEM, "rules: out of memory");
	}
	s->slots = slots;
	rc = fill(s, rules, count, err);
	if (rc < 0) {
		sieve_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sieve_free(struct sieve *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SIEVE_LISTS; i++)
		free(s->list[i].item);
	for (size_t i = 0; i < s->slots; i++)
		free(s->slot[i].item);
	free(s->slot);
	free(s);
}

/* The end of a's path that has so many slashes. */
static const char *tail(const struct asked *a, int slashes)
{
	const char *p = a->name;

	for (; slashes > 0; slashes--) {
		assert(p > a->path);
		p--; /* the slash before it */
		while (p > a->path && p[-1] != '/')
			p--;
	}
	return p;
}

static bool fits(const struct asked *a, const struct sieve_item *it)
{
	const char *end = a->path + a->len;
	const char *p = a->path;

	if (it->slashes >= 0 && !it->rooted) {
		if (it->slashes > a->slashes)
			return false;
		p = tail(a, it->slashes);
	} else if (it->slashes >= 0 && it->slashes != a->slashes) {
		return false;
	}
	if (it->slashes >= 0 || it->rooted)
		return glob_match(it->glob, p, (size_t)(end - p));
	/* anywhere: from each of its folders */
	while (!glob_match(it->glob, p, (size_t)(end - p))) {
		p = memchr(p, '/', (size_t)(end - p));
		if (p == NULL)
			return false;
		p++;
	}
	return true;
}

static void ask(struct asked *a, const struct sieve_list *l)
{
	struct sieve_found *f = &a->found;

	for (size_t i = 0; i < l->count; i++) {
		const struct sieve_item *it = &l->item[i];

		if (it->rule >= f->self)
			return;
		if ((it->rule >= a->gap->first && it->rule < a->gap->end) ||
		    (it->below && it->rule >= f->below) || !fits(a, it))
			continue;
		if (!it->below)
			f->self = it->rule;
		if (it->rule < f->below)
			f->below = it->rule;
	}
}

struct sieve_found sieve_find(const struct sieve *s, const char *path,
    size_t len, const struct sieve_gap *gap)
{
	struct asked a = {
		.path = path,
		.len = len,
		.name = path,
		.gap = gap,
		.found = { SIEVE_NONE, SIEVE_NONE },
	};
	const char *end = path + len;
	size_t n;

	assert(len > 0);
	for (const char *p = path; (p = memchr(p, '/', (size_t)(end - p)));) {
		a.name = ++p;
		a.slashes++;
	}
	n = (size_t)(end - a.name);
	assert(n > 0);
	ask(&a, &s->slot[hash_of(a.name, n) & (s->slots - 1)]);
	ask(&a, &s->list[SIEVE_LAST + (unsigned char)end[-1]]);
	ask(&a, &s->list[SIEVE_FIRST + (unsigned char)a.name[0]]);
	ask(&a, &s->list[SIEVE_REST]);
	return a.found;
}
