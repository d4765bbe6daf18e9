#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/serve/address.h"
#include "common/os/sock.h"

static void test_advertised(void **state)
{
	static const struct {
		const char *text;
		const char *first; /* NULL: refused */
	} table[] = {
		{ "film.example", "https://film.example:7" },
		{ " film.example:443 ", "https://film.example:443" },
		{ "https://film.example", "https://film.example:7" },
		{ "HTTPS://film.example:9/", "https://film.example:9" },
		{ "10.0.0.1", "https://10.0.0.1:7" },
		{ "[fd00::1]:8443", "https://[fd00::1]:8443" },
		{ "[fd00::1]", "https://[fd00::1]:7" },
		{ "fd00::1", "https://[fd00::1]:7" },
		{ "", NULL },
		{ ",", NULL },
		{ "a,,b", NULL },
		{ "http://film.example", NULL },
		{ "https://", NULL },
		{ "film.example/path", NULL },
		{ "user@film.example", NULL },
		{ "film example", NULL },
		{ "film.example:", NULL },
		{ "film.example:0", NULL },
		{ "film.example:65536", NULL },
		{ "film.example:1x", NULL },
		{ "film.example:+1", NULL },
		{ "[fd00::1", NULL },
		{ "[fd00::1]8443", NULL },
		{ "[film.example]:1", NULL },
		{ "[]:1", NULL },
		{ "a\"b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct address_list l = { .count = 0 };
		int rc = address_advertised(&l, table[i].text, 7);

		if ((rc == VS_OK) != (table[i].first != NULL))
			fail_msg("\"%s\": %d", table[i].text, rc);
		assert_int_equal(address_check(table[i].text), rc);
		if (table[i].first != NULL)
			assert_string_equal(l.text[0], table[i].first);
	}
}

static void test_several(void **state)
{
	struct address_list l = { .count = 0 };
	struct address_list m = { .count = 0 };
	char many[ADDRESS_COUNT * 8 + 16] = "h";

	(void)state;
	assert_int_equal(address_advertised(&l, "a, b:2 ,a,c", 1), VS_OK);
	assert_int_equal(l.count, 3);
	assert_string_equal(l.text[1], "https://b:2");
	assert_int_equal(address_advertised(&m, "a,b:2,c", 1), VS_OK);
	assert_true(address_same(&l, &m));
	assert_int_equal(address_advertised(&m, "d", 1), VS_OK);
	assert_false(address_same(&l, &m));
	for (int i = 0; i < ADDRESS_COUNT; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
		    ",h%d", i);
	assert_int_equal(address_check(many), VS_ELIMIT);
}

static void add(struct address_list *l, int family, const char *text)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	void *at = family == AF_INET ? (void *)&a.v4.sin_addr
				     : (void *)&a.v6.sin6_addr;

	memset(&a, 0, sizeof(a));
	a.any.sa_family = (sa_family_t)family;
	assert_int_equal(inet_pton(family, text, at), 1);
	address_add(l, &a.any, 80);
}

static void test_interfaces(void **state)
{
	struct address_list l = { .count = 0 };
	struct sockaddr odd = { .sa_family = AF_UNIX };

	(void)state;
	add(&l, AF_INET, "192.168.1.2");
	add(&l, AF_INET6, "fe80::1");
	add(&l, AF_INET6, "fd00::2");
	add(&l, AF_INET6, "::ffff:10.0.0.1");
	add(&l, AF_INET, "192.168.1.2");
	address_add(&l, &odd, 80);
	assert_int_equal(l.count, 3);
	assert_string_equal(l.text[0], "https://192.168.1.2:80");
	assert_string_equal(l.text[1], "https://[fd00::2]:80");
	assert_string_equal(l.text[2], "https://10.0.0.1:80");
}

static bool has(const struct address_list *l, const char *text)
{
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->text[i], text) == 0)
			return true;
	return false;
}

/* What the socket says is what others are told. */
static void test_collect(void **state)
{
	struct address_list l = { .count = 0 };
	struct address_list every = { .count = 0 };
	struct address_list away = { .count = 0 };
	char here[64];
	int port;
	int fd = vs_sock_listen_tcp("127.0.0.1:0", &port, NULL);

	(void)state;
	assert_true(fd >= 0);
	snprintf(here, sizeof(here), "https://127.0.0.1:%d", port);
	assert_int_equal(address_collect(&l, fd, false, NULL), VS_OK);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.text[0], here);
	close(fd);
	fd = vs_sock_listen_tcp(":0", &port, NULL);
	assert_true(fd >= 0);
	snprintf(here, sizeof(here), "https://127.0.0.1:%d", port);
	assert_int_equal(address_collect(&every, fd, true, NULL), VS_OK);
	assert_true(has(&every, here));
	assert_int_equal(address_collect(&away, fd, false, NULL), VS_OK);
	assert_false(has(&away, here));
	assert_true(away.count < every.count);
	close(fd);
	assert_true(address_collect(&every, fd, true, NULL) < 0);
}

static void test_local(void **state)
{
	static const char *const yes[] = { "http://localhost", "localhost:1",
		"http://127.0.0.1:80/x", "https://[::1]:1", "http://[::1]" };
	static const char *const no[] = { "http://example.org", "",
		"http://localhost.example", "http://127.evil.example",
		"http://[::2]", "http://128.0.0.1", "http://local" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!address_is_local(yes[i]))
			fail_msg("%s is local", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (address_is_local(no[i]))
			fail_msg("%s is not local", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advertised),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
