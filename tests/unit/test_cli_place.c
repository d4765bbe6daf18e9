/* Which project and path a word means. */
#include "cli/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define ROOT "/home/ada/Film"

static struct trouble trouble;
static char path[VS_PATH_MAX + 1];

static int from(const char *cwd, const char *arg)
{
	trouble = (struct trouble)TROUBLE_INIT;
	memset(path, '?', sizeof(path));
	return place_path(path, ROOT, cwd, arg, &trouble);
}

static void gives(const char *cwd, const char *arg, const char *want)
{
	assert_int_equal(from(cwd, arg), VS_OK);
	assert_string_equal(path, want);
}

static void refuses(const char *cwd, const char *arg, const char *why)
{
	assert_int_equal(from(cwd, arg), VS_EPATH);
	assert_int_not_equal(trouble.exit, VS_EXIT_OK);
	assert_non_null(strstr(trouble.err.msg, why));
}

static void test_relative_paths(void **state)
{
	(void)state;
	gives("/", "a", "a");
	gives("/home/ada", "Film", "");
	gives("/home/ada", "Film/a", "a");
	gives("/home/ada", "a", "a");
	gives("/", "home/ada/./Film/a", "a");
	gives(ROOT, "a/b", "a/b");
	gives(ROOT "/scenes", "a", "scenes/a");
	gives(ROOT "/scenes", ".", "scenes");
	gives(ROOT "/scenes", "..", "");
	gives(ROOT "/scenes", "../x", "x");
	gives(ROOT "/scenes", "./a//b/.", "scenes/a/b");
	gives("", "a", "a");
	/* A neighbour whose name begins alike is not inside. */
	gives(ROOT "2", "a", "a");
}

static void test_absolute_paths(void **state)
{
	(void)state;
	gives("/", ROOT, "");
	gives("/", ROOT "/", "");
	gives("/", ROOT "/a", "a");
	gives("/x", "//home/ada/./Film//a/", "a");
	refuses("/", ROOT "2/a", "outside");
	refuses(ROOT, "/etc/passwd", "outside");
	refuses(ROOT, "/", "outside");
}

static void test_what_leads_out(void **state)
{
	(void)state;
	refuses(ROOT, "..", "outside");
	refuses("/", "../../../../../..", "outside");
	refuses(ROOT "/scenes", "../../Film2/x", "outside");
	/* Out and back in is where it says. */
	gives(ROOT "/scenes", "../../Film/x", "x");
}

static void test_what_is_no_path(void **state)
{
	char longer[VS_NAME_MAX + 2], deep[5 * VS_PATH_MAX];

	(void)state;
	refuses(ROOT, "", "empty");
	refuses(ROOT, "\xff", "UTF-8");
	refuses(ROOT, ".vsync/root-id", ".vsync");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	refuses(ROOT, longer, ":");
	for (size_t i = 0; i < sizeof(deep); i += 2)
		memcpy(deep + i, "d/", 2);
	deep[sizeof(deep) - 1] = '\0';
	refuses(ROOT, deep, "");
	deep[VS_PATH_MAX + 2] = '\0';
	refuses(ROOT, deep, "");
	deep[VS_PATH_MAX - 1] = '\0';
	assert_int_equal(from(ROOT, deep), VS_OK);
	assert_int_equal(strlen(path), VS_PATH_MAX - 1);
}

static void test_a_root_that_is_everything(void **state)
{
	(void)state;
	assert_true(place_inside("/a", "/"));
	assert_int_equal(place_path(path, "/", "/home", "a", &trouble), VS_OK);
	assert_string_equal(path, "home/a");
	assert_int_equal(place_path(path, "/", "/home", "/", &trouble), VS_OK);
	assert_string_equal(path, "");
}

/* Chooses and gives the id, or "" and the trouble. */
static const char *chosen(const char *name, const char *arg, const char *cwd)
{
	static char id[8];
	json_t *all = json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]",
	    "id", "1", "name", "film", "root", "/f", "id", "2", "name", "deep",
	    "root", "/f/deep", "id", "3", "name", "film", "root", "/other");
	struct place_wish wish = { .name = name, .arg = arg, .cwd = cwd };
	const json_t *project = NULL;

	assert_non_null(all);
	trouble = (struct trouble)TROUBLE_INIT;
	id[0] = '\0';
	if (place_project(all, &wish, &project, &trouble) == VS_OK)
		snprintf(id, sizeof(id), "%s",
		    json_string_value(json_object_get(project, "id")));
	json_decref(all);
	return id;
}

static void test_choosing_a_project(void **state)
{
	(void)state;
	assert_string_equal(chosen("deep", NULL, "/"), "2");
	assert_string_equal(chosen("3", "/f/x", "/f"), "3");
	assert_string_equal(chosen(NULL, "/f/x", "/other"), "1");
	assert_string_equal(chosen(NULL, "/f/deep/x", "/"), "2");
	assert_string_equal(chosen(NULL, "x", "/f/deep/er"), "2");
	assert_string_equal(chosen(NULL, "x", "/f/deeper"), "1");
	assert_string_equal(chosen(NULL, "deep/../deep/x", "/f"), "2");
	assert_string_equal(chosen(NULL, "other/x", "/"), "3");
	assert_string_equal(chosen(NULL, "../other/x", "/f"), "3");

	assert_string_equal(chosen("film", NULL, "/f"), "");
	assert_int_equal(trouble.exit, VS_EXIT_USAGE);
	assert_string_equal(chosen("none", NULL, "/f"), "");
	assert_int_equal(trouble.exit, VS_EXIT_NOT_FOUND);
	assert_string_equal(chosen(NULL, NULL, "/"), "");
	assert_int_equal(trouble.exit, VS_EXIT_USAGE);
}

static void test_no_project_or_a_strange_one(void **state)
{
	struct place_wish wish = { .cwd = "/" };
	const json_t *project = NULL;
	json_t *none = json_array();
	json_t *odd = json_pack("[{s:i,s:s}]", "id", 1, "root", "relative");

	(void)state;
	assert_int_equal(
	    place_project(none, &wish, &project, &trouble), VS_ENOENT);
	assert_int_equal(trouble.exit, VS_EXIT_NOT_FOUND);
	assert_non_null(strstr(trouble.hint, "vsync init"));
	assert_int_equal(
	    place_project(NULL, &wish, &project, &trouble), VS_ENOENT);
	assert_int_equal(
	    place_project(odd, &wish, &project, &trouble), VS_EPROTO);
	assert_null(project);
	json_decref(none);
	json_decref(odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_absolute_paths),
		cmocka_unit_test(test_what_leads_out),
		cmocka_unit_test(test_what_is_no_path),
		cmocka_unit_test(test_a_root_that_is_everything),
		cmocka_unit_test(test_choosing_a_project),
		cmocka_unit_test(test_no_project_or_a_strange_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
