#include "agent/scan/disk_stat.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void convert(const struct stat *s, struct disk_stat *out)
{
	memset(out, 0, sizeof(*out));
	if (S_ISREG(s->st_mode))
		out->kind = VS_KIND_FILE;
	else if (S_ISDIR(s->st_mode))
		out->kind = VS_KIND_DIR;
	else if (S_ISLNK(s->st_mode))
		out->kind = VS_KIND_SYMLINK;
	else
		out->odd = true;
	out->size = S_ISDIR(s->st_mode) ? 0 : (int64_t)s->st_size;
	out->mtime_ns = time_ns(&s->st_mtimespec);
	out->ctime_ns = time_ns(&s->st_ctimespec);
	/* file systems that keep none say 0, or one second before 1970 */
	if (s->st_birthtimespec.tv_sec > 0)
		out->born_ns = time_ns(&s->st_birthtimespec);
	out->ino = s->st_ino;
	out->mode = (int)(s->st_mode & 07777);
	out->links = (unsigned)s->st_nlink;
}

int disk_stat_at(int dirfd, const char *name, struct disk_stat *out)
{
	struct stat s;

	if (fstatat(dirfd, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	convert(&s, out);
	return 0;
}

int disk_stat_fd(int fd, struct disk_stat *out)
{
	struct stat s;

	if (fstat(fd, &s) != 0)
		return -1;
	convert(&s, out);
	return 0;
}
