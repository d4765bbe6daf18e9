#include "common/base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/path.h"
#include "common/base/stamp.h"

#define LOG_TEXT 1024 /* bytes of a message before escaping */
/* Within PIPE_BUF, so that lines of several writers do not mix. */
#define LOG_LINE 4096

static struct {
	enum vs_log_level most;
	enum vs_log_format format;
	bool prefix; /* "<6>" for the journal */
} log_setup = { .most = VS_LOG_INFO, .format = VS_LOG_PLAIN, .prefix = true };

struct log_line {
	char data[LOG_LINE];
	size_t len;
};

void vs_log_setup(enum vs_log_level most, enum vs_log_format format)
{
	log_setup.most = most;
	log_setup.format = format;
	log_setup.prefix = isatty(STDERR_FILENO) == 0;
}

static void log_add(struct log_line *l, const char *s)
{
	size_t n = strlen(s);

	/* One byte is kept for the newline. */
	if (n > sizeof(l->data) - 1 - l->len)
		return;
	memcpy(l->data + l->len, s, n);
	l->len += n;
}

/* True for C0, DEL, and C1 as UTF-8: what a terminal would obey. */
static bool log_is_control(const uint8_t *s)
{
	return s[0] < 0x20 || s[0] == 0x7F ||
	    (s[0] == 0xC2 && s[1] >= 0x80 && s[1] < 0xA0);
}

static void log_add_plain(struct log_line *l, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	char piece[8];

	for (; *s != '\0'; s++) {
		if (log_is_control(s))
			snprintf(piece, sizeof(piece), "\\x%02x",
			    *s == 0xC2 ? s[1] : s[0]);
		else
			snprintf(piece, sizeof(piece), "%c", *s);
		if (*s == 0xC2 && log_is_control(s))
			s++;
		log_add(l, piece);
	}
}

static void log_add_json(struct log_line *l, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	bool utf8 = vs_path_utf8(text, strlen(text));
	char piece[8];

	log_add(l, "\"");
	for (; *s != '\0'; s++) {
		if (*s < 0x20 || *s == 0x7F)
			snprintf(piece, sizeof(piece), "\\u%04x", *s);
		else if (*s == '"' || *s == '\\')
			snprintf(piece, sizeof(piece), "\\%c", *s);
		else if (*s >= 0x80 && !utf8)
			snprintf(piece, sizeof(piece), "\\ufffd");
		else
			snprintf(piece, sizeof(piece), "%c", *s);
		log_add(l, piece);
	}
	log_add(l, "\"");
}

static const char *log_level_name(enum vs_log_level level)
{
	switch (level) {
	case VS_LOG_ERR:
		return "error";
	case VS_LOG_WARN:
		return "warning";
	case VS_LOG_INFO:
		return "info";
	case VS_LOG_DEBUG:
		return "debug";
	}
	return "info";
}

static void log_format_json(
    struct log_line *l, enum vs_log_level level, const char *text)
{
	char stamp[VS_STAMP_SIZE];
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	log_add(l, "{\"time\":\"");
	log_add(l,
	    vs_stamp_format(
		(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000, stamp));
	log_add(l, "\",\"level\":\"");
	log_add(l, log_level_name(level));
	log_add(l, "\",\"message\":");
	log_add_json(l, text);
	log_add(l, "}");
}

static void log_format_plain(
    struct log_line *l, enum vs_log_level level, const char *text)
{
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "<%d>", (int)level);
	if (log_setup.prefix)
		log_add(l, prefix);
	log_add_plain(l, text);
}

void vs_log(enum vs_log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT];
	struct log_line line = { .len = 0 };
	va_list ap;

	assert(fmt != NULL);
	if (level > log_setup.most)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_setup.format == VS_LOG_JSON)
		log_format_json(&line, level, text);
	else
		log_format_plain(&line, level, text);
	line.data[line.len++] = '\n';
	/* A log that cannot be written has nobody to tell. */
	if (write(STDERR_FILENO, line.data, line.len) < 0)
		return;
}
