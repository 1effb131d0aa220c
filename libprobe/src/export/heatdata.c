/* SPDX-License-Identifier: MIT
 * The data file of plots/heatmap.gp: the sweeps of a run. Blocks stand apart by two empty lines,
 * strings in double quotes, numbers in ns per call (counter ticks where the run has no frequency),
 * NaN = absent:
 *   block 0  the run:  cpu counter passes unit cycles_per_unit cycles_estimated panels lowest
 *                      highest note
 *   block 1  panels, one for each path of a sweep: group build path types counts remark
 *   block 2  their rows, the types: panel row type slope half bound text
 *   block 3  their columns, the counts: panel column count
 *   block 4  their cells: panel row column status total bound contended
 * A group is a sweep on an interpreter: "args on cpython-3.13.0". A path of which nothing was
 * measured has no types, and a remark that says why. bound is the upper end of an interval that
 * reaches down to nothing; a slope without a figure has a text instead. lowest and highest are
 * those of all totals with a figure: the ends of the colours' scale.
 */
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"
#include "probe/slopes.h"

struct sweeps {
	struct probe_slopes *list;
	size_t n;
	double per_tick;
};

static const struct probe_engine *measured(const struct probe_cell *cell)
{
	const struct probe_engine *e =
		cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;

	return e && e->total.state != PROBE_ABSENT ? e : NULL;
}

/* Where a value can't be told from nothing: what it is at most. */
static double bound_of(const struct probe_value *v, double floor_ticks)
{
	return v->below_floor ? probe_value_most(v, floor_ticks) : NAN;
}

/* The first cell of a path of which nothing was measured; NULL = something was. */
static const struct probe_cell *all_missing(const struct probe_slopes *s, size_t path)
{
	const struct probe_cell *first = NULL;

	for (size_t i = 0; i < s->type_count * s->count_count; i++) {
		const struct probe_cell *cell = s->cells[path * s->type_count * s->count_count + i];

		if (measured(cell))
			return NULL;
		first = first ? first : cell;
	}
	return first;
}

static void run_block(struct pb_buf *out, const struct probe_run *run, const struct sweeps *sweeps,
		      bool has_ns)
{
	double lowest = NAN, highest = NAN;
	size_t panels = 0;

	for (size_t k = 0; k < sweeps->n; k++) {
		const struct probe_slopes *s = &sweeps->list[k];

		panels += s->path_count;
		for (size_t i = 0; i < s->path_count * s->type_count * s->count_count; i++) {
			const struct probe_engine *e = measured(s->cells[i]);

			if (!e || e->total.below_floor || !(e->total.ticks > 0))
				continue;
			lowest = fmin(lowest, e->total.ticks * sweeps->per_tick);
			highest = fmax(highest, e->total.ticks * sweeps->per_tick);
		}
	}
	pb_buf_puts(out, "# cpu counter passes unit cycles_per_unit cycles_estimated panels lowest "
			 "highest note\n");
	pb_plot_run(out, run, has_ns, sweeps->per_tick);
	pb_buf_printf(out, "%zu ", panels);
	pb_plot_number(out, lowest);
	pb_plot_number(out, highest);
	pb_plot_text(out, pb_plot_note(run));
	pb_buf_puts(out, "\n");
}

static void panel_row(struct pb_buf *out, const struct probe_run *run, const struct probe_slopes *s,
		      size_t path)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(run, s->interpreter);
	const struct probe_cell *missing = all_missing(s, path);
	struct pb_buf group = {0}, remark = {0};
	char build[128] = "";

	pb_buf_printf(&group, "%s on %s", s->family, s->interpreter);
	if (missing)
		pb_buf_printf(&remark, "%s: %s", probe_cell_status_name(missing->status),
			      missing->reason ? missing->reason : "no reason given");
	if (py)
		probe_interpreter_text(py, build, sizeof build);
	pb_plot_text(out, group.data);
	pb_plot_text(out, build);
	pb_plot_text(out, s->paths[path]);
	pb_buf_printf(out, "%zu %zu ", missing ? 0 : s->type_count, missing ? 0 : s->count_count);
	pb_plot_text(out, remark.data);
	pb_buf_puts(out, "\n");
	out->oom = out->oom || group.oom || remark.oom;
	pb_buf_fini(&group);
	pb_buf_fini(&remark);
}

