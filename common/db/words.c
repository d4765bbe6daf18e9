#include "common/db/words.h"

#include <stddef.h>

#include "common/base/hex.h"

#define HEX_BYTES 64 /* of a blob; longer than any digest of ours */

static void words_ordinal(sqlite3_context *ctx, int n, sqlite3_value **arg)
{
	int64_t *count = sqlite3_user_data(ctx);

	(void)n;
	(void)arg;
	sqlite3_result_int64(ctx, ++*count);
}

static void words_lowhex(sqlite3_context *ctx, int n, sqlite3_value **arg)
{
	char hex[2 * HEX_BYTES + 1];
	const uint8_t *data = sqlite3_value_blob(arg[0]);
	size_t len = (size_t)sqlite3_value_bytes(arg[0]);

	(void)n;
	if (sqlite3_value_type(arg[0]) == SQLITE_NULL)
		return;
	if (len > HEX_BYTES) {
		sqlite3_result_error_toobig(ctx);
		return;
	}
	vs_hex_encode(hex, data, len);
	sqlite3_result_text(ctx, hex, (int)(2 * len), SQLITE_TRANSIENT);
}

int vs_words_add(sqlite3 *handle, int64_t *count)
{
	int rc = sqlite3_create_function(handle, "ordinal", 0,
	    SQLITE_UTF8 | SQLITE_DIRECTONLY, count, words_ordinal, NULL, NULL);

	return rc != SQLITE_OK
	    ? rc
	    : sqlite3_create_function(handle, "lowhex", 1,
		  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
		  words_lowhex, NULL, NULL);
}
