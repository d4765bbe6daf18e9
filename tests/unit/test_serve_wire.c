#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/serve/wire.h"

struct fixture {
	int ends[2];
	struct wire_message in;
	struct wire_message out;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, f->ends),
	    0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->ends[0]);
	if (f->ends[1] >= 0)
		close(f->ends[1]);
	free(f);
	return 0;
}

static void test_all_types(void **state)
{
	static const enum wire_type types[] = { WIRE_SETUP, WIRE_ROOT, WIRE_GO,
		WIRE_READY, WIRE_ASK, WIRE_FOUND, WIRE_STALE };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memset(&f->out, 0, sizeof(f->out));
		f->out.type = types[i];
		assert_int_equal(wire_send(f->ends[0], &f->out, NULL), VS_OK);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(wire_receive(f->ends[1], &f->in, NULL), 1);
		assert_int_equal(f->in.type, types[i]);
	}
	assert_int_equal(wire_receive(f->ends[1], &f->in, NULL), VS_EAGAIN);
}

static void test_content(void **state)
{
	struct fixture *f = *state;

	f->out.type = WIRE_ASK;
	f->out.ask.id = 7;
	assert_true(
	    wire_text(f->out.ask.project, sizeof(f->out.ask.project), "p"));
	assert_true(
	    wire_text(f->out.ask.path, sizeof(f->out.ask.path), "a/\xc3\xa4"));
	assert_int_equal(wire_send(f->ends[0], &f->out, NULL), VS_OK);
	assert_int_equal(wire_receive(f->ends[1], &f->in, NULL), 1);
	assert_int_equal(f->in.ask.id, 7);
	assert_string_equal(f->in.ask.project, "p");
	assert_string_equal(f->in.ask.path, "a/\xc3\xa4");
}

static void test_end(void **state)
{
	struct fixture *f = *state;

	close(f->ends[1]);
	assert_int_equal(wire_receive(f->ends[0], &f->in, NULL), 0);
	f->out.type = WIRE_GO;
	assert_true(wire_send(f->ends[0], &f->out, NULL) < 0);
	f->ends[1] = -1;
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	int rc = VS_OK;

	f->out.type = WIRE_ROOT;
	for (int i = 0; i < 10000 && rc == VS_OK; i++)
		rc = wire_send(f->ends[0], &f->out, NULL);
	assert_int_equal(rc, VS_EAGAIN);
	/* nothing was cut */
	while ((rc = wire_receive(f->ends[1], &f->in, NULL)) == 1)
		assert_int_equal(f->in.type, WIRE_ROOT);
	assert_int_equal(rc, VS_EAGAIN);
}

static void refused(struct fixture *f, const void *data, size_t len)
{
	assert_int_equal(send(f->ends[0], data, len, 0), len);
	assert_int_equal(wire_receive(f->ends[1], &f->in, NULL), VS_EPROTO);
}

/* What is no message is not taken for one. */
static void test_garbage(void **state)
{
	struct fixture *f = *state;
	size_t all = sizeof(f->out);
	char *large = calloc(1, 2 * all);

	assert_non_null(large);
	refused(f, "x", 1);
	refused(f, "\0\0\0\0\0\0\0\0", 8); /* no type */
	memset(large, 0xff, 2 * all);
	refused(f, large, all);
	refused(f, large, 2 * all);
	/* of a type, one byte too short and one too long */
	memset(&f->out, 0, all);
	f->out.type = WIRE_FOUND;
	refused(f, &f->out,
	    offsetof(struct wire_message, found) + sizeof(f->out.found) - 1);
	refused(f, &f->out,
	    offsetof(struct wire_message, found) + sizeof(f->out.found) + 1);
	/* a string without an end */
	memset(&f->out, 'a', all);
	f->out.type = WIRE_ASK;
	refused(f, &f->out,
	    offsetof(struct wire_message, ask) + sizeof(f->out.ask));
	/* a code that is none */
	memset(&f->out, 0, all);
	f->out.type = WIRE_FOUND;
	f->out.found.code = 1;
	refused(f, &f->out,
	    offsetof(struct wire_message, found) + sizeof(f->out.found));
	free(large);
}

static void test_text(void **state)
{
	char out[4] = "xxx";

	(void)state;
	assert_true(wire_text(out, sizeof(out), "a"));
	assert_memory_equal(out, "a\0\0", 4);
	assert_true(wire_text(out, sizeof(out), "abc"));
	assert_false(wire_text(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_types),
		TEST(test_content),
		TEST(test_end),
		TEST(test_full),
		TEST(test_garbage),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
