#include "agent/inlet.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/project_core.h"
#include "common/base/limits.h"
#include "common/net/wsc.h"

#define CLOSE_NORMAL 1000 /* RFC 6455, 7.4.1 */
#define CLOSE_POLICY 1008
#define CLOSE_LOST 1006

/* One connection; outlives the inlet until it is closed. */
struct line {
	struct inlet *inlet; /* NULL: nobody wants it any more */
	uint64_t serial;
	struct vs_wsc *opening;
	struct vs_ws *ws;
};

struct inlet {
	struct inlet_options o;
	uint64_t serial; /* mailbox's thread: of the stream wanted */
	struct line *line; /* loop's thread: the one in use, or NULL */
};

/* Loop -> mailbox. */

enum letter_kind { LETTER_UP, LETTER_TEXT, LETTER_DOWN };

struct letter {
	struct mailbox_item item;
	struct inlet *inlet;
	uint64_t serial;
	enum letter_kind kind;
	int code;
	size_t len;
	char text[];
};

static void letter_read(struct mailbox_item *item)
{
	struct letter *l = (struct letter *)item;
	struct inlet *f = l->inlet;

	if (l->serial == f->serial && l->kind == LETTER_UP)
		f->o.up(f->o.arg);
	else if (l->serial == f->serial && l->kind == LETTER_TEXT)
		f->o.text(f->o.arg, l->text, l->len);
	else if (l->serial == f->serial)
		f->o.down(f->o.arg, l->code, l->text);
	free(l);
}

static void letter_put(
    struct line *line, enum letter_kind kind, const char *text, size_t len)
{
	struct letter *l = project_must(malloc(sizeof(*l) + len + 1));
	struct inlet *f = line->inlet;

	memset(l, 0, sizeof(*l));
	l->item.handle = letter_read;
	l->item.weight = len;
	l->inlet = f;
	l->serial = line->serial;
	l->kind = kind;
	l->len = len;
	memcpy(l->text, text, len);
	l->text[len] = '\0';
	mailbox_put(f->o.mailbox, &l->item);
}

/* The last of a line. */
static void letter_down(struct line *line, int code, const char *why)
{
	size_t len = strlen(why);
	struct letter *l = project_must(calloc(1, sizeof(*l) + len + 1));
	struct inlet *f = line->inlet;

	l->item.handle = letter_read;
	l->inlet = f;
	l->serial = line->serial;
	l->kind = LETTER_DOWN;
	l->code = code;
	memcpy(l->text, why, len + 1);
	mailbox_put(f->o.mailbox, &l->item);
	f->line = NULL;
	line->inlet = NULL;
}

/* The connection. */

static void line_opened(void *arg, struct vs_ws *ws, const struct vs_err *why)
{
	struct line *line = arg;

	line->opening = NULL;
	line->ws = ws;
	if (ws != NULL && line->inlet != NULL) {
		letter_put(line, LETTER_UP, "", 0);
		return;
	}
	if (ws != NULL) {
		vs_ws_close(ws, CLOSE_NORMAL, "");
		return;
	}
	if (line->inlet != NULL)
		letter_down(line, why->code, why->msg);
	free(line);
}

static void line_message(void *arg, const char *text, size_t len)
{
	struct line *line = arg;
	struct inlet *f = line->inlet;

	if (f == NULL)
		return;
	if (mailbox_weight(f->o.mailbox) + len <= INLET_WAITING_MAX) {
		letter_put(line, LETTER_TEXT, text, len);
		return;
	}
	/* what is missing is asked for again when this is done */
	letter_down(line, VS_EAGAIN, "more came than could be taken");
	vs_ws_close(line->ws, CLOSE_NORMAL, "");
}

static int code_of(int code)
{
	switch (code) {
	case CLOSE_POLICY:
		return VS_EFORBIDDEN;
	case VS_WS_AGAIN:
		return VS_EAGAIN;
	default:
		return VS_ENET;
	}
}

static void line_closed(void *arg, int code, const char *why)
{
	struct line *line = arg;

	if (line->inlet != NULL)
		letter_down(line, code_of(code),
		    *why != '\0'             ? why
			: code == CLOSE_LOST ? "the connection was lost"
					     : "the stream ended");
	free(line);
}

/* Nothing of it is wanted any more. */
static void line_leave(struct line *line)
{
	line->inlet = NULL;
	if (line->opening != NULL)
		vs_wsc_cancel(line->opening);
	else
		vs_ws_close(line->ws, CLOSE_NORMAL, "");
}

static void line_open(struct inlet *f, const char *path, uint64_t serial)
{
	struct line *line = project_must(calloc(1, sizeof(*line)));
	struct vs_err err = VS_ERR_INIT;
	const struct vs_wsc_options o = {
		.timeout_ms = VS_CONNECT_MS + VS_HEADER_MS,
		.opened = line_opened,
		.message = line_message,
		.closed = line_closed,
		.arg = line,
	};

	assert(f->line == NULL);
	line->inlet = f;
	line->serial = serial;
	f->line = line;
	if (session_stream(f->o.session, &line->opening, path, &o, &err) ==
	    VS_OK)
		return;
	letter_down(line, err.code, err.msg);
	free(line);
}

/* Mailbox's thread -> loop. */

struct wish {
	struct post_item item;
	struct inlet *inlet;
	uint64_t serial;
	char *path;
};

static void wish_arrive(struct post_item *item)
{
	struct wish *w = (struct wish *)item;
	struct inlet *f = w->inlet;

	if (f->line != NULL)
		line_leave(f->line);
	f->line = NULL;
	if (w->path != NULL)
		line_open(f, w->path, w->serial);
	free(w->path);
	free(w);
}

void inlet_open(struct inlet *f, const char *path)
{
	struct wish *w = project_must(calloc(1, sizeof(*w)));

	assert(path == NULL || path[0] == '/');
	w->item.run = wish_arrive;
	w->inlet = f;
	w->serial = ++f->serial;
	if (path != NULL)
		w->path = project_must(strdup(path));
	post_send(f->o.post, &w->item);
}

int inlet_new(
    struct inlet **out, const struct inlet_options *o, struct vs_err *err)
{
	struct inlet *f = calloc(1, sizeof(*f));

	assert(o->up != NULL && o->text != NULL && o->down != NULL);
	if (f == NULL)
		return vs_err_set(err, VS_ENOMEM, "inlet: out of memory");
	f->o = *o;
	*out = f;
	return VS_OK;
}

void inlet_free(struct inlet *f)
{
	if (f == NULL)
		return;
	if (f->line != NULL)
		line_leave(f->line);
	free(f);
}
