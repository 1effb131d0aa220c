/* SPDX-License-Identifier: MIT
 * The report as one HTML file: no script, nothing loaded, readable in light and dark, on a phone,
 * on paper, and by a screen reader.
 */
#include <string.h>

#include "export/report.h"

/* Loading is forbidden outright, so that a report opened from anywhere tells nobody. */
static const char head[] =
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<style>\n"
	":root{--ink:#1c2430;--soft:#566070;--page:#fff;--line:#d7dce3;--band:#f3f5f8}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#a3adba;--page:#14181e;"
	"--line:#39424e;--band:#1f252d}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--page);color:var(--ink);"
	"font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}\n"
	"main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem;overflow-wrap:anywhere}\n"
	"p,li{max-width:46rem}\n"
	"h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0 1rem}\n"
	"h2{font-size:1.3rem;margin:2.5rem 0 .75rem;padding-top:.75rem;"
	"border-top:1px solid var(--line)}\n"
	"h3{font-size:1.1rem;margin:2rem 0 .5rem}\nh4{font-size:1rem;margin:1.5rem 0 .5rem}\n"
	"ul{padding-left:1.2rem}\nli{margin:.35rem 0}\n"
	"code,pre{font:.875em/1.5 ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}\n"
	"pre{background:var(--band);padding:.75rem 1rem;border-radius:6px;overflow-x:auto;"
	"overflow-wrap:normal}\n"
	".note{color:var(--soft);font-size:.875rem;margin-top:.5rem}\n"
	".box{overflow-x:auto;margin:.75rem 0}\n"
	"table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;"
	"white-space:nowrap;overflow-wrap:normal}\n"
	"th,td{padding:.3rem .75rem;text-align:right;border-bottom:1px solid var(--line)}\n"
	"th{font-weight:600}\ntbody th{font-weight:400}\n"
	"thead th{border-bottom:2px solid var(--line);vertical-align:bottom}\n"
	"th:first-child{text-align:left;padding-left:.5rem;position:sticky;left:0;"
	"background:var(--page)}\n"
	"tr.group th{font-weight:600;background:var(--band);text-align:left}\n"
	".left{text-align:left}\n.span{text-align:center}\n"
	".missing{text-align:left;color:var(--soft);white-space:normal;min-width:18rem}\n"
	".prose{white-space:normal}.prose th:first-child{position:static}"
	".prose td{min-width:6rem}.prose .missing{min-width:12rem}\n"
	".aside,.label{color:var(--soft)}\n.aside{display:inline-block;min-width:2.6rem}\n"
	"figure{margin:1rem 0 1.5rem}\n"
	"figcaption{color:var(--soft);font-size:.875rem;max-width:46rem;margin-top:.5rem}\n"
	"figure .box{background:#fff;border:1px solid var(--line);border-radius:6px;"
	"padding:.5rem}\n"
	"figure svg{display:block;height:auto;margin:0 auto}\n"
	/* Figures are drawn on white once; this keeps their hues. */
	"@media screen and (prefers-color-scheme:dark){"
	"figure .box{filter:invert(.92) hue-rotate(180deg)}}\n"
	"@media print{:root{--ink:#000;--soft:#333;--page:#fff;--line:#bbb;--band:#eee}\n"
	"body{font-size:10pt}main{max-width:none;padding:0}.box,pre{overflow:visible}\n"
	"pre{white-space:pre-wrap}table{font-size:8pt}th,td{padding:.15rem .4rem}\n"
	"figure "
	"svg{max-width:100%!important}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}}\n"
	"</style>\n";

static void text(struct pb_buf *out, const char *plain)
{
	struct pb_buf line = {0};
	const char *at;
	unsigned long c;

	pb_report_clean(&line, plain);
	at = line.len ? line.data : "";
	while ((c = pb_report_next(&at)) != 0) {
		if (c == '&')
			pb_buf_puts(out, "&amp;");
		else if (c == '<')
			pb_buf_puts(out, "&lt;");
		else if (c == '>')
			pb_buf_puts(out, "&gt;");
		else if (c == '"')
			pb_buf_puts(out, "&quot;");
		else if (c == '\'')
			pb_buf_puts(out, "&#39;");
		else
			pb_report_put(out, c);
	}
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void begin(struct pb_buf *out, const char *title)
{
	pb_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			 "<title>");
	text(out, title);
	pb_buf_puts(out, "</title>\n");
	pb_buf_puts(out, head);
	pb_buf_puts(out, "</head>\n<body>\n<main>\n<h1>");
	text(out, title);
	pb_buf_puts(out, "</h1>\n");
}

static void end(struct pb_buf *out)
{
	pb_buf_puts(out, "</main>\n</body>\n</html>\n");
}

static void heading(struct pb_buf *out, unsigned level, const char *plain)
{
	pb_buf_printf(out, "<h%u>", level);
	text(out, plain);
	pb_buf_printf(out, "</h%u>\n", level);
}

static void open_block(struct pb_buf *out, enum pb_report_block block)
{
	static const char *const tags[] = {
		[PB_PARAGRAPH] = "<p>",
		[PB_LIST] = "<ul>\n",
		[PB_ITEM] = "<li>",
		[PB_NOTE] = "<p class=\"note\">",
	};

	pb_buf_puts(out, tags[block]);
}