static void type_row(struct pb_buf *out, const struct probe_slopes *s, size_t panel, size_t path,
		     size_t type, double per_tick)
{
	const struct probe_slope *slope = probe_slope_at(s, path, type);
	const char *text = "";

	if (slope->state == PROBE_SLOPE_INAPPLICABLE)
		text = "–";
	else if (slope->state == PROBE_SLOPE_MISSING)
		text = slope->status == PROBE_CELL_OK ? "too few"
						      : probe_cell_status_name(slope->status);
	else if (slope->contended)
		text = "!";
	else if (slope->bent)
		text = "~";
	pb_buf_printf(out, "%zu %zu ", panel, type + 1);
	pb_plot_text(out, s->types[type]);
	pb_plot_number(out, slope->total.ticks * per_tick);
	pb_plot_number(out, slope->total.half * per_tick);
	pb_plot_number(out, bound_of(&slope->total, slope->floor_ticks) * per_tick);
	pb_plot_text(out, text);
	pb_buf_puts(out, "\n");
}

static void cell_row(struct pb_buf *out, const struct probe_cell *cell, size_t panel, size_t row,
		     size_t column, double per_tick)
{
	const struct probe_engine *e = measured(cell);
	const char *status = cell ? probe_cell_status_name(cell->status) : "absent";

	pb_buf_printf(out, "%zu %zu %zu ", panel, row, column);
	pb_plot_text(out, e ? "ok" : cell && cell->status == PROBE_CELL_OK ? "absent" : status);
	pb_plot_number(out, e ? e->total.ticks * per_tick : NAN);
	pb_plot_number(out, e ? bound_of(&e->total, e->floor_ticks) * per_tick : NAN);
	pb_buf_printf(out, "%d\n", e && e->contended);
}

static void panel_rows(struct pb_buf *out, const struct sweeps *sweeps, int block)
{
	size_t panel = 0;

	for (size_t k = 0; k < sweeps->n; k++) {
		const struct probe_slopes *s = &sweeps->list[k];

		for (size_t p = 0; p < s->path_count; p++) {
			panel++;
			if (all_missing(s, p))
				continue;
			for (size_t c = 0; block == 3 && c < s->count_count; c++)
				pb_buf_printf(out, "%zu %zu %u\n", panel, c + 1, s->counts[c]);
			for (size_t t = 0; block == 2 && t < s->type_count; t++)
				type_row(out, s, panel, p, t, sweeps->per_tick);
			for (size_t t = 0; block == 4 && t < s->type_count; t++)
				for (size_t c = 0; c < s->count_count; c++)
					cell_row(out, probe_slope_cell(s, p, t, c), panel, t + 1,
						 c + 1, sweeps->per_tick);
		}
	}
}

int pb_export_heatdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	struct sweeps sweeps = {.list = NULL};
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);
	int rc = probe_slopes_list(run, &sweeps.list, &sweeps.n, err);

	if (rc)
		return rc;
	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	sweeps.per_tick = scale.per_tick;
	run_block(&out, run, &sweeps, has_ns);
	pb_buf_puts(&out, "\n\n# group build path types counts remark\n");
	for (size_t k = 0; k < sweeps.n; k++)
		for (size_t p = 0; p < sweeps.list[k].path_count; p++)
			panel_row(&out, run, &sweeps.list[k], p);
	pb_buf_puts(&out, "\n\n# panel row type slope half bound text\n");
	panel_rows(&out, &sweeps, 2);
	pb_buf_puts(&out, "\n\n# panel column count\n");
	panel_rows(&out, &sweeps, 3);
	pb_buf_puts(&out, "\n\n# panel row column status total bound contended\n");
	panel_rows(&out, &sweeps, 4);
	probe_slopes_free(sweeps.list, sweeps.n);
	return pb_export_finish(&out, sink, err);
}
