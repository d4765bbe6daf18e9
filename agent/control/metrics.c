/* The status as OpenMetrics text, for whoever scrapes the socket. */
#include <string.h>

#include "agent/control/status.h"
#include "agent/control/verbs.h"
#include "common/base/buf.h"
#include "common/base/stamp.h"

#define METRICS_MAX (16 * 1024 * 1024)

struct metric {
	const char *name;
	const char *type;
	const char *suffix; /* of the sample's name */
	const char *key; /* in P */
	const char *help;
};

static const struct metric table[] = {
	{ "vsync_lag_seconds", "gauge", "", "lag_seconds",
	    "Age of the oldest change the cloud does not have." },
	{ "vsync_coverage_ratio", "gauge", "", "coverage",
	    "Share of the folders that are watched." },
	{ "vsync_overflow", "counter", "_total", "overflows",
	    "Times that events were lost and a scan took over." },
	{ "vsync_queue_depth", "gauge", "", "outbox",
	    "Changes that wait for the cloud." },
	{ "vsync_held_deletions", "gauge", "", "held",
	    "Deletions that wait for a person." },
	{ "vsync_last_success_timestamp_seconds", "gauge", "", "last_ack_at",
	    "When the cloud last acknowledged a batch." },
	{ "vsync_in_sync", "gauge", "", "in_sync",
	    "1 when disk and cloud are proven equal." },
	{ "vsync_files", "gauge", "", "files", "Files known." },
	{ "vsync_bytes", "gauge", "", "bytes", "Their bytes." },
};

static double number_of(const json_t *v)
{
	int64_t us = 0;

	if (json_is_string(v))
		return vs_stamp_parse(json_string_value(v), &us) == VS_OK
		    ? (double)us / 1e6
		    : 0;
	if (json_is_boolean(v))
		return json_is_true(v) ? 1 : 0;
	return json_number_value(v);
}

/* A label's value: backslash, quote and line break are escaped. */
static void label_add(struct vs_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\' || *s == '"')
			vs_buf_addch(b, '\\');
		if (*s == '\n')
			vs_buf_addstr(b, "\\n");
		else
			vs_buf_addch(b, *s);
	}
}

static void sample_add(
    struct vs_buf *b, const struct metric *m, const char *project, double value)
{
	vs_buf_addf(b, "%s%s{project=\"", m->name, m->suffix);
	label_add(b, project);
	vs_buf_addf(b, "\"} %.15g\n", value);
}

static void metric_head(struct vs_buf *b, const struct metric *m)
{
	vs_buf_addf(b, "# TYPE %s %s\n# HELP %s %s\n", m->name, m->type,
	    m->name, m->help);
}

static void metric_add(
    struct vs_buf *b, const struct metric *m, const json_t *projects)
{
	size_t i;
	json_t *p;

	metric_head(b, m);
	json_array_foreach(projects, i, p)
	{
		const char *name =
		    json_string_value(json_object_get(p, "name"));

		sample_add(b, m, name != NULL ? name : "",
		    number_of(json_object_get(p, m->key)));
	}
}

static void hashed_add(struct vs_buf *b, struct agent *a)
{
	const struct metric m = { "vsync_hash_bytes", "counter", "_total", NULL,
		"Bytes read and hashed." };
	const struct config *c = agent_config(a);

	metric_head(b, &m);
	for (size_t i = 0; i < c->nprojects; i++) {
		struct project *p = agent_project(a, c->projects[i].id);

		if (p != NULL)
			sample_add(b, &m, c->projects[i].name,
			    (double)project_hashed(p));
	}
}

static void metrics_gathered(void *arg, json_t *doc)
{
	struct request *r = arg;
	struct vs_httpd_req *http = r->http;
	struct vs_httpd_answer a = {
		.status = 200,
		.type = "application/openmetrics-text; version=1.0.0; "
			"charset=utf-8",
	};
	struct vs_buf b;

	if (request_open(r)) {
		vs_buf_init(&b, METRICS_MAX);
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			metric_add(
			    &b, &table[i], json_object_get(doc, "projects"));
		hashed_add(&b, r->agent);
		vs_buf_addstr(&b, "# EOF\n");
		a.body = vs_buf_take(&b, &a.len);
		request_leave(r);
		vs_httpd_answer(http, &a);
	}
	json_decref(doc);
	request_unpin(r);
}

void metrics_serve(struct request *r)
{
	request_pin(r);
	status_gather(r->agent, metrics_gathered, r);
}
