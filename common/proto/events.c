#include "common/proto/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/path.h"
#include "common/proto/totals.h"

#define ROWS_FIRST 64

void vs_events_release(struct vs_events *e)
{
	free(e->rows);
	free(e->text);
	memset(e, 0, sizeof(*e));
}

/* One event as a row. */
static int events_row(
    const json_t *obj, struct vs_listing_row *row, struct vs_err *err)
{
	const char *code = NULL;
	json_t *change = NULL;
	int rc;

	memset(row, 0, sizeof(*row));
	rc = vs_json_get_i64(obj, "seq", true, &row->seq, err);
	if (rc == 0)
		rc = vs_json_get_object(obj, "change", true, &change, err);
	if (rc == 0)
		rc = vs_change_read(change, true, &row->c, &code, err);
	if (rc == 0)
		rc = vs_json_get_i64(
		    change, "version", false, &row->version, err);
	row->deleted = row->c.op == VS_OP_DELETE;
	return rc;
}

int vs_events_read(struct vs_events *e, const json_t *doc, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *events = NULL, *obj;
	size_t i;

	memset(e, 0, sizeof(*e));
	e->seq = -1;
	if (vs_json_get_array(doc, "events", true, &events, err) < 0)
		return VS_EINVAL;
	(void)vs_json_get_i64(doc, "seq", false, &e->seq, NULL);
	(void)vs_totals_read(doc, &e->tree, &e->has_tree, NULL);
	e->rows = calloc(json_array_size(events) + 1, sizeof(*e->rows));
	if (e->rows == NULL)
		return vs_err_set(err, VS_ENOMEM, "events: out of memory");
	json_array_foreach(events, i, obj)
	{
		if (events_row(obj, &e->rows[i], &why) < 0) {
			e->broken = true;
			break;
		}
		e->count++;
	}
	return VS_OK;
}

/* The short way. */

enum events_member {
	IN_TYPE,
	IN_PROJECT,
	IN_LOG,
	IN_SEQ,
	IN_TIME,
	IN_TREE,
	IN_EVENTS,
	IN_COUNT
};

static const char *const events_names[IN_COUNT] = {
	[IN_TYPE] = "type",
	[IN_PROJECT] = "projectId",
	[IN_LOG] = "log_id",
	[IN_SEQ] = "seq",
	[IN_TIME] = "timestamp",
	[IN_TREE] = "tree",
	[IN_EVENTS] = "events",
};

enum event_member { OF_ID, OF_PROJECT, OF_SEQ, OF_CHANGE, OF_TIME, OF_COUNT };

static const char *const event_names[OF_COUNT] = {
	[OF_ID] = "id",
	[OF_PROJECT] = "project_id",
	[OF_SEQ] = "seq",
	[OF_CHANGE] = "change",
	[OF_TIME] = "created_at",
};

/* The next member of names, each at most once; -1: another one, or none. */
static int events_key(struct vs_jtext *t, const char *const *names, int count,
    unsigned *seen, int *hint)
{
	const char *key = vs_jtext_key(t);
	int m = key == NULL ? -1 : vs_jtext_find(names, count, key, hint);

	if (key != NULL && (m < 0 || (*seen & 1u << m) != 0))
		t->bad = true;
	if (t->bad || m < 0)
		return -1;
	*seen |= 1u << m;
	return m;
}

static void events_scan_one(struct vs_jtext *t, struct vs_listing_row *row)
{
	unsigned seen = 0;
	int hint = 0, m;

	memset(row, 0, sizeof(*row));
	vs_jtext_object(t);
	while ((m = events_key(t, event_names, OF_COUNT, &seen, &hint)) >= 0) {
		if (m == OF_ID)
			(void)vs_jtext_int(t);
		else if (m == OF_SEQ)
			row->seq = vs_jtext_int(t);
		else if (m != OF_CHANGE)
			(void)vs_jtext_str(t);
		else if (!vs_change_scan(t, true, &row->c, &row->version))
			t->bad = true;
	}
	if ((seen & 1u << OF_SEQ) == 0 || (seen & 1u << OF_CHANGE) == 0)
		t->bad = true;
	row->deleted = row->c.op == VS_OP_DELETE;
}

static bool events_grow(struct vs_events *e, size_t *cap)
{
	size_t more = *cap == 0 ? ROWS_FIRST : *cap * 2;
	struct vs_listing_row *rows;

	if (e->count < *cap)
		return true;
	rows = reallocarray(e->rows, more, sizeof(*rows));
	if (rows == NULL)
		return false;
	e->rows = rows;
	*cap = more;
	return true;
}

static void events_scan_all(struct vs_jtext *t, struct vs_events *e)
{
	size_t cap = 0;

	vs_jtext_array(t);
	while (vs_jtext_more(t)) {
		if (!events_grow(e, &cap)) {
			t->bad = true;
			return;
		}
		events_scan_one(t, &e->rows[e->count++]);
	}
}

static void events_scan_members(struct vs_jtext *t, struct vs_events *e)
{
	unsigned seen = 0;
	int hint = 0, m;

	vs_jtext_object(t);
	while ((m = events_key(t, events_names, IN_COUNT, &seen, &hint)) >= 0) {
		if (m == IN_SEQ)
			e->seq = vs_jtext_int(t);
		else if (m == IN_TREE)
			vs_totals_scan(t, &e->tree);
		else if (m == IN_EVENTS)
			events_scan_all(t, e);
		else if (strcmp(vs_jtext_str(t), "PROJECT_EVENT_BATCH") != 0 &&
		    m == IN_TYPE)
			t->bad = true;
	}
	e->has_tree = (seen & 1u << IN_TREE) != 0;
	if ((seen & 1u << IN_TYPE) == 0 || (seen & 1u << IN_EVENTS) == 0)
		t->bad = true;
}

bool vs_events_scan(struct vs_events *e, const char *text, size_t len)
{
	struct vs_jtext t;

	memset(e, 0, sizeof(*e));
	e->seq = -1;
	e->text = malloc(len + 1);
	if (e->text == NULL)
		return false;
	memcpy(e->text, text, len);
	vs_jtext_init(&t, e->text, len);
	events_scan_members(&t, e);
	if (vs_jtext_end(&t))
		return true;
	vs_events_release(e);
	return false;
}
