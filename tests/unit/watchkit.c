#include "tests/unit/watchkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

static void hear(void *arg, const struct watch_hint *h)
{
	struct watchkit *f = arg;
	struct watchkit_heard *to = &f->heard[f->count];

	f->counted++;
	if (f->many)
		return;
	assert_true(f->count < WATCHKIT_HINTS);
	to->what = h->what;
	to->moved = h->moved;
	to->paired = h->from != NULL;
	snprintf(to->path, sizeof(to->path), "%s", h->path);
	snprintf(
	    to->from, sizeof(to->from), "%s", h->from != NULL ? h->from : "");
	f->count++;
}

void watchkit_listen(struct watchkit *f)
{
	struct pollfd p = { .fd = watch_fd(f->watch), .events = POLLIN };
	char *raw = malloc(WATCH_RAW_MAX);

	assert_non_null(raw);
	f->count = 0;
	while (poll(&p, 1, 30) == 1) {
		int n = watch_read(f->watch, raw, NULL);

		assert_true(n > 0);
		watch_translate(f->watch, raw, (size_t)n, f->now_ms);
	}
	assert_int_equal(watch_read(f->watch, raw, NULL), 0);
	free(raw);
}

void watchkit_later(struct watchkit *f, int64_t ms)
{
	f->now_ms += ms;
	while (watch_due(f->watch) <= f->now_ms)
		watch_tick(f->watch, f->now_ms);
}

const struct watchkit_heard *watchkit_heard(
    const struct watchkit *f, enum watch_what what, const char *path)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->heard[i].what == what &&
		    strcmp(f->heard[i].path, path) == 0)
			return &f->heard[i];
	return NULL;
}

size_t watchkit_count(const struct watchkit *f, enum watch_what what)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->heard[i].what == what;
	return n;
}

void watchkit_renamed(const struct watchkit *f, enum watch_what what,
    const char *from, const char *path)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->heard[i].what == what && f->heard[i].paired &&
		    strcmp(f->heard[i].path, path) == 0 &&
		    strcmp(f->heard[i].from, from) == 0)
			return;
	fail_msg("no rename of %s to %s", from, path);
}

void watchkit_add(struct watchkit *f, const char *dir)
{
	struct vs_err err = VS_ERR_INIT;

	if (watch_add(f->watch, dir, &err) < 0)
		fail_msg("%s: %s", dir, err.msg);
}

int watchkit_setup(void **state)
{
	struct watchkit *f = calloc(1, sizeof(*f));
	const struct watch_ear ear = { .hint = hear, .arg = f };

	assert_non_null(f);
	f->now_ms = 1000;
	f->dir = scratch_new();
	assert_int_equal(
	    watch_new(&f->watch, WATCH_EVENTS, f->dir->path, &ear, NULL),
	    VS_OK);
	*state = f;
	return 0;
}

int watchkit_teardown(void **state)
{
	struct watchkit *f = *state;

	watch_free(f->watch);
	scratch_free(f->dir);
	free(f);
	return 0;
}

void watchkit_feed_named(struct watchkit *f, int wd, uint32_t mask,
    uint32_t cookie, const char *name)
{
	_Alignas(
	    struct inotify_event) char raw[sizeof(struct inotify_event) + 16] =
	    "";
	const struct inotify_event e = {
		.wd = wd, .mask = mask, .cookie = cookie, .len = 16
	};

	memcpy(raw, &e, sizeof(e));
	snprintf(raw + sizeof(e), 16, "%s", name);
	watch_translate(f->watch, raw, sizeof(raw), f->now_ms);
}

void watchkit_feed(struct watchkit *f, int wd, uint32_t mask)
{
	struct inotify_event e = { .wd = wd, .mask = mask };

	f->count = 0;
	watch_translate(f->watch, &e, sizeof(e), f->now_ms);
}
