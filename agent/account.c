#include "agent/account.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/os/file.h"

#define DEVICE_FILE_MAX (64 * 1024)

/* Where the token is read from. */
static int token_path(const struct vs_dirs *dirs, char out[PATH_MAX])
{
	const char *file = getenv("VSYNC_TOKEN_FILE");
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (file != NULL && *file != '\0') {
		n = snprintf(out, PATH_MAX, "%s", file);
		return n < PATH_MAX ? VS_OK : VS_ELIMIT;
	}
	if (credentials != NULL && *credentials != '\0') {
		n = snprintf(out, PATH_MAX, "%s/vsync-token", credentials);
		if (n < PATH_MAX && access(out, R_OK) == 0)
			return VS_OK;
	}
	n = snprintf(out, PATH_MAX, "%s/token", dirs->config);
	return n < PATH_MAX ? VS_OK : VS_ELIMIT;
}

/* Other people must not read it. */
static void token_guard(const char *path)
{
	struct stat s;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) &&
	    (s.st_mode & 077) != 0) {
		if (fchmod(fd, 0600) == 0)
			vs_log(VS_LOG_WARN,
			    "account: token file was readable by others "
			    "(mode %03o): made private; consider a new token",
			    (unsigned)(s.st_mode & 0777));
		else
			vs_log(VS_LOG_WARN,
			    "account: token file is readable by others (mode "
			    "%03o): %s",
			    (unsigned)(s.st_mode & 0777), strerror(errno));
	}
	close(fd);
}

int account_set_token(struct account *a, const char *token, struct vs_err *err)
{
	size_t n;

	token += strspn(token, " \t\r\n");
	n = strcspn(token, " \t\r\n");
	if (n == 0)
		return vs_err_set(err, VS_EINVAL, "the token is empty");
	if (n > ACCOUNT_TOKEN_MAX)
		return vs_err_set(err, VS_EINVAL, "the token is too long");
	for (size_t i = 0; i < n; i++)
		if (token[i] < 0x21 || token[i] > 0x7e)
			return vs_err_set(err, VS_EINVAL,
			    "the token holds characters that none has");
	if (token[n + strspn(token + n, " \t\r\n")] != '\0')
		return vs_err_set(
		    err, VS_EINVAL, "the token has white space inside");
	memcpy(a->token, token, n);
	a->token[n] = '\0';
	return VS_OK;
}

static int token_load(
    struct account *a, const struct vs_dirs *dirs, struct vs_err *err)
{
	char path[PATH_MAX];
	struct vs_buf b;
	int r = token_path(dirs, path);

	if (r < 0)
		return vs_err_set(err, r, "token: path too long");
	token_guard(path);
	vs_buf_init(&b, ACCOUNT_TOKEN_MAX + 64);
	r = vs_file_read(path, &b, err);
	if (r == VS_OK)
		r = account_set_token(a, vs_buf_str(&b), err);
	if (b.data != NULL)
		explicit_bzero(b.data, b.len);
	vs_buf_release(&b);
	if (r == VS_ENOENT) {
		vs_err_clear(err);
		return VS_OK;
	}
	if (r < 0 && err != NULL)
		return vs_err_wrap(err, "token file %s", path);
	return r;
}

static int field_copy(const json_t *doc, const char *key, char *out, size_t cap,
    struct vs_err *err)
{
	const char *s = "";
	int r = vs_json_get_str(doc, key, true, &s, err);

	if (r < 0)
		return r;
	if (strlen(s) >= cap)
		return vs_err_set(err, VS_EINVAL, "%s: too long", key);
	memcpy(out, s, strlen(s) + 1);
	return VS_OK;
}

static int device_parse(
    struct account *a, const struct vs_buf *b, struct vs_err *err)
{
	json_t *doc = vs_json_parse(vs_buf_str(b), b->len, err);
	int r;

