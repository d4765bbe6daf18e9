#include "common/crypto/key.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha256.h"
#include "common/os/file.h"
#include "common/os/rand.h"

#define KEY_PREFIX "sha256//"
#define KEY_DIGITS 44 /* of 32 bytes in base64, the last is '=' */
#define KEY_NAME "vsync device" /* common name of the certificate */
#define KEY_DAYS (20 * 365 + 5)
#define KEY_FILE_MAX 65536
#define KEY_PATH 4096

/* A struct of OpenSSL's could not be made or filled. */
static int key_no_memory(struct vs_err *err, const char *what)
{
	ERR_clear_error();
	return vs_err_set(err, VS_ENOMEM, "device key: %s", what);
}

static int key_pin(const X509_PUBKEY *pub, char out[VS_KEY_PIN])
{
	uint8_t hash[VS_SHA256_SIZE];
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(pub, &der);

	if (len <= 0)
		return VS_ENOMEM;
	vs_sha256(der, (size_t)len, hash);
	OPENSSL_free(der);
	memcpy(out, KEY_PREFIX, strlen(KEY_PREFIX));
	EVP_EncodeBlock(
	    (uint8_t *)out + strlen(KEY_PREFIX), hash, sizeof(hash));
	assert(strlen(out) == VS_KEY_PIN - 1);
	return VS_OK;
}

int vs_key_pin_of(
    const void *der, size_t len, char out[VS_KEY_PIN], struct vs_err *err)
{
	const uint8_t *at = der;
	X509 *cert = NULL;
	int rc = VS_EINVAL;

	assert(der != NULL || len == 0);
	if (len > 0 && len <= KEY_FILE_MAX)
		cert = d2i_X509(NULL, &at, (long)len);
	if (cert != NULL && at == (const uint8_t *)der + len)
		rc = key_pin(X509_get_X509_PUBKEY(cert), out);
	X509_free(cert);
	ERR_clear_error();
	if (rc < 0)
		out[0] = '\0';
	return rc < 0 ? vs_err_set(err, rc, "not a certificate") : VS_OK;
}

int vs_key_pin_check(const char *pin)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(KEY_PREFIX);

	return strncmp(pin, KEY_PREFIX, len) == 0 &&
	    strspn(pin + len, digits) == KEY_DIGITS - 1 &&
	    strcmp(pin + len + KEY_DIGITS - 1, "=") == 0;
}

/* What a BIO in memory holds, malloc'd; NULL without memory. */
static char *key_text(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static char *key_pem_of(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;

	if (bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(
		bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
		text = key_text(bio);
	BIO_free(bio);
	return text;
}

static char *key_cert_pem_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1)
		text = key_text(bio);
	BIO_free(bio);
	return text;
}

static bool key_add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = e != NULL && X509_add_ext(cert, e, -1) == 1;

	X509_EXTENSION_free(e);
	return good;
}

static bool key_fill_cert(X509 *cert, EVP_PKEY *pkey)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint64_t serial = vs_rand_u64(vs_rand_os()) >> 1;

	/* A day back: the other side's clock may be behind. */
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial + 1) ==
	    1 &&
	    X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), KEY_DAYS, 0, NULL) !=
	    NULL &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
		(const uint8_t *)KEY_NAME, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 &&
	    key_add_extension(
		cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    key_add_extension(
		cert, NID_key_usage, "critical,digitalSignature") &&
	    key_add_extension(
		cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    X509_sign(cert, pkey, EVP_sha256()) > 0;
}

/* Certificate and pin for the key that k has. */
static int key_certify(struct vs_key *k, EVP_PKEY *pkey, struct vs_err *err)
{
	X509 *cert = X509_new();
	int rc = VS_ENOMEM;

	if (cert != NULL && key_fill_cert(cert, pkey)) {
		k->cert_pem = key_cert_pem_of(cert);
		if (k->cert_pem != NULL)
			rc = key_pin(X509_get_X509_PUBKEY(cert), k->pin);
	}
	X509_free(cert);
	return rc < 0 ? key_no_memory(err, "make a certificate") : VS_OK;
}

int vs_key_make(struct vs_key *k, struct vs_err *err)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	int rc;

	memset(k, 0, sizeof(*k));
	if (pkey != NULL)
		k->key_pem = key_pem_of(pkey);
	if (k->key_pem == NULL)
		rc = key_no_memory(err, "make a key");
	else
		rc = key_certify(k, pkey, err);
	EVP_PKEY_free(pkey);
	if (rc < 0)
		vs_key_release(k);
	return rc;
}

