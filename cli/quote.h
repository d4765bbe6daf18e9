/*
 * Names and messages that come from a disk or a network, made safe to show:
 * nothing in them may drive a terminal or pass for something else.  Pure.
 */
#ifndef QUOTE_H
#define QUOTE_H

#include "common/base/buf.h"

/*
 * Appends name so that a shell (bash, zsh) reads the same bytes back: as it
 * is where that is plain, in single quotes where it has blanks or signs of
 * the shell, as $'...' where it has control characters, bytes that are not
 * UTF-8, or characters that reorder or hide text.
 */
void quote_name(struct vs_buf *b, const char *name);

/*
 * Appends text on one line: control characters and the like as \n, \e, \xHH
 * or \uHHHH, all else as it is.
 */
void quote_text(struct vs_buf *b, const char *text);

#endif
