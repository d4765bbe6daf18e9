/* What somebody probably meant. */
#ifndef NEAREST_H
#define NEAREST_H

/*
 * The word of the NULL-ended list that is nearest to word by edits, or NULL
 * when all are farther than a third of its length (at least 2) away.
 */
const char *nearest_of(const char *word, const char *const *list);

#endif
