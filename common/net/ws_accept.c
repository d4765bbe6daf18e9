#include "common/net/ws.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define ACCEPT_KEY 24 /* digits of 16 bytes, two of them '=' */

static bool accept_is_key(const char *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(key) == ACCEPT_KEY &&
	    strspn(key, digits) == ACCEPT_KEY - 2 &&
	    strcmp(key + ACCEPT_KEY - 2, "==") == 0;
}

int vs_ws_accept(const char *key, char out[29])
{
	char text[ACCEPT_KEY + sizeof(ACCEPT_GUID)];
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	assert(key != NULL);
	if (!accept_is_key(key))
		return VS_EINVAL;
	memcpy(text, key, ACCEPT_KEY);
	memcpy(text + ACCEPT_KEY, ACCEPT_GUID, sizeof(ACCEPT_GUID));
	if (EVP_Digest(text, sizeof(text) - 1, hash, &len, EVP_sha1(), NULL) !=
	    1)
		return VS_ENOTSUP;
	assert(len == 20);
	EVP_EncodeBlock((uint8_t *)out, hash, (int)len);
	return VS_OK;
}
