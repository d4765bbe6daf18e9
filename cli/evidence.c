#include "cli/evidence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/human.h"
#include "common/base/json.h"

static int read_strings(struct evidence *e, const json_t *p, struct vs_err *err)
{
	const struct {
		const char *key;
		bool required;
		const char **out;
	} members[] = {
		{ "id", true, &e->id },
		{ "name", true, &e->name },
		{ "root", true, &e->root },
		{ "state", true, &e->state },
		{ "last_scan_at", false, &e->last_scan_at },
		{ "last_ack_at", false, &e->last_ack_at },
		{ "watcher", false, &e->watcher },
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int rc = vs_json_get_str(p, members[i].key, members[i].required,
		    members[i].out, err);
		if (rc != VS_OK)
			return rc;
	}
	return VS_OK;
}

static int read_counts(struct evidence *e, const json_t *p, struct vs_err *err)
{
	const struct {
		const char *key;
		int64_t *out;
	} members[] = {
		{ "files", &e->files },
		{ "directories", &e->directories },
		{ "bytes", &e->bytes },
		{ "dirs_watched", &e->dirs_watched },
		{ "overflows", &e->overflows },
		{ "settling", &e->settling },
		{ "hashing", &e->hashing },
		{ "outbox", &e->outbox },
		{ "held", &e->held },
		{ "last_seq", &e->last_seq },
		{ "here_files", &e->here_files },
		{ "here_bytes", &e->here_bytes },
		{ "pulls", &e->pulls },
		{ "pull_bytes", &e->pull_bytes },
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int rc = vs_json_get_i64(
		    p, members[i].key, false, members[i].out, err);
		if (rc != VS_OK)
			return rc;
	}
	return VS_OK;
}

/* Members that are a number, or true, or a list of what is counted. */
static int64_t count_of(const json_t *p, const char *key)
{
	const json_t *v = json_object_get(p, key);

	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_array(v))
		return (int64_t)json_array_size(v);
	return json_is_true(v);
}

int evidence_read(struct evidence *e, const json_t *project, struct vs_err *err)
{
	const json_t *equal;
	json_t *problems = NULL, *refused = NULL;
	const char *role = "";
	int rc;

	*e = (struct evidence){ .id = "", .name = "", .root = "", .state = "" };
	if (!json_is_object(project))
		return vs_err_set(err, VS_EINVAL, "a project is no object");
	rc = read_strings(e, project, err);
	if (rc == VS_OK)
		rc = vs_json_get_str(project, "role", false, &role, err);
	if (rc == VS_OK)
		rc = read_counts(e, project, err);
	if (rc == VS_OK)
		rc = vs_json_get_bool(
		    project, "in_sync", true, &e->claimed, err);
	if (rc == VS_OK)
		rc = vs_json_get_array(
		    project, "problems", false, &problems, err);
	if (rc == VS_OK)
		rc =
		    vs_json_get_array(project, "refused", false, &refused, err);
	e->member = strcmp(role, "member") == 0;
	e->problems = problems;
	e->refused = refused;
	e->copies =
	    json_object_get(json_object_get(project, "conflicts"), "first");
	e->conflicts = count_of(json_object_get(project, "conflicts"), "count");
	e->scanning = count_of(project, "scanning") != 0;
	e->in_flight = count_of(project, "in_flight");
	e->recording = count_of(project, "recording");
	e->coverage = json_number_value(json_object_get(project, "coverage"));
	e->lag_ms = (int64_t)(1000 *
	    json_number_value(json_object_get(project, "lag_seconds")));
	equal = json_object_get(project, "tree_equal");
	e->tree_equal = json_is_boolean(equal) ? json_is_true(equal) : -1;
	return rc;
}

/* What a member lists has to be what the cloud has, no more. */
static const char *member_lacks(const struct evidence *e)
{
	if (strcmp(e->state, "catching_up") == 0)
		return "the log is being caught up with";
	if (e->tree_equal < 0)
		return "the listing was not compared with the cloud's yet";
	if (e->tree_equal == 0)
		return "the cloud's listing is another one";
	return e->claimed ? NULL : "the agent does not say so";
}

const char *evidence_lacks(const struct evidence *e)
{
	if (e->member)
		return member_lacks(e);
	if (e->held > 0)
		return "deletions wait for a decision";
	if (e->last_scan_at == NULL)
		return "the folder was never reconciled as a whole";
	if (e->scanning)
		return "the folder is being reconciled";
	if (e->outbox > 0 || e->in_flight > 0)
		return "changes wait for the cloud";
	if (e->tree_equal < 0)
		return "the cloud's tree was not compared yet";
	if (e->tree_equal == 0)
		return "the cloud's tree is another one";
	/* What is only looked at once more does not keep it from being so. */
	if (!e->claimed && (e->settling > 0 || e->hashing > 0))
		return "changes are being looked at";
	if (!e->claimed)
		return "the agent does not say so";
	return NULL;
}

