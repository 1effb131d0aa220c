/* SPDX-License-Identifier: MIT
 * The breakdown and the break-evens: one table of each an interpreter, every row in it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "export/report.h"

enum { PATH, TOTAL, DISPATCH, MARSHALLING, COMPUTE, CLOSURE, SPEEDUP, COLUMNS };
enum { EVEN_PATH, EVEN_BOUNDARY, EVEN_COMPUTE, EVEN_TENTH, EVEN_PYTHON, EVEN_COLUMNS };

/* What a table's notes must explain. */
enum mark {
	MARK_FLOOR = 1 << 0,
	MARK_CONTENDED = 1 << 1,
	MARK_CLOSURE = 1 << 2,
	MARK_MERGED = 1 << 3,
	MARK_TIMELINE = 1 << 4,
	MARK_SPEEDUP = 1 << 5,
	MARK_CALLBACK = 1 << 6,
	MARK_EMPTY_CALL = 1 << 7,
	MARK_BREAKEVEN = 1 << 8,
	MARK_UNSTEADY = 1 << 9,
	MARK_PREPARED = 1 << 10,
	MARK_OVERLAP = 1 << 11,
};

static const struct {
	unsigned mark;
	const char *sign, *text;
} notes[] = {
	{MARK_SPEEDUP, "Speed-up", "the total of python over the total of the row."},
	{MARK_EMPTY_CALL, "empty call",
	 "what calling an empty Python function of the same arguments costs; pure Python has no "
	 "boundary to split."},
	{MARK_FLOOR, "<",
	 "below the floor, less than this row could resolve: an upper bound, not zero."},
	{MARK_MERGED, "Several phases with one figure",
	 "no engine can tell them apart on this path."},
	{MARK_CALLBACK, "Compute",
	 "with callbacks, it holds the calls back to Python and what they run."},
	{MARK_OVERLAP, "Compute",
	 "is what the native function takes from its start to its end; the processor does part of "
	 "the other phases meanwhile, so that they may sum to more than the total."},
	{MARK_TIMELINE, "(timeline)",
	 "from stamps in single calls; the other rows come from the ladder."},
	{MARK_PREPARED, "(prepared)", PB_PREPARED_MEANS "."},
	{MARK_CONTENDED, "(contended)",
	 "the core never got quiet enough, so that the figures may be too high."},
	{MARK_UNSTEADY, "(not steady)",
	 "the call still changed while it was measured, so that the figures hold for no one "
	 "moment."},
	{MARK_CLOSURE, "(!)",
	 "the closure is outside its interval and over 2 %: without the instrument the call costs "
	 "more, or less, than the phases add up to."},
	{MARK_BREAKEVEN, "Break-even",
	 "the boundary is dispatch and marshalling, what crossing costs; from is the compute time "
	 "of a call from which on its boundary is under 10 % of it, and from which on it beats "
	 "pure "
	 "Python for more of the same work (? where the intervals leave that open)."},
};

static const struct {
	size_t column;
	unsigned mask;
} phases[] = {{DISPATCH, PROBE_MASK_DISPATCH},
	      {MARSHALLING, PROBE_MASK_MARSHALLING},
	      {COMPUTE, PROBE_MASK_COMPUTE}};

/* A figure with its interval in the report's unit. */
static void put_figure(const struct pb_report *r, const struct probe_value *value,
		       const struct probe_engine *e, struct pb_report_field *field, unsigned *marks)
{
	probe_figure_text(value, r->scale.per_tick, e->floor_ticks, PROBE_FIGURE_BOTH, field->text,
			  sizeof field->text);
	*marks |= field->text[0] == '<' ? MARK_FLOOR : 0u;
}

static void put_phase(const struct pb_report *r, const struct probe_engine *e,
		      const struct probe_part *part, struct pb_report_row *row, unsigned *marks)
{
	struct pb_report_field *field = NULL;
	size_t last = 0;

	for (size_t p = 0; p < sizeof phases / sizeof phases[0]; p++) {
		if (!(part->mask & phases[p].mask))
			continue;
		if (!field) {
			field = &row->fields[phases[p].column];
			field->span = 1;
		} else if (phases[p].column == last + 1) {
			field->span++;
		} else { /* dispatch and compute, with marshalling between them */
			snprintf(row->fields[phases[p].column].text, sizeof field->text,
				 "in dispatch");
		}
		last = phases[p].column;
		if (part->mask != phases[p].mask) {
			probe_part_name(part->mask, field->label, sizeof field->label);
			*marks |= MARK_MERGED;
		}
	}
	if (!field)
		return;
	put_figure(r, &part->value, e, field, marks);
	probe_share_text(&part->value, &e->total, field->aside, sizeof field->aside);
}

