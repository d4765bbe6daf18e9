/* Following the project's log into the mirror. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "agent/member/member_core.h"

/* What is due; when to come back (mono ms). */
int64_t follow_step(struct member *m);

void follow_up(struct member *m);
void follow_text(struct member *m, const char *text, size_t len);
void follow_down(struct member *m, int code, const char *why);

/* True if the answer was one of ours. */
bool follow_answered(
    struct member *m, uint64_t id, const struct engine_answer *a);

/* The stream is given up and opened anew. */
void follow_restart(struct member *m);

/* Forgets what is under way (the database failed, or a pause). */
void follow_drop(struct member *m);

#endif
