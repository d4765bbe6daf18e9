/*
 * Characters of a name: UTF-8 one by one, and letters without their case.
 * Pure.
 */
#ifndef LETTER_H
#define LETTER_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character at p (len bytes, at least one) to *c; returns its bytes.
 * A byte that is no UTF-8 is a character of its own, above all others, so
 * that patterns work on any name.
 */
size_t letter_at(const char *p, size_t len, uint32_t *c);

/* c in lower case: Latin, Greek and Cyrillic; others are as they are. */
uint32_t letter_fold(uint32_t c);

#endif
