#include "tests/sim/meddle.h"

#include <string.h>

#define MEDDLE_STRETCH 100 /* operations of one habit */
#define MEDDLE_MOST 20 /* times beside one operation */
#define MEDDLE_RULES 6 /* one in so many readings of the rules */
#define MEDDLE_LISTS 5 /* so much more often at a folder that is new to it */

#define GOLDEN 0x9e3779b97f4a7c15ULL

void meddle_init(
    struct meddle *m, struct folder *folder, struct world *w, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	m->folder = folder;
	m->w = w;
	m->seed = seed ^ 0x3edd1e;
}

void meddle_begin(struct meddle *m, int64_t op, bool still)
{
	static const int habits[] = { 0, 0, 1000, 100, 20 };
	struct vs_rand rand;

	vs_rand_seed(&rand, m->seed + (uint64_t)(op / MEDDLE_STRETCH) * GOLDEN);
	m->rare = habits[vs_rand_below(&rand, 5)];
	m->op = op;
	m->calls = 0;
	m->on = !still;
}

/* Whether something happens at this call, and which number it has. */
static bool due(struct meddle *m, int rare, int64_t *number)
{
	struct vs_rand rand;

	if (!m->on || !m->rare || m->calls > (int64_t)MEDDLE_MOST * m->rare)
		return false;
	m->calls++;
	*number = -(m->op * 100000 + m->calls);
	vs_rand_seed(&rand, m->seed ^ ((uint64_t)*number * GOLDEN));
	return !vs_rand_below(&rand, (uint64_t)rare);
}

bool meddle_turn(void *arg, enum memedge_call call, const char *path)
{
	struct meddle *m = arg;
	bool rules = call == MEMEDGE_READ;
	bool lists = call == MEMEDGE_LIST || call == MEMEDGE_WATCH;
	int rare = lists ? 1 + m->rare / MEDDLE_LISTS : m->rare;
	int64_t number;

	if (!due(m, rules ? MEDDLE_RULES : rare, &number))
		return false;
	m->count++;
	if (rules)
		folder_do(m->folder, m->w, number, FOLDER_RULES);
	else if (number % 2)
		folder_aim(m->folder, m->w, number, path);
	else
		folder_act(m->folder, m->w, number);
	/* what comes under the rules of before goes again */
	if (m->w->unveiled)
		world_veil(m->w);
	return true;
}
