/* Stand-in for macOS's header: what agent/watch/fsevents.c uses of it. */
#ifndef STANDIN_DISPATCH_H
#define STANDIN_DISPATCH_H

typedef struct standin_queue *dispatch_queue_t;
typedef void (*dispatch_function_t)(void *arg);

dispatch_queue_t dispatch_queue_create(const char *label, void *attributes);
void dispatch_release(dispatch_queue_t queue);
void dispatch_sync_f(
    dispatch_queue_t queue, void *arg, dispatch_function_t work);

#endif
