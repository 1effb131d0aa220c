/* SPDX-License-Identifier: MIT
 * The growing string that writers of text fill.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct pb_buf *buf, size_t more)
{
	size_t capacity = buf->capacity ? buf->capacity : 256;
	char *data;

	if (buf->oom || more >= (size_t)-1 / 2 - buf->len) {
		buf->oom = true;
		return false;
	}
	while (capacity <= buf->len + more)
		capacity *= 2;
	if (capacity == buf->capacity)
		return true;
	data = realloc(buf->data, capacity);
	if (!data) {
		buf->oom = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

void pb_buf_add(struct pb_buf *buf, const char *bytes, size_t n)
{
	if (!reserve(buf, n))
		return;
	if (n)
		memcpy(buf->data + buf->len, bytes, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
}

void pb_buf_puts(struct pb_buf *buf, const char *text)
{
	pb_buf_add(buf, text, strlen(text));
}

void pb_buf_printf(struct pb_buf *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0 || !reserve(buf, (size_t)n)) {
		buf->oom = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)n;
}

/* Bytes of the terminal's control sequence at text (colours and the like), 0 where there is none.
 */
static size_t control_sequence(const char *text)
{
	size_t n = 2;

	if (text[0] != '\033' || text[1] != '[')
		return 0;
	while (text[n] >= ' ' && text[n] < '@')
		n++;
	return text[n] ? n + 1 : n;
}

void pb_buf_line(struct pb_buf *buf, const char *text)
{
	bool gap = false, any = false;

	while (*text) {
		unsigned char u = (unsigned char)*text;
		size_t skip = control_sequence(text);

		if (skip) {
			text += skip;
			continue;
		}
		if (u <= ' ' || u == 0x7f) {
			gap = any;
			text++;
			continue;
		}
		if (gap)
			pb_buf_add(buf, " ", 1);
		gap = false;
		any = true;
		pb_buf_add(buf, text++, 1);
	}
}

void pb_buf_fini(struct pb_buf *buf)
{
	free(buf->data);
	*buf = (struct pb_buf){0};
}
