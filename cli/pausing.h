/* What pause and resume have in common. */
#ifndef PAUSING_H
#define PAUSING_H

#include "cli/call.h"

/* Asks for --project, or for all; done is "paused" or "resumed". */
int pausing_ask(struct call *c, const char *method_path, const char *done);

#endif
