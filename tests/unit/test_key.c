#include "common/crypto/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/unit/scratch.h"

static X509 *parse_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

/* The pin as the curl manual has one compute it. */
static void openssl_pin(X509 *cert, char out[VS_KEY_PIN])
{
	EVP_PKEY *pkey = X509_get_pubkey(cert);
	uint8_t hash[32];
	uint8_t *der = NULL;
	unsigned n = 0;
	int len = i2d_PUBKEY(pkey, &der);

	assert_true(len > 0);
	EVP_Digest(der, (size_t)len, hash, &n, EVP_sha256(), NULL);
	memcpy(out, "sha256//", 8);
	EVP_EncodeBlock((uint8_t *)out + 8, hash, 32);
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
}

static void test_make(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_key k;
	struct vs_key other;
	char pin[VS_KEY_PIN];
	uint8_t *der = NULL;
	X509 *cert;
	int days = 0;
	int seconds = 0;
	int len;

	(void)state;
	assert_int_equal(vs_key_make(&k, &err), VS_OK);
	assert_int_equal(vs_key_make(&other, &err), VS_OK);
	assert_string_not_equal(k.pin, other.pin);
	assert_string_not_equal(k.key_pem, other.key_pem);
	assert_non_null(strstr(k.key_pem, "-----BEGIN PRIVATE KEY-----"));
	cert = parse_cert(k.cert_pem);
	openssl_pin(cert, pin);
	assert_string_equal(k.pin, pin);
	assert_true(vs_key_pin_check(k.pin));
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	/* Signed by itself, valid now, for about 20 years. */
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(cert)), 256);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(cert)) < 0);
	assert_int_equal(
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
	assert_in_range(days, 20 * 365, 20 * 366);
	len = i2d_X509(cert, &der);
	assert_true(len > 0);
	assert_int_equal(vs_key_pin_of(der, (size_t)len, pin, &err), VS_OK);
	assert_string_equal(pin, k.pin);
	OPENSSL_free(der);
	X509_free(cert);
	vs_key_release(&k);
	assert_null(k.key_pem);
	vs_key_release(&k);
	vs_key_release(&other);
	vs_key_release(NULL);
}

/* Cut, lengthened or changed: never a pin of something else, no crash. */
static void test_pin_of_bad(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_key k;
	char pin[VS_KEY_PIN];
	uint8_t *der = NULL;
	uint8_t *copy;
	X509 *cert;
	size_t len;

	(void)state;
	assert_int_equal(vs_key_make(&k, &err), VS_OK);
	cert = parse_cert(k.cert_pem);
	len = (size_t)i2d_X509(cert, &der);
	copy = calloc(1, len + 1);
	assert_non_null(copy);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(vs_key_pin_of(der, i, pin, &err), VS_EINVAL);
		assert_string_equal(pin, "");
	}
	memcpy(copy, der, len);
	assert_int_equal(vs_key_pin_of(copy, len + 1, pin, &err), VS_EINVAL);
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, der, len);
		copy[i] ^= 0x55;
		if (vs_key_pin_of(copy, len, pin, &err) == VS_OK)
			assert_true(vs_key_pin_check(pin));
	}
	assert_int_equal(
	    vs_key_pin_of(k.cert_pem, strlen(k.cert_pem), pin, &err),
	    VS_EINVAL);
	assert_int_equal(vs_key_pin_of(NULL, 0, pin, &err), VS_EINVAL);
	free(copy);
	OPENSSL_free(der);
	X509_free(cert);
	vs_key_release(&k);
}

static void test_pin_check(void **state)
{
	static const char *const bad[] = { "", "sha256//",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"sha256//AAAAAAAAAAAAAAAAAAAAA_AAAAAAAAAAAAAAAAAAAAA=",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;",
		"SHA256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };

	(void)state;
	assert_true(vs_key_pin_check(
	    "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(vs_key_pin_check(bad[i]));
}

static void load(const struct scratch *s, struct vs_key *k)
{
	struct vs_err err = VS_ERR_INIT;

	if (vs_key_load(k, scratch_at(s, "deep/keys"), &err) < 0)
		fail_msg("%s", err.msg);
}

static void expect_config(const struct scratch *s, const char *why)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_key k;

	assert_int_equal(
	    vs_key_load(&k, scratch_at(s, "deep/keys"), &err), VS_ECONFIG);
	assert_null(k.key_pem);
	assert_null(k.cert_pem);
	assert_string_equal(k.pin, "");
	if (strstr(err.msg, why) == NULL)
		fail_msg("%s", err.msg);
}

static void test_load(void **state)
{
	struct scratch *s = *state;
	struct vs_key one;
	struct vs_key two;

	load(s, &one);
	assert_int_equal(scratch_mode(s, "deep/keys/device.key") & 07777, 0600);
	assert_int_equal(scratch_mode(s, "deep/keys/device.crt") & 07777, 0644);
	load(s, &two);
	assert_string_equal(one.key_pem, two.key_pem);
	assert_string_equal(one.cert_pem, two.cert_pem);
	assert_string_equal(one.pin, two.pin);
	vs_key_release(&two);
	/* A crash between the two files: same key, same pin. */
	scratch_remove(s, "deep/keys/device.crt");
	load(s, &two);
	assert_string_equal(one.key_pem, two.key_pem);
	assert_string_equal(one.pin, two.pin);
	vs_key_release(&one);
	load(s, &one);
	assert_string_equal(one.cert_pem, two.cert_pem);
	vs_key_release(&one);
	vs_key_release(&two);
}

static void test_load_bad(void **state)
{
	struct scratch *s = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_key mine;
	struct vs_key other;
	char encrypted[8192];
	BIO *bio;
	BIO *out;
	EVP_PKEY *pkey;

	load(s, &mine);
	assert_int_equal(vs_key_make(&other, &err), VS_OK);
	scratch_write(s, "deep/keys/device.crt", other.cert_pem);
	expect_config(s, "belongs to another key");
	scratch_write(s, "deep/keys/device.crt", "-----BEGIN nothing");
	expect_config(s, "not a certificate");
	scratch_write(s, "deep/keys/device.crt", mine.cert_pem);
	scratch_write(s, "deep/keys/device.key", mine.cert_pem);
	expect_config(s, "not a private key");
	/* One with a password: nobody is asked for it. */
	bio = BIO_new_mem_buf(mine.key_pem, -1);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	out = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, pkey,
			     EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
	    1);
	memset(encrypted, 0, sizeof(encrypted));
	assert_true(BIO_read(out, encrypted, sizeof(encrypted) - 1) > 0);
	BIO_free(out);
	EVP_PKEY_free(pkey);
	scratch_write(s, "deep/keys/device.key", encrypted);
	expect_config(s, "not a private key");
	scratch_remove(s, "deep/keys/device.key");
	expect_config(s, "device.key is missing");
	vs_key_release(&mine);
	vs_key_release(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_pin_of_bad),
		cmocka_unit_test(test_pin_check),
		cmocka_unit_test_setup_teardown(
		    test_load, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_load_bad, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
