/*
 * A hash map from byte strings to pointers; keys are copied, values belong
 * to the caller.  Iteration order depends on the keys and the history only,
 * never on addresses, so that a simulation repeats.
 */
#ifndef VS_MAP_H
#define VS_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct vs_map;

/* An empty one; NULL: out of memory. */
struct vs_map *vs_map_new(void);

/* Frees map and keys; values are not freed.  NULL is nothing. */
void vs_map_free(struct vs_map *m);

/* The value or NULL. */
void *vs_map_get(const struct vs_map *m, const char *key);

/* Sets; *old (may be NULL) gets the former value or NULL.  VS_ENOMEM. */
int vs_map_put(struct vs_map *m, const char *key, void *value, void **old);

/* Removes; returns the former value or NULL. */
void *vs_map_del(struct vs_map *m, const char *key);

/* Pairs in it. */
size_t vs_map_count(const struct vs_map *m);

/*
 * Calls each for all pairs until it returns false.  The map must not be
 * changed meanwhile, but for removing the pair in hand.
 */
void vs_map_each(struct vs_map *m,
    bool (*each)(void *arg, const char *key, void *value), void *arg);

#endif
