#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/background.h"
#include "agent/serve/child.h"
#include "common/base/log.h"
#include "common/db/db.h"
#include "common/proto/control.h"

#define EXIT_LOCKED 73 /* EX_CANTCREAT of sysexits(3) */

static const char usage[] =
    "usage: vsync-agent [--foreground] [--config FILE] [--verbose]\n"
    "                   [--log-json]\n"
    "       vsync-agent --attended [--idle]\n"
    "\n"
    "Publishes the folders of one user's projects; vsync talks to it.\n"
    "\n"
    "  --foreground   stay in the foreground, log to standard error\n"
    "  --config FILE  another configuration\n"
    "  --verbose      log more\n"
    "  --log-json     log one JSON object a line\n"
    "  --attended     end when standard input ends\n"
    "  --idle         serve the control socket only, start no project\n"
    "  --version, --help\n";

struct command {
	struct agent_options agent;
	bool foreground;
	bool serve; /* be the chunk server of an agent */
	bool done; /* nothing is left to run; the exit code is 0 */
};

enum option_code {
	OPTION_FOREGROUND = 256,
	OPTION_CONFIG,
	OPTION_VERBOSE,
	OPTION_LOG_JSON,
	OPTION_ATTENDED,
	OPTION_IDLE,
	OPTION_SERVE,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "log-json", no_argument, NULL, OPTION_LOG_JSON },
	{ "attended", no_argument, NULL, OPTION_ATTENDED },
	{ "idle", no_argument, NULL, OPTION_IDLE },
	{ "serve", no_argument, NULL, OPTION_SERVE },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static int option_take(struct command *c, int code)
{
	switch (code) {
	case OPTION_FOREGROUND:
		c->foreground = true;
		return VS_OK;
	case OPTION_CONFIG:
		c->agent.config = optarg;
		return VS_OK;
	case OPTION_VERBOSE:
		c->agent.verbose = true;
		return VS_OK;
	case OPTION_LOG_JSON:
		c->agent.json = true;
		return VS_OK;
	case OPTION_ATTENDED:
		c->agent.attended = true;
		return VS_OK;
	case OPTION_IDLE:
		c->agent.idle = true;
		return VS_OK;
	case OPTION_SERVE:
		c->serve = true;
		return VS_OK;
	case OPTION_VERSION:
		printf("vsync-agent %s\n", VS_VERSION);
		c->done = true;
		return VS_OK;
	case OPTION_HELP:
		fputs(usage, stdout);
		c->done = true;
		return VS_OK;
	default:
		return VS_EINVAL;
	}
}

static int command_read(struct command *c, int argc, char **argv)
{
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option_take(c, code) < 0 || c->done)
			break;
	if (c->done)
		return VS_OK;
	if (code != -1 || optind < argc)
		return VS_EINVAL;
	return VS_OK;
}

static int exit_code(const struct vs_err *err)
{
	if (err->code == VS_OK)
		return VS_EXIT_OK;
	return err->code == VS_EBUSY ? EXIT_LOCKED
				     : (int)vs_control_exit(err->code);
}

int main(int argc, char **argv)
{
	struct command c = { .agent = { .ready_fd = -1 } };
	struct vs_err err = VS_ERR_INIT;
	int waiting = -1;

	if (command_read(&c, argc, argv) < 0) {
		fputs(usage, stderr);
		return VS_EXIT_USAGE;
	}
	if (c.done)
		return VS_EXIT_OK;
	vs_log_setup(c.agent.verbose ? VS_LOG_DEBUG : VS_LOG_INFO,
	    c.agent.json ? VS_LOG_JSON : VS_LOG_PLAIN);
	if (c.serve) {
		child_run(&err);
		vs_log(VS_LOG_ERR, "vsync-agent: %s", err.msg);
		return exit_code(&err);
	}
	/* who attends us keeps our input open: that is the foreground */
	if (!c.foreground && !c.agent.attended)
		waiting = background_enter(&c.agent.ready_fd, &err);
	if (waiting >= 0)
		return waiting;
	vs_db_lean();
	if (err.code == VS_OK)
		agent_run(&c.agent, &err);
	if (err.code < 0)
		vs_log(VS_LOG_ERR, "vsync-agent: %s", err.msg);
	return exit_code(&err);
}
