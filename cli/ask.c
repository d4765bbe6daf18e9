#include "cli/ask.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Waits for standard input; VS_ECANCELED when a signal is faster. */
static int ready(struct interrupt *intr, struct trouble *f)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = intr->fd, .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return trouble_set(
			    f, VS_EIO, "poll: %s", strerror(errno));
	if (interrupt_came(intr))
		return trouble_set(f, VS_ECANCELED, "interrupted");
	return VS_OK;
}

/* One line, byte by byte: what follows it is for whoever reads next. */
static int read_line(
    struct vs_buf *line, struct interrupt *intr, struct trouble *f)
{
	for (;;) {
		char c;
		int rc = ready(intr, f);
		if (rc != VS_OK)
			return rc;
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return trouble_set(f, VS_EIO, "read standard input: %s",
			    strerror(errno));
		if (n == 0 || c == '\n')
			return VS_OK;
		vs_buf_addch(line, c);
		if (vs_buf_error(line) != 0)
			return trouble_usage(f, "the line is too long");
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes blanks off both ends. */
static void trim(struct vs_buf *line)
{
	size_t skip = 0;

	while (line->len > 0 && blank(line->data[line->len - 1]))
		line->data[--line->len] = '\0';
	while (skip < line->len && blank(line->data[skip]))
		skip++;
	if (skip > 0) {
		line->len -= skip;
		memmove(line->data, line->data + skip, line->len + 1);
	}
}

int ask_check(const char *secret, struct trouble *f)
{
	if (secret[0] == '\0')
		return trouble_usage(f, "the token is empty");
	for (const char *s = secret; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return trouble_usage(
			    f, "the token has a blank or a strange character");
	return VS_OK;
}

int ask_secret(struct vs_buf *line, const char *prompt, struct interrupt *intr,
    struct trouble *f)
{
	struct termios before, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	int rc;

	assert(line->len == 0);
	if (terminal) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fputs(prompt, stderr);
	}
	rc = read_line(line, intr, f);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	if (rc != VS_OK)
		return rc;
	trim(line);
	if (memchr(vs_buf_str(line), '\0', line->len) != NULL)
		return trouble_usage(
		    f, "the token has a blank or a strange character");
	return ask_check(vs_buf_str(line), f);
}

int ask_yes(
    bool *yes, const char *question, struct interrupt *intr, struct trouble *f)
{
	struct vs_buf line;
	int rc;

	assert(intr->fd >= 0);
	*yes = false;
	if (!isatty(STDIN_FILENO))
		return VS_ENOTSUP;
	fprintf(stderr, "%s [y/N] ", question);
	vs_buf_init(&line, 256);
	rc = read_line(&line, intr, f);
	if (rc == VS_OK) {
		trim(&line);
		*yes = strcmp(vs_buf_str(&line), "y") == 0 ||
		    strcmp(vs_buf_str(&line), "yes") == 0;
	}
	vs_buf_release(&line);
	return rc;
}
