#include "common/crypto/sha256.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/hex.h"

struct vs_sha256 {
	EVP_MD_CTX *ctx;
};

/* Fetching looks the algorithm up by name: too slow for each small file. */
static struct {
	pthread_once_t once;
	EVP_MD *md;
} sha256_shared = { .once = PTHREAD_ONCE_INIT };

static void sha256_fetch(void)
{
	sha256_shared.md = EVP_MD_fetch(NULL, "SHA256", NULL);
	/* An OpenSSL without SHA-256 leaves nothing that we could do. */
	if (sha256_shared.md == NULL)
		abort();
}

static const EVP_MD *sha256_md(void)
{
	pthread_once(&sha256_shared.once, sha256_fetch);
	return sha256_shared.md;
}

/* Digesting memory cannot fail; a wrong hash must never be returned. */
static void sha256_must(int ok)
{
	if (ok != 1)
		abort();
}

struct vs_sha256 *vs_sha256_new(void)
{
	struct vs_sha256 *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	if (s->ctx == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void vs_sha256_free(struct vs_sha256 *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void vs_sha256_start(struct vs_sha256 *s)
{
	sha256_must(EVP_DigestInit_ex2(s->ctx, sha256_md(), NULL));
}

void vs_sha256_add(struct vs_sha256 *s, const void *data, size_t len)
{
	assert(data != NULL || len == 0);
	sha256_must(EVP_DigestUpdate(s->ctx, data, len));
}

void vs_sha256_copy(struct vs_sha256 *to, const struct vs_sha256 *from)
{
	sha256_must(EVP_MD_CTX_copy_ex(to->ctx, from->ctx));
}

void vs_sha256_end(struct vs_sha256 *s, uint8_t out[VS_SHA256_SIZE])
{
	unsigned len = 0;

	sha256_must(EVP_DigestFinal_ex(s->ctx, out, &len));
	assert(len == VS_SHA256_SIZE);
}

void vs_sha256(const void *data, size_t len, uint8_t out[VS_SHA256_SIZE])
{
	assert(data != NULL || len == 0);
	sha256_must(EVP_Digest(data, len, out, NULL, sha256_md(), NULL));
}

void vs_sha256_hex(const void *data, size_t len, char out[VS_HASH_HEX + 1])
{
	uint8_t raw[VS_SHA256_SIZE];

	vs_sha256(data, len, raw);
	vs_hex_encode(out, raw, sizeof(raw));
}
