/* SPDX-License-Identifier: MIT
 * The data file of plots/scaling.gp: calls per second against threads, from the rows of a run under
 * threads. Blocks stand apart by two empty lines, strings in double quotes, NaN = absent:
 *   block 0  the run: cpu counter passes unit cycles_per_unit cycles_estimated panels cpus note
 *   block 1  the panels: workload path lowest highest most
 *   block 2  their curves: panel number interpreter callables text
 *   block 3  points of curves: panel number callables threads rate low high ideal control
 * A panel is a workload through a path, a curve an interpreter with private (0) or shared (1)
 * callables, number the interpreter's. rate: calls per second of all threads; low, high: its 95 %
 * interval; ideal: so many times that of one thread; control: what the machine gave as many
 * threads of adds, times that of one thread. lowest, highest: of rates and ideals; most: threads.
 * text: what a reader must know of the curve, or why it has no points.
 */
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"
#include "probe/threaded.h"

/* Figures of chosen rows have the chosen cells only. */
static bool is_shown(const struct probe_run *run, const struct probe_threaded *row)
{
	return probe_run_find_cell(run, row->workload, row->path, row->interpreter);
}

static bool same_panel(const struct probe_threaded *a, const struct probe_threaded *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->path, b->path);
}

static bool same_curve(const struct probe_threaded *a, const struct probe_threaded *b)
{
	return same_panel(a, b) && a->callables == b->callables &&
	       !strcmp(a->interpreter, b->interpreter);
}

/* Whether row i is the first that is shown of those it is the same as. */
static bool begins(const struct probe_run *run, size_t i,
		   bool (*same)(const struct probe_threaded *, const struct probe_threaded *))
{
	if (!is_shown(run, &run->threaded[i]))
		return false;
	for (size_t j = 0; j < i; j++)
		if (is_shown(run, &run->threaded[j]) && same(&run->threaded[j], &run->threaded[i]))
			return false;
	return true;
}

/* The interpreter's curve: the same in all panels. */
static unsigned curve_number(const struct probe_run *run, const char *interpreter)
{
	unsigned n = 0;

	for (size_t i = 0; i < run->interpreter_count; i++) {
		n++;
		if (!strcmp(run->interpreters[i].label, interpreter))
			break;
	}
	return n ? (n - 1) % PB_PLOT_CURVES + 1 : 1;
}

/* The rate of one thread of this curve: measured, or by the ratio to it. */
static double rate_of_one(const struct probe_run *run, const struct probe_threaded *row)
{
	for (size_t i = 0; i < run->threaded_count; i++)
		if (run->threaded[i].threads == 1 && same_curve(&run->threaded[i], row))
			return run->threaded[i].calls_per_s;
	return row->calls_per_s / row->scaling;
}

static void panel_row(struct pb_buf *out, const struct probe_run *run,
		      const struct probe_threaded *first)
{
	double lowest = NAN, highest = NAN;
	unsigned most = 1;

	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];

		if (row->status != PROBE_CELL_OK || !same_panel(row, first) || !is_shown(run, row))
			continue;
		lowest = fmin(lowest, row->calls_per_s);
		highest = fmax(highest, row->calls_per_s);
		highest = fmax(highest, rate_of_one(run, row) * row->threads);
		most = row->threads > most ? row->threads : most;
	}
	pb_plot_text(out, first->workload);
	pb_plot_text(out, first->path);
	pb_plot_number(out, lowest);
	pb_plot_number(out, highest);
	pb_buf_printf(out, "%u \n", most);
}

static void curve_row(struct pb_buf *out, const struct probe_run *run,
		      const struct probe_threaded *first, size_t panel)
{
	struct pb_buf text = {0};
	bool contended = false;

	for (size_t i = 0; i < run->threaded_count; i++)
		if (same_curve(&run->threaded[i], first))
			contended = contended || run->threaded[i].contended;
	if (first->status == PROBE_CELL_PENDING)
		pb_buf_puts(&text, "not measured");
	else if (first->status != PROBE_CELL_OK)
		pb_buf_printf(&text, "%s: %s", probe_cell_status_name(first->status),
			      first->reason ? first->reason : "no reason given");
	else
		pb_buf_puts(&text, contended ? "contended" : "");
	pb_buf_printf(out, "%zu %u ", panel, curve_number(run, first->interpreter));
	pb_plot_text(out, first->interpreter);
	pb_buf_printf(out, "%d ", (int)first->callables);
	pb_plot_text(out, text.len ? text.data : "");
	pb_buf_puts(out, "\n");
	out->oom = out->oom || text.oom;
	pb_buf_fini(&text);
}

static void points(struct pb_buf *out, const struct probe_run *run,
		   const struct probe_threaded *first, size_t panel)
{
	bool any = false;

	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];
		double one = rate_of_one(run, row);

		if (row->status != PROBE_CELL_OK || !same_curve(row, first))
			continue;
		any = true;
		pb_buf_printf(out, "%zu %u %d %u ", panel, curve_number(run, row->interpreter),
			      (int)row->callables, row->threads);
		pb_plot_number(out, row->calls_per_s);
		pb_plot_number(out, row->calls_per_s - row->calls_per_s_half);
		pb_plot_number(out, row->calls_per_s + row->calls_per_s_half);
		pb_plot_number(out, one * row->threads);
		pb_plot_number(out, one * row->cores);
		pb_buf_puts(out, "\n");
	}
	if (any) /* gnuplot ends a line at an empty line */
		pb_buf_puts(out, "\n");
}

/* Block 1 at the first row of a panel; 2 and 3 at the first of each of its curves. */
static void each(struct pb_buf *out, const struct probe_run *run, int block)
{
	size_t panel = 0;

	for (size_t i = 0; i < run->threaded_count; i++) {
		if (!begins(run, i, same_panel))
			continue;
		panel++;
		if (block == 1)
			panel_row(out, run, &run->threaded[i]);
		for (size_t k = i; block > 1 && k < run->threaded_count; k++) {
			if (!same_panel(&run->threaded[k], &run->threaded[i]) ||
			    !begins(run, k, same_curve))
				continue;
			if (block == 2)
				curve_row(out, run, &run->threaded[k], panel);
			else
				points(out, run, &run->threaded[k], panel);
		}
	}
}

int pb_export_scaledata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err)
{
	struct pb_buf out = {0};
	struct probe_scale scale;
	size_t panels = 0;
	unsigned cpus = 0;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);

	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	for (size_t i = 0; i < run->threaded_count; i++) {
		panels += begins(run, i, same_panel);
		cpus = run->threaded[i].cpus > cpus ? run->threaded[i].cpus : cpus;
	}
	pb_buf_puts(&out, "# cpu counter passes unit cycles_per_unit cycles_estimated panels cpus "
			  "note\n");
	pb_plot_run(&out, run, has_ns, scale.per_tick);
	pb_buf_printf(&out, "%zu %u ", panels, cpus);
	pb_plot_text(&out, pb_plot_note(run));
	pb_buf_puts(&out, "\n\n\n# workload path lowest highest most\n");
	each(&out, run, 1);
	pb_buf_puts(&out, "\n\n# panel number interpreter callables text\n");
	each(&out, run, 2);
	pb_buf_puts(&out, "\n\n# panel number callables threads rate low high ideal control\n");
	each(&out, run, 3);
	return pb_export_finish(&out, sink, err);
}
