#include "cloud/service/gate.h"

#include <assert.h>
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
