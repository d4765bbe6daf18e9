/* Sizes, durations and moments as people read them.  Pure. */
#ifndef HUMAN_H
#define HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE 32 /* bytes of any of these texts, NUL included */

/* 999 -> "999 B", 1536 -> "1.5 KiB"; at most four digits; returns out. */
const char *human_bytes(int64_t n, char out[HUMAN_SIZE]);

/* 12345678 -> "12,345,678". */
const char *human_count(int64_t n, char out[HUMAN_SIZE]);

/* ms to "250 ms", "4.2 s", "3 min 5 s", "2 h 10 min", "5 days". */
const char *human_span(int64_t ms, char out[HUMAN_SIZE]);

/* How long before now_ms a stamp of the wire was: "3 min 5 s ago", "just
 * now"; "never" for NULL or what is no stamp. */
const char *human_ago(const char *stamp, int64_t now_ms, char out[HUMAN_SIZE]);

/* "one file", "2 files": n and the word, with an s where it needs one. */
const char *human_things(int64_t n, const char *word, char out[HUMAN_SIZE]);

#endif
