/* SPDX-License-Identifier: MIT
 * The data files of plots/breakdown.gp and plots/builds.gp: stacked bars. Blocks stand apart by two
 * empty lines, strings in double quotes, numbers in ns per call (counter ticks where the run has no
 * frequency), NaN = absent:
 *   block 0  the run:    cpu counter passes unit cycles_per_unit cycles_estimated panels note
 *   block 1  the panels: title slots longest_split longest
 *   block 2  a row a cell: panel group build label slot status text total half
 *            dispatch marshalling compute dispatch+marshalling marshalling+compute
 *            dispatch+compute dispatch+marshalling+compute unsplit
 *            and the half widths of these eight
 *            called_back: what a callback takes, which is a part of compute
 * A breakdown has a panel for each workload, or several beside each other where there are many
 * lines; its groups are interpreters and its rows paths. The
 * builds have a panel for each workload and path; their rows are interpreters. slot is the line of
 * the row in its panel, from 1 at the top, below one line for the group's name where there is one.
 * longest_split is the longest total that is split into phases: what the axis must hold, while a
 * pure-Python bar beyond it may be broken. Of builds it is the longest total of any kind that is
 * not FAR from the others: bars beyond are broken likewise. A path that applies to no build has one
 * row for all of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "export/export.h"
#include "probe/figures.h"

enum segment { D, M, C, DM, MC, DC, DMC, UNSPLIT, SEGMENTS };

static const struct {
	unsigned mask;
	enum segment segment;
} segments[] = {
	{PROBE_MASK_DISPATCH, D},
	{PROBE_MASK_MARSHALLING, M},
	{PROBE_MASK_COMPUTE, C},
	{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, DM},
	{PROBE_MASK_MARSHALLING | PROBE_MASK_COMPUTE, MC},
	{PROBE_MASK_DISPATCH | PROBE_MASK_COMPUTE, DC},
	{PROBE_MASK_ALL, DMC},
};

/* With more lines than this, the groups of a breakdown are spread over panels beside each other. */
#define PANEL_LINES 64

/* Times the median of a panel's builds: above that, an axis for all would show the others as dots.
 */
#define FAR 4

struct place {
	int panel; /* from 1; 0 = not placed yet */
	double slot;
	bool folded; /* into the row of the panel's first cell */
};

/* What is drawn, and where. */
struct bars {
	const struct probe_run *run;
	double per_tick;
	bool by_build; /* the builds, not the breakdown */
	struct place *places;
	int panels;
};

static bool is_split(const struct probe_engine *e)
{
	return e->folded_count > 0;
}

static bool same_panel(const struct bars *bars, const struct probe_cell *a,
		       const struct probe_cell *b)
{
	return !strcmp(a->workload, b->workload) && (!bars->by_build || !strcmp(a->path, b->path));
}

/* Lines that the group of a cell takes. */
static double group_lines(const struct bars *bars, const struct probe_cell *of)
{
	double lines = 1.5;

	for (size_t i = 0; i < bars->run->cell_count; i++)
		lines += same_panel(bars, of, &bars->run->cells[i]) &&
			 !strcmp(of->interpreter, bars->run->cells[i].interpreter);
	return lines;
}

/* Lines of all groups of the panel that the cell at index first begins. */
static double panel_lines(const struct bars *bars, size_t first)
{
	const struct probe_cell *cells = bars->run->cells;
	double lines = 0;

	for (size_t g = first; g < bars->run->cell_count; g++) {
		bool seen = !same_panel(bars, &cells[first], &cells[g]);

		for (size_t i = first; i < g && !seen; i++)
			seen = same_panel(bars, &cells[first], &cells[i]) &&
			       !strcmp(cells[i].interpreter, cells[g].interpreter);
		lines += seen ? 0 : group_lines(bars, &cells[g]);
	}
	return lines;
}

/* Builds whose row would say the same: that the path does not apply to this function. */
static bool same_for_all_builds(const struct bars *bars, size_t first)
{
	const struct probe_cell *cells = bars->run->cells;

	for (size_t i = first; bars->by_build && i < bars->run->cell_count; i++)
		if (same_panel(bars, &cells[first], &cells[i]) &&
		    (cells[i].status != PROBE_CELL_INAPPLICABLE || !cells[i].reason ||
		     strcmp(cells[i].reason, cells[first].reason)))
			return false;
	return bars->by_build;
}

/* The cells of the panel that the cell at index first begins: groups in the order in which they
 * first appear, a line for each group's name, half a line of air between groups. */
