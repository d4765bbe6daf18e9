#include "agent/engine/seal.h"

#include <stddef.h>
#include <string.h>

#include "agent/engine/stage.h"
#include "agent/scan/ignore.h"
#include "agent/state/manifest.h"

#define VERSION "vsync " VS_VERSION

/* What is hashed. */
struct seal_text {
	uint8_t names[VS_SHA256_SIZE];
	char rules[VS_HASH_HEX + 1];
	char version[sizeof(VERSION)];
	char dir[VS_PATH_MAX + 1];
};

/*
 * With the rules and the version, because they say what is to have a row, and
 * the path, because they say it by that.
 */
static int seal_of(struct engine *e, const char *dir, struct roster *names,
    uint8_t out[VS_SHA256_SIZE])
{
	struct seal_text all = { .version = VERSION };
	size_t n = strlen(dir);
	int rc = n <= VS_PATH_MAX ? roster_digest(names) : VS_ELIMIT;

	if (rc < 0)
		return rc;
	ignore_digest(e->rules.set, all.rules);
	memcpy(all.names, names->digest, sizeof(all.names));
	memcpy(all.dir, dir, n);
	vs_sha256(&all, offsetof(struct seal_text, dir) + n, out);
	return VS_OK;
}

int seal_holds(
    struct engine *e, const char *dir, struct roster *names, struct vs_err *err)
{
	uint8_t seal[VS_SHA256_SIZE];

	/* without one the rows tell */
	if (seal_of(e, dir, names, seal) < 0)
		return 0;
	return manifest_sealed(&e->state, dir, seal, err);
}

int seal_put(
    struct engine *e, const char *dir, struct roster *names, struct vs_err *err)
{
	uint8_t seal[VS_SHA256_SIZE];
	int rc;

	if (seal_of(e, dir, names, seal) < 0)
		return 0;
	rc = stage_begin(e, err);
	return rc < 0 ? rc : manifest_seal(&e->state, dir, seal, err);
}
