/* SPDX-License-Identifier: MIT
 * The data file of plots/breakdown.gp. Blocks stand apart by two empty lines, strings in double
 * quotes, numbers in ns per call (counter ticks where the run has no frequency), NaN = absent:
 *   block 0   the run:       cpu counter passes unit cycles_per_unit cycles_estimated
 *                            interpreters workloads note
 *   block 1   the workloads: name slots longest_split longest
 *   block 2.. one for each interpreter, a row a cell:
 *             interpreter build workload_number workload path slot status text total half
 *             dispatch marshalling compute dispatch+marshalling marshalling+compute
 *             dispatch+compute dispatch+marshalling+compute unsplit
 * A workload has a panel of its own; slot is the line of the cell in it, from 1 at the top, below
 * one line for the interpreter's name. longest_split is the longest total that is split into
 * phases: what the axis must hold, while a pure-Python bar beyond it may be broken.
 */
#include <math.h>
#include <string.h>

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

/* gnuplot knows no way to write a quote or a line end inside a quoted field. */
static void quoted(struct pb_buf *out, const char *text)
{
	struct pb_buf line = {0};

	pb_buf_line(&line, text ? text : "");
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '"')
			line.data[i] = '\'';
	/* An empty field would shift the columns. */
	pb_buf_printf(out, "\"%s\" ", line.len ? line.data : " ");
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void number(struct pb_buf *out, double value)
{
	pb_export_real(out, value, "NaN");
	pb_buf_puts(out, " ");
}

static const struct probe_engine *shown(const struct probe_cell *cell)
{
	const struct probe_engine *e = NULL;

	if (cell->status == PROBE_CELL_OK)
		e = probe_cell_engine(cell);
	return e && e->total.state != PROBE_ABSENT ? e : NULL;
}

static bool is_split(const struct probe_engine *e)
{
	return e->folded_count > 0;
}

static bool same_group(const struct probe_cell *a, const struct probe_cell *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->interpreter, b->interpreter);
}

/* The line of a cell in its workload's panel: the cells before it, a line for each interpreter up
 * to its own, and half a line of air between interpreters. */
static double slot_of(const struct probe_run *run, size_t cell)
{
	double slot = 0;
	bool started = false;

	/* Groups stand in the order of their interpreters, whatever the order of the cells. */
	for (size_t g = 0; g < run->cell_count; g++) {
		const struct probe_cell *group = &run->cells[g];
		bool first = true;

		if (strcmp(group->workload, run->cells[cell].workload))
			continue;
		for (size_t j = 0; j < g && first; j++)
			first = !same_group(&run->cells[j], group);
		if (!first)
			continue;
		slot += started ? 1.5 : 1;
		started = true;
		for (size_t i = g; i < run->cell_count; i++) {
			if (!same_group(&run->cells[i], group))
				continue;
			slot += 1;
			if (i == cell)
				return slot;
		}
	}
	return slot;
}

static int workload_number(const struct probe_run *run, const char *workload)
{
	int n = 0;

	for (size_t i = 0; i < run->cell_count; i++) {
		n += pb_export_first_workload(run, i);
		if (!strcmp(run->cells[i].workload, workload))
			break;
	}
	return n;
}

static void run_block(struct pb_buf *out, const struct probe_run *run, bool has_ns, double per_tick)
{
	struct pb_buf counter = {0};
	struct probe_scale cycles;
	const char *cpu = probe_run_fact(run, "cpu_model");
	bool has_cycles = !probe_scale_get(run, PROBE_UNIT_CYCLES, &cycles);
	int interpreters = 0, workloads = 0;

	for (size_t i = 0; i < run->cell_count; i++) {
		interpreters += pb_export_first_label(run, i);
		workloads += pb_export_first_workload(run, i);
	}
	pb_buf_puts(&counter, run->counter.unit[0] ? run->counter.unit : run->counter.kind);
	if (run->counter.hz > 0)
		pb_buf_printf(&counter, " at %.4g MHz", run->counter.hz / 1e6);
	pb_buf_puts(out, "# cpu counter passes unit cycles_per_unit cycles_estimated interpreters "
			 "workloads note\n");
	quoted(out, cpu ? cpu : "unknown CPU");
	quoted(out, counter.data);
	pb_buf_printf(out, "%u ", run->passes);
	quoted(out, has_ns ? "ns" : "ticks");
	number(out, has_cycles ? cycles.per_tick / per_tick : NAN);
	pb_buf_printf(out, "%d %d %d ", has_cycles && cycles.estimated, interpreters, workloads);
	quoted(out, probe_run_fact(run, "sample") ? "sample data"
		    : run->interrupted            ? "interrupted run"
						  : "");
	pb_buf_puts(out, "\n");
	out->oom = out->oom || counter.oom;
	pb_buf_fini(&counter);
}

