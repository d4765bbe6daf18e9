#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/os/fstype.h"
#include "tests/unit/scratch.h"

/* Numbers as the kernel's own headers and statfs(2) give them. */
static void test_table(void **state)
{
	static const struct {
		uint32_t magic;
		const char *type;
		bool remote;
		const char *name;
	} cases[] = {
		{ 0x6969, "nfs4", true, "nfs" },
		{ 0xff534d42, "cifs", true, "cifs" },
		{ 0xfe534d42, NULL, true, "smb2" },
		{ 0x517b, NULL, true, "smb" },
		{ 0x01021997, "9p", true, "9p" },
		{ 0x5346414f, NULL, true, "afs" },
		{ 0x6b414653, NULL, true, "afs" },
		{ 0x00c36400, NULL, true, "ceph" },
		{ 0x0bd00bd0, NULL, true, "lustre" },
		{ 0x01161970, NULL, true, "gfs2" },
		{ 0x7461636f, NULL, true, "ocfs2" },
		{ 0x47504653, NULL, true, "gpfs" },
		{ 0x786f4256, NULL, true, "vboxsf" },
		{ 0xbacbacbc, NULL, true, "vmhgfs" },
		{ 0x65735546, NULL, true, "fuse" },
		{ 0x65735546, "", true, "fuse" },
		{ 0x65735546, "fuse.sshfs", true, "fuse.sshfs" },
		{ 0x65735546, "fuse.rclone", true, "fuse.rclone" },
		{ 0x65735546, "virtiofs", true, "virtiofs" },
		/* the disk of this machine, in another dress */
		{ 0x65735546, "fuseblk", false, "fuseblk" },
		{ 0x65735546, "fuse.gocryptfs", false, "fuse.gocryptfs" },
		{ 0xef53, "ext4", false, "" },
		{ 0x58465342, "xfs", false, "" },
		{ 0x9123683e, "btrfs", false, "" },
		{ 0x01021994, "tmpfs", false, "" },
		{ 0x794c7630, "overlay", false, "" },
		{ 0x2fc12fc1, "zfs", false, "" },
		{ 0x4d44, "vfat", false, "" },
		{ 0, NULL, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_fstype t =
		    vs_fstype_of(cases[i].magic, cases[i].type);

		if (t.remote != cases[i].remote ||
		    strcmp(t.name, cases[i].name) != 0)
			fail_msg("%x: %s, %d", (unsigned)cases[i].magic, t.name,
			    t.remote);
	}
}

/* A type longer than any is cut, not believed. */
static void test_long_type(void **state)
{
	char type[200];
	struct vs_fstype t;

	(void)state;
	memset(type, 'x', sizeof(type));
	type[199] = '\0';
	t = vs_fstype_of(0x65735546, type);
	assert_true(t.remote);
	assert_int_equal(strlen(t.name), VS_FSTYPE_NAME - 1);
}

static void test_at(void **state)
{
	struct scratch *s = *state;
	struct vs_fstype t;

	assert_int_equal(vs_fstype_at(s->path, &t, NULL), VS_OK);
	/* what is to be made lies where its parent lies */
	if (mount("none", s->path, "tmpfs", 0, "size=1m") != 0)
		skip();
	assert_int_equal(vs_fstype_at(scratch_at(s, "a/b/c"), &t, NULL), VS_OK);
	assert_false(t.remote);
	assert_int_equal(umount(s->path), 0);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long_type),
		TEST(test_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
