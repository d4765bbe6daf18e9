#include "tests/unit/cloudkit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = cloudkit_new();
	return 0;
}

static int teardown(void **state)
{
	cloudkit_free(*state);
	return 0;
}

static void begin(struct cloudkit *k)
{
	assert_int_equal(k->store->ops->begin(k->store, NULL), VS_OK);
}

static void commit(struct cloudkit *k)
{
	assert_int_equal(k->store->ops->commit(k->store, NULL), VS_OK);
}

static struct store_project project(struct cloudkit *k)
{
	struct store_project p;
	enum store_role role;

	assert_int_equal(k->store->ops->project_get(k->store, k->project,
			     k->owner.user_id, &p, &role, NULL),
	    VS_OK);
	return p;
}

static void test_savepoints(void **state)
{
	struct cloudkit *k = *state;
	const struct store_ops *ops = k->store->ops;
	struct store_user u = { .id = "u1", .name = "kept" }, got;

	begin(k);
	assert_int_equal(ops->savepoint(k->store, NULL), VS_OK);
	assert_int_equal(ops->user_put(k->store, &u, NULL), VS_OK);
	assert_int_equal(ops->release(k->store, NULL), VS_OK);
	assert_int_equal(ops->savepoint(k->store, NULL), VS_OK);
	(void)snprintf(u.id, sizeof(u.id), "u2");
	(void)snprintf(u.name, sizeof(u.name), "dropped");
	assert_int_equal(ops->user_put(k->store, &u, NULL), VS_OK);
	assert_int_equal(ops->rollback_to(k->store, NULL), VS_OK);
	commit(k);
	cloudkit_reopen(k);
	ops = k->store->ops;
	begin(k);
	assert_int_equal(ops->user_named(k->store, "kept", &got, NULL), VS_OK);
	assert_string_equal(got.id, "u1");
	assert_int_equal(
	    ops->user_named(k->store, "dropped", &got, NULL), VS_ENOENT);
	/* a refusal is no failure of the store */
	(void)snprintf(u.name, sizeof(u.name), "kept");
	assert_int_equal(ops->user_put(k->store, &u, NULL), VS_EEXIST);
	assert_int_equal(ops->failed(k->store), VS_OK);
	ops->rollback(k->store);
	ops->rollback(k->store); /* never fails */
}

static void test_roles(void **state)
{
	struct cloudkit *k = *state;
	const struct store_ops *ops = k->store->ops;
	struct store_project p;
	enum store_role role;

	begin(k);
	assert_int_equal(ops->project_get(k->store, k->project,
			     k->owner.user_id, &p, &role, NULL),
	    VS_OK);
	assert_int_equal(role, STORE_OWNER);
	assert_int_equal(ops->project_get(k->store, k->project,
			     k->member.user_id, &p, &role, NULL),
	    VS_OK);
	assert_int_equal(role, STORE_MEMBER);
	assert_int_equal(ops->project_get(k->store, k->project,
			     k->stranger.user_id, &p, &role, NULL),
	    VS_ENOENT);
	assert_int_equal(role, STORE_NOBODY);
	assert_int_equal(ops->project_get(k->store, "' OR 1=1 --",
			     k->owner.user_id, &p, &role, NULL),
	    VS_ENOENT);
	assert_int_equal(
	    ops->device_check(k->store, k->device, k->owner.user_id, NULL),
	    VS_OK);
	assert_int_equal(
	    ops->device_check(k->store, k->device, k->member.user_id, NULL),
	    VS_ENOENT);
	ops->rollback(k->store);
}

struct seen {
	char text[4096];
	int64_t rows;
	int64_t stop_at;
};

static int see_file(void *arg, const struct store_file *f)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	(void)snprintf(s->text + len, sizeof(s->text) - len, "%s%s ", f->path,
	    f->deleted ? "-" : "");
	return ++s->rows == s->stop_at ? 7 : 0;
}

