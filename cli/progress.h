/*
 * What a watcher knows of the projects: their last status and how fast they
 * publish.  It turns the agent's events into lines for people and into a
 * few lines that are redrawn.  Pure: the time comes with each call.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/print.h"

struct progress;

/* NULL: out of memory. */
struct progress *progress_new(void);

/* NULL is nothing. */
void progress_free(struct progress *p);

/* Takes one event of /v1/watch in; it is borrowed. */
void progress_feed(struct progress *p, const json_t *event, int64_t now_ms);

/*
 * The event as one line, if it is worth one: a status only when the state
 * is another one than said last, so with a pull, a commit only while nothing
 * is sent.  To be called after progress_feed.  True if a line was printed.
 */
bool progress_line(
    struct progress *p, const json_t *event, struct print *out, int64_t now_ms);

/* The live view: some lines, each ended; how many they are. */
int progress_draw(struct progress *p, struct print *out, int64_t now_ms);

/* Published, or changed for a member, in the last ten seconds; per second. */
double progress_rate(const struct progress *p, int64_t now_ms);

#endif
