#include <string.h>

#include "cloud/api/handlers.h"
#include "common/crypto/sha256.h"

static int open_socket(struct call *call, const struct input *in,
    enum feed_form form, struct api_answer *a)
{
	struct api_socket *socket = &a->socket;
	const char *token = in->request->token;
	int64_t since = call->project.last_seq;
	int rc = input_number(call, in, "since_seq", 0, &since);

	if (rc != VS_OK)
		return rc;
	if (!in->request->upgrade) {
		(void)api_header(call, a, "Upgrade: websocket");
		(void)api_header(call, a, "Sec-WebSocket-Version: 13");
		return fault_set(&call->fault, FAULT_UPGRADE, "",
		    "this address is a WebSocket of version 13");
	}
	/* an event that is not there yet cannot have been seen */
	if (since > call->project.last_seq)
		since = call->project.last_seq;
	socket->form = form;
	socket->since_seq = since;
	memcpy(socket->user_id, call->user.id, sizeof(socket->user_id));
	memcpy(socket->log_id, call->project.log_id, sizeof(socket->log_id));
	vs_sha256(token, strlen(token), socket->token);
	memcpy(a->project_id, call->project.id, sizeof(a->project_id));
	a->status = 101;
	return feed_hello(call, &a->body, &socket->access);
}

int api_push_stream(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return open_socket(call, in, FEED_STREAM, a);
}

int api_push_room(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return open_socket(call, in, FEED_ROOM, a);
}
