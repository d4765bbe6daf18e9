/*
 * Both ends on one loop over a socket pair; where the peer has to break the
 * rules, a plain descriptor and frames written by hand.
 */
#include "common/net/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/plainwire.h"

#define PING_MS 60
#define DEAD_MS 400
#define BIG (300 * 1024)

struct world {
	uv_loop_t loop;
	struct wsend server;
	struct wsend client;
	int fds[2]; /* server's, client's */
	size_t max_message;
	int ping_ms;
	int dead_ms;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->fds), 0);
	*state = w;
	return 0;
}

static void end_close(struct wsend *e, int *expected)
{
	if (e->ws != NULL)
		vs_ws_close(e->ws, 1001, "bye");
	if (e->wire.fd > 0)
		(*expected)++;
}

static int teardown(void **state)
{
	struct world *w = *state;
	int expected = 0;

	end_close(&w->client, &expected);
	end_close(&w->server, &expected);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->client.closed + w->server.closed, expected);
	assert_int_equal(
	    w->client.wire.closed + w->server.wire.closed, expected);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	if (w->client.wire.fd == 0)
		close(w->fds[1]);
	free(w);
	return 0;
}

static void begin(struct world *w, struct wsend *e, const char *early)
{
	bool client = e == &w->client;
	struct vs_ws_options o = wsend_options(e, client);
	struct vs_err err = VS_ERR_INIT;

	o.wire = plainwire_of(&e->wire, w->fds[client ? 1 : 0]);
	o.early = early;
	o.early_len = early != NULL ? strlen(early) : 0;
	o.max_message = w->max_message;
	o.ping_ms = w->ping_ms;
	o.dead_ms = w->dead_ms;
	assert_int_equal(vs_ws_new(&e->ws, &w->loop, &o, &err), VS_OK);
}

static void begin_both(struct world *w)
{
	begin(w, &w->server, NULL);
	begin(w, &w->client, NULL);
}

