/*
 * What lies between a member and the others: the event stream of the cloud,
 * and the owner's chunk server.
 */
#ifndef MEMWIRE_H
#define MEMWIRE_H

#include "tests/sim/membox.h"

/* For struct member_world; arg is the struct membox. */
void memwire_stream(void *arg, const char *path);
void memwire_fetch(void *arg, const struct member_fetch *f);

/* The cloud committed something, or its process ended. */
void memwire_news(struct membox *b);
void memwire_ended(struct membox *b);

/* The stream breaks now. */
void memwire_cut(struct membox *b);

#endif