static void put(struct cloudkit *k, int64_t no, const char *path, int64_t stamp,
    bool deleted)
{
	const struct store_file f = { .path = path,
		.hash = "h",
		.size = 1,
		.mode = -1,
		.version = 1,
		.seq = stamp,
		.stamp_us = stamp,
		.deleted = deleted,
		.deleted_ms = 5 };
	const struct store_file *rows[1] = { &f };

	assert_int_equal(
	    k->store->ops->files_put(k->store, no, rows, 1, NULL), VS_OK);
}

static const char *list(struct cloudkit *k, int64_t no,
    const struct store_range *range, struct seen *s)
{
	int64_t stop = s->stop_at;

	memset(s, 0, sizeof(*s));
	s->stop_at = stop;
	assert_int_equal(
	    k->store->ops->files(k->store, no, range, see_file, s, NULL),
	    VS_OK);
	return s->text;
}

static void test_ranges(void **state)
{
	struct cloudkit *k = *state;
	struct store_range all = { .prefix = "", .after_us = -1, .limit = 100 };
	struct store_range r = all;
	struct seen s = { .rows = 0 };
	int64_t no;

	begin(k);
	no = project(k).no;
	put(k, no, "d/b", 1, false);
	put(k, no, "a", 2, false);
	put(k, no, "d", 3, false);
	put(k, no, "d/a/x", 4, true);
	put(k, no, "d0", 5, false);
	put(k, no, "d.txt", 6, false);
	put(k, no, "d/\xc3\xa9", 7, false);
	put(k, no + 1, "d/other", 8, false);
	assert_string_equal(
	    list(k, no, &all, &s), "d/b a d d0 d.txt d/\xc3\xa9 ");
	r.deleted = true;
	r.after_us = 3;
	assert_string_equal(list(k, no, &r, &s), "d/a/x- d0 d.txt d/\xc3\xa9 ");
	r.prefix = "d";
	r.after_us = -1;
	assert_string_equal(list(k, no, &r, &s), "d/b d/a/x- d/\xc3\xa9 ");
	r.from = "";
	assert_string_equal(list(k, no, &r, &s), "d/a/x- d/b d/\xc3\xa9 ");
	r.from = "d/b";
	r.deleted = false;
	assert_string_equal(list(k, no, &r, &s), "d/b d/\xc3\xa9 ");
	r.limit = 1;
	assert_string_equal(list(k, no, &r, &s), "d/b ");
	/* a row function may stop, and then the statement is free again */
	s.stop_at = 2;
	assert_string_equal(list(k, no, &all, &s), "d/b a ");
	assert_string_equal(list(k, no, &all, &s), "d/b a ");
	k->store->ops->rollback(k->store);
}

/* A folder of so many rows that it goes by the stamps of the project. */
static void test_wide_folder(void **state)
{
	struct cloudkit *k = *state;
	struct store_range r = { .prefix = "w", .after_us = -1, .limit = 3 };
	struct seen s = { .rows = 0 };
	char name[32];
	int64_t no;
	int i;

	begin(k);
	no = project(k).no;
	for (i = 0; i < 20100; i++) {
		(void)snprintf(name, sizeof(name), "w/%05d", 20100 - i);
		put(k, no, name, 2 * i + 1, false);
		(void)snprintf(name, sizeof(name), "v/%05d", i);
		put(k, no, name, 2 * i + 2, false);
	}
	assert_string_equal(list(k, no, &r, &s), "w/20100 w/20099 w/20098 ");
	r.after_us = 2 * 20096;
	r.limit = 10;
	assert_string_equal(
	    list(k, no, &r, &s), "w/00004 w/00003 w/00002 w/00001 ");
	k->store->ops->rollback(k->store);
}

