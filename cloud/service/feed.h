/*
 * What long-lived sockets are sent: a page of the log since some event as
 * messages, read once for all subscribers of a project, together with
 * whether those may still hear it.
 *
 * Two forms: a stream gets a page as one PROJECT_EVENT_BATCH, a room one
 * {"type","data"} for each event.
 */
#ifndef FEED_H
#define FEED_H

#include <stddef.h>
#include <stdint.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define FEED_BYTES (768 * 1024) /* of the events of a page, about */

enum feed_form { FEED_STREAM, FEED_ROOM, FEED_FORMS };

/* A subscriber whose rights are looked at. */
struct feed_reader {
	uint64_t id; /* the caller's */
	uint8_t token[VS_SHA256_SIZE]; /* hash */
	int verdict; /* VS_OK, VS_EAUTH, VS_ENOENT */
};

struct feed {
	/* asked */
	char project_id[STORE_ID];
	int64_t since_seq; /* exclusive */
	bool wants[FEED_FORMS];
	int64_t access; /* at this stamp all of them had their rights */
	struct feed_reader *readers;
	size_t count;
	/* answered */
	int rc; /* VS_OK, or why there is nothing */
	int64_t last_seq; /* of the page; since_seq when it is empty */
	int64_t head; /* of the log */
	char log_id[STORE_ID];
	int64_t stamp; /* of rights, in the same view */
	struct vs_buf texts[FEED_FORMS]; /* messages, each ended by '\n' */
	void *arg; /* the caller's */
};

/* An empty one with room for count readers; NULL out of memory. */
struct feed *feed_new(const char *project_id, size_t count);
/* NULL is nothing. */
void feed_free(struct feed *f);

/* Fills in the answer, in the store's view. */
void feed_read(struct feed *f, struct store *s);

/*
 * Appends {"type":"hello","projectId","log_id","seq","tree"}, what a socket
 * hears first, and tells the stamp of rights.  Inside a call's transaction.
 */
int feed_hello(struct call *call, struct vs_buf *b, int64_t *stamp);

/* Appends {"type":type,"data":data}, data being JSON. */
void feed_message(struct vs_buf *b, const char *type, const char *data);

#endif
