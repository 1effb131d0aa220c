/* SPDX-License-Identifier: MIT
 * The data file of plots/break-even.gp: what a call costs as a function of what it computes. Blocks
 * stand apart by two empty lines, strings in double quotes, numbers in ns per call (counter ticks
 * where the run has no frequency), NaN = absent:
 *   block 0  the run: cpu counter passes unit cycles_per_unit cycles_estimated panels note
 *   block 1  the panels: workload interpreter build paths lowest highest empty slope text
 *   block 2  their paths: panel number path boundary half compute total total_half
 *                         tenth_kind tenth low high python_kind python low high text
 * A panel is a workload on an interpreter, number that of the path's curve. A binding costs
 * boundary + c where its native function computes for c, pure Python empty + slope * c (see enum
 * probe_breakeven_kind); slope is NaN where that is not known, and the panel's text says why.
 * lowest and highest are the ends of the axis of c. A path without a boundary has a text that says
 * why. The kinds are at, below, always, never, until, unclear and absent.
 */
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

struct evens {
	const struct probe_run *run;
	struct probe_verdict *verdicts;
	size_t n;
	double per_tick;
};

static const char *kind_name(enum probe_breakeven_kind kind)
{
	switch (kind) {
	case PROBE_BREAKEVEN_ABSENT:
		return "absent";
	case PROBE_BREAKEVEN_AT:
		return "at";
	case PROBE_BREAKEVEN_BELOW:
		return "below";
	case PROBE_BREAKEVEN_ALWAYS:
		return "always";
	case PROBE_BREAKEVEN_NEVER:
		return "never";
	case PROBE_BREAKEVEN_UNTIL:
		return "until";
	case PROBE_BREAKEVEN_UNCLEAR:
		return "unclear";
	}
	return "absent";
}

static const struct probe_verdict *verdict_of(const struct evens *evens,
					      const struct probe_cell *cell)
{
	for (size_t k = 0; k < evens->n; k++)
		if (!strcmp(evens->verdicts[k].workload, cell->workload) &&
		    !strcmp(evens->verdicts[k].interpreter, cell->interpreter))
			return &evens->verdicts[k];
	return NULL;
}

static const struct probe_verdict_row *row_of(const struct probe_verdict *verdict,
					      const struct probe_cell *cell)
{
	for (size_t r = 0; verdict && r < verdict->row_count; r++)
		if (verdict->rows[r].cell == cell)
			return &verdict->rows[r];
	return NULL;
}

static bool has_boundary(const struct probe_verdict_row *row)
{
	return row && row->boundary.state != PROBE_ABSENT && row->boundary.ticks > 0;
}

static bool begins_panel(const struct probe_run *run, size_t i)
{
	if (probe_run_find_sweep(run, run->cells[i].workload)) /* slopes answer for them */
		return false;
	for (size_t j = 0; j < i; j++)
		if (!strcmp(run->cells[j].workload, run->cells[i].workload) &&
		    !strcmp(run->cells[j].interpreter, run->cells[i].interpreter))
			return false;
	return true;
}

/* The line of pure Python; returns NULL, or why there is none. */
static const char *python_line(const struct probe_verdict *v, double *empty, double *slope)
{
	const struct probe_cell *python = v ? v->python.other : NULL;
	const struct probe_engine *e = python ? pb_plot_engine(python) : NULL;

	*empty = *slope = NAN;
	if (!e)
		return "pure Python was not measured";
	if (v->compute.state == PROBE_ABSENT || v->compute.below_floor || !(v->compute.ticks > 0))
		return "too little native compute to know Python's slope";
	*empty = e->empty_call.state != PROBE_ABSENT ? e->empty_call.ticks : 0;
	*slope = (e->total.ticks - *empty) / v->compute.ticks;
	if (*slope > 0)
		return NULL;
	*slope = NAN;
	return "pure Python costs no more than an empty function";
}

