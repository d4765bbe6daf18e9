#include "cloud/service/mime.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/base/path.h"

struct mime_entry {
	const char *ext;
	const char *type;
};

static const struct mime_entry mimes[] = {
	{ "aac", "audio/aac" },
	{ "aif", "audio/aiff" },
	{ "aiff", "audio/aiff" },
	{ "avi", "video/x-msvideo" },
	{ "bmp", "image/bmp" },
	{ "csv", "text/csv" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "heic", "image/heic" },
	{ "html", "text/html" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "json", "application/json" },
	{ "m4a", "audio/mp4" },
	{ "m4v", "video/x-m4v" },
	{ "md", "text/markdown" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpg", "video/mpeg" },
	{ "mts", "video/mp2t" },
	{ "mxf", "application/mxf" },
	{ "ogg", "audio/ogg" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "srt", "application/x-subrip" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "txt", "text/plain" },
	{ "vtt", "text/vtt" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "xml", "application/xml" },
	{ "zip", "application/zip" },
};

const char *mime_of(const char *path)
{
	const char *dot = strrchr(vs_path_name(path), '.');
	size_t i;

	if (dot != NULL)
		for (i = 0; i < sizeof(mimes) / sizeof(mimes[0]); i++)
			if (strcasecmp(dot + 1, mimes[i].ext) == 0)
				return mimes[i].type;
	return "application/octet-stream";
}
