/*
 * A request between its arrival and its answer, with copies of all it needs:
 * the client may leave at any time.  It belongs to one thread at a time: the
 * loop's, or the lane's that works on it.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cloud/api/api.h"
#include "cloud/service/feed.h"
#include "common/net/httpd.h"

#define JOB_ACCEPT 29 /* bytes: Sec-WebSocket-Accept */

struct job {
	struct api_request request; /* its strings are the job's */
	struct api_answer answer;
	struct vs_httpd_req *req; /* the loop's; NULL: the client left */
	bool slow; /* for the lane of long reads */
	bool writes; /* for the writer */
	int64_t deadline_ms; /* of a long-poll, on the loop's clock; 0 */
	uint64_t seen; /* how much news there was when it was sent */
	size_t bytes; /* it holds of the server's ceiling */
	char accept[JOB_ACCEPT]; /* of an opening of a WebSocket */
	struct feed *feed; /* instead of a request: push's, borrowed */
	struct job *next;
};

/* Copies what req asks; NULL out of memory. */
struct job *job_new(struct vs_httpd_req *req);

/* One that has a feed read; NULL out of memory. */
struct job *job_feed(struct feed *feed);

/* Frees it with its answer; NULL is nothing. */
void job_free(struct job *job);

/* Forgets the answer, so that the request can be asked again. */
void job_again(struct job *job);

/* A first-in first-out list; all zero is an empty one. */
struct job_list {
	struct job *first;
	struct job *last;
	size_t count;
};

/* Puts a job that is in no list at the end. */
void job_append(struct job_list *list, struct job *job);

/* Takes the first one out; NULL when there is none. */
struct job *job_take(struct job_list *list);

#endif
