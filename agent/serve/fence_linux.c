/*
 * Landlock holds the files (and, where the kernel knows how, TCP, abstract
 * sockets and signals); seccomp allows the calls that serving takes.  What
 * seccomp refuses fails with EPERM instead of killing: a library that tries
 * something new gets an error, not the end of the server.
 */
#include "agent/serve/fence.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct landlock_ruleset_attr of the ABI 6; older kernels take less. */
struct fence_ruleset {
	uint64_t fs;
	uint64_t net; /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
};

#define FENCE_FS_1 ((1ULL << 13) - 1) /* execute to make_sym */
#define FENCE_FS_REFER (1ULL << 13) /* ABI 2 */
#define FENCE_FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define FENCE_FS_IOCTL (1ULL << 15) /* ABI 5 */
#define FENCE_NET 3ULL /* bind, connect */
#define FENCE_SCOPED 3ULL /* abstract sockets, signals */

static struct fence_ruleset fence_rules(int abi)
{
	struct fence_ruleset r = { .fs = FENCE_FS_1 };

	if (abi >= 2)
		r.fs |= FENCE_FS_REFER;
	if (abi >= 3)
		r.fs |= FENCE_FS_TRUNCATE;
	if (abi >= 4)
		r.net = FENCE_NET;
	if (abi >= 5)
		r.fs |= FENCE_FS_IOCTL;
	if (abi >= 6)
		r.scoped = FENCE_SCOPED;
	return r;
}

static size_t fence_rules_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct fence_ruleset);
	return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int fence_allow(
    int ruleset, const int *dirs, size_t n, struct vs_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
			.parent_fd = dirs[i],
		};

		if (syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
			return vs_err_errno(err, errno, "Landlock: a folder");
	}
	return VS_OK;
}

/* The ABI that holds from now on, 0 where there is none, or negative. */
static int fence_files(const int *dirs, size_t n, struct vs_err *err)
{
	struct fence_ruleset rules;
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset;
	int rc;

	/* not built in, or not switched on; a sandbox may refuse it */
	if (abi < 1)
		return 0;
	rules = fence_rules(abi);
	ruleset = (int)syscall(
	    SYS_landlock_create_ruleset, &rules, fence_rules_size(abi), 0);
	if (ruleset < 0)
		return vs_err_errno(err, errno, "Landlock");
	rc = fence_allow(ruleset, dirs, n, err);
	if (rc == VS_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = vs_err_errno(err, errno, "Landlock");
	close(ruleset);
	return rc < 0 ? rc : abi;
}

/* What is allowed whatever its arguments. */
static const int fence_calls[] = {
	/* the connections, the agent, the log */
	SCMP_SYS(accept4), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(close),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(fcntl),
	/* files */
	SCMP_SYS(openat2), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(pread64), SCMP_SYS(lseek),
	SCMP_SYS(fadvise64),
	/* the loop and time */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(eventfd2), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(getrandom),
	/* memory and threads */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(membarrier), SCMP_SYS(exit),
	SCMP_SYS(exit_group)
};

/* What is allowed with some arguments only; 0 or -errno. */
static int fence_some(scmp_filter_ctx c)
{
	int rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, 0));

	if (rc == 0)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_EQ, FIONBIO, 0));
	/* threads, no processes; whose arguments nobody sees is not there */
	if (rc == 0)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (rc == 0)
		rc = seccomp_rule_add(
		    c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

/* 1 when it holds, 0 where it is not to be had, or negative. */
static int fence_system_calls(struct vs_err *err)
{
	scmp_filter_ctx c;
	int rc = 0;

	c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (c == NULL)
		return vs_err_set(err, VS_ENOMEM, "seccomp: out of memory");
	for (size_t i = 0;
	     i < sizeof(fence_calls) / sizeof(fence_calls[0]) && rc == 0; i++)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, fence_calls[i], 0);
	if (rc == 0)
		rc = fence_some(c);
	if (rc != 0) {
		seccomp_release(c);
		return vs_err_errno(err, -rc, "seccomp: a rule");
	}
	/* a kernel without it, or a sandbox around us that refuses it */
	rc = seccomp_load(c);
	seccomp_release(c);
	return rc == 0 ? 1 : 0;
}

int fence_raise(
    const int *dirs, size_t n, struct fence_report *out, struct vs_err *err)
{
	int rc;

	assert(dirs != NULL || n == 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return vs_err_errno(err, errno, "no new privileges");
	rc = fence_files(dirs, n, err);
	if (rc < 0)
		return rc;
	out->landlock = rc;
	rc = fence_system_calls(err);
	out->seccomp = rc == 1;
	return rc < 0 ? rc : VS_OK;
}
