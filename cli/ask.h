/* Questions to a person, and secrets from a person or a pipe. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>

#include "cli/trouble.h"
#include "cli/interrupt.h"
#include "common/base/buf.h"

/*
 * Reads one line of standard input, without its end and blanks around it.
 * On a terminal prompt goes to standard error first and nothing is echoed.
 * VS_ECANCELED: interrupted.  VS_EINVAL: empty, too long (ceiling of line),
 * or with blanks or control characters inside.
 */
int ask_secret(struct vs_buf *line, const char *prompt, struct interrupt *intr,
    struct trouble *f);

/* VS_EINVAL unless secret may be one, as above. */
int ask_check(const char *secret, struct trouble *f);

/*
 * Asks on the terminal and sets *yes.  VS_ENOTSUP without setting trouble
 * where standard input is no terminal.
 */
int ask_yes(
    bool *yes, const char *question, struct interrupt *intr, struct trouble *f);

#endif
