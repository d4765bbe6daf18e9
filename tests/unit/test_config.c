/* The configuration, the language it is written in, and the account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/account.h"
#include "agent/config.h"
#include "agent/ini.h"
#include "agent/nearest.h"
#include "tests/unit/scratch.h"

#define ID "0ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define ID2 "1bc987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define ROOT_ID "5b36d9b08420640f5c3dff182ad40c63"
#define PROJECT(id, name, root) \
	"[project " id "]\nname = " name "\nroot = " root \
	"\nroot_id = " ROOT_ID "\n"

struct fixture {
	struct scratch *dir;
	struct config config;
	struct vs_dirs dirs;
	struct vs_err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	scratch_mkdir(f->dir, "conf");
	scratch_mkdir(f->dir, "state");
	snprintf(
	    f->dirs.config, sizeof(f->dirs.config), "%s/conf", f->dir->path);
	snprintf(
	    f->dirs.state, sizeof(f->dirs.state), "%s/state", f->dir->path);
	unsetenv("VSYNC_SERVER");
	unsetenv("VSYNC_TOKEN_FILE");
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_release(&f->config);
	scratch_free(f->dir);
	free(f);
	return 0;
}

static int load(struct fixture *f, const char *text)
{
	scratch_write(f->dir, "conf/config", text);
	config_release(&f->config);
	vs_err_clear(&f->err);
	return config_load(
	    &f->config, scratch_at(f->dir, "conf/config"), &f->err);
}

static void refused(struct fixture *f, const char *text, const char *why)
{
	if (load(f, text) != VS_ECONFIG)
		fail_msg("taken: %s", text);
	if (strstr(f->err.msg, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->err.msg, why);
}

static void test_empty_and_missing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, ""), VS_OK);
	assert_null(f->config.url);
	assert_int_equal(f->config.nprojects, 0);
	config_release(&f->config);
	assert_int_equal(
	    config_load(&f->config, scratch_at(f->dir, "none"), NULL), VS_OK);
	assert_int_equal(f->config.nprojects, 0);
}

static void test_all_of_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f,
		"# mine\n[server]\nurl = https://a.example/x/\n"
		"\n; more\n[agent]\nworkers=3\nlog = json\n"
		"log_level = debug\nlisten = [::1]:8443\n"
		"advertise = film.example, https://10.0.0.7:1\n" PROJECT(
		    ID, "film", "/srv/my film ; # 1")
		    PROJECT(ID2, "sound", "\"/srv/x \"")),
	    VS_OK);
	assert_string_equal(f->config.url, "https://a.example/x");
	assert_int_equal(f->config.workers, 3);
	assert_true(f->config.json);
	assert_int_equal(f->config.level, VS_LOG_DEBUG);
	assert_string_equal(f->config.listen, "[::1]:8443");
	assert_string_equal(
	    f->config.advertise, "film.example, https://10.0.0.7:1");
	assert_int_equal(f->config.nprojects, 2);
	assert_string_equal(
	    config_find(&f->config, "film")->root, "/srv/my film ; # 1");
	assert_string_equal(config_find(&f->config, ID)->name, "film");
	assert_null(config_find(&f->config, "none"));
}

static void test_quoted_root(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f, PROJECT(ID, "film", "\"/srv/ends in a blank \"")), VS_OK);
	assert_string_equal(
	    f->config.projects[0].root, "/srv/ends in a blank ");
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	refused(f, "[agent]\nlog_levle = info\n", "line 2");
	refused(f, "[agent]\nlog_levle = info\n", "\"log_level\"?");
	refused(f, "[sever]\n", "\"server\"?");
	refused(f, "[agent]\nxyzzy = 1\n", "unknown key \"xyzzy\"");
	refused(f, "url = x\n", "unknown section");
	refused(f, "[server]\nurl\n", "line 2: neither");
	refused(f, "[server\n", "line 1: neither");
	refused(f, "[]\n", "line 1: neither");
	refused(f, "[server]\n= x\n", "line 2: neither");
	refused(f, "[server]\nurl = ftp://x\n", "http://HOST");
	refused(f, "[agent]\nworkers = many\n", "0 to 64");
	refused(f, "[agent]\nworkers = -1\n", "0 to 64");
	refused(f, "[agent]\nlog = xml\n", "plain or json");
	refused(f, "[agent]\nlog_level = loud\n", "debug");
	refused(f, "[agent]\nlisten = here\n", ":PORT or off");
	refused(f, "[agent]\nlisten = :x\n", ":PORT or off");
	refused(f, "[agent]\nlisten = :65536\n", ":PORT or off");
	refused(f, "[agent]\nadvertise = http://h\n", "HOST[:PORT]");
	refused(f, "[project " ID "]\nname = a\n", "lacks root");
	refused(f, PROJECT(ID, "a", "relative"), "absolute");
	refused(f, "[project ../../etc]\n", "no project's id");
	refused(f, "[project " ID "]\nroot_id = 12\n", "32 hex");
	refused(f, PROJECT(ID, "a", "/a") PROJECT(ID, "b", "/b"), "twice");
}

static void test_environment_wins(void **state)
{
	struct fixture *f = *state;

	setenv("VSYNC_SERVER", "http://b.example/", 1);
	assert_int_equal(load(f, "[server]\nurl = http://a.example\n"), VS_OK);
	assert_string_equal(f->config.url, "http://b.example");
	setenv("VSYNC_SERVER", "nonsense", 1);
	assert_true(load(f, "") < 0);
	unsetenv("VSYNC_SERVER");
}

static void test_urls(void **state)
{
	static const char *const bad[] = { "", "x", "http://", "https:///x",
		"ftp://a", "http://u:p@h", "http://h/?token=1", "http://h#x",
		"http://a b", "file:///etc/passwd", "http://h\n" };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    config_url(bad[i], out, sizeof(out), NULL), VS_EINVAL);
	assert_int_equal(
	    config_url("http://[::1]:80///", out, sizeof(out), NULL), VS_OK);
	assert_string_equal(out, "http://[::1]:80");
	assert_int_equal(
	    config_url("http://abc.example", out, 10, NULL), VS_EINVAL);
}

static int roots(struct fixture *f, const char *a, const char *b)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    PROJECT(ID, "a", "%s") PROJECT(ID2, "b", "%s"), a, b);
	assert_int_equal(load(f, text), VS_OK);
	return config_check(&f->config, &f->dirs, &f->err);
}

static void test_roots(void **state)
{
	struct fixture *f = *state;
	char film[128];
	char inner[160];

	scratch_mkdir(f->dir, "film");
	scratch_mkdir(f->dir, "film2");
	snprintf(film, sizeof(film), "%s/film", f->dir->path);
	snprintf(inner, sizeof(inner), "%s/film/deep/er", f->dir->path);
	/* a common beginning is not a common folder */
	assert_int_equal(roots(f, film, scratch_at(f->dir, "film2")), VS_OK);
	assert_int_equal(roots(f, film, film), VS_ECONFIG);
	assert_int_equal(roots(f, film, inner), VS_ECONFIG);
	assert_int_equal(roots(f, inner, film), VS_ECONFIG);
	assert_int_equal(roots(f, film, "/"), VS_ECONFIG);
	assert_int_equal(roots(f, f->dir->path, film), VS_ECONFIG);
	assert_non_null(strstr(f->err.msg, "XDG_STATE_HOME"));
	assert_int_equal(
	    roots(f, film, scratch_at(f->dir, "state/x")), VS_ECONFIG);
	assert_int_equal(
	    roots(f, film, scratch_at(f->dir, "conf")), VS_ECONFIG);
}

