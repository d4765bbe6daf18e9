/*
 * A cloud for unit tests: a store in a temporary directory with three users
 * (an owner, a member, a stranger), one project and one device, and the API
 * without HTTP.
 */
#ifndef CLOUDKIT_H
#define CLOUDKIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>

#include "cloud/api/api.h"
#include "cloud/service/account.h"
#include "cloud/service/call.h"
#include "cloud/store/store.h"
#include "common/os/rand.h"

struct cloudkit {
	char dir[64];
	char file[96]; /* of the database */
	struct store *store;
	struct vs_rand rand;
	int64_t wall_ms; /* the clock; the test moves it */
	struct account_token owner, member, stranger;
	char project[STORE_ID];
	char device[STORE_ID]; /* the owner's */
	bool upgrade; /* requests open a WebSocket */
	/* of the latest answer */
	int status;
	struct api_answer answer;
};

/* Fail the test when something does not work. */
struct cloudkit *cloudkit_new(void);
void cloudkit_free(struct cloudkit *k);

/* Closes the store and opens it again. */
void cloudkit_reopen(struct cloudkit *k);

/*
 * One request in a transaction of its own; target is path?query; "%P" in it
 * stands for the project.  k->status and k->answer stay until the next one.
 * The body as JSON, or NULL when it is none; the caller owns it.
 */
json_t *cloudkit_ask(struct cloudkit *k, const char *token, const char *method,
    const char *target, const char *body);

/* The same by the owner, with a body by format. */
json_t *cloudkit_post(struct cloudkit *k, const char *target, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* A member of obj by a path like "results.0.seq"; fails if there is none. */
const json_t *cloudkit_at(const json_t *obj, const char *path);
int64_t cloudkit_int(const json_t *obj, const char *path);
const char *cloudkit_str(const json_t *obj, const char *path);

/* Asserts the latest status and the code of doc; lets doc go. */
void cloudkit_refused(
    struct cloudkit *k, json_t *doc, int status, const char *code);

/*
 * Publishes without a batch: changes is the text of the array's elements.
 * Asserts a 200; the caller owns the answer.
 */
json_t *cloudkit_publish(struct cloudkit *k, const char *changes);

/* n upserts (op create) or deletes of prefix0 ... in batches. */
void cloudkit_many(
    struct cloudkit *k, const char *op, const char *prefix, int from, int to);

/* Asserts: seqs are 1..n, and replaying the log gives the listing. */
void cloudkit_agree(struct cloudkit *k);

/* A call as a handler gets it, by the owner, inside a transaction. */
struct call cloudkit_begin(struct cloudkit *k);
void cloudkit_commit(struct cloudkit *k);

#endif