static void workload_block(struct pb_buf *out, const struct probe_run *run, double per_tick)
{
	pb_buf_puts(out, "\n\n# workload slots longest_split longest\n");
	for (size_t w = 0; w < run->cell_count; w++) {
		double slots = 0, longest = NAN, longest_split = NAN;

		if (!pb_export_first_workload(run, w))
			continue;
		for (size_t i = w; i < run->cell_count; i++) {
			const struct probe_engine *e = shown(&run->cells[i]);

			if (strcmp(run->cells[i].workload, run->cells[w].workload))
				continue;
			slots = fmax(slots, slot_of(run, i));
			if (!e)
				continue;
			longest = fmax(longest, e->total.ticks * per_tick); /* fmax drops a NaN */
			if (is_split(e))
				longest_split = fmax(longest_split, e->total.ticks * per_tick);
		}
		quoted(out, run->cells[w].workload);
		number(out, slots);
		number(out, longest_split);
		number(out, longest);
		pb_buf_puts(out, "\n");
	}
}

static void remark(struct pb_buf *out, const struct probe_cell *cell, const struct probe_engine *e)
{
	struct pb_buf text = {0};

	if (e) {
		pb_buf_puts(&text, e->contended ? "contended" : "");
		if (e == &cell->timeline)
			pb_buf_puts(&text, text.len ? ", timeline" : "timeline");
	} else if (cell->status == PROBE_CELL_PENDING || cell->status == PROBE_CELL_OK) {
		pb_buf_puts(&text, "not measured");
	} else {
		pb_buf_printf(&text, "%s: %s", probe_cell_status_name(cell->status),
			      cell->reason ? cell->reason : "no reason given");
	}
	quoted(out, text.len ? text.data : "");
	out->oom = out->oom || text.oom;
	pb_buf_fini(&text);
}

static void cell_row(struct pb_buf *out, const struct probe_run *run, size_t i, double per_tick)
{
	const struct probe_cell *cell = &run->cells[i];
	const struct probe_engine *e = shown(cell);
	const struct probe_interpreter *py = probe_run_find_interpreter(run, cell->interpreter);
	double lengths[SEGMENTS];
	char build[128] = "";

	for (size_t s = 0; s < SEGMENTS; s++)
		lengths[s] = NAN;
	for (size_t f = 0; e && f < e->folded_count; f++)
		for (size_t s = 0; s < sizeof segments / sizeof segments[0]; s++)
			if (e->folded[f].mask == segments[s].mask &&
			    e->folded[f].value.state != PROBE_ABSENT)
				lengths[segments[s].segment] = e->folded[f].value.ticks * per_tick;
	if (e && !is_split(e))
		lengths[UNSPLIT] = e->total.ticks * per_tick;
	if (py)
		probe_interpreter_text(py, build, sizeof build);
	quoted(out, cell->interpreter);
	quoted(out, build);
	pb_buf_printf(out, "%d ", workload_number(run, cell->workload));
	quoted(out, cell->workload);
	quoted(out, cell->path);
	number(out, slot_of(run, i));
	quoted(out, e ? "ok" : probe_cell_status_name(cell->status));
	remark(out, cell, e);
	number(out, e ? e->total.ticks * per_tick : NAN);
	number(out, e ? e->total.half * per_tick : NAN);
	for (size_t s = 0; s < SEGMENTS; s++)
		number(out, lengths[s]);
	pb_buf_puts(out, "\n");
}

int pb_export_plotdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err)
{
	struct pb_buf out = {0};
	struct probe_scale scale;
	bool has_ns = !probe_scale_get(run, PROBE_UNIT_NS, &scale);

	if (!has_ns)
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	run_block(&out, run, has_ns, scale.per_tick);
	workload_block(&out, run, scale.per_tick);
	for (size_t i = 0; i < run->cell_count; i++) {
		if (!pb_export_first_label(run, i))
			continue;
		pb_buf_puts(&out, "\n\n# interpreter build workload_number workload path slot "
				  "status text total half dispatch marshalling compute "
				  "dispatch+marshalling marshalling+compute dispatch+compute "
				  "dispatch+marshalling+compute unsplit\n");
		for (size_t j = i; j < run->cell_count; j++)
			if (!strcmp(run->cells[j].interpreter, run->cells[i].interpreter))
				cell_row(&out, run, j, scale.per_tick);
	}
	return pb_export_finish(&out, sink, err);
}