static void test_null_columns(void **state)
{
	struct cloudkit *k = *state;
	struct store_file f = {
		.path = "p", .mode = -1, .version = 1, .seq = 1, .stamp_us = 1
	};
	const struct store_file *rows[1] = { &f };
	const char *paths[2] = { "absent", "p" };
	struct seen s = { .rows = 0 };
	int64_t no;

	begin(k);
	no = project(k).no;
	assert_int_equal(
	    k->store->ops->files_put(k->store, no, rows, 1, NULL), VS_OK);
	assert_int_equal(k->store->ops->files_get(
			     k->store, no, paths, 2, see_file, &s, NULL),
	    VS_OK);
	assert_string_equal(s.text, "p ");
	f.has_mtime = true;
	f.mtime_us = -5;
	f.hash = "h";
	assert_int_equal(
	    k->store->ops->files_put(k->store, no, rows, 1, NULL), VS_OK);
	commit(k);
}

static void put_set(struct cloudkit *k, int64_t no, struct store_file *files,
    const struct store_file **rows, int n)
{
	for (int i = 0; i < n; i++) {
		files[i].version = 1;
		files[i].seq = files[i].stamp_us;
		files[i].mode = -1;
		rows[i] = &files[i];
	}
	assert_int_equal(
	    k->store->ops->files_put(k->store, no, rows, (size_t)n, NULL),
	    VS_OK);
}

/* Many rows at once: new ones and known ones, and only those asked for. */
static void test_sets(void **state)
{
	struct cloudkit *k = *state;
	struct store_file one[] = { { .path = "a", .hash = "1", .stamp_us = 1 },
		{ .path = "b", .stamp_us = 2 },
		{ .path = "c", .stamp_us = 3 } };
	struct store_file two[] = { { .path = "d", .stamp_us = 4 },
		{ .path = "a",
		    .hash = "2",
		    .stamp_us = 5,
		    .deleted = true,
		    .deleted_ms = 9 } };
	const char *paths[] = { "d", "x", "a", "c", "" };
	struct store_range all = { .prefix = "", .after_us = -1, .limit = 9 };
	const struct store_file *rows[3];
	struct seen s = { .rows = 0 };
	int64_t no;

	begin(k);
	no = project(k).no;
	put_set(k, no, one, rows, 3);
	put_set(k, no, two, rows, 2);
	put(k, no + 1, "x", 1, false); /* of another project */
	assert_string_equal(list(k, no, &all, &s), "b c d ");
	memset(&s, 0, sizeof(s));
	assert_int_equal(k->store->ops->files_get(
			     k->store, no, paths, 5, see_file, &s, NULL),
	    VS_OK);
	assert_string_equal(s.text, "d a- c ");
	/* a row function that stops leaves nothing behind */
	memset(&s, 0, sizeof(s));
	s.stop_at = 1;
	assert_int_equal(k->store->ops->files_get(
			     k->store, no, paths, 5, see_file, &s, NULL),
	    VS_OK);
	assert_string_equal(s.text, "d ");
	assert_int_equal(k->store->ops->files_get(
			     k->store, no, paths, 0, see_file, &s, NULL),
	    VS_OK);
	assert_string_equal(s.text, "d ");
	commit(k);
}

static int count_hold(void *arg, const struct store_hold *h)
{
	int64_t *n = arg;

	*n = *n * 100 + h->count;
	return 0;
}