/* What counts is where a path leads. */
static void test_roots_by_links(void **state)
{
	struct fixture *f = *state;
	const char *film;

	scratch_mkdir(f->dir, "film");
	film = scratch_at(f->dir, "film");
	assert_int_equal(symlink(f->dir->path, scratch_at(f->dir, "alias")), 0);
	assert_int_equal(
	    roots(f, "/nowhere", scratch_at(f->dir, "alias")), VS_ECONFIG);
	assert_int_equal(
	    roots(f, film, scratch_at(f->dir, "alias/film")), VS_ECONFIG);
}

static void test_root_of_init(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, PROJECT(ID, "a", "/srv/a")), VS_OK);
	assert_int_equal(
	    config_root_check(&f->config, &f->dirs, "/srv/a/b", NULL, NULL),
	    VS_EEXIST);
	assert_int_equal(
	    config_root_check(&f->config, &f->dirs, "/srv/ab", NULL, NULL),
	    VS_OK);
	assert_int_equal(config_root_check(&f->config, &f->dirs, "/srv/a",
			     &f->config.projects[0], NULL),
	    VS_OK);
}

static void test_two_of_one_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f, PROJECT(ID, "a", "/srv/a") PROJECT(ID2, "a", "/srv/b")),
	    VS_OK);
	assert_int_equal(
	    config_check(&f->config, &f->dirs, &f->err), VS_ECONFIG);
}

static void test_found_by_folder(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f, PROJECT(ID, "a", "/srv/a") PROJECT(ID2, "b", "/srv/b/")),
	    VS_OK);
	assert_string_equal(config_at(&f->config, "/srv/a")->name, "a");
	assert_string_equal(config_at(&f->config, "/srv/a/x/y")->name, "a");
	assert_string_equal(config_at(&f->config, "/srv/b/x")->name, "b");
	assert_null(config_at(&f->config, "/srv/ab"));
	assert_null(config_at(&f->config, "/srv"));
}

