/*
 * What a service needs to know of a request: against which store, when, by
 * whom, in which project; and where it says why it refused.  A service
 * function returns VS_OK, or a negative code with call->fault set.
 */
#ifndef CALL_H
#define CALL_H

#include <stdint.h>

#include "cloud/service/fault.h"
#include "cloud/service/tell.h"
#include "cloud/store/store.h"
#include "common/os/rand.h"

struct call {
	struct store *store; /* inside a transaction */
	struct vs_rand *rand;
	int64_t wall_ms; /* now, since 1970 */
	struct store_user user; /* who asks; id "" before auth_user */
	struct store_project project; /* after auth_project */
	enum store_role role; /* in it */
	int64_t news; /* the log's new last seq; 0: it did not move */
	struct tell tell; /* its data is initialised by who makes the call */
	struct fault fault; /* why not */
};

#endif
