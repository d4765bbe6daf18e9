#include "agent/control/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan/disk_posix.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/os/fs.h"
#include "common/os/rand.h"

static int folder_check(const char *root, struct vs_err *err)
{
	struct stat s;

	if (stat(root, &s) != 0)
		return vs_err_errno(err, errno, "%s", root);
	if (!S_ISDIR(s.st_mode))
		return vs_err_set(err, VS_ENOTDIR, "%s is no folder", root);
	if (access(root, R_OK | X_OK) != 0)
		return vs_err_errno(
		    err, errno, "the folder %s cannot be read", root);
	if (access(root, W_OK) != 0)
		return vs_err_errno(err, errno,
		    "the folder's mark cannot be written to %s", root);
	return VS_OK;
}

/* It stands in the configuration, and in messages. */
static int text_check(const char *root, struct vs_err *err)
{
	if (vs_path_utf8(root, strlen(root)) && strpbrk(root, "\r\n") == NULL)
		return VS_OK;
	return vs_err_set(err, VS_EINVAL,
	    "the folder's own path must be UTF-8 without line breaks");
}

int site_check(struct request *r, const char *root, struct vs_err *err)
{
	const struct config *c = agent_config(r->agent);

	if (text_check(root, err) < 0)
		return VS_EINVAL;
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].root, root) == 0)
			return vs_err_set(err, VS_EEXIST,
			    "%s is project %s already", root,
			    c->projects[i].name);
	return config_root_check(c, agent_dirs(r->agent), root, NULL, err);
}

int site_find(
    struct request *r, const char *dir, char root[PATH_MAX], struct vs_err *err)
{
	int rc;

	if (dir == NULL || dir[0] != '/')
		return vs_err_set(
		    err, VS_EINVAL, "dir must be an absolute path");
	if (realpath(dir, root) == NULL)
		return vs_err_errno(err, errno, "%s", dir);
	rc = text_check(root, err); /* a link may lead anywhere */
	if (rc == VS_OK)
		rc = folder_check(root, err);
	return rc == VS_OK ? site_check(r, root, err) : rc;
}

static bool id_known(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].root_id, id) == 0)
			return true;
	return false;
}

int site_mark(struct request *r, const char *root, bool fresh,
    char id[DISK_ID_SIZE], struct vs_err *err)
{
	struct vs_rand *rand = vs_rand_os();
	struct disk_root now;
	struct disk *d;
	uint8_t raw[16];
	int rc = disk_posix_new(&d, root, NULL, err);

	if (rc < 0)
		return rc;
	rc = d->root(d, &now, err);
	if (rc == VS_OK && now.id[0] != '\0' && fresh) {
		rc = vs_err_set(err, VS_EEXIST,
		    "%s has the mark of a project (.vsync) already", root);
	} else if (rc == VS_OK && now.id[0] != '\0' &&
	    !id_known(agent_config(r->agent), now.id)) {
		memcpy(id, now.id, DISK_ID_SIZE);
	} else if (rc == VS_OK) {
		rand->bytes(rand, raw, sizeof(raw));
		vs_hex_encode(id, raw, sizeof(raw));
		rc = d->mark(d, id, err);
	}
	disk_posix_free(d);
	return rc;
}

void site_unmark(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dir;

	if (fd < 0)
		return;
	dir = vs_fs_open(fd, ".vsync", O_PATH | O_DIRECTORY, 0, NULL);
	if (dir >= 0) {
		(void)unlinkat(dir, "root-id", 0);
		close(dir);
		(void)unlinkat(fd, ".vsync", AT_REMOVEDIR);
	}
	close(fd);
}
