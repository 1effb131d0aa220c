/* SPDX-License-Identifier: MIT
 * The report as a LaTeX document for pdflatex, with nothing beyond the packages that every
 * distribution has. Figures are PDF files beside it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "export/report.h"

static const char preamble[] = "\\documentclass[a4paper,10pt]{article}\n"
			       "\\usepackage[T1]{fontenc}\n"
			       "\\usepackage[utf8]{inputenc}\n"
			       "\\usepackage{textcomp}\n"
			       "\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n"
			       "\\usepackage[margin=2cm]{geometry}\n"
			       "\\usepackage{array,booktabs,graphicx,longtable}\n"
			       "\\setlength{\\parindent}{0pt}\n"
			       "\\setlength{\\parskip}{0.6\\baselineskip}\n"
			       "\\setlength{\\LTleft}{0pt}\n"
			       "\\setlength{\\emergencystretch}{3em}\n"
			       "\\author{}\n\\date{}\n";

/* Characters beyond ASCII that T1 fonts have; pdflatex stops at all others. */
static const struct {
	unsigned long first, last;
} letters[] = {
	{0xa1, 0xa1},     {0xa3, 0xa3},     {0xab, 0xab},     {0xbb, 0xbb},
	{0xbf, 0xd6},     {0xd8, 0xf6},     {0xf8, 0x131},    {0x134, 0x137},
	{0x139, 0x13e},   {0x141, 0x148},   {0x14a, 0x165},   {0x168, 0x17e},
	{0x2013, 0x2014}, {0x2018, 0x2019}, {0x201c, 0x201e}, {0x2039, 0x203a},
};

static const struct {
	unsigned long character;
	const char *tex;
} symbols[] = {
	{'\\', "\\textbackslash{}"},
	{'{', "\\{"},
	{'}', "\\}"},
	{'$', "\\$"},
	{'&', "\\&"},
	{'#', "\\#"},
	{'%', "\\%"},
	{'_', "\\_"},
	{'~', "\\textasciitilde{}"},
	{'^', "\\textasciicircum{}"},
	{'`', "\\textasciigrave{}"},
	{'"', "\\textquotedbl{}"},
	{'\'', "\\textquotesingle{}"},
	{0xa0, "~"},
	{0xb0, "\\textdegree{}"},
	{0xb1, "\\ensuremath{\\pm}"},
	{0xb5, "\\textmu{}"},
	{0xb7, "\\textperiodcentered{}"},
	{0xd7, "\\ensuremath{\\times}"},
	{0x2026, "\\dots{}"},
	{0x2212, "\\ensuremath{-}"},
	{0x2264, "\\ensuremath{\\leq}"},
	{0x2265, "\\ensuremath{\\geq}"},
};

static bool has_letter(unsigned long c)
{
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
		if (c >= letters[i].first && c <= letters[i].last)
			return true;
	return false;
}

static const char *symbol(unsigned long c)
{
	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
		if (symbols[i].character == c)
			return symbols[i].tex;
	return NULL;
}

/* Escapes. @breaks  characters after which a line may be broken. */
static void escape(struct pb_buf *out, const char *plain, const char *breaks)
{
	struct pb_buf line = {0};
	const char *at;
	unsigned long c;
	bool after_letter = false;

	pb_report_clean(&line, plain);
	at = line.len ? line.data : "";
	while ((c = pb_report_next(&at)) != 0) {
		const char *tex = symbol(c);

		if (tex)
			pb_buf_puts(out, tex);
		else if (c < 0x80 || has_letter(c))
			pb_report_put(out, c);
		else
			pb_buf_printf(out, "[U+%04lX]", c);
		/* Fonts join "--", "<<" and ",," to other characters. */
		if (c < 0x80 && strchr("-<>,?!", (int)c))
			pb_buf_puts(out, "{}");
		/* Not within "--option", nor before its name. */
		if (c < 0x80 && strchr(breaks, (int)c) && (c != '-' || after_letter))
			pb_buf_puts(out, "\\allowbreak{}");
		after_letter = c < 0x80 && isalnum((int)c);
	}
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void text(struct pb_buf *out, const char *plain)
{
	escape(out, plain, "/");
}

static void begin(struct pb_buf *out, const char *title)
{
	pb_buf_puts(out, preamble);
	pb_buf_puts(out, "\\title{");
	text(out, title);
	pb_buf_puts(out, "}\n\\begin{document}\n\\maketitle\n");
}

static void end(struct pb_buf *out)
{
	pb_buf_puts(out, "\\end{document}\n");
}

static void heading(struct pb_buf *out, unsigned level, const char *plain)
{
	static const char *const names[] = {"section", "subsection", "subsubsection"};

	pb_buf_printf(out, "\n\\%s{", names[level < 2 ? 0 : level > 4 ? 2 : level - 2]);
	text(out, plain);
	pb_buf_puts(out, "}\n");
}

static void open_block(struct pb_buf *out, enum pb_report_block block)
{
	static const char *const starts[] = {
		[PB_PARAGRAPH] = "\n",
		[PB_LIST] = "\n\\begin{itemize}\n",
		[PB_ITEM] = "\\item {}",
		[PB_NOTE] = "\n{\\footnotesize ",
	};

	pb_buf_puts(out, starts[block]);
}

static void close_block(struct pb_buf *out, enum pb_report_block block)
{
	static const char *const ends[] = {
		[PB_PARAGRAPH] = "\n",
		[PB_LIST] = "\\end{itemize}\n",
		[PB_ITEM] = "\n",
		[PB_NOTE] = "\\par}\n",
	};

	pb_buf_puts(out, ends[block]);
}

static void strong(struct pb_buf *out, const char *plain)
{
	pb_buf_puts(out, "\\textbf{");
	text(out, plain);
	pb_buf_puts(out, "}");
}

static void code(struct pb_buf *out, const char *plain)
{
	pb_buf_puts(out, "\\texttt{");
	escape(out, plain, "/,=:-");
	pb_buf_puts(out, "}");
}

static void details(struct pb_buf *out, const char *title)
{
	pb_buf_puts(out, "\n\\paragraph{");
	text(out, title);
	pb_buf_puts(out, "}\n");
}

static void end_details(struct pb_buf *out)
{
	pb_buf_puts(out, "\n");
}

static void listing(struct pb_buf *out, const char *lines)
{
	pb_buf_puts(out, "\n\\begin{flushleft}\\small\\ttfamily\n");
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		struct pb_buf line = {0};

		pb_buf_add(&line, lines, n);
		/* Or a "[" at the start would be taken for an option of the line break before. */
		pb_buf_puts(out, "{}");
		escape(out, line.len ? line.data : "", "/,=:-");
		out->oom = out->oom || line.oom;
		pb_buf_fini(&line);
		lines += n + (lines[n] == '\n');
		pb_buf_puts(out, *lines ? "\\\\\n" : "\n");
	}
	pb_buf_puts(out, "\\end{flushleft}\n");
}