static void check_file(struct fixture *f, const char *want)
{
	char *text = scratch_read(f->dir, "conf/config");

	assert_string_equal(text, want);
	free(text);
}

static void test_edit_keeps_the_rest(void **state)
{
	struct fixture *f = *state;
	const char *path;
	char at[128];

	snprintf(at, sizeof(at), "%s/conf/config", f->dir->path);
	path = at;
	scratch_write(f->dir, "conf/config",
	    "# a word\n[agent]\n  log=json\n\n[server]\n; old\n"
	    "url = http://old\n# end");
	assert_int_equal(config_set_server(path, "http://new", NULL), VS_OK);
	check_file(f,
	    "# a word\n[agent]\n  log=json\n\n[server]\n; old\n"
	    "url = http://new\n# end\n");
	assert_int_equal(scratch_mode(f->dir, "conf/config"), 0600);
}

static void test_add_project(void **state)
{
	struct fixture *f = *state;
	char id[] = ID;
	char name[] = " film ";
	char root[] = "/srv/f ; #";
	char root_id[] = ROOT_ID;
	const struct config_project p = {
		.id = id, .name = name, .root = root, .root_id = root_id
	};
	char at[128];

	snprintf(at, sizeof(at), "%s/conf/config", f->dir->path);
	assert_int_equal(config_set_server(at, "http://s", NULL), VS_OK);
	assert_int_equal(config_add_project(at, &p, NULL), VS_OK);
	check_file(f,
	    "[server]\nurl = http://s\n\n[project " ID "]\nname = \" film \"\n"
	    "root = /srv/f ; #\nroot_id = " ROOT_ID "\n");
	assert_int_equal(config_load(&f->config, at, &f->err), VS_OK);
	assert_string_equal(f->config.projects[0].name, name);
	assert_string_equal(f->config.projects[0].root, root);
	assert_string_equal(f->config.url, "http://s");
}

static void test_roles(void **state)
{
	struct fixture *f = *state;
	char id[] = ID;
	char name[] = "film";
	char root[] = "/srv/f";
	char root_id[] = ROOT_ID;
	const struct config_project p = {
		.id = id,
		.name = name,
		.root = root,
		.root_id = root_id,
		.member = true,
	};
	char at[128];

	snprintf(at, sizeof(at), "%s/conf/config", f->dir->path);
	assert_int_equal(config_add_project(at, &p, NULL), VS_OK);
	assert_int_equal(config_load(&f->config, at, &f->err), VS_OK);
	assert_true(f->config.projects[0].member);
	config_release(&f->config);
	assert_int_equal(
	    load(f, PROJECT(ID, "a", "/srv/a") "role = owner\n"), VS_OK);
	assert_false(f->config.projects[0].member);
	config_release(&f->config);
	assert_int_equal(
	    load(f, PROJECT(ID, "a", "/srv/a") "role = guest\n"), VS_ECONFIG);
}

/* A broken file is not made worse, and a line break is no way in. */
static void test_edit_refuses(void **state)
{
	struct fixture *f = *state;
	char id[] = ID;
	char name[] = "a\nroot = /etc";
	char root[] = "/srv";
	char root_id[] = ROOT_ID;
	const struct config_project p = {
		.id = id, .name = name, .root = root, .root_id = root_id
	};
	char at[128];

	snprintf(at, sizeof(at), "%s/conf/config", f->dir->path);
	assert_int_equal(config_add_project(at, &p, NULL), VS_EINVAL);
	check_file(f, "");
	scratch_write(f->dir, "conf/config", "nonsense\n");
	assert_int_equal(
	    config_set_server(at, "http://s", &f->err), VS_ECONFIG);
	check_file(f, "nonsense\n");
}

/* libinih would cut these. */
static void test_long_lines(void **state)
{
	struct fixture *f = *state;
	char text[8192];
	char root[4000];

	memset(root, 'x', sizeof(root) - 1);
	root[0] = '/';
	root[sizeof(root) - 1] = '\0';
	snprintf(text, sizeof(text), PROJECT(ID, "a", "%s"), root);
	assert_int_equal(load(f, text), VS_OK);
	assert_string_equal(f->config.projects[0].root, root);
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "root", "root_id", "name", NULL };

	(void)state;
	assert_string_equal(nearest_of("rooot", words), "root");
	assert_string_equal(nearest_of("rootid", words), "root_id");
	assert_string_equal(nearest_of("nmae", words), "name");
	assert_string_equal(nearest_of("name", words), "name");
	assert_null(nearest_of("something", words));
	assert_null(nearest_of("", words));
}

