#include "agent/member/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/member/here.h"
#include "agent/member/reuse.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/text.h"

#define PAGE 200 /* rows read at a time */

/* A plan being made. */
struct plan {
	struct member *m;
	struct target *target;
	bool dry;
	bool force;
	const char *out; /* "" for the project's folder */
	struct here_seen at; /* of the file being planned */
	json_t *files;
	json_t *pulls;
	int64_t fetch_files;
	int64_t fetch_bytes;
	int64_t reuse_files;
	int64_t reuse_bytes;
	int64_t have_files;
	int64_t have_bytes;
	int64_t conflicts;
	char after[VS_PATH_MAX + 1]; /* last row of a page */
	int rows; /* of that page */
	int64_t seen; /* rows in all */
	struct vs_err *err;
};

static int show(struct plan *p, const struct mirror_row *row,
    const char *action, const char *reason)
{
	const char *place = p->at.place;

	if (json_array_size(p->files) >= PLAN_SHOWN)
		return 0;
	if (place[0] == '\0' || strcmp(place, row->path) == 0)
		place = NULL;
	return json_array_append_new(p->files,
		   json_pack("{s:s, s:I, s:s, s:s, s:s*}", "path", row->path,
		       "size", (json_int_t)row->size, "action", action,
		       "reason", reason, "place", place)) == 0
	    ? 0
	    : vs_err_set(p->err, VS_ENOMEM, "pull: out of memory");
}

/* One that is live already goes on; what is forced now is forced there. */
static int join(struct plan *p, const char *id)
{
	struct member_active *a = active_find(p->m, id);
	struct pull *pull = NULL;
	int rc;

	json_array_append_new(p->pulls, json_string(id));
	if (!p->force)
		return 0;
	rc = pulls_get(&p->m->mirror, id, &pull, p->err);
	if (rc == 1) {
		pull->force = true;
		rc = pulls_put(&p->m->mirror, pull, p->m->now.wall_ms, p->err);
	}
	if (rc >= 0 && a != NULL)
		a->pull->force = true;
	pulls_free(pull);
	return rc < 0 ? rc : 0;
}

static int queue(struct plan *p, const struct mirror_row *row)
{
	struct mirror *db = &p->m->mirror;
	enum pull_state state;
	struct pull *pull;
	char id[40];
	int rc = pulls_of_path(db, p->out, row->path, id, &state, p->err);

	if (rc < 0)
		return rc;
	if (rc == 1 && state < PULL_DONE)
		return join(p, id);
	vs_rand_uuid(p->m->world.rand, id);
	pull = pulls_new(id, row, p->force);
	if (pull == NULL)
		return vs_err_set(p->err, VS_ENOMEM, "pull: out of memory");
	vs_text_copy(pull->out, sizeof(pull->out), p->out);
	rc = pulls_put(db, pull, p->m->now.wall_ms, p->err);
	pulls_free(pull);
	json_array_append_new(p->pulls, json_string(id));
	return rc;
}

/* What can be made of a copy here: 1, 0 for none, or negative. */
static int reuse(struct plan *p, const struct mirror_row *row)
{
	char reason[VS_PATH_MAX + 32];
	struct copy *from;
	int rc;

	if (p->out[0] != '\0')
		return 0;
	from = malloc(sizeof(*from));
	if (from == NULL)
		return vs_err_set(p->err, VS_ENOMEM, "pull: out of memory");
	rc = reuse_find(p->m, row, from, p->err);
	if (rc > 0)
		snprintf(reason, sizeof(reason), "%s %s",
		    rc == REUSE_MOVE ? "moved from" : "copied from",
		    from->path);
	free(from);
	if (rc <= 0)
		return rc;
	p->reuse_files++;
	p->reuse_bytes += row->size;
	rc = show(p, row, "reuse", reason);
	if (rc == 0 && !p->dry)
		rc = queue(p, row);
	return rc < 0 ? rc : 1;
}

static int fetch(
    struct plan *p, const struct mirror_row *row, const char *reason)
{
	int rc = reuse(p, row);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = show(p, row, "fetch", reason);