/* --- tables --------------------------------------------------------------------------------------
 */

static void put_field(struct pb_buf *out, const struct pb_report_field *field)
{
	pb_buf_puts(out, " & ");
	if (field->span > 1)
		pb_buf_printf(out, "\\multicolumn{%u}{c}{", field->span);
	if (field->label[0]) {
		pb_buf_puts(out, "\\emph{");
		text(out, field->label);
		pb_buf_puts(out, "} ");
	}
	text(out, field->text);
	if (field->aside[0]) {
		pb_buf_puts(out, " (");
		text(out, field->aside);
		pb_buf_puts(out, ")");
	}
	if (field->span > 1)
		pb_buf_puts(out, "}");
}

static void put_row(struct pb_buf *out, const struct pb_report_table *t,
		    const struct pb_report_row *row, bool first)
{
	const char *message = row->message ? row->message : "";

	if (row->kind == PB_ROW_GROUP) {
		pb_buf_printf(out, "%s\\multicolumn{%zu}{@{}l}{\\textbf{",
			      first ? "" : "\\addlinespace\n", t->columns);
		text(out, message);
		pb_buf_puts(out, "}}\\\\*\n");
		return;
	}
	pb_buf_puts(out, "{}");
	text(out, row->fields[0].text);
	if (row->kind == PB_ROW_MISSING) {
		pb_buf_printf(out, " & \\multicolumn{%zu}{>{\\raggedright}p{0.72\\linewidth}}{",
			      t->columns - 1);
		text(out, message);
		pb_buf_puts(out, "}");
	}
	for (size_t c = 1; row->kind == PB_ROW_FIGURES && c < t->columns;) {
		put_field(out, &row->fields[c]);
		c += row->fields[c].span ? row->fields[c].span : 1;
	}
	pb_buf_puts(out, "\\\\\n");
}

static void table(struct pb_buf *out, const struct pb_report_table *t)
{
	pb_buf_puts(out, "\n{\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
			 "\\begin{longtable}{@{}l");
	for (size_t c = 1; c < t->columns; c++)
		pb_buf_puts(out, t->left & 1u << c ? "l" : "r");
	pb_buf_puts(out, "@{}}\n\\toprule\n");
	for (size_t c = 0; c < t->columns; c++) {
		pb_buf_puts(out, c ? " & " : "");
		text(out, t->heads[c]);
	}
	pb_buf_puts(out, "\\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n");
	for (size_t i = 0; i < t->count; i++)
		put_row(out, t, &t->rows[i], !i);
	pb_buf_puts(out, "\\end{longtable}}\n");
}

/* Where it is named and no float, as it belongs below its heading. The file's name must hold
 * letters, digits, "-", "_" and "." alone. */
static void figure(struct pb_buf *out, const struct probe_report_figure *f, unsigned number)
{
	pb_buf_printf(out,
		      "\n\\begin{minipage}{\\linewidth}\n\\centering\n"
		      "\\includegraphics[width=\\linewidth,height=0.8\\textheight,"
		      "keepaspectratio]{%s}\n\n\\smallskip\\small Figure %u. ",
		      f->file ? f->file : "", number);
	text(out, f->caption);
	pb_buf_puts(out, "\n\\end{minipage}\n");
}

const struct pb_report_form pb_report_tex = {
	.suffixes = {".tex", NULL},
	.figure_suffix = ".pdf",
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
