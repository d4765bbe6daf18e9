#include "cli/verb.h"

#include <assert.h>
#include <string.h>

static const struct verb *const table[] = { &verb_login, &verb_init,
	&verb_watch, &verb_status, &verb_ls, &verb_log, &verb_rescan,
	&verb_flush, &verb_wait, &verb_pause, &verb_resume, &verb_held,
	&verb_adopt, &verb_why, &verb_check_ignore, &verb_invite, &verb_join,
	&verb_members, &verb_pull, &verb_transfers, &verb_cancel, &verb_version,
	&verb_help, NULL };

const struct verb *const *verb_table(void)
{
	return table;
}

const struct verb *verb_find(const char *name)
{
	for (int i = 0; table[i] != NULL; i++)
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
	return NULL;
}

enum { WORD = 16 }; /* longer words are no slips of a verb */

static int least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * How many letters have to be put, taken, changed or swapped with their
 * neighbour to make b of a (optimal string alignment).
 */
static int distance(const char *a, const char *b)
{
	int d[WORD + 1][WORD + 1];
	int n = (int)strlen(a), m = (int)strlen(b);

	assert(n <= WORD && m <= WORD);
	for (int i = 0; i <= n; i++)
		d[i][0] = i;
	for (int j = 0; j <= m; j++)
		d[0][j] = j;
	for (int i = 1; i <= n; i++)
		for (int j = 1; j <= m; j++) {
			int other = a[i - 1] != b[j - 1];
			d[i][j] = least(d[i - 1][j - 1] + other,
			    1 + least(d[i - 1][j], d[i][j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

const struct verb *verb_nearest(const char *name)
{
	const struct verb *best = NULL;
	int most = 3; /* slips that are still the same word */

	if (strlen(name) > WORD)
		return NULL;
	for (int i = 0; table[i] != NULL; i++) {
		int d = distance(name, table[i]->name);
		/* Half of a short word is another word. */
		if (d < most && 2 * d <= (int)strlen(table[i]->name)) {
			most = d;
			best = table[i];
		}
	}
	return best;
}

void verb_print_all(struct print *p)
{
	print_f(p,
	    "vsync publishes the changes of a folder to a log that "
	    "others follow.\n\n");
	print_f(p, "usage: vsync VERB [OPTIONS] [ARGUMENTS]\n\n");
	for (int i = 0; table[i] != NULL; i++)
		print_f(p, "  %-12s %s\n", table[i]->name, table[i]->summary);
	print_f(p,
	    "\n`vsync help VERB` tells all about one; so does "
	    "vsync(1).\n");
}

void verb_print(const struct verb *v, struct print *p)
{
	assert(v->least <= v->most);
	print_f(p, "vsync %s - %s\n\n", v->name, v->summary);
	print_ink(p, PRINT_BOLD, "Examples");
	print_f(p, "\n%s\n", v->examples);
	print_ink(p, PRINT_BOLD, "Usage");
	print_f(p, "\n  vsync %s [OPTIONS]%s%s\n\n", v->name,
	    v->args[0] != '\0' ? " " : "", v->args);
	print_f(p, "%s\n", v->text);
	print_ink(p, PRINT_BOLD, "Options");
	print_f(p, "\n");
	options_print(p, v->takes);
}
