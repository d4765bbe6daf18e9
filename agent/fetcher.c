#include "agent/fetcher.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "common/base/hex.h"
#include "common/crypto/sha256.h"

#define CONNECT_MS 5000
#define SLOW_BYTES 1024 /* a second, and for how long */
#define SLOW_S 20
#define HASH_HEADER "x-chunk-sha256:"

/* One handle with its connections, used by one thread at a time. */
struct line {
	struct line *next;
	CURL *curl;
	char *data;
	size_t cap; /* of data */
	/* of the chunk in hand */
	size_t want;
	size_t got;
	char hash[VS_HASH_HEX + 1]; /* as the other says */
	const atomic_bool *cancel;
	char why[CURL_ERROR_SIZE];
};

struct fetcher {
	struct crew *crew;
	const struct vs_key *key;
	uv_mutex_t mutex; /* guards idle */
	struct line *idle;
};

static size_t body_take(char *data, size_t size, size_t n, void *arg)
{
	struct line *l = arg;

	n *= size;
	if (n > l->want - l->got)
		return 0;
	memcpy(l->data + l->got, data, n);
	l->got += n;
	return n;
}

static size_t header_take(char *data, size_t size, size_t n, void *arg)
{
	struct line *l = arg;
	size_t len = size * n;
	size_t key = strlen(HASH_HEADER);

	if (len <= key || strncasecmp(data, HASH_HEADER, key) != 0)
		return len;
	while (key < len && data[key] == ' ')
		key++;
	l->hash[0] = '\0';
	if (len - key >= VS_HASH_HEX)
		snprintf(
		    l->hash, sizeof(l->hash), "%.*s", VS_HASH_HEX, data + key);
	return len;
}

static int progress(void *arg, curl_off_t dltotal, curl_off_t dl,
    curl_off_t ultotal, curl_off_t ul)
{
	const struct line *l = arg;

	(void)dltotal;
	(void)dl;
	(void)ultotal;
	(void)ul;
	return atomic_load_explicit(l->cancel, memory_order_relaxed) ? 1 : 0;
}

static void line_free(struct line *l)
{
	curl_easy_cleanup(l->curl);
	free(l->data);
	free(l);
}

/* Trust is the pin alone: the certificate is the device's own. */
static bool line_secure(CURL *c, const struct vs_key *k)
{
	struct curl_blob cert = { k->cert_pem, strlen(k->cert_pem),
		CURL_BLOB_COPY };
	struct curl_blob key = { k->key_pem, strlen(k->key_pem),
		CURL_BLOB_COPY };

	return curl_easy_setopt(c, CURLOPT_SSLVERSION,
		   (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSLCERTTYPE, "PEM") == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSLKEYTYPE, "PEM") == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
}

static struct line *line_new(const struct fetcher *f)
{
	struct line *l = calloc(1, sizeof(*l));
	CURL *c = l != NULL ? curl_easy_init() : NULL;

	if (c == NULL || !line_secure(c, f->key)) {
		curl_easy_cleanup(c);
		free(l);
		return NULL;
	}
	l->curl = c;
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* the way is direct, whatever the environment says */
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256 * 1024L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, l->why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, l);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, l);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	return l;
}

/* A line with room for len bytes, or NULL without memory. */
static struct line *line_take(struct fetcher *f, size_t len)
{
	struct line *l;
	char *more;

	uv_mutex_lock(&f->mutex);
	l = f->idle;
	if (l != NULL)
		f->idle = l->next;
	uv_mutex_unlock(&f->mutex);
	if (l == NULL)
		l = line_new(f);
	if (l == NULL || l->cap >= len)
		return l;
	more = realloc(l->data, len);
	if (more == NULL) {
		line_free(l);
		return NULL;
	}
	l->data = more;
	l->cap = len;
	return l;
}

static void line_give(struct fetcher *f, struct line *l)
{
	uv_mutex_lock(&f->mutex);
	l->next = f->idle;
	f->idle = l;
	uv_mutex_unlock(&f->mutex);
}

static int code_of(long status)
{
	switch (status) {
	case 200:
		return VS_OK;
	case 401:
	case 403:
		return VS_EFORBIDDEN;
	case 404:
		return VS_ENOENT;
	case 412:
		return VS_ECHANGED;
	default:
		return status >= 500 || status == 429 ? VS_ENET : VS_EPROTO;
	}
}

