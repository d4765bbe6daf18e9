/*
 * The tree's totals on the wire: "tree":{"count","bytes","checksum"}, as
 * every answer carries them that a client may compare with its own.
 */
#ifndef VS_TOTALS_H
#define VS_TOTALS_H

#include <stdbool.h>
#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/jtext.h"
#include "common/crypto/tree.h"

/* Appends {"count":N,"bytes":N,"checksum":"HEX"}. */
void vs_totals_write(struct vs_buf *b, const struct vs_tree *t);

/*
 * Reads member "tree" of obj.  *found is false and *t untouched when there
 * is none; VS_EINVAL or VS_EPROTO when it is not of its form.
 */
int vs_totals_read(
    const json_t *obj, struct vs_tree *t, bool *found, struct vs_err *err);

/* The object itself where x stands, in its usual form; else x is bad. */
void vs_totals_scan(struct vs_jtext *x, struct vs_tree *t);

#endif