void vs_key_release(struct vs_key *k)
{
	if (k == NULL)
		return;
	if (k->key_pem != NULL)
		explicit_bzero(k->key_pem, strlen(k->key_pem));
	free(k->key_pem);
	free(k->cert_pem);
	memset(k, 0, sizeof(*k));
}

/* No terminal is asked for a password. */
static int key_no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *key_parse(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = NULL;

	if (bio != NULL)
		pkey =
		    PEM_read_bio_PrivateKey(bio, NULL, key_no_password, NULL);
	BIO_free(bio);
	return pkey;
}

static X509 *key_parse_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = NULL;

	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, key_no_password, NULL);
	BIO_free(bio);
	return cert;
}

/* The certificate fits the key: its pin is theirs. */
static int key_match(struct vs_key *k, EVP_PKEY *pkey, struct vs_err *err)
{
	X509 *cert = key_parse_cert(k->cert_pem);
	int rc;

	if (cert == NULL)
		rc = vs_err_set(err, VS_ECONFIG, "not a certificate");
	else if (X509_check_private_key(cert, pkey) != 1)
		rc = vs_err_set(
		    err, VS_ECONFIG, "the certificate belongs to another key");
	else
		rc = key_pin(X509_get_X509_PUBKEY(cert), k->pin);
	X509_free(cert);
	return rc;
}

/* VS_OK with NULL where there is no such file. */
static int key_read_file(char **out, const char *path, struct vs_err *err)
{
	struct vs_buf b;
	int rc;

	vs_buf_init(&b, KEY_FILE_MAX);
	rc = vs_file_read(path, &b, err);
	*out = NULL;
	if (rc == VS_OK) {
		*out = vs_buf_take(&b, NULL);
		if (*out == NULL)
			rc = vs_err_set(err, VS_ENOMEM, "out of memory");
	} else if (rc == VS_ENOENT) {
		vs_err_clear(err);
		rc = VS_OK;
	}
	vs_buf_release(&b);
	return rc;
}

static int key_write_file(
    const char *path, const char *text, mode_t mode, struct vs_err *err)
{
	return vs_file_write(path, text, strlen(text), mode, err);
}

/* Both are missing.  The key first: a certificate can be made anew. */
static int key_create(struct vs_key *k, const char *key_path,
    const char *cert_path, struct vs_err *err)
{
	int rc = vs_key_make(k, err);

	if (rc == VS_OK)
		rc = key_write_file(key_path, k->key_pem, 0600, err);
	if (rc == VS_OK)
		rc = key_write_file(cert_path, k->cert_pem, 0644, err);
	return rc;
}

/* There is a key. */
static int key_check(
    struct vs_key *k, const char *cert_path, struct vs_err *err)
{
	EVP_PKEY *pkey = key_parse(k->key_pem);
	int rc;

	if (pkey == NULL) {
		rc = vs_err_set(
		    err, VS_ECONFIG, "device.key is not a private key in PEM");
	} else if (k->cert_pem != NULL) {
		rc = key_match(k, pkey, err);
	} else {
		rc = key_certify(k, pkey, err);
		if (rc == VS_OK)
			rc = key_write_file(cert_path, k->cert_pem, 0644, err);
	}
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return rc;
}

int vs_key_load(struct vs_key *k, const char *dir, struct vs_err *err)
{
	char key_path[KEY_PATH];
	char cert_path[KEY_PATH];
	int rc;

	assert(err != NULL);
	memset(k, 0, sizeof(*k));
	if (snprintf(key_path, sizeof(key_path), "%s/device.key", dir) >=
	    KEY_PATH - 1)
		return vs_err_set(err, VS_ELIMIT, "path too long");
	snprintf(cert_path, sizeof(cert_path), "%s/device.crt", dir);
	rc = key_read_file(&k->key_pem, key_path, err);
	if (rc == VS_OK)
		rc = key_read_file(&k->cert_pem, cert_path, err);
	if (rc == VS_OK && k->key_pem == NULL && k->cert_pem != NULL)
		rc = vs_err_set(err, VS_ECONFIG,
		    "device.crt is there, but device.key is missing");
	else if (rc == VS_OK && k->key_pem == NULL)
		rc = vs_file_mkdirs(dir, 0700, err) < 0
		    ? err->code
		    : key_create(k, key_path, cert_path, err);
	else if (rc == VS_OK)
		rc = key_check(k, cert_path, err);
	if (rc < 0) {
		vs_key_release(k);
		vs_err_wrap(err, "device key in %s", dir);
	}
	return rc;
}
