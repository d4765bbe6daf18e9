/*
 * A key that is not known is an error: one letter wrong in "listen" must not
 * open the server to another address than was meant.
 */
#include "cloud/settings.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings_file {
	struct settings *s;
	struct vs_err *err; /* the first thing that is wrong */
};

int settings_flag(char **member, const char *value, struct vs_err *err)
{
	char *copy;

	if (value == NULL)
		return VS_OK;
	copy = strdup(value);
	if (copy == NULL)
		return vs_err_set(err, VS_ENOMEM, "settings");
	free(*member);
	*member = copy;
	return VS_OK;
}

static int read_format(
    struct settings *s, const char *value, struct vs_err *err)
{
	if (strcmp(value, "plain") == 0)
		s->format = VS_LOG_PLAIN;
	else if (strcmp(value, "json") == 0)
		s->format = VS_LOG_JSON;
	else
		return vs_err_set(
		    err, VS_ECONFIG, "log: must be plain or json");
	return VS_OK;
}

static int read_level(struct settings *s, const char *value, struct vs_err *err)
{
	static const struct {
		const char *name;
		enum vs_log_level level;
	} levels[] = { { "error", VS_LOG_ERR }, { "warning", VS_LOG_WARN },
		{ "info", VS_LOG_INFO }, { "debug", VS_LOG_DEBUG } };
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(value, levels[i].name) != 0)
			continue;
		s->level = levels[i].level;
		return VS_OK;
	}
	return vs_err_set(err, VS_ECONFIG,
	    "log_level: must be error, warning, info or debug");
}

/* inih's way: 1 goes on, 0 is an error of this line. */
static int on_line(
    void *arg, const char *section, const char *name, const char *value)
{
	struct settings_file *f = arg;
	int rc;

	if (strcmp(section, "cloud") != 0)
		rc = vs_err_set(f->err, VS_ECONFIG,
		    "[%s]: unknown section; there is only [cloud]", section);
	else if (strcmp(name, "listen") == 0)
		rc = settings_flag(&f->s->listen, value, f->err);
	else if (strcmp(name, "db") == 0)
		rc = settings_flag(&f->s->db, value, f->err);
	else if (strcmp(name, "log") == 0)
		rc = read_format(f->s, value, f->err);
	else if (strcmp(name, "log_level") == 0)
		rc = read_level(f->s, value, f->err);
	else
		rc = vs_err_set(f->err, VS_ECONFIG,
		    "%s: unknown key; known are listen, db, log, log_level",
		    name);
	return rc == VS_OK;
}

static int read_file(
    struct settings *s, const char *path, bool must_exist, struct vs_err *err)
{
	struct settings_file f = { .s = s, .err = err };
	FILE *file = fopen(path, "re");
	int line;

	if (file == NULL) {
		if (errno == ENOENT && !must_exist)
			return VS_OK;
		(void)vs_err_errno(err, errno, "open %s", path);
		err->code = VS_ECONFIG;
		return VS_ECONFIG;
	}
	line = ini_parse_file(file, on_line, &f);
	(void)fclose(file);
	if (line == 0)
		return VS_OK;
	if (err->code == VS_OK)
		(void)vs_err_set(err, VS_ECONFIG, "not \"key = value\"");
	return vs_err_wrap(err, "%s:%d", path, line);
}

int settings_load(struct settings *s, const char *file, struct vs_err *err)
{
	const char *from = getenv("VSYNC_CLOUD_CONFIG");
	int rc;

	memset(s, 0, sizeof(*s));
	s->format = VS_LOG_PLAIN;
	s->level = VS_LOG_INFO;
	if (file != NULL)
		from = file;
	rc = settings_flag(&s->listen, SETTINGS_LISTEN, err);
	if (rc == VS_OK)
		rc = settings_flag(&s->db, SETTINGS_DB, err);
	if (rc == VS_OK)
		rc = read_file(
		    s, from == NULL ? SETTINGS_FILE : from, from != NULL, err);
	if (rc == VS_OK)
		rc = settings_flag(&s->listen, getenv("VSYNC_LISTEN"), err);
	if (rc == VS_OK)
		rc = settings_flag(&s->db, getenv("VSYNC_DB"), err);
	return rc;
}

void settings_release(struct settings *s)
{
	free(s->listen);
	free(s->db);
	memset(s, 0, sizeof(*s));
}
