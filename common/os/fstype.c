#include "common/os/fstype.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FUSE 0x65735546u

/* Numbers from the kernel's magic.h and the sources of each file system. */
static const struct {
	uint32_t magic;
	const char *name;
} REMOTE[] = {
	{ 0x00006969u, "nfs" },
	{ 0x0000517bu, "smb" },
	{ 0xff534d42u, "cifs" },
	{ 0xfe534d42u, "smb2" },
	{ FUSE, "fuse" },
	{ 0x01021997u, "9p" },
	{ 0x5346414fu, "afs" },
	{ 0x6b414653u, "afs" },
	{ 0x00c36400u, "ceph" },
	{ 0x0bd00bd0u, "lustre" },
	{ 0x01161970u, "gfs2" },
	{ 0x7461636fu, "ocfs2" },
	{ 0x47504653u, "gpfs" },
	{ 0x19830326u, "beegfs" },
	{ 0x20030528u, "orangefs" },
	{ 0x73757245u, "coda" },
	{ 0x0000564cu, "ncp" },
	{ 0x786f4256u, "vboxsf" },
	{ 0xbacbacbcu, "vmhgfs" },
	{ 0xaad7aaeau, "panfs" },
	{ 0x61636673u, "acfs" },
	{ 0x013111a8u, "ibrix" },
	{ 0xbeefdeadu, "snfs" },
	{ 0x6e667364u, "nfsd" },
};

/* FUSE in front of this machine's own disk: all changes come through it. */
static const char *const LOCAL[] = { "fuseblk", "fuse.gocryptfs", "fuse.encfs",
	"fuse.cryfs", "fuse.securefs", "fuse.ntfs-3g", "fuse.exfat",
	"fuse.mergerfs", "fuse.lxcfs" };

static bool fuse_local(const char *type)
{
	for (size_t i = 0; i < sizeof(LOCAL) / sizeof(LOCAL[0]); i++)
		if (strcmp(type, LOCAL[i]) == 0)
			return true;
	return false;
}

struct vs_fstype vs_fstype_of(uint32_t magic, const char *type)
{
	struct vs_fstype t = { .remote = false };

	for (size_t i = 0; i < sizeof(REMOTE) / sizeof(REMOTE[0]); i++) {
		if (REMOTE[i].magic != magic)
			continue;
		t.remote = magic != FUSE || type == NULL || !fuse_local(type);
		snprintf(t.name, sizeof(t.name), "%s",
		    magic == FUSE && type != NULL && type[0] != '\0'
			? type
			: REMOTE[i].name);
		break;
	}
	return t;
}

int vs_fstype_at(const char *path, struct vs_fstype *out, struct vs_err *err)
{
	char at[PATH_MAX];
	int fd, r;

	assert(path[0] == '/');
	if (strlen(path) >= sizeof(at))
		return vs_err_set(err, VS_ELIMIT, "path too long");
	memcpy(at, path, strlen(path) + 1);
	fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (fd < 0 && errno == ENOENT && at[1] != '\0') {
		char *slash = strrchr(at, '/');

		slash[slash == at ? 1 : 0] = '\0';
		fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return vs_err_errno(err, errno, "open %s", at);
	r = vs_fstype_read(fd, out, err);
	close(fd);
	return r;
}
