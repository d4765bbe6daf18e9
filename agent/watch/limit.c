#include "agent/watch/limit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The first is the system's, the second that of a user namespace. */
static const char *const NAMES[][2] = {
	[LIMIT_WATCHES] = { "fs.inotify.max_user_watches",
	    "user.max_inotify_watches" },
	[LIMIT_INSTANCES] = { "fs.inotify.max_user_instances",
	    "user.max_inotify_instances" },
};

static bool setting_read(const char *sys, const char *name, int64_t *out)
{
	char path[PATH_MAX];
	long long value;
	FILE *f;
	bool good;
	int n = snprintf(path, sizeof(path), "%s/%s", sys, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	for (char *c = path + strlen(sys); *c != '\0'; c++)
		*c = *c == '.' ? '/' : *c;
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	good = fscanf(f, "%lld", &value) == 1 && value >= 0;
	fclose(f);
	*out = good ? value : 0;
	return good;
}

bool limit_read(enum limit_of what, const char *sys, struct limit *out)
{
	bool found = false;

	for (int i = 0; i < 2; i++) {
		const char *name = NAMES[what][i];
		int64_t value;

		if (!setting_read(
			sys != NULL ? sys : "/proc/sys", name, &value))
			continue;
		if (found && value >= out->allowed)
			continue;
		*out = (struct limit){ .name = name, .allowed = value };
		found = true;
	}
	return found;
}

int64_t limit_enough(enum limit_of what, int64_t allowed, int64_t needed)
{
	int64_t step = what == LIMIT_WATCHES ? 65536 : 128;

	return (allowed + needed + step - 1) / step * step;
}
