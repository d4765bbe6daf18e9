#include "agent/scan/ignore.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "common/base/limits.h"

/* A leading '/' ties a rule to the root. */
static const char *const rules[] = {
	"/.vsync",
	"/.stfolder",
	"/.stversions",
	".syncthing.*.tmp",
	"~syncthing~*.tmp",
	NULL,
};

const char *const *ignore_rules(void)
{
	return rules;
}

const char *ignore_rule(const char *dir, const char *name)
{
	for (size_t i = 0; rules[i] != NULL; i++) {
		const char *rule = rules[i];

		if (rule[0] == '/' && dir[0] != '\0')
			continue;
		if (fnmatch(rule + (rule[0] == '/'), name, 0) == 0)
			return rule;
	}
	return NULL;
}

const char *ignore_path(const char *path)
{
	char name[VS_PATH_MAX + 1];
	const char *at = path;

	for (;;) {
		size_t n = strcspn(at, "/");
		const char *rule;

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, at, n);
		name[n] = '\0';
		rule = ignore_rule(at == path ? "" : path, name);
		if (rule != NULL || at[n] == '\0')
			return rule;
		at += n + 1;
	}
}
