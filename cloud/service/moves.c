#include "cloud/service/moves.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum moves_by {
	BY_EITHER,
	BY_REQUESTER,
	BY_OVERRULING, /* the requester, where only the source has spoken */
};

struct moves_row {
	enum store_status from;
	enum store_status to;
	enum moves_by by;
};

static const struct moves_row rows[] = {
	{ STORE_PENDING, STORE_IN_PROGRESS, BY_EITHER },
	{ STORE_PENDING, STORE_FAILED, BY_EITHER },
	{ STORE_PENDING, STORE_CANCELLED, BY_EITHER },
	/* its word that bytes come may arrive after that they are whole */
	{ STORE_PENDING, STORE_COMPLETED, BY_REQUESTER },
	{ STORE_IN_PROGRESS, STORE_COMPLETED, BY_EITHER },
	{ STORE_IN_PROGRESS, STORE_FAILED, BY_EITHER },
	{ STORE_IN_PROGRESS, STORE_CANCELLED, BY_EITHER },
	{ STORE_FAILED, STORE_PENDING, BY_REQUESTER },
	{ STORE_COMPLETED, STORE_FAILED, BY_OVERRULING },
	{ STORE_FAILED, STORE_COMPLETED, BY_OVERRULING },
};

static const char *const names[] = {
	[STORE_PENDING] = "pending",
	[STORE_IN_PROGRESS] = "in_progress",
	[STORE_COMPLETED] = "completed",
	[STORE_FAILED] = "failed",
	[STORE_CANCELLED] = "cancelled",
};

#define STATUSES (sizeof(names) / sizeof(names[0]))

const char *moves_name(enum store_status status)
{
	assert((size_t)status < STATUSES);
	return names[status];
}

int moves_parse(const char *name)
{
	size_t i;

	for (i = 0; i < STATUSES; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return VS_EINVAL;
}

bool moves_ended(enum store_status status)
{
	return status == STORE_COMPLETED || status == STORE_FAILED ||
	    status == STORE_CANCELLED;
}

bool moves_allow(
    const struct store_transfer *t, enum store_status to, bool requester)
{
	size_t i;

	if (t->status == to)
		return true;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].from != t->status || rows[i].to != to)
			continue;
		if (rows[i].by == BY_EITHER)
			return true;
		return requester && (rows[i].by == BY_REQUESTER || !t->verdict);
	}
	return false;
}
