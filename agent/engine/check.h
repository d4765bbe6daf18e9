/*
 * Asking the cloud for its checksum when nothing is to be sent: "in sync" is
 * evidence, also after a restart and in quiet hours.
 */
#ifndef CHECK_H
#define CHECK_H

#include "agent/engine/core.h"

#define CHECK_MS (5 * 60 * 1000) /* between checks while idle */

/*
 * Asks if it is time (the outbox is empty, nothing is in flight); true when
 * it did.  *due is when to come back.
 */
bool check_step(struct engine *e, int64_t *due);

/* The answer to that: compares checksums, asks again or compares listings. */
void check_answered(struct engine *e, const struct engine_answer *a);

#endif
