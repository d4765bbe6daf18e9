/*
 * A device's key: EC P-256 with a self-signed certificate, for TLS between
 * devices.  Trust is by pin alone: SHA-256 of the public key
 * (SubjectPublicKeyInfo, DER) in base64, written "sha256//BASE64" as
 * CURLOPT_PINNEDPUBLICKEY(3) takes it.
 */
#ifndef VS_KEY_H
#define VS_KEY_H

#include <stddef.h>

#include "common/base/err.h"

#define VS_KEY_PIN 53 /* bytes of "sha256//" and 44 digits, NUL included */

struct vs_key {
	char *key_pem; /* PKCS #8 */
	char *cert_pem; /* self-signed, valid for 20 years */
	char pin[VS_KEY_PIN];
};

/* A new one. */
int vs_key_make(struct vs_key *k, struct vs_err *err);

/*
 * From key and certificate files in dir (device.key 0600, device.crt), made
 * when both are missing (dir, too); a certificate alone that is missing is
 * made for the key, whose pin it does not change.  VS_ECONFIG when they do
 * not belong together or are none.
 */
int vs_key_load(struct vs_key *k, const char *dir, struct vs_err *err);

/* Wipes the private key and frees all; k is empty then.  NULL is nothing. */
void vs_key_release(struct vs_key *k);

/* The pin of a certificate in DER; VS_EINVAL if it is none. */
int vs_key_pin_of(
    const void *der, size_t len, char out[VS_KEY_PIN], struct vs_err *err);

/* True for the form of a pin. */
int vs_key_pin_check(const char *pin);

#endif
