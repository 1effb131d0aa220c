/* SPDX-License-Identifier: MIT
 * Making what a child process wrote fit for a terminal and for JSON.
 */
#ifndef PB_CLEAN_H
#define PB_CLEAN_H

#include <stddef.h>

/* Copies text as one line: runs of blanks and control characters become one blank, bytes that are
 * no UTF-8 a '?'; cut to size between characters. Returns buf. */
char *pb_clean_line(const char *text, char *buf, size_t size);

/* The same, but keeps line breaks and blanks; a new string, NULL when out of memory. */
char *pb_clean_lines(const char *text);

#endif
