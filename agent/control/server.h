/* The control socket's inside, for the verbs. */
#ifndef SERVER_H
#define SERVER_H

#include "agent/control.h"

struct streams;

/* Those who watch. */
struct streams *control_streams(struct control *c);

#endif
