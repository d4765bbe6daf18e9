#include "agent/ini.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANK " \t\r"
#define LINE_MAX_BYTES (64 * 1024)

/* One line, cut up; pointers into the copy that ini_line was given. */
struct ini_line {
	bool section;
	char *key; /* or the section's name; NULL: nothing on the line */
	char *value;
};

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, BLANK);
	n = strlen(s);
	while (n > 0 && strchr(BLANK, s[n - 1]) != NULL)
		n--;
	s[n] = '\0';
	return s;
}

static char *unquote(char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s[n - 1] = '\0';
		return s + 1;
	}
	return s;
}

/* Cuts copy up; false if it is no line of this language. */
static bool ini_line(char *copy, struct ini_line *out)
{
	char *s = trim(copy);
	size_t n = strlen(s);
	char *eq;

	memset(out, 0, sizeof(*out));
	if (n == 0 || *s == '#' || *s == ';')
		return true;
	if (*s == '[') {
		if (s[n - 1] != ']')
			return false;
		s[n - 1] = '\0';
		out->section = true;
		out->key = trim(s + 1);
		return *out->key != '\0';
	}
	eq = strchr(s, '=');
	if (eq == NULL || eq == s)
		return false;
	*eq = '\0';
	out->key = trim(s);
	out->value = unquote(trim(eq + 1));
	return true;
}

/* A copy of the line at text, *next behind its end; NULL out of memory. */
static char *line_copy(const char *text, const char **next)
{
	size_t n = strcspn(text, "\n");

	*next = text + n + (text[n] == '\n' ? 1 : 0);
	return strndup(text, n);
}

static int ini_step(char *copy, struct ini_entry *e, char **section,
    struct ini_line *l, struct vs_err *err)
{
	if (strlen(copy) > LINE_MAX_BYTES)
		return vs_err_set(
		    err, VS_ECONFIG, "line %d: too long", e->line);
	if (!ini_line(copy, l))
		return vs_err_set(err, VS_ECONFIG,
		    "line %d: neither [section] nor key = value", e->line);
	if (l->section) {
		char *name = strdup(l->key);

		if (name == NULL)
			return vs_err_set(err, VS_ENOMEM, "out of memory");
		free(*section);
		*section = name;
	}
	e->section = *section != NULL ? *section : "";
	e->key = l->section ? NULL : l->key;
	e->value = l->section ? NULL : l->value;
	return VS_OK;
}

int ini_read(const char *text,
    int (*each)(void *arg, const struct ini_entry *e, struct vs_err *err),
    void *arg, struct vs_err *err)
{
	struct ini_entry e = { .line = 0 };
	char *section = NULL;
	int r = VS_OK;

	assert(each != NULL);
	while (*text != '\0' && r >= 0) {
		struct ini_line l;
		char *copy = line_copy(text, &text);

		if (copy == NULL) {
			r = vs_err_set(err, VS_ENOMEM, "out of memory");
			break;
		}
		e.line++;
		r = ini_step(copy, &e, &section, &l, err);
		if (r >= 0 && l.key != NULL)
			r = each(arg, &e, err);
		free(copy);
	}
	free(section);
	return r < 0 ? r : VS_OK;
}

static void value_add(struct vs_buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);
	bool quote = n == 0 || *value == '"' ||
	    strchr(BLANK, value[0]) != NULL ||
	    strchr(BLANK, value[n - 1]) != NULL;

	vs_buf_addf(out, quote ? "%s = \"%s\"\n" : "%s = %s\n", key, value);
}

/* What a walk over the old text found. */
struct ini_place {
	const struct ini_entry *set;
	int line; /* of the entry itself, 0: none */
	int last; /* the section's last line, 0: no such section */
};

static int place_find(void *arg, const struct ini_entry *e, struct vs_err *err)
{
	struct ini_place *p = arg;

	(void)err;
	if (strcmp(e->section, p->set->section) != 0)
		return VS_OK;
	p->last = e->line;
	if (e->key != NULL && strcmp(e->key, p->set->key) == 0)
		p->line = e->line;
	return VS_OK;
}

int ini_set(struct vs_buf *out, const char *text, const struct ini_entry *set,
    struct vs_err *err)
{
	struct ini_place p = { .set = set };
	int line = 0;
	int r;

	assert(set->section != NULL && set->key != NULL);
	if (strpbrk(set->value, "\r\n") != NULL)
		return vs_err_set(err, VS_EINVAL,
		    "%s: a line break cannot stand in the configuration",
		    set->key);
	r = ini_read(text, place_find, &p, err);
	if (r < 0)
		return r;
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		line++;
		if (line != p.line) {
			vs_buf_add(out, text, n);
			vs_buf_addch(out, '\n');
		}
		if (line == p.line || (p.line == 0 && line == p.last))
			value_add(out, set->key, set->value);
		text += n + (text[n] == '\n' ? 1 : 0);
	}
	if (p.last == 0) {
		vs_buf_addf(
		    out, "%s[%s]\n", line > 0 ? "\n" : "", set->section);
		value_add(out, set->key, set->value);
	}
	return vs_buf_error(out) == VS_OK
	    ? VS_OK
	    : vs_err_set(err, vs_buf_error(out), "configuration too large");
}
