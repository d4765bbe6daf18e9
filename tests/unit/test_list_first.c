/* Names are published before their hashes are known. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/enginekit.h"

#define FOLDERS 3
#define FILES 700 /* more than one transaction takes */

static void name_of(char out[64], int dir, int file)
{
	snprintf(out, 64, "d%d/%04d", dir, file);
}

static void fill(struct enginekit *k)
{
	char name[64];

	for (int d = 0; d < FOLDERS; d++) {
		snprintf(name, sizeof(name), "d%d", d);
		mkdir(enginekit_at(k, name), 0755);
		for (int i = 0; i < FILES; i++) {
			name_of(name, d, i);
			enginekit_write(k, name, name);
		}
	}
}

/* The agent comes up for the first time. */
static void start_new(struct enginekit *k)
{
	enginekit_stop(k);
	scratch_remove(k->dir, "state.db");
	k->list_first = true;
	k->hold = true;
	enginekit_start(k);
}

static void test_names(void **state)
{
	struct enginekit *k = *state;
	char name[64];

	fill(k);
	enginekit_write(k, "0", "at the root");
	enginekit_write(k, "\xff", "a name that cannot be published");
	assert_int_equal(symlink("0", enginekit_at(k, "1")), 0);
	start_new(k);
	enginekit_run(k, 5000);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(k->count, FOLDERS * FILES + FOLDERS + 1);
	for (int i = 0; i < FOLDERS * FILES; i++) {
		name_of(name, i / FILES, i % FILES);
		assert_int_equal(enginekit_event(k, name)->op, 'c');
		assert_string_equal(enginekit_event(k, name)->hash, "");
	}
	enginekit_forget(k);
	k->hold = false;
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, FOLDERS * FILES + 2);
	for (int i = 0; i < FOLDERS * FILES; i++) {
		name_of(name, i / FILES, i % FILES);
		assert_int_equal(enginekit_event(k, name)->op, 'u');
		assert_int_equal(strlen(enginekit_event(k, name)->hash), 64);
	}
	enginekit_agree(k);
}

/* The agent dies with some of the names listed, or told. */
static void test_in_two_goes(void **state)
{
	struct enginekit *k = *state;
	char name[64];

	fill(k);
	start_new(k);
	for (int i = 0; i < 4; i++)
		engine_step(k->engine, k->now);
	enginekit_stop(k);
	enginekit_write(k, "d1/0001a", "one that came meanwhile");
	unlink(enginekit_at(k, "d2/0002"));
	enginekit_start(k);
	enginekit_run(k, 5000);
	k->hold = false;
	enginekit_run(k, 20000);
	for (int i = 0; i < FOLDERS * FILES; i++) {
		name_of(name, i / FILES, i % FILES);
		if (strcmp(name, "d2/0002") != 0)
			assert_non_null(enginekit_event(k, name));
	}
	assert_non_null(enginekit_event(k, "d1/0001a"));
	enginekit_agree(k);
}

int main(void)
{
#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, enginekit_setup, enginekit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_in_two_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
