#include "agent/nearest.h"

#include <string.h>

#define WORD_MAX 63 /* longer ones have no neighbours */

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits from a to b: insertions, deletions, replacements. */
static int edits(const char *a, const char *b)
{
	int row[WORD_MAX + 2];
	int n = (int)strlen(b);

	if (n > WORD_MAX)
		return WORD_MAX;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1] ? 1 : 0));
			diagonal = above;
		}
	}
	return row[n];
}

const char *nearest_of(const char *word, const char *const *list)
{
	int third = (int)strlen(word) / 3;
	int least = third < 2 ? 2 : third;
	const char *best = NULL;

	for (; *list != NULL; list++) {
		int d = edits(word, *list);

		if (d <= least) {
			best = *list;
			least = d - 1;
		}
	}
	return best;
}