bool evidence_degraded(const struct evidence *e)
{
	size_t i;
	json_t *v;

	json_array_foreach(e->problems, i, v)
	{
		const char *s =
		    json_string_value(json_object_get(v, "severity"));
		if (s != NULL &&
		    (strcmp(s, "error") == 0 || strcmp(s, "warning") == 0))
			return true;
	}
	return false;
}

int evidence_rank(const struct evidence *e)
{
	static const char *const good[] = { "in_sync", "following", "pulling" };
	static const char *const states[] = { "in_sync", "publishing",
		"scanning", "unproven", "paused", "offline", "degraded", "held",
		"auth", "diverged", "root_lost" };
	int n = sizeof(states) / sizeof(states[0]);
	bool clean = evidence_lacks(e) == NULL && !evidence_degraded(e);

	assert(e->state != NULL);
	for (size_t i = 0; e->member && i < sizeof(good) / sizeof(good[0]); i++)
		if (strcmp(e->state, good[i]) == 0)
			return clean ? 0 : 1;
	if (e->member && strcmp(e->state, "catching_up") == 0)
		return 2; /* as bad as a scan */
	for (int i = 0; i < n; i++)
		if (strcmp(e->state, states[i]) == 0)
			return i == 0 && !clean ? 1 : i;
	return n; /* a state from the future is no good news */
}

void evidence_state(const struct evidence *e, char state[EVIDENCE_STATE])
{
	const char *text = e->state;

	if (strcmp(text, "in_sync") == 0 && evidence_lacks(e) != NULL)
		text = "unproven";
	else if (strcmp(text, "in_sync") == 0 && evidence_degraded(e))
		text = "in sync, degraded";
	snprintf(state, EVIDENCE_STATE, "%s", text);
	for (char *s = state; *s != '\0'; s++)
		if (*s == '_')
			*s = ' ';
}

void evidence_print_state(struct print *p, const struct evidence *e)
{
	int rank = evidence_rank(e);
	char state[EVIDENCE_STATE];

	evidence_state(e, state);
	print_word(p,
	    rank == 0       ? PRINT_GOOD
		: rank <= 2 ? PRINT_WARN
			    : PRINT_BAD,
	    state, 0);
}

static void print_work(struct print *p, const struct evidence *e)
{
	const struct {
		const char *what;
		int64_t n;
	} work[] = {
		{ "settling", e->settling },
		{ "being hashed", e->hashing },
		{ "being recorded", e->recording },
		{ "in flight", e->in_flight },
		{ "held", e->held },
	};
	char n[HUMAN_SIZE];

	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		if (work[i].n > 0)
			print_f(p, ", %s %s", human_count(work[i].n, n),
			    work[i].what);
}

static void print_member(struct print *p, const struct evidence *e)
{
	static const char *const trees[] = { "not compared with",
		"different from", "equal to" };
	char a[HUMAN_SIZE], b[HUMAN_SIZE];

	print_f(p, "listing %s the cloud's at seq %s, ",
	    trees[e->tree_equal + 1], human_count(e->last_seq, a));
	print_f(p, "%s of %s here", human_count(e->here_files, a),
	    human_things(e->files, "file", b));
	print_f(p, " (%s)", human_bytes(e->here_bytes, a));
	if (e->pulls > 0)
		print_f(p, ", %s under way", human_things(e->pulls, "pull", a));
	if (e->pull_bytes > 0)
		print_f(p, " (%s to come)", human_bytes(e->pull_bytes, a));
}

void evidence_print(struct print *p, const struct evidence *e, int64_t now_ms)
{
	static const char *const trees[] = { "not compared with",
		"different from", "equal to" };
	char a[HUMAN_SIZE], b[HUMAN_SIZE];

	assert(e->tree_equal >= -1 && e->tree_equal <= 1);
	if (e->member) {
		print_member(p, e);
		return;
	}
	print_f(p, "tree %s the cloud's at seq %s, reconciled %s, ",
	    trees[e->tree_equal + 1], human_count(e->last_seq, a),
	    human_ago(e->last_scan_at, now_ms, b));
	if (e->watcher != NULL && strcmp(e->watcher, "poll") == 0)
		print_f(p, "scanned in intervals, ");
	else
		print_f(p, "%s watched (%.0f %%), ",
		    human_things(e->dirs_watched, "folder", a),
		    /* 99.9 % is not all of them */
		    e->coverage >= 1 ? 100.0
				     : (double)(int)(100 * e->coverage));
	if (e->overflows == 0)
		print_f(p, "no overflow, ");
	else
		print_f(p, "%s, ", human_things(e->overflows, "overflow", a));
	if (e->outbox == 0)
		print_f(p, "outbox empty");
	else
		print_f(p, "outbox %s", human_count(e->outbox, a));
	print_work(p, e);
}
