#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/ws_priv.h"

#define FRAME_FIN 0x80 /* RFC 6455, 5.2 */
#define FRAME_MASKED 0x80
#define FRAME_LEN16 126
#define FRAME_LEN64 127
#define FRAME_HEAD 14 /* bytes of the longest header */
#define FRAME_MASK 4

/* Writes the header without mask; its length. */
static size_t frame_head(uint8_t *out, uint8_t opcode, size_t len, bool masked)
{
	uint8_t flag = masked ? FRAME_MASKED : 0;
	uint16_t len16 = htobe16((uint16_t)len);
	uint64_t len64 = htobe64(len);

	out[0] = FRAME_FIN | opcode;
	if (len < FRAME_LEN16) {
		out[1] = (uint8_t)(flag | len);
		return 2;
	}
	if (len <= UINT16_MAX) {
		out[1] = flag | FRAME_LEN16;
		memcpy(out + 2, &len16, sizeof(len16));
		return 2 + sizeof(len16);
	}
	out[1] = flag | FRAME_LEN64;
	memcpy(out + 2, &len64, sizeof(len64));
	return 2 + sizeof(len64);
}

struct vs_ws_frame *vs_ws_frame_make(
    uint8_t opcode, const void *data, size_t len, const uint8_t *mask)
{
	struct vs_ws_frame *f = malloc(sizeof(*f) + FRAME_HEAD + len);
	uint8_t *at;

	assert(data != NULL || len == 0);
	if (f == NULL)
		return NULL;
	f->refs = 1;
	at = f->bytes + frame_head(f->bytes, opcode, len, mask != NULL);
	if (mask != NULL) {
		memcpy(at, mask, FRAME_MASK);
		at += FRAME_MASK;
	}
	if (len > 0)
		memcpy(at, data, len);
	if (mask != NULL) {
		for (size_t i = 0; i < len; i++)
			at[i] ^= mask[i % FRAME_MASK];
	}
	f->len = (size_t)(at - f->bytes) + len;
	return f;
}

struct vs_ws_frame *vs_ws_frame_raw(const void *data, size_t len)
{
	struct vs_ws_frame *f = malloc(sizeof(*f) + len);

	assert(data != NULL && len > 0);
	if (f == NULL)
		return NULL;
	f->refs = 1;
	f->len = len;
	memcpy(f->bytes, data, len);
	return f;
}

struct vs_ws_frame *vs_ws_frame_new(const char *text, size_t len)
{
	return vs_ws_frame_make(WSLAY_TEXT_FRAME, text, len, NULL);
}

void vs_ws_frame_free(struct vs_ws_frame *f)
{
	if (f == NULL)
		return;
	assert(f->refs > 0);
	if (--f->refs == 0)
		free(f);
}
