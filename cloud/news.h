/*
 * Who waits for news of which project, on the loop's thread.  Pure: it
 * knows jobs and numbers, no clock and no socket.
 *
 * A long-poll is asked of a reader first and parked when there was nothing.
 * In between a commit may have come: so the last few news are kept, and a
 * job that missed one, or might have, is not parked but to be asked again.
 */
#ifndef NEWS_H
#define NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/job.h"

#define NEWS_KEPT 256

struct news_item {
	char project_id[STORE_ID];
	int64_t last_seq;
};

struct news {
	struct news_item kept[NEWS_KEPT]; /* a ring */
	uint64_t count; /* of all there were */
	struct job_list waiting;
};

/* Notes that the project's log has reached last_seq. */
void news_add(struct news *n, const char *project_id, int64_t last_seq);

/* Moves to out the jobs whose wait that ends. */
void news_wake(struct news *n, const char *project_id, int64_t last_seq,
    struct job_list *out);

/*
 * Takes a job that waits (answer.project_id, wait_seq); false: something
 * came after job->seen, it is to be asked again and stays the caller's.
 */
bool news_park(struct news *n, struct job *job);

/* Moves to out those whose deadline is not after now; INT64_MAX: all. */
void news_expire(struct news *n, int64_t now_ms, struct job_list *out);

/* The nearest deadline, 0 when nobody waits. */
int64_t news_deadline(const struct news *n);

/* Takes out the job of a client that left; NULL if it does not wait. */
struct job *news_leave(struct news *n, const struct job *job);

#endif
