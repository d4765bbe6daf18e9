/*
 * What is not MAC'd by our key is not parsed.  The MACs are compared as
 * text, so that one ticket has one spelling.
 */
#include "common/crypto/ticket.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/base/b64.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/crypto/key.h"

#define TICKET_MAC 32 /* bytes */
#define TICKET_MAC_TEXT 43 /* digits */
#define TICKET_MEMBERS 8
#define TICKET_UUID 36 /* digits and dashes */

static bool ticket_is_uuid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(s) != TICKET_UUID)
		return false;
	for (int i = 0; i < TICKET_UUID; i++) {
		if (form[i] == '-' ? s[i] != '-'
				   : strchr("0123456789abcdef", s[i]) == NULL)
			return false;
	}
	return true;
}

/* The first member that is not of its form, or NULL. */
static const char *ticket_flaw(const struct vs_ticket *t)
{
	if (!ticket_is_uuid(t->transfer))
		return "transfer";
	if (!ticket_is_uuid(t->project))
		return "project";
	if (!ticket_is_uuid(t->source))
		return "source";
	if (vs_path_check(t->path, strlen(t->path)) != VS_PATH_GOOD)
		return "path";
	if (!vs_hex_is_hash(t->hash))
		return "hash";
	if (t->size < 0)
		return "size";
	if (!vs_key_pin_check(t->pin))
		return "pin";
	return t->expires_ms <= 0 ? "expires" : NULL;
}

/* Appends the MAC's digits. */
static int ticket_add_mac(struct vs_buf *b, const char *text, size_t len,
    const uint8_t key[VS_TICKET_KEY])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (HMAC(EVP_sha256(), key, VS_TICKET_KEY, (const uint8_t *)text, len,
		mac, &n) == NULL)
		return VS_ENOMEM;
	assert(n == TICKET_MAC);
	vs_b64_add(b, mac, n);
	return vs_buf_error(b);
}

static void ticket_add_member(
    struct vs_buf *b, const char *name, const char *value)
{
	vs_buf_addf(b, "%c\"%s\":", b->len == 0 ? '{' : ',', name);
	vs_json_add_str(b, value);
}

static void ticket_add_claims(struct vs_buf *b, const struct vs_ticket *t)
{
	ticket_add_member(b, "transfer", t->transfer);
	ticket_add_member(b, "project", t->project);
	ticket_add_member(b, "source", t->source);
	ticket_add_member(b, "path", t->path);
	ticket_add_member(b, "hash", t->hash);
	ticket_add_member(b, "pin", t->pin);
	vs_buf_addf(b, ",\"size\":%lld,\"expires\":%lld}", (long long)t->size,
	    (long long)t->expires_ms);
}

/* Claims, a dot and their MAC. */
static int ticket_sign(struct vs_buf *text, const struct vs_buf *claims,
    const uint8_t key[VS_TICKET_KEY])
{
	struct vs_buf mac;
	int rc;

	vs_b64_add(text, claims->data, claims->len);
	if (vs_buf_error(text) != VS_OK)
		return vs_buf_error(text);
	vs_buf_init(&mac, TICKET_MAC_TEXT);
	rc = ticket_add_mac(&mac, text->data, text->len, key);
	if (rc == VS_OK) {
		vs_buf_addch(text, '.');
		vs_buf_add(text, mac.data, mac.len);
		rc = vs_buf_error(text);
	}
	vs_buf_release(&mac);
	return rc;
}

int vs_ticket_write(struct vs_buf *b, const struct vs_ticket *t,
    const uint8_t key[VS_TICKET_KEY], struct vs_err *err)
{
	const char *flaw = ticket_flaw(t);
	struct vs_buf claims;
	struct vs_buf text;
	int rc;

	if (flaw != NULL)
		return vs_err_set(
		    err, VS_EINVAL, "ticket: bad member %s", flaw);
	vs_buf_init(&claims, VS_TICKET_MAX);
	vs_buf_init(&text, VS_TICKET_MAX);
	ticket_add_claims(&claims, t);
	rc = vs_buf_error(&claims);
	if (rc == VS_OK)
		rc = ticket_sign(&text, &claims, key);
	if (rc == VS_OK) {
		vs_buf_add(b, text.data, text.len);
		rc = vs_buf_error(b);
	}
	vs_buf_release(&claims);
	vs_buf_release(&text);
	if (rc < 0)
		vs_err_set(err, rc, "ticket: %s", vs_err_text(rc));
	return rc;
}

