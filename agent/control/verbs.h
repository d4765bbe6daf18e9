/*
 * The verbs of the control socket: each takes a request whose arguments are
 * those of common/proto/control.h and answers it, now or later.
 */
#ifndef VERBS_H
#define VERBS_H

#include "agent/control/request.h"

/* POST /v1/adopt: a replaced root, or the publisher's role. */
void adopt_serve(struct request *r);

/* GET /v1/version */
void about_version(struct request *r);

/* POST /v1/quit */
void about_quit(struct request *r);

/* POST /v1/login: asks the server who the token is, registers the device. */
void login_serve(struct request *r);

/* POST /v1/init: makes a project of a folder. */
void init_serve(struct request *r);

/* POST /v1/join: an invite makes a folder a member's. */
void join_serve(struct request *r);

/* POST /v1/invite */
void people_invite(struct request *r);

/* GET /v1/members */
void people_members(struct request *r);

/* POST /v1/members/remove */
void people_remove(struct request *r);

/* POST /v1/pull: a plan, and its pulls unless it is dry. */
void pull_serve(struct request *r);

/* GET /v1/transfers */
void pull_transfers(struct request *r);

/* POST /v1/cancel: one transfer or all. */
void pull_cancel(struct request *r);

/* GET /v1/status */
void status_serve(struct request *r);

/* GET /metrics */
void metrics_serve(struct request *r);

/* GET /v1/ls: a page of the cloud's listing, or of a member's mirror. */
void remote_ls(struct request *r);

/* GET /v1/log: a page of the cloud's log. */
void remote_log(struct request *r);

/* POST /v1/rescan: answered when it is done. */
void work_rescan(struct request *r);

/* POST /v1/pause, of one project or all. */
void work_pause(struct request *r);

/* POST /v1/resume, likewise. */
void work_resume(struct request *r);

/* GET /v1/why: where a path stands. */
void work_why(struct request *r);

/* POST /v1/check-ignore: which rule hides which path. */
void ignored_serve(struct request *r);

/* GET /v1/held: the deletions that wait for a person. */
void work_held(struct request *r);

/* POST /v1/held: that person's word. */
void work_decide(struct request *r);

/* POST /v1/flush: answered when all that was on the disk is in the cloud. */
void await_flush(struct request *r);

/* POST /v1/wait: the same, and then in sync with proof. */
void await_sync(struct request *r);

/* GET /v1/watch: news as they come, until the client goes. */
void stream_watch(struct request *r);

/* GET /v1/manifest: every entry known here. */
void stream_manifest(struct request *r);

#endif