static void place_panel(struct bars *bars, size_t first)
{
	const struct probe_cell *cells = bars->run->cells;
	double lines = bars->by_build ? 0 : panel_lines(bars, first), slot = 0;
	double panels = ceil(lines / PANEL_LINES), end = 0;
	bool fold = same_for_all_builds(bars, first);

	const int before = ++bars->panels;
	for (size_t g = first; g < bars->run->cell_count; g++) {
		if (bars->places[g].panel || !same_panel(bars, &cells[first], &cells[g]))
			continue;
		if (!bars->by_build) {
			/* As many lines in each: a group belongs where its middle lies. */
			double group = group_lines(bars, &cells[g]), middle = end + group / 2;

			if (slot > 0 && middle * panels / lines >= bars->panels - before + 1) {
				bars->panels++;
				slot = 0;
			}
			slot += slot > 0 ? 1.5 : 1;
			end += group;
		}
		for (size_t i = g; i < bars->run->cell_count; i++) {
			if (bars->places[i].panel || !same_panel(bars, &cells[first], &cells[i]) ||
			    strcmp(cells[i].interpreter, cells[g].interpreter))
				continue;
			slot += fold && i != first ? 0 : 1;
			bars->places[i] = (struct place){bars->panels, slot, fold && i != first};
		}
	}
}