/* Copies a string member; false unless it is there and fits. */
static bool ticket_get(const json_t *obj, const char *name, char *out,
    size_t size, struct vs_err *err)
{
	const char *s = NULL;

	if (vs_json_get_str(obj, name, true, &s, err) < 0 || strlen(s) >= size)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static bool ticket_take(
    struct vs_ticket *t, const json_t *obj, struct vs_err *err)
{
	return json_is_object(obj) && json_object_size(obj) == TICKET_MEMBERS &&
	    ticket_get(
		obj, "transfer", t->transfer, sizeof(t->transfer), err) &&
	    ticket_get(obj, "project", t->project, sizeof(t->project), err) &&
	    ticket_get(obj, "source", t->source, sizeof(t->source), err) &&
	    ticket_get(obj, "path", t->path, sizeof(t->path), err) &&
	    ticket_get(obj, "hash", t->hash, sizeof(t->hash), err) &&
	    ticket_get(obj, "pin", t->pin, sizeof(t->pin), err) &&
	    vs_json_get_i64(obj, "size", true, &t->size, err) == VS_OK &&
	    vs_json_get_i64(obj, "expires", true, &t->expires_ms, err) ==
	    VS_OK &&
	    ticket_flaw(t) == NULL;
}

/* The claims of the first part, whose MAC was right. */
static bool ticket_parse(
    struct vs_ticket *t, const char *text, size_t len, struct vs_err *err)
{
	struct vs_buf claims;
	json_t *obj = NULL;
	bool good;

	vs_buf_init(&claims, VS_TICKET_MAX);
	if (vs_b64_read(&claims, text, len) == VS_OK)
		obj = vs_json_parse(vs_buf_str(&claims), claims.len, err);
	good = obj != NULL && ticket_take(t, obj, err);
	json_decref(obj);
	vs_buf_release(&claims);
	return good;
}

/* Length of the first part if the second is its MAC, or 0. */
static size_t ticket_verify(const char *text, const uint8_t key[VS_TICKET_KEY])
{
	size_t all = strnlen(text, VS_TICKET_MAX + 1);
	struct vs_buf mac;
	size_t len;
	bool good;

	if (all > VS_TICKET_MAX || all <= TICKET_MAC_TEXT + 1)
		return 0;
	len = all - TICKET_MAC_TEXT - 1;
	if (text[len] != '.')
		return 0;
	vs_buf_init(&mac, TICKET_MAC_TEXT);
	good = ticket_add_mac(&mac, text, len, key) == VS_OK &&
	    mac.len == TICKET_MAC_TEXT &&
	    CRYPTO_memcmp(mac.data, text + len + 1, TICKET_MAC_TEXT) == 0;
	vs_buf_release(&mac);
	return good ? len : 0;
}

int vs_ticket_read(struct vs_ticket *t, const char *text,
    const uint8_t key[VS_TICKET_KEY], int64_t wall_ms, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	size_t len;

	assert(t != NULL && text != NULL);
	memset(t, 0, sizeof(*t));
	len = ticket_verify(text, key);
	if (len == 0)
		return vs_err_set(
		    err, VS_EFORBIDDEN, "the ticket is not valid");
	if (!ticket_parse(t, text, len, &why)) {
		memset(t, 0, sizeof(*t));
		return vs_err_set(err, VS_EFORBIDDEN,
		    "the ticket's claims are malformed: %s", why.msg);
	}
	if (t->expires_ms <= wall_ms) {
		memset(t, 0, sizeof(*t));
		return vs_err_set(err, VS_EFORBIDDEN, "the ticket has expired");
	}
	return VS_OK;
}
