/* SPDX-License-Identifier: MIT
 * Text of foreign origin as text: what would drive a terminal, or turn the direction of what is
 * read, is written as an escape that can be seen.
 */
#ifndef PB_VISIBLE_H
#define PB_VISIBLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "probe/error.h"

/* The character of UTF-8 at p, and its bytes: 0 where there is none (overlong forms and surrogates
 * are none). Reads no further than the end of a string. */
unsigned long pb_utf8_decode(const unsigned char *p, size_t *bytes);

/* What is handed on as JSON has to be UTF-8. what: "the path of the library"; cure: what to do.
 * Returns 0 or -PROBE_EINVAL. */
int pb_check_utf8(const char *what, const char *text, const char *cure, struct probe_error *err);

/* Appends text with "\x1b" for a control character or a byte that is not UTF-8, "\n" and "\t" for
 * those two, and "\u202e" for C1 controls, line separators and marks of direction. A text that
 * holds none of these is appended as it is, so that doing it twice does it once.
 * @keep_lines  line breaks and tabs stay. */
void pb_buf_visible(struct pb_buf *out, const char *text, bool keep_lines);

/* The same in place, for a buffer of size bytes; cut between characters where it gets too long. */
void pb_visible_in(char *text, size_t size);

#endif
