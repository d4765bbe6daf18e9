#include "common/os/sock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[512];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vsync-sock-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/agent.sock", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int connect_unix(const char *to)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0 && strlen(to) < sizeof(sa.sun_path));
	strcpy(sa.sun_path, to);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 2000), 1);
	return accept(listener, NULL, NULL);
}

static void test_unix(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;
	int fd = vs_sock_listen_unix(path, &err);
	int client;
	int peer;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	client = connect_unix(path);
	assert_true(client >= 0);
	peer = accept_one(fd);
	assert_true(peer >= 0);
	assert_true(vs_sock_peer_is_us(peer));
	assert_false(vs_sock_peer_is_us(-1));
	close(client);
	close(peer);
	close(fd);
	/* Stale: nobody listens, but the name is there. */
	assert_int_equal(connect_unix(path), -1);
	fd = vs_sock_listen_unix(path, &err);
	assert_true(fd >= 0);
	client = connect_unix(path);
	assert_true(client >= 0);
	close(client);
	close(fd);
}

static void test_unix_refused(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_int_equal(vs_sock_listen_unix(path, &err), VS_EEXIST);
	assert_int_equal(unlink(path), 0);
	fclose(fopen(path, "w"));
	assert_int_equal(vs_sock_listen_unix(path, &err), VS_EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(vs_sock_listen_unix(path, &err), VS_EACCES);
	assert_non_null(strstr(err.msg, "0700"));
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(vs_sock_listen_unix("nodir", &err), VS_EINVAL);
	assert_int_equal(
	    vs_sock_listen_unix("/nonexistent/s", &err), VS_ENOENT);
}

static void test_unix_foreign(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip(); /* nobody else's files can be made */
	fd = vs_sock_listen_unix(path, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(lchown(path, 12345, 12345), 0);
	assert_int_equal(vs_sock_listen_unix(path, &err), VS_EACCES);
	assert_int_equal(lchown(path, 0, 0), 0);
	assert_int_equal(chown(dir, 12345, 12345), 0);
	assert_int_equal(vs_sock_listen_unix(path, &err), VS_EACCES);
	assert_int_equal(chown(dir, 0, 0), 0);
}

/* Folders may be deeper than an address has room for. */
static void test_unix_long_path(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char name[300];
	int client;
	int here;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "%s/%0150d", dir, 0);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(path, sizeof(path), "%s/agent.sock", name);
	fd = vs_sock_listen_unix(path, &err);
	assert_true(fd >= 0);
	here = open(".", O_RDONLY | O_DIRECTORY);
	assert_int_equal(chdir(name), 0);
	client = connect_unix("agent.sock");
	assert_int_equal(fchdir(here), 0);
	assert_true(client >= 0);
	close(client);
	close(here);
	close(fd);
}

/* Another user may not even be served if he gets at the socket. */
static void test_peer(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	int status = -1;
	pid_t pid;
	int fd;
	int peer;

	(void)state;
	if (geteuid() != 0)
		skip(); /* cannot become anybody else */
	fd = vs_sock_listen_unix(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(setuid(12345) == 0 && connect_unix(path) >= 0 ? 0 : 1);
	peer = accept_one(fd);
	assert_true(peer >= 0);
	assert_false(vs_sock_peer_is_us(peer));
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(peer);
	close(fd);
}

static void test_tcp(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "localhost:0",
		":0" };
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sockaddr_in sin = {
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		int client = socket(AF_INET, SOCK_STREAM, 0);
		int port = 0;
		int fd = vs_sock_listen_tcp(addresses[i], &port, &err);
		char again[64];

		if (fd < 0)
			fail_msg("%s", err.msg);
		assert_in_range(port, 1, 65535);
		assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		snprintf(again, sizeof(again), "127.0.0.1:%d", port);
		assert_int_equal(
		    vs_sock_listen_tcp(again, &port, &err), VS_EBUSY);
		assert_non_null(strstr(err.msg, again));
		sin.sin_port = htons((uint16_t)port);
		/* "localhost" may be ::1 alone. */
		if (i != 1)
			assert_int_equal(
			    connect(
				client, (struct sockaddr *)&sin, sizeof(sin)),
			    0);
		close(client);
		close(fd);
	}
}

static void test_tcp_refused(void **state)
{
	static const char *const addresses[] = { "", "127.0.0.1", ":", "::1",
		"::1:80", "[::1:80", "[::1]80", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:80x", "127.0.0.1:123456", "127.0.0.1:-1",
		"256.1.1.1.1:0", "no such host:0" };
	struct vs_err err = VS_ERR_INIT;
	int port;

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (vs_sock_listen_tcp(addresses[i], &port, &err) != VS_EINVAL)
			fail_msg("%s: %s", addresses[i], err.msg);
	}
	/* TEST-NET-1 is no address of this machine. */
	assert_int_equal(
	    vs_sock_listen_tcp("192.0.2.1:0", &port, &err), VS_ENET);
}

static void test_tcp_v6(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	int port = 0;
	int fd = vs_sock_listen_tcp("[::1]:0", &port, &err);

	(void)state;
	if (fd < 0 && err.code == VS_ENET)
		skip(); /* a machine without IPv6 */
	assert_true(fd >= 0 && port > 0);
	close(fd);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_unix),
		WITH_DIR(test_unix_refused),
		WITH_DIR(test_unix_foreign),
		WITH_DIR(test_unix_long_path),
		WITH_DIR(test_peer),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_refused),
		cmocka_unit_test(test_tcp_v6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
