/* SPDX-License-Identifier: MIT
 * Markdown: the breakdown as one table an interpreter, in GitHub's flavour, aligned in the source.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

enum column { WORKLOAD, PATH, TOTAL, DISPATCH, MARSHALLING, COMPUTE, CLOSURE, SPEEDUP, COLUMNS };
#define TEXT_MAX 120

static const unsigned phase_masks[] = {PROBE_MASK_DISPATCH, PROBE_MASK_MARSHALLING,
				       PROBE_MASK_COMPUTE};

typedef char row_text[COLUMNS][TEXT_MAX];

/* Bytes that begin a character: the width of a text in columns, for the text that we write. */
int pb_export_markdown_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

bool pb_export_markdown_tag(const char *after)
{
	return isalpha((unsigned char)*after) || (*after && strchr("/!?", *after));
}

/* One line of plain words: nothing in it is a tag, an entity, a link, an image, emphasis, code or
 * the end of a table cell. */
void pb_export_markdown_escape(const char *text, struct pb_buf *out)
{
	struct pb_buf line = {0};

	pb_buf_line(&line, text ? text : "");
	for (const char *c = line.len ? line.data : ""; *c; c++) {
		if (*c == '<' && pb_export_markdown_tag(c + 1)) {
			pb_buf_puts(out, "&lt;");
			continue;
		}
		if (*c == '&') {
			pb_buf_puts(out, "&amp;");
			continue;
		}
		if (strchr("|<`*_[]\\~$", *c) || (*c == '(' && c > line.data && c[-1] == ']'))
			pb_buf_puts(out, "\\");
		pb_buf_add(out, c, 1);
	}
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void escape_to(const char *text, char *buf, size_t size)
{
	struct pb_buf out = {0};

	pb_export_markdown_escape(text, &out);
	snprintf(buf, size, "%s", out.len ? out.data : "");
	pb_buf_fini(&out);
}

static void phase_texts(const struct probe_engine *e, double per_tick, row_text row)
{
	char figure[48], share[16], name[64];

	for (size_t i = 0; i < e->folded_count; i++) {
		const struct probe_part *part = &e->folded[i];
		bool first = true;

		probe_figure_text(&part->value, per_tick, e->floor_ticks, PROBE_FIGURE_BOTH, figure,
				  sizeof figure);
		probe_share_text(&part->value, &e->total, share, sizeof share);
		for (size_t p = 0; p < 3; p++) {
			char *text = row[DISPATCH + p];

			if (!(part->mask & phase_masks[p]))
				continue;
			/* Markdown has no cells that span: the figure stands in the first of the
			 * phases that it covers, by name, and the others point to it. */
			if (part->mask == phase_masks[p])
				snprintf(text, TEXT_MAX, "%s%s%s%s", figure, share[0] ? " (" : "",
					 share, share[0] ? ")" : "");
			else if (first)
				snprintf(text, TEXT_MAX, "%s %s%s%s%s",
					 probe_part_name(part->mask, name, sizeof name), figure,
					 share[0] ? " (" : "", share, share[0] ? ")" : "");
			else
				snprintf(text, TEXT_MAX, "merged");
			first = false;
		}
	}
}

static void cell_row(const struct probe_run *run, const struct probe_cell *cell, double per_tick,
		     row_text row)
{
	const struct probe_engine *e =
		cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;
	double percent;

	memset(row, 0, sizeof(row_text));
	escape_to(cell->workload, row[WORKLOAD], TEXT_MAX);
	escape_to(cell->path, row[PATH], TEXT_MAX);
	if (!e) {
		snprintf(row[TOTAL], TEXT_MAX, "%s", probe_cell_status_name(cell->status));
		return;
	}
	if (cell->prepared)
		snprintf(row[PATH] + strlen(row[PATH]), TEXT_MAX - strlen(row[PATH]),
			 " (prepared)");
	if (e->contended)
		snprintf(row[PATH] + strlen(row[PATH]), TEXT_MAX - strlen(row[PATH]),
			 " (contended)");
	if (probe_cell_unsteady(cell))
		snprintf(row[PATH] + strlen(row[PATH]), TEXT_MAX - strlen(row[PATH]),
			 " (not steady)");
	if (e == &cell->timeline)
		snprintf(row[PATH] + strlen(row[PATH]), TEXT_MAX - strlen(row[PATH]),
			 " (timeline)");
	probe_figure_text(&e->total, per_tick, e->floor_ticks, PROBE_FIGURE_BOTH, row[TOTAL],
			  TEXT_MAX);
	phase_texts(e, per_tick, row);
	if (!e->folded_count && e->empty_call.state != PROBE_ABSENT) {
		char figure[48];

		probe_figure_text(&e->empty_call, per_tick, e->floor_ticks, PROBE_FIGURE_BOTH,
				  figure, sizeof figure);
		snprintf(row[DISPATCH], TEXT_MAX, "empty call %s", figure);
	}
	percent = probe_closure_percent(e);
	if (isfinite(percent))
		snprintf(row[CLOSURE], TEXT_MAX, "%.1f%%%s", fabs(percent) < 0.05 ? 0.0 : percent,
			 probe_closure_is_off(e) ? " (!)" : "");
	probe_ratio_text(probe_run_speedup(run, cell), row[SPEEDUP], TEXT_MAX);
}

static void write_row(struct pb_buf *out, row_text row, const int widths[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		int pad = widths[c] - pb_export_markdown_width(row[c]);

		if (c <= PATH)
			pb_buf_printf(out, "%s %s%*s", c ? " |" : "|", row[c], pad, "");
		else
			pb_buf_printf(out, " | %*s%s", pad, "", row[c]);
	}
	pb_buf_puts(out, " |\n");
}

static void write_rule(struct pb_buf *out, const int widths[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		pb_buf_puts(out, c <= PATH ? "| :" : "| ");
		for (int i = 1; i < widths[c]; i++)
			pb_buf_puts(out, "-");
		pb_buf_puts(out, c <= PATH ? " " : ": ");
	}
	pb_buf_puts(out, "|\n");
}

static void write_table(struct pb_buf *out, const struct probe_run *run, const char *label,
			const struct probe_scale *scale)
{
	row_text head = {"workload",    "path",    "",        "dispatch",
			 "marshalling", "compute", "closure", "speed-up"};
	int widths[COLUMNS] = {0};
	row_text row;

	snprintf(head[TOTAL], TEXT_MAX, "total, %s", scale->name);
	/* Twice over the cells: to measure the columns, then to write them. */
	for (size_t c = 0; c < COLUMNS; c++)
		widths[c] = pb_export_markdown_width(head[c]);
	for (size_t i = 0; i < run->cell_count; i++) {
		if (strcmp(run->cells[i].interpreter, label))
			continue;
		cell_row(run, &run->cells[i], scale->per_tick, row);
		for (size_t c = 0; c < COLUMNS; c++)
			if (pb_export_markdown_width(row[c]) > widths[c])
				widths[c] = pb_export_markdown_width(row[c]);
	}
	write_row(out, head, widths);
	write_rule(out, widths);
	for (size_t i = 0; i < run->cell_count; i++) {
		if (strcmp(run->cells[i].interpreter, label))
			continue;
		cell_row(run, &run->cells[i], scale->per_tick, row);
		write_row(out, row, widths);
	}
}

/* The beginning of a remark on a cell; any: it is not the first. */
static void write_name(struct pb_buf *out, const struct probe_cell *cell, bool any)
{
	pb_buf_puts(out, any ? "- " : "\n- ");
	pb_export_markdown_escape(cell->workload, out);
	pb_buf_puts(out, "/");
	pb_export_markdown_escape(cell->path, out);
}

/* What "(prepared)" means, once for all tables. */
static void write_prepared(struct pb_buf *out, const struct probe_run *run)
{
	for (size_t i = 0; i < run->cell_count; i++) {
		if (!run->cells[i].prepared || run->cells[i].status != PROBE_CELL_OK)
			continue;
		pb_buf_puts(out, "\n(prepared): " PB_PREPARED_MEANS ".\n");
		return;
	}
}

/* What a callback makes of compute, which the table has as one figure; false: it has none. */
static bool write_callback(struct pb_buf *out, const struct probe_cell *cell,
			   const struct probe_scale *scale, bool any)
{
	const struct probe_engine *e =
		cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;
	const unsigned compute = probe_fold_members(PROBE_MASK_COMPUTE);
	char id[96], figure[48];
	bool first = true;

	for (size_t i = 0; e && i < e->part_count; i++) {
		const struct probe_part *p = &e->parts[i];

		if (!(p->mask & compute) || (p->mask & ~compute) || p->mask == compute ||
		    !strcmp(probe_part_id_among(e->parts, e->part_count, i, id, sizeof id),
			    "compute"))
			continue;
		if (first) {
			write_name(out, cell, any);
			pb_buf_puts(out, ": ");
		}
		probe_figure_text(&p->value, scale->per_tick, e->floor_ticks, PROBE_FIGURE_BOTH,
				  figure, sizeof figure);
		pb_buf_printf(out, "%s%s ", first ? "" : ", ", id);
		pb_export_markdown_escape(figure, out);
		pb_buf_printf(out, " %s", scale->name);
		first = false;
	}
	if (!first)
		pb_buf_puts(out, "\n");
	return !first;
}

/* What is not in the table's cells: reasons, warnings. */
static void write_remarks(struct pb_buf *out, const struct probe_run *run, const char *label,
			  const struct probe_scale *scale)
{
	bool any = false;

	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];

		if (strcmp(cell->interpreter, label))
			continue;
		if (cell->reason) {
			write_name(out, cell, any);
			pb_buf_printf(out, " %s: ", probe_cell_status_name(cell->status));
			pb_export_markdown_escape(cell->reason, out);
			pb_buf_puts(out, "\n");
			any = true;
		}
		for (char **w = cell->warnings; w && *w; w++) {
			write_name(out, cell, any);
			pb_buf_puts(out, ": ");
			pb_export_markdown_escape(*w, out);
			pb_buf_puts(out, "\n");
			any = true;
		}
		any = write_callback(out, cell, scale, any) || any;
	}
}