static void run_block(struct pb_buf *out, const struct bars *bars, bool has_ns)
{
	pb_buf_puts(out,
		    "# cpu counter passes unit cycles_per_unit cycles_estimated panels note\n");
	pb_plot_run(out, bars->run, has_ns, bars->per_tick);
	pb_buf_printf(out, "%d ", bars->panels);
	pb_plot_text(out, pb_plot_note(bars->run));
	pb_buf_puts(out, "\n");
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In ns; INFINITY where nothing is far from the others. */
static double far_from_others(const struct bars *bars, const struct probe_cell *first)
{
	double *totals = calloc(bars->run->cell_count, sizeof *totals), far = INFINITY;
	size_t n = 0;

	for (size_t i = 0; totals && bars->by_build && i < bars->run->cell_count; i++) {
		const struct probe_engine *e = pb_plot_engine(&bars->run->cells[i]);

		if (e && same_panel(bars, first, &bars->run->cells[i]))
			totals[n++] = e->total.ticks * bars->per_tick;
	}
	if (n) {
		qsort(totals, n, sizeof *totals, ascending);
		far = FAR * totals[n / 2];
	}
	free(totals);
	return far;
}

static void panel_row(struct pb_buf *out, const struct bars *bars, int panel)
{
	double slots = 0, longest = NAN, longest_split = NAN, far;
	const struct probe_cell *first = NULL;
	struct pb_buf title = {0};
	bool goes_on = false;

	for (size_t i = 0; i < bars->run->cell_count; i++) {
		if (bars->places[i].panel != panel)
			continue;
		first = first ? first : &bars->run->cells[i];
		slots = fmax(slots, bars->places[i].slot);
	}
	far = far_from_others(bars, first);
	/* The same axis for all panels of a workload. */
	for (size_t i = 0; i < bars->run->cell_count; i++) {
		const struct probe_cell *cell = &bars->run->cells[i];
		const struct probe_engine *e = pb_plot_engine(cell);

		if (!same_panel(bars, first, cell))
			continue;
		goes_on = goes_on || bars->places[i].panel < panel;
		if (!e)
			continue;
		longest = fmax(longest, e->total.ticks * bars->per_tick); /* fmax drops a NaN */
		if ((is_split(e) || bars->by_build) && e->total.ticks * bars->per_tick <= far)
			longest_split = fmax(longest_split, e->total.ticks * bars->per_tick);
	}
	pb_buf_puts(&title, first->workload);
	if (bars->by_build)
		pb_buf_printf(&title, " through %s", first->path);
	if (goes_on)
		pb_buf_puts(&title, " (continued)");
	pb_plot_text(out, title.data);
	pb_plot_number(out, slots);
	pb_plot_number(out, longest_split);
	pb_plot_number(out, longest);
	pb_buf_puts(out, "\n");
	out->oom = out->oom || title.oom;
	pb_buf_fini(&title);
}

/* The lengths of a bar's segments, and their half widths. */
static void measure(const struct probe_engine *e, double per_tick, double lengths[SEGMENTS],
		    double halves[SEGMENTS])
{
	for (size_t s = 0; s < SEGMENTS; s++)
		lengths[s] = halves[s] = NAN;
	for (size_t f = 0; e && f < e->folded_count; f++) {
		for (size_t s = 0; s < sizeof segments / sizeof segments[0]; s++) {
			if (e->folded[f].mask != segments[s].mask ||
			    e->folded[f].value.state == PROBE_ABSENT)
				continue;
			lengths[segments[s].segment] = e->folded[f].value.ticks * per_tick;
			halves[segments[s].segment] = e->folded[f].value.half * per_tick;
		}
	}
	if (e && !is_split(e)) {
		lengths[UNSPLIT] = e->total.ticks * per_tick;
		halves[UNSPLIT] = e->total.half * per_tick;
	}
}

/* Of compute: the way to Python and back, and its function; absent where no callback was told
 * apart. */
static double called_back(const struct probe_engine *e, double per_tick)
{
	double ticks = NAN;

	for (size_t i = 0; e && i < e->part_count; i++)
		if (!(e->parts[i].mask & ~PROBE_MASK_CALLBACK) &&
		    e->parts[i].value.state != PROBE_ABSENT)
			ticks = (isnan(ticks) ? 0 : ticks) + e->parts[i].value.ticks;
	return ticks * per_tick;
}

/* Whether the row of cell i stands for others too. */
static bool folds(const struct bars *bars, size_t i)
{
	for (size_t k = i + 1; k < bars->run->cell_count; k++)
		if (bars->places[k].folded && bars->places[k].panel == bars->places[i].panel)
			return true;
	return false;
}

static void cell_row(struct pb_buf *out, const struct bars *bars, size_t i)
{
	const struct probe_cell *cell = &bars->run->cells[i];
	const struct probe_engine *e = pb_plot_engine(cell);
	double lengths[SEGMENTS], halves[SEGMENTS];

	measure(e, bars->per_tick, lengths, halves);
	pb_buf_printf(out, "%d ", bars->places[i].panel);
	pb_plot_text(out, bars->by_build ? "" : cell->interpreter);
	pb_plot_build(out, bars->run, cell->interpreter);
	pb_plot_text(out, folds(bars, i)   ? "all builds"
			  : bars->by_build ? cell->interpreter
					   : cell->path);
	pb_plot_number(out, bars->places[i].slot);
	pb_plot_text(out, e ? "ok" : probe_cell_status_name(cell->status));
	pb_plot_remark(out, cell, e);
	pb_plot_number(out, e ? e->total.ticks * bars->per_tick : NAN);
	pb_plot_number(out, e ? e->total.half * bars->per_tick : NAN);
	for (size_t s = 0; s < SEGMENTS; s++)
		pb_plot_number(out, lengths[s]);
	for (size_t s = 0; s < SEGMENTS; s++)
		pb_plot_number(out, halves[s]);
	pb_plot_number(out, called_back(e, bars->per_tick));
	pb_buf_puts(out, "\n");
}

static int write_bars(const struct probe_run *run, bool by_build, const struct probe_sink *sink,
		      struct probe_error *err)
{
	struct bars bars = {.run = run, .by_build = by_build};
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);

	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	bars.per_tick = scale.per_tick;
	bars.places = calloc(run->cell_count + 1, sizeof *bars.places);
	if (!bars.places)
		return pb_fail(err, PROBE_ENOMEM, 0, "can't export the run: out of memory");
	for (size_t i = 0; i < run->cell_count; i++)
		if (!bars.places[i].panel)
			place_panel(&bars, i);
	run_block(&out, &bars, has_ns);
	pb_buf_puts(&out, "\n\n# title slots longest_split longest\n");
	for (int panel = 1; panel <= bars.panels; panel++)
		panel_row(&out, &bars, panel);
	pb_buf_puts(&out,
		    "\n\n# panel group build label slot status text total half dispatch "
		    "marshalling compute dispatch+marshalling marshalling+compute "
		    "dispatch+compute dispatch+marshalling+compute unsplit, their half widths, "
		    "and called_back\n");
	for (int panel = 1; panel <= bars.panels; panel++)
		for (size_t i = 0; i < run->cell_count; i++)
			if (bars.places[i].panel == panel && !bars.places[i].folded)
				cell_row(&out, &bars, i);
	free(bars.places);
	return pb_export_finish(&out, sink, err);
}

int pb_export_plotdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	return write_bars(run, false, sink, err);
}

int pb_export_builddata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err)
{
	return write_bars(run, true, sink, err);
}
