/*
 * Words that our SQL has and SQLite's does not:
 *
 *   ordinal()     how often it was asked for in this run of the statement:
 *                 1, 2, ...; asked for once a row, which needs a subquery
 *                 that stays one (LIMIT -1 in it and outside), it numbers
 *                 them, at a fraction of what row_number() costs
 *   lowhex(blob)  its bytes in lower-case hex; NULL of NULL
 */
#ifndef VS_WORDS_H
#define VS_WORDS_H

#include <stdint.h>
#include <sqlite3.h>

/*
 * Adds them to a connection: SQLite's code.  ordinal() counts in *count,
 * which lives as long, and is set to 0 before each run.
 */
int vs_words_add(sqlite3 *handle, int64_t *count);

#endif
