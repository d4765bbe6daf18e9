/* Folders to be listed, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/scan/dirq.h"

static void push(struct dirq *q, const char *path, unsigned flags, bool fresh)
{
	bool is_fresh = !fresh;

	assert_non_null(dirq_push(q, path, flags, &is_fresh));
	assert_int_equal(is_fresh, fresh);
}

/* The next one is path, with these flags; it is taken. */
static void take(struct dirq *q, const char *path, unsigned flags)
{
	struct dirq_item *item = dirq_top(q);

	assert_non_null(item);
	assert_string_equal(item->path, path);
	assert_int_equal(item->flags, flags);
	assert_ptr_equal(dirq_find(q, path), item);
	dirq_take(q, item);
	assert_null(dirq_find(q, path));
	dirq_item_free(item);
}

static void test_stack(void **state)
{
	struct dirq *q = dirq_new();

	(void)state;
	assert_non_null(q);
	assert_null(dirq_top(q));
	push(q, "", DIRQ_DEEP, true);
	push(q, "a", 0, true);
	push(q, "b", DIRQ_DATA, true);
	take(q, "b", DIRQ_DATA);
	take(q, "a", 0);
	take(q, "", DIRQ_DEEP);
	assert_null(dirq_top(q));
	dirq_free(q);
}

/* Said again, it comes to the top with what was said of it all. */
static void test_again(void **state)
{
	struct dirq *q = dirq_new();

	(void)state;
	push(q, "a", DIRQ_DEEP, true);
	push(q, "b", 0, true);
	push(q, "a", DIRQ_DATA, false);
	take(q, "a", DIRQ_DEEP | DIRQ_DATA);
	take(q, "b", 0);
	dirq_free(q);
}

/* Folders that are gone wait until there is no other. */
static void test_gone(void **state)
{
	struct dirq *q = dirq_new();

	(void)state;
	push(q, "old", DIRQ_GONE, true);
	push(q, "new", 0, true);
	push(q, "older", DIRQ_GONE, true);
	take(q, "new", 0);
	/* one that is there after all */
	push(q, "old", DIRQ_DEEP, false);
	take(q, "old", DIRQ_DEEP);
	take(q, "older", DIRQ_GONE);
	/* and one that goes while it waits */
	push(q, "x", 0, true);
	push(q, "y", 0, true);
	push(q, "y", DIRQ_GONE, false);
	take(q, "x", 0);
	take(q, "y", DIRQ_GONE);
	dirq_free(q);
}

/* Out of the middle, and freed with some in it. */
static void test_take_any(void **state)
{
	struct dirq *q = dirq_new();
	struct dirq_item *item;

	(void)state;
	push(q, "a", 0, true);
	push(q, "b", 0, true);
	push(q, "c", 0, true);
	item = dirq_find(q, "b");
	assert_non_null(item);
	dirq_take(q, item);
	dirq_item_free(item);
	push(q, "g", DIRQ_GONE, true);
	take(q, "c", 0);
	dirq_free(q);
	dirq_free(NULL);
	dirq_item_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_take_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
