/* What can be asked of this program: a table of verbs. */
#ifndef VERB_H
#define VERB_H

#include "cli/call.h"
#include "cli/print.h"

struct verb {
	const char *name;
	const char *args; /* as in "[PATH]", or "" */
	const char *summary; /* a few words */
	const char *examples; /* a command a line, each indented by two */
	const char *text; /* what else there is to know */
	unsigned takes; /* enum options_flags */
	int least, most; /* arguments */
	int (*run)(struct call *c); /* VS_OK or what c->trouble has */
};

/* The table, ended by NULL, in the order of help. */
const struct verb *const *verb_table(void);

/* The verb of that name, or NULL. */
const struct verb *verb_find(const char *name);

/* The verb that name may have meant, or NULL if none is close. */
const struct verb *verb_nearest(const char *name);

/* All verbs with their summaries. */
void verb_print_all(struct print *p);

/* All about one, examples first. */
void verb_print(const struct verb *v, struct print *p);

extern const struct verb verb_login, verb_init, verb_watch, verb_status,
    verb_ls, verb_log, verb_rescan, verb_flush, verb_wait, verb_pause,
    verb_resume, verb_held, verb_why, verb_check_ignore, verb_version,
    verb_help, verb_invite, verb_join, verb_members, verb_adopt, verb_pull,
    verb_transfers, verb_cancel;

#endif