static void test_holds(void **state)
{
	struct cloudkit *k = *state;
	const struct store_ops *ops = k->store->ops;
	struct store_hold h = { .id = "h1", .created_ms = 1 };
	const char *paths[3] = { "a", "b", "c" };
	int64_t no, n = 0;

	begin(k);
	no = project(k).no;
	assert_int_equal(
	    ops->hold_put(k->store, no, &h, paths, 3, NULL), VS_OK);
	(void)snprintf(h.id, sizeof(h.id), "h2");
	h.created_ms = 2;
	/* a path is in one hold at most: the newer one */
	assert_int_equal(
	    ops->hold_put(k->store, no, &h, paths + 2, 1, NULL), VS_OK);
	assert_int_equal(ops->holds(k->store, no, count_hold, &n, NULL), VS_OK);
	assert_int_equal(n, 201);
	assert_int_equal(ops->hold_cut(k->store, no, paths, 2, NULL), VS_OK);
	n = 0;
	(void)ops->holds(k->store, no, count_hold, &n, NULL);
	assert_int_equal(n, 1); /* h1 is empty and gone */
	assert_int_equal(ops->hold_drop(k->store, no, "h1", NULL), VS_ENOENT);
	assert_int_equal(
	    ops->hold_drop(k->store, no + 1, "h2", NULL), VS_ENOENT);
	assert_int_equal(ops->hold_drop(k->store, no, "h2", NULL), VS_OK);
	n = 0;
	(void)ops->holds(k->store, no, count_hold, &n, NULL);
	assert_int_equal(n, 0);
	ops->rollback(k->store);
}

static void test_epochs(void **state)
{
	struct cloudkit *k = *state;
	const struct store_ops *ops = k->store->ops;
	struct store_epoch e = { .device_id = "d",
		.epoch = "e1",
		.counter = 1,
		.current = true },
			   got;
	char answer[] = "first";

	begin(k);
	e.answer = answer;
	e.answer_len = 5;
	assert_int_equal(ops->epoch_put(k->store, 1, &e, NULL), VS_OK);
	assert_int_equal(
	    ops->epoch_get(k->store, 1, "d", "e1", &got, NULL), VS_OK);
	assert_true(got.current);
	assert_string_equal(got.answer, "first");
	free(got.answer);
	(void)snprintf(e.epoch, sizeof(e.epoch), "e2");
	assert_int_equal(ops->epoch_put(k->store, 1, &e, NULL), VS_OK);
	assert_int_equal(
	    ops->epoch_get(k->store, 1, "d", "e1", &got, NULL), VS_OK);
	assert_false(got.current);
	assert_null(got.answer);
	assert_int_equal(
	    ops->epoch_get(k->store, 1, "d2", "e1", &got, NULL), VS_ENOENT);
	assert_int_equal(
	    ops->epoch_get(k->store, 2, "d", "e1", &got, NULL), VS_ENOENT);
	assert_int_equal(ops->epoch_head(k->store, 1, "d", &got, NULL), VS_OK);
	assert_string_equal(got.epoch, "e2");
	assert_int_equal(got.counter, 1);
	assert_null(got.answer);
	assert_int_equal(
	    ops->epoch_head(k->store, 1, "d2", &got, NULL), VS_ENOENT);
	assert_int_equal(
	    ops->epoch_head(k->store, 2, "d", &got, NULL), VS_ENOENT);
	ops->rollback(k->store);
}

static void test_readonly(void **state)
{
	struct cloudkit *k = *state;
	struct store_options o = { .path = k->file, .readonly = true };
	struct store *reader;
	struct store_user u = { .id = "u9", .name = "late" }, got;

	assert_int_equal(store_open(&reader, &o, NULL), VS_OK);
	assert_int_equal(reader->ops->begin(reader, NULL), VS_OK);
	assert_int_equal(
	    reader->ops->user_named(reader, "late", &got, NULL), VS_ENOENT);
	begin(k);
	assert_int_equal(k->store->ops->user_put(k->store, &u, NULL), VS_OK);
	commit(k);
	/* one view from begin to rollback */
	assert_int_equal(
	    reader->ops->user_named(reader, "late", &got, NULL), VS_ENOENT);
	reader->ops->rollback(reader);
	assert_int_equal(reader->ops->begin(reader, NULL), VS_OK);
	assert_int_equal(
	    reader->ops->user_named(reader, "late", &got, NULL), VS_OK);
	/* and it cannot write */
	assert_true(reader->ops->user_put(reader, &u, NULL) < 0);
	reader->ops->rollback(reader);
	store_close(reader);
}

