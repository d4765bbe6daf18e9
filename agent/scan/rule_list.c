#include "agent/scan/rule_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/letter.h"
#include "common/base/limits.h"
#include "common/base/path.h"

#define DIRECTIVE_INCLUDE "#include"
#define DIRECTIVE_ESCAPE "#escape="

/* A file being read; those that include it are above. */
struct reading {
	struct rule_list *list;
	const struct rule_reader *reader;
	const char *path;
	const char *source; /* the same, as the list keeps it */
	const struct reading *above;
	size_t first; /* of the sources of this tree of includes */
	int depth;
	int line;
	bool any; /* a rule has been read in it */
	uint32_t escape;
	struct vs_err *err;
};

static int file_read(const struct reading *above, const char *path,
    struct reading *r, bool must);

/* "FILE:LINE: " before the message; returns the code. */
static int blame(const struct reading *r)
{
	return vs_err_wrap(r->err, "%s:%d", r->path, r->line);
}

static struct rule *room(struct rule_list *l, struct vs_err *err)
{
	if (l->count >= RULE_LIST_MAX) {
		vs_err_set(err, VS_ELIMIT, "more than %d rules", RULE_LIST_MAX);
		return NULL;
	}
	/* doubles at each power of two */
	if ((l->count & (l->count - 1)) == 0) {
		size_t cap = l->count != 0 ? 2 * l->count : 1;
		struct rule *rule = realloc(l->rule, cap * sizeof(*rule));

		if (rule == NULL) {
			vs_err_set(err, VS_ENOMEM, "rules: out of memory");
			return NULL;
		}
		l->rule = rule;
	}
	return &l->rule[l->count];
}

int rule_list_add(struct rule_list *l, const char *source, const char *text,
    unsigned flags, struct vs_err *err)
{
	struct rule *rule = room(l, err);
	int rc;

	if (rule == NULL)
		return err->code;
	rc = rule_read(rule, text, strlen(text), '\\', err);
	if (rc < 0)
		return rc;
	rule->source = source;
	rule->line = 0;
	rule->flags |= flags;
	l->count++;
	return 0;
}

static int pattern(struct reading *r, const char *line, size_t len)
{
	struct rule *rule = room(r->list, r->err);

	if (rule == NULL)
		return blame(r);
	if (rule_read(rule, line, len, r->escape, r->err) < 0)
		return blame(r);
	rule->source = r->source;
	rule->line = r->line;
	r->list->count++;
	r->any = true;
	return 0;
}

static int escape(struct reading *r, const char *text, size_t len)
{
	uint32_t c = 0;

	if (r->any) {
		vs_err_set(r->err, VS_EINVAL,
		    DIRECTIVE_ESCAPE " comes before all patterns");
		return blame(r);
	}
	if (len == 0 || letter_at(text, len, &c) != len || c == '/') {
		vs_err_set(r->err, VS_EINVAL,
		    DIRECTIVE_ESCAPE " takes one character, and no slash");
		return blame(r);
	}
	r->escape = c;
	return 0;
}

/*
 * name as seen from the folder of the including file, without "." and "..",
 * to out.  False if it leads out of the root or is too long.
 */
static bool resolve(
    const struct reading *r, const char *name, size_t len, char *out)
{
	size_t n = vs_path_parent_len(r->path);
	const char *end = name + len;

	memcpy(out, r->path, n);
	while (name < end) {
		size_t part = strcspn(name, "/");

		if (part > (size_t)(end - name))
			part = (size_t)(end - name);
		if (part == 2 && memcmp(name, "..", 2) == 0) {
			if (n == 0)
				return false;
			out[n] = '\0';
			n = vs_path_parent_len(out);
		} else if (part > 1 || (part == 1 && *name != '.')) {
			if (n + 1 + part > VS_PATH_MAX)
				return false;
			if (n > 0)
				out[n++] = '/';
			memcpy(out + n, name, part);
			n += part;
		}
		name += part + (name + part < end);
	}
	out[n] = '\0';
	return n > 0;
}

