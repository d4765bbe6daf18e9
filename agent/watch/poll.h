/* How often a folder that nothing is heard of is scanned.  Pure. */
#ifndef POLL_H
#define POLL_H

#include <stdint.h>

/*
 * How long to wait after a scan whose walk took took_ms: never so short that
 * scanning takes more than about a tenth of the time.
 */
int64_t poll_interval_ms(int64_t took_ms);

#endif
