/*
 * The life of an agent of our own:
 *
 *   begin   spawned in a process group of its own, so that Ctrl-C reaches us
 *           alone; its standard input is the read end of a pipe that we hold
 *   wait    until somebody serves the socket: ours, or one that was faster,
 *           in which case ours says so and ends, and is reaped
 *   live    what it writes to standard error is read now and then: warnings
 *           are passed on, the last line is kept for the day it dies
 *   stop    the pipe is closed; SIGTERM after ten seconds, SIGKILL after five
 *           more: it is crash-only, so that even that loses nothing
 *
 * When we are killed the kernel closes the pipe, and it ends all the same.
 */
#include "cli/launch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/os/clock.h"

#define PROGRAM "vsync-agent"

enum {
	STEP_MS = 20,
	START_MS = 20000, /* a large state may have to be recovered */
	STOP_MS = 10000, /* it promises 2 s */
	KILL_MS = 5000,
};

void launch_init(struct launch *l)
{
	*l = (struct launch){ .in = -1, .err = -1 };
}

static void nap(void)
{
	struct timespec t = { .tv_nsec = STEP_MS * 1000000L };

	nanosleep(&t, NULL);
}

/* The program to run: a path, or a bare name to look for in PATH. */
static void find_program(char out[PATH_MAX])
{
	const char *named = getenv("VSYNC_AGENT");
	ssize_t n;
	char *slash;

	if (named != NULL && named[0] != '\0') {
		snprintf(out, PATH_MAX, "%s", named);
		return;
	}
	n = readlink("/proc/self/exe", out, PATH_MAX - sizeof(PROGRAM));
	if (n > 0) {
		out[n] = '\0';
		slash = strrchr(out, '/');
		if (slash != NULL) {
			memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
			if (access(out, X_OK) == 0)
				return;
		}
	}
	snprintf(out, PATH_MAX, "%s", PROGRAM);
}

/* A whole line is in l->line. */
static void take_line(struct launch *l)
{
	char *s = l->line;
	int level = VS_LOG_WARN;

	l->line[l->len] = '\0';
	l->len = 0;
	/* The journal's priority is not for people. */
	if (s[0] == '<' && s[1] >= '0' && s[1] <= '7' && s[2] == '>') {
		level = s[1] - '0';
		s += 3;
	}
	if (s[0] == '\0')
		return;
	snprintf(l->last, sizeof(l->last), "%s", s);
	if (l->say != NULL && level <= VS_LOG_WARN)
		l->say(l->say_arg, s);
}

