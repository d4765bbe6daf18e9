/* Who answers: our own cloud, a plain server, or neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/publish/dialect.h"
#include "common/base/json.h"

static int page(const char *text, int64_t since, struct dialect_page *p)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = vs_json_parse(text, strlen(text), &err);
	int rc;

	assert_non_null(doc);
	rc = dialect_page(doc, since, p, &err);
	json_decref(doc);
	assert_true(rc == 0 || (rc == VS_EPROTO && err.msg[0] != '\0'));
	return rc;
}

static void test_pages(void **state)
{
	static const struct {
		const char *text;
		int64_t since;
		enum dialect dialect; /* DIALECT_UNKNOWN: refused */
		int64_t last;
	} table[] = {
		{ "{\"success\":true,\"events\":[],\"next_seq\":1,"
		  "\"has_more\":false}",
		    0, DIALECT_PLAIN, 0 },
		{ "{\"success\":true,\"events\":[{\"seq\":8},{\"seq\":11}],"
		  "\"next_seq\":12,\"has_more\":true}",
		    7, DIALECT_PLAIN, 11 },
		{ "{\"success\":true,\"events\":[{\"seq\":8}],\"next_seq\":9,"
		  "\"last_seq\":30,\"log_id\":\"L\",\"has_more\":true}",
		    7, DIALECT_OWN, 8 },
		/* an empty page of ours says where the log ends */
		{ "{\"success\":true,\"events\":[],\"next_seq\":31,"
		  "\"last_seq\":30,\"log_id\":\"L\",\"has_more\":false}",
		    7, DIALECT_OWN, 7 },
		/* strangers */
		{ "{\"success\":true}", 0, DIALECT_UNKNOWN, 0 },
		{ "[]", 0, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":true,\"events\":[]}", 0, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":false,\"events\":[],\"next_seq\":1,"
		  "\"has_more\":false}",
		    0, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":true,\"events\":[],\"next_seq\":5,"
		  "\"has_more\":false}",
		    0, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":true,\"events\":{},\"next_seq\":1,"
		  "\"has_more\":false}",
		    0, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":true,\"events\":[1],\"next_seq\":1,"
		  "\"has_more\":false}",
		    0, DIALECT_UNKNOWN, 0 },
		/* not risen above what was asked for */
		{ "{\"success\":true,\"events\":[{\"seq\":7}],\"next_seq\":8,"
		  "\"has_more\":false}",
		    7, DIALECT_UNKNOWN, 0 },
		{ "{\"success\":true,\"events\":[{\"seq\":9},{\"seq\":8}],"
		  "\"next_seq\":9,\"has_more\":false}",
		    7, DIALECT_UNKNOWN, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dialect_page p;
		int rc = page(table[i].text, table[i].since, &p);

		if (table[i].dialect == DIALECT_UNKNOWN) {
			assert_int_equal(rc, VS_EPROTO);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(p.dialect, table[i].dialect);
		assert_int_equal(p.last, table[i].last);
	}
}

static void test_replies(void **state)
{
	static const struct {
		const char *text;
		int64_t sent;
		bool good;
	} table[] = {
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"a\",\"seq\":3,\"status\":\"synced\"}]}",
		    1, true },
		/* some only */
		{ "{\"success\":true,\"synced\":1,\"total\":3,\"results\":["
		  "{\"path\":\"a\",\"seq\":3,\"status\":\"synced\"}]}",
		    3, true },
		{ "{\"success\":true,\"synced\":0,\"total\":3,\"results\":[]}",
		    3, true },
		/* another batch's total */
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"a\",\"seq\":3,\"status\":\"synced\"}]}",
		    2, false },
		/* more said than shown */
		{ "{\"success\":true,\"synced\":1,\"total\":1}", 1, false },
		{ "{\"success\":true,\"synced\":2,\"total\":2,\"results\":["
		  "{\"path\":\"a\",\"seq\":3,\"status\":\"synced\"}]}",
		    2, false },
		/* of no path */
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"\",\"seq\":3,\"status\":\"synced\"}]}",
		    1, false },
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"a\",\"seq\":0,\"status\":\"synced\"}]}",
		    1, false },
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"a\",\"seq\":3,\"status\":\"queued\"}]}",
		    1, false },
		{ "{\"success\":true,\"synced\":1,\"total\":1,\"results\":["
		  "{\"path\":\"a\",\"seq\":3}]}",
		    1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct vs_err err = VS_ERR_INIT;
		struct vs_batch_reply r;

		assert_int_equal(vs_batch_reply_read(&r, table[i].text,
				     strlen(table[i].text), NULL, &err),
		    0);
		assert_int_equal(dialect_reply(&r, table[i].sent, &err),
		    table[i].good ? 0 : VS_EPROTO);
		vs_batch_reply_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