	if (doc == NULL)
		return VS_EINVAL;
	r = field_copy(doc, "server", a->server, sizeof(a->server), err);
	if (r == VS_OK)
		r = field_copy(
		    doc, "user_id", a->user_id, sizeof(a->user_id), err);
	if (r == VS_OK)
		r = field_copy(
		    doc, "user_name", a->user_name, sizeof(a->user_name), err);
	if (r == VS_OK)
		r = field_copy(
		    doc, "device_id", a->device_id, sizeof(a->device_id), err);
	/* agents that served nobody had none */
	if (r == VS_OK && json_object_get(doc, "ticket_key") != NULL)
		r = field_copy(doc, "ticket_key", a->ticket_key,
		    sizeof(a->ticket_key), err);
	json_decref(doc);
	return r;
}

static int device_path(
    const struct vs_dirs *dirs, char out[PATH_MAX], struct vs_err *err)
{
	if (snprintf(out, PATH_MAX, "%s/device.json", dirs->state) >= PATH_MAX)
		return vs_err_set(err, VS_ELIMIT, "device: path too long");
	return VS_OK;
}

static int device_load(
    struct account *a, const struct vs_dirs *dirs, struct vs_err *err)
{
	char path[PATH_MAX];
	struct vs_buf b;
	int r = device_path(dirs, path, err);

	if (r < 0)
		return r;
	vs_buf_init(&b, DEVICE_FILE_MAX);
	r = vs_file_read(path, &b, err);
	if (r == VS_OK)
		r = device_parse(a, &b, err);
	if (b.data != NULL)
		explicit_bzero(b.data, b.len);
	vs_buf_release(&b);
	if (r == VS_ENOENT) {
		vs_err_clear(err);
		return VS_OK;
	}
	if (r < 0 && err != NULL)
		return vs_err_wrap(err, "device file %s", path);
	return r;
}

int account_load(
    struct account *a, const struct vs_dirs *dirs, struct vs_err *err)
{
	int r;

	assert(a != NULL && dirs != NULL);
	memset(a, 0, sizeof(*a));
	r = token_load(a, dirs, err);
	if (r == VS_OK)
		r = device_load(a, dirs, err);
	return r;
}

int account_save_token(
    const struct account *a, const struct vs_dirs *dirs, struct vs_err *err)
{
	const char *file = getenv("VSYNC_TOKEN_FILE");
	char text[ACCOUNT_TOKEN_MAX + 2];
	char path[PATH_MAX];
	int n;
	int r;

	assert(a->token[0] != '\0');
	n = file != NULL && *file != '\0'
	    ? snprintf(path, sizeof(path), "%s", file)
	    : snprintf(path, sizeof(path), "%s/token", dirs->config);
	if (n >= PATH_MAX)
		return vs_err_set(err, VS_ELIMIT, "token: path too long");
	n = snprintf(text, sizeof(text), "%s\n", a->token);
	r = vs_file_write(path, text, (size_t)n, 0600, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

int account_save_device(
    const struct account *a, const struct vs_dirs *dirs, struct vs_err *err)
{
	char path[PATH_MAX];
	struct vs_buf b;
	json_t *doc;
	int r = device_path(dirs, path, err);

	if (r < 0)
		return r;
	doc = json_pack("{s:s, s:s, s:s, s:s, s:s}", "server", a->server,
	    "user_id", a->user_id, "user_name", a->user_name, "device_id",
	    a->device_id, "ticket_key", a->ticket_key);
	if (doc == NULL)
		return vs_err_set(err, VS_ENOMEM, "device: out of memory");
	vs_buf_init(&b, DEVICE_FILE_MAX);
	r = vs_json_dump(&b, doc);
	vs_buf_addch(&b, '\n');
	json_decref(doc);
	if (r == VS_OK)
		r = vs_file_write(path, vs_buf_str(&b), b.len, 0600, err);
	else
		vs_err_set(err, r, "device: out of memory");
	if (b.data != NULL)
		explicit_bzero(b.data, b.len);
	vs_buf_release(&b);
	return r;
}

bool account_is_device_of(
    const struct account *a, const char *server, const char *user_id)
{
	return a->device_id[0] != '\0' && strcmp(a->server, server) == 0 &&
	    strcmp(a->user_id, user_id) == 0;
}