static void drain(struct launch *l)
{
	char data[4096];
	ssize_t n;

	assert(l->len < sizeof(l->line));
	while (l->err >= 0 && (n = read(l->err, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (data[i] == '\n')
				take_line(l);
			else if (l->len < sizeof(l->line) - 1)
				l->line[l->len++] = data[i];
}

static void close_in(struct launch *l)
{
	if (l->in >= 0)
		close(l->in);
	l->in = -1;
}

/* Forgets a child that has been reaped. */
static void gone(struct launch *l)
{
	assert(l->pid >= 0);
	drain(l);
	close_in(l);
	if (l->err >= 0)
		close(l->err);
	l->err = -1;
	l->pid = 0;
}

static int spawn_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, piped;

	sigemptyset(&none);
	sigemptyset(&piped);
	sigaddset(&piped, SIGPIPE);
	/* A group of its own: Ctrl-C is for us, who then end it in order. */
	return posix_spawnattr_setpgroup(attr, 0) != 0 ||
		posix_spawnattr_setsigmask(attr, &none) != 0 ||
		posix_spawnattr_setsigdefault(attr, &piped) != 0 ||
		posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
			POSIX_SPAWN_SETSIGDEF) != 0
	    ? VS_ENOMEM
	    : VS_OK;
}

/* Runs it with in and err as its standard input and error; 0 or an errno. */
static int spawn(
    pid_t *pid, const char *program, enum launch_mode mode, int in, int err)
{
	char *argv[] = { PROGRAM, "--attended",
		mode == LAUNCH_IDLE ? "--idle" : NULL, NULL };
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	int e = ENOMEM;

	if (posix_spawn_file_actions_init(&acts) != 0)
		return e;
	if (posix_spawnattr_init(&attr) != 0)
		goto out;
	if (posix_spawn_file_actions_adddup2(&acts, in, 0) == 0 &&
	    posix_spawn_file_actions_addopen(
		&acts, 1, "/dev/null", O_WRONLY, 0) == 0 &&
	    posix_spawn_file_actions_adddup2(&acts, err, 2) == 0 &&
	    spawn_attributes(&attr) == VS_OK)
		e = posix_spawnp(pid, program, &acts, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
out:
	posix_spawn_file_actions_destroy(&acts);
	return e;
}

static int begin(struct launch *l, enum launch_mode mode, struct trouble *f)
{
	char program[PATH_MAX];
	int in[2] = { -1, -1 }, err[2] = { -1, -1 };
	int e = 0;

	find_program(program);
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		e = errno;
	if (e == 0)
		e = spawn(&l->pid, program, mode, in[0], err[1]);
	if (in[0] >= 0)
		close(in[0]);
	if (err[1] >= 0)
		close(err[1]);
	l->in = in[1];
	l->err = err[0];
	if (e == 0) {
		fcntl(l->err, F_SETFL, O_NONBLOCK);
		return VS_OK;
	}
	l->pid = 0;
	gone(l);
	trouble_set(f, VS_ENOAGENT, "cannot start the agent: %s: %s", program,
	    strerror(e));
	f->exit = VS_EXIT_NO_AGENT;
	trouble_hint(
	    f, "install %s beside vsync, or name it in VSYNC_AGENT", PROGRAM);
	return VS_ENOAGENT;
}

/* A trouble from how a child of ours ended. */
static int ended_badly(
    struct launch *l, const char *when, int status, struct trouble *f)
{
	const char *words;

	drain(l);
	take_line(l);
	words = l->last;
	if (WIFSIGNALED(status))
		trouble_set(f, VS_ENOAGENT, "the agent %s: %s%s%s", when,
		    strsignal(WTERMSIG(status)), words[0] ? ": " : "", words);
	else
		trouble_set(f, VS_ENOAGENT, "the agent %s: %s (exit %d)", when,
		    words[0] ? words : "it did not say why",
		    WEXITSTATUS(status));
	/* Its own verdict where it has one that means something to us. */
	f->exit = WIFEXITED(status) && WEXITSTATUS(status) == VS_EXIT_CONFIG
	    ? VS_EXIT_CONFIG
	    : VS_EXIT_NO_AGENT;
	return VS_ENOAGENT;
}

int launch_start(struct launch *l, enum launch_mode mode,
    const struct client *c, struct interrupt *intr, struct trouble *f)
{
	int64_t until = vs_clock_mono_ms() + START_MS;
	struct trouble none = TROUBLE_INIT;
	int status, rc;

	assert(l->pid == 0);
	rc = begin(l, mode, f);
	if (rc != VS_OK)
		return rc;
	while (vs_clock_mono_ms() < until) {
		bool over = waitpid(l->pid, &status, WNOHANG) == l->pid;
		if (client_probe(c, &none) == VS_OK) {
			if (over)
				gone(l);
			return VS_OK;
		}
		if (over) {
			rc = ended_badly(l, "ended at once", status, f);
			gone(l);
			return rc;
		}
		if (interrupt_came(intr)) {
			launch_stop(l, &none);
			return trouble_set(f, VS_ECANCELED, "interrupted");
		}
		drain(l);
		nap();
	}
	launch_stop(l, &none);
	trouble_set(f, VS_ENOAGENT,
	    "the agent was started but did not open %s in %d s",
	    client_socket(c), START_MS / 1000);
	f->exit = VS_EXIT_NO_AGENT;
	return VS_ENOAGENT;
}

bool launch_alive(struct launch *l)
{
	siginfo_t info = { .si_pid = 0 };

	if (l->pid == 0)
		return false;
	drain(l);
	/* WNOWAIT: launch_stop reaps it and tells how it ended. */
	return waitid(P_PID, (id_t)l->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0;
}

/* Waits up to ms for its end; true if it came. */
static bool wait_for_end(struct launch *l, int64_t ms, int *status)
{
	int64_t until = vs_clock_mono_ms() + ms;

	do {
		drain(l);
		if (waitpid(l->pid, status, WNOHANG) != 0)
			return true;
		nap();
	} while (vs_clock_mono_ms() < until);
	return false;
}

int launch_stop(struct launch *l, struct trouble *f)
{
	int status = 0, rc = VS_OK;

	if (l->pid == 0)
		return VS_OK;
	assert(l->err >= 0);
	close_in(l);
	if (!wait_for_end(l, STOP_MS, &status)) {
		kill(l->pid, SIGTERM);
		if (!wait_for_end(l, KILL_MS, &status)) {
			/* Crash-only: it loses nothing, but say so. */
			kill(l->pid, SIGKILL);
			waitpid(l->pid, &status, 0);
		}
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		rc = ended_badly(l, "did not end well", status, f);
	gone(l);
	return rc;
}
