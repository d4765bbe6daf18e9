#include "agent/scan/quiet.h"

#include <assert.h>
#include <stddef.h>

#define MIB (1024 * 1024LL)
#define HELD 10 /* times as long with a writer known */

int64_t quiet_ms(int64_t size, bool held)
{
	static const struct {
		int64_t below;
		int64_t ms;
	} table[] = {
		{ MIB, 2000 },
		{ 100 * MIB, 5000 },
		{ 1024 * MIB, 10000 },
		{ 10 * 1024 * MIB, 30000 },
		{ INT64_MAX, 60000 },
	};
	size_t i = 0;

	assert(size >= 0);
	while (size >= table[i].below && table[i].below < INT64_MAX)
		i++;
	return held ? HELD * table[i].ms : table[i].ms;
}

int64_t quiet_wait(int64_t account, int64_t now_ms)
{
	int64_t wait = account - now_ms - (QUIET_BURST - 1) * QUIET_EVERY_MS;

	return wait > 0 ? wait : 0;
}

int64_t quiet_spend(int64_t account, int64_t now_ms)
{
	return (account > now_ms ? account : now_ms) + QUIET_EVERY_MS;
}
