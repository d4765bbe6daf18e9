/*
 * Small files of our own (configuration, tokens, markers): whole reads with
 * a limit, replacing writes that survive a power cut.
 */
#ifndef VS_FILE_H
#define VS_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends the whole file at path to b (its ceiling is the limit). */
int vs_file_read(const char *path, struct vs_buf *b, struct vs_err *err);

/*
 * Replaces path by data: temporary file beside it, fsync, rename, fsync of
 * the directory (rename(2), fsync(2)).
 */
int vs_file_write(const char *path, const void *data, size_t len, mode_t mode,
    struct vs_err *err);

/* mkdir -p; only directories it makes get mode. */
int vs_file_mkdirs(const char *path, mode_t mode, struct vs_err *err);

#endif
