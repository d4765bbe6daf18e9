/*
 * When a file that may still be written to counts as whole.  Pure.
 *
 * The longer a file, the longer the pauses of what writes it (a renderer, a
 * copy over a slow line) and the dearer a hash in vain.
 */
#ifndef QUIET_H
#define QUIET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * ms without a write after which a file of size bytes counts as whole where
 * the system does not say who has it open; ten times that where it says
 * that somebody has (held).
 */
int64_t quiet_ms(int64_t size, bool held);

#define QUIET_BURST 4 /* growths published at once */
#define QUIET_EVERY_MS 30000 /* then one in so long */

/*
 * A file that grows again and again (a log) has an account: a moment on the
 * clock of now; 0 is a new one.
 *
 * ms until the file may be published again; 0 for now.
 */
int64_t quiet_wait(int64_t account, int64_t now_ms);

/* The account after a publication at now_ms. */
int64_t quiet_spend(int64_t account, int64_t now_ms);

#endif
