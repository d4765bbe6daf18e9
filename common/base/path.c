#include "common/base/path.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/limits.h"

#define PATH_OWN ".vsync"

/*
 * Length of the well-formed sequence at p (RFC 3629, section 4), 0 if there
 * is none.
 */
static size_t path_utf8_len(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xBF;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (len > left)
		return 0;
	if (p[0] == 0xE0)
		low = 0xA0;
	if (p[0] == 0xED)
		high = 0x9F;
	if (p[0] == 0xF0)
		low = 0x90;
	if (p[0] == 0xF4)
		high = 0x8F;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

/* Bytes at p that are ASCII, or some of them: eight at a time. */
static size_t path_ascii(const uint8_t *p, size_t left)
{
	size_t n = 0;
	uint64_t word;

	for (; left - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, p + n, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return n;
}

bool vs_path_utf8(const char *p, size_t len)
{
	const uint8_t *s = (const uint8_t *)p;

	for (size_t i = path_ascii(s, len); i < len;) {
		size_t n = path_utf8_len(s + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static enum vs_path_flaw path_check_component(const char *p, size_t len)
{
	if (len == 0)
		return VS_PATH_SLASH;
	if ((len == 1 && p[0] == '.') || (len == 2 && memcmp(p, "..", 2) == 0))
		return VS_PATH_DOT;
	if (len > VS_NAME_MAX)
		return VS_PATH_NAME_LONG;
	return VS_PATH_GOOD;
}

static enum vs_path_flaw path_check_components(const char *p, size_t len)
{
	enum vs_path_flaw flaw;
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && p[i] != '/')
			continue;
		flaw = path_check_component(p + start, i - start);
		if (flaw != VS_PATH_GOOD)
			return flaw;
		start = i + 1;
	}
	return VS_PATH_GOOD;
}

static bool path_is_own(const char *p, size_t len)
{
	size_t own = strlen(PATH_OWN);

	return len >= own && memcmp(p, PATH_OWN, own) == 0 &&
	    (len == own || p[own] == '/');
}

enum vs_path_flaw vs_path_check(const char *p, size_t len)
{
	enum vs_path_flaw flaw;

	assert(p != NULL);
	if (len == 0)
		return VS_PATH_EMPTY;
	if (memchr(p, '\0', len) != NULL)
		return VS_PATH_NUL;
	if (p[0] == '/')
		return VS_PATH_ABSOLUTE;
	if (len > VS_PATH_MAX)
		return VS_PATH_LONG;
	flaw = path_check_components(p, len);
	if (flaw != VS_PATH_GOOD)
		return flaw;
	if (!vs_path_utf8(p, len))
		return VS_PATH_NOT_UTF8;
	return path_is_own(p, len) ? VS_PATH_RESERVED : VS_PATH_GOOD;
}

enum vs_path_flaw vs_path_check_name(const char *p, size_t len)
{
	enum vs_path_flaw flaw;

	assert(p != NULL);
	if (len == 0)
		return VS_PATH_EMPTY;
	if (memchr(p, '\0', len) != NULL)
		return VS_PATH_NUL;
	if (memchr(p, '/', len) != NULL)
		return VS_PATH_SLASH;
	flaw = path_check_component(p, len);
	if (flaw != VS_PATH_GOOD)
		return flaw;
	return vs_path_utf8(p, len) ? VS_PATH_GOOD : VS_PATH_NOT_UTF8;
}

const char *vs_path_flaw_text(enum vs_path_flaw flaw)
{
	switch (flaw) {
	case VS_PATH_GOOD:
		return "is fine";
	case VS_PATH_EMPTY:
		return "is empty";
	case VS_PATH_ABSOLUTE:
		return "begins with a slash";
	case VS_PATH_DOT:
		return "contains a . or .. component";
	case VS_PATH_SLASH:
		return "contains an empty component";
	case VS_PATH_NUL:
		return "contains a NUL byte";
	case VS_PATH_LONG:
		return "is longer than 4096 bytes";
	case VS_PATH_NAME_LONG:
		return "has a component longer than 255 bytes";
	case VS_PATH_NOT_UTF8:
		return "is not valid UTF-8";
	case VS_PATH_RESERVED:
		return "lies in the reserved folder .vsync";
	}
	return "is refused";
}

const char *vs_path_name(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash != NULL ? slash + 1 : p;
}

size_t vs_path_parent_len(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash != NULL ? (size_t)(slash - p) : 0;
}

int vs_path_join(char *out, size_t cap, const char *dir, const char *name)
{
	size_t dir_len = strlen(dir);
	size_t name_len = strlen(name);
	size_t sep = dir_len > 0 && name_len > 0 ? 1 : 0;
	size_t len = dir_len + sep + name_len;

	if (len >= cap || len > INT32_MAX)
		return VS_ELIMIT;
	memmove(out, dir, dir_len);
	if (sep > 0)
		out[dir_len] = '/';
	memcpy(out + dir_len + sep, name, name_len);
	out[len] = '\0';
	return (int)len;
}

bool vs_path_beneath(const char *p, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 0)
		return p[0] != '\0';
	return strncmp(p, dir, len) == 0 && p[len] == '/';
}
