#include "agent/member/verify.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/member/copies.h"
#include "agent/member/names.h"
#include "agent/member/reuse.h"
#include "agent/member/whole.h"
#include "common/base/hex.h"
#include "common/base/path.h"

#define AGAIN_MS 2000 /* before what did not fit is tried again */

void verify_hash(
    struct member *m, struct member_active *a, enum member_hash what)
{
	const struct pull *p = a->pull;

	assert(a->hash_id == 0);
	a->hashing = what;
	a->hash_id = ++m->serial;
	m->world.hash(m->world.arg, a->hash_id, a->target,
	    what == HASH_PART        ? p->id
		: what == HASH_PLACE ? a->place
				     : p->source,
	    what != HASH_PART);
}

int verify_begin(struct member *m, struct member_active *a, struct vs_err *err)
{
	int rc = active_move(m, a, PULL_VERIFYING, err);

	if (rc == 0)
		verify_hash(m, a, HASH_PART);
	return rc;
}

/* The pull's row as the rest of the engine knows rows; NULL: no memory. */
static struct mirror_row *row_of(const struct pull *p, struct vs_err *err)
{
	struct mirror_row *row = calloc(1, sizeof(*row));

	if (row == NULL) {
		vs_err_set(err, VS_ENOMEM, "pull: out of memory");
		return NULL;
	}
	memcpy(row->path, p->path, sizeof(row->path));
	memcpy(row->hash, p->hash, sizeof(row->hash));
	row->kind = VS_KIND_FILE;
	row->size = p->size;
	row->version = p->version;
	return row;
}

int verify_done(struct member *m, struct member_active *a,
    const struct disk_stat *stat, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct mirror_row *row = row_of(p, err);
	int rc = row == NULL ? err->code : vs_db_begin(m->mirror.db, err);

	if (rc < 0) {
		free(row);
		return rc;
	}
	assert(pulls_move(p->state, PULL_DONE));
	p->state = PULL_DONE;
	p->bytes = p->size;
	p->error[0] = '\0';
	p->ended_ms = m->now.wall_ms;
	rc = here_put(m, p->out, row, stat, err);
	if (rc == 0 && a->moved)
		rc = copies_drop(&m->mirror, p->source, err);
	if (rc == 0)
		rc = pulls_put(&m->mirror, p, m->now.wall_ms, err);
	free(row);
	if (rc < 0) {
		vs_db_rollback(m->mirror.db);
		return rc;
	}
	rc = member_core_commit(m, err);
	if (rc < 0)
		return rc;
	active_patch(m, p, "completed");
	active_moved(m, a);
	return 0;
}

/* Exchanges the part for what stands there (NULL: nothing). */
static int exchange(struct member *m, struct member_active *a,
    const struct disk_stat *want, struct disk_stat *now, struct vs_err *why)
{
	const struct pull *p = a->pull;
	int rc = here_parent(m, a->target, p->out, p->path, why);

	if (rc < 0)
		return rc;
	return a->target->part_finish(a->target, p->id, a->place, want, p->mode,
	    p->has_mtime ? p->mtime_us : -1, now, why);
}

int verify_may(struct member *m, struct member_active *a, enum here *here,
    struct disk_stat *seen, struct vs_err *err)
{
	const struct pull *p = a->pull;
	struct mirror_row *row = row_of(p, err);
	struct vs_err why = VS_ERR_INIT;
	struct here_seen at;

	if (row == NULL)
		return err->code;
	*here = here_look(m, p->out, row, &at, &why);
	free(row);
	*seen = at.stat;
	memcpy(a->place, at.place, sizeof(a->place));
	if (*here == HERE_DATABASE)
		return vs_err_set(err, why.code, "%s", why.msg);
	if (*here == HERE_ERROR)
		return active_fail(
		    m, a, vs_control_exit(why.code), why.msg, err);
	if (*here == HERE_ODD || (*here == HERE_CHANGED && !p->force))
		return active_fail(m, a, VS_EXIT_DECIDE,
		    "conflict: what stands there was changed here; it is not "
		    "overwritten",
		    err);
	return 1;
}

