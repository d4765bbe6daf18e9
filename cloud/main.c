/* vsync-cloud: options, settings, and the command. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/admin.h"
#include "cloud/server.h"
#include "cloud/settings.h"
#include "cloud/store/store.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/db/db.h"
#include "common/os/file.h"
#include "common/proto/control.h"

static const char help[] =
    "usage: vsync-cloud serve [--listen HOST:PORT]\n"
    "       vsync-cloud user add NAME [--json]\n"
    "       vsync-cloud token add NAME [--json]\n"
    "       vsync-cloud token list [--json]\n"
    "       vsync-cloud token revoke TOKEN-ID\n"
    "       vsync-cloud restored [--json]\n"
    "       vsync-cloud version | help\n"
    "\n"
    "serve         answer vsync's agents over HTTP until SIGTERM\n"
    "user add      make a user; prints the user's token, and only that\n"
    "token add     make one more token for a user\n"
    "token list    show the tokens' ids, never the tokens\n"
    "token revoke  end a token by its id, at once\n"
    "restored      tell clients that the database was put back from a copy\n"
    "\n"
    "  --db sqlite:FILE    where the log is kept (VSYNC_DB;\n"
    "                      " SETTINGS_DB ")\n"
    "  --listen HOST:PORT  port 0 takes a free one (VSYNC_LISTEN;\n"
    "                      " SETTINGS_LISTEN ")\n"
    "  --config FILE       (VSYNC_CLOUD_CONFIG; " SETTINGS_FILE ")\n"
    "  --json              one JSON object on standard output\n"
    "\n"
    "All commands work while the server runs.\n"
    "Exit codes: 0 done, 1 error, 2 usage, 4 not found, 5 try again,\n"
    "6 permission, 8 no space, 75 temporary failure, 78 configuration or a\n"
    "database of a newer vsync-cloud.\n";

struct flags {
	const char *listen;
	const char *db;
	const char *config;
	bool json;
	bool help;
	bool version;
	char **words; /* what is no flag */
	int count;
};

static int usage(const char *what)
{
	(void)fprintf(stderr,
	    "vsync-cloud: %s\nvsync-cloud --help shows what there is\n", what);
	return VS_EXIT_USAGE;
}

static bool read_flags(struct flags *f, int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "db", required_argument, NULL, 'd' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			f->listen = optarg;
			break;
		case 'd':
			f->db = optarg;
			break;
		case 'c':
			f->config = optarg;
			break;
		case 'j':
			f->json = true;
			break;
		case 'h':
			f->help = true;
			break;
		case 'V':
			f->version = true;
			break;
		default:
			return false;
		}
	}
	f->words = argv + optind;
	f->count = argc - optind;
	return true;
}

static bool words_are(
    const struct flags *f, const char *first, const char *second, int count)
{
	return f->count == count && strcmp(f->words[0], first) == 0 &&
	    (second == NULL || strcmp(f->words[1], second) == 0);
}

/* The directory of the database, for the first start of all. */
static int make_parent(const char *path, struct vs_err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc;

	if (slash == NULL || slash == path)
		return VS_OK;
	dir = strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return vs_err_set(err, VS_ENOMEM, "open %s", path);
	rc = vs_file_mkdirs(dir, 0700, err);
	free(dir);
	return rc;
}

static int do_serve(const struct admin *a, const char *listen, const char *word,
    struct vs_err *err)
{
	const struct server_options o = { .listen = listen, .path = a->path };

	(void)word;
	return server_run(&o, err);
}

static int do_user_add(const struct admin *a, const char *listen,
    const char *word, struct vs_err *err)
{
	(void)listen;
	return admin_add_user(a, word, err);
}

static int do_token_add(const struct admin *a, const char *listen,
    const char *word, struct vs_err *err)
{
	(void)listen;
	return admin_add_token(a, word, err);
}

static int do_token_list(const struct admin *a, const char *listen,
    const char *word, struct vs_err *err)
{
	(void)listen;
	(void)word;
	return admin_list_tokens(a, err);
}

static int do_token_revoke(const struct admin *a, const char *listen,
    const char *word, struct vs_err *err)
{
	(void)listen;
	return admin_revoke_token(a, word, err);
}

static int do_restored(const struct admin *a, const char *listen,
    const char *word, struct vs_err *err)
{
	(void)listen;
	(void)word;
	return admin_restored(a, err);
}

struct command {
	const char *first;
	const char *second; /* or NULL */
	int words; /* with the operand */
	int (*run)(const struct admin *a, const char *listen, const char *word,
	    struct vs_err *err);
};

static const struct command commands[] = {
	{ "serve", NULL, 1, do_serve },
	{ "user", "add", 3, do_user_add },
	{ "token", "add", 3, do_token_add },
	{ "token", "list", 2, do_token_list },
	{ "token", "revoke", 3, do_token_revoke },
	{ "restored", NULL, 1, do_restored },
};

static const struct command *find_command(const struct flags *f)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (words_are(f, commands[i].first, commands[i].second,
			commands[i].words))
			return &commands[i];
	return NULL;
}

static int run(
    const struct flags *f, const struct command *command, struct vs_err *err)
{
	struct admin admin = { .json = f->json };
	struct settings s;
	int rc = settings_load(&s, f->config, err);

	if (rc == VS_OK)
		rc = settings_flag(&s.listen, f->listen, err);
	if (rc == VS_OK)
		rc = settings_flag(&s.db, f->db, err);
	if (rc != VS_OK)
		goto out;
	vs_log_setup(s.level, s.format);
	admin.path = store_url_file(s.db);
	if (admin.path == NULL) {
		rc = vs_err_set(err, VS_ECONFIG,
		    "%s: not a database: it is given as sqlite:FILE", s.db);
		goto out;
	}
	rc = make_parent(admin.path, err);
	if (rc == VS_OK)
		rc =
		    command->run(&admin, s.listen, f->words[f->count - 1], err);
out:
	settings_release(&s);
	return rc;
}

int main(int argc, char **argv)
{
	struct flags f = { .count = 0 };
	const struct command *command;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (!read_flags(&f, argc, argv))
		return usage("unknown or incomplete option");
	if (f.help || (f.count > 0 && words_are(&f, "help", NULL, 1))) {
		(void)fputs(help, stdout);
		return VS_EXIT_OK;
	}
	if (f.version || (f.count > 0 && words_are(&f, "version", NULL, 1))) {
		(void)printf("vsync-cloud %s\n", VS_VERSION);
		return VS_EXIT_OK;
	}
	if (f.count == 0)
		return usage("no command");
	command = find_command(&f);
	if (command == NULL)
		return usage("no such command, or not with these words");
	vs_db_lean();
	rc = run(&f, command, &err);
	if (rc == VS_OK)
		return VS_EXIT_OK;
	(void)fprintf(stderr, "vsync-cloud: %s\n", err.msg);
	return (int)vs_control_exit(rc);
}