static void close_block(struct pb_buf *out, enum pb_report_block block)
{
	static const char *const tags[] = {
		[PB_PARAGRAPH] = "</p>\n",
		[PB_LIST] = "</ul>\n",
		[PB_ITEM] = "</li>\n",
		[PB_NOTE] = "</p>\n",
	};

	pb_buf_puts(out, tags[block]);
}

static void within(struct pb_buf *out, const char *tag, const char *plain)
{
	pb_buf_printf(out, "<%s>", tag);
	text(out, plain);
	pb_buf_printf(out, "</%s>", tag);
}

static void strong(struct pb_buf *out, const char *plain)
{
	within(out, "strong", plain);
}

static void code(struct pb_buf *out, const char *plain)
{
	within(out, "code", plain);
}

static void details(struct pb_buf *out, const char *title)
{
	pb_buf_puts(out, "<details>\n<summary>");
	text(out, title);
	pb_buf_puts(out, "</summary>\n");
}

static void end_details(struct pb_buf *out)
{
	pb_buf_puts(out, "</details>\n");
}

static void listing(struct pb_buf *out, const char *lines)
{
	pb_buf_puts(out, "<pre tabindex=\"0\">");
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		struct pb_buf line = {0};

		pb_buf_add(&line, lines, n);
		text(out, line.len ? line.data : "");
		out->oom = out->oom || line.oom;
		pb_buf_fini(&line);
		pb_buf_puts(out, "\n");
		lines += n + (lines[n] == '\n');
	}
	pb_buf_puts(out, "</pre>\n");
}

/* --- tables --------------------------------------------------------------------------------------
 */

static void put_field(struct pb_buf *out, const struct pb_report_field *field, bool left)
{
	if (field->span > 1)
		pb_buf_printf(out, "<td class=\"span\" colspan=\"%u\">", field->span);
	else
		pb_buf_puts(out, left ? "<td class=\"left\">" : "<td>");
	if (field->label[0]) {
		pb_buf_puts(out, "<span class=\"label\">");
		text(out, field->label);
		pb_buf_puts(out, "</span> ");
	}
	text(out, field->text);
	if (field->aside[0]) {
		pb_buf_puts(out, " <span class=\"aside\">");
		text(out, field->aside);
		pb_buf_puts(out, "</span>");
	}
	pb_buf_puts(out, "</td>");
}

static void put_row(struct pb_buf *out, const struct pb_report_table *table,
		    const struct pb_report_row *row)
{
	const char *message = row->message ? row->message : "";

	if (row->kind == PB_ROW_GROUP) {
		pb_buf_printf(out, "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"%zu\">",
			      table->columns);
		text(out, message);
		pb_buf_puts(out, "</th></tr>\n");
		return;
	}
	pb_buf_puts(out, "<tr><th scope=\"row\">");
	text(out, row->fields[0].text);
	pb_buf_puts(out, "</th>");
	if (row->kind == PB_ROW_MISSING) {
		pb_buf_printf(out, "<td class=\"missing\" colspan=\"%zu\">", table->columns - 1);
		text(out, message);
		pb_buf_puts(out, "</td>");
	}
	for (size_t c = 1; row->kind == PB_ROW_FIGURES && c < table->columns;) {
		put_field(out, &row->fields[c], table->left & 1u << c);
		c += row->fields[c].span ? row->fields[c].span : 1;
	}
	pb_buf_puts(out, "</tr>\n");
}

static void table(struct pb_buf *out, const struct pb_report_table *t)
{
	bool body = false;

	/* A box that scrolls must be reachable by keyboard. */
	pb_buf_printf(out, "<div class=\"box\" tabindex=\"0\">\n<table%s>\n<thead><tr>",
		      t->prose ? " class=\"prose\"" : "");
	for (size_t c = 0; c < t->columns; c++) {
		pb_buf_puts(out, c && t->left & 1u << c ? "<th scope=\"col\" class=\"left\">"
							: "<th scope=\"col\">");
		text(out, t->heads[c]);
		pb_buf_puts(out, "</th>");
	}
	pb_buf_puts(out, "</tr></thead>\n");
	/* A body for each group, which is what its heading's scope refers to. */
	for (size_t i = 0; i < t->count; i++) {
		if (!body || t->rows[i].kind == PB_ROW_GROUP)
			pb_buf_puts(out, body ? "</tbody>\n<tbody>\n" : "<tbody>\n");
		body = true;
		put_row(out, t, &t->rows[i]);
	}
	pb_buf_puts(out, body ? "</tbody>\n</table>\n</div>\n" : "</table>\n</div>\n");
}

static void figure(struct pb_buf *out, const struct probe_report_figure *f, unsigned number)
{
	pb_buf_puts(out, "<figure>\n<div class=\"box\" tabindex=\"0\">");
	pb_report_svg(out, f->svg ? f->svg : "", number, f->caption);
	pb_buf_printf(out, "</div>\n<figcaption>Figure %u. ", number);
	text(out, f->caption);
	pb_buf_puts(out, "</figcaption>\n</figure>\n");
}

const struct pb_report_form pb_report_html = {
	.suffixes = {".html", ".htm", NULL},
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