	p->fetch_files++;
	p->fetch_bytes += row->size;
	if (rc < 0 || p->dry)
		return rc;
	return queue(p, row);
}

static int have(struct plan *p, const struct mirror_row *row)
{
	int rc = show(p, row, "have", "");

	p->have_files++;
	p->have_bytes += row->size;
	if (rc < 0 || p->dry)
		return rc;
	return here_put(p->m, p->out, row, &p->at.stat, p->err);
}

static int conflict(
    struct plan *p, const struct mirror_row *row, const char *reason)
{
	p->conflicts++;
	return show(p, row, "conflict", reason);
}

static int plan_file(struct plan *p, const struct mirror_row *row)
{
	struct vs_err why = VS_ERR_INIT;

	if (row->recording)
		return show(p, row, "refuse",
		    "it is being recorded: it can be pulled once the owner's "
		    "program lets go of it");
	if (row->hash[0] == '\0')
		return show(p, row, "refuse",
		    "the owner has listed it but not hashed it yet");
	if (!vs_hex_is_hash(row->hash))
		return show(p, row, "refuse", "its hash cannot be verified");
	switch (here_look(p->m, p->out, row, &p->at, &why)) {
	case HERE_NOTHING:
		return fetch(p, row, "");
	case HERE_SAME:
		return have(p, row);
	case HERE_OLD:
		return fetch(p, row, "a newer version");
	case HERE_CHANGED:
		return p->force
		    ? fetch(p, row, "replaces what was changed here")
		    : conflict(p, row, "changed here: --force replaces it");
	case HERE_ODD:
		return conflict(p, row, "something else stands there");
	case HERE_ERROR:
		return show(p, row, "refuse", why.msg);
	case HERE_DATABASE:
		return vs_err_set(p->err, why.code, "%s", why.msg);
	}
	return 0;
}

static int plan_dir(struct plan *p, const struct mirror_row *row)
{
	struct vs_err why = VS_ERR_INIT;

	if (p->dry)
		return 0;
	if (here_mkdirs(p->m, p->target, p->out, row->path, &why) < 0)
		return show(p, row, "refuse", why.msg);
	return 0;
}

static int plan_link(struct plan *p, const struct mirror_row *row)
{
	struct vs_err why = VS_ERR_INIT;
	struct disk_stat stat;
	int rc = p->target->look(p->target, row->path, &stat, &why);

	if (rc == 0 && !stat.odd && stat.kind == VS_KIND_SYMLINK)
		return show(p, row, "have", "a link stands there");
	if (rc == 0)
		return conflict(p, row, "something else stands there");
	if (p->dry)
		return show(p, row, "fetch", "a link");
	rc = here_parent(p->m, p->target, p->out, row->path, &why);
	if (rc == 0)
		rc = p->target->link(
		    p->target, row->path, row->target, NULL, &why);
	return rc < 0 ? show(p, row, "refuse", why.msg)
		      : show(p, row, "have", "the link was made");
}

static int plan_row(void *arg, const struct mirror_row *row)
{
	struct plan *p = arg;

	p->rows++;
	p->seen++;
	memcpy(p->after, row->path, sizeof(p->after));
	p->at.place[0] = '\0';
	switch (row->kind) {
	case VS_KIND_FILE:
		return plan_file(p, row);
	case VS_KIND_DIR:
		return plan_dir(p, row);
	case VS_KIND_SYMLINK:
		return plan_link(p, row);
	}
	return 0;
}

static int plan_below(struct plan *p, const char *dir)
{
	int rc = 0;

	p->after[0] = '\0';
	do {
		p->rows = 0;
		rc = mirror_each(
		    &p->m->mirror, dir, p->after, PAGE, plan_row, p, p->err);
	} while (rc == 0 && p->rows == PAGE);
	return rc;
}

