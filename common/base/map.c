/*
 * Pairs stand in the order of their insertion in one array; a table of slots
 * (open addressing, linear probing) holds their positions.  A removed pair
 * leaves a hole in both, which the next rebuild closes.  So removing never
 * moves a pair, and the pair in hand of vs_map_each may go.
 */
#include "common/base/map.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

struct map_pair {
	char *key; /* NULL: a hole */
	void *value;
	uint64_t hash;
};

struct vs_map {
	struct map_pair *pairs;
	size_t used; /* pairs and holes */
	size_t count; /* pairs */
	uint32_t *slots; /* MAP_FREE, MAP_GONE or position + MAP_FIRST */
	size_t mask; /* slots - 1, slots a power of two */
};

enum { MAP_FREE = 0, MAP_GONE = 1, MAP_FIRST = 2 };

#define MAP_SLOTS_MIN 16

/*
 * Eight bytes a step: a multiplication carries them up, a shift brings them
 * down again.  The length tells apart what only ends in zeros.
 */
static uint64_t map_hash(const char *key)
{
	const uint64_t odd = 0x9E3779B97F4A7C15ULL;
	size_t len = strlen(key);
	uint64_t h = len * odd;
	uint64_t word;

	for (; len >= sizeof(word); key += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, key, sizeof(word));
		h = (h ^ word) * odd;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, key, len);
	h = (h ^ word) * odd;
	return h ^ (h >> 32);
}

/* Pairs that a table of so many slots may hold, holes included. */
static size_t map_room(size_t slots)
{
	return slots - slots / 4;
}

static int map_alloc(struct vs_map *m, size_t slots)
{
	m->slots = calloc(slots, sizeof(*m->slots));
	m->pairs = calloc(map_room(slots), sizeof(*m->pairs));
	if (m->slots == NULL || m->pairs == NULL) {
		free(m->slots);
		free(m->pairs);
		return VS_ENOMEM;
	}
	m->mask = slots - 1;
	m->used = 0;
	m->count = 0;
	return VS_OK;
}

struct vs_map *vs_map_new(void)
{
	struct vs_map *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (map_alloc(m, MAP_SLOTS_MIN) < 0) {
		free(m);
		return NULL;
	}
	return m;
}

void vs_map_free(struct vs_map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->used; i++)
		free(m->pairs[i].key);
	free(m->pairs);
	free(m->slots);
	free(m);
}

/* The slot of key, or NULL. */
static uint32_t *map_find(const struct vs_map *m, const char *key)
{
	uint64_t hash = map_hash(key);
	size_t i = hash & m->mask;

	for (; m->slots[i] != MAP_FREE; i = (i + 1) & m->mask) {
		const struct map_pair *p;

		if (m->slots[i] == MAP_GONE)
			continue;
		p = &m->pairs[m->slots[i] - MAP_FIRST];
		if (p->hash == hash && strcmp(p->key, key) == 0)
			return &m->slots[i];
	}
	return NULL;
}

/* Appends a pair whose key is known to be new; there is room. */
static void map_append(struct vs_map *m, const struct map_pair *pair)
{
	size_t i = pair->hash & m->mask;

	assert(m->used < map_room(m->mask + 1));
	while (m->slots[i] >= MAP_FIRST)
		i = (i + 1) & m->mask;
	m->slots[i] = (uint32_t)(m->used + MAP_FIRST);
	m->pairs[m->used++] = *pair;
	m->count++;
}

/* Closes the holes; twice the room if it is the pairs that fill it. */
static int map_rebuild(struct vs_map *m)
{
	struct vs_map old = *m;
	size_t slots = m->mask + 1;

	if (m->count > map_room(slots) / 2)
		slots *= 2;
	if (slots > UINT32_MAX / 2)
		return VS_ENOMEM;
	if (map_alloc(m, slots) < 0) {
		*m = old;
		return VS_ENOMEM;
	}
	for (size_t i = 0; i < old.used; i++) {
		if (old.pairs[i].key != NULL)
			map_append(m, &old.pairs[i]);
	}
	free(old.pairs);
	free(old.slots);
	return VS_OK;
}

void *vs_map_get(const struct vs_map *m, const char *key)
{
	const uint32_t *slot;

	assert(key != NULL);
	slot = map_find(m, key);
	return slot != NULL ? m->pairs[*slot - MAP_FIRST].value : NULL;
}

int vs_map_put(struct vs_map *m, const char *key, void *value, void **old)
{
	const uint32_t *slot;
	struct map_pair pair;

	assert(key != NULL);
	if (old != NULL)
		*old = NULL;
	slot = map_find(m, key);
	if (slot != NULL) {
		if (old != NULL)
			*old = m->pairs[*slot - MAP_FIRST].value;
		m->pairs[*slot - MAP_FIRST].value = value;
		return VS_OK;
	}
	if (m->used == map_room(m->mask + 1) && map_rebuild(m) < 0)
		return VS_ENOMEM;
	pair.key = strdup(key);
	if (pair.key == NULL)
		return VS_ENOMEM;
	pair.value = value;
	pair.hash = map_hash(key);
	map_append(m, &pair);
	return VS_OK;
}

void *vs_map_del(struct vs_map *m, const char *key)
{
	uint32_t *slot;
	struct map_pair *p;
	void *value;

	assert(key != NULL);
	slot = map_find(m, key);
	if (slot == NULL)
		return NULL;
	p = &m->pairs[*slot - MAP_FIRST];
	*slot = MAP_GONE;
	value = p->value;
	free(p->key);
	memset(p, 0, sizeof(*p));
	m->count--;
	return value;
}

size_t vs_map_count(const struct vs_map *m)
{
	return m->count;
}

void vs_map_each(struct vs_map *m,
    bool (*each)(void *arg, const char *key, void *value), void *arg)
{
	size_t used = m->used;

	for (size_t i = 0; i < m->used; i++) {
		const struct map_pair *p = &m->pairs[i];

		if (p->key != NULL && !each(arg, p->key, p->value))
			return;
		assert(m->used == used);
	}
}
