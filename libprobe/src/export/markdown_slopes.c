/* SPDX-License-Identifier: MIT
 * Markdown: what one more argument costs, a table for each sweep, in GitHub's flavour.
 */
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"
#include "probe/slopes.h"

static void add_cell(struct pb_buf *out, const struct probe_slope *slope, double per_tick)
{
	char figure[48];

	if (slope->state == PROBE_SLOPE_INAPPLICABLE) {
		pb_buf_puts(out, " – |");
	} else if (slope->state == PROBE_SLOPE_MISSING) {
		pb_buf_printf(out, " %s |",
			      slope->status == PROBE_CELL_OK
				      ? "too few"
				      : probe_cell_status_name(slope->status));
	} else {
		probe_figure_text(&slope->total, per_tick, slope->floor_ticks, PROBE_FIGURE_BOTH,
				  figure, sizeof figure);
		pb_buf_puts(out, " ");
		pb_export_markdown_escape(figure, out); /* "<" is a tag's beginning */
		pb_buf_printf(out, "%s%s%s |", slope->prepared ? " (prepared)" : "",
			      slope->contended ? " (contended)" : "",
			      slope->bent ? " (no straight line)" : "");
	}
}

static void add_marshalling(struct pb_buf *out, const struct probe_slopes *s, size_t path,
			    double per_tick)
{
	char figure[48];
	bool split = false;

	for (size_t t = 0; t < s->type_count; t++)
		split = split || probe_slope_at(s, path, t)->marshalling.state != PROBE_ABSENT;
	if (!split)
		return;
	pb_buf_puts(out, "| – of it marshalling |");
	for (size_t t = 0; t < s->type_count; t++) {
		const struct probe_slope *slope = probe_slope_at(s, path, t);

		probe_figure_text(&slope->marshalling, per_tick, slope->floor_ticks,
				  PROBE_FIGURE_BOTH, figure, sizeof figure);
		pb_buf_puts(out, " ");
		pb_export_markdown_escape(figure, out);
		pb_buf_puts(out, " |");
	}
	pb_buf_puts(out, "\n");
}

static void add_table(struct pb_buf *out, const struct probe_slopes *s,
		      const struct probe_scale *scale)
{
	pb_buf_puts(out, "\n### One more argument on ");
	pb_export_markdown_escape(s->interpreter, out);
	pb_buf_printf(out, ", %s\n\n| ", scale->name);
	pb_export_markdown_escape(s->family, out);
	pb_buf_puts(out, " |");
	for (size_t t = 0; t < s->type_count; t++) {
		pb_buf_puts(out, " ");
		pb_export_markdown_escape(s->types[t], out);
		pb_buf_puts(out, " |");
	}
	pb_buf_puts(out, "\n| :--- |");
	for (size_t t = 0; t < s->type_count; t++)
		pb_buf_puts(out, " ---: |");
	pb_buf_puts(out, "\n");
	for (size_t p = 0; p < s->path_count; p++) {
		pb_buf_puts(out, "| ");
		pb_export_markdown_escape(s->paths[p], out);
		pb_buf_puts(out, " |");
		for (size_t t = 0; t < s->type_count; t++)
			add_cell(out, probe_slope_at(s, p, t), scale->per_tick);
		pb_buf_puts(out, "\n");
		add_marshalling(out, s, p, scale->per_tick);
	}
}

void pb_export_markdown_slopes(struct pb_buf *out, const struct probe_run *run,
			       const struct probe_scale *scale)
{
	struct probe_slopes *list = NULL;
	size_t n = 0;

	if (probe_slopes_list(run, &list, &n, NULL)) {
		out->oom = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (list[i].count_count > 1)
			add_table(out, &list[i], scale);
	probe_slopes_free(list, n);
}
