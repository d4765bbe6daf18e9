/* The media type a file's name promises. */
#ifndef MIME_H
#define MIME_H

/* By the extension, case ignored; "application/octet-stream" otherwise. */
const char *mime_of(const char *path);

#endif
