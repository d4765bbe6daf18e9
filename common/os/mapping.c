#include "common/os/mapping.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/os/fstype.h"

/* A signal's handler has no argument: what it needs must stand here. */
static struct {
	atomic_bool up;
	struct sigaction before;
} guard;

/* The piece this thread looks at; len 0: none. */
static _Thread_local struct {
	char *volatile at;
	volatile size_t len;
	volatile bool lost;
} piece;

/* From the kernel, for an access of this thread, not by a process. */
static bool is_fault(const siginfo_t *info)
{
#ifdef BUS_MCEERR_AR
	if (info->si_code == BUS_MCEERR_AR)
		return true;
#endif
	return info->si_code == BUS_ADRERR || info->si_code == BUS_ADRALN ||
	    info->si_code == BUS_OBJERR;
}

/* All of the piece, not the page: that divides no mapping, so cannot fail. */
static bool piece_blank(const char *fault)
{
	char *at = piece.at;
	size_t len = piece.len;

	if ((uintptr_t)fault - (uintptr_t)at >= len || piece.lost)
		return false;
	piece.lost = true;
	return mmap(at, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == at;
}

static void bus_caught(int number, siginfo_t *info, void *context)
{
	int e = errno;

	(void)context;
	if (!is_fault(info) || !piece_blank(info->si_addr)) {
		(void)sigaction(number, &guard.before, NULL);
		/* a fault comes again when we return */
		if (!is_fault(info))
			(void)raise(number);
	}
	errno = e;
}

int vs_mapping_guard(struct vs_err *err)
{
	struct sigaction act = { .sa_sigaction = bus_caught,
		.sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction old;

	sigemptyset(&act.sa_mask);
	if (sigaction(SIGBUS, NULL, &old) != 0)
		return vs_err_errno(err, errno, "SIGBUS");
	if ((old.sa_flags & SA_SIGINFO) == 0 || old.sa_sigaction != bus_caught)
		guard.before = old;
	if (sigaction(SIGBUS, &act, NULL) != 0)
		return vs_err_errno(err, errno, "SIGBUS");
	atomic_store(&guard.up, true);
	return VS_OK;
}

bool vs_mapping_may(int fd)
{
	return atomic_load(&guard.up) && vs_fstype_near(fd);
}

int vs_mapping_use(int fd, int64_t off, size_t len,
    void (*look)(void *arg, const void *data, size_t len), void *arg)
{
	struct stat now;
	bool lost;
	char *at;

	assert(atomic_load(&guard.up) && len > 0 && piece.len == 0);
	at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, off);
	if (at == MAP_FAILED)
		return vs_err_errno(NULL, errno, "map");
	/* each page once: it is no more in use for our having seen it */
	(void)posix_madvise(at, len, POSIX_MADV_SEQUENTIAL);
	piece.at = at;
	piece.lost = false;
	piece.len = len;
	look(arg, at, len);
	piece.len = 0;
	lost = piece.lost;
	munmap(at, len);
	/* of the page in which a file ends, the rest is zeros and no fault */
	if (lost || fstat(fd, &now) != 0 || now.st_size < off + (int64_t)len)
		return VS_ECHANGED;
	return VS_OK;
}
