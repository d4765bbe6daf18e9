/*
 * The verbs of the control socket: each takes a request whose arguments are
 * those of common/proto/control.h and answers it, now or later.
 */
#ifndef VERBS_H
#define VERBS_H

#include "agent/control/request.h"

/* about.c: the agent itself. */
void about_version(struct request *r);
void about_quit(struct request *r);

/* login.c, init.c */
void login_serve(struct request *r);
void init_serve(struct request *r);

/* status.c */
void status_serve(struct request *r);

/* metrics.c */
void metrics_serve(struct request *r);

/* remote.c: what the cloud has. */
void remote_ls(struct request *r);
void remote_log(struct request *r);

/* work.c: what the engine is asked to do. */
void work_rescan(struct request *r);
void work_pause(struct request *r);
void work_resume(struct request *r);
void work_why(struct request *r);
void work_held(struct request *r);
void work_decide(struct request *r);

/* await.c: what waits. */
void await_flush(struct request *r);
void await_sync(struct request *r);

/* stream.c */
void stream_watch(struct request *r);
void stream_manifest(struct request *r);

#endif
