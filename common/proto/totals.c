#include "common/proto/totals.h"

#include <inttypes.h>

#include "common/base/hex.h"
#include "common/base/json.h"

void vs_totals_write(struct vs_buf *b, const struct vs_tree *t)
{
	char sum[2 * sizeof(t->sum) + 1];

	vs_hex_encode(sum, t->sum, sizeof(t->sum));
	vs_buf_addf(b,
	    "{\"count\":%" PRId64 ",\"bytes\":%" PRId64 ",\"checksum\":\"%s\"}",
	    t->count, t->bytes, sum);
}

int vs_totals_read(
    const json_t *obj, struct vs_tree *t, bool *found, struct vs_err *err)
{
	struct vs_tree read;
	const char *sum = NULL;
	json_t *tree = NULL;
	int rc = vs_json_get_object(obj, "tree", false, &tree, err);

	*found = false;
	if (rc < 0 || tree == NULL)
		return rc;
	rc = vs_json_get_i64(tree, "count", true, &read.count, err);
	if (rc == 0)
		rc = vs_json_get_i64(tree, "bytes", true, &read.bytes, err);
	if (rc == 0)
		rc = vs_json_get_str(tree, "checksum", true, &sum, err);
	if (rc < 0)
		return rc;
	if (vs_hex_decode(read.sum, sizeof(read.sum), sum) < 0)
		return vs_err_set(
		    err, VS_EPROTO, "tree: checksum is no SHA-256");
	*t = read;
	*found = true;
	return 0;
}

void vs_totals_scan(struct vs_jtext *x, struct vs_tree *t)
{
	static const char *const names[] = { "count", "bytes", "checksum" };
	const char *key;
	unsigned seen = 0;
	int hint = 0, m;

	vs_jtext_object(x);
	while ((key = vs_jtext_key(x)) != NULL) {
		m = vs_jtext_find(names, 3, key, &hint);
		if (m < 0 || (seen & 1u << m) != 0)
			x->bad = true;
		seen |= m < 0 ? 0 : 1u << m;
		if (m == 0)
			t->count = vs_jtext_int(x);
		else if (m == 1)
			t->bytes = vs_jtext_int(x);
		else if (vs_hex_decode(
			     t->sum, sizeof(t->sum), vs_jtext_str(x)) < 0)
			x->bad = true;
	}
	if (seen != 7)
		x->bad = true;
}
