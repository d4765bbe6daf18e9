/*
 * What the files of push share, and nobody else includes.
 *
 * A room is a project that somebody listens to.  Invariants:
 *
 * - A subscriber is live when it has heard all up to seq and is served by
 *   the room; otherwise a feed of its own is out, or a page of one is being
 *   sent, or it drains.
 * - A room has one feed out at most, and none while a page of it is being
 *   sent.  It reads on from the live subscriber that has heard least.
 * - A page fits a subscriber that stands where the page begins, and whose
 *   form was asked for; one that
 *   has heard it all already is passed over, and one that stands elsewhere
 *   goes back to feeds of its own.  So nothing depends on who was told of a
 *   commit when: numbers decide.
 * - A subscriber that is gone is freed when nothing refers to it any more:
 *   no feed that is out, no page in work.
 */
#ifndef PUSH_PRIV_H
#define PUSH_PRIV_H

#include <stdbool.h>

#include "cloud/push.h"
#include "common/base/map.h"

/* Frames of one form of a feed. */
struct push_frames {
	struct vs_ws_frame **list;
	size_t count;
};

struct push_page {
	struct push_room *room; /* that waits for its end, or NULL */
	unsigned refs;
	int64_t last_seq;
	int64_t head;
	struct push_frames forms[FEED_FORMS];
};

/* What two users are to hear. */
struct push_notice {
	struct push_notice *next;
	char to[2][STORE_ID];
	struct vs_ws_frame *frame;
};

struct push_sub {
	struct push *push;
	struct push_room *room;
	struct push_sub *next; /* in the room, in the order of ids */
	struct push_sub *next_job; /* of those with a page */
	struct vs_ws *ws; /* NULL: gone */
	uint64_t id;
	enum feed_form form;
	char user_id[STORE_ID];
	uint8_t token[VS_SHA256_SIZE];
	char log_id[STORE_ID]; /* of the log it hears */
	int64_t access; /* stamp at which it had its right */
	int64_t seq; /* of the last event it has heard */
	bool live;
	bool closing;
	bool reading; /* a feed of its own is out */
	bool draining; /* it goes on when less is queued */
	struct push_page *page; /* being sent */
	size_t at; /* frames of it that were */
};

struct push_room {
	struct push *push;
	char id[STORE_ID]; /* of the project */
	int64_t head; /* of the log, as far as known */
	struct push_sub *first;
	struct push_sub **last;
	bool reading; /* its feed is out */
	bool sending; /* its page is in work */
	bool check; /* rights are to be looked at */
	struct push_notice *notices;
	struct push_notice **last_notice;
};

struct push {
	struct push_options o;
	struct vs_map *rooms;
	uv_idle_t work;
	uv_timer_t tick;
	uv_timer_t drain;
	struct push_sub *jobs; /* with a page */
	struct push_sub **last_job;
	uint64_t ids;
	size_t subs;
	size_t feeds; /* out */
	int64_t checked_ms;
	bool stopping;
	int handles; /* not yet closed */
	void (*closed)(void *arg);
	void *closed_arg;
};

/* --- push.c */

/* Has a feed read; false: it cannot be, and is gone. */
bool push_hand_out(struct push *p, struct feed *f);
/* There are pages to be sent. */
void push_work(struct push *p);
/* Somebody waits for less to be queued. */
void push_drain(struct push *p);
/* Ends p when it is stopping and nothing is left. */
void push_finish(struct push *p);

/* --- push_page.c */

/* What a feed brought, with one reference; NULL out of memory. */
struct push_page *push_page_new(const struct feed *f, struct push_room *r);
/* The last reference lets its room go on, which may end the room. */
void push_page_unref(struct push_page *page);

/* --- push_sub.c */

/* One that an answer 101 lets in, at the end of its room. */
struct push_sub *push_sub_new(struct push_room *r, const struct api_answer *a);
/* Frees one that is gone, if nothing refers to it; and then its room. */
void push_sub_free(struct push_sub *s);
/* Closes it with a WebSocket code; nothing when it is closing already. */
void push_sub_close(struct push_sub *s, int code, const char *why);
/* The server's trouble: the client comes back later. */
void push_sub_again(struct push_sub *s);
/* True for one that may still be sent something. */
bool push_sub_open(const struct push_sub *s);
/* Sends a frame, or closes who is too slow. */
void push_sub_send(struct push_sub *s, struct vs_ws_frame *frame);
/* Takes a page to be sent. */
void push_sub_take(struct push_sub *s, struct push_page *page);
/* Sends one frame of its page; true while there are more. */
bool push_sub_work(struct push_sub *s);
/* It is through with its page: lets go of it. */
void push_sub_heard(struct push_sub *s);
/* Reads on in the log for one that is not live. */
void push_sub_read(struct push_sub *s);
/* What that brought. */
void push_sub_fed(struct push_sub *s, const struct feed *f);
/* Closes it unless it may listen, to this log. */
void push_sub_judge(struct push_sub *s, const struct feed *f, size_t reader);
/* Reader i of a feed is s. */
void push_sub_ask(const struct push_sub *s, struct feed *f, size_t i);

/* --- push_room.c */

/* The room of a project, made when there is none; NULL out of memory. */
struct push_room *push_room_of(struct push *p, const char *project_id);
/* Frees it, if it is empty and nothing refers to it. */
void push_room_free(struct push_room *r);
/* Reads what its live ones have not heard, or checks them, if it is due;
   an empty room is gone afterwards. */
void push_room_next(struct push_room *r);
/* What that brought; the room may be gone afterwards. */
void push_room_fed(struct push_room *r, const struct feed *f);
/* Queues what two users are to hear. */
void push_room_tell(struct push_room *r, const struct tell *t);

#endif
