/*
 * An agent of our own, for as long as a command takes: its standard input is
 * a pipe from here, so that it ends when we end, however that happens.
 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/client.h"
#include "cli/trouble.h"

struct launch {
	pid_t pid; /* 0: none runs */
	int in; /* write end of its standard input, or -1 */
	int err; /* read end of its standard error, or -1 */
	/* a warning or worse that it logged, without the journal's priority;
	   NULL: kept for the trouble only.  Set after launch_init. */
	void (*say)(void *arg, const char *line);
	void *say_arg;
	char line[1024]; /* what is there of a line; longer ones are cut */
	size_t len;
	char last[1024]; /* the last whole line */
};

enum launch_mode {
	LAUNCH_IDLE, /* serves the socket and starts no project */
	LAUNCH_FULL, /* the agent itself */
};

/* None runs yet. */
void launch_init(struct launch *l);

/*
 * Starts the agent's program ($VSYNC_AGENT, beside this program, in PATH)
 * and waits until c reaches an agent.  If another one was faster, that one
 * serves and ours is gone (pid 0), which is VS_OK.
 */
int launch_start(struct launch *l, enum launch_mode mode,
    const struct client *c, struct interrupt *intr, struct trouble *f);

/* Takes in what it said; false once it has ended by itself. */
bool launch_alive(struct launch *l);

/*
 * Lets it finish, waits, reaps.  A trouble if it did not end well.  Nothing
 * where none runs.
 */
int launch_stop(struct launch *l, struct trouble *f);

#endif
