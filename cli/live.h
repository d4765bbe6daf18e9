/*
 * A few lines at the bottom of a terminal that are redrawn, with whatever
 * else is printed scrolling away above them.
 */
#ifndef LIVE_H
#define LIVE_H

#include <stdint.h>

#include "cli/print.h"

struct live {
	struct print *out; /* a terminal; borrowed */
	int lines; /* that stand there now */
	int64_t drawn_ms; /* when they were drawn */
};

/* Nothing is drawn yet. */
void live_init(struct live *l, struct print *out);

/* Takes the lines away, so that text can be printed in their place. */
void live_clear(struct live *l);

/* What draws: some lines, each ended; how many they are. */
struct live_lines {
	int (*draw)(void *arg, struct print *out, int64_t now_ms);
	void *arg;
};

/* Draws them again; often is told apart from needed: four times a second. */
void live_draw(struct live *l, const struct live_lines *what, int64_t now_ms);

#endif
