#include "tests/sim/memearly.h"

#include <stdlib.h>
#include <string.h>

struct memearly_dir *memearly_find(struct memearly *m, const char *dir)
{
	for (int i = 0; i < MEMEARLY_MAX; i++)
		if (m->at[i].dir && !strcmp(m->at[i].dir, dir))
			return &m->at[i];
	return NULL;
}

struct memearly_dir *memearly_add(struct memearly *m, const char *dir)
{
	for (int i = 0; i < MEMEARLY_MAX; i++) {
		if (m->at[i].dir)
			continue;
		m->at[i].dir = strdup(dir);
		if (!m->at[i].dir)
			abort();
		return &m->at[i];
	}
	return NULL;
}

void memearly_drop(struct memearly_dir *y)
{
	free(y->dir);
	roster_release(&y->names);
	memset(y, 0, sizeof(*y));
}

void memearly_drop_all(struct memearly *m)
{
	for (int i = 0; i < MEMEARLY_MAX; i++)
		memearly_drop(&m->at[i]);
}
