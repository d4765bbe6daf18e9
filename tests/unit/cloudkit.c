#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/service/auth.h"

static void user(
    struct cloudkit *k, const char *name, struct account_token *out)
{
	struct account a = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};
	struct vs_err err = VS_ERR_INIT;

	if (account_add_user(&a, name, out, &err) != VS_OK)
		fail_msg("user %s: %s", name, err.msg);
}

static void open_store(struct cloudkit *k)
{
	const struct store_options o = { .path = k->file };
	struct vs_err err = VS_ERR_INIT;

	if (store_open(&k->store, &o, &err) != VS_OK)
		fail_msg("%s", err.msg);
}

static void add_member(struct cloudkit *k)
{
	struct store_project p;
	enum store_role role;

	assert_int_equal(k->store->ops->begin(k->store, NULL), VS_OK);
	assert_int_equal(k->store->ops->project_get(k->store, k->project,
			     k->owner.user_id, &p, &role, NULL),
	    VS_OK);
	assert_int_equal(k->store->ops->member_put(k->store, p.no,
			     k->member.user_id, k->wall_ms, NULL),
	    VS_OK);
	assert_int_equal(k->store->ops->commit(k->store, NULL), VS_OK);
}

struct cloudkit *cloudkit_new(void)
{
	struct cloudkit *k = calloc(1, sizeof(*k));
	json_t *doc;

	assert_non_null(k);
	(void)snprintf(k->dir, sizeof(k->dir), "/tmp/vsync-unit-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	(void)snprintf(k->file, sizeof(k->file), "%s/cloud.db", k->dir);
	vs_rand_seed(&k->rand, 20251117);
	k->wall_ms = 1763402400000;
	api_answer_init(&k->answer);
	open_store(k);
	user(k, "ada", &k->owner);
	user(k, "bob", &k->member);
	user(k, "eve", &k->stranger);
	doc = cloudkit_post(k, "/api/projects", "{\"name\":\"film\"}");
	assert_int_equal(k->status, 201);
	(void)snprintf(k->project, sizeof(k->project), "%s",
	    cloudkit_str(doc, "project.id"));
	json_decref(doc);
	doc = cloudkit_post(k, "/api/devices", "{\"name\":\"studio\"}");
	(void)snprintf(
	    k->device, sizeof(k->device), "%s", cloudkit_str(doc, "device_id"));
	json_decref(doc);
	add_member(k);
	return k;
}

void cloudkit_free(struct cloudkit *k)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-lock" };
	char name[128];
	size_t i;

	store_close(k->store);
	api_answer_release(&k->answer);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", k->file, ends[i]);
		(void)unlink(name);
	}
	(void)rmdir(k->dir);
	free(k);
}

void cloudkit_reopen(struct cloudkit *k)
{
	store_close(k->store);
	open_store(k);
}

/* target with %P replaced, cut at '?'. */
static void expand(const struct cloudkit *k, const char *target,
    struct vs_buf *path, struct vs_buf *query)
{
	struct vs_buf *to = path;

	for (; *target != '\0'; target++) {
		if (target[0] == '%' && target[1] == 'P') {
			vs_buf_addstr(to, k->project);
			target++;
		} else if (*target == '?' && to == path) {
			to = query;
		} else {
			vs_buf_addch(to, *target);
		}
	}
}

json_t *cloudkit_ask(struct cloudkit *k, const char *token, const char *method,
    const char *target, const char *body)
{
	const struct api_context x = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};
	struct api_request r = { .method = method,
		.token = token,
		.body = body,
		.len = body == NULL ? 0 : strlen(body),
		.upgrade = k->upgrade };
	struct vs_buf path, query;
	bool keep = false;

	vs_buf_init(&path, 16384);
	vs_buf_init(&query, 65536);
	expand(k, target, &path, &query);
	r.path = vs_buf_str(&path);
	r.query = vs_buf_str(&query);
	api_answer_release(&k->answer);
	api_answer_init(&k->answer);
	assert_int_equal(k->store->ops->begin(k->store, NULL), VS_OK);
	api_handle(&x, &r, &k->answer, &keep);
	assert_int_equal(k->store->ops->failed(k->store), VS_OK);
	assert_true(!keep || api_writes(&r));
	if (keep)
		assert_int_equal(k->store->ops->commit(k->store, NULL), VS_OK);
	else
		k->store->ops->rollback(k->store);
	k->status = k->answer.status;
	vs_buf_release(&path);
	vs_buf_release(&query);
	return json_loadb(vs_buf_str(&k->answer.body), k->answer.body.len,
	    JSON_REJECT_DUPLICATES, NULL);
}

json_t *cloudkit_post(
    struct cloudkit *k, const char *target, const char *fmt, ...)
{
	char *body;
	json_t *doc;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&body, fmt, ap) >= 0);
	va_end(ap);
	doc = cloudkit_ask(k, k->owner.text, "POST", target, body);
	free(body);
	assert_non_null(doc);
	return doc;
}

