/*
 * Order matters here: a set may name a path several times (create, update,
 * delete), and each change sees what the ones before it have done.  So a
 * slot holds the row as it is after the latest of them, and is written once.
 *
 * A deletion ends in one of three ways: nothing (there is no live row), an
 * event, or a hold.  An upsert of the path settles whatever was held of it,
 * also when it changes nothing else: somebody has the file.
 */
#include "cloud/service/merge.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/service/budget.h"
#include "common/base/path.h"
#include "common/crypto/tree.h"

#define SLOTS_FIRST 16
#define BLOCK_SIZE (32 * 1024) /* bytes of most blocks */

/*
 * Slots and strings are many and small, and go all at once: they are cut
 * from blocks, the latest first.
 */
struct merge_block {
	struct merge_block *next;
	size_t used; /* bytes of data */
	size_t size;
	alignas(max_align_t) char data[];
};

static struct merge_block *block_new(struct merge *m, size_t least)
{
	size_t size = least > BLOCK_SIZE ? least : BLOCK_SIZE;
	struct merge_block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->next = m->blocks;
	b->used = 0;
	b->size = size;
	m->blocks = b;
	return b;
}

/* Memory until release, or NULL. */
static void *cut(struct merge *m, size_t size)
{
	struct merge_block *b = m->blocks;
	size_t rest = size % alignof(max_align_t);
	void *p;

	if (rest > 0)
		size += alignof(max_align_t) - rest;
	if (b == NULL || b->size - b->used < size)
		b = block_new(m, size);
	if (b == NULL)
		return NULL;
	p = b->data + b->used;
	b->used += size;
	return p;
}

int merge_init(struct merge *m, struct store_project *head, const char *user_id,
    int64_t wall_ms)
{
	memset(m, 0, sizeof(*m));
	m->head = head;
	m->user_id = user_id;
	m->wall_ms = wall_ms;
	m->map = vs_map_new();
	return m->map == NULL ? VS_ENOMEM : VS_OK;
}

void merge_release(struct merge *m)
{
	struct merge_block *b;

	while ((b = m->blocks) != NULL) {
		m->blocks = b->next;
		free(b);
	}
	free(m->slots);
	vs_map_free(m->map);
	memset(m, 0, sizeof(*m));
}

static int slots_grow(struct merge *m)
{
	size_t cap = m->cap == 0 ? SLOTS_FIRST : m->cap * 2;
	struct merge_slot **slots;

	if (m->count < m->cap)
		return VS_OK;
	slots = reallocarray(m->slots, cap, sizeof(struct merge_slot *));
	if (slots == NULL)
		return VS_ENOMEM;
	m->slots = slots;
	m->cap = cap;
	return VS_OK;
}

int merge_want(struct merge *m, const char *path)
{
	struct merge_slot *slot;

	if (vs_map_get(m->map, path) != NULL)
		return VS_OK;
	if (slots_grow(m) != VS_OK)
		return VS_ENOMEM;
	slot = cut(m, sizeof(*slot));
	if (slot == NULL || vs_map_put(m->map, path, slot, NULL) != VS_OK)
		return VS_ENOMEM;
	memset(slot, 0, sizeof(*slot));
	slot->row.path = path;
	slot->row.mode = -1;
	m->slots[m->count++] = slot;
	return VS_OK;
}

/* Copies *s to *to, points *s there and moves *to past it. */
static void own_string(const char **s, char **to)
{
	size_t len;

	if (*s == NULL)
		return;
	len = strlen(*s) + 1;
	memcpy(*to, *s, len);
	*s = *to;
	*to += len;
}

static size_t own_size(const char *s)
{
	return s == NULL ? 0 : strlen(s) + 1;
}

int merge_load(struct merge *m, const struct store_file *f)
{
	struct merge_slot *slot = vs_map_get(m->map, f->path);
	const char *path;
	char *to;

	assert(slot != NULL && !slot->known);
	path = slot->row.path;
	to = cut(m,
	    1 + own_size(f->hash) + own_size(f->link_target) +
		own_size(f->deleted_by) + own_size(f->hold_id));
	if (to == NULL)
		return VS_ENOMEM;
	slot->row = *f;
	slot->row.path = path;
	own_string(&slot->row.hash, &to);
	own_string(&slot->row.link_target, &to);
	own_string(&slot->row.deleted_by, &to);
	own_string(&slot->row.hold_id, &to);
	slot->known = true;
	return VS_OK;
}

static bool is_live(const struct merge_slot *slot)
{
	return slot->known && !slot->row.deleted;
}

static bool same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool merge_rename(struct merge *m, const struct vs_change *c)
{
	struct merge_slot *slot;

	if (c->renamed_from == NULL || c->op == VS_OP_DELETE)
		return false;
	slot = vs_map_get(m->map, c->renamed_from);
	if (slot == NULL || !is_live(slot) || slot->row.kind != c->kind ||
	    !same_text(slot->row.hash, c->hash))
		return false;
	slot->renamed = true;
	return true;
}