/* What the exchange came to, before its bytes are looked at. */
static int answer_judge(struct line *l, CURLcode rc, struct vs_err *err)
{
	long status = 0;

	curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
	/* the body of a refusal may be longer than a chunk */
	if (status != 0 && status != 200 &&
	    (rc == CURLE_OK || rc == CURLE_WRITE_ERROR))
		return vs_err_set(err, code_of(status),
		    "the owner's agent answered %ld", status);
	if (rc == CURLE_OK)
		return VS_OK;
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return vs_err_set(err, VS_ECANCELED, "stopped");
	if (rc == CURLE_WRITE_ERROR)
		return vs_err_set(
		    err, VS_EPROTO, "more bytes than the chunk has");
	return vs_err_set(err,
	    rc == CURLE_OPERATION_TIMEDOUT ? VS_ETIMEDOUT : VS_ENET,
	    "the owner's agent: %s",
	    l->why[0] != '\0' ? l->why : curl_easy_strerror(rc));
}

static int bytes_check(const struct line *l, struct vs_err *err)
{
	char hex[VS_HASH_HEX + 1];

	if (l->got != l->want)
		return vs_err_set(err, VS_EPROTO, "%zu bytes of a chunk of %zu",
		    l->got, l->want);
	vs_sha256_hex(l->data, l->got, hex);
	if (strcasecmp(hex, l->hash) != 0)
		return vs_err_set(
		    err, VS_EPROTO, "the chunk's hash is not the one named");
	return VS_OK;
}

static int line_get(
    struct line *l, const struct fetcher_job *j, struct vs_err *err)
{
	struct curl_slist *headers;
	char *ticket;
	CURLcode rc;

	if (asprintf(&ticket, "Authorization: Ticket %s", j->ticket) < 0)
		return vs_err_set(err, VS_ENOMEM, "fetch: out of memory");
	headers = curl_slist_append(NULL, ticket);
	free(ticket);
	if (headers == NULL)
		return vs_err_set(err, VS_ENOMEM, "fetch: out of memory");
	l->want = (size_t)j->len;
	l->got = 0;
	l->hash[0] = l->why[0] = '\0';
	l->cancel = j->job.cancel;
	rc = curl_easy_setopt(l->curl, CURLOPT_URL, j->url);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(l->curl, CURLOPT_PINNEDPUBLICKEY, j->pin);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, headers);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(l->curl);
	curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return answer_judge(l, rc, err);
}

/* Our own disk: full, or failing. */
static int bytes_write(
    const struct line *l, const struct fetcher_job *j, struct vs_err *err)
{
	int r = j->target->part_write(
	    j->target, j->part, j->off, l->data, l->got, err);

	if (r < 0 && r != VS_ENOSPC) {
		r = VS_EIO;
		err->code = r;
	}
	return r;
}

static void fetch_work(struct crew_job *job)
{
	struct fetcher_job *j = (struct fetcher_job *)job;
	struct vs_err *err = &job->err;
	struct line *l = NULL;
	int r = VS_OK;

	if (j->source != NULL) {
		j->target->part_copy(
		    j->target, j->part, j->source, &j->is, j->off, j->len, err);
		return;
	}
	if (j->fetcher->key->key_pem == NULL)
		r = vs_err_set(err, VS_EIO,
		    "this device has no key to show: the agent's log says "
		    "why");
	else if (!vs_key_pin_check(j->pin))
		r = vs_err_set(err, VS_EPROTO, "the cloud named no key");
	else if (j->len < 0 || j->len > FETCHER_CHUNK_MAX)
		r = vs_err_set(err, VS_EPROTO, "no length of a chunk");
	else if ((l = line_take(j->fetcher, (size_t)j->len)) == NULL)
		r = vs_err_set(err, VS_ENOMEM, "fetch: out of memory");
	if (r == VS_OK)
		r = line_get(l, j, err);
	if (r == VS_OK)
		r = bytes_check(l, err);
	if (r == VS_OK)
		bytes_write(l, j, err);
	if (l != NULL)
		line_give(j->fetcher, l);
}

int fetcher_new(struct fetcher **out, const struct vs_key *key, int threads,
    struct vs_err *err)
{
	struct fetcher *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL || uv_mutex_init(&f->mutex) != 0) {
		free(f);
		return vs_err_set(err, VS_ENOMEM, "fetcher: out of memory");
	}
	f->key = key;
	r = crew_new(&f->crew, threads, err);
	if (r < 0) {
		fetcher_free(f);
		return r;
	}
	*out = f;
	return VS_OK;
}

void fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	crew_free(f->crew);
	while (f->idle != NULL) {
		struct line *l = f->idle;

		f->idle = l->next;
		line_free(l);
	}
	uv_mutex_destroy(&f->mutex);
	free(f);
}

void fetcher_submit(struct fetcher *f, struct fetcher_job *j)
{
	assert(j->url != NULL && j->ticket != NULL && j->pin != NULL);
	assert(j->target != NULL && j->part != NULL && j->off >= 0);
	j->fetcher = f;
	j->job.owner = f;
	j->job.work = fetch_work;
	crew_submit(f->crew, &j->job);
}

void fetcher_forget(struct fetcher *f)
{
	crew_forget(f->crew, f);
}
