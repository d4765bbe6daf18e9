/*
 * Paths that something is said to have happened to, and when each may be
 * looked at.  Pure: time is an argument.
 *
 * A path is due VS_SETTLE_MS after the last word on it; written to without
 * a close, after VS_QUIET_MS of quiet.  Words that keep coming put the look
 * off, but never for longer than SETTLE_LATEST_MS.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTLE_MAX 65536 /* paths at most; more become looks at folders */
#define SETTLE_LATEST_MS 10000

enum settle_why {
	SETTLE_CLOSED, /* whole: closed, moved in, removed, made */
	SETTLE_WRITTEN, /* being written */
	SETTLE_SEEN, /* a listing found a difference: due at once */
	SETTLE_LATER, /* look at it again at a time that is given */
};

enum settle_flags {
	SETTLE_RECHECK = 1, /* read the content of a racy entry again */
	SETTLE_FORCE = 2, /* read the content even if the stat is the same */
	SETTLE_RECORDING = 4, /* the last look found a writer */
	SETTLE_DEEP = 8, /* a folder: list it, and those below */
	SETTLE_NEEDED = 16, /* a folder: something in it is published */
	SETTLE_EDITED = 32, /* a word of more than its name */
	SETTLE_HELD = 64, /* read it although a writer has it open */
	SETTLE_FRESH = 128, /* somebody works on it, no scan found it */
	SETTLE_LARGE = 256, /* its hash takes long: after the small ones */
};

/* Who goes first among those that are due: the fresh, but not always. */
enum settle_lane { SETTLE_QUICK, SETTLE_FOUND, SETTLE_LONG, SETTLE_LANES };

#define SETTLE_ALL ((1U << SETTLE_LANES) - 1)

struct settle_item {
	char *path;
	int64_t first_ms; /* of the first word */
	int64_t due_ms;
	uint64_t gen; /* of the barrier, 0: none waits for it */
	unsigned flags; /* enum settle_flags */
	bool open; /* written to and not closed since */
	enum settle_lane lane; /* by its flags */
	size_t at; /* in the lane's heap */
};

struct settle;

/* An empty one; NULL: out of memory. */
struct settle *settle_new(void);

/* Frees it with all items in it.  NULL is nothing. */
void settle_free(struct settle *s);

/*
 * Flags were added to item: it may belong to another lane now.  FRESH ones
 * are in QUICK, other LARGE ones in LONG, the rest in FOUND.
 */
void settle_sort(struct settle *s, struct settle_item *item);

/*
 * One more word on path at now_ms.  A known path keeps its gen and first
 * time; flags are added.  later_ms only for SETTLE_LATER.  Returns the item
 * (valid until it is taken), NULL when there are SETTLE_MAX others or no
 * memory.  *fresh: it was not known before.
 */
struct settle_item *settle_put(struct settle *s, const char *path,
    enum settle_why why, int64_t now_ms, int64_t later_ms, bool *fresh);

/* The item of path, or NULL. */
struct settle_item *settle_find(const struct settle *s, const char *path);

/*
 * Takes out an item that is due, of one of lanes (bits 1 << enum
 * settle_lane): QUICK before FOUND, but each fourth time the other way
 * round, and LONG when neither has one.  The caller frees it; NULL for none.
 */
struct settle_item *settle_take(
    struct settle *s, unsigned lanes, int64_t now_ms);

/* Frees one that was taken out.  NULL is nothing. */
void settle_item_free(struct settle_item *item);

/* When the next one of lanes is due; INT64_MAX for none. */
int64_t settle_due(const struct settle *s, unsigned lanes);

/* Paths in it. */
size_t settle_count(const struct settle *s);

/* Those with SETTLE_RECORDING; goes through all. */
size_t settle_recording(const struct settle *s);

/*
 * Those that are neither recording nor a mere second look (SETTLE_RECHECK);
 * goes through all.
 */
size_t settle_active(const struct settle *s);

#endif
