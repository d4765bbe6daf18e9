#include "agent/engine/rescue.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ODD_MAX 2 /* odd answers before a state that checks well is given up */
#define AGAIN_MS (60 * 60 * 1000) /* between two that check well */

/* Answers that a sound database with our schema never gives. */
static bool is_odd(int code)
{
	return code == VS_ECORRUPT || code == VS_EBUG || code == VS_ECONFLICT ||
	    code == VS_EEXIST;
}

void rescue_suspect(struct engine *e, int code)
{
	if (!is_odd(code) && code != VS_EIO)
		return;
	e->fault.suspect = true;
	e->fault.odd += is_odd(code);
}

void rescue_trust(struct engine *e)
{
	e->fault.suspect = false;
	e->fault.odd = 0;
}

static int mark_open(struct engine *e, int64_t open, struct vs_err *err)
{
	int rc = state_set_int(&e->state, "open", open, err);

	/* on a full disk it is only not looked through the next time */
	if (rc == VS_ENOSPC)
		vs_err_clear(err);
	return rc == VS_ENOSPC ? 0 : rc;
}

/* Looks it through where there is a reason to. */
static int check(struct engine *e, struct vs_err *err)
{
	int64_t open = 0;
	int rc = state_get_int(&e->state, "open", 0, &open, err);

	if (rc == 0 && open == 0)
		rc = mark_open(e, 1, err);
	if (rc < 0 || (open == 0 && !e->fault.suspect))
		return rc;
	rc = state_check(&e->state, err);
	if (rc == 0 && e->fault.odd >= ODD_MAX)
		rc = vs_err_set(err, VS_ECORRUPT,
		    "the state database answers as no sound one does");
	return rc;
}

static int try_open(struct engine *e, struct vs_err *err)
{
	int rc = state_open(&e->state, e->db_path, e->vfs, err);

	if (rc < 0)
		return rc;
	rc = check(e, err);
	if (rc < 0)
		state_close(&e->state);
	return rc;
}

/* A new state with what can be had of the one at aside. */
static int make_anew(struct engine *e, const char *aside, struct vs_err *err)
{
	int rc = state_open(&e->state, e->db_path, e->vfs, err);

	if (rc < 0)
		return rc;
	rc = vs_db_begin(e->state.db, err);
	if (rc == 0)
		rc = state_salvage(&e->state, aside, e->vfs, err);
	if (rc == 0)
		rc =
		    state_set_int(&e->state, "rescued_at", e->now.wall_ms, err);
	if (rc == 0)
		rc = state_set_text(&e->state, "rescued", aside, err);
	if (rc == 0)
		rc = mark_open(e, 1, err);
	if (rc == 0)
		rc = vs_db_commit(e->state.db, err);
	if (rc == 0)
		rc = state_load_totals(&e->state, err);
	if (rc < 0)
		state_close(&e->state);
	return rc;
}

/*
 * A fault of ours looks odd for ever, whatever state it works on: after one
 * that was made anew in vain it stays as it is.
 */
static bool in_vain(const struct engine *e)
{
	return e->fault.rescued_ms != 0 &&
	    e->now.mono_ms - e->fault.rescued_ms < AGAIN_MS;
}

int rescue_open(struct engine *e, struct vs_err *err)
{
	char aside[RESCUE_NAME] = "";
	char text[VS_ERR_MSG + sizeof(aside) + 80];
	struct vs_err why = VS_ERR_INIT;
	int rc = try_open(e, err);

	if (rc >= 0 || !is_odd(rc) || e->world.set_aside == NULL || in_vain(e))
		return rc;
	why = *err;
	vs_err_clear(err);
	rc = e->world.set_aside(
	    e->world.arg, e->db_path, aside, sizeof(aside), err);
	if (rc == 0)
		rc = make_anew(e, aside, err);
	if (rc < 0)
		return rc;
	rescue_trust(e);
	e->fault.rescued_ms = e->now.mono_ms;
	snprintf(text, sizeof(text),
	    "the state database was damaged (%s): it is kept as %s, and made "
	    "anew by a scan",
	    why.msg, aside);
	core_tell_state(e, text);
	return 0;
}

void rescue_close(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;

	if (e->state.db != NULL && !e->fault.on &&
	    !vs_db_in_transaction(e->state.db))
		(void)mark_open(e, 0, &err);
	state_close(&e->state);
}

int rescue_text(struct engine *e, char *out, size_t cap, struct vs_err *err)
{
	char aside[RESCUE_NAME];
	int64_t at = 0;
	int rc = state_get_int(&e->state, "rescued_at", 0, &at, err);

	out[0] = '\0';
	if (rc < 0 || at == 0 || e->now.wall_ms - at > RESCUE_SHOWN_MS)
		return rc;
	rc = state_get_text(&e->state, "rescued", aside, sizeof(aside), err);
	if (rc == 0)
		snprintf(out, cap,
		    "the state database was damaged and has been made anew; "
		    "the damaged one is kept as %s",
		    aside);
	return rc;
}