static void test_token(void **state)
{
	struct fixture *f = *state;
	struct account *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->token, "");
	assert_string_equal(a->device_id, "");
	assert_int_equal(account_set_token(a, "  abc.def \n", NULL), VS_OK);
	assert_string_equal(a->token, "abc.def");
	assert_int_equal(account_save_token(a, &f->dirs, NULL), VS_OK);
	assert_int_equal(scratch_mode(f->dir, "conf/token"), 0600);
	memset(a, 0, sizeof(*a));
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->token, "abc.def");
	/* others could read it: mended */
	assert_int_equal(chmod(scratch_at(f->dir, "conf/token"), 0644), 0);
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_int_equal(scratch_mode(f->dir, "conf/token"), 0600);
	free(a);
}

static void test_bad_tokens(void **state)
{
	struct fixture *f = *state;
	struct account *a = calloc(1, sizeof(*a));
	char *large = calloc(1, ACCOUNT_TOKEN_MAX + 2);

	assert_non_null(a);
	assert_non_null(large);
	memset(large, 'x', ACCOUNT_TOKEN_MAX + 1);
	assert_int_equal(account_set_token(a, "", NULL), VS_EINVAL);
	assert_int_equal(account_set_token(a, " \n", NULL), VS_EINVAL);
	assert_int_equal(account_set_token(a, "two words", NULL), VS_EINVAL);
	assert_int_equal(account_set_token(a, "a\x01", NULL), VS_EINVAL);
	assert_int_equal(account_set_token(a, "\xc3\xa4", NULL), VS_EINVAL);
	assert_int_equal(account_set_token(a, large, NULL), VS_EINVAL);
	scratch_write(f->dir, "conf/token", "two words\n");
	assert_int_equal(account_load(a, &f->dirs, &f->err), VS_EINVAL);
	/* the message names the file and not what is in it */
	assert_non_null(strstr(f->err.msg, "conf/token"));
	assert_null(strstr(f->err.msg, "two"));
	free(large);
	free(a);
}

static void test_token_file_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct account *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	scratch_write(f->dir, "conf/token", "usual\n");
	scratch_write(f->dir, "mine", "other\n");
	setenv("VSYNC_TOKEN_FILE", scratch_at(f->dir, "mine"), 1);
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->token, "other");
	assert_int_equal(account_set_token(a, "third", NULL), VS_OK);
	assert_int_equal(account_save_token(a, &f->dirs, NULL), VS_OK);
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->token, "third");
	unsetenv("VSYNC_TOKEN_FILE");
	scratch_write(f->dir, "vsync-token", "credential\n");
	setenv("CREDENTIALS_DIRECTORY", f->dir->path, 1);
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->token, "credential");
	unsetenv("CREDENTIALS_DIRECTORY");
	free(a);
}

static void test_device(void **state)
{
	struct fixture *f = *state;
	struct account *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	snprintf(a->server, sizeof(a->server), "http://s");
	snprintf(a->user_id, sizeof(a->user_id), "u1");
	snprintf(a->user_name, sizeof(a->user_name), "Ada \"L\"");
	snprintf(a->device_id, sizeof(a->device_id), "d1");
	memset(a->ticket_key, 'a', sizeof(a->ticket_key) - 1);
	assert_int_equal(account_save_device(a, &f->dirs, NULL), VS_OK);
	memset(a, 0, sizeof(*a));
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->user_name, "Ada \"L\"");
	assert_int_equal(strlen(a->ticket_key), sizeof(a->ticket_key) - 1);
	assert_int_equal(scratch_mode(f->dir, "state/device.json"), 0600);
	assert_true(account_is_device_of(a, "http://s", "u1"));
	assert_false(account_is_device_of(a, "http://t", "u1"));
	assert_false(account_is_device_of(a, "http://s", "u2"));
	/* of an agent that had no ticket key */
	scratch_write(f->dir, "state/device.json",
	    "{\"server\":\"s\",\"user_id\":\"u\",\"user_name\":\"n\","
	    "\"device_id\":\"d\"}");
	assert_int_equal(account_load(a, &f->dirs, NULL), VS_OK);
	assert_string_equal(a->ticket_key, "");
	scratch_write(f->dir, "state/device.json", "{");
	assert_true(account_load(a, &f->dirs, &f->err) < 0);
	assert_non_null(strstr(f->err.msg, "device.json"));
	free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty_and_missing),
		TEST(test_all_of_it),
		TEST(test_quoted_root),
		TEST(test_refusals),
		TEST(test_environment_wins),
		TEST(test_urls),
		TEST(test_roots),
		TEST(test_roots_by_links),
		TEST(test_root_of_init),
		TEST(test_two_of_one_name),
		TEST(test_found_by_folder),
		TEST(test_edit_keeps_the_rest),
		TEST(test_add_project),
		TEST(test_roles),
		TEST(test_edit_refuses),
		TEST(test_long_lines),
		TEST(test_nearest),
		TEST(test_token),
		TEST(test_bad_tokens),
		TEST(test_token_file_elsewhere),
		TEST(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
