/*
 * What the server is told: a flag wins over the environment, that over the
 * configuration file, that over the default.
 *
 *   [cloud]                            flag       environment
 *   listen = HOST:PORT                 --listen   VSYNC_LISTEN
 *   db = sqlite:FILE                   --db       VSYNC_DB
 *   log = plain|json
 *   log_level = error|warning|info|debug
 *
 * The file is --config, else VSYNC_CLOUD_CONFIG, else /etc/vsync/cloud.conf,
 * and only the last may be missing.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "common/base/err.h"
#include "common/base/log.h"

#define SETTINGS_FILE "/etc/vsync/cloud.conf"
#define SETTINGS_LISTEN "127.0.0.1:8765"
#define SETTINGS_DB "sqlite:/var/lib/vsync-cloud/cloud.db"

struct settings {
	char *listen;
	char *db;
	enum vs_log_format format;
	enum vs_log_level level;
};

/*
 * From file (NULL: as above) and the environment; flags are set on top with
 * settings_flag.  VS_ECONFIG names the file, the line and what is known.
 */
int settings_load(struct settings *s, const char *file, struct vs_err *err);
/* Frees what settings_load made, also after it failed. */
void settings_release(struct settings *s);

/* Replaces *member (of s) by a copy of value; NULL changes nothing. */
int settings_flag(char **member, const char *value, struct vs_err *err);

#endif
