/* Sockets that listen: what they hear, when, and when no more. */
#include "tests/unit/cloudkit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "cloud/push.h"
#include "tests/unit/plainwire.h"

#define SUBS 256
#define FEEDS 64
#define PATIENCE_NS 10000000000ULL

/* A subscriber: both ends of its connection. */
struct ear {
	struct plainwire server;
	struct plainwire client;
	struct vs_ws *ws; /* the client's, NULL once it is over */
	enum feed_form form;
	int64_t since; /* what it came with */
	int64_t seq; /* of the last event heard */
	int hellos;
	int batches;
	int closed; /* times */
	int code;
	char other[4096]; /* the last message that is no event of the log */
};

struct scene {
	struct cloudkit *k;
	uv_loop_t loop;
	struct push *push;
	struct vs_rand rand; /* of what happens */
	struct feed *feeds[FEEDS]; /* out */
	size_t feeds_out;
	int reads; /* feeds handed out, ever */
	int fail; /* the code that feeds fail with, or VS_OK */
	bool hold; /* feeds are kept back */
	struct ear *ears;
	size_t count;
	int64_t head;
	int files;
	int over; /* push is closed */
};

static int on_read(void *arg, struct feed *f)
{
	struct scene *s = arg;

	assert_true(s->feeds_out < FEEDS);
	s->feeds[s->feeds_out++] = f;
	s->reads++;
	return VS_OK;
}

/* Reads feed i of those that are out. */
static void read_feed(struct scene *s, size_t i)
{
	struct store *store = s->k->store;
	struct feed *f = s->feeds[i];

	assert_true(i < s->feeds_out);
	s->feeds[i] = s->feeds[--s->feeds_out];
	assert_int_equal(store->ops->begin(store, NULL), VS_OK);
	feed_read(f, store);
	store->ops->rollback(store);
	if (s->fail != VS_OK)
		f->rc = s->fail;
	push_fed(s->push, f);
}

/* Reads any one of them. */
static void read_one(struct scene *s)
{
	if (s->feeds_out > 0 && !s->hold)
		read_feed(s, (size_t)vs_rand_below(&s->rand, s->feeds_out));
}

static struct scene *open_scene(int check_ms)
{
	struct push_options o = { .read = on_read, .check_ms = check_ms };
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->k = cloudkit_new();
	s->ears = calloc(SUBS, sizeof(*s->ears));
	assert_non_null(s->ears);
	vs_rand_seed(&s->rand, 7);
	assert_int_equal(uv_loop_init(&s->loop), 0);
	o.loop = &s->loop;
	o.arg = s;
	assert_int_equal(push_new(&s->push, &o, NULL), VS_OK);
	return s;
}

static int setup(void **state)
{
	*state = open_scene(0);
	return 0;
}

