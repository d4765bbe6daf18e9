#include "cli/interrupt.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void those(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

int interrupt_init(struct interrupt *i, struct vs_err *err)
{
	sigset_t set;

	*i = (struct interrupt){ .fd = -1 };
	those(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return vs_err_errno(err, errno, "block signals");
	i->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (i->fd < 0)
		return vs_err_errno(err, errno, "watch for signals");
	/* A reader that went away is told by EPIPE, so that we can tidy up. */
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

void interrupt_release(struct interrupt *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

bool interrupt_came(struct interrupt *i)
{
	struct signalfd_siginfo info;
	sigset_t set;

	assert(i->fd >= 0);
	if (i->number != 0)
		return true;
	if (read(i->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	i->number = (int)info.ssi_signo;
	those(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return true;
}

bool interrupt_wait(struct interrupt *i, int ms)
{
	struct pollfd p = { .fd = i->fd, .events = POLLIN };

	assert(ms >= 0);
	/* Whatever ends the poll, the caller looks at its own clock. */
	if (i->number == 0)
		poll(&p, 1, ms);
	return interrupt_came(i);
}

void interrupt_die(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	signal(number, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	abort(); /* not reached: its nature is to end us */
}
