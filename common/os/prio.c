#include "common/os/prio.h"

#include <unistd.h>

#if defined(__APPLE__)
#include <sys/resource.h>
#elif defined(__linux__)
#include <linux/ioprio.h>
#include <sys/syscall.h>
#endif

void vs_prio_io(bool low)
{
#if defined(__APPLE__)
	(void)setiopolicy_np(IOPOL_TYPE_DISK, IOPOL_SCOPE_THREAD,
	    low ? IOPOL_UTILITY : IOPOL_DEFAULT);
#elif defined(__linux__)
	/* not the idle class: behind a busy disk it might never end */
	int prio = low ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7)
		       : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);

	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, prio);
#else
	(void)low;
#endif
}
