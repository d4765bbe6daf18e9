#include "common/proto/control.h"

#include <stddef.h>

#include "common/base/err.h"

static const struct {
	int code;
	enum vs_exit exit;
} control_exits[] = {
	{ VS_OK, VS_EXIT_OK },
	{ VS_EINVAL, VS_EXIT_USAGE },
	{ VS_ENOMEM, VS_EXIT_TEMPFAIL },
	{ VS_ENOENT, VS_EXIT_NOT_FOUND },
	{ VS_EACCES, VS_EXIT_PERMISSION },
	{ VS_EIO, VS_EXIT_TEMPFAIL },
	{ VS_ENOSPC, VS_EXIT_LIMIT },
	{ VS_EBUSY, VS_EXIT_AGAIN },
	{ VS_ELIMIT, VS_EXIT_LIMIT },
	{ VS_ESCHEMA, VS_EXIT_CONFIG },
	{ VS_ENET, VS_EXIT_AGAIN },
	{ VS_ETIMEDOUT, VS_EXIT_AGAIN },
	{ VS_ECANCELED, VS_EXIT_TEMPFAIL },
	{ VS_EAUTH, VS_EXIT_PERMISSION },
	{ VS_EFORBIDDEN, VS_EXIT_PERMISSION },
	{ VS_ECONFLICT, VS_EXIT_DECIDE },
	{ VS_ECHANGED, VS_EXIT_AGAIN },
	{ VS_EAGAIN, VS_EXIT_AGAIN },
	{ VS_ECONFIG, VS_EXIT_CONFIG },
	{ VS_EROOT, VS_EXIT_DECIDE },
	{ VS_EHELD, VS_EXIT_DECIDE },
	{ VS_ENOAGENT, VS_EXIT_NO_AGENT },
};

enum vs_exit vs_control_exit(int code)
{
	size_t n = sizeof(control_exits) / sizeof(control_exits[0]);

	for (size_t i = 0; i < n; i++) {
		if (control_exits[i].code == code)
			return control_exits[i].exit;
	}
	return VS_EXIT_ERROR;
}
