#include "tests/sim/plainjudge.h"

#include <string.h>

#include "tests/sim/oracle.h"
#include "tests/sim/plainbox.h"

/* What is late has arrived by then, and the agent has looked at the log. */
#define LATE_MS (15 * 60 * 1000)

/* Files only: a plain server takes nothing else. */
static void files_of(const struct table *all, struct table *files)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->row[i].kind, "file"))
			table_append(files, &all->row[i]);
	table_sort(files);
}

static bool compare(struct world *w)
{
	struct table disk, own, files;
	char why[900];
	bool ok;

	table_init(&disk);
	table_init(&own);
	table_init(&files);
	ok = w->engine && oracle_tables(w, &disk, &own);
	files_of(&disk, &files);
	if (ok &&
	    (!table_equal(
		 &disk, "the folder", &own, "the manifest", why, sizeof(why)) ||
		!table_equal(&files, "the folder", plainbox_files(w->plain),
		    "the plain server", why, sizeof(why))))
		ok = world_fail(w, "%s", why);
	table_release(&disk);
	table_release(&own);
	table_release(&files);
	return ok;
}

bool plainjudge(struct world *w)
{
	int64_t seq;

	if (!oracle_settle(w, true) || !world_run(w, LATE_MS) ||
	    !oracle_settle(w, true) || !compare(w))
		return false;
	w->unveiled = false;
	w->rules++;
	seq = plainbox_seq(w->plain);
	if (!oracle_settle(w, true) || !world_run(w, LATE_MS))
		return false;
	if (plainbox_seq(w->plain) != seq)
		return world_fail(w, "a second sync made %lld events",
		    (long long)(plainbox_seq(w->plain) - seq));
	return true;
}
