#include "agent/engine/engine.h"

#include "agent/engine/core.h"
#include "agent/engine/rules.h"
#include "agent/engine/work.h"

/* path is a folder, as far as anybody knows. */
static bool is_dir(struct engine *e, const char *path)
{
	struct disk_stat seen;

	if (e->world.disk->look(e->world.disk, path, &seen, NULL) == 0)
		return !seen.odd && seen.kind == VS_KIND_DIR;
	return !e->fault.on && work_is_dir(e, path);
}

json_t *engine_ignored(struct engine *e, const char *path, struct vs_err *err)
{
	struct ignore_verdict v = { .kind = IGNORE_SHOWN };
	bool entered, ignored;

	if (!e->rules.ready) {
		vs_err_set(err, VS_EBUSY, "the ignore rules: %s",
		    e->rules.why[0] != '\0' ? e->rules.why : "not read yet");
		return NULL;
	}
	if (path[0] != '\0')
		v = rules_judge(e, path, is_dir(e, path));
	entered = v.kind == IGNORE_REACHED;
	ignored = v.kind == IGNORE_HIDDEN ||
	    (entered && (e->fault.on || !work_is_dir(e, path)));
	if (v.rule == NULL)
		return json_pack("{s:s, s:b, s:b, s:n, s:n, s:n, s:n}", "path",
		    path, "ignored", 0, "entered", 0, "rule", "source", "line",
		    "class");
	return json_pack("{s:s, s:b, s:b, s:s, s:s?, s:o, s:s?}", "path", path,
	    "ignored", ignored, "entered", entered, "rule", v.rule->text,
	    "source", v.rule->line > 0 ? v.rule->source : NULL, "line",
	    v.rule->line > 0 ? json_integer(v.rule->line) : json_null(),
	    "class", v.rule->line > 0 ? NULL : v.rule->source);
}

const char *engine_rules_fault(const struct engine *e)
{
	return e->rules.why;
}
