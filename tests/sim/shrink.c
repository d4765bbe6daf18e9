#include "tests/sim/shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 4

struct shrink {
	struct run_options o;
	uint8_t *skip; /* of each operation: what is left out */
	size_t ops; /* of skip */
	int tries;
	char failure[1024];
};

static const uint8_t kind_bit[KINDS] = { RUN_NO_ACT, RUN_NO_GREMLIN, RUN_NO_IMP,
	RUN_NO_MEDDLE };

static bool still_fails(struct shrink *s)
{
	struct run_result r;

	s->tries--;
	if (run_seed(&s->o, &r, NULL))
		return false;
	s->o.ops = r.op;
	snprintf(s->failure, sizeof(s->failure), "%s", r.failure);
	return true;
}

/* True if a stretch of one kind of parts was not needed. */
static bool drop_kind(
    struct shrink *s, size_t kind, size_t from_op, size_t to_op)
{
	uint8_t *before = malloc(s->ops);
	bool gone = false;

	if (!before)
		abort();
	memcpy(before, s->skip, s->ops);
	for (size_t i = from_op; i < to_op; i++) {
		gone |= !(s->skip[i] & kind_bit[kind]);
		s->skip[i] |= kind_bit[kind];
	}
	if (gone && !still_fails(s)) {
		memcpy(s->skip, before, s->ops);
		gone = false;
	}
	free(before);
	return gone;
}

/*
 * Smaller and smaller stretches, from the end to the start; what is rare
 * and does much first: members, then faults, then operations.
 */
static void drop_all(struct shrink *s)
{
	for (size_t kind = KINDS; kind-- > 0;) {
		size_t end = (size_t)s->o.ops + 1;

		for (size_t len = end; len > 0 && s->tries > 0; len /= 2)
			for (size_t to = end; to > 1 && s->tries > 0;
			     to -= to > len ? len : to)
				drop_kind(s, kind, to > len ? to - len : 1, to);
	}
}

static void left_print(const struct shrink *s)
{
	static const char *const what[] = { "operation", "fault", "member",
		"meddling" };

	printf("sim: shrunk: %s\nsim: with", s->failure);
	for (size_t i = 1; i <= (size_t)s->o.ops; i++)
		for (size_t kind = 0; kind < KINDS; kind++)
			if (!(s->skip[i] & kind_bit[kind]))
				printf(" %s %zu", what[kind], i);
	printf("\n");
}

void shrink_print(
    const struct run_options *o, const struct run_result *result, int tries)
{
	struct shrink s = { .o = *o, .tries = tries };
	struct run_result last;

	s.ops = (size_t)result->op + 1;
	s.skip = calloc(s.ops, 1);
	if (!s.skip)
		abort();
	s.o.skip = s.skip;
	s.o.ops = result->op;
	s.o.world.print = false;
	if (still_fails(&s)) {
		drop_all(&s);
		left_print(&s);
		s.o.world.print = true;
		run_seed(&s.o, &last, NULL);
	} else {
		printf("sim: it does not fail again\n");
	}
	free(s.skip);
}
