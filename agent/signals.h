/* The signals that an agent answers, as calls from its loop. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <uv.h>

#include "common/base/err.h"

/* All from the loop's thread. */
struct signals_calls {
	void (*end)(void *arg, int number); /* SIGTERM, SIGINT */
	void (*reload)(void *arg); /* SIGHUP */
	void (*dump)(void *arg); /* SIGUSR1 */
	void *arg;
};

enum signals_handle {
	SIGNALS_TERM,
	SIGNALS_INT,
	SIGNALS_HUP,
	SIGNALS_USR1,
	SIGNALS_COUNT
};

/* Inside whoever has the loop; all zero before its start. */
struct signals {
	struct signals_calls calls;
	uv_signal_t handle[SIGNALS_COUNT];
};

/*
 * From here on they are answered; SIGPIPE (a reader went away) and SIGIO
 * (somebody broke a lease) are ignored, and SIGBUS (a file was cut short while
 * it was hashed) is the guard's.  A negative code: signals_close is to be
 * called all the same.
 */
int signals_start(struct signals *s, uv_loop_t *loop,
    const struct signals_calls *calls, struct vs_err *err);

/* The handles are closed by the loop's next turn; nothing before a start. */
void signals_close(struct signals *s);

#endif
