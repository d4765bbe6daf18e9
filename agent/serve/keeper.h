/*
 * The agent's side of the chunk server (agent/serve/child.h): starts it,
 * tells it what to serve, answers what it asks, and starts it again when it
 * ends or when what is served changes.  All on the loop's thread.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "agent/serve/wire.h"
#include "common/base/err.h"

struct keeper;

struct keeper_options {
	uv_loop_t *loop;
	int listen; /* listening socket; borrowed, outlives the keeper */
	/*
	 * What is known of a file?  Answered by keeper_found with this id,
	 * at once or later, always.  project and path die with the return;
	 * they come from the chunk server and are not to be trusted.
	 */
	void (*ask)(
	    void *arg, uint64_t id, const char *project, const char *path);
	void *arg;
};

/* What is served, by whom; copied. */
struct keeper_setup {
	const char *key_pem;
	const char *cert_pem;
	const char *device;
	const uint8_t *ticket_key; /* VS_TICKET_KEY bytes */
	const struct wire_root *roots; /* unused bytes are 0 */
	size_t nroots;
	int log_level;
	int log_format;
};

/* Nothing runs before keeper_set. */
int keeper_new(
    struct keeper **out, const struct keeper_options *o, struct vs_err *err);

/*
 * From now on; NULL or no folders: nobody is served.  The same again does
 * nothing.  VS_ENOMEM, VS_ELIMIT: nobody is served.
 */
int keeper_set(
    struct keeper *k, const struct keeper_setup *s, struct vs_err *err);

/* The answer to ask; f->id is set by the keeper. */
void keeper_found(struct keeper *k, uint64_t id, const struct wire_found *f);

/* Ends the chunk server, then calls closed; k is gone. */
void keeper_close(struct keeper *k, void (*closed)(void *arg), void *arg);

#endif
