/*
 * Why a request was refused, as its sender will read it: one table of the
 * wire's codes with their HTTP statuses.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/proto/batch.h"

/* X(name, HTTP status, code on the wire) */
#define FAULT_MAP(X) \
	X(FAULT_JSON, 400, "bad_json") \
	X(FAULT_FIELD, 400, "bad_field") \
	X(FAULT_TOKEN, 401, "unauthorized") \
	X(FAULT_FORBIDDEN, 403, "forbidden") \
	X(FAULT_NOT_FOUND, 404, "not_found") \
	X(FAULT_METHOD, 405, "method_not_allowed") \
	X(FAULT_EXISTS, 409, "exists") \
	X(FAULT_MISMATCH, 409, "batch_mismatch") \
	X(FAULT_GAP, 409, "batch_gap") \
	X(FAULT_STALE, 409, "stale_epoch") \
	X(FAULT_FOLLOWS, 409, "epoch_order") \
	X(FAULT_PUBLISHER, 409, "not_publisher") \
	X(FAULT_CHANGED, 409, "changed") \
	X(FAULT_RECORDING, 409, "recording") \
	X(FAULT_LISTED, 409, "listed") \
	X(FAULT_MOVE, 409, "bad_move") \
	X(FAULT_SOURCE, 409, "no_source") \
	X(FAULT_TOO_MANY, 413, "too_many") \
	X(FAULT_UPGRADE, 426, "upgrade_required") \
	X(FAULT_DEVICE, 409, "unknown_device") \
	X(FAULT_INTERNAL, 500, "internal") \
	X(FAULT_UNAVAILABLE, 503, "unavailable") \
	X(FAULT_NO_SPACE, 507, "no_space")

enum fault_kind {
	FAULT_NONE,
#define FAULT_ENUM(name, status, code) name,
	FAULT_MAP(FAULT_ENUM)
#undef FAULT_ENUM
};

#define FAULT_FIELD_SIZE 64

struct fault {
	enum fault_kind kind;
	char field[FAULT_FIELD_SIZE]; /* "changes[3].path" or "" */
	char error[VS_ERR_MSG]; /* a sentence for people */
	int64_t expected; /* the counter to go on with; 0: none */
	bool linked; /* an epoch has to follow this: */
	struct vs_batch_mark follows;
};

/* Sets kind, field ("" for none) and sentence; always returns VS_EINVAL. */
int fault_set(struct fault *f, enum fault_kind kind, const char *field,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * The fault a failure (code, negative) of the store or the machine is to
 * its sender: no space, unavailable or internal, and nothing of paths or
 * SQL.  Always returns VS_EINVAL.
 */
int fault_failed(struct fault *f, int code);

/* The same, and the reason goes to the log. */
int fault_store(struct fault *f, const struct vs_err *err);

/* The HTTP status; 200 for FAULT_NONE. */
int fault_status(enum fault_kind kind);

/* Appends {"error","code","field"?,"expected"?,"follows"?}. */
void fault_write(struct vs_buf *b, const struct fault *f);

#endif
