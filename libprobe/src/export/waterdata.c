/* SPDX-License-Identifier: MIT
 * The data file of plots/waterfall.gp: the stretches of one call on a time axis, from the timelines
 * of a run. Blocks stand apart by two empty lines, strings in double quotes, numbers in ns (counter
 * ticks where the run has no frequency), NaN = absent:
 *   block 0  the run: cpu counter passes unit cycles_per_unit cycles_estimated panels cells
 *                     without note
 *   block 1  the panels: workload path interpreter build rows calls p50 p99 end text
 *   block 2  their rows: panel row name phase start p50 p99 floor
 * A panel is a cell with a timeline, or, with no rows and a text, one that failed. without counts
 * the cells that were measured without a timeline. Medians are laid end to end, each stretch from
 * where the one before it ends; p50 and p99 of a panel are those of whole calls, to which those of
 * its stretches need not add up. phase: 1 dispatch, 2 marshalling, 3 compute, 4 several of them,
 * 5 Python called back. floor: below it a stretch can't be told from nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

#define MOST_ROWS 16

struct water {
	const struct probe_run *run;
	double per_tick;
};

/* A callback comes within compute. */
static int place(const struct probe_dist *dist)
{
	unsigned mask = dist->mask & PROBE_MASK_ALL;

	return mask ? __builtin_ctz(mask) : PROBE_SUB_COMPUTE;
}

static int in_order(const void *a, const void *b)
{
	const struct probe_dist *const *x = a, *const *y = b;

	return place(*x) - place(*y);
}

static int phase_of(unsigned mask)
{
	static const unsigned phases[] = {PROBE_MASK_DISPATCH, PROBE_MASK_MARSHALLING,
					  PROBE_MASK_COMPUTE};

	for (int p = 0; p < 3; p++)
		if (!(mask & ~phases[p]))
			return p + 1;
	return mask & ~PROBE_MASK_CALLBACK ? 4 : 5;
}

/* The stretches of a cell's calls, in the order of a call. Returns how many. */
static size_t stretches(const struct probe_cell *cell, const struct probe_dist *out[MOST_ROWS])
{
	const struct probe_engine *e = &cell->timeline;
	size_t n = 0;

	for (size_t i = 0; i < e->dist_count && n < MOST_ROWS; i++)
		if (e->dists[i].mask != PROBE_MASK_ALL && isfinite(e->dists[i].p50))
			out[n++] = &e->dists[i];
	qsort(out, n, sizeof out[0], in_order);
	return n;
}

static bool is_measured(const struct probe_cell *cell)
{
	return cell->status == PROBE_CELL_OK;
}

/* Whether the cell has a panel: not where no timeline was asked for. */
static bool has_panel(const struct probe_cell *cell)
{
	return !is_measured(cell) || pb_plot_whole(cell);
}

static void panel_row(struct pb_buf *out, const struct water *water, const struct probe_cell *cell)
{
	const struct probe_dist *whole = pb_plot_whole(cell), *list[MOST_ROWS];
	size_t n = whole ? stretches(cell, list) : 0;
	double at = 0, end = whole ? whole->p99 : NAN;

	for (size_t i = 0; i < n; i++) {
		end = fmax(end, at + fmax(list[i]->p99, 0));
		at += fmax(list[i]->p50, 0);
	}
	pb_plot_text(out, cell->workload);
	pb_plot_text(out, cell->path);
	pb_plot_text(out, cell->interpreter);
	pb_plot_build(out, water->run, cell->interpreter);
	pb_buf_printf(out, "%zu %llu ", n, whole ? (unsigned long long)whole->calls : 0);
	pb_plot_number(out, whole ? whole->p50 * water->per_tick : NAN);
	pb_plot_number(out, whole ? whole->p99 * water->per_tick : NAN);
	pb_plot_number(out, end * water->per_tick);
	pb_plot_remark(out, cell, whole ? &cell->timeline : NULL);
	pb_buf_puts(out, "\n");
}

static void stretch_rows(struct pb_buf *out, const struct water *water,
			 const struct probe_cell *cell, size_t panel)
{
	const struct probe_dist *list[MOST_ROWS];
	size_t n = pb_plot_whole(cell) ? stretches(cell, list) : 0;
	double at = 0;

	for (size_t i = 0; i < n; i++) {
		char name[128];

		probe_part_name(list[i]->mask, name, sizeof name);
		pb_buf_printf(out, "%zu %zu ", panel, i + 1);
		pb_plot_text(out, name);
		pb_buf_printf(out, "%d ", phase_of(list[i]->mask));
		pb_plot_number(out, at * water->per_tick);
		pb_plot_number(out, fmax(list[i]->p50, 0) * water->per_tick);
		pb_plot_number(out, fmax(list[i]->p99, 0) * water->per_tick);
		pb_plot_number(out, cell->timeline.floor_ticks * water->per_tick);
		pb_buf_puts(out, "\n");
		at += fmax(list[i]->p50, 0);
	}
}

int pb_export_waterdata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err)
{
	struct water water = {.run = run};
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);
	size_t panels = 0, without = 0;

	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	water.per_tick = scale.per_tick;
	for (size_t i = 0; i < run->cell_count; i++) {
		panels += has_panel(&run->cells[i]);
		without += !has_panel(&run->cells[i]);
	}
	pb_buf_puts(&out, "# cpu counter passes unit cycles_per_unit cycles_estimated panels cells "
			  "without note\n");
	pb_plot_run(&out, run, has_ns, water.per_tick);
	pb_buf_printf(&out, "%zu %zu %zu ", panels, run->cell_count, without);
	pb_plot_text(&out, pb_plot_note(run));
	pb_buf_puts(&out, "\n\n\n# workload path interpreter build rows calls p50 p99 end text\n");
	for (size_t i = 0; i < run->cell_count; i++)
		if (has_panel(&run->cells[i]))
			panel_row(&out, &water, &run->cells[i]);
	pb_buf_puts(&out, "\n\n# panel row name phase start p50 p99 floor\n");
	for (size_t i = 0, panel = 0; i < run->cell_count; i++)
		if (has_panel(&run->cells[i]))
			stretch_rows(&out, &water, &run->cells[i], ++panel);
	return pb_export_finish(&out, sink, err);
}
