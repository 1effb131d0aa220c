/* SPDX-License-Identifier: MIT
 * Writing control characters and marks of direction as escapes.
 */
#include "base/visible.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "probe/text.h"

unsigned long pb_utf8_decode(const unsigned char *p, size_t *bytes)
{
	static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;
	unsigned long c = n > 1 ? *p & (0x7fu >> n) : *p;

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			n = 0;
		else
			c = c << 6 | (p[i] & 0x3fu);
	}
	if (n && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		n = 0;
	*bytes = n;
	return c;
}

int pb_check_utf8(const char *what, const char *text, const char *cure, struct probe_error *err)
{
	size_t n = 1;

	for (const char *c = text; *c && n; c += n)
		pb_utf8_decode((const unsigned char *)c, &n);
	return n ? 0 : pb_fail(err, PROBE_EINVAL, 0, "%s is not UTF-8, %s: %s", what, text, cure);
}

/* C1 controls, marks of direction, separators of lines, the byte order mark, and tags: characters
 * that show nothing and change how the others read. */
static bool is_hidden(unsigned long c)
{
	return (c >= 0x80 && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	       (c >= 0xe0000 && c < 0xe0080);
}

/* The escape of the character at p, "" where it needs none. Returns its bytes. */
static size_t escape(const unsigned char *p, bool keep_lines, char out[12])
{
	size_t n;
	unsigned long c = pb_utf8_decode(p, &n);

	out[0] = '\0';
	if (!n)
		snprintf(out, 12, "\\x%02x", *p);
	else if ((c == '\n' || c == '\t') && !keep_lines)
		snprintf(out, 12, "%s", c == '\n' ? "\\n" : "\\t");
	else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
		snprintf(out, 12, "\\x%02lx", c);
	else if (is_hidden(c))
		snprintf(out, 12, c > 0xffff ? "\\U%08lx" : "\\u%04lx", c);
	return n ? n : 1;
}

void pb_buf_visible(struct pb_buf *out, const char *text, bool keep_lines)
{
	char escaped[12];

	while (*text) {
		size_t n = escape((const unsigned char *)text, keep_lines, escaped);

		if (escaped[0])
			pb_buf_puts(out, escaped);
		else
			pb_buf_add(out, text, n);
		text += n;
	}
}

void pb_visible_in(char *text, size_t size)
{
	struct pb_buf out = {0};
	size_t n;

	pb_buf_visible(&out, text, false);
	if (out.len && !out.oom && strcmp(out.data, text)) {
		n = out.len < size ? out.len : size - 1;
		while (n < out.len && n && (out.data[n] & 0xc0) == 0x80)
			n--;
		memcpy(text, out.data, n);
		text[n] = '\0';
	}
	pb_buf_fini(&out);
}

char *probe_text_visible(const char *text)
{
	struct pb_buf out = {0};

	pb_buf_add(&out, "", 0);
	pb_buf_visible(&out, text, false);
	if (out.oom)
		pb_buf_fini(&out);
	return out.data;
}
