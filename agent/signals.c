#include "agent/signals.h"

#include <signal.h>

#include "common/os/mapping.h"

static void end(uv_signal_t *handle, int number)
{
	const struct signals *s = handle->data;

	s->calls.end(s->calls.arg, number);
}

static void reload(uv_signal_t *handle, int number)
{
	const struct signals *s = handle->data;

	(void)number;
	s->calls.reload(s->calls.arg);
}

static void dump(uv_signal_t *handle, int number)
{
	const struct signals *s = handle->data;

	(void)number;
	s->calls.dump(s->calls.arg);
}

int signals_start(struct signals *s, uv_loop_t *loop,
    const struct signals_calls *calls, struct vs_err *err)
{
	static const struct {
		int number;
		uv_signal_cb cb;
	} table[SIGNALS_COUNT] = {
		[SIGNALS_TERM] = { SIGTERM, end },
		[SIGNALS_INT] = { SIGINT, end },
		[SIGNALS_HUP] = { SIGHUP, reload },
		[SIGNALS_USR1] = { SIGUSR1, dump },
	};
	int r = 0;

	s->calls = *calls;
	for (int i = 0; i < SIGNALS_COUNT && r == 0; i++) {
		uv_signal_t *handle = &s->handle[i];

		handle->data = s;
		r = uv_signal_init(loop, handle);
		if (r == 0)
			r = uv_signal_start(
			    handle, table[i].cb, table[i].number);
	}
	if (r != 0)
		return vs_err_errno(err, -r, "signals");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	return vs_mapping_guard(err);
}

void signals_close(struct signals *s)
{
	for (int i = 0; i < SIGNALS_COUNT; i++) {
		uv_handle_t *handle = (uv_handle_t *)&s->handle[i];

		/* all zero: the start did not come that far */
		if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
			uv_close(handle, NULL);
	}
}
