#include "cli/pullplan.h"

#include <assert.h>
#include <string.h>

#include "cli/field.h"
#include "cli/human.h"
#include "common/base/json.h"

enum { LEFT = 10 }; /* told one by one */

static bool is(const json_t *row, const char *action)
{
	return strcmp(field_text(row, "action"), action) == 0;
}

static int read_counts(
    struct pullplan *p, const json_t *doc, struct vs_err *err)
{
	const struct {
		const char *key;
		bool required;
		int64_t *out;
	} members[] = {
		{ "fetch_files", true, &p->fetch_files },
		{ "fetch_bytes", true, &p->fetch_bytes },
		{ "reuse_files", false, &p->reuse_files },
		{ "reuse_bytes", false, &p->reuse_bytes },
		{ "have_files", true, &p->have_files },
		{ "have_bytes", true, &p->have_bytes },
		{ "conflicts", true, &p->conflicts },
		{ "space", false, &p->space },
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int rc = vs_json_get_i64(doc, members[i].key,
		    members[i].required, members[i].out, err);
		if (rc != VS_OK)
			return rc;
	}
	return VS_OK;
}

int pullplan_read(struct pullplan *p, const json_t *doc, struct vs_err *err)
{
	json_t *files = NULL, *pulls = NULL, *row;
	size_t i;
	int rc;

	*p = (struct pullplan){ .space = -1 };
	rc = read_counts(p, doc, err);
	if (rc == VS_OK)
		rc = vs_json_get_bool(doc, "enough", true, &p->enough, err);
	if (rc == VS_OK)
		rc = vs_json_get_array(doc, "files", true, &files, err);
	if (rc == VS_OK)
		rc = vs_json_get_array(doc, "pulls", false, &pulls, err);
	p->files = files;
	p->pulls = pulls;
	json_array_foreach(files, i, row)
	{
		p->refused += is(row, "refuse");
	}
	return rc;
}

static void print_row(struct print *out, const json_t *row)
{
	bool bad = is(row, "conflict") || is(row, "refuse");
	char size[HUMAN_SIZE];

	print_word(out,
	    bad                                        ? PRINT_BAD
		: is(row, "fetch") || is(row, "reuse") ? PRINT_GOOD
						       : PRINT_DIM,
	    field_text(row, "action"), 8);
	print_f(out, "  %9s  ", human_bytes(field_number(row, "size"), size));
	print_name(out, field_text(row, "path"));
	if (field_text(row, "place")[0] != '\0') {
		print_f(out, " as ");
		print_name(out, field_text(row, "place"));
	}
	if (field_text(row, "reason")[0] != '\0') {
		print_f(out, ": ");
		print_text(out, field_text(row, "reason"));
	}
	print_f(out, "\n");
}

void pullplan_print(const struct pullplan *p, struct print *out)
{
	int64_t more = p->fetch_files + p->reuse_files + p->have_files +
	    p->conflicts + p->refused;
	char a[HUMAN_SIZE], b[HUMAN_SIZE];
	size_t i;
	json_t *row;

	json_array_foreach(p->files, i, row)
	{
		print_row(out, row);
	}
	/* The agent names only so many. */
	more -= (int64_t)json_array_size(p->files);
	if (more > 0)
		print_f(out, "... and %s more\n", human_count(more, a));
	print_f(out, "to fetch: %s, %s\n",
	    human_things(p->fetch_files, "file", a),
	    human_bytes(p->fetch_bytes, b));
	if (p->reuse_files > 0)
		print_f(out, "here under other names: %s, %s\n",
		    human_things(p->reuse_files, "file", a),
		    human_bytes(p->reuse_bytes, b));
	print_f(out, "here already: %s, %s\n",
	    human_things(p->have_files, "file", a),
	    human_bytes(p->have_bytes, b));
	if (p->conflicts > 0)
		print_f(out, "changed here, left alone: %s\n",
		    human_things(p->conflicts, "file", a));
	if (p->refused > 0)
		print_f(
		    out, "refused: %s\n", human_things(p->refused, "file", a));
	if (p->space >= 0)
		print_f(out, "space: %s free, %s\n", human_bytes(p->space, a),
		    p->enough ? "enough" : "not enough");
}

void pullplan_print_place(
    struct print *note, const char *path, const char *place)
{
	print_f(note, "vsync: ");
	print_name(note, path);
	print_f(note, ": here as ");
	print_name(note, place);
	print_f(note, ", as this disk takes its name for another file's\n");
}

void pullplan_print_places(
    const struct pullplan *p, bool all, struct print *note)
{
	size_t i;
	json_t *row;

	json_array_foreach(p->files, i, row)
	{
		if (field_text(row, "place")[0] != '\0' &&
		    (is(row, "have") ||
			(all && (is(row, "fetch") || is(row, "reuse")))))
			pullplan_print_place(note, field_text(row, "path"),
			    field_text(row, "place"));
	}
}

void pullplan_print_left(const struct pullplan *p, struct print *note)
{
	int64_t left = p->conflicts + p->refused, told = 0;
	const char *reason;
	char n[HUMAN_SIZE];
	size_t i;
	json_t *row;

	json_array_foreach(p->files, i, row)
	{
		if (!is(row, "conflict") && !is(row, "refuse"))
			continue;
		if (told++ == LEFT)
			break;
		reason = field_text(row, "reason");
		print_f(note, "vsync: ");
		print_name(note, field_text(row, "path"));
		print_f(note, ": ");
		print_text(note,
		    reason[0] != '\0'         ? reason
			: is(row, "conflict") ? "changed here"
					      : "refused");
		print_f(note, "\n");
	}
	if (left > LEFT)
		print_f(note, "vsync: and %s more: see `vsync pull -n`\n",
		    human_count(left - LEFT, n));
}

/* The first file with that action, for people to look at. */
static void point(
    const struct pullplan *p, const char *action, struct trouble *f)
{
	size_t i;
	json_t *row;

	assert(f->err.code != VS_OK);
	json_array_foreach(p->files, i, row)
	{
		if (is(row, action)) {
			snprintf(f->path, sizeof(f->path), "%s",
			    field_text(row, "path"));
			return;
		}
	}
}

int pullplan_judge(const struct pullplan *p, struct trouble *f)
{
	char a[HUMAN_SIZE], b[HUMAN_SIZE];

	if (!p->enough) {
		trouble_set(f, VS_ENOSPC, "not enough space: %s to fetch",
		    human_bytes(p->fetch_bytes, a));
		if (p->space >= 0)
			trouble_hint(f,
			    "%s free: make room, or pull elsewhere with -o",
			    human_bytes(p->space, b));
	} else if (p->conflicts > 0) {
		trouble_set(f, VS_ECONFLICT, "%s changed here, left alone",
		    human_things(p->conflicts, "file", a));
		trouble_hint(f, "move them away, or replace them with --force");
		point(p, "conflict", f);
	} else if (p->refused > 0) {
		trouble_set(f, VS_EAGAIN, "%s cannot be pulled now",
		    human_things(p->refused, "file", a));
		snprintf(f->name, sizeof(f->name), "refused");
		trouble_hint(f, "`vsync pull -n` says why");
		point(p, "refuse", f);
	}
	return f->err.code;
}
