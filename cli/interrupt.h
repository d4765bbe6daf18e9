/*
 * Signals that end a command, as a descriptor to poll: the first one is
 * noticed and the command ends gracefully; after it they do again what they
 * do by nature, so that the second one ends at once.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

#include "common/base/err.h"

struct interrupt {
	int fd; /* readable once a signal came; -1 before init */
	int number; /* the signal that came first, or 0 */
};

/* Takes SIGINT, SIGTERM and SIGHUP over; SIGPIPE is ignored from here on. */
int interrupt_init(struct interrupt *i, struct vs_err *err);
/* Closes the descriptor; the signals stay with us. */
void interrupt_release(struct interrupt *i);

/* True once one came; lets the next one through. */
bool interrupt_came(struct interrupt *i);

/* Waits for one, at most ms milliseconds; true once one came. */
bool interrupt_wait(struct interrupt *i, int ms);

/* Ends this process by that signal, as if it had never been taken over. */
void interrupt_die(int number) __attribute__((noreturn));

#endif
