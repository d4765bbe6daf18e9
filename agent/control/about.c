#include <unistd.h>

#include "agent/control/verbs.h"
#include "common/proto/control.h"

void about_version(struct request *r)
{
	request_ok(r,
	    json_pack(
		"{s:s, s:i}", "version", VS_VERSION, "pid", (int)getpid()));
}

void about_quit(struct request *r)
{
	agent_quit(r->agent);
	request_ok(r, json_pack("{s:i}", "pid", (int)getpid()));
}