static bool has_callback(const struct probe_engine *e)
{
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask & PROBE_MASK_CALLBACK)
			return true;
	return false;
}

static void put_closure(const struct probe_engine *e, struct pb_report_row *row, unsigned *marks)
{
	double percent = probe_closure_percent(e);
	bool off = probe_closure_is_off(e);

	if (!isfinite(percent))
		return;
	snprintf(row->fields[CLOSURE].text, sizeof row->fields[CLOSURE].text, "%.1f%%%s",
		 fabs(percent) < 0.05 ? 0.0 : percent, off ? " (!)" : "");
	*marks |= off ? MARK_CLOSURE : 0u;
}

static void put_missing(struct pb_report_table *table, const struct probe_cell *cell)
{
	struct pb_report_row *row = pb_report_row(table, PB_ROW_MISSING);
	bool pending = cell->status == PROBE_CELL_PENDING || cell->status == PROBE_CELL_OK;

	if (!row)
		return;
	snprintf(row->fields[PATH].text, sizeof row->fields[PATH].text, "%s", cell->path);
	pb_report_message(table, row,
			  pending ? "not measured" : probe_cell_status_name(cell->status),
			  cell->reason);
}

static void put_cell(const struct pb_report *r, struct pb_report_table *table,
		     const struct probe_cell *cell, unsigned *marks)
{
	const struct probe_engine *e = pb_report_engine(cell);
	struct pb_report_row *row;

	if (!e) {
		put_missing(table, cell);
		return;
	}
	row = pb_report_row(table, PB_ROW_FIGURES);
	if (!row)
		return;
	snprintf(row->fields[PATH].text, sizeof row->fields[PATH].text, "%.30s%s%s%s%s", cell->path,
		 cell->prepared ? " (prepared)" : "", e == &cell->timeline ? " (timeline)" : "",
		 e->contended ? " (contended)" : "",
		 probe_cell_unsteady(cell) ? " (not steady)" : "");
	*marks |= probe_cell_unsteady(cell) ? MARK_UNSTEADY : 0u;
	*marks |= cell->prepared ? MARK_PREPARED : 0u;
	*marks |= (e == &cell->timeline ? MARK_TIMELINE : 0u) |
		  (e->contended ? MARK_CONTENDED : 0u) | (has_callback(e) ? MARK_CALLBACK : 0u);
	put_figure(r, &e->total, e, &row->fields[TOTAL], marks);
	for (size_t i = 0; i < e->folded_count; i++)
		put_phase(r, e, &e->folded[i], row, marks);
	if (!e->folded_count && e->empty_call.state != PROBE_ABSENT) {
		struct pb_report_field *field = &row->fields[DISPATCH];

		put_figure(r, &e->empty_call, e, field, marks);
		snprintf(field->label, sizeof field->label, "empty call");
		field->span = 3;
		*marks |= MARK_EMPTY_CALL;
	}
	put_closure(e, row, marks);
	*marks |= probe_overlap_matters(e) ? MARK_OVERLAP : 0u;
	probe_ratio_text(probe_run_speedup(r->run, cell), row->fields[SPEEDUP].text,
			 sizeof row->fields[SPEEDUP].text);
	*marks |= row->fields[SPEEDUP].text[0] ? MARK_SPEEDUP : 0u;
}

/* The rows of one interpreter, headed by their workloads. */
static unsigned breakdown(struct pb_report *r, const char *label)
{
	char total[48];
	struct pb_report_table table = {.heads = {"Path", total, "Dispatch", "Marshalling",
						  "Compute", "Closure", "Speed-up"},
					.columns = COLUMNS};
	const char *workload = NULL;
	unsigned marks = 0;

	snprintf(total, sizeof total, "Total, %s", r->scale.name);
	for (size_t i = 0; i < r->run->cell_count; i++) {
		const struct probe_cell *cell = &r->run->cells[i];

		if (strcmp(cell->interpreter, label))
			continue;
		if (!workload || strcmp(workload, cell->workload))
			pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP),
					  cell->workload, NULL);
		workload = cell->workload;
		put_cell(r, &table, cell, &marks);
	}
	r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
	return marks;
}

