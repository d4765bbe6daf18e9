/*
 * The short way to read a batch: in the form that vs_batch_open and its
 * sisters give it, the batch's number before the changes.
 */
#include <assert.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/proto/batch.h"

enum scan_member { IN_DEVICE, IN_BATCH, IN_CHANGES, IN_COUNT };

static const char *const scan_names[IN_COUNT] = {
	[IN_DEVICE] = "device_id",
	[IN_BATCH] = "batch",
	[IN_CHANGES] = "changes",
};

static void scan_id(struct vs_jtext *t, struct vs_batch_id *id)
{
	const char *epoch = "", *key;
	size_t len;

	vs_jtext_object(t);
	while ((key = vs_jtext_key(t)) != NULL) {
		if (strcmp(key, "epoch") == 0 && epoch[0] == '\0')
			epoch = vs_jtext_str(t);
		else if (strcmp(key, "counter") == 0 && id->counter == 0)
			id->counter = vs_jtext_int(t);
		else
			t->bad = true;
	}
	len = strlen(epoch);
	if (len == 0 || len >= sizeof(id->epoch) || id->counter < 1)
		t->bad = true;
	else
		memcpy(id->epoch, epoch, len + 1);
}

static void scan_changes(
    struct vs_jtext *t, bool opaque, struct vs_change *changes, size_t *count)
{
	vs_jtext_array(t);
	while (vs_jtext_more(t)) {
		if (*count == VS_BATCH_CHANGES ||
		    !vs_change_scan(t, opaque, &changes[*count], NULL)) {
			t->bad = true;
			return;
		}
		(*count)++;
	}
	if (*count == 0)
		t->bad = true;
}

bool vs_batch_scan(char *body, size_t len, struct vs_batch_request *r,
    struct vs_change *changes, size_t *count)
{
	struct vs_jtext t;
	unsigned seen = 0;
	const char *key;
	int hint = 0, m;

	assert(changes != NULL);
	memset(r, 0, sizeof(*r));
	*count = 0;
	vs_jtext_init(&t, body, len);
	vs_jtext_object(&t);
	while ((key = vs_jtext_key(&t)) != NULL) {
		m = vs_jtext_find(scan_names, IN_COUNT, key, &hint);
		/* how strict to be with changes is said before them */
		if (m < 0 || (seen & 1u << m) != 0 ||
		    (m == IN_BATCH && (seen & 1u << IN_CHANGES) != 0))
			return false;
		seen |= 1u << m;
		if (m == IN_DEVICE)
			r->device_id = vs_jtext_str(&t);
		else if (m == IN_BATCH)
			scan_id(&t, &r->id);
		else
			scan_changes(
			    &t, r->id.epoch[0] == '\0', changes, count);
	}
	return vs_jtext_end(&t) && (seen & 1u << IN_CHANGES) != 0;
}
