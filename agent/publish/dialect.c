#include "agent/publish/dialect.h"

#include <string.h>

#include "common/base/json.h"

static int read_events(const json_t *doc, int64_t since, struct dialect_page *p,
    struct vs_err *err)
{
	const json_t *event;
	int64_t seq = 0;
	size_t i;
	int rc = vs_json_get_array(doc, "events", true, &p->events, err);

	p->last = since;
	json_array_foreach(p->events, i, event)
	{
		if (rc == 0)
			rc = vs_json_get_i64(event, "seq", true, &seq, err);
		if (rc == 0 && seq <= p->last)
			rc = vs_err_set(err, VS_EPROTO, "events: out of order");
		p->last = seq;
	}
	return rc;
}

int dialect_page(const json_t *doc, int64_t since, struct dialect_page *p,
    struct vs_err *err)
{
	const char *log_id = "";
	bool success = false;
	int64_t next = -1;
	int rc;

	memset(p, 0, sizeof(*p));
	if (!json_is_object(doc))
		return vs_err_set(err, VS_EPROTO, "events: not an object");
	rc = vs_json_get_bool(doc, "success", true, &success, err);
	if (rc == 0 && !success)
		rc = vs_err_set(err, VS_EPROTO, "success: is false");
	if (rc == 0)
		rc = vs_json_get_str(doc, "log_id", false, &log_id, err);
	if (rc == 0)
		rc = vs_json_get_i64(doc, "next_seq", true, &next, err);
	if (rc == 0)
		rc = vs_json_get_bool(doc, "has_more", true, &p->more, err);
	if (rc == 0)
		rc = read_events(doc, since, p, err);
	/* an empty page says since + 1, whatever the log's end is */
	if (rc == 0 && log_id[0] == '\0' && next != p->last + 1)
		rc = vs_err_set(err, VS_EPROTO, "next_seq: out of range");
	p->dialect = log_id[0] != '\0' ? DIALECT_OWN : DIALECT_PLAIN;
	return rc < 0 ? VS_EPROTO : 0;
}

int dialect_reply(
    const struct vs_batch_reply *r, int64_t sent, struct vs_err *err)
{
	const struct vs_batch_item *it;
	size_t i;

	if (r->total != sent || r->synced != (int64_t)r->count)
		return vs_err_set(err, VS_EPROTO,
		    "answer to a batch: its counts are not those of the "
		    "batch");
	for (i = 0; i < r->count; i++) {
		it = &r->results[i];
		if (it->path[0] == '\0' || it->seq <= 0 || it->status == NULL ||
		    strcmp(it->status, "synced") != 0)
			return vs_err_set(err, VS_EPROTO,
			    "answer to a batch: results are none");
	}
	return 0;
}
