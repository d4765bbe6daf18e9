/*
 * Log lines to standard error: "module: what: why", one event a line, with
 * the journal's priority prefix (sd-daemon(3)) when standard error is not a
 * terminal, or one JSON object a line.  No secrets; no user's path above
 * debug.
 */
#ifndef VS_LOG_H
#define VS_LOG_H

enum vs_log_level {
	VS_LOG_ERR = 3, /* syslog(3) priorities */
	VS_LOG_WARN = 4,
	VS_LOG_INFO = 6,
	VS_LOG_DEBUG = 7,
};

enum vs_log_format { VS_LOG_PLAIN, VS_LOG_JSON };

/* Process-wide, before threads start. */
void vs_log_setup(enum vs_log_level most, enum vs_log_format format);

/* One line; thread-safe (one write(2)); control characters are escaped. */
void vs_log(enum vs_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