/* The client's descriptor, written to by hand. */
static void put(const struct world *w, const void *data, size_t len)
{
	assert_int_equal(
	    send(w->fds[1], data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads exactly len bytes that the server sent. */
static void expect_bytes(struct world *w, const void *data, size_t len)
{
	uint8_t got[256];
	size_t have = 0;

	assert_true(len <= sizeof(got));
	for (int i = 0; have < len && i < 4000; i++) {
		ssize_t n = recv(w->fds[1], got + have, len - have, 0);

		if (n > 0)
			have += (size_t)n;
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(500);
	}
	assert_int_equal(have, len);
	assert_memory_equal(got, data, len);
}

static void spin(struct world *w, int ms)
{
	for (int i = 0; i < ms; i++) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static void test_both_ways(void **state)
{
	struct world *w = *state;

	begin_both(w);
	assert_int_equal(vs_ws_send(w->server.ws, "hello", 5), VS_OK);
	assert_int_equal(vs_ws_send(w->client.ws, "{\"a\":1}", 7), VS_OK);
	/* Never from inside the call. */
	assert_int_equal(w->client.messages + w->server.messages, 0);
	wsend_wait(&w->loop, &w->client.messages, 1);
	wsend_wait(&w->loop, &w->server.messages, 1);
	assert_string_equal(w->client.last, "hello");
	assert_string_equal(w->server.last, "{\"a\":1}");
	assert_int_equal(vs_ws_queued(w->server.ws), 0);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536,
		VS_WS_MESSAGE };
	struct world *w = *state;
	char *text = malloc(VS_WS_MESSAGE);
	size_t sum = 0;

	assert_non_null(text);
	memset(text, 'x', VS_WS_MESSAGE);
	begin_both(w);
	for (int i = 0; i < 8; i++) {
		sum += sizes[i];
		assert_int_equal(
		    vs_ws_send(w->server.ws, text, sizes[i]), VS_OK);
		assert_int_equal(
		    vs_ws_send(w->client.ws, text, sizes[i]), VS_OK);
		wsend_wait(&w->loop, &w->client.messages, i + 1);
		wsend_wait(&w->loop, &w->server.messages, i + 1);
		assert_int_equal(w->client.bytes, sum);
		assert_int_equal(w->server.bytes, sum);
	}
	free(text);
}

/* Frames that leave in small pieces arrive whole and in order. */
static void test_pieces(void **state)
{
	struct world *w = *state;
	char text[64];

	w->server.wire.most = 3;
	w->client.wire.most = 5;
	begin_both(w);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		assert_int_equal(
		    vs_ws_send(w->server.ws, text, strlen(text)), VS_OK);
		assert_int_equal(
		    vs_ws_send(w->client.ws, text, strlen(text)), VS_OK);
	}
	wsend_wait(&w->loop, &w->client.messages, 200);
	wsend_wait(&w->loop, &w->server.messages, 200);
	assert_string_equal(w->client.last, "message 199");
	assert_string_equal(w->server.last, "message 199");
}

static void test_shared_frame(void **state)
{
	struct world *w = *state;
	struct vs_ws_frame *f = vs_ws_frame_new("shared", 6);

	assert_non_null(f);
	begin_both(w);
	w->server.wire.writes = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(vs_ws_send_frame(w->server.ws, f), VS_OK);
	assert_int_equal(w->server.wire.writes, 10);
	/* Queued ones keep it alive. */
	w->server.wire.most = 1;
	assert_int_equal(vs_ws_send_frame(w->server.ws, f), VS_OK);
	assert_int_equal(vs_ws_send_frame(w->server.ws, f), VS_OK);
	assert_int_equal(vs_ws_queued(w->server.ws), 8 - 1 + 8);
	vs_ws_frame_free(f);
	wsend_wait(&w->loop, &w->client.messages, 12);
	assert_string_equal(w->client.last, "shared");
	assert_int_equal(w->client.bytes, 72);
}

static void test_early(void **state)
{
	struct world *w = *state;

	/* An unmasked "hi" that came right behind the handshake. */
	begin(w, &w->client, "\x81\x02hi");
	begin(w, &w->server, NULL);
	assert_int_equal(w->client.messages, 0);
	wsend_wait(&w->loop, &w->client.messages, 1);
	assert_string_equal(w->client.last, "hi");
}

static void test_fragments(void **state)
{
	static const uint8_t frames[] = {
		0x01, 0x82, 0, 0, 0, 0, 0xc3, 0xa4, /* "ä" */
		0x89, 0x80, 0, 0, 0, 0, /* a ping between */
		0x00, 0x81, 0, 0, 0, 0, 0xe2, /* a character in two frames */
		0x80, 0x82, 1, 2, 3, 4, 0x82 ^ 1, 0xac ^ 2, /* "€" */
	};
	struct world *w = *state;

	begin(w, &w->server, NULL);
	for (size_t i = 0; i < sizeof(frames); i++) {
		put(w, frames + i, 1);
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	wsend_wait(&w->loop, &w->server.messages, 1);
	assert_int_equal(w->server.messages, 1);
	assert_string_equal(w->server.last, "\xc3\xa4\xe2\x82\xac");
	expect_bytes(w, "\x8a\x00", 2);
	close(w->fds[1]);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1006);
	w->fds[1] = dup(0);
}

static void test_close(void **state)
{
	struct world *w = *state;

	begin_both(w);
	assert_int_equal(vs_ws_send(w->server.ws, "last words", 10), VS_OK);
	vs_ws_close(w->server.ws, 1001, "going");
	vs_ws_close(w->server.ws, 1002, "again");
	assert_int_equal(vs_ws_send(w->server.ws, "x", 1), VS_ECANCELED);
	assert_int_equal(w->server.closed, 0);
	wsend_wait(&w->loop, &w->client.closed, 1);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_string_equal(w->client.last, "last words");
	assert_int_equal(w->client.code, 1001);
	assert_string_equal(w->client.why, "going");
	assert_int_equal(w->server.code, 1001);
	assert_int_equal(w->server.closed + w->client.closed, 2);
}

static void test_close_from_message(void **state)
{
	struct world *w = *state;

	w->client.close_at = 2;
	begin_both(w);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vs_ws_send(w->server.ws, "m", 1), VS_OK);
	wsend_wait(&w->loop, &w->client.closed, 1);
	wsend_wait(&w->loop, &w->server.closed, 1);
	/* Nothing is reported after it said that it has enough. */
	assert_int_equal(w->client.messages, 2);
	assert_int_equal(w->client.code, 1000);
	assert_int_equal(w->server.code, 1000);
	assert_string_equal(w->server.why, "enough");
}

static void test_close_without_code(void **state)
{
	struct world *w = *state;

	begin(w, &w->server, NULL);
	put(w, "\x88\x80\0\0\0\0", 6);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1005);
	expect_bytes(w, "\x88\x00", 2);
}

/* Half a code is none. */
static void test_close_half_code(void **state)
{
	struct world *w = *state;

	begin(w, &w->server, NULL);
	put(w, "\x88\x81\0\0\0\0\x03", 7);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1002);
	expect_bytes(w, "\x88\x00", 2);
}

