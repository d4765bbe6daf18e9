/*
 * The owner of everything that runs: the loop, the projects, the way to the
 * cloud, the control socket.  One a user, held by a lock on the state
 * directory.  All functions on the loop's thread.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "agent/account.h"
#include "agent/config.h"
#include "agent/project.h"
#include "agent/session.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/crypto/key.h"
#include "common/os/dirs.h"

struct agent;

struct agent_options {
	const char *config; /* its path; NULL: in the usual place */
	bool attended; /* ends when standard input does */
	bool idle; /* serves the socket, starts no project */
	bool verbose;
	bool json; /* log as JSON */
	int ready_fd; /* gets a byte when the socket listens; -1: none */
};

/*
 * Runs until it is told to end; VS_OK then.  VS_EBUSY: another agent holds
 * the state; VS_ECONFIG, VS_ESCHEMA: nothing to try again.
 */
int agent_run(const struct agent_options *o, struct vs_err *err);

/* What everything runs on. */
uv_loop_t *agent_loop(struct agent *a);

/* Where its things are kept. */
const struct vs_dirs *agent_dirs(const struct agent *a);

/* As last read; another one after a reload. */
const struct config *agent_config(const struct agent *a);

/* As last read; holds the token. */
const struct account *agent_account(const struct agent *a);

/* Rises with each login, so that what was refused is tried again. */
unsigned agent_generation(const struct agent *a);

/* This device's key; its pin is "" where it could not be had. */
const struct vs_key *agent_key(const struct agent *a);

/* What of the log is written... */
enum vs_log_level agent_log_level(const struct agent *a);

/* ... and how, as the command line or the configuration has it. */
enum vs_log_format agent_log_format(const struct agent *a);

/* The way to the cloud; the same as long as the agent runs. */
struct session *agent_session(struct agent *a);

/* When it was started, wall clock. */
int64_t agent_started_ms(const struct agent *a);

/* True if it serves no project. */
bool agent_idle(const struct agent *a);

/* The running project with this id, or NULL. */
struct project *agent_project(struct agent *a, const char *id);

/*
 * Takes server and account over: written to the disk (token, device,
 * configuration), then every project is started anew with them.
 */
int agent_login(struct agent *a, const char *url, const struct account *account,
    struct vs_err *err);

/* The cloud gave our device this key for tickets (hex); kept durably. */
int agent_ticket_key(struct agent *a, const char *key, struct vs_err *err);

/*
 * Reads the configuration again, starts what is new, stops what is gone.
 * On an error all stays as it was.
 */
int agent_reload(struct agent *a, struct vs_err *err);

/* False while projects are being stopped to be started anew. */
bool agent_settled(const struct agent *a);

/* Ends in order, shortly after what is being answered now. */
void agent_quit(struct agent *a);

#endif
