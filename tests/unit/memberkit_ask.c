/* What tests ask of a member's engine, and what they look at. */
#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <string.h>

json_t *memberkit_pull(
    struct memberkit *k, const char *path, const struct member_want *want)
{
	const struct member_want plain = { 0 };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc =
	    member_pull(k->m, &path, 1, want ? want : &plain, k->now, &err);

	if (!doc)
		fail_msg("%s", err.msg);
	return doc;
}

void memberkit_want(
    struct memberkit *k, const char *path, int fetch, int conflicts)
{
	json_t *doc = memberkit_pull(k, path, NULL);

	assert_int_equal(
	    json_integer_value(json_object_get(doc, "fetch_files")), fetch);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "conflicts")), conflicts);
	json_decref(doc);
}

static int mirror_row(void *arg, const struct vs_change *c)
{
	struct table_row r = { .path = (char *)c->path,
		.kind = vs_kind_name(c->kind),
		.size = c->size,
		.mtime_us = -1,
		.mode = -1 };

	(void)snprintf(r.hash, sizeof(r.hash), "%s", c->hash ? c->hash : "");
	table_append(arg, &r);
	return 0;
}

void memberkit_mirrored(struct memberkit *k)
{
	struct vs_err err = VS_ERR_INIT;
	struct table own;
	char why[900];

	table_init(&own);
	assert_int_equal(member_each(k->m, mirror_row, &own, &err), 0);
	table_sort(&own);
	if (!table_equal(
		&own, "the mirror", &k->rows, "the cloud", why, sizeof(why)))
		fail_msg("%s", why);
	table_release(&own);
}

void memberkit_has(struct memberkit *k, struct memfs *fs, const char *path)
{
	const struct memberkit_file *f = memberkit_file(k, path);
	const struct memfs_node *n = memfs_at(fs, path, NULL);

	assert_non_null(f);
	assert_non_null(n);
	assert_int_equal(n->size, f->len);
	if (f->len > 0)
		assert_memory_equal(n->data, f->data, f->len);
}

void memberkit_edit(struct memberkit *k, const char *path, const char *text)
{
	struct memfs_node *n = memfs_open(k->fs, path);

	assert_non_null(n);
	memfs_truncate(k->fs, n, 0);
	memfs_write(k->fs, n, 0, text, strlen(text));
	memfs_close(k->fs, n);
}

bool memberkit_is(struct memberkit *k, const char *path, const char *text)
{
	const struct memfs_node *n = memfs_at(k->fs, path, NULL);

	return n && n->size == strlen(text) &&
	    memcmp(n->data, text, n->size) == 0;
}

const char *memberkit_state(struct memberkit *k, char out[32])
{
	json_t *doc = member_status(k->m, k->now);

	(void)snprintf(
	    out, 32, "%s", json_string_value(json_object_get(doc, "state")));
	json_decref(doc);
	return out;
}

json_t *memberkit_transfer(struct memberkit *k)
{
	json_t *doc = member_transfers(k->m, 1);
	json_t *one =
	    json_incref(json_array_get(json_object_get(doc, "transfers"), 0));

	json_decref(doc);
	assert_non_null(one);
	return one;
}

char memberkit_badge(struct memberkit *k, const char *path)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = member_list(k->m, path, false, "", 10, &err);
	json_t *row = json_array_get(json_object_get(doc, "files"), 0);
	const char *badge = json_string_value(json_object_get(row, "badge"));
	char c = badge ? badge[0] : '?';

	json_decref(doc);
	return c;
}

void memberkit_ended(struct memberkit *k, const char *state, const char *error)
{
	json_t *t = memberkit_transfer(k);
	const char *have = json_string_value(json_object_get(t, "error"));

	assert_string_equal(
	    json_string_value(json_object_get(t, "state")), state);
	if (!strstr(have, error))
		fail_msg("error is: %s", have);
	json_decref(t);
	assert_int_equal(memtarget_parts(k->disk), 0);
}

void memberkit_begin(struct memberkit *k, const char *path, size_t len)
{
	memberkit_put(k, path, len, (unsigned)k->seq);
	memberkit_pass(k, 1000);
	k->hold_fetch = true;
	memberkit_want(k, path, 1, 0);
	memberkit_pass(k, 100);
	k->hold_fetch = false;
}

int64_t memberkit_received(struct memberkit *k)
{
	json_t *t = memberkit_transfer(k);
	int64_t n = json_integer_value(json_object_get(t, "bytes"));

	json_decref(t);
	return n;
}