/* Codes that were given out after the RFC. */
static void test_close_late_codes(void **state)
{
	for (int code = 1012; code <= 1014; code++) {
		struct world *w;

		if (code > 1012)
			setup(state);
		w = *state;
		begin_both(w);
		vs_ws_close(w->client.ws, code, "later");
		wsend_wait(&w->loop, &w->client.closed, 1);
		wsend_wait(&w->loop, &w->server.closed, 1);
		assert_int_equal(w->client.code, code);
		assert_int_equal(w->server.code, code);
		assert_string_equal(w->server.why, "later");
		if (code < 1014)
			teardown(state);
	}
}

/* A peer that does not answer our Close is left after two seconds. */
static void test_close_unanswered(void **state)
{
	struct world *w = *state;
	uint64_t start = uv_hrtime();

	begin(w, &w->server, NULL);
	vs_ws_close(w->server.ws, 1000, "");
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1006);
	assert_in_range((uv_hrtime() - start) / 1000000, 1900, 3000);
}

/* What the peer may not send, and the code that it gets for it. */
static void test_refusals(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int code;
	} cases[] = {
		{ "\x81\x02hi", 4, 1002 }, /* not masked */
		{ "\xc1\x80\0\0\0\0", 6, 1002 }, /* a reserved bit */
		{ "\x83\x80\0\0\0\0", 6, 1002 }, /* an unknown opcode */
		{ "\x80\x80\0\0\0\0", 6, 1002 }, /* continues nothing */
		{ "\x09\x80\0\0\0\0", 6, 1002 }, /* half a ping */
		{ "\x89\xfe\0\x7e\0\0\0\0", 8, 1002 }, /* a large ping */
		{ "\x81\xfe\0\x01\0\0\0\0a", 9, 1002 }, /* length too long */
		{ "\x88\x82\0\0\0\0\x03\xed", 8, 1002 }, /* 1005 on the wire */
		{ "\x88\x82\0\0\0\0\x03\xf7", 8, 1002 }, /* 1015 */
		{ "\x88\x83\0\0\0\0\x03\xf5\xff", 9, 1007 },
		{ "\x82\x81\0\0\0\0b", 7, 1003 }, /* binary */
		{ "\x81\x81\0\0\0\0\xff", 7, 1007 }, /* not UTF-8 */
		{ "\x81\x82\0\0\0\0\xc0\x80", 8, 1007 }, /* overlong */
		{ "\x81\x83\0\0\0\0\xed\xa0\x80", 9, 1007 }, /* surrogate */
		{ "\x81\x81\0\0\0\0\xe2", 7, 1007 }, /* half a character */
		{ "\x81\xfe\x04\x01\0\0\0\0a", 9, 1009 }, /* 1,025 bytes */
		{ "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0a", 15,
		    1009 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t goodbye[4] = { 0x88, 2, (uint8_t)(cases[i].code >> 8),
			(uint8_t)cases[i].code };
		struct world *w;

		if (i > 0)
			setup(state);
		w = *state;
		w->max_message = 1024;
		begin(w, &w->server, NULL);
		put(w, cases[i].bytes, cases[i].len);
		expect_bytes(w, goodbye, sizeof(goodbye));
		/* Then nothing but the end, and all else is in vain. */
		put(w, "\x81\x82\0\0\0\0hi", 8);
		spin(w, 5);
		assert_int_equal(w->server.closed, 0);
		assert_int_equal(recv(w->fds[1], goodbye, 4, 0), 0);
		shutdown(w->fds[1], SHUT_WR);
		wsend_wait(&w->loop, &w->server.closed, 1);
		assert_int_equal(w->server.code, cases[i].code);
		assert_int_equal(w->server.messages, 0);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			teardown(state);
	}
}

/* Many fragments are one message: their sum counts. */
static void test_fragments_too_large(void **state)
{
	struct world *w = *state;
	uint8_t part[6 + 100] = { 0x01, 0x80 | 100 };

	w->max_message = 250;
	begin(w, &w->server, NULL);
	for (int i = 0; i < 3; i++) {
		put(w, part, sizeof(part));
		part[0] = 0;
	}
	expect_bytes(w, "\x88\x02\x03\xf1", 4);
	assert_int_equal(w->server.messages, 0);
}

