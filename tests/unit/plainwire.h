/* A WebSocket's wire over a plain socket, and what its ends saw. */
#ifndef PLAINWIRE_H
#define PLAINWIRE_H

#include "common/net/ws.h"

struct plainwire {
	int fd;
	int closed; /* times the wire was closed */
	size_t most; /* bytes written at a time; 0: as many as it takes */
	int writes; /* that moved something */
};

struct vs_ws_wire plainwire_of(struct plainwire *p, int fd);

/* One end of a connection: what came, and how it ended. */
struct wsend {
	struct vs_ws *ws; /* NULL once it is over */
	struct plainwire wire;
	int messages;
	size_t bytes; /* of all messages */
	char last[512]; /* the beginning of the last one */
	int closed; /* times */
	int code;
	char why[128];
	int close_at; /* closes itself at this message, with 1000 */
};

void wsend_on_message(void *arg, const char *text, size_t len);
void wsend_on_closed(void *arg, int code, const char *why);

/* Options with the callbacks above; the wire is for the caller to set. */
struct vs_ws_options wsend_options(struct wsend *e, bool client);

/* Turns the loop until *what reaches n; fails after ten seconds. */
void wsend_wait(uv_loop_t *loop, const int *what, int n);

#endif