/* A second writer waits for the first instead of writing beside it. */
static void test_two_writers(void **state)
{
	struct cloudkit *k = *state;
	struct store_options o = { .path = k->file };
	struct store *other;
	struct store_user u = { .id = "u8", .name = "other" };

	assert_int_equal(store_open(&other, &o, NULL), VS_OK);
	assert_int_equal(other->ops->begin(other, NULL), VS_OK);
	assert_int_equal(other->ops->user_put(other, &u, NULL), VS_OK);
	assert_int_equal(other->ops->commit(other, NULL), VS_OK);
	store_close(other);
	begin(k);
	assert_int_equal(
	    k->store->ops->user_named(k->store, "other", &u, NULL), VS_OK);
	k->store->ops->rollback(k->store);
}

static void read_all(const char *path, char *out, size_t cap, ssize_t *n)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	*n = read(fd, out, cap);
	assert_true(*n > 0 && (size_t)*n < cap);
	(void)close(fd);
}

static void test_newer_schema(void **state)
{
	static char before[1 << 20], after[1 << 20];
	struct cloudkit *k = *state;
	struct store_options o = { .path = k->file };
	struct vs_err err = VS_ERR_INIT;
	struct store *s;
	ssize_t n, m;
	sqlite3 *db;

	store_close(k->store);
	k->store = NULL;
	assert_int_equal(sqlite3_open(k->file, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	read_all(k->file, before, sizeof(before), &n);
	assert_int_equal(store_open(&s, &o, &err), VS_ESCHEMA);
	assert_null(s);
	assert_non_null(strstr(err.msg, "newer"));
	o.readonly = true;
	assert_int_equal(store_open(&s, &o, &err), VS_ESCHEMA);
	read_all(k->file, after, sizeof(after), &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, (size_t)n);
}

/* Makes the file one of the first schema, as its last program left it. */
static void age(const char *file)
{
	static const char sql[] =
	    "DROP TRIGGER tokens_gone; DROP TRIGGER members_gone;"
	    "DROP TABLE access; DROP TABLE invites;"
	    "DROP TABLE transfer_events; DROP TABLE file_transfer_progress;"
	    "DROP TABLE file_transfers; DROP INDEX devices_user;"
	    "ALTER TABLE project_members DROP COLUMN joined_ms;"
	    "PRAGMA user_version=1";
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/* A database of the first schema goes on with all that is in it. */
static void test_older_schema(void **state)
{
	struct cloudkit *k = *state;
	struct store_options o = { .path = k->file, .readonly = true };
	struct store *s;
	json_t *doc;

	json_decref(cloudkit_publish(k,
	    "{\"path\":\"f\",\"op\":\"create\",\"hash\":\"h\",\"size\":1,"
	    "\"mtime\":1}"));
	store_close(k->store);
	k->store = NULL;
	age(k->file);
	/* who only reads does not migrate */
	assert_true(store_open(&s, &o, NULL) < 0);
	o.readonly = false;
	assert_int_equal(store_open(&k->store, &o, NULL), VS_OK);
	cloudkit_agree(k);
	doc = cloudkit_ask(
	    k, k->member.text, "GET", "/api/projects/%P/members", NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "members")), 2);
	/* who was a member before is taken to be one from the start */
	assert_string_equal(cloudkit_str(doc, "members.1.joined_at"),
	    cloudkit_str(doc, "members.0.joined_at"));
	json_decref(doc);
	json_decref(cloudkit_post(k, "/api/projects/%P/invites", "{}"));
	assert_int_equal(k->status, 200);
}

static int64_t stamp(struct cloudkit *k)
{
	int64_t n = 0;

	begin(k);
	assert_int_equal(
	    k->store->ops->access_stamp(k->store, &n, NULL), VS_OK);
	k->store->ops->rollback(k->store);
	return n;
}

/* It moves when a right is lost, by whatever way, and not otherwise. */
static void test_access_stamp(void **state)
{
	struct cloudkit *k = *state;
	struct account a = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};
	struct account_token t;
	int64_t was = stamp(k);
	sqlite3 *db;

	assert_int_equal(account_add_token(&a, "bob", &t, NULL), VS_OK);
	json_decref(cloudkit_publish(k,
	    "{\"path\":\"f\",\"op\":\"create\",\"hash\":\"h\",\"size\":1,"
	    "\"mtime\":1}"));
	assert_int_equal(stamp(k), was);
	assert_int_equal(account_revoke(&a, t.id, NULL), VS_OK);
	assert_true(stamp(k) > was);
	was = stamp(k);
	begin(k);
	assert_int_equal(k->store->ops->member_del(
			     k->store, project(k).no, k->member.user_id, NULL),
	    VS_OK);
	commit(k);
	assert_true(stamp(k) > was);
	was = stamp(k);
	/* somebody at the database with a tool of his own */
	assert_int_equal(sqlite3_open(k->file, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "DELETE FROM tokens", NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	assert_true(stamp(k) > was);
}

static void test_renew(void **state)
{
	struct cloudkit *k = *state;
	struct store_project before, after;
	int64_t n = 0;
	json_t *doc;

	doc = cloudkit_post(k, "/api/projects", "{\"name\":\"second\"}");
	begin(k);
	before = project(k);
	assert_int_equal(
	    k->store->ops->projects_renew(k->store, &k->rand, &n, NULL), VS_OK);
	commit(k);
	assert_int_equal(n, 2);
	begin(k);
	after = project(k);
	assert_int_equal(k->store->ops->project_find(k->store,
			     cloudkit_str(doc, "project.id"), &before, NULL),
	    VS_OK);
	assert_int_equal(
	    k->store->ops->project_find(k->store, "nowhere", &before, NULL),
	    VS_ENOENT);
	k->store->ops->rollback(k->store);
	assert_string_not_equal(after.log_id, before.log_id);
	assert_string_not_equal(
	    before.log_id, cloudkit_str(doc, "project.log_id"));
	assert_int_equal(strlen(after.log_id), 36);
	json_decref(doc);
}

static void test_not_a_database(void **state)
{
	struct cloudkit *k = *state;
	struct store_options o = { .path = k->file };
	struct store *s;
	char junk[8192];
	int fd;

	store_close(k->store);
	k->store = NULL;
	memset(junk, 'j', sizeof(junk));
	fd = open(k->file, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	(void)close(fd);
	assert_int_equal(store_open(&s, &o, NULL), VS_ECORRUPT);
	assert_null(s);
	o.path = "/nonexistent/dir/cloud.db";
	assert_true(store_open(&s, &o, NULL) < 0);
	assert_null(s);
}

static void test_url(void **state)
{
	(void)state;
	assert_string_equal(store_url_file("sqlite:/a/b.db"), "/a/b.db");
	assert_string_equal(store_url_file("sqlite:rel.db"), "rel.db");
	assert_null(store_url_file("sqlite:"));
	assert_null(store_url_file("postgresql://x/y"));
	assert_null(store_url_file(""));
	assert_null(store_url_file("/a/b.db"));
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_savepoints),
		WITH_KIT(test_roles),
		WITH_KIT(test_ranges),
		WITH_KIT(test_wide_folder),
		WITH_KIT(test_null_columns),
		WITH_KIT(test_sets),
		WITH_KIT(test_holds),
		WITH_KIT(test_epochs),
		WITH_KIT(test_readonly),
		WITH_KIT(test_two_writers),
		WITH_KIT(test_newer_schema),
		WITH_KIT(test_older_schema),
		WITH_KIT(test_access_stamp),
		WITH_KIT(test_renew),
		WITH_KIT(test_not_a_database),
		cmocka_unit_test(test_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
