/*
 * Times on the wire: RFC 3339 in UTC with milliseconds and "Z".
 */
#ifndef VS_STAMP_H
#define VS_STAMP_H

#include <stddef.h>
#include <stdint.h>

#define VS_STAMP_SIZE 32 /* bytes of a formatted stamp, NUL included */

/* ms since 1970 to "2025-11-17T18:00:00.123Z"; returns out. */
const char *vs_stamp_format(int64_t ms, char out[VS_STAMP_SIZE]);

/*
 * Accepts "Z", an offset, a blank where a '+' was not escaped, up to nine
 * fraction digits, or plain epoch milliseconds.  Microseconds since 1970 to
 * *us.  VS_EINVAL for anything else.
 */
int vs_stamp_parse(const char *s, int64_t *us);

#endif
