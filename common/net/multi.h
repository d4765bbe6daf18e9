/*
 * libcurl's transfers on a loop: libcurl tells which sockets it waits for and
 * when it wants to be called (curl_multi_socket_action(3)), libuv does the
 * waiting.
 */
#ifndef MULTI_H
#define MULTI_H

#include <curl/curl.h>
#include <uv.h>

#include "common/base/err.h"

struct vs_multi;

/*
 * turned is called from the loop each time libcurl has had a turn: there may
 * be something for curl_multi_info_read(3).  It may call vs_multi_close.
 * VS_ENOMEM.
 */
int vs_multi_new(struct vs_multi **out, uv_loop_t *loop,
    void (*turned)(void *arg), void *arg, struct vs_err *err);

/* To add transfers to and to read results from; not to be cleaned up. */
CURLM *vs_multi_handle(const struct vs_multi *m);

/* libcurl has nothing more to do: its wishes for a time are ignored. */
void vs_multi_rest(struct vs_multi *m);

/*
 * Lets go of libcurl at once, which must have no transfer any more; closed is
 * called when the loop has let go as well, and m is gone when it returns.
 */
void vs_multi_close(struct vs_multi *m, void (*closed)(void *arg), void *arg);

#endif