static void turn(struct scene *s)
{
	(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	read_one(s);
}

static void on_push_closed(void *arg)
{
	((struct scene *)arg)->over++;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	uint64_t until;
	size_t i;

	s->hold = false;
	push_close(s->push, on_push_closed, s);
	/* ends that do not read must not keep it up */
	for (i = 0; i < s->count; i++)
		if (s->ears[i].ws != NULL)
			vs_ws_close(s->ears[i].ws, 1000, "over");
		else if (s->ears[i].client.fd >= 0)
			(void)shutdown(s->ears[i].client.fd, SHUT_RDWR);
	until = uv_hrtime() + PATIENCE_NS;
	while (s->over == 0 && uv_hrtime() < until)
		turn(s);
	assert_int_equal(s->over, 1);
	assert_int_equal(s->feeds_out, 0);
	while (uv_run(&s->loop, UV_RUN_NOWAIT) != 0)
		;
	assert_int_equal(uv_loop_close(&s->loop), 0);
	for (i = 0; i < s->count; i++)
		assert_int_equal(s->ears[i].server.closed, 1);
	cloudkit_free(s->k);
	free(s->ears);
	free(s);
	return 0;
}

static void hear(struct ear *e, const json_t *event)
{
	assert_int_equal(cloudkit_int(event, "seq"), e->seq + 1);
	e->seq++;
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct ear *e = arg;
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = cloudkit_str(doc, "type");
	const json_t *event;
	size_t i;

	assert_int_equal(e->hellos, strcmp(type, "hello") == 0 ? 0 : 1);
	if (strcmp(type, "hello") == 0) {
		e->hellos++;
	} else if (strcmp(type, "PROJECT_EVENT_BATCH") == 0) {
		assert_int_equal(e->form, FEED_STREAM);
		json_array_foreach(cloudkit_at(doc, "events"), i, event)
		    hear(e, event);
		assert_true(i > 0 && i <= 500);
		assert_int_equal(cloudkit_int(doc, "seq"), e->seq);
		assert_true(
		    (json_object_get(doc, "event") != NULL) == (i == 1));
		e->batches++;
	} else if (strncmp(type, "file_", 5) == 0) {
		assert_int_equal(e->form, FEED_ROOM);
		hear(e, cloudkit_at(doc, "data"));
	} else {
		(void)snprintf(
		    e->other, sizeof(e->other), "%.*s", (int)len, text);
	}
	json_decref(doc);
}

static void on_over(void *arg, int code, const char *why)
{
	struct ear *e = arg;

	(void)why;
	e->ws = NULL;
	e->closed++;
	e->code = code;
}

/* What the server answers to one who wants to listen. */
static struct api_answer ask(
    struct scene *s, const char *token, const char *target)
{
	struct api_answer a;

	s->k->upgrade = true;
	json_decref(cloudkit_ask(s->k, token, "GET", target, NULL));
	s->k->upgrade = false;
	assert_int_equal(s->k->status, 101);
	a = s->k->answer;
	api_answer_init(&s->k->answer);
	return a;
}

/* Opens what was answered; deaf: its end does not read by itself. */
static struct ear *open_ear(struct scene *s, struct api_answer *a, bool deaf)
{
	struct ear *e = &s->ears[s->count++];
	struct vs_ws_options o = {
		.client = true, .message = on_text, .closed = on_over, .arg = e
	};
	struct vs_ws_wire wire;
	int fds[2], size = 4096;

	assert_true(s->count <= SUBS);
	assert_int_equal(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
	    0);
	if (deaf)
		(void)setsockopt(
		    fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	e->form = a->socket.form;
	e->since = a->socket.since_seq;
	e->seq = e->since;
	wire = plainwire_of(&e->server, fds[0]);
	o.wire = plainwire_of(&e->client, fds[1]);
	push_add(s->push, &wire, NULL, 0, a);
	api_answer_release(a);
	if (!deaf)
		assert_int_equal(vs_ws_new(&e->ws, &s->loop, &o, NULL), VS_OK);
	return e;
}

static struct ear *listen_to(
    struct scene *s, const char *token, const char *target)
{
	struct api_answer a = ask(s, token, target);

	return open_ear(s, &a, false);
}

static void publish(struct scene *s, int n, int pad)
{
	struct vs_buf b;
	int i;

	vs_buf_init(&b, 4 << 20);
	for (i = 0; i < n; i++)
		vs_buf_addf(&b,
		    "%s{\"path\":\"f%d%0*d\",\"op\":\"create\",\"hash\":\"h\","
		    "\"size\":1,\"mtime\":1}",
		    i == 0 ? "" : ",", s->files++, pad, 0);
	json_decref(cloudkit_publish(s->k, vs_buf_str(&b)));
	vs_buf_release(&b);
	s->head += n;
	assert_int_equal(s->k->answer.last_seq, s->head);
}

/* Turns until everybody who is open has heard everything. */
static void settle(struct scene *s)
{
	uint64_t until = uv_hrtime() + PATIENCE_NS;
	bool behind = true;
	size_t i;

	while (behind && uv_hrtime() < until) {
		turn(s);
		behind = false;
		for (i = 0; i < s->count; i++)
			if (s->ears[i].ws != NULL && s->ears[i].seq < s->head)
				behind = true;
	}
	assert_false(behind);
}

static void until_closed(struct scene *s, const struct ear *e, int code)
{
	uint64_t until = uv_hrtime() + PATIENCE_NS;

	while (e->closed == 0 && uv_hrtime() < until)
		turn(s);
	assert_int_equal(e->closed, 1);
	assert_int_equal(e->code, code);
}

#define STREAM "/api/projects/%P/events/stream"
#define ROOM "/ws/projects/%P"

/* A commit whose news is still on its way, or an answer that is. */
struct late {
	struct api_answer answer;
	bool opens;
};

static void deliver(struct scene *s, struct late *late)
{
	if (late->opens) {
		(void)open_ear(s, &late->answer, false);
		return;
	}
	push_news(s->push, &late->answer);
	api_answer_release(&late->answer);
}

static void come(struct scene *s, struct late *late)
{
	char target[128];

	(void)snprintf(target, sizeof(target), "%s%s%d",
	    vs_rand_below(&s->rand, 2) != 0 ? STREAM : ROOM,
	    vs_rand_below(&s->rand, 4) == 0 ? "?limit=" : "?since_seq=",
	    (int)vs_rand_below(&s->rand, (uint64_t)s->head + 1));
	late->opens = true;
	late->answer = ask(s, s->k->member.text, target);
}

/*
 * Commits, openings, their answers, feeds and sends in any order: everybody
 * hears everything after what they came with, in order and once (on_text).
 */
static void test_any_order(void **state)
{
	struct scene *s = *state;
	struct late late[8];
	size_t waiting = 0, i;
	int step;

	for (step = 0; step < 4000; step++) {
		switch (vs_rand_below(&s->rand, 8)) {
		case 0:
			if (waiting == 8 || s->count + waiting >= 60)
				break;
			come(s, &late[waiting++]);
			break;
		case 1:
			if (waiting == 8)
				break;
			publish(s,
			    vs_rand_below(&s->rand, 20) == 0
				? 400
				: 1 + (int)vs_rand_below(&s->rand, 3),
			    1);
			late[waiting].opens = false;
			late[waiting++].answer = s->k->answer;
			api_answer_init(&s->k->answer);
			break;
		case 2:
			if (waiting == 0)
				break;
			i = (size_t)vs_rand_below(&s->rand, waiting);
			deliver(s, &late[i]);
			late[i] = late[--waiting];
			break;
		case 3:
			read_one(s);
			break;
		default:
			(void)uv_run(&s->loop, UV_RUN_NOWAIT);
		}
	}
	while (waiting > 0)
		deliver(s, &late[--waiting]);
	settle(s);
	assert_true(s->count > 40 && s->head > 500);
	for (i = 0; i < s->count; i++) {
		assert_int_equal(s->ears[i].closed, 0);
		assert_int_equal(s->ears[i].seq, s->head);
	}
	assert_int_equal(push_count(s->push), s->count);
}

/* One reading serves all who are live, in slices. */
static void test_shared(void **state)
{
	struct scene *s = *state;
	int reads, sent = 0, i;

	for (i = 0; i < 200; i++) {
		(void)listen_to(s, s->k->member.text, STREAM);
		settle(s);
		while (s->feeds_out > 0)
			turn(s);
	}
	for (i = 0; i < 50; i++)
		turn(s);
	reads = s->reads;
	for (i = 0; i < 200; i++)
		sent -= s->ears[i].server.writes;
	publish(s, 3, 1);
	push_news(s->push, &s->k->answer);
	assert_int_equal(s->reads, reads + 1);
	read_one(s);
	for (i = 0; i < 200; i++)
		sent += s->ears[i].server.writes;
	assert_int_equal(sent, PUSH_SLICE);
	settle(s);
	assert_int_equal(s->reads, reads + 1);
	for (i = 0; i < 200; i++)
		assert_int_equal(s->ears[i].batches, 1);
}

static void remove_member(struct scene *s)
{
	char target[128];

	(void)snprintf(target, sizeof(target), "/api/projects/%%P/members/%s",
	    s->k->member.user_id);
	json_decref(
	    cloudkit_ask(s->k, s->k->owner.text, "DELETE", target, NULL));
	assert_int_equal(s->k->status, 200);
}

static void test_removed(void **state)
{
	struct scene *s = *state;
	struct ear *member = listen_to(s, s->k->member.text, STREAM);
	struct ear *room = listen_to(s, s->k->member.text, ROOM);
	struct ear *owner = listen_to(s, s->k->owner.text, STREAM);

	publish(s, 1, 1);
	push_news(s->push, &s->k->answer);
	settle(s);
	assert_int_equal(member->seq, 1);
	remove_member(s);
	push_news(s->push, &s->k->answer);
	until_closed(s, member, 1008);
	until_closed(s, room, 1008);
	publish(s, 1, 1);
	push_news(s->push, &s->k->answer);
	settle(s);
	assert_int_equal(owner->closed, 0);
	assert_int_equal(owner->seq, 2);
	assert_int_equal(member->seq, 1);
}

/* Nothing of a commit after the removal is heard, whatever was under way. */
static void test_removed_meanwhile(void **state)
{
	struct scene *s = *state;
	struct ear *live = listen_to(s, s->k->member.text, STREAM);
	struct api_answer a;
	struct ear *late;

	settle(s);
	while (s->feeds_out > 0)
		turn(s);
	a = ask(s, s->k->member.text, STREAM "?since_seq=0");
	remove_member(s);
	late = open_ear(s, &a, false);
	/* the news of the removal is lost; that of a commit comes */
	publish(s, 2, 1);
	push_news(s->push, &s->k->answer);
	until_closed(s, live, 1008);
	until_closed(s, late, 1008);
	assert_int_equal(live->seq, 0);
	assert_int_equal(late->seq, 0);
}

/*
 * One that becomes live while a feed is out which does not know of it, and
 * loses its right before that is read.
 */
static void test_removed_unseen(void **state)
{
	struct scene *s = *state;
	struct ear *owner = listen_to(s, s->k->owner.text, STREAM);
	struct api_answer a = { .tell.rights = true };
	struct ear *member;

	settle(s);
	while (s->feeds_out > 0)
		turn(s);
	s->hold = true;
	memcpy(a.project_id, s->k->project, sizeof(a.project_id));
	push_news(s->push, &a);
	member = listen_to(s, s->k->member.text, STREAM);
	assert_int_equal(s->feeds_out, 2);
	read_feed(s, s->feeds[0]->arg != NULL ? 0 : 1);
	remove_member(s);
	publish(s, 1, 1);
	assert_int_equal(s->feeds_out, 1);
	read_feed(s, 0);
	s->hold = false;
	until_closed(s, member, 1008);
	settle(s);
	assert_int_equal(member->seq, 0);
	assert_int_equal(owner->seq, 1);
}

static void test_revoked(void **state)
{
	struct scene *s = open_scene(50);
	struct account a = { .store = s->k->store,
		.rand = &s->k->rand,
		.wall_ms = s->k->wall_ms };
	struct account_token t;
	struct ear *e, *other;

	(void)state;
	assert_int_equal(account_add_token(&a, "bob", &t, NULL), VS_OK);
	e = listen_to(s, t.text, STREAM);
	other = listen_to(s, s->k->member.text, STREAM);
	settle(s);
	assert_int_equal(account_revoke(&a, t.id, NULL), VS_OK);
	/* no commit: the clock does it */
	until_closed(s, e, PUSH_REVOKED);
	assert_int_equal(other->closed, 0);
	state = (void **)&s;
	(void)teardown(state);
}

static void test_restored(void **state)
{
	struct scene *s = *state;
	struct ear *e = listen_to(s, s->k->owner.text, STREAM), *again;
	struct account a = { .store = s->k->store,
		.rand = &s->k->rand,
		.wall_ms = s->k->wall_ms };
	int64_t n;

	settle(s);
	assert_int_equal(account_renew_logs(&a, &n, NULL), VS_OK);
	assert_int_equal(n, 1);
	again = listen_to(s, s->k->owner.text, STREAM);
	publish(s, 1, 1);
	push_news(s->push, &s->k->answer);
	until_closed(s, e, 1012);
	settle(s);
	assert_int_equal(e->seq, 0);
	assert_int_equal(again->seq, 1);
}

/* Who does not read is closed, and holds up nobody. */
static void test_slow(void **state)
{
	struct scene *s = *state;
	struct api_answer a = ask(s, s->k->member.text, STREAM);
	struct ear *slow = open_ear(s, &a, true);
	struct ear *quick = listen_to(s, s->k->owner.text, STREAM);
	int i;

	settle(s);
	for (i = 0; i < 60 && push_count(s->push) == 2; i++) {
		publish(s, 400, 200);
		push_news(s->push, &s->k->answer);
		settle(s);
	}
	assert_int_equal(quick->seq, s->head);
	assert_int_equal(quick->closed, 0);
	/* it is told to come back; then its end is waited for */
	assert_true(i > 10);
	(void)shutdown(slow->client.fd, SHUT_RDWR);
	for (i = 0; i < 100000 && push_count(s->push) == 2; i++)
		turn(s);
	assert_int_equal(push_count(s->push), 1);
	(void)close(slow->client.fd);
	slow->client.fd = -1;
}

/* A backlog larger than any queue goes as fast as it is read. */
static void test_long_backlog(void **state)
{
	struct scene *s = *state;
	struct vs_ws_options o = {
		.client = true, .message = on_text, .closed = on_over
	};
	struct api_answer a;
	struct ear *e;
	int i;

	for (i = 0; i < 30; i++)
		publish(s, 450, 220);
	a = ask(s, s->k->member.text, STREAM "?since_seq=0");
	e = open_ear(s, &a, true);
	for (i = 0; i < 300; i++)
		turn(s);
	/* only so much is read ahead for it */
	assert_true(s->reads < 10);
	assert_int_equal(push_count(s->push), 1);
	o.arg = e;
	o.wire = plainwire_of(&e->client, e->client.fd);
	assert_int_equal(vs_ws_new(&e->ws, &s->loop, &o, NULL), VS_OK);
	settle(s);
	assert_int_equal(e->seq, 30 * 450);
	assert_int_equal(e->closed, 0);
}

/* Of a transfer hear its two ends, in rooms. */
static void test_notices(void **state)
{
	struct scene *s = *state;
	struct ear *owner = listen_to(s, s->k->owner.text, ROOM);
	struct ear *stream = listen_to(s, s->k->owner.text, STREAM);
	struct ear *member = listen_to(s, s->k->member.text, ROOM);
	char target[160];
	json_t *doc;

	settle(s);
	json_decref(cloudkit_post(s->k, "/api/projects/%P/files/update",
	    "{\"changes\":[{\"path\":\"f\",\"op\":\"update\",\"hash\":\"h\","
	    "\"size\":9,\"mtime\":1}],\"device_id\":\"%s\"}",
	    s->k->device));
	s->head = 1;
	push_news(s->push, &s->k->answer);
	doc = cloudkit_ask(s->k, s->k->member.text, "POST",
	    "/api/projects/%P/files/download", "{\"file_path\":\"f\"}");
	assert_int_equal(s->k->status, 200);
	push_news(s->push, &s->k->answer);
	settle(s);
	while (s->feeds_out > 0 || owner->other[0] == '\0')
		turn(s);
	assert_non_null(strstr(owner->other, "\"transfer_requested\""));
	assert_string_equal(member->other, "");
	(void)snprintf(target, sizeof(target), "/api/projects/%%P/transfers/%s",
	    cloudkit_str(doc, "download_id"));
	json_decref(doc);
	json_decref(cloudkit_ask(s->k, s->k->member.text, "PATCH", target,
	    "{\"status\":\"completed\"}"));
	push_news(s->push, &s->k->answer);
	while (member->other[0] == '\0')
		turn(s);
	assert_non_null(strstr(member->other, "\"transfer_complete\""));
	assert_non_null(strstr(owner->other, "\"transfer_complete\""));
	assert_string_equal(stream->other, "");
	assert_int_equal(owner->seq, 1);
}

/* A store that does not answer: who waits comes back, who is live waits. */
static void test_store_fails(void **state)
{
	struct scene *s = *state;
	struct ear *live = listen_to(s, s->k->owner.text, STREAM), *late;

	settle(s);
	while (s->feeds_out > 0)
		turn(s);
	s->fail = VS_EIO;
	late = listen_to(s, s->k->owner.text, STREAM "?since_seq=0");
	publish(s, 1, 1);
	push_news(s->push, &s->k->answer);
	until_closed(s, late, 1013);
	while (s->feeds_out > 0)
		turn(s);
	assert_int_equal(live->closed, 0);
	s->fail = VS_OK;
	while (live->seq < 1)
		turn(s);
	assert_int_equal(live->seq, 1);
}

/* The end, with feeds out and pages in work. */
static void test_stop(void **state)
{
	struct scene *s = *state;
	struct ear *live = listen_to(s, s->k->owner.text, STREAM);
	struct ear *late;

	settle(s);
	while (s->feeds_out > 0)
		turn(s);
	s->hold = true;
	late = listen_to(s, s->k->owner.text, ROOM "?since_seq=0");
	publish(s, 400, 1);
	push_news(s->push, &s->k->answer);
	s->hold = false;
	read_one(s);
	s->hold = true;
	push_close(s->push, on_push_closed, s);
	while (live->closed == 0 || late->closed == 0)
		turn(s);
	assert_int_equal(live->code, 1001);
	assert_int_equal(s->over, 0);
	s->hold = false;
	while (s->over == 0)
		turn(s);
	while (uv_run(&s->loop, UV_RUN_NOWAIT) != 0)
		;
	assert_int_equal(uv_loop_close(&s->loop), 0);
	cloudkit_free(s->k);
	free(s->ears);
	free(s);
}

#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(test_any_order),
		WITH_SCENE(test_shared),
		WITH_SCENE(test_removed),
		WITH_SCENE(test_removed_meanwhile),
		WITH_SCENE(test_removed_unseen),
		cmocka_unit_test(test_revoked),
		WITH_SCENE(test_restored),
		WITH_SCENE(test_slow),
		WITH_SCENE(test_long_backlog),
		WITH_SCENE(test_notices),
		WITH_SCENE(test_store_fails),
		cmocka_unit_test_setup(test_stop, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
