#include "agent/background.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/os/dirs.h"
#include "common/os/file.h"

#define EXIT_SIGNALLED 75
#define LOG_TOLD 4096 /* bytes */

static int log_open(char path[PATH_MAX], struct vs_err *err)
{
	struct vs_dirs dirs;
	int fd;
	int r = vs_dirs_find(&dirs, err);

	if (r == VS_OK)
		r = vs_file_mkdirs(dirs.state, 0700, err);
	if (r < 0)
		return r;
	if (snprintf(path, PATH_MAX, "%s/agent.log", dirs.state) >= PATH_MAX)
		return vs_err_set(err, VS_ELIMIT, "log: path too long");
	fd = open(
	    path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return vs_err_errno(err, errno, "log %s", path);
	return fd;
}

/* What was written to the log from there on, for who asked for an agent. */
static void log_tell(int log, off_t from)
{
	char text[LOG_TOLD];
	ssize_t n = pread(log, text, sizeof(text) - 1, from);

	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (line[0] == '<' && line[1] != '\0' && line[2] == '>')
			line += 3; /* the level, for a journal */
		if (*line != '\0')
			fprintf(stderr, "%s\n", line);
	}
}

/* Until the child serves (0) or has ended (its exit code). */
static int child_wait(pid_t child, int fd)
{
	char byte;
	int status = 0;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNALLED;
}

static void child_detach(int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	if (chdir("/") != 0 || null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	close(log);
}

int background_enter(int *ready, struct vs_err *err)
{
	char path[PATH_MAX];
	int ends[2];
	int log = log_open(path, err);
	off_t from = log >= 0 ? lseek(log, 0, SEEK_END) : 0;
	pid_t child;
	int code;

	assert(ready != NULL);
	if (log < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		vs_err_errno(err, errno, "pipe");
		close(log);
		return -1;
	}
	/* before any thread, any loop, any database */
	child = fork();
	if (child < 0) {
		vs_err_errno(err, errno, "fork");
		close(log);
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (child == 0) {
		close(ends[0]);
		child_detach(log);
		*ready = ends[1];
		return -1;
	}
	close(ends[1]);
	code = child_wait(child, ends[0]);
	if (code != 0) {
		log_tell(log, from);
		fprintf(
		    stderr, "vsync-agent: it ended at once: see %s\n", path);
	}
	close(ends[0]);
	close(log);
	return code;
}
