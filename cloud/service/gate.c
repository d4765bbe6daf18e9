#include "cloud/service/gate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum gate_verdict gate_check(const struct store_epoch *known,
    int64_t generation, int64_t counter, const uint8_t digest[VS_SHA256_SIZE],
    int64_t *expected)
{
	assert(counter >= 1);
	*expected = 1;
	if (known == NULL)
		return counter == 1 ? GATE_PASS : GATE_GAP;
	if (!known->current || known->generation != generation)
		return GATE_STALE;
	assert(known->counter >= 1);
	*expected = known->counter + 1;
	if (counter == *expected)
		return GATE_PASS;
	if (counter != known->counter)
		return GATE_GAP;
	if (memcmp(known->digest, digest, VS_SHA256_SIZE) != 0)
		return GATE_MISMATCH;
	return GATE_REPEAT;
}

bool gate_begin(const struct store_epoch *head, int64_t generation,
    const struct vs_batch_id *id, struct vs_batch_mark *latest)
{
	assert(id->counter == 1);
	memset(latest, 0, sizeof(*latest));
	/* what ended with the role is followed by nobody */
	if (head != NULL && head->generation == generation) {
		snprintf(
		    latest->epoch, sizeof(latest->epoch), "%s", head->epoch);
		latest->counter = head->counter;
	}
	return !id->linked ||
	    (strcmp(latest->epoch, id->follows.epoch) == 0 &&
		latest->counter == id->follows.counter);
}
