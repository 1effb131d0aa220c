/* SPDX-License-Identifier: MIT
 * The verdicts of a run in Markdown: words, the table of break-evens, published ratios beside ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"

enum column { PATH, BOUNDARY, COMPUTE, TENTH, PYTHON, COLUMNS };
#define TEXT_MAX 96

typedef char row_text[COLUMNS][TEXT_MAX];

static void head_text(const struct probe_verdict *v, const struct probe_scale *scale, row_text row)
{
	memset(row, 0, sizeof(row_text));
	snprintf(row[PATH], TEXT_MAX, "break-even");
	snprintf(row[BOUNDARY], TEXT_MAX, "boundary, %s", scale->name);
	snprintf(row[COMPUTE], TEXT_MAX, "compute here");
	snprintf(row[TENTH], TEXT_MAX, "boundary under 10%% from");
	if (v->python.other)
		snprintf(row[PYTHON], TEXT_MAX, "beats python from");
}

static void row_texts(const struct probe_verdict_row *from, double per_tick, row_text row)
{
	struct pb_buf path = {0};

	memset(row, 0, sizeof(row_text));
	pb_export_markdown_escape(from->cell->path, &path);
	snprintf(row[PATH], TEXT_MAX, "%s%s%s", path.len ? path.data : "",
		 from->cell->prepared ? " (prepared)" : "", from->contended ? " (contended)" : "");
	pb_buf_fini(&path);
	if (from->boundary.state == PROBE_ABSENT) {
		snprintf(row[BOUNDARY], TEXT_MAX, "not split");
		return;
	}
	probe_figure_text(&from->boundary, per_tick, from->floor_ticks, PROBE_FIGURE_BOTH,
			  row[BOUNDARY], TEXT_MAX);
	probe_figure_text(&from->compute, per_tick, from->floor_ticks, PROBE_FIGURE_BOTH,
			  row[COMPUTE], TEXT_MAX);
	probe_breakeven_text(&from->tenth, per_tick, row[TENTH], TEXT_MAX);
	probe_breakeven_text(&from->python, per_tick, row[PYTHON], TEXT_MAX);
}

static void write_row(struct pb_buf *out, row_text row, const int widths[COLUMNS], size_t columns)
{
	for (size_t c = 0; c < columns; c++) {
		int pad = widths[c] - pb_export_markdown_width(row[c]);

		if (c == PATH)
			pb_buf_printf(out, "| %s%*s", row[c], pad, "");
		else
			pb_buf_printf(out, " | %*s%s", pad, "", row[c]);
	}
	pb_buf_puts(out, " |\n");
}

static void write_rule(struct pb_buf *out, const int widths[COLUMNS], size_t columns)
{
	for (size_t c = 0; c < columns; c++) {
		pb_buf_puts(out, c == PATH ? "| :" : "| ");
		for (int i = 1; i < widths[c]; i++)
			pb_buf_puts(out, "-");
		pb_buf_puts(out, c == PATH ? " " : ": ");
	}
	pb_buf_puts(out, "|\n");
}

static void widen(row_text row, int widths[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++)
		if (pb_export_markdown_width(row[c]) > widths[c])
			widths[c] = pb_export_markdown_width(row[c]);
}

void pb_export_markdown_verdict(struct pb_buf *out, const struct probe_verdict *verdict,
				const struct probe_scale *scale)
{
	char *words = probe_verdict_words(verdict, scale);
	size_t columns = verdict->python.other ? COLUMNS : PYTHON;
	int widths[COLUMNS] = {0};
	bool split = false;
	row_text row;

	out->oom = out->oom || !words;
	pb_buf_puts(out, "\n");
	pb_export_markdown_escape(words, out);
	pb_buf_puts(out, "\n");
	free(words);
	head_text(verdict, scale, row);
	widen(row, widths);
	for (size_t i = 0; i < verdict->row_count; i++) {
		row_texts(&verdict->rows[i], scale->per_tick, row);
		widen(row, widths);
		split = split || verdict->rows[i].boundary.state != PROBE_ABSENT;
	}
	if (!split)
		return;
	pb_buf_puts(out, "\n");
	head_text(verdict, scale, row);
	write_row(out, row, widths, columns);
	write_rule(out, widths, columns);
	for (size_t i = 0; i < verdict->row_count; i++) {
		row_texts(&verdict->rows[i], scale->per_tick, row);
		write_row(out, row, widths, columns);
	}
}

void pb_export_markdown_claims(struct pb_buf *out, const struct probe_run *run,
			       const struct probe_scale *scale)
{
	struct probe_claim_check *checks = NULL;
	size_t n = 0;

	if (probe_claim_check_list(run, &checks, &n, NULL))
		out->oom = true;
	for (size_t i = 0; i < n; i++) {
		char *words = probe_claim_words(&checks[i], scale);

		out->oom = out->oom || !words;
		pb_buf_puts(out, i ? "- " : "\n- ");
		pb_export_markdown_escape(words, out);
		pb_buf_puts(out, "\n");
		free(words);
	}
	free(checks);
}
