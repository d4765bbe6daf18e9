/* The table of verbs. */
#include "cli/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_every_verb_is_whole(void **state)
{
	const struct verb *const *v = verb_table();

	(void)state;
	for (; *v != NULL; v++) {
		const char *example = (*v)->examples;
		char start[32];

		assert_ptr_equal(verb_find((*v)->name), *v);
		assert_non_null((*v)->run);
		assert_true((*v)->most >= (*v)->least);
		assert_true(((*v)->most > 0) == ((*v)->args[0] != '\0'));
		snprintf(start, sizeof(start), "  vsync %s", (*v)->name);
		assert_memory_equal(example, start, strlen(start));
		assert_int_equal((*v)->text[strlen((*v)->text) - 1], '\n');
		/* One line of help, eighty columns with its name. */
		assert_in_range(strlen((*v)->summary), 1, 69);
		assert_null(strchr((*v)->summary, '\n'));
	}
}

static void test_what_is_not_a_verb(void **state)
{
	(void)state;
	assert_null(verb_find(""));
	assert_null(verb_find("push"));
	assert_null(verb_find("Status"));
	assert_null(verb_find("stat"));
}

static void nearest(const char *typed, const char *meant)
{
	const struct verb *v = verb_nearest(typed);

	if (meant == NULL ? v != NULL
			  : v == NULL || strcmp(v->name, meant) != 0)
		fail_msg("%s: %s", typed, v != NULL ? v->name : "none");
}

static void test_slips_are_understood(void **state)
{
	(void)state;
	nearest("statsu", "status");
	nearest("staus", "status");
	nearest("wacth", "watch");
	nearest("watsch", "watch");
	nearest("lgo", "log");
	nearest("l", "ls");
	nearest("initt", "init");
	nearest("resacn", "rescan");
	nearest("resumee", "resume");
	nearest("", NULL);
	nearest("pul", "pull");
	nearest("transfer", "transfers");
	nearest("jion", "join");
	nearest("member", "members");
	nearest("clone", NULL);
	nearest("frobnicate", NULL);
	nearest("xy", NULL);
	nearest("a-word-that-is-longer-than-any-verb", NULL);
}

/* All that print writes, as one string to free. */
static char *printed(const struct verb *v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print p = { .f = f };

	assert_non_null(f);
	if (v != NULL)
		verb_print(v, &p);
	else
		verb_print_all(&p);
	fclose(f);
	assert_int_equal(p.error, 0);
	return text;
}

static void test_help_names_every_verb_in_eighty_columns(void **state)
{
	const struct verb *const *v = verb_table();
	char *all = printed(NULL);

	(void)state;
	for (; *v != NULL; v++) {
		char *one = printed(*v), line[32];
		snprintf(line, sizeof(line), "\n  %-9s ", (*v)->name);
		assert_non_null(strstr(all, line));
		assert_true(strstr(one, "Examples") < strstr(one, "Usage"));
		for (char *s = one, *l; (l = strsep(&s, "\n")) != NULL;)
			assert_in_range(strlen(l), 0, 80);
		free(one);
	}
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_verb_is_whole),
		cmocka_unit_test(test_what_is_not_a_verb),
		cmocka_unit_test(test_slips_are_understood),
		cmocka_unit_test(test_help_names_every_verb_in_eighty_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
