#include "agent/watch/watch.h"

#include <assert.h>

#include "agent/watch/backend.h"

static const struct watch_backend *backend_of(enum watch_kind kind)
{
	return kind == WATCH_EVENTS ? &watch_events : &watch_poll;
}

int watch_new(struct watch **out, enum watch_kind kind, const char *root,
    const struct watch_ear *ear, struct vs_err *err)
{
	const struct watch_backend *b = backend_of(kind);
	int r;

	assert(root[0] == '/' && ear->hint != NULL);
	r = b->make(out, root, err);
	if (r < 0)
		return r;
	(*out)->backend = b;
	(*out)->ear = *ear;
	return VS_OK;
}

void watch_free(struct watch *w)
{
	if (w != NULL)
		w->backend->free(w);
}

const char *watch_name(enum watch_kind kind)
{
	return backend_of(kind)->name;
}

enum watch_kind watch_kind(const struct watch *w)
{
	return w->backend == &watch_events ? WATCH_EVENTS : WATCH_POLL;
}

int watch_fd(const struct watch *w)
{
	return w->backend->fd != NULL ? w->backend->fd(w) : -1;
}

int watch_read(struct watch *w, void *raw, struct vs_err *err)
{
	assert(w->backend->read != NULL);
	return w->backend->read(w, raw, err);
}

void watch_translate(
    struct watch *w, const void *raw, size_t len, int64_t now_ms)
{
	assert(w->backend->translate != NULL);
	w->backend->translate(w, raw, len, now_ms);
}

int64_t watch_due(const struct watch *w)
{
	return w->backend->due != NULL ? w->backend->due(w) : INT64_MAX;
}

void watch_tick(struct watch *w, int64_t now_ms)
{
	if (w->backend->tick != NULL)
		w->backend->tick(w, now_ms);
}

int watch_add(struct watch *w, const char *dir, struct vs_err *err)
{
	return w->backend->add != NULL ? w->backend->add(w, dir, err) : VS_OK;
}

void watch_remove(struct watch *w, const char *dir)
{
	assert(*dir != '\0');
	if (w->backend->remove != NULL)
		w->backend->remove(w, dir);
}

void watch_clear(struct watch *w)
{
	if (w->backend->clear != NULL)
		w->backend->clear(w);
}

void watch_scanned(struct watch *w, int64_t took_ms, int64_t now_ms)
{
	if (w->backend->scanned != NULL)
		w->backend->scanned(w, took_ms, now_ms);
}

size_t watch_count(const struct watch *w)
{
	return w->backend->count != NULL ? w->backend->count(w) : 0;
}

void watch_mark(struct watch *w, char out[WATCH_MARK_SIZE])
{
	out[0] = '\0';
	if (w->backend->mark != NULL)
		w->backend->mark(w, out);
}

bool watch_resume(struct watch *w, const char *mark)
{
	return w->backend->resume != NULL && w->backend->resume(w, mark);
}
