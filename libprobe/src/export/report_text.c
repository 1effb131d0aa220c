/* SPDX-License-Identifier: MIT
 * Text for documents: clean lines, characters one by one, drawings without what a page must not
 * take over from them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "export/report.h"

#define REPLACEMENT 0xfffdul

void pb_report_clean(struct pb_buf *out, const char *text)
{
	size_t n = strlen(text), before = out->len;

	if (n && text[0] == ' ')
		pb_buf_puts(out, " ");
	pb_buf_line(out, text);
	if (n && text[n - 1] == ' ' && (n > 1 || out->len == before))
		pb_buf_puts(out, " ");
}

unsigned long pb_report_next(const char **text)
{
	static const struct {
		unsigned char mask, lead, more;
		unsigned long least;
	} forms[] = {{0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};
	const unsigned char *at = (const unsigned char *)*text;
	unsigned long c = *at;

	if (!c)
		return 0;
	*text += 1;
	if (c < 0x80)
		return c == 0x7f || (c < ' ' && c != '\n') ? REPLACEMENT : c;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if ((c & forms[i].mask) != forms[i].lead)
			continue;
		c &= ~(unsigned long)forms[i].mask & 0xff;
		for (unsigned k = 1; k <= forms[i].more; k++) {
			if ((at[k] & 0xc0) != 0x80)
				return REPLACEMENT;
			c = c << 6 | (at[k] & 0x3f);
		}
		*text += forms[i].more;
		/* Over-long forms, surrogates, C1 controls, and the two that are no characters. */
		if (c < forms[i].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0xa0 ||
		    (c & 0xfffe) == 0xfffe)
			return REPLACEMENT;
		return c;
	}
	return REPLACEMENT;
}

void pb_report_put(struct pb_buf *out, unsigned long c)
{
	char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(lead[n] | c);
	pb_buf_add(out, bytes, n);
}

/* --- drawings ------------------------------------------------------------------------------------
 */

/* Whether the tag at text, after its "<", is called name. */
static bool tag_is(const char *text, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(text, name, n) && !isalnum((unsigned char)text[n]);
}

/* The first character after </name>; the end of the text where there is none. */
static const char *after_element(const char *text, const char *name)
{
	const char *end = strchr(text, '>');

	if (end && end > text && end[-1] == '/')
		return end + 1;
	for (end = text; (end = strstr(end, "</")) != NULL; end += 2) {
		if (tag_is(end + 2, name)) {
			end = strchr(end, '>');
			break;
		}
	}
	return end ? end + 1 : text + strlen(text);
}

/* Handlers of events, and links to what is not in the drawing. */
static bool unwanted(const char *attribute)
{
	static const char *const links[] = {"href=", "xlink:href="};

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		size_t n = strlen(links[i]);

		if (!strncasecmp(attribute, links[i], n))
			return attribute[n] && attribute[n + 1] != '#';
	}
	return !strncasecmp(attribute, "on", 2);
}

/* The attributes of a tag: names get a prefix, so that two drawings on a page keep theirs apart;
 * what is unwanted goes. Returns the character after the ">". */
static const char *copy_tag(struct pb_buf *out, const char *text, unsigned number)
{
	static const char *const names[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
	const char *end = strchr(text, '>');

	end = end ? end + 1 : text + strlen(text);
	while (text < end) {
		size_t n = 0;

		for (size_t i = 0; !n && i < sizeof names / sizeof names[0]; i++)
			if (!strncmp(text, names[i], strlen(names[i])))
				n = strlen(names[i]);
		if (n) {
			pb_buf_add(out, text, n);
			pb_buf_printf(out, "figure%u-", number);
			text += n;
		} else if (isspace((unsigned char)*text) && unwanted(text + 1)) {
			const char *quote = strpbrk(text, "\"'");
			const char *last = quote && quote < end ? strchr(quote + 1, *quote) : NULL;

			text = last && last < end ? last + 1 : end - 1;
		} else {
			pb_buf_add(out, text++, 1);
		}
	}
	return end;
}

void pb_report_svg(struct pb_buf *out, const char *svg, unsigned number, const char *caption)
{
	static const char *const dropped[] = {"title",         "desc",  "script", "a",
					      "foreignObject", "style", "image"};
	const char *text = strstr(svg, "<svg");
	const char *end = text ? strchr(text, '>') : NULL, *width;
	double natural;

	if (!end)
		return;
	pb_buf_puts(out, "<svg role=\"img\" aria-label=\"");
	pb_report_html.text(out, caption);
	/* A third larger than drawn, which is for paper; smaller where the page is narrow, but not
	 * by so much that its letters get hard to read: then its box scrolls. */
	width = strstr(text, "width=\"");
	natural = width && width < end ? strtod(width + strlen("width=\""), NULL) : 0;
	if (natural >= 1)
		pb_buf_printf(out, "\" style=\"width:%.0fpx;max-width:max(100%%,%.0fpx)",
			      natural * 4 / 3, natural * 0.9);
	pb_buf_puts(out, "\"");
	text = copy_tag(out, text + strlen("<svg"), number);
	while (*text) {
		size_t plain = strcspn(text, "<"), i;

		pb_buf_add(out, text, plain);
		text += plain;
		if (!*text)
			break;
		for (i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
			if (tag_is(text + 1, dropped[i]))
				break;
		if (i < sizeof dropped / sizeof dropped[0])
			text = after_element(text, dropped[i]);
		else if (text[1] == '!' || text[1] == '?')
			text += strcspn(text, ">") + (text[strcspn(text, ">")] == '>');
		else
			text = copy_tag(out, text, number);
	}
}
