/* Bytes as lower-case hex digits. */
#ifndef VS_HEX_H
#define VS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and a NUL to out. */
void vs_hex_encode(char *out, const uint8_t *in, size_t len);

/* Exactly 2 * len lower-case digits and then NUL, else VS_EINVAL. */
int vs_hex_decode(uint8_t *out, size_t len, const char *in);

/* True for exactly VS_HASH_HEX lower-case hex digits. */
bool vs_hex_is_hash(const char *s);

#endif
