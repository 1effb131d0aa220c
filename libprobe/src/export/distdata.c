/* SPDX-License-Identifier: MIT
 * The data file of plots/distribution.gp: how long single calls took, from the timelines of a run.
 * Blocks stand apart by two empty lines, strings in double quotes, numbers in ns (counter ticks
 * where the run has no frequency), NaN = absent:
 *   block 0  the run: cpu counter passes unit cycles_per_unit cycles_estimated panels least_left
 *                     note
 *   block 1  the panels: workload interpreter build paths lowest highest
 *   block 2  their paths: panel number path calls p50 p90 p99 p999 max text
 *   block 3  points of the distribution functions: panel number share time
 * A panel is a workload on an interpreter, number that of the path's curve; lowest and highest are
 * the times that its curves reach. A path without a timeline has no calls, and a text that
 * says why. A curve's last point is its slowest call, at a share of half a call less than all.
 * least_left: the smallest share that a point leaves beyond it.
 */
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

struct distributions {
	const struct probe_run *run;
	double per_tick;
};

static bool same_panel(const struct probe_cell *a, const struct probe_cell *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->interpreter, b->interpreter);
}

/* The number of cells before i in its panel; 0 = it begins one. */
static size_t place(const struct probe_run *run, size_t i)
{
	size_t before = 0;

	for (size_t j = 0; j < i; j++)
		before += same_panel(&run->cells[j], &run->cells[i]);
	return before;
}

static double share_of_slowest(const struct probe_dist *dist)
{
	return 1 - 0.5 / (double)dist->calls;
}

static void run_block(struct pb_buf *out, const struct distributions *d, bool has_ns)
{
	double least_left = NAN;
	size_t panels = 0;

	for (size_t i = 0; i < d->run->cell_count; i++) {
		const struct probe_dist *dist = pb_plot_whole(&d->run->cells[i]);

		panels += !place(d->run, i);
		if (dist)
			least_left = fmin(least_left, 1 - share_of_slowest(dist));
	}
	pb_buf_puts(out, "# cpu counter passes unit cycles_per_unit cycles_estimated panels "
			 "least_left note\n");
	pb_plot_run(out, d->run, has_ns, d->per_tick);
	pb_buf_printf(out, "%zu ", panels);
	pb_plot_number(out, least_left);
	pb_plot_text(out, pb_plot_note(d->run));
	pb_buf_puts(out, "\n");
}

static void panel_row(struct pb_buf *out, const struct distributions *d, size_t first)
{
	const struct probe_cell *cell = &d->run->cells[first];
	double lowest = NAN, highest = NAN;
	size_t paths = 0;

	for (size_t i = first; i < d->run->cell_count; i++) {
		const struct probe_dist *dist = pb_plot_whole(&d->run->cells[i]);

		if (!same_panel(cell, &d->run->cells[i]))
			continue;
		paths++;
		if (!dist)
			continue;
		lowest = fmin(lowest, dist->curve_count && dist->curve[0].ticks > 0
					      ? dist->curve[0].ticks
					      : dist->p50);
		highest = fmax(highest, dist->max);
	}
	pb_plot_text(out, cell->workload);
	pb_plot_text(out, cell->interpreter);
	pb_plot_build(out, d->run, cell->interpreter);
	pb_buf_printf(out, "%zu ", paths);
	pb_plot_number(out, lowest * d->per_tick);
	pb_plot_number(out, highest * d->per_tick);
	pb_buf_puts(out, "\n");
}

static void path_row(struct pb_buf *out, const struct distributions *d,
		     const struct probe_cell *cell, size_t panel)
{
	const struct probe_dist *dist = pb_plot_whole(cell);
	const double quantiles[] = {
		dist ? dist->p50 : NAN,  dist ? dist->p90 : NAN, dist ? dist->p99 : NAN,
		dist ? dist->p999 : NAN, dist ? dist->max : NAN,
	};

	pb_buf_printf(out, "%zu %u ", panel, pb_plot_path_number(d->run, cell->path));
	pb_plot_text(out, cell->path);
	pb_buf_printf(out, "%llu ", dist ? (unsigned long long)dist->calls : 0);
	for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++)
		pb_plot_number(out, quantiles[q] * d->per_tick);
	if (dist)
		pb_plot_text(out, cell->timeline.contended ? "contended"
				  : dist->curve_count      ? ""
							   : "five quantiles only");
	else if (cell->status == PROBE_CELL_OK)
		pb_plot_text(out, "no timeline");
	else
		pb_plot_remark(out, cell, NULL);
	pb_buf_puts(out, "\n");
}

static void point(struct pb_buf *out, size_t panel, unsigned number, double share, double ticks,
		  double per_tick)
{
	if (!isfinite(ticks) || ticks <= 0) /* less than the stamps cost: no place on the axis */
		return;
	pb_buf_printf(out, "%zu %u ", panel, number);
	pb_plot_number(out, share);
	pb_plot_number(out, ticks * per_tick);
	pb_buf_puts(out, "\n");
}

static void points(struct pb_buf *out, const struct distributions *d, const struct probe_dist *dist,
		   size_t panel, unsigned number)
{
	for (size_t i = 0; i < dist->curve_count; i++)
		point(out, panel, number, dist->curve[i].share, dist->curve[i].ticks, d->per_tick);
	if (!dist->curve_count) {
		point(out, panel, number, 0.5, dist->p50, d->per_tick);
		point(out, panel, number, 0.9, dist->p90, d->per_tick);
		point(out, panel, number, 0.99, dist->p99, d->per_tick);
		point(out, panel, number, 0.999, dist->p999, d->per_tick);
	}
	point(out, panel, number, share_of_slowest(dist), dist->max, d->per_tick);
	/* gnuplot ends a line at an empty line. */
	pb_buf_puts(out, "\n");
}

/* Calls back for each cell, panel by panel: block 1 at the first of a panel, 2 and 3 at each. */
static void each(struct pb_buf *out, const struct distributions *d, int block)
{
	const struct probe_run *run = d->run;
	size_t panel = 0;

	for (size_t first = 0; first < run->cell_count; first++) {
		if (place(run, first))
			continue;
		panel++;
		if (block == 1)
			panel_row(out, d, first);
		for (size_t i = first; block > 1 && i < run->cell_count; i++) {
			const struct probe_cell *cell = &run->cells[i];

			if (!same_panel(&run->cells[first], cell))
				continue;
			if (block == 2)
				path_row(out, d, cell, panel);
			else if (pb_plot_whole(cell))
				points(out, d, pb_plot_whole(cell), panel,
				       pb_plot_path_number(run, cell->path));
		}
	}
}

int pb_export_distdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	struct distributions d = {.run = run};
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);

	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	d.per_tick = scale.per_tick;
	run_block(&out, &d, has_ns);
	pb_buf_puts(&out, "\n\n# workload interpreter build paths lowest highest\n");
	each(&out, &d, 1);
	pb_buf_puts(&out, "\n\n# panel number path calls p50 p90 p99 p999 max text\n");
	each(&out, &d, 2);
	pb_buf_puts(&out, "\n\n# panel number share time\n");
	each(&out, &d, 3);
	return pb_export_finish(&out, sink, err);
}
