#include "agent/scan/disk_stat.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int64_t time_ns(const struct statx_timestamp *t)
{
	return t->tv_sec * 1000000000 + t->tv_nsec;
}

static void convert(const struct statx *s, struct disk_stat *out)
{
	memset(out, 0, sizeof(*out));
	if (S_ISREG(s->stx_mode))
		out->kind = VS_KIND_FILE;
	else if (S_ISDIR(s->stx_mode))
		out->kind = VS_KIND_DIR;
	else if (S_ISLNK(s->stx_mode))
		out->kind = VS_KIND_SYMLINK;
	else
		out->odd = true;
	out->size = S_ISDIR(s->stx_mode) ? 0 : (int64_t)s->stx_size;
	out->mtime_ns = time_ns(&s->stx_mtime);
	out->ctime_ns = time_ns(&s->stx_ctime);
	if ((s->stx_mask & STATX_BTIME) != 0)
		out->born_ns = time_ns(&s->stx_btime);
	out->ino = s->stx_ino;
	out->mode = (int)(s->stx_mode & 07777);
	out->links = s->stx_nlink;
}

static int stat_of(int fd, const char *name, int flags, struct disk_stat *out)
{
	struct statx s;

	if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &s) != 0)
		return -1;
	convert(&s, out);
	return 0;
}

int disk_stat_at(int dirfd, const char *name, struct disk_stat *out)
{
	return stat_of(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, out);
}

int disk_stat_fd(int fd, struct disk_stat *out)
{
	return stat_of(fd, "", AT_EMPTY_PATH, out);
}
