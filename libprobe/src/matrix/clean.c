/* SPDX-License-Identifier: MIT
 * Cleaning foreign text byte by byte, so that no terminal sequence and no broken UTF-8 gets
 * through.
 */
#include "matrix/clean.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/visible.h"

/* Bytes of the UTF-8 character at p; 0 where there is none, or a C1 control. */
static size_t character_length(const unsigned char *p)
{
	size_t n;
	unsigned long c = pb_utf8_decode(p, &n);
	return c >= 0x80 && c < 0xa0 ? 0 : n;
}

static char *clean(const char *text, char *buf, size_t size, bool keep_lines)
{
	size_t n = 0;
	bool blank = true;
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		bool space = *p <= ' ' || *p == 0x7f;
		size_t length = character_length(p), copied = length ? length : 1;
		if (n + copied >= size)
			break;
		if (keep_lines && (*p == '\n' || *p == ' '))
			buf[n++] = (char)*p;
		else if (space && (keep_lines || !blank))
			buf[n++] = ' ';
		else if (!space && length)
			memcpy(buf + n, p, length);
		else if (!space)
			buf[n] = '?';
		if (!space)
			n += copied;
		blank = space;
		p += copied;
	}
	while (n && (buf[n - 1] == ' ' || buf[n - 1] == '\n'))
		n--;
	buf[n] = '\0';
	return buf;
}

char *pb_clean_line(const char *text, char *buf, size_t size)
{
	return clean(text, buf, size, false);
}

char *pb_clean_lines(const char *text)
{
	size_t size = strlen(text) + 1;
	char *buf = malloc(size);
	return buf ? clean(text, buf, size, true) : NULL;
}