/* What a change does not say (mtime, mode) stays as it is. */
static bool same_as(const struct store_file *row, const struct vs_change *c)
{
	if (c->has_mtime && (!row->has_mtime || row->mtime_us != c->mtime_us))
		return false;
	if (c->mode >= 0 && row->mode != c->mode)
		return false;
	return row->kind == c->kind && row->size == c->size &&
	    row->recording == c->recording && same_text(row->hash, c->hash) &&
	    same_text(row->link_target, c->link_target);
}

/* The head's totals lose or gain a live row. */
static void count_row(
    struct store_project *head, const struct store_file *row, bool gain)
{
	const struct vs_tree_row leaf = {
		.path = row->path,
		.kind = vs_kind_name(row->kind),
		.size = row->size,
		.hash = row->hash == NULL ? "" : row->hash,
	};

	if (gain)
		vs_tree_add(&head->tree, &leaf);
	else
		vs_tree_sub(&head->tree, &leaf);
	if (row->kind != VS_KIND_DIR)
		head->files += gain ? 1 : -1;
	assert(head->files >= 0);
}

/* The next seq and the next stamp, for a row that changes. */
static void stamp_row(struct merge *m, struct merge_slot *slot)
{
	struct store_project *head = m->head;
	int64_t now_us = m->wall_ms * 1000;

	head->last_seq++;
	head->stamp_us = now_us > head->stamp_us ? now_us : head->stamp_us + 1;
	slot->row.seq = head->last_seq;
	slot->row.stamp_us = head->stamp_us;
	slot->dirty = true;
}

/* Whatever deletion of this path was waiting, it is settled. */
static void unhold(struct merge_slot *slot)
{
	slot->hold_new = false;
	if (slot->row.hold_id != NULL)
		slot->hold_cut = true;
}

static void upsert(struct merge *m, struct merge_slot *slot,
    const struct vs_change *c, struct merge_verdict *v)
{
	struct store_file *row = &slot->row;
	bool live = is_live(slot);

	unhold(slot);
	if (live && same_as(row, c))
		return;
	if (live)
		count_row(m->head, row, false);
	if (!slot->known)
		row->created_ms = m->wall_ms;
	if (!slot->known || !same_text(row->hash, c->hash))
		row->version++;
	slot->known = true;
	row->kind = c->kind;
	row->hash = c->hash;
	row->size = c->size;
	row->link_target = c->link_target;
	row->recording = c->recording;
	if (c->has_mtime) {
		row->has_mtime = true;
		row->mtime_us = c->mtime_us;
	}
	if (c->mode >= 0)
		row->mode = c->mode;
	row->deleted = false;
	row->deleted_ms = 0;
	row->deleted_by = NULL;
	count_row(m->head, row, true);
	if (m->head->files > m->head->baseline)
		m->head->baseline = m->head->files;
	stamp_row(m, slot);
	v->logged = true;
}

struct merge_slot *merge_folder(const struct merge *m, const char *path)
{
	struct merge_slot *slot = vs_map_get(m->map, path);

	if (slot == NULL || !is_live(slot) || slot->row.kind != VS_KIND_DIR)
		return NULL;
	return slot;
}

static bool has_held_below(
    const struct merge *m, const struct merge_slot *folder)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->slots[i]->hold_new &&
		    vs_path_beneath(m->slots[i]->row.path, folder->row.path))
			return true;
	return folder->below;
}

static bool must_hold(const struct merge *m, const struct merge_slot *slot)
{
	if (m->approved || slot->renamed)
		return false;
	if (slot->row.kind == VS_KIND_DIR)
		return has_held_below(m, slot);
	return !budget_allows(m->head->baseline, m->head->files - 1);
}

static void delete (
    struct merge *m, struct merge_slot *slot, struct merge_verdict *v)
{
	struct store_file *row = &slot->row;

	if (!is_live(slot))
		return;
	if (must_hold(m, slot)) {
		if (row->hold_id == NULL || slot->hold_cut)
			slot->hold_new = true;
		v->outcome = MERGE_HELD;
		return;
	}
	unhold(slot);
	count_row(m->head, row, false);
	/* the new name has raised the baseline: a rename leaves it alone */
	if (slot->renamed && row->kind != VS_KIND_DIR &&
	    m->head->baseline > m->head->files)
		m->head->baseline--;
	row->deleted = true;
	row->deleted_ms = m->wall_ms;
	row->deleted_by = m->user_id;
	row->recording = false;
	stamp_row(m, slot);
	v->logged = true;
}

/* 0 stands for "not there"; a deleted row may also be named as it was. */
static bool base_fits(const struct merge_slot *slot, int64_t base)
{
	if (base < 0)
		return true;
	if (!slot->known)
		return base == 0;
	return base == slot->row.version || (slot->row.deleted && base == 0);
}

void merge_change(
    struct merge *m, const struct vs_change *c, struct merge_verdict *v)
{
	struct merge_slot *slot = vs_map_get(m->map, c->path);

	assert(slot != NULL);
	memset(v, 0, sizeof(*v));
	v->slot = slot;
	if (!base_fits(slot, c->base_version))
		v->outcome = MERGE_CONFLICT;
	else if (c->op == VS_OP_DELETE)
		delete (m, slot, v);
	else
		upsert(m, slot, c, v);
	v->seq = slot->row.seq;
	v->version = slot->row.version;
}