static void put_breakeven(const struct pb_report *r, struct pb_report_table *table,
			  const struct probe_verdict_row *from)
{
	struct pb_report_row *row = pb_report_row(table, PB_ROW_FIGURES);
	const double per_tick = r->scale.per_tick;

	if (!row)
		return;
	snprintf(row->fields[EVEN_PATH].text, sizeof row->fields[EVEN_PATH].text, "%.34s%s%s",
		 from->cell->path, from->cell->prepared ? " (prepared)" : "",
		 from->contended ? " (contended)" : "");
	if (from->boundary.state == PROBE_ABSENT) {
		row->kind = PB_ROW_MISSING;
		pb_report_message(table, row, "not split: no compute of its own", NULL);
		return;
	}
	probe_figure_text(&from->boundary, per_tick, from->floor_ticks, PROBE_FIGURE_BOTH,
			  row->fields[EVEN_BOUNDARY].text, sizeof row->fields[0].text);
	probe_figure_text(&from->compute, per_tick, from->floor_ticks, PROBE_FIGURE_BOTH,
			  row->fields[EVEN_COMPUTE].text, sizeof row->fields[0].text);
	probe_breakeven_text(&from->tenth, per_tick, row->fields[EVEN_TENTH].text,
			     sizeof row->fields[0].text);
	probe_breakeven_text(&from->python, per_tick, row->fields[EVEN_PYTHON].text,
			     sizeof row->fields[0].text);
}

/* Returns whether there was any to write. */
static bool breakevens(struct pb_report *r, const char *label, const struct probe_verdict *verdicts,
		       size_t n)
{
	char boundary[48];
	struct pb_report_table table = {.heads = {"Break-even", boundary, "Compute here",
						  "Boundary under 10% from", "Beats python from"},
					.columns = EVEN_PYTHON};
	bool any;

	snprintf(boundary, sizeof boundary, "Boundary, %s", r->scale.name);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(verdicts[i].interpreter, label))
			continue;
		if (verdicts[i].python.other)
			table.columns = EVEN_COLUMNS;
		pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP), verdicts[i].workload,
				  NULL);
		for (size_t k = 0; k < verdicts[i].row_count; k++)
			put_breakeven(r, &table, &verdicts[i].rows[k]);
	}
	any = table.count > 0;
	if (any)
		r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
	return any;
}

/* Returns the marks that its tables need explained. */
static unsigned interpreter(struct pb_report *r, const char *label,
			    const struct probe_verdict *verdicts, size_t verdict_count)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(r->run, label);
	struct pb_buf title = {0};
	char build[128];
	unsigned marks;

	pb_buf_puts(&title, label);
	if (py && probe_interpreter_text(py, build, sizeof build)[0])
		pb_buf_printf(&title, " (%s)", build);
	r->form->heading(r->out, r->level + 1, title.len ? title.data : "");
	r->out->oom = r->out->oom || title.oom;
	pb_buf_fini(&title);
	marks = breakdown(r, label);
	return marks | (breakevens(r, label, verdicts, verdict_count) ? MARK_BREAKEVEN : 0u);
}

void pb_report_breakdown(struct pb_report *r)
{
	struct probe_verdict *verdicts = NULL;
	size_t n = 0;
	unsigned marks = 0;

	if (probe_verdict_list(r->run, &verdicts, &n, NULL))
		r->out->oom = true;
	r->form->heading(r->out, r->level, "Where the time goes");
	pb_report_block(r, PB_PARAGRAPH,
			"Dispatch is getting from the caller's bytecode to the native function and "
			"back, marshalling is turning Python objects into machine values and the "
			"result into an object, compute is the function itself. After ± stands "
			"half of a 95 % interval, after a phase its share of the total.");
	for (size_t i = 0; i < r->run->cell_count; i++)
		if (pb_export_first_label(r->run, i))
			marks |= interpreter(r, r->run->cells[i].interpreter, verdicts, n);
	probe_verdicts_free(verdicts, n);
	if (!marks)
		return;
	r->form->heading(r->out, r->level + 1, "What the tables say");
	r->form->open(r->out, PB_LIST);
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
		if (!(marks & notes[i].mark))
			continue;
		r->form->open(r->out, PB_ITEM);
		r->form->strong(r->out, notes[i].sign);
		pb_report_say(r, ": %s", notes[i].text);
		r->form->close(r->out, PB_ITEM);
	}
	r->form->close(r->out, PB_LIST);
}
