/* Those who watch: each gets the news of its project, and its status. */
#ifndef STREAMS_H
#define STREAMS_H

#include "agent/agent.h"
#include "agent/control/request.h"

struct streams;

/* NULL out of memory. */
struct streams *streams_new(struct agent *a);

/* No stream is open and no status under way; freed on a later turn. */
void streams_free(struct streams *s);

/* Answers r with a stream; id: the project's, or NULL for all. */
void streams_open(struct streams *s, struct request *r, const char *id);

/* Passes n of project p on. */
void streams_news(
    struct streams *s, struct project *p, const struct project_news *n);

/* p was started. */
void streams_project(struct streams *s, struct project *p);

#endif