/* A server that masks is refused by the client. */
static void test_masked_server(void **state)
{
	struct world *w = *state;
	uint8_t head[2];

	w->client.wire.fd = 0;
	begin(w, &w->client, NULL);
	assert_int_equal(
	    send(w->fds[0], "\x81\x82\0\0\0\0hi", 8, MSG_NOSIGNAL), 8);
	spin(w, 10);
	assert_int_equal(recv(w->fds[0], head, 2, 0), 2);
	assert_int_equal(head[0], 0x88);
	assert_int_equal(head[1], 0x82);
	close(w->fds[0]);
	wsend_wait(&w->loop, &w->client.closed, 1);
	assert_int_equal(w->client.code, 1002);
	assert_int_equal(w->client.messages, 0);
}

/* No two frames of a client's have the same mask. */
static void test_masks(void **state)
{
	struct world *w = *state;
	uint8_t one[6 + 4];
	uint8_t two[6 + 4];

	begin(w, &w->client, NULL);
	assert_int_equal(vs_ws_send(w->client.ws, "same", 4), VS_OK);
	assert_int_equal(vs_ws_send(w->client.ws, "same", 4), VS_OK);
	assert_int_equal(recv(w->fds[0], one, sizeof(one), 0), 10);
	assert_int_equal(recv(w->fds[0], two, sizeof(two), 0), 10);
	assert_memory_equal(one, "\x81\x84", 2);
	assert_memory_not_equal(one + 2, two + 2, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(one[6 + i] ^ one[2 + i], "same"[i]);
	close(w->fds[0]);
}

static void test_ping_keeps_alive(void **state)
{
	struct world *w = *state;

	w->ping_ms = PING_MS;
	w->dead_ms = DEAD_MS;
	begin_both(w);
	spin(w, 3 * DEAD_MS);
	assert_int_equal(w->server.closed + w->client.closed, 0);
	assert_int_equal(w->server.messages + w->client.messages, 0);
	assert_in_range(w->server.wire.writes, 8, 100);
}

static void test_silence(void **state)
{
	struct world *w = *state;
	uint64_t start = uv_hrtime();

	w->ping_ms = PING_MS;
	w->dead_ms = DEAD_MS;
	begin(w, &w->server, NULL);
	expect_bytes(w, "\x89\x00", 2);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1006);
	assert_in_range(
	    (uv_hrtime() - start) / 1000000, DEAD_MS - 20, 2 * DEAD_MS);
}

/* A loop that stood still must not blame a peer that did talk. */
static void test_own_pause(void **state)
{
	struct world *w = *state;

	w->ping_ms = PING_MS;
	w->dead_ms = DEAD_MS;
	begin(w, &w->server, NULL);
	spin(w, 20);
	put(w, "\x8a\x80\0\0\0\0", 6);
	usleep((DEAD_MS + 200) * 1000);
	spin(w, 30);
	assert_int_equal(w->server.closed, 0);
}

static void test_ceiling(void **state)
{
	struct world *w = *state;
	struct vs_ws_frame *f;
	char *text = malloc(BIG);
	int taken = 0;
	int rc;

	assert_non_null(text);
	memset(text, 'b', BIG);
	f = vs_ws_frame_new(text, BIG);
	assert_non_null(f);
	begin(w, &w->server, NULL);
	while ((rc = vs_ws_send_frame(w->server.ws, f)) == VS_OK)
		taken++;
	assert_int_equal(rc, VS_ELIMIT);
	assert_in_range(
	    vs_ws_queued(w->server.ws), VS_WS_QUEUE - 2 * BIG, VS_WS_QUEUE);
	/* Small ones still fit. */
	assert_int_equal(vs_ws_send(w->server.ws, "s", 1), VS_OK);
	/* A client wakes up and gets all of it, in order. */
	begin(w, &w->client, NULL);
	wsend_wait(&w->loop, &w->client.messages, taken + 1);
	assert_int_equal(w->client.bytes, (size_t)taken * BIG + 1);
	assert_string_equal(w->client.last, "s");
	assert_int_equal(vs_ws_queued(w->server.ws), 0);
	vs_ws_frame_free(f);
	free(text);
}

/* Who is too slow is told so at once, without the backlog. */
static void test_too_slow(void **state)
{
	struct world *w = *state;
	char *text = malloc(BIG);
	int taken = 0;

	assert_non_null(text);
	memset(text, 'b', BIG);
	begin(w, &w->server, NULL);
	while (vs_ws_send(w->server.ws, text, BIG) == VS_OK)
		taken++;
	vs_ws_close(w->server.ws, VS_WS_AGAIN, "too slow");
	assert_true(vs_ws_queued(w->server.ws) <= BIG + 200);
	begin(w, &w->client, NULL);
	wsend_wait(&w->loop, &w->client.closed, 1);
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->client.code, 1013);
	assert_int_equal(w->server.code, 1013);
	assert_string_equal(w->client.why, "too slow");
	assert_in_range(w->client.messages, 1, taken - 1);
	assert_int_equal(w->client.bytes, (size_t)w->client.messages * BIG);
	free(text);
}

