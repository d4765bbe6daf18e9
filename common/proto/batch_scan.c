/*
 * The short ways to read a batch, in the form that vs_batch_open and its
 * sisters give it, the batch's number before the changes; and the answer to
 * one, when all of it was taken.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/proto/batch.h"
#include "common/proto/totals.h"

enum scan_member { IN_DEVICE, IN_BATCH, IN_CHANGES, IN_COUNT };

static const char *const scan_names[IN_COUNT] = {
	[IN_DEVICE] = "device_id",
	[IN_BATCH] = "batch",
	[IN_CHANGES] = "changes",
};

static bool scan_follows(struct vs_jtext *t, struct vs_batch_mark *m)
{
	const char *epoch = "", *key;
	unsigned seen = 0;
	size_t len;

	vs_jtext_object(t);
	while ((key = vs_jtext_key(t)) != NULL) {
		if (strcmp(key, "epoch") == 0 && (seen & 1) == 0) {
			epoch = vs_jtext_str(t);
			seen |= 1;
		} else if (strcmp(key, "counter") == 0 && (seen & 2) == 0) {
			m->counter = vs_jtext_int(t);
			seen |= 2;
		} else {
			t->bad = true;
		}
	}
	len = strlen(epoch);
	if (seen != 3 || len >= sizeof(m->epoch) || m->counter < 0)
		t->bad = true;
	else
		memcpy(m->epoch, epoch, len + 1);
	return true;
}

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
		else if (strcmp(key, "follows") == 0 && !id->linked)
			id->linked = scan_follows(t, &id->follows);
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

enum reply_member {
	OF_SUCCESS,
	OF_SYNCED,
	OF_TOTAL,
	OF_RESULTS,
	OF_HELD,
	OF_ERRORS,
	OF_LOG,
	OF_SEQ,
	OF_BATCH,
	OF_TREE,
	OF_COUNT,
};

static const char *const reply_names[OF_COUNT] = {
	[OF_SUCCESS] = "success",
	[OF_SYNCED] = "synced",
	[OF_TOTAL] = "total",
	[OF_RESULTS] = "results",
	[OF_HELD] = "held",
	[OF_ERRORS] = "errors",
	[OF_LOG] = "log_id",
	[OF_SEQ] = "last_seq",
	[OF_BATCH] = "batch",
	[OF_TREE] = "tree",
};

static void reply_result(struct vs_jtext *t, struct vs_batch_item *it)
{
	static const char *const names[] = { "path", "seq", "version",
		"status" };
	unsigned seen = 0;
	const char *key;
	int hint = 0, m;

	memset(it, 0, sizeof(*it));
	it->index = -1;
	vs_jtext_object(t);
	while ((key = vs_jtext_key(t)) != NULL) {
		m = vs_jtext_find(names, 4, key, &hint);
		if (m < 0 || (seen & 1u << m) != 0)
			t->bad = true;
		seen |= m < 0 ? 0 : 1u << m;
		if (m == 0)
			it->path = vs_jtext_str(t);
		else if (m == 1)
			it->seq = vs_jtext_int(t);
		else if (m == 2)
			it->version = vs_jtext_int(t);
		else
			it->status = vs_jtext_str(t);
	}
	if (it->path == NULL)
		t->bad = true;
}

static void reply_results(struct vs_jtext *t, struct vs_batch_reply *r)
{
	r->results = malloc(VS_BATCH_CHANGES * sizeof(*r->results));
	if (r->results == NULL)
		t->bad = true;
	vs_jtext_array(t);
	while (vs_jtext_more(t)) {
		if (r->count == VS_BATCH_CHANGES) {
			t->bad = true;
			return;
		}
		reply_result(t, &r->results[r->count++]);
	}
}

static void reply_member(struct vs_jtext *t, struct vs_batch_reply *r, int m)
{
	switch (m) {
	case OF_SUCCESS:
		vs_jtext_true(t);
		break;
	case OF_SYNCED:
		r->synced = vs_jtext_int(t);
		break;
	case OF_TOTAL:
		r->total = vs_jtext_int(t);
		break;
	case OF_RESULTS:
		reply_results(t, r);
		break;
	case OF_HELD:
	case OF_ERRORS:
		vs_jtext_array(t);
		if (vs_jtext_more(t))
			t->bad = true;
		break;
	case OF_LOG:
		r->log_id = vs_jtext_str(t);
		break;
	case OF_SEQ:
		r->last_seq = vs_jtext_int(t);
		break;
	case OF_BATCH:
		scan_id(t, &r->id);
		break;
	default:
		vs_totals_scan(t, &r->tree);
		r->has_tree = true;
		break;
	}
}

/* All members, each at most once, and those that there must be. */
static bool reply_members(struct vs_jtext *t, struct vs_batch_reply *r)
{
	const unsigned must = 1u << OF_SUCCESS | 1u << OF_SYNCED |
	    1u << OF_TOTAL | 1u << OF_RESULTS;
	unsigned seen = 0;
	const char *key;
	int hint = 0, m;

	vs_jtext_object(t);
	while ((key = vs_jtext_key(t)) != NULL) {
		m = vs_jtext_find(reply_names, OF_COUNT, key, &hint);
		if (m < 0 || (seen & 1u << m) != 0)
			return false;
		seen |= 1u << m;
		reply_member(t, r, m);
	}
	return vs_jtext_end(t) && (seen & must) == must;
}

bool vs_batch_reply_scan(struct vs_batch_reply *r, const char *body, size_t len,
    const struct vs_batch_id *want)
{
	struct vs_jtext t;
	bool good;

	memset(r, 0, sizeof(*r));
	r->log_id = "";
	r->last_seq = -1;
	r->text = malloc(len + 1);
	if (r->text == NULL)
		return false;
	memcpy(r->text, body, len);
	vs_jtext_init(&t, r->text, len);
	good = reply_members(&t, r) && r->synced >= 0 &&
	    r->synced <= r->total &&
	    (want == NULL ||
		(strcmp(r->id.epoch, want->epoch) == 0 &&
		    r->id.counter == want->counter));
	if (good)
		return true;
	vs_batch_reply_release(r);
	r->log_id = "";
	r->last_seq = -1;
	return false;
}
