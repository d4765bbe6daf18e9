#include "tests/sim/cloudside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api/api.h"
#include "cloud/service/account.h"
#include "cloud/service/feed.h"
#include "cloud/store/store.h"

static char *text_of(const char *s, size_t len)
{
	char *out = malloc(len + 1);

	if (!out)
		abort();
	memcpy(out, s, len);
	out[len] = '\0';
	return out;
}

/* A string member of a document that it then lets go. */
static bool take(json_t *doc, const char *key, char *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(doc, key));
	bool ok = text && strlen(text) < cap;

	if (ok)
		snprintf(out, cap, "%s", text);
	json_decref(doc);
	return ok;
}

bool cloudside_join(
    struct cloudbox *c, const char *name, struct cloudside_user *out)
{
	static const char device[] =
	    "{\"name\":\"laptop\",\"public_key_pin\":\"" CLOUDSIDE_PIN
	    "\",\"endpoints\":[]}";
	struct vs_rand rand;
	struct account a = { .store = cloudbox_writer(c), .rand = &rand };
	struct account_token t;
	char path[160], invite[100], again[8];

	/* the name alone says who it is, in any run */
	vs_rand_seed(&rand, (uint64_t)name[strlen(name) - 1] + 0x3e3be4);
	if (account_add_user(&a, name, &t, NULL) < 0)
		return false;
	snprintf(out->token, sizeof(out->token), "%s", t.text);
	snprintf(path, sizeof(path), "/api/projects/%s/invites",
	    cloudbox_project(c));
	if (!take(cloudbox_ask(c, "POST", path, "{}"), "token", invite,
		sizeof(invite)))
		return false;
	snprintf(path, sizeof(path), "/api/invites/%s/accept", invite);
	return take(cloudbox_ask_as(c, out->token, "POST", path, "{}"), "role",
		   again, sizeof(again)) &&
	    take(cloudbox_ask_as(c, out->token, "POST", "/api/devices", device),
		"device_id", out->device, sizeof(out->device));
}

/* What a request that upgrades is answered, on the reader. */
static int upgrade(
    struct cloudbox *c, const struct api_request *r, struct api_answer *a)
{
	struct store *s = cloudbox_reader(c);
	const struct api_context x = { .store = s };
	bool keep = false;
	int rc = s->ops->begin(s, NULL);

	if (rc == VS_OK)
		api_handle(&x, r, a, &keep);
	s->ops->rollback(s);
	if (rc == VS_OK)
		rc = s->ops->failed(s);
	if (rc == VS_OK)
		return VS_OK;
	cloudbox_failed(c, rc);
	return VS_ENET;
}

static int verdict(int status)
{
	switch (status) {
	case 101:
		return VS_OK;
	case 401:
		return VS_EAUTH;
	case 403:
	case 404:
		return VS_ENOENT;
	default:
		return VS_ENET;
	}
}

int cloudside_open(struct cloudbox *c, const char *token, const char *path,
    struct cloudside_socket *s, char **hello)
{
	size_t len = strcspn(path, "?");
	char *bare = text_of(path, len);
	struct api_request r = { .method = "GET",
		.path = bare,
		.query = path[len] ? path + len + 1 : "",
		.token = token,
		.upgrade = true };
	struct api_answer a;
	int rc = VS_ENET;

	api_answer_init(&a);
	if (cloudbox_reader(c))
		rc = upgrade(c, &r, &a);
	if (rc == VS_OK)
		rc = verdict(a.status);
	if (rc == VS_OK) {
		memcpy(s->token, a.socket.token, sizeof(s->token));
		s->access = a.socket.access;
		s->seq = a.socket.since_seq;
		s->more = true;
		*hello = text_of(vs_buf_str(&a.body), a.body.len);
	}
	api_answer_release(&a);
	free(bare);
	return rc;
}

static int read_feed(struct cloudbox *c, struct feed *f)
{
	struct store *s = cloudbox_reader(c);
	int rc = s->ops->begin(s, NULL);

	if (rc == VS_OK)
		feed_read(f, s);
	s->ops->rollback(s);
	if (rc == VS_OK)
		rc = s->ops->failed(s);
	if (rc != VS_OK)
		cloudbox_failed(c, rc);
	else
		rc = f->rc;
	return rc == VS_OK ? VS_OK : VS_ENET;
}

int cloudside_feed(struct cloudbox *c, struct cloudside_socket *s, char **text)
{
	struct feed *f;
	int rc = VS_ENET;

	*text = NULL;
	if (!cloudbox_reader(c))
		return rc;
	f = feed_new(cloudbox_project(c), 1);
	if (!f)
		abort();
	f->since_seq = s->seq;
	f->wants[FEED_STREAM] = true;
	f->access = s->access;
	memcpy(f->readers[0].token, s->token, sizeof(s->token));
	rc = read_feed(c, f);
	if (rc == VS_OK)
		rc = f->readers[0].verdict;
	if (rc == VS_OK) {
		const struct vs_buf *b = &f->texts[FEED_STREAM];

		s->access = f->stamp;
		s->seq = f->last_seq;
		s->more = f->last_seq < f->head;
		if (b->len > 0)
			*text = text_of(b->data, b->len - 1);
	}
	feed_free(f);
	return rc;
}

int cloudside_decide(struct cloudbox *c, bool approve)
{
	const char *body =
	    approve ? "{\"approve\":true}" : "{\"approve\":false}";
	char path[160];
	json_t *doc, *hold;
	int count = 0;
	size_t i;

	if (!cloudbox_up(c))
		return 0;
	snprintf(
	    path, sizeof(path), "/api/projects/%s/holds", cloudbox_project(c));
	doc = cloudbox_ask(c, "GET", path, NULL);
	json_array_foreach(json_object_get(doc, "holds"), i, hold)
	{
		const char *id = json_string_value(json_object_get(hold, "id"));
		char one[240];

		snprintf(one, sizeof(one), "%s/%s", path, id ? id : "");
		json_decref(cloudbox_ask(c, "POST", one, body));
		count++;
	}
	json_decref(doc);
	return count;
}

struct dbcopy *cloudside_save(void)
{
	return dbcopy_save("cloud.db", "sim-cloud");
}

int cloudside_restore(struct cloudbox *c, const struct dbcopy *copy)
{
	assert(!cloudbox_up(c));
	cloudbox_forget(c);
	return dbcopy_restore(copy, "cloud.db", "sim-cloud");
}

int cloudside_renew(struct cloudbox *c, struct vs_rand *rand)
{
	struct account a = { .store = cloudbox_writer(c), .rand = rand };
	int64_t count = 0;

	return account_renew_logs(&a, &count, NULL);
}
