/*
 * The server: HTTP on a libuv loop, one writer, one reader, one lane for
 * long reads.  The loop's thread never touches the database.
 */
#ifndef SERVER_H
#define SERVER_H

#include "common/base/err.h"

struct server_options {
	const char *listen; /* "HOST:PORT"; port 0: any free one */
	const char *path; /* of the SQLite file */
};

/*
 * Serves until SIGTERM or SIGINT.  Says "listening on HOST:PORT" on
 * standard error, and READY to a service manager, when requests are taken.
 * At the end what was begun is finished, within two seconds.  Errors of
 * starting are returned.
 */
int server_run(const struct server_options *o, struct vs_err *err);

#endif
