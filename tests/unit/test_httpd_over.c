/* When an answer's body is no longer needed, and who takes too long over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/httpd.h"
#include "tests/unit/httpkit.h"

#define LARGE "/bytes?n=16000000" /* more than two sockets hold */

static void get(struct httpkit *w, const char *path, size_t len)
{
	struct httpkit_call c;

	httpkit_get(w, path, &c);
	assert_int_equal(c.r.status, 200);
	assert_int_equal(c.r.len, len);
	free(c.body);
	for (int i = 0; i < 20; i++)
		httpkit_turn(w);
}

static void test_over_once(void **state)
{
	struct httpkit *w = *state;

	get(w, "/bytes?n=1", 1);
	assert_int_equal(w->over, 1);
	get(w, "/bytes?n=0", 0);
	assert_int_equal(w->over, 2);
	get(w, "/bytes?n=15000", 15000);
	assert_int_equal(w->over, 3);
	/* sent in another form than it was given */
	get(w, "/text?n=15000", 15000);
	assert_int_equal(w->over, 4);
}

/* A connection that asks for path and takes nothing of the answer. */
static int asker(struct httpkit *w, const char *path)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char text[256];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(
	    text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, text, (size_t)n, 0), n);
	return fd;
}

static void wait_asked(struct httpkit *w)
{
	for (int i = 0; i < 5000 && w->asked == 0; i++) {
		httpkit_turn(w);
		usleep(1000);
	}
	assert_int_equal(w->asked, 1);
}

static int64_t wait_over(struct httpkit *w)
{
	uint64_t start = uv_hrtime();

	for (int i = 0; i < 5000 && w->over == 0; i++) {
		httpkit_turn(w);
		usleep(1000);
	}
	assert_int_equal(w->over, 1);
	return (int64_t)((uv_hrtime() - start) / 1000000);
}

static void test_over_when_the_client_leaves(void **state)
{
	struct httpkit *w = *state;
	int fd = asker(w, LARGE);

	wait_asked(w);
	assert_int_equal(w->over, 0);
	close(fd);
	assert_true(wait_over(w) < 3000);
}

static void test_slow_reader_is_cut_off(void **state)
{
	struct httpkit *w = *state;
	int fd = asker(w, LARGE);
	int64_t ms;

	wait_asked(w);
	ms = wait_over(w);
	assert_true(ms >= 500 && ms < 3000);
	close(fd);
}

/* Without a limit it stays as long as the connection does. */
static void test_slow_reader_is_left_alone(void **state)
{
	struct httpkit *w = *state;
	int fd = asker(w, LARGE);

	wait_asked(w);
	for (int i = 0; i < 1500; i++) {
		httpkit_turn(w);
		usleep(1000);
	}
	assert_int_equal(w->over, 0);
	close(fd);
	wait_over(w);
}

int main(void)
{
#define WITH_WORLD(f) \
	cmocka_unit_test_setup_teardown(f, httpkit_setup, httpkit_teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_over_once),
		WITH_WORLD(test_over_when_the_client_leaves),
		cmocka_unit_test_setup_teardown(test_slow_reader_is_cut_off,
		    httpkit_setup_impatient, httpkit_teardown),
		WITH_WORLD(test_slow_reader_is_left_alone),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