const json_t *cloudkit_at(const json_t *obj, const char *path)
{
	char key[64];
	size_t len;

	while (*path != '\0') {
		len = strcspn(path, ".");
		assert_true(len < sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		if (json_is_array(obj))
			obj = json_array_get(obj, (size_t)atoi(key));
		else
			obj = json_object_get(obj, key);
		if (obj == NULL)
			fail_msg("no %s", path);
		path += len + (path[len] == '.');
	}
	return obj;
}

int64_t cloudkit_int(const json_t *obj, const char *path)
{
	const json_t *v = cloudkit_at(obj, path);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

const char *cloudkit_str(const json_t *obj, const char *path)
{
	const json_t *v = cloudkit_at(obj, path);

	assert_true(json_is_string(v));
	return json_string_value(v);
}

void cloudkit_refused(
    struct cloudkit *k, json_t *doc, int status, const char *code)
{
	if (k->status != status)
		fail_msg("status %d, not %d: %s", k->status, status,
		    vs_buf_str(&k->answer.body));
	assert_non_null(doc);
	assert_string_equal(cloudkit_str(doc, "code"), code);
	assert_true(strlen(cloudkit_str(doc, "error")) > 5);
	assert_true(strncmp(k->answer.type, "application/json", 16) == 0);
	json_decref(doc);
}

json_t *cloudkit_publish(struct cloudkit *k, const char *changes)
{
	json_t *doc = cloudkit_post(
	    k, "/api/projects/%P/files/update", "{\"changes\":[%s]}", changes);

	if (k->status != 200)
		fail_msg("%d: %s", k->status, vs_buf_str(&k->answer.body));
	return doc;
}

void cloudkit_many(
    struct cloudkit *k, const char *op, const char *prefix, int from, int to)
{
	struct vs_buf b;
	int i, n;

	vs_buf_init(&b, 1024 * 1024);
	for (i = from; i < to;) {
		vs_buf_reset(&b);
		for (n = 0; n < 500 && i < to; n++, i++)
			vs_buf_addf(&b,
			    "%s{\"path\":\"%s%d\",\"op\":\"%s\",\"hash\":"
			    "\"h%d\",\"size\":1,\"mtime\":1}",
			    n == 0 ? "" : ",", prefix, i, op, i);
		json_decref(cloudkit_publish(k, vs_buf_str(&b)));
	}
	vs_buf_release(&b);
}

/* Applies all events to an object path -> [kind, hash]. */
static json_t *replay(struct cloudkit *k)
{
	json_t *state = json_object(), *doc, *e;
	int64_t seq = 0;
	char target[96];
	bool more = true;
	size_t i;

	while (more) {
		(void)snprintf(target, sizeof(target),
		    "/api/projects/%%P/events?since_seq=%lld", (long long)seq);
		doc = cloudkit_ask(k, k->owner.text, "GET", target, NULL);
		assert_int_equal(k->status, 200);
		json_array_foreach(json_object_get(doc, "events"), i, e)
		{
			const char *path = cloudkit_str(e, "change.path");
			json_t *c = json_object_get(e, "change");

			assert_int_equal(cloudkit_int(e, "seq"), ++seq);
			if (strcmp(cloudkit_str(c, "op"), "delete") == 0)
				assert_int_equal(
				    json_object_del(state, path), 0);
			else
				json_object_set_new(state, path,
				    json_pack("[s,O?]", cloudkit_str(c, "kind"),
					json_object_get(c, "hash")));
		}
		more = json_is_true(json_object_get(doc, "has_more"));
		json_decref(doc);
	}
	return state;
}

/* All pages of the listing in the same form. */
static json_t *listing(struct cloudkit *k)
{
	json_t *state = json_object(), *doc, *f;
	char target[160] = "/api/projects/%P/files?limit=100";
	bool more = true;
	size_t i;

	while (more) {
		doc = cloudkit_ask(k, k->owner.text, "GET", target, NULL);
		assert_int_equal(k->status, 200);
		json_array_foreach(json_object_get(doc, "files"), i, f)
		{
			const char *path = cloudkit_str(f, "path");
			json_t *hash = json_object_get(f, "hash");

			assert_null(json_object_get(state, path));
			json_object_set_new(state, path,
			    json_pack("[s,O?]", cloudkit_str(f, "kind"),
				json_is_null(hash) ? NULL : hash));
		}
		more = json_is_true(json_object_get(doc, "has_more"));
		if (more)
			(void)snprintf(target, sizeof(target),
			    "/api/projects/%%P/files?limit=100&cursor=%s",
			    cloudkit_str(doc, "next_cursor"));
		json_decref(doc);
	}
	return state;
}

void cloudkit_agree(struct cloudkit *k)
{
	json_t *a = replay(k), *b = listing(k);

	assert_int_equal(json_object_size(a), json_object_size(b));
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

struct call cloudkit_begin(struct cloudkit *k)
{
	struct call call = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};

	vs_buf_init(&call.tell.data, TELL_MAX);
	assert_int_equal(k->store->ops->begin(k->store, NULL), VS_OK);
	assert_int_equal(auth_user(&call, k->owner.text), VS_OK);
	assert_int_equal(auth_project(&call, k->project, true), VS_OK);
	return call;
}

void cloudkit_commit(struct cloudkit *k)
{
	assert_int_equal(k->store->ops->commit(k->store, NULL), VS_OK);
}
