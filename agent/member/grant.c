#include "agent/member/grant.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/publish/verdict.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/text.h"

/* Another content is wanted: nothing of what was received is of use. */
static int renew_pull(
    struct member_active *a, const struct mirror_row *row, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct pull *fresh = pulls_new(p->id, row, p->force);

	if (fresh == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	memcpy(fresh->out, p->out, sizeof(fresh->out));
	a->target->part_drop(a->target, p->id);
	a->opened = false;
	a->unsynced_count = 0;
	a->first = 0;
	pulls_free(p);
	a->pull = fresh;
	return 0;
}

int grant_refresh(struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct mirror_row *row = malloc(sizeof(*row));
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	rc = mirror_get(&m->mirror, p->path, row, err);
	if (rc == 0 || (rc == 1 && row->kind != VS_KIND_FILE))
		rc = active_fail(m, a, VS_EXIT_NOT_FOUND,
		    "it is not in the project any more", err);
	else if (rc == 1 && !vs_hex_is_hash(row->hash))
		rc = active_back_off(
		    m, a, -1, "it is being recorded at the owner's", err);
	else if (rc == 1 &&
	    (strcmp(row->hash, p->hash) != 0 || row->size != p->size))
		rc = renew_pull(a, row, err) < 0 ? err->code : 1;
	free(row);
	return rc;
}

int grant_ask(struct member *m, struct member_active *a, struct vs_err *err)
{
	struct vs_buf body;
	char path[160];

	vs_buf_init(&body, 64 * 1024);
	vs_buf_addstr(&body, "{\"file_path\":");
	vs_json_add_str(&body, a->pull->path);
	vs_buf_addf(&body,
	    ",\"file_hash\":\"%s\",\"request_mode\":\"full\","
	    "\"device_id\":\"%s\"}",
	    a->pull->hash, m->device_id);
	snprintf(path, sizeof(path), "/api/projects/%s/files/download",
	    m->project_id);
	a->renewing = false;
	a->ask_id =
	    member_core_send(m, "POST", path, vs_buf_str(&body), 1024 * 1024);
	vs_buf_release(&body);
	return active_move(m, a, PULL_ASKED, err);
}

void grant_renew(struct member *m, struct member_active *a)
{
	char path[160];

	assert(a->ask_id == 0);
	snprintf(path, sizeof(path), "/api/projects/%s/transfers/%s/ticket",
	    m->project_id, a->pull->transfer);
	a->renewing = true;
	a->ask_id = member_core_send(m, "POST", path, "{}", 1024 * 1024);
}

static int take_text(char **out, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return VS_ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

/* Ticket, pin and endpoints, from a new transfer or a renewal. */
static int read_grant(struct member_active *a, json_t *info, struct vs_err *err)
{
	struct pull *p = a->pull;
	const char *ticket = NULL;
	const char *pin = NULL;
	json_t *endpoints = NULL;
	char *text;
	int rc = vs_json_get_str(info, "ticket", true, &ticket, err);

	if (rc == 0)
		rc = vs_json_get_str(info, "public_key_pin", true, &pin, err);
	if (rc == 0)
		rc =
		    vs_json_get_array(info, "endpoints", true, &endpoints, err);
	if (rc < 0)
		return rc;
	text = json_dumps(endpoints, JSON_COMPACT);
	if (text == NULL || take_text(&p->ticket, ticket) < 0 ||
	    take_text(&p->endpoints, text) < 0)
		rc = vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	free(text);
	vs_text_copy(p->pin, sizeof(p->pin), pin);
	json_decref(a->endpoints);
	a->endpoints = json_incref(endpoints);
	a->endpoint = 0;
	a->failed = 0;
	return rc;
}

static int read_transfer(
    struct member_active *a, json_t *doc, struct vs_err *err)
{
	json_t *info = NULL;
	const char *id = NULL;
	int64_t size = PULLS_CHUNK;
	int rc = vs_json_get_str(doc, "download_id", true, &id, err);

	if (rc == 0)
		rc = vs_json_get_object(doc, "transfer_info", true, &info, err);
	if (rc == 0)
		rc = vs_json_get_i64(info, "chunk_size", false, &size, err);
	if (rc == 0 && size != PULLS_CHUNK)
		rc = vs_err_set(
		    err, VS_EPROTO, "the cloud names another size of chunks");
	if (rc < 0)
		return rc;
	vs_text_copy(a->pull->transfer, sizeof(a->pull->transfer), id);
	return read_grant(a, info, err);
}

static int granted(struct member *m, struct member_active *a,
    const struct engine_answer *an, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *doc = vs_json_parse(an->body, an->len, &why);
	int rc = doc == NULL ? why.code
	    : a->renewing    ? read_grant(a, doc, &why)
			     : read_transfer(a, doc, &why);

	json_decref(doc);
	if (rc < 0)
		return active_back_off(m, a, an->retry_after_ms, why.msg, err);
	if (json_array_size(a->endpoints) == 0)
		return active_back_off(m, a, -1,
		    "the owner's machine has told no address: is its agent "
		    "running?",
		    err);
	a->granted = m->serial + 1;
	if (a->renewing || a->pull->state != PULL_ASKED)
		return active_save(m, a->pull, err);
	a->told_ms = m->now.mono_ms;
	active_patch(m, a->pull, "in_progress");
	return active_move(m, a, PULL_FETCHING, err);
}

static int refused(struct member *m, struct member_active *a,
    const struct engine_answer *an, enum verdict v, struct vs_err *err)
{
	char why[VS_ERR_MSG];
	char code[64];

	verdict_error_code(code, sizeof(code), an->body, an->len);
	if (an->code < 0)
		vs_text_copy(why, sizeof(why), an->why);
	else
		snprintf(why, sizeof(why), "the cloud answered %ld%s%s",
		    an->status, code[0] != '\0' ? ": " : "", code);
	/* a transfer that is over says nothing about the next one */
	if (!a->renewing && (v == VERDICT_GONE || v == VERDICT_FORBIDDEN))
		return active_fail(m, a,
		    v == VERDICT_GONE ? VS_EXIT_NOT_FOUND : VS_EXIT_PERMISSION,
		    why, err);
	return active_back_off(m, a, an->retry_after_ms, why, err);
}

int grant_answered(struct member *m, struct member_active *a,
    const struct engine_answer *an, struct vs_err *err)
{
	enum verdict v =
	    verdict_of(an->code, an->status, an->type, an->body, an->len);

	a->ask_id = 0;
	if (v == VERDICT_READ)
		return granted(m, a, an, err);
	return refused(m, a, an, v, err);
}
