/*
 * Every ceiling and start value of the contract, in one place.  Bytes, ms
 * and counts as named.  (design: wire contract, "Limits"; DESIGN "Defaults".)
 */
#ifndef VS_LIMITS_H
#define VS_LIMITS_H

#define VS_PATH_MAX 4096 /* bytes of a path, no NUL */
#define VS_NAME_MAX 255 /* bytes of a component */

#define VS_BATCH_CHANGES 500 /* changes in one batch */
#define VS_BATCH_FLOOR 100 /* a batch this full goes at once */
#define VS_BATCH_WIRE (8 * 1024 * 1024) /* bytes of a request body */
#define VS_BATCH_INFLATED (16 * 1024 * 1024)
#define VS_BATCH_BYTES (1024 * 1024) /* what the agent puts in one */
#define VS_LINGER_MS 30 /* wait for a batch to fill */

#define VS_JSON_DEPTH 32
#define VS_JSON_STRING (64 * 1024)
#define VS_HASH_HEX 64 /* hex digits of SHA-256 */
#define VS_HASH_OPAQUE 128 /* bytes of a foreign hash string */

#define VS_HTTP_HEADERS (32 * 1024)
#define VS_HTTP_LINE (8 * 1024)
#define VS_CONTROL_BODY (1024 * 1024)

#define VS_CONNECT_MS 10000
#define VS_HEADER_MS 10000
#define VS_IDLE_MS 60000
#define VS_RETRY_MIN_MS 1000
#define VS_RETRY_MAX_MS (5 * 60 * 1000)
#define VS_RETRY_AFTER_MAX_MS (60 * 60 * 1000)

#define VS_SETTLE_MS 50 /* after CLOSE_WRITE or a rename */
#define VS_QUIET_MS 2000 /* written without a close */
#define VS_RESCAN_MS (24 * 60 * 60 * 1000LL)
#define VS_POLL_MIN_MS 5000 /* between scans where there are no events */
#define VS_POLL_TIMES 10 /* as long as the last one took */
#define VS_POLL_MAX_MS (60 * 60 * 1000LL)

#define VS_PAGE_LIMIT 500 /* rows of a page */
#define VS_WAIT_MAX_S 55 /* longest long-poll */

#define VS_HOLD_FLOOR 100 /* deletions never held below this */
#define VS_HOLD_PERCENT 25 /* of the files */

#endif
