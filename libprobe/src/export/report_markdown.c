/* SPDX-License-Identifier: MIT
 * The report in GitHub's Markdown. Figures are files beside it, as GitHub shows no drawing that
 * lies within the text.
 */
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "export/report.h"

static bool only_digits(const char *text)
{
	return !text[strspn(text, "0123456789")];
}

static void text(struct pb_buf *out, const char *plain)
{
	/* What could begin markup anywhere; and "#", "+", "-", ">", "1." only where a line does. */
	static const char special[] = "\\`*_[]<>|~$";
	struct pb_buf line = {0};
	const char *at;
	unsigned long c;
	unsigned long before = 0;
	size_t start = out->len;
	bool begins = !start || out->data[start - 1] == '\n' ||
		      (start > 2 && !memcmp(out->data + start - 3, "\n- ", 3));

	pb_report_clean(&line, plain);
	at = line.len ? line.data : "";
	while ((c = pb_report_next(&at)) != 0) {
		bool first = begins && out->len == start;
		bool digit = begins && out->len > start && only_digits(out->data + start);

		if (c == '&')
			pb_buf_puts(out, "&amp;");
		else if (c == '<' && pb_export_markdown_tag(at))
			pb_buf_puts(out, "&lt;");
		else if (c < 0x80 && (strchr(special, (int)c) || (c == '(' && before == ']') ||
				      (first && strchr("#+-=", (int)c)) ||
				      (digit && strchr(".)", (int)c) && (*at == ' ' || !*at)))) {
			pb_buf_printf(out, "\\%c", (char)c);
		} else {
			pb_report_put(out, c);
		}
		before = c;
	}
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void heading(struct pb_buf *out, unsigned level, const char *plain)
{
	pb_buf_printf(out, "%s%.*s ", level > 1 ? "\n" : "", (int)level, "######");
	text(out, plain);
	pb_buf_puts(out, "\n");
}

static void begin(struct pb_buf *out, const char *title)
{
	heading(out, 1, title);
}

static void end(struct pb_buf *out)
{
	(void)out;
}

static void open_block(struct pb_buf *out, enum pb_report_block block)
{
	pb_buf_puts(out, block == PB_ITEM ? "- " : "\n");
}

static void close_block(struct pb_buf *out, enum pb_report_block block)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	pb_buf_puts(out, block == PB_LIST ? "" : "\n");
}

static void strong(struct pb_buf *out, const char *plain)
{
	pb_buf_puts(out, "**");
	text(out, plain);
	pb_buf_puts(out, "**");
}

/* Fenced by more backticks than it holds. */
static void code(struct pb_buf *out, const char *plain)
{
	struct pb_buf line = {0};
	size_t longest = 0, run = 0;

	pb_buf_line(&line, plain);
	for (const char *c = line.len ? line.data : ""; *c; c++) {
		run = *c == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		pb_buf_puts(out, "`");
	pb_buf_printf(out, longest ? " %s " : "%s", line.len ? line.data : " ");
	for (size_t i = 0; i <= longest; i++)
		pb_buf_puts(out, "`");
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

/* Empty lines, without which what is inside would not be read as Markdown. */
static void details(struct pb_buf *out, const char *title)
{
	pb_buf_puts(out, "\n<details>\n<summary>");
	text(out, title);
	pb_buf_puts(out, "</summary>\n");
}

static void end_details(struct pb_buf *out)
{
	pb_buf_puts(out, "\n</details>\n");
}

/* Indented: no text can end it. */
static void listing(struct pb_buf *out, const char *lines)
{
	pb_buf_puts(out, "\n");
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		struct pb_buf line = {0};

		pb_buf_add(&line, lines, n);
		pb_buf_puts(out, "    ");
		pb_buf_line(out, line.len ? line.data : "");
		pb_buf_puts(out, "\n");
		out->oom = out->oom || line.oom;
		pb_buf_fini(&line);
		lines += n + (lines[n] == '\n');
	}
}

static void put_field(struct pb_buf *out, const struct pb_report_field *field)
{
	pb_buf_puts(out, " ");
	if (field->label[0]) {
		text(out, field->label);
		pb_buf_puts(out, " ");
	}
	text(out, field->text);
	if (field->aside[0]) {
		pb_buf_puts(out, " (");
		text(out, field->aside);
		pb_buf_puts(out, ")");
	}
	pb_buf_puts(out, " |");
	/* No cell spans columns here: the figure stands in the first, and the others say so. */
	for (unsigned i = 1; i < field->span; i++)
		pb_buf_puts(out, " ← |");
}

static void put_row(struct pb_buf *out, const struct pb_report_table *t,
		    const struct pb_report_row *row)
{
	const char *message = row->message ? row->message : "";

	pb_buf_puts(out, "| ");
	if (row->kind == PB_ROW_GROUP)
		strong(out, message);
	else
		text(out, row->fields[0].text);
	pb_buf_puts(out, " |");
	if (row->kind == PB_ROW_MISSING) {
		pb_buf_puts(out, " ");
		text(out, message);
		pb_buf_puts(out, " |");
	}
	if (row->kind != PB_ROW_FIGURES)
		for (size_t c = row->kind == PB_ROW_GROUP ? 1 : 2; c < t->columns; c++)
			pb_buf_puts(out, " |");
	for (size_t c = 1; row->kind == PB_ROW_FIGURES && c < t->columns;) {
		put_field(out, &row->fields[c]);
		c += row->fields[c].span ? row->fields[c].span : 1;
	}
	pb_buf_puts(out, "\n");
}

static void table(struct pb_buf *out, const struct pb_report_table *t)
{
	pb_buf_puts(out, "\n|");
	for (size_t c = 0; c < t->columns; c++) {
		pb_buf_puts(out, " ");
		text(out, t->heads[c]);
		pb_buf_puts(out, " |");
	}
	pb_buf_puts(out, "\n|");
	for (size_t c = 0; c < t->columns; c++)
		pb_buf_puts(out, !c || t->left & 1u << c ? " :-- |" : " --: |");
	pb_buf_puts(out, "\n");
	for (size_t i = 0; i < t->count; i++)
		put_row(out, t, &t->rows[i]);
}

static void figure(struct pb_buf *out, const struct probe_report_figure *f, unsigned number)
{
	pb_buf_puts(out, "\n![");
	text(out, f->caption);
	pb_buf_puts(out, "](<");
	for (const char *c = f->file ? f->file : ""; *c; c++)
		if (strchr("<>\\%", *c) || (unsigned char)*c < ' ')
			pb_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
		else
			pb_buf_add(out, c, 1);
	pb_buf_printf(out, ">)\n\nFigure %u. ", number);
	text(out, f->caption);
	pb_buf_puts(out, "\n");
}

const struct pb_report_form pb_report_markdown = {
	.suffixes = {".md", ".markdown", NULL},
	.figure_suffix = ".svg",
	.begin = begin,
	.end = end,
	.heading = heading,
	.open = open_block,
	.close = close_block,
	.details = details,
	.end_details = end_details,
	.text = text,
	.strong = strong,
	.code = code,
	.listing = listing,
	.table = table,
	.figure = figure,
};
