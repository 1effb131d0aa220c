/* SPDX-License-Identifier: MIT
 * The data file of plots/delta.gp: what changed between two runs. Blocks stand apart by two empty
 * lines, strings in double quotes, times in ns per call, NaN = absent:
 *   block 0  the runs:   cpu counter passes unit cycles_per_unit cycles_estimated panels
 *                        started_a started_b band ratio unlike note
 *   block 1  the panels: workload interpreter build slots lowest highest text
 *   block 2  a row a figure: panel slot path what name change half percent percent_half verdict
 *                            a b text
 * A panel is a workload on an interpreter, in percent of A's total of the same call. what: 0 the
 * total, 1 dispatch, 2 marshalling, 3 compute, 4 several of them, -1 a cell that can't be compared:
 * its text says why. verdict: slower, faster, none or unknown (contended, or absent). slot is the
 * line in the panel, from 1 at the top; a panel without a single comparison has no slots, and a
 * text. lowest and highest hold every interval of what was judged.
 */
#include <math.h>
#include <string.h>

#include "base/atomic_file.h"
#include "export/export.h"
#include "probe/compare.h"
#include "probe/figures.h"

struct delta {
	const struct probe_run *a, *b;
	const struct probe_comparison *c;
};

static bool same_panel(const struct probe_cell *x, const struct probe_cell *y)
{
	return !strcmp(x->workload, y->workload) && !strcmp(x->interpreter, y->interpreter);
}

/* The cells of A, then those that only B has: each but once. NULL past the last. */
static const struct probe_cell *cell_at(const struct delta *d, size_t i)
{
	if (i < d->a->cell_count)
		return &d->a->cells[i];
	i -= d->a->cell_count;
	return i < d->b->cell_count ? &d->b->cells[i] : NULL;
}

static bool is_known(const struct delta *d, size_t i)
{
	const struct probe_cell *cell = cell_at(d, i);

	return i >= d->a->cell_count &&
	       probe_run_find_cell(d->a, cell->workload, cell->path, cell->interpreter);
}

static bool begins_panel(const struct delta *d, size_t i)
{
	if (is_known(d, i))
		return false;
	for (size_t j = 0; j < i; j++)
		if (same_panel(cell_at(d, j), cell_at(d, i)))
			return false;
	return true;
}

static const struct probe_cell_change *change_of(const struct delta *d,
						 const struct probe_cell *cell)
{
	for (size_t i = 0; i < d->c->cell_count; i++) {
		const struct probe_cell_change *change = &d->c->cells[i];

		if (!strcmp(change->path, cell->path) &&
		    !strcmp(change->workload, cell->workload) &&
		    !strcmp(change->interpreter, cell->interpreter))
			return change;
	}
	return NULL;
}

static const char *verdict_name(enum probe_verdict_of_change verdict)
{
	switch (verdict) {
	case PROBE_CHANGE_SLOWER:
		return "slower";
	case PROBE_CHANGE_FASTER:
		return "faster";
	case PROBE_CHANGE_NONE:
		return "none";
	case PROBE_CHANGE_UNKNOWN:
		break;
	}
	return "unknown";
}

static int what_of(unsigned mask)
{
	return mask == PROBE_MASK_DISPATCH      ? 1
	       : mask == PROBE_MASK_MARSHALLING ? 2
	       : mask == PROBE_MASK_COMPUTE     ? 3
						: 4;
}

static void figure_row(struct pb_buf *out, const struct probe_cell_change *cell,
		       const struct probe_change *f, int what, size_t panel, double slot,
		       const char *text)
{
	double to_percent = cell->total.a_ns > 0 ? 100 / cell->total.a_ns : NAN;
	char name[128] = "total";

	if (what)
		probe_part_name(f->mask, name, sizeof name);
	pb_buf_printf(out, "%zu ", panel);
	pb_plot_number(out, slot);
	pb_plot_text(out, cell->path);
	pb_buf_printf(out, "%d ", what);
	pb_plot_text(out, name);
	pb_plot_number(out, f->delta_ns);
	pb_plot_number(out, f->half_ns);
	pb_plot_number(out, f->delta_ns * to_percent);
	pb_plot_number(out, f->half_ns * to_percent);
	pb_plot_text(out, verdict_name(f->verdict));
	pb_plot_number(out, f->a_ns);
	pb_plot_number(out, f->b_ns);
	pb_plot_text(out, text);
	pb_buf_puts(out, "\n");
}

/* Why a cell has no change: what became of it in each run. */
static void missing_text(struct pb_buf *out, const struct delta *d, const struct probe_cell *cell)
{
	const struct probe_run *const runs[] = {d->a, d->b};
	struct pb_buf text = {0};

	for (int r = 0; r < 2; r++) {
		const struct probe_cell *here =
			probe_run_find_cell(runs[r], cell->workload, cell->path, cell->interpreter);
		const char *state = !here                  ? "not in the run"
				    : pb_plot_engine(here) ? "measured"
				    : here->status == PROBE_CELL_OK
					    ? "not measured"
					    : probe_cell_status_name(here->status);

		pb_buf_printf(&text, "%s%c: %s", r ? ", " : "", "AB"[r], state);
	}
	pb_plot_text(out, text.data);
	out->oom = out->oom || text.oom;
	pb_buf_fini(&text);
}