static int put_in_place(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	struct disk_stat seen, now;
	enum here here;
	int rc = verify_may(m, a, &here, &seen, err);

	if (rc <= 0)
		return rc;
	rc = exchange(m, a, here == HERE_NOTHING ? NULL : &seen, &now, &why);
	if (rc == VS_ECHANGED || rc == VS_EROOT)
		return active_again(m, a, AGAIN_MS, why.msg, err);
	if (rc < 0)
		return active_fail(
		    m, a, vs_control_exit(why.code), why.msg, err);
	return verify_done(m, a, &now, err);
}

/* The bytes are not what the log says: once more from the start. */
static int wrong_hash(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	int rc = reuse_wrong(m, a, err);

	if (rc < 0)
		return rc;
	pulls_clear(a->pull);
	a->first = 0;
	if (++a->pull->tries >= MEMBER_TRIES)
		return active_fail(m, a, VS_EXIT_VERIFY,
		    "verification failed: what came is not what the log "
		    "names",
		    err);
	return active_again(m, a, AGAIN_MS, "verification failed once", err);
}

/* A copy that was moved by way of the part (struct target_move). */
static bool on_its_way(struct member_active *a)
{
	struct disk_stat now;
	int rc;

	if (a->pull->source[0] == '\0')
		return false;
	rc = a->target->look(a->target, a->pull->source, &now, NULL);
	return rc == VS_ENOENT || rc == VS_ENOTDIR;
}

/* The part, if all of it was received or moved there and is there. */
static int resume_part(
    struct member *m, struct member_active *a, struct vs_err *err)
{
	const struct pull *p = a->pull;
	bool kept = false;

	bool way = on_its_way(a);

	if ((way || p->bytes == p->size) &&
	    a->target->check(a->target, NULL) == 0 &&
	    a->target->part_open(a->target, p->id, p->size, &kept, NULL) == 0) {
		a->opened = true;
		if (kept) {
			a->moved = way;
			verify_hash(m, a, HASH_PART);
			return 0;
		}
		pulls_clear(a->pull);
	}
	return active_move(m, a, PULL_QUEUED, err);
}

/* A file of that size stands there, and under that very name. */
static bool may_be_ours(struct member_active *a)
{
	char spelled[VS_PATH_MAX + 1];
	struct target *t = a->target;

	return t->look(t, a->place, &a->seen, NULL) == 0 && !a->seen.odd &&
	    a->seen.kind == VS_KIND_FILE && a->seen.size == a->pull->size &&
	    t->spelled(t, a->place, spelled, NULL) == 0 &&
	    strcmp(spelled, a->place) == 0;
}

int verify_resume(struct member *m, struct member_active *a, struct vs_err *err)
{
	int rc =
	    names_place(&m->mirror, a->pull->out, a->pull->path, a->place, err);

	assert(a->resumed && a->pull->state == PULL_VERIFYING);
	if (rc < 0)
		return rc;
	a->resumed = false;
	if (may_be_ours(a)) {
		verify_hash(m, a, HASH_PLACE);
		return 0;
	}
	return resume_part(m, a, err);
}

/* What stands in its place was hashed: ours, from before the end? */
static int looked(
    struct member *m, struct member_active *a, bool right, struct vs_err *err)
{
	struct disk_stat seen;
	int rc;

	/* an edit since then must not be remembered as our copy */
	if (!right || a->target->look(a->target, a->place, &seen, NULL) < 0 ||
	    !here_same_stat(&a->seen, &seen))
		return resume_part(m, a, err);
	active_drop_part(m, a->target, a->pull->id);
	rc = reuse_resumed(m, a, err);
	return rc < 0 ? rc : verify_done(m, a, &seen, err);
}

int verify_hashed(struct member *m, struct member_active *a, int code,
    const uint8_t sha256[VS_SHA256_SIZE], struct vs_err *err)
{
	char hex[VS_HASH_HEX + 1] = "";

	bool right;

	a->hash_id = 0;
	if (code == VS_OK)
		vs_hex_encode(hex, sha256, VS_SHA256_SIZE);
	if (a->hashing == HASH_PLACE)
		return looked(m, a, strcmp(hex, a->pull->hash) == 0, err);
	right = code == VS_OK && whole_is(hex, a->pull->hash);
	if (a->hashing == HASH_SOURCE)
		return reuse_hashed(m, a, code, right, err);
	if (code < 0)
		return active_again(m, a, AGAIN_MS, vs_err_text(code), err);
	return right ? put_in_place(m, a, err) : wrong_hash(m, a, err);
}
