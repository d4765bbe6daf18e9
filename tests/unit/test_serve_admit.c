/* Who gets what from the chunk server, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/serve/admit.h"
#include "common/base/hex.h"

#define TRANSFER "7b0a0302-73ee-4c99-8a1b-0123456789ab"
#define OTHER "8b0a0302-73ee-4c99-8a1b-0123456789ab"
#define DEVICE "42da8b43-bd08-4478-8426-bb33a39c9ea1"
#define PROJECT "b511de44-0d35-467e-b017-a3ea18142ccd"
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN2 "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HASH \
	"00000000000000000000000000000000" \
	"000000000000000000000000000000ff"
#define NOW 1700000000000
#define AT "/v1/transfers/" TRANSFER "/chunks/"

static const uint8_t KEY[VS_TICKET_KEY] = { 1, 2, 3 };
static const uint8_t KEY2[VS_TICKET_KEY] = { 1, 2, 4 };

/* A good one of a file with two chunks and a byte; then change it. */
static struct vs_ticket ticket(void)
{
	return (struct vs_ticket){
		.transfer = TRANSFER,
		.project = PROJECT,
		.source = DEVICE,
		.path = "a/b.mov",
		.hash = HASH,
		.size = 2LL * ADMIT_CHUNK + 1,
		.pin = PIN,
		.expires_ms = NOW + 1000,
	};
}

/* "Ticket ...", to be freed. */
static char *header(const struct vs_ticket *t, const uint8_t *key)
{
	struct vs_buf b;

	vs_buf_init(&b, VS_TICKET_MAX + 16);
	vs_buf_addstr(&b, "Ticket ");
	assert_int_equal(vs_ticket_write(&b, t, key, NULL), VS_OK);
	return vs_buf_take(&b, NULL);
}

static struct admit_request request(const char *path, const char *auth)
{
	return (struct admit_request){
		.method = "GET",
		.path = path,
		.authorization = auth,
		.pin = PIN,
		.device = DEVICE,
		.ticket_key = KEY,
		.wall_ms = NOW,
	};
}

static int judge(const struct admit_request *r, struct admit_chunk *c)
{
	struct admit_verdict v = admit_request(r, c);

	if (v.status != 200) {
		assert_non_null(v.code);
		assert_non_null(v.text);
	}
	return v.status;
}

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		int status;
		int64_t off;
		int64_t len;
	} table[] = {
		{ AT "0", 200, 0, ADMIT_CHUNK },
		{ AT "1", 200, ADMIT_CHUNK, ADMIT_CHUNK },
		{ AT "2", 200, 2LL * ADMIT_CHUNK, 1 },
		{ AT "3", 404, 0, 0 },
		{ AT "999999999999999999", 404, 0, 0 },
		{ AT "9223372036854775808", 404, 0, 0 },
		{ AT "18446744073709551616", 404, 0, 0 },
		{ AT "", 404, 0, 0 },
		{ AT "-1", 404, 0, 0 },
		{ AT "+1", 404, 0, 0 },
		{ AT "01", 404, 0, 0 },
		{ AT "1/", 404, 0, 0 },
		{ AT "1 ", 404, 0, 0 },
		{ AT "0x1", 404, 0, 0 },
		{ AT "../chunks/1", 404, 0, 0 },
		{ "/v1/transfers/" OTHER "/chunks/0", 403, 0, 0 },
		{ "/v1/transfers/" OTHER "/chunks/9999", 403, 0, 0 },
		{ "/v1/transfers/" TRANSFER "0/chunks/0", 404, 0, 0 },
		{ "/v1/transfers/" TRANSFER, 404, 0, 0 },
		{ "/v1/transfers/" TRANSFER "/blocks", 404, 0, 0 },
		{ "/v1/transfers/", 404, 0, 0 },
		{ "/v1/transfers//chunks/0", 404, 0, 0 },
		{ "/", 404, 0, 0 },
		{ "", 404, 0, 0 },
		{ "/healthz", 404, 0, 0 },
		{ "//v1/transfers/" TRANSFER "/chunks/0", 404, 0, 0 },
	};
	struct vs_ticket t = ticket();
	char *auth = header(&t, KEY);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct admit_request r = request(table[i].path, auth);
		struct admit_chunk c;
		int status = judge(&r, &c);

		if (status != table[i].status)
			fail_msg("%s: %d", table[i].path, status);
		if (status == 200) {
			assert_int_equal(c.off, table[i].off);
			assert_int_equal(c.len, table[i].len);
			assert_string_equal(c.ticket.path, "a/b.mov");
		}
		/* a stranger learns nothing, wherever he knocks */
		r.authorization = NULL;
		assert_int_equal(judge(&r, &c), 403);
		r.method = "PUT";
		assert_int_equal(judge(&r, &c), 403);
	}
	free(auth);
}