static void panel_row(struct pb_buf *out, const struct evens *evens, size_t first)
{
	const struct probe_cell *cell = &evens->run->cells[first];
	const struct probe_verdict *v = verdict_of(evens, cell);
	double lowest = NAN, highest = NAN, empty, slope;
	const char *text = python_line(v, &empty, &slope);
	size_t paths = 0;

	for (size_t i = first; i < evens->run->cell_count; i++)
		paths += !strcmp(evens->run->cells[i].workload, cell->workload) &&
			 !strcmp(evens->run->cells[i].interpreter, cell->interpreter);
	for (size_t r = 0; v && r < v->row_count; r++) {
		const struct probe_verdict_row *row = &v->rows[r];

		if (!has_boundary(row))
			continue;
		lowest = fmin(lowest, row->boundary.ticks / 5);
		highest = fmax(highest, row->boundary.ticks * 30);
		if (row->python.kind == PROBE_BREAKEVEN_AT && row->python.low > 0)
			lowest = fmin(lowest, row->python.low / 2);
		if (row->python.kind == PROBE_BREAKEVEN_AT)
			highest = fmax(highest, row->python.ticks * 2);
		if (row->compute.state != PROBE_ABSENT && !row->compute.below_floor &&
		    row->compute.ticks > 0)
			highest = fmax(highest, row->compute.ticks * 2);
	}
	pb_plot_text(out, cell->workload);
	pb_plot_text(out, cell->interpreter);
	pb_plot_build(out, evens->run, cell->interpreter);
	pb_buf_printf(out, "%zu ", paths);
	pb_plot_number(out, lowest * evens->per_tick);
	pb_plot_number(out, highest * evens->per_tick);
	pb_plot_number(out, empty * evens->per_tick);
	pb_plot_number(out, slope); /* a plain ratio */
	pb_plot_text(out, text);
	pb_buf_puts(out, "\n");
}

static void breakeven(struct pb_buf *out, const struct probe_breakeven *at, double per_tick)
{
	pb_plot_text(out, kind_name(at->kind));
	pb_plot_number(out, at->ticks * per_tick);
	pb_plot_number(out, at->low * per_tick);
	pb_plot_number(out, at->high * per_tick);
}

static void path_row(struct pb_buf *out, const struct evens *evens, const struct probe_cell *cell,
		     size_t panel)
{
	static const struct probe_breakeven none = {PROBE_BREAKEVEN_ABSENT, NAN, NAN, NAN};
	const struct probe_verdict *v = verdict_of(evens, cell);
	const struct probe_verdict_row *row = row_of(v, cell);
	const struct probe_engine *e = pb_plot_engine(cell);
	bool boundary = has_boundary(row), compute;

	compute = boundary && row->compute.state != PROBE_ABSENT && !row->compute.below_floor;
	pb_buf_printf(out, "%zu %u ", panel, pb_plot_path_number(evens->run, cell->path));
	pb_plot_text(out, cell->path);
	pb_plot_number(out, boundary ? row->boundary.ticks * evens->per_tick : NAN);
	pb_plot_number(out, boundary ? row->boundary.half * evens->per_tick : NAN);
	pb_plot_number(out, compute ? row->compute.ticks * evens->per_tick : NAN);
	pb_plot_number(out, e ? e->total.ticks * evens->per_tick : NAN);
	pb_plot_number(out, e ? e->total.half * evens->per_tick : NAN);
	breakeven(out, boundary ? &row->tenth : &none, evens->per_tick);
	breakeven(out, boundary ? &row->python : &none, evens->per_tick);
	if (boundary)
		pb_plot_text(out, row->contended ? "contended" : "");
	else if (row)
		pb_plot_text(out, "its boundary can't be told from compute or from nothing");
	else if (e)
		pb_plot_text(out, e->folded_count ? "no native call" : "pure Python");
	else
		pb_plot_remark(out, cell, NULL);
	pb_buf_puts(out, "\n");
}

static void each(struct pb_buf *out, const struct evens *evens, int block)
{
	const struct probe_run *run = evens->run;
	size_t panel = 0;

	for (size_t first = 0; first < run->cell_count; first++) {
		if (!begins_panel(run, first))
			continue;
		panel++;
		if (block == 1)
			panel_row(out, evens, first);
		for (size_t i = first; block == 2 && i < run->cell_count; i++)
			if (!strcmp(run->cells[i].workload, run->cells[first].workload) &&
			    !strcmp(run->cells[i].interpreter, run->cells[first].interpreter))
				path_row(out, evens, &run->cells[i], panel);
	}
}

int pb_export_evendata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	struct evens evens = {.run = run};
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);
	size_t panels = 0;
	int rc = probe_verdict_list(run, &evens.verdicts, &evens.n, err);

	if (rc)
		return rc;
	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	evens.per_tick = scale.per_tick;
	for (size_t i = 0; i < run->cell_count; i++)
		panels += begins_panel(run, i);
	pb_buf_puts(&out,
		    "# cpu counter passes unit cycles_per_unit cycles_estimated panels note\n");
	pb_plot_run(&out, run, has_ns, evens.per_tick);
	pb_buf_printf(&out, "%zu ", panels);
	pb_plot_text(&out, pb_plot_note(run));
	pb_buf_puts(&out, "\n\n\n# workload interpreter build paths lowest highest empty slope "
			  "text\n");
	each(&out, &evens, 1);
	pb_buf_puts(&out, "\n\n# panel number path boundary half compute total total_half "
			  "tenth_kind tenth low high python_kind python low high text\n");
	each(&out, &evens, 2);
	probe_verdicts_free(evens.verdicts, evens.n);
	return pb_export_finish(&out, sink, err);
}
