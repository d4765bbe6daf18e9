#include "tests/sim/veil.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"

static int veil_read(
    void *arg, const char *path, char **text, size_t *len, struct vs_err *err)
{
	const struct memfs_node *n = memfs_at(arg, path, NULL);

	if (!n || n->kind != VS_KIND_FILE)
		return vs_err_set(err, VS_ENOENT, "no rules");
	*text = malloc(n->size + 1);
	if (!*text)
		abort();
	if (n->size)
		memcpy(*text, n->data, n->size);
	*len = n->size;
	return VS_OK;
}

struct ignore *veil_load(struct memfs *fs)
{
	const struct rule_reader reader = { .read = veil_read, .arg = fs };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	if (ignore_load(&g, &reader, &err) < 0)
		abort();
	return g;
}

struct walk {
	const struct ignore *rules;
	void (*each)(void *arg, const char *path);
	void *arg;
};

static void walk_dir(
    const struct walk *w, const struct memfs_node *dir, const char *at)
{
	for (size_t i = 0; i < dir->children; i++) {
		const struct memfs_node *n = dir->child[i];
		bool is_dir = n->kind == VS_KIND_DIR;
		char path[VS_PATH_MAX + 1];

		if (n->hidden ||
		    vs_path_join(path, sizeof(path), at, n->name) < 0)
			continue;
		if (ignore_path(w->rules, path, is_dir).kind != IGNORE_SHOWN)
			w->each(w->arg, path);
		if (is_dir)
			walk_dir(w, n, path);
	}
}

void veil_each(
    struct memfs *fs, void (*each)(void *arg, const char *path), void *arg)
{
	struct ignore *rules = veil_load(fs);
	const struct walk w = { .rules = rules, .each = each, .arg = arg };

	walk_dir(&w, memfs_at(fs, "", NULL), "");
	ignore_free(rules);
}
