/* SPDX-License-Identifier: MIT
 * A growing string: appends that run out of memory set a flag, which is checked once at the end.
 */
#ifndef PB_BUF_H
#define PB_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct pb_buf {
	char *data; /* NUL-terminated once anything was added; NULL before */
	size_t len;
	size_t capacity;
	bool oom;
};

void pb_buf_add(struct pb_buf *buf, const char *bytes, size_t n);
void pb_buf_puts(struct pb_buf *buf, const char *text);
void pb_buf_printf(struct pb_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends text as one line: newlines and other control characters become single blanks and
 * colours go, so that
 * what a child process wrote can't break a table or drive a terminal. */
void pb_buf_line(struct pb_buf *buf, const char *text);
void pb_buf_fini(struct pb_buf *buf);

#endif