static void test_last_chunks(void **state)
{
	static const struct {
		int64_t size;
		const char *path;
		int status;
		int64_t len;
	} table[] = {
		{ 0, AT "0", 404, 0 },
		{ 1, AT "0", 200, 1 },
		{ 1, AT "1", 404, 0 },
		{ ADMIT_CHUNK, AT "0", 200, ADMIT_CHUNK },
		{ ADMIT_CHUNK, AT "1", 404, 0 },
		{ ADMIT_CHUNK + 1, AT "1", 200, 1 },
		{ INT64_MAX, AT "2199023255551", 200, ADMIT_CHUNK - 1 },
		{ INT64_MAX, AT "2199023255552", 404, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct vs_ticket t = ticket();
		struct admit_request r;
		struct admit_chunk c;
		char *auth;

		t.size = table[i].size;
		auth = header(&t, KEY);
		r = request(table[i].path, auth);
		assert_int_equal(judge(&r, &c), table[i].status);
		if (table[i].status == 200)
			assert_int_equal(c.len, table[i].len);
		free(auth);
	}
}

/* One thing wrong at a time. */
static void test_refusals(void **state)
{
	struct vs_ticket good = ticket();
	struct vs_ticket other = ticket();
	char *auth = header(&good, KEY);
	char *foreign = header(&good, KEY2);
	struct admit_request r = request(AT "0", auth);
	struct admit_chunk c;
	char *elsewhere;
	char *bare;

	(void)state;
	assert_int_equal(judge(&r, &c), 200);
	r.method = "POST";
	assert_int_equal(judge(&r, &c), 405);
	r = request(AT "0", foreign);
	assert_int_equal(judge(&r, &c), 403);
	r = request(AT "0", auth);
	r.pin = "";
	assert_int_equal(judge(&r, &c), 403);
	r.pin = PIN2;
	assert_int_equal(judge(&r, &c), 403);
	r = request(AT "0", auth);
	r.wall_ms = good.expires_ms - 1;
	assert_int_equal(judge(&r, &c), 200);
	r.wall_ms = good.expires_ms;
	assert_int_equal(judge(&r, &c), 403);
	memcpy(other.source, OTHER, sizeof(OTHER));
	elsewhere = header(&other, KEY);
	r = request(AT "0", elsewhere);
	assert_int_equal(judge(&r, &c), 403);
	bare = auth + strlen("Ticket ");
	r = request(AT "0", bare);
	assert_int_equal(judge(&r, &c), 403);
	r = request(AT "0", "Ticket ");
	assert_int_equal(judge(&r, &c), 403);
	r = request(AT "0", "Bearer x");
	assert_int_equal(judge(&r, &c), 403);
	free(elsewhere);
	free(foreign);
	free(auth);
}

/* Whichever of its characters is another one, the ticket is none. */
static void test_forged(void **state)
{
	struct vs_ticket t = ticket();
	char *auth = header(&t, KEY);
	struct admit_request r = request(AT "0", auth);
	struct admit_chunk c;

	(void)state;
	for (size_t i = strlen("Ticket "); auth[i] != '\0'; i++) {
		char kept = auth[i];

		auth[i] = kept == 'A' ? 'B' : 'A';
		if (judge(&r, &c) != 403)
			fail_msg("character %zu was not looked at", i);
		auth[i] = kept;
	}
	assert_int_equal(judge(&r, &c), 200);
	free(auth);
}

static void test_found(void **state)
{
	struct vs_ticket t = ticket();
	struct wire_found f = { .code = VS_OK, .size = t.size };

	(void)state;
	f.hash[VS_SHA256_SIZE - 1] = 0xff;
	assert_int_equal(admit_found(&t, &f).status, 200);
	f.size--;
	assert_int_equal(admit_found(&t, &f).status, 412);
	f.size++;
	f.hash[0] = 1;
	assert_int_equal(admit_found(&t, &f).status, 412);
	f.code = VS_ENOENT;
	assert_int_equal(admit_found(&t, &f).status, 404);
	f.code = VS_EROOT;
	assert_int_equal(admit_found(&t, &f).status, 503);
	f.code = VS_EAGAIN;
	assert_int_equal(admit_found(&t, &f).status, 503);
}

static void test_unread(void **state)
{
	static const struct {
		int code;
		int status;
	} table[] = {
		{ VS_ECHANGED, 412 },
		{ VS_ENOENT, 412 },
		{ VS_ELOOP, 412 },
		{ VS_ENOTDIR, 412 },
		{ VS_EXDEV, 412 },
		{ VS_EROOT, 503 },
		{ VS_EACCES, 503 },
		{ VS_EIO, 503 },
		{ VS_ENOMEM, 503 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(
		    admit_unread(table[i].code).status, table[i].status);
}

static void test_ranges(void **state)
{
	static const struct {
		const char *range;
		int64_t len;
		int status;
		int64_t off;
		int64_t n;
	} table[] = {
		{ NULL, 100, 200, 0, 100 },
		{ "bytes=0-99", 100, 206, 0, 100 },
		{ "bytes=0-0", 100, 206, 0, 1 },
		{ "BYTES=0-0", 100, 206, 0, 1 },
		{ "bytes=99-99", 100, 206, 99, 1 },
		{ "bytes=99-", 100, 206, 99, 1 },
		{ "bytes=0-", 100, 206, 0, 100 },
		{ "bytes=10-1000", 100, 206, 10, 90 },
		{ "bytes=-1", 100, 206, 99, 1 },
		{ "bytes=-100", 100, 206, 0, 100 },
		{ "bytes=-101", 100, 206, 0, 100 },
		{ "bytes=0-0", 1, 206, 0, 1 },
		{ "bytes=100-", 100, 416, 0, 0 },
		{ "bytes=100-200", 100, 416, 0, 0 },
		{ "bytes=2-1", 100, 416, 0, 0 },
		{ "bytes=-0", 100, 416, 0, 0 },
		{ "bytes=-", 100, 416, 0, 0 },
		{ "bytes=", 100, 416, 0, 0 },
		{ "bytes=a-b", 100, 416, 0, 0 },
		{ "bytes=0-1,5-6", 100, 416, 0, 0 },
		{ "bytes=0-1,0-1", 100, 416, 0, 0 },
		{ "bytes= 0-1", 100, 416, 0, 0 },
		{ "bytes=0-1 ", 100, 416, 0, 0 },
		{ "bytes=0--1", 100, 416, 0, 0 },
		{ "chunks=0-1", 100, 416, 0, 0 },
		{ "", 100, 416, 0, 0 },
		{ "bytes=0-18446744073709551615", 100, 416, 0, 0 },
		{ "bytes=18446744073709551616-", 100, 416, 0, 0 },
		{ "bytes=-9223372036854775808", 100, 416, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct admit_span s;
		int status = admit_range(table[i].range, table[i].len, &s);

		if (status != table[i].status)
			fail_msg("\"%s\": %d", table[i].range, status);
		if (status == 416)
			continue;
		assert_int_equal(s.off, table[i].off);
		assert_int_equal(s.len, table[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_last_chunks),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