static int plan_path(struct plan *p, const char *path)
{
	struct mirror_row *row;
	int64_t before = p->seen;
	bool leaf;
	int rc;

	if (path[0] == '\0')
		return plan_below(p, "");
	if (vs_path_check(path, strlen(path)) != VS_PATH_GOOD)
		return vs_err_set(p->err, VS_EPATH, "%s: the path %s", path,
		    vs_path_flaw_text(vs_path_check(path, strlen(path))));
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(p->err, VS_ENOMEM, "pull: out of memory");
	rc = mirror_get(&p->m->mirror, path, row, p->err);
	leaf = rc == 1 && row->kind != VS_KIND_DIR;
	if (rc == 1)
		rc = plan_row(p, row);
	free(row);
	/* a folder may have files below it and no row of its own */
	if (rc == 0 && !leaf)
		rc = plan_below(p, path);
	if (rc == 0 && p->seen == before)
		rc = vs_err_set(p->err, VS_ENOENT,
		    "%s: there is no such path in the project", path);
	return rc;
}

static json_t *document(struct plan *p)
{
	struct vs_err why = VS_ERR_INIT;
	int64_t space = -1;

	p->target->space(p->target, &space, &why);
	return json_pack(
	    "{s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:O}", "files",
	    p->files, "fetch_files", (json_int_t)p->fetch_files, "fetch_bytes",
	    (json_int_t)p->fetch_bytes, "reuse_files",
	    (json_int_t)p->reuse_files, "reuse_bytes",
	    (json_int_t)p->reuse_bytes, "have_files", (json_int_t)p->have_files,
	    "have_bytes", (json_int_t)p->have_bytes, "conflicts",
	    (json_int_t)p->conflicts, "space", (json_int_t)space, "enough",
	    space < 0 || space >= p->fetch_bytes, "pulls", p->pulls);
}

static int run(struct plan *p, const char *const *paths, size_t n)
{
	int rc = vs_db_begin(p->m->mirror.db, p->err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = plan_path(p, paths[i]);
	/* what a dry run chose is chosen again by the real one */
	if (rc == 0 && !p->dry)
		return member_core_commit(p->m, p->err);
	vs_db_rollback(p->m->mirror.db);
	return rc;
}

/* The same; all but a path that is none is the database's failure. */
static int run_noted(struct plan *p, const char *const *paths, size_t n)
{
	int rc = run(p, paths, n);

	if (rc < 0 && rc != VS_ENOENT && rc != VS_EPATH)
		member_core_fault(p->m, p->err);
	return rc;
}

/* A dry run first, so that too little space is said before anything. */
static int check_space(struct plan *p)
{
	struct vs_err why = VS_ERR_INIT;
	int64_t space = -1;

	if (p->target->space(p->target, &space, &why) < 0 || space < 0 ||
	    space >= p->fetch_bytes)
		return 0;
	return vs_err_set(p->err, VS_ENOSPC,
	    "the pull needs %lld bytes and %lld are free",
	    (long long)p->fetch_bytes, (long long)space);
}

static int make(struct plan *p, const char *const *paths, size_t n, bool dry)
{
	int rc;

	p->dry = true;
	rc = run_noted(p, paths, n);
	if (rc < 0 || dry)
		return rc;
	rc = check_space(p);
	if (rc < 0)
		return rc;
	p->dry = false;
	json_array_clear(p->files);
	p->fetch_files = p->fetch_bytes = p->have_files = p->have_bytes = 0;
	p->reuse_files = p->reuse_bytes = 0;
	p->conflicts = 0;
	p->seen = 0;
	return run_noted(p, paths, n);
}

json_t *plan_make(struct member *m, const char *const *paths, size_t n,
    const struct member_want *want, struct vs_err *err)
{
	struct plan p = {
		.m = m,
		.force = want->force,
		.out = want->out != NULL ? want->out : "",
		.files = json_array(),
		.pulls = json_array(),
		.err = err,
	};
	json_t *doc = NULL;

	p.target = here_target(m, p.out);
	if (p.target == NULL)
		vs_err_set(err, VS_ENOENT, "%s: no folder to pull into", p.out);
	else if (p.files == NULL || p.pulls == NULL)
		vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	else if (p.target->check(p.target, err) == 0 &&
	    make(&p, paths, n, want->dry) == 0)
		doc = document(&p);
	json_decref(p.files);
	json_decref(p.pulls);
	return doc;
}
