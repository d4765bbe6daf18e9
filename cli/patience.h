/* What flush and wait have in common: a question with a time limit. */
#ifndef PATIENCE_H
#define PATIENCE_H

#include "cli/call.h"

/* Asks the agent with --timeout; *doc is the caller's. */
int patience_ask(struct call *c, const char *method_path, json_t **doc);

#endif