static void missing_row(struct pb_buf *out, const struct delta *d, const struct probe_cell *cell,
			size_t panel, double slot)
{
	pb_buf_printf(out, "%zu ", panel);
	pb_plot_number(out, slot);
	pb_plot_text(out, cell->path);
	pb_buf_puts(out, "-1 \" \" NaN NaN NaN NaN \"unknown\" NaN NaN ");
	missing_text(out, d, cell);
	pb_buf_puts(out, "\n");
}

struct extent {
	double slots, lowest, highest;
	size_t compared;
};

static void hold(struct extent *extent, const struct probe_change *f, double a_ns)
{
	if (!(a_ns > 0) || !isfinite(f->delta_ns))
		return;
	extent->lowest = fmin(extent->lowest, (f->delta_ns - f->half_ns) * 100 / a_ns);
	extent->highest = fmax(extent->highest, (f->delta_ns + f->half_ns) * 100 / a_ns);
}

/* Walks the panel that cell first begins; writes its rows where out is given. */
static void walk(const struct delta *d, size_t first, size_t panel, struct pb_buf *out,
		 struct extent *extent)
{
	double slot = 0;

	*extent = (struct extent){0, NAN, NAN, 0};
	for (size_t i = first; cell_at(d, i); i++) {
		const struct probe_cell *cell = cell_at(d, i);
		const struct probe_cell_change *change;

		if (is_known(d, i) || !same_panel(cell_at(d, first), cell))
			continue;
		slot += slot > 0 ? 1.5 : 1;
		change = change_of(d, cell);
		if (!change) {
			if (out)
				missing_row(out, d, cell, panel, slot);
			continue;
		}
		if (out)
			figure_row(out, change, &change->total, 0, panel, slot,
				   change->contended     ? "contended, not judged"
				   : change->only_totals ? "the runs split this call differently"
							 : "");
		extent->compared++;
		if (!change->contended)
			hold(extent, &change->total, change->total.a_ns);
		for (size_t p = 0; p < change->phase_count; p++) {
			slot += 0.8;
			if (out)
				figure_row(out, change, &change->phases[p],
					   what_of(change->phases[p].mask), panel, slot, "");
			if (!change->contended)
				hold(extent, &change->phases[p], change->total.a_ns);
		}
	}
	extent->slots = slot;
}

static void run_block(struct pb_buf *out, const struct delta *d)
{
	struct pb_buf unlike = {0};
	size_t panels = 0;

	for (size_t i = 0; cell_at(d, i); i++)
		panels += begins_panel(d, i);
	for (size_t i = 0; i < d->c->unlike_count; i++)
		pb_buf_printf(&unlike, "%s%s", i ? "; " : "", d->c->unlike[i]);
	pb_buf_puts(out, "# cpu counter passes unit cycles_per_unit cycles_estimated panels "
			 "started_a started_b band ratio unlike note\n");
	pb_plot_run(out, d->a, true, 1e9 / d->a->counter.hz);
	pb_buf_printf(out, "%zu ", panels);
	pb_plot_text(out, d->a->started);
	pb_plot_text(out, d->b->started);
	pb_plot_number(out, d->c->band);
	pb_plot_number(out, d->c->geometric_mean);
	pb_plot_text(out, unlike.len ? unlike.data : "");
	pb_plot_text(out, pb_plot_note(d->a));
	pb_buf_puts(out, "\n");
	out->oom = out->oom || unlike.oom;
	pb_buf_fini(&unlike);
}

static int add_to_buf(void *ctx, const char *bytes, size_t n)
{
	pb_buf_add(ctx, bytes, n);
	return ((struct pb_buf *)ctx)->oom ? -1 : 0;
}

int probe_comparison_plotdata(const struct probe_comparison *comparison, const struct probe_run *a,
			      const struct probe_run *b, const char *path, struct probe_error *err)
{
	const struct delta d = {a, b, comparison};
	struct pb_buf out = {0}, text = {0};
	const struct probe_sink sink = {.write = add_to_buf, .ctx = &text};
	struct extent extent;
	size_t panel = 0;
	int rc;

	run_block(&out, &d);
	pb_buf_puts(&out, "\n\n# workload interpreter build slots lowest highest text\n");
	for (size_t i = 0; cell_at(&d, i); i++) {
		if (!begins_panel(&d, i))
			continue;
		walk(&d, i, 0, NULL, &extent);
		pb_plot_text(&out, cell_at(&d, i)->workload);
		pb_plot_text(&out, cell_at(&d, i)->interpreter);
		pb_plot_build(&out, i < a->cell_count ? a : b, cell_at(&d, i)->interpreter);
		pb_plot_number(&out, extent.compared ? extent.slots : 0);
		pb_plot_number(&out, extent.lowest);
		pb_plot_number(&out, extent.highest);
		if (extent.compared)
			pb_plot_text(&out, "");
		else
			missing_text(&out, &d, cell_at(&d, i));
		pb_buf_puts(&out, "\n");
	}
	pb_buf_puts(&out, "\n\n# panel slot path what name change half percent percent_half "
			  "verdict a b text\n");
	for (size_t i = 0; cell_at(&d, i); i++)
		if (begins_panel(&d, i))
			walk(&d, i, ++panel, &out, &extent);
	rc = pb_export_finish(&out, &sink, err);
	if (!rc)
		rc = pb_atomic_write(path, text.data, text.len, err);
	pb_buf_fini(&text);
	return rc;
}
