/*
 * What is not published: the rules of .vsyncignore and .stignore at the root
 * and the classes of names that are built in.  Pure, and unchanged once
 * loaded.
 *
 * In the order in which they are asked: the firm classes (our own folder,
 * Syncthing's), the rules of .vsyncignore, those of .stignore, the other
 * classes; the first that describes a path, or a folder that it lies in,
 * decides.  A class yields to "!" only where that rule describes the very
 * entry, not a folder above it or something below: who shows a folder does
 * not ask for the droppings in it, and who shows "*.mov" not for those in
 * the dustbin.
 */
#ifndef IGNORE_H
#define IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/scan/rule_list.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define IGNORE_OWN ".vsyncignore"
#define IGNORE_SYNCTHING ".stignore"

struct ignore;

/*
 * Reads the files; reader NULL: the built-in classes only.  An error as
 * rule_list_file's, and there is no *out then.
 */
int ignore_load(
    struct ignore **out, const struct rule_reader *reader, struct vs_err *err);

/* Frees it with its rules, which verdicts point to.  NULL is nothing. */
void ignore_free(struct ignore *g);

enum ignore_kind {
	IGNORE_SHOWN,
	IGNORE_HIDDEN, /* with all that is below */
	IGNORE_REACHED, /* a hidden folder; a "!" rule may show what is below */
};

struct ignore_verdict {
	enum ignore_kind kind;
	const struct rule *rule; /* that decided; NULL: none */
};

/* Of a path that is not ""; dir: it is a folder. */
struct ignore_verdict ignore_path(
    const struct ignore *g, const char *path, bool dir);

/* What is known of a folder, for asking about what is in it. */
struct ignore_dir {
	size_t base; /* rule that describes it, so those after it are idle */
	const struct rule *shut; /* class that hides all of it, or NULL */
};

/* path "" is the root. */
struct ignore_dir ignore_enter(const struct ignore *g, const char *path);

/*
 * The same as ignore_path, much faster, for path (len bytes) in the folder
 * that d is of.
 */
struct ignore_verdict ignore_in(const struct ignore *g,
    const struct ignore_dir *d, const char *path, size_t len, bool dir);

/* Whether a change at path may be a change of the rules. */
bool ignore_depends(const struct ignore *g, const char *path);

/* Whether the files say the same. */
bool ignore_same(const struct ignore *a, const struct ignore *b);

/*
 * SHA-256 in hex of all that decides what is hidden, built-in classes and
 * all: what has the same one hides the same, in this version of the program.
 */
void ignore_digest(const struct ignore *g, char out[VS_HASH_HEX + 1]);

/* Whether there may be a hidden folder with something shown in it. */
bool ignore_has_reach(const struct ignore *g);

/* How many rules the files have. */
size_t ignore_count(const struct ignore *g);

/* The classes, ended by one without a name, for telling people. */
struct ignore_class {
	const char *name; /* one word */
	const char *what; /* "its temporaries, ...": a few more */
	unsigned flags; /* RULE_FIRM, or 0 */
	const char *const *rule; /* ended by NULL */
};

/* The same for all, in the order in which they are asked; static. */
const struct ignore_class *ignore_classes(void);

#endif
