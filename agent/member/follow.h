/* Following the project's log into the mirror. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "agent/member/member_core.h"

/* What is due; when to come back (mono ms). */
int64_t follow_step(struct member *m);

/* The stream is open; its hello has yet to come. */
void follow_up(struct member *m);

/* A message of it: hello, or events, which go to the mirror. */
void follow_text(struct member *m, const char *text, size_t len);

/* It is over, or could not be opened: code and why as member_stream_down's. */
void follow_down(struct member *m, int code, const char *why);

/* True if the answer was one of ours. */
bool follow_answered(
    struct member *m, uint64_t id, const struct engine_answer *a);

/* Forgets what is under way (the database failed, or a pause). */
void follow_drop(struct member *m);

#endif