static int include(struct reading *r, const char *name, size_t len)
{
	char path[VS_PATH_MAX + 1];
	struct reading in;

	if (len == 0) {
		vs_err_set(
		    r->err, VS_EINVAL, DIRECTIVE_INCLUDE " names no file");
		return blame(r);
	}
	if (!resolve(r, name, len, path)) {
		vs_err_set(r->err, VS_EINVAL,
		    DIRECTIVE_INCLUDE " %.*s leads out of the folder", (int)len,
		    name);
		return blame(r);
	}
	if (r->depth >= RULE_LIST_DEPTH) {
		vs_err_set(r->err, VS_ELIMIT,
		    "more than %d files include one another", RULE_LIST_DEPTH);
		return blame(r);
	}
	for (size_t i = r->first; i < r->list->sources; i++)
		if (strcmp(r->list->source[i], path) == 0) {
			vs_err_set(r->err, VS_EINVAL,
			    "%s is included a second time", path);
			return blame(r);
		}
	r->any = true;
	return file_read(r, path, &in, true);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool starts(const char *line, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(line, with, n) == 0;
}

static int line_read(struct reading *r, const char *line, size_t len)
{
	size_t n;

	while (len > 0 && is_blank(line[0])) {
		line++;
		len--;
	}
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len == 0 || starts(line, len, "//"))
		return 0;
	if (len > RULE_LINE_MAX || memchr(line, '\0', len) != NULL ||
	    !vs_path_utf8(line, len)) {
		vs_err_set(r->err, VS_EINVAL,
		    len > RULE_LINE_MAX ? "the line is too long"
					: "the line is no UTF-8 text");
		return blame(r);
	}
	n = strlen(DIRECTIVE_ESCAPE);
	if (starts(line, len, DIRECTIVE_ESCAPE))
		return escape(r, line + n, len - n);
	n = strlen(DIRECTIVE_INCLUDE);
	if (!starts(line, len, DIRECTIVE_INCLUDE))
		return pattern(r, line, len);
	if (len > n && !is_blank(line[n]))
		len = n; /* glued to it is no name */
	while (n < len && is_blank(line[n]))
		n++;
	return include(r, line + n, len - n);
}

static int text_read(struct reading *r, const char *text, size_t len)
{
	const char *end = text + len;
	int rc = 0;

	if (starts(text, len, "\xEF\xBB\xBF"))
		text += 3; /* a byte order mark */
	while (rc == 0 && text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl : end;

		r->line++;
		rc = line_read(r, text, (size_t)(stop - text));
		text = stop + 1;
	}
	return rc;
}

/* Notes the file among the sources. */
static int source_add(struct reading *r)
{
	struct rule_list *l = r->list;
	char **source;

	if (l->sources >= RULE_LIST_FILES)
		return vs_err_set(r->err, VS_ELIMIT,
		    "%s: more than %d files of rules", r->path,
		    RULE_LIST_FILES);
	source = realloc(l->source, (l->sources + 1) * sizeof(*source));
	if (source == NULL)
		return vs_err_set(r->err, VS_ENOMEM, "rules: out of memory");
	l->source = source;
	source[l->sources] = strdup(r->path);
	if (source[l->sources] == NULL)
		return vs_err_set(r->err, VS_ENOMEM, "rules: out of memory");
	r->source = source[l->sources++];
	return 0;
}

/* Reads path with r; what includes it has told r of itself. */
static int file_parse(struct reading *r, bool must)
{
	char *text = NULL;
	size_t len = 0;
	int rc = source_add(r);

	if (rc < 0)
		return rc;
	rc = r->reader->read(r->reader->arg, r->path, &text, &len, r->err);
	if (rc == VS_ENOENT && !must) {
		vs_err_clear(r->err);
		return 0;
	}
	if (rc < 0) {
		vs_err_wrap(r->err, "%s", r->path);
		return r->above != NULL ? blame(r->above) : rc;
	}
	rc = text_read(r, text, len);
	free(text);
	return rc;
}

static int file_read(
    const struct reading *above, const char *path, struct reading *r, bool must)
{
	*r = *above;
	r->path = path;
	r->above = must ? above : NULL;
	r->depth = above->depth + 1;
	r->line = 0;
	r->any = false;
	return file_parse(r, must);
}

int rule_list_file(struct rule_list *l, const struct rule_reader *reader,
    const char *path, struct vs_err *err)
{
	struct reading top = {
		.list = l,
		.reader = reader,
		.first = l->sources,
		.escape = '\\',
		.err = err,
	};
	struct reading r;

	assert(err != NULL);
	return file_read(&top, path, &r, false);
}

void rule_list_release(struct rule_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		rule_release(&l->rule[i]);
	for (size_t i = 0; i < l->sources; i++)
		free(l->source[i]);
	free(l->rule);
	free(l->source);
	memset(l, 0, sizeof(*l));
}