/* Pings without end, answers never read: bounded, then over. */
static void test_ping_flood(void **state)
{
	struct world *w = *state;
	uint8_t ping[6 + 125] = { 0x89, 0x80 | 125 };
	int sent = 0;

	begin(w, &w->server, NULL);
	for (int i = 0; w->server.closed == 0 && i < 400000; i++) {
		if (send(w->fds[1], ping, sizeof(ping), MSG_NOSIGNAL) > 0)
			sent++;
		else if (errno != EAGAIN)
			break;
		if (i % 64 == 0)
			uv_run(&w->loop, UV_RUN_NOWAIT);
		if (w->server.ws != NULL)
			assert_true(vs_ws_queued(w->server.ws) <= VS_WS_QUEUE);
	}
	wsend_wait(&w->loop, &w->server.closed, 1);
	assert_int_equal(w->server.code, 1006);
	assert_true(sent > 1000);
}

static void test_lost(void **state)
{
	struct world *w = *state;

	begin_both(w);
	shutdown(w->fds[0], SHUT_RDWR);
	/* The failed write tells nobody from inside. */
	assert_int_equal(vs_ws_send(w->server.ws, "x", 1), VS_ECANCELED);
	assert_int_equal(w->server.closed, 0);
	assert_int_equal(vs_ws_send(w->server.ws, "x", 1), VS_ECANCELED);
	vs_ws_close(w->server.ws, 1000, "nothing to close");
	wsend_wait(&w->loop, &w->server.closed, 1);
	wsend_wait(&w->loop, &w->client.closed, 1);
	assert_int_equal(w->server.code, 1006);
	assert_int_equal(w->client.code, 1006);
}

static void test_no_descriptor(void **state)
{
	struct world *w = *state;
	struct vs_ws_options o = wsend_options(&w->server, false);
	struct vs_err err = VS_ERR_INIT;
	struct plainwire p = { .fd = -1 };
	struct vs_ws *ws;
	int fd = open("/dev/null", O_RDONLY);

	/* epoll refuses a file; the wire is closed all the same. */
	o.wire = plainwire_of(&p, fd);
	assert_int_equal(vs_ws_new(&ws, &w->loop, &o, &err), VS_ENET);
	assert_null(ws);
	assert_int_equal(p.closed, 1);
	close(w->fds[0]);
}

/* Bytes of chance: whatever comes, it ends once and cleanly. */
static void test_noise(void **state)
{
	unsigned seed = 4711;

	for (int round = 0; round < 300; round++) {
		uint8_t noise[200];
		struct world *w;

		if (round > 0)
			setup(state);
		w = *state;
		begin(w, &w->server, NULL);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)rand_r(&seed);
		noise[0] = (uint8_t)(round % 3 == 0 ? 0x81 : noise[0]);
		noise[1] =
		    (uint8_t)(round % 3 != 2 ? 0x80 | (round % 126) : noise[1]);
		put(w, noise, sizeof(noise));
		shutdown(w->fds[1], SHUT_WR);
		wsend_wait(&w->loop, &w->server.closed, 1);
		assert_in_range(w->server.code, 1000, 4999);
		if (round < 299)
			teardown(state);
	}
}

static void test_accept(void **state)
{
	static const char *const bad[] = { "", "dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQaa",
		"dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25=ZQ==",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	char out[29];

	(void)state;
	/* RFC 6455, 1.3. */
	assert_int_equal(vs_ws_accept("dGhlIHNhbXBsZSBub25jZQ==", out), VS_OK);
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vs_ws_accept(bad[i], out), VS_EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_sizes),
		TEST(test_pieces),
		TEST(test_shared_frame),
		TEST(test_early),
		TEST(test_fragments),
		TEST(test_close),
		TEST(test_close_from_message),
		TEST(test_close_without_code),
		TEST(test_close_half_code),
		TEST(test_close_late_codes),
		TEST(test_close_unanswered),
		TEST(test_refusals),
		TEST(test_fragments_too_large),
		TEST(test_masked_server),
		TEST(test_masks),
		TEST(test_ping_keeps_alive),
		TEST(test_silence),
		TEST(test_own_pause),
		TEST(test_ceiling),
		TEST(test_too_slow),
		TEST(test_ping_flood),
		TEST(test_lost),
		TEST(test_no_descriptor),
		TEST(test_noise),
		cmocka_unit_test(test_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