int pb_export_markdown(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	struct pb_buf out = {0};
	struct probe_verdict *verdicts = NULL;
	struct probe_scale scale;
	size_t verdict_count = 0;
	const char *cpu = probe_run_fact(run, "cpu_model");
	char build[128];

	if (probe_scale_get(run, PROBE_UNIT_NS, &scale))
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	pb_buf_puts(&out, "CPU: ");
	pb_export_markdown_escape(cpu ? cpu : "unknown", &out);
	pb_buf_puts(&out, ". Counter: ");
	pb_export_markdown_escape(run->counter.unit, &out);
	if (run->counter.why[0]) {
		pb_buf_puts(&out, " (");
		pb_export_markdown_escape(run->counter.why, &out);
		pb_buf_puts(&out, ")");
	}
	pb_buf_printf(&out, ". %u %s.\n", run->passes, run->passes == 1 ? "pass" : "passes");
	if (probe_verdict_list(run, &verdicts, &verdict_count, err))
		return -PROBE_ENOMEM;
	pb_export_markdown_summary(&out, run, verdicts, verdict_count, &scale);
	for (size_t i = 0; i < run->cell_count; i++) {
		const char *label = run->cells[i].interpreter;
		const struct probe_interpreter *py = probe_run_find_interpreter(run, label);

		if (!pb_export_first_label(run, i))
			continue;
		pb_buf_puts(&out, "\n### ");
		pb_export_markdown_escape(label, &out);
		if (py && probe_interpreter_text(py, build, sizeof build)[0]) {
			pb_buf_puts(&out, " (");
			pb_export_markdown_escape(build, &out);
			pb_buf_puts(&out, ")");
		}
		pb_buf_puts(&out, "\n\n");
		write_table(&out, run, label, &scale);
		write_remarks(&out, run, label, &scale);
		for (size_t v = 0; v < verdict_count; v++) {
			bool folded = probe_summary_covers(verdicts, verdict_count, v);

			if (strcmp(verdicts[v].interpreter, label))
				continue;
			if (folded) {
				pb_buf_puts(&out, "\n<details>\n<summary>");
				pb_export_markdown_escape(verdicts[v].workload, &out);
				pb_buf_puts(&out, " in words, and break-even</summary>\n");
			}
			pb_export_markdown_verdict(&out, &verdicts[v], &scale);
			if (folded)
				pb_buf_puts(&out, "\n</details>\n");
		}
	}
	if (verdict_count)
		pb_buf_puts(
			&out,
			"\nBoundary: dispatch and marshalling. Break-even: the compute time "
			"of a call from which on its boundary is under 10% of it, and from which "
			"on it beats pure Python for more of the same work.\n");
	probe_verdicts_free(verdicts, verdict_count);
	write_prepared(&out, run);
	pb_export_markdown_slopes(&out, run, &scale);
	pb_export_markdown_claims(&out, run, &scale);
	for (char **w = run->warnings; w && *w; w++) {
		pb_buf_puts(&out, w == run->warnings ? "\n- " : "- ");
		pb_export_markdown_escape(*w, &out);
		pb_buf_puts(&out, "\n");
	}
	return pb_export_finish(&out, sink, err);
}
