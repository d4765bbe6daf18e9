#include "agent/engine/rules.h"

#include <string.h>
#include <sys/stat.h>

#include "tests/unit/enginekit.h"

/* A disk of which somebody changes something between two calls. */
struct meddled {
	struct disk disk;
	struct disk *real;
	struct enginekit *kit;
	bool watched; /* the root was asked to be */
	bool unheard; /* it was read before that */
	bool armed;
};

static struct meddled *meddled_of(struct disk *d)
{
	return (struct meddled *)(void *)d;
}

static int meddled_watch(struct disk *d, const char *dir, struct vs_err *err)
{
	(void)err;
	if (dir != NULL && dir[0] == '\0')
		meddled_of(d)->watched = true;
	return 0;
}

static int meddled_read(
    struct disk *d, const char *path, struct disk_text *out, struct vs_err *err)
{
	struct meddled *m = meddled_of(d);

	m->unheard = m->unheard || !m->watched;
	return m->real->read(m->real, path, out, err);
}

/* The folder that holds an included file is not watched yet. */
static int meddled_list(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err)
{
	struct meddled *m = meddled_of(d);

	if (m->armed)
		enginekit_write(m->kit, "sub/rules", "*.tmp\n");
	m->armed = false;
	return m->real->list(m->real, dir, out, err);
}

static int meddled_root(
    struct disk *d, struct disk_root *out, struct vs_err *err)
{
	struct disk *real = meddled_of(d)->real;

	return real->root(real, out, err);
}

static int meddled_mark(struct disk *d, const char *id, struct vs_err *err)
{
	struct disk *real = meddled_of(d)->real;

	return real->mark(real, id, err);
}

static int meddled_look(
    struct disk *d, const char *path, struct disk_stat *out, struct vs_err *err)
{
	struct disk *real = meddled_of(d)->real;

	return real->look(real, path, out, err);
}

static int meddled_hash(struct disk *d, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct disk *real = meddled_of(d)->real;

	return real->hash(real, path, out, cancel, err);
}

static int meddled_cookie(struct disk *d, const char *name, struct vs_err *err)
{
	struct disk *real = meddled_of(d)->real;

	return real->cookie(real, name, err);
}

static void meddle(struct meddled *m, struct enginekit *k)
{
	*m = (struct meddled){ .real = k->disk, .kit = k };
	m->disk.root = meddled_root;
	m->disk.mark = meddled_mark;
	m->disk.list = meddled_list;
	m->disk.look = meddled_look;
	m->disk.hash = meddled_hash;
	m->disk.hash_held = meddled_hash;
	m->disk.read = meddled_read;
	m->disk.cookie = meddled_cookie;
	m->disk.watch = meddled_watch;
	enginekit_stop(k);
	k->disk = &m->disk;
	enginekit_start(k);
}

static void unmeddle(struct meddled *m)
{
	enginekit_stop(m->kit);
	m->kit->disk = m->real;
	enginekit_start(m->kit);
}

static void test_root_is_watched_before_its_rules_are_read(void **state)
{
	struct enginekit *k = *state;
	struct meddled m;

	enginekit_write(k, "a.mov", "film");
	meddle(&m, k);
	enginekit_run(k, 60000);
	assert_true(m.watched);
	assert_false(m.unheard);
	assert_non_null(enginekit_event(k, "a.mov"));
	unmeddle(&m);
}

static void test_included_rules_changed_while_it_scanned(void **state)
{
	struct enginekit *k = *state;
	struct meddled m;

	assert_int_equal(mkdir(enginekit_at(k, "sub"), 0700), 0);
	enginekit_write(k, ".stignore", "#include sub/rules\n");
	enginekit_write(k, "sub/rules", "nothing\n");
	enginekit_write(k, "sub/a.mov", "film");
	enginekit_write(k, "sub/b.tmp", "scratch");
	meddle(&m, k);
	m.armed = true;
	enginekit_run(k, 60000);
	assert_non_null(enginekit_event(k, "sub/a.mov"));
	assert_false(m.armed);
	if (enginekit_event(k, "sub/b.tmp") != NULL)
		assert_int_equal(enginekit_event(k, "sub/b.tmp")->op, 'd');
	unmeddle(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_root_is_watched_before_its_rules_are_read,
		    enginekit_setup, enginekit_teardown),
		cmocka_unit_test_setup_teardown(
		    test_included_rules_changed_while_it_scanned,
		    enginekit_setup, enginekit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
