/* SPDX-License-Identifier: MIT
 * The warm-up series of every cell as CSV: one row a point. `call` is the number of calls made
 * before it, the time is per call and holds the loop's own, `contended` is the share of the point's
 * bursts that a neighbour disturbed, `steady` says whether the series was steady from there on. A
 * cell without a series is one row with its status.
 */
#include <math.h>

#include "export/export.h"
#include "probe/figures.h"

static void row_start(struct pb_buf *out, const struct probe_cell *cell)
{
	pb_export_csv_field(out, cell->workload);
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->path);
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->interpreter);
	pb_buf_printf(out, ",%s,", probe_cell_status_name(cell->status));
}

static void point(struct pb_buf *out, const struct probe_cell *cell, size_t k, double ns_per_tick)
{
	const struct probe_warmup *w = &cell->warmup;

	row_start(out, cell);
	pb_buf_printf(out, "%.0f,", w->calls[k]);
	pb_export_real(out, w->ticks[k], "");
	pb_buf_puts(out, ",");
	pb_export_real(out, w->ticks[k] * ns_per_tick, "");
	pb_buf_puts(out, ",");
	pb_export_real(out, w->contended[k], "");
	pb_buf_printf(out, ",%d\n", w->calls[k] >= w->steady_from);
}

int pb_export_warmup(const struct probe_run *run, const struct probe_sink *sink,
		     struct probe_error *err)
{
	struct pb_buf out = {0};
	struct probe_scale scale;
	double ns_per_tick = NAN;

	if (!probe_scale_get(run, PROBE_UNIT_NS, &scale))
		ns_per_tick = scale.per_tick;
	pb_buf_puts(&out, "workload,path,interpreter,status,call,ticks_per_call,ns_per_call,"
			  "contended,steady\n");
	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];

		for (size_t k = 0; k < cell->warmup.point_count; k++)
			point(&out, cell, k, ns_per_tick);
		if (cell->warmup.point_count)
			continue;
		row_start(&out, cell);
		pb_buf_puts(&out, ",,,,\n");
	}
	return pb_export_finish(&out, sink, err);
}
