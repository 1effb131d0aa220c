/* SPDX-License-Identifier: MIT
 * The table of calls under threads: throughput, scaling against one thread, and what the phases of
 * a call take meanwhile; below the breakdown of the cells, a block an interpreter, workload and
 * kind of callables.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/threaded.h"
#include "table.h"

enum {
	COLUMN_THREADS, /* below the path's name, which takes a line */
	COLUMN_RATE,
	COLUMN_SCALING,
	COLUMN_CORES,
	COLUMN_CALL,
	COLUMN_PHASES,
};

/* The columns of phases; what a part has in several of them stands in the first. */
static const struct {
	unsigned mask;
	const char *lines[2];
} phases[] = {
	{PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN), {"call+", "return"}},
	{PROBE_MASK_MARSHALLING, {"marshal", "in+out"}},
	{PROBE_BIT(PROBE_SUB_DETACH), {"detach", ""}},
	{PROBE_BIT(PROBE_SUB_INVOKE), {"invoke", ""}},
	{PROBE_MASK_COMPUTE | PROBE_MASK_CALLBACK, {"compute", ""}},
	{PROBE_BIT(PROBE_SUB_ATTACH), {"attach", ""}},
};
enum { PHASES = sizeof phases / sizeof phases[0], COLUMNS = COLUMN_PHASES + PHASES };

static const struct grid_shape threads_wide = {
	.columns = COLUMNS,
	.gap = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
};
static const struct grid_shape threads_narrow = {
	.columns = COLUMNS,
	.gap = {2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
};

/* In per cent: above it, the phases' sum is said to be off. */
#define EXCESS_TOLD 10

struct threads_table {
	const struct probe_run *run;
	struct grid grid;
	const char *rate_unit, *time_unit;
	double per_rate, per_ns;
	unsigned marks; /* enum table_mark */
	bool grown, excess, crowded, contended, failed;
};

static bool same_block(const struct probe_threaded *a, const struct probe_threaded *b)
{
	return a->callables == b->callables && !strcmp(a->interpreter, b->interpreter) &&
	       !strcmp(a->workload, b->workload);
}

static void figure(struct threads_table *t, double value, double half, double scale, bool bounded,
		   enum probe_figure_form form, char *text, size_t size)
{
	const struct probe_value v = {
		.state = isfinite(value) ? PROBE_EXACT : PROBE_ABSENT,
		.ticks = value,
		.half = half,
		.below_floor = bounded && value < half,
	};

	t->marks |= v.state != PROBE_ABSENT && v.below_floor ? TABLE_FLOOR : 0u;
	probe_figure_text(&v, scale, 0, form, text, size);
}

/* The largest unit in which none of the rates is below 1, and a larger one where that is too wide.
 */
static void choose_units(struct threads_table *t, const struct probe_threaded *first, bool wide)
{
	static const char *const rates[] = {"1/s ", "k/s ", "M/s "};
	static const char *const times[] = {"ns", "us", "ms", "s"};
	double least = INFINITY, longest = 0;
	size_t unit = 0;

	for (size_t i = 0; i < t->run->threaded_count; i++) {
		const struct probe_threaded *row = &t->run->threaded[i];

		if (row->status != PROBE_CELL_OK || !same_block(row, first))
			continue;
		least = fmin(least, row->calls_per_s);
		longest = fmax(longest, row->call_ns);
	}
	t->per_rate = 1;
	while (unit < 2 && isfinite(least) && least * t->per_rate >= (wide ? 1000 : 10)) {
		t->per_rate /= 1000;
		unit++;
	}
	t->rate_unit = rates[unit];
	t->per_ns = 1;
	for (unit = 0; unit < 3 && longest * t->per_ns >= (wide ? 1e5 : 1e3); unit++)
		t->per_ns /= 1000;
	t->time_unit = times[unit];
}

static void add_head(struct threads_table *t, const char *workload)
{
	for (int line = 0; line < 2; line++) {
		struct grid_row *row = grid_add(&t->grid);

		if (!row)
			return;
		row->color = "1";
		if (line == 0)
			snprintf(row->text[COLUMN_THREADS], GRID_TEXT, "%.24s", workload);
		snprintf(row->text[COLUMN_RATE], GRID_TEXT, "%s", line ? t->rate_unit : "calls ");
		snprintf(row->text[COLUMN_SCALING], GRID_TEXT, "%s", line ? "" : "scaling");
		snprintf(row->text[COLUMN_CORES], GRID_TEXT, "%s", line ? "" : "cores");
		snprintf(row->text[COLUMN_CALL], GRID_TEXT, "%s ", line ? t->time_unit : "call");
		for (int i = 0; i < PHASES; i++)
			snprintf(row->text[COLUMN_PHASES + i], GRID_TEXT, "%s%s",
				 phases[i].lines[line], phases[i].lines[line][0] ? " " : "");
	}
}

/* What the parts in one column add up to. */
static void add_phase(struct threads_table *t, const struct probe_threaded *row, int column,
		      char *letter, struct grid_row *out)
{
	const struct probe_threaded_phase *grown = probe_threaded_grown(row);
	double ns = 0, variance = 0;
	bool any = false, most = false, several = false;
	char text[GRID_TEXT];

	for (size_t i = 0; i < row->phase_count; i++) {
		const struct probe_threaded_phase *p = &row->phases[i];
		int first = 0;

		if (!(p->mask & phases[column].mask))
			continue;
		while (!(p->mask & phases[first].mask))
			first++;
		several = several || (p->mask & ~phases[column].mask);
		if (first < column)
			continue; /* its letter is enough */
		any = true;
		ns += p->ns;
		variance += p->half_ns * p->half_ns;
		most = most || p == grown;
	}
	if (!any && !several)
		return;
	text[0] = '\0';
	if (any)
		figure(t, ns, sqrt(variance), t->per_ns, true, PROBE_FIGURE_VALUE, text,
		       sizeof text);
	t->grown = t->grown || most;
	t->marks |= several ? TABLE_LETTERS : 0u;
	snprintf(out->text[COLUMN_PHASES + column], GRID_TEXT, "%.30s%s%c", text,
		 most && several ? "^" : "",
		 several ? *letter
		 : most  ? '^'
			 : ' ');
}

/* A thread alone is no comparison. */
static void add_ratios(struct threads_table *t, const struct probe_threaded *row,
		       struct grid_row *out)
{
	char text[GRID_TEXT];

	if (row->threads == 1)
		return;
	figure(t, row->scaling, row->scaling_half, 1, false, PROBE_FIGURE_BOTH, text, sizeof text);
	snprintf(out->text[COLUMN_SCALING], GRID_TEXT, "%.40s", text);
	figure(t, row->cores, row->cores_half, 1, false, PROBE_FIGURE_VALUE, text, sizeof text);
	snprintf(out->text[COLUMN_CORES], GRID_TEXT, "%.40s", text);
	t->crowded = t->crowded || row->threads > row->cpus;
}

static void add_path(struct threads_table *t, const struct probe_threaded *row)
{
	const struct probe_cell *cell =
		probe_run_find_cell(t->run, row->workload, row->path, row->interpreter);
	bool prepared = cell && cell->prepared && row->status == PROBE_CELL_OK;
	struct grid_row *out = grid_add(&t->grid);

	if (!out)
		return;
	snprintf(out->text[COLUMN_THREADS], GRID_TEXT, "%.40s%s", row->path, prepared ? " p" : "");
	t->marks |= prepared ? TABLE_PREPARED : 0u;
	out->span[COLUMN_THREADS] = COLUMNS;
	out->align[COLUMN_THREADS] = GRID_LEFT;
}

static void add_row(struct threads_table *t, const struct probe_threaded *row)
{
	struct grid_row *out = grid_add(&t->grid);
	char text[GRID_TEXT], letter = 'a';
	bool excess = fabs(probe_threaded_excess_percent(row)) > EXCESS_TOLD;

	if (!out)
		return;
	if (row->status != PROBE_CELL_OK) {
		const char *status = row->status == PROBE_CELL_PENDING
					     ? "not measured"
					     : probe_cell_status_name(row->status);

		out->color = row->status == PROBE_CELL_INAPPLICABLE ? "2" : "31";
		if (asprintf(&out->message, "%s: %s", status,
			     row->reason ? row->reason : "the run ended before its turn") < 0)
			out->message = NULL;
		return;
	}
	snprintf(out->text[COLUMN_THREADS], GRID_TEXT, "  %u thread%s", row->threads,
		 row->threads == 1 ? "" : "s");
	figure(t, row->calls_per_s, row->calls_per_s_half, t->per_rate, false, PROBE_FIGURE_BOTH,
	       text, sizeof text);
	snprintf(out->text[COLUMN_RATE], GRID_TEXT, "%.40s%c", text, row->contended ? '!' : ' ');
	t->contended = t->contended || row->contended;
	add_ratios(t, row, out);
	figure(t, row->call_ns, row->call_ns_half, t->per_ns, false, PROBE_FIGURE_VALUE, text,
	       sizeof text);
	snprintf(out->text[COLUMN_CALL], GRID_TEXT, "%.40s%c", text, excess ? '~' : ' ');
	t->excess = t->excess || excess;
	for (int i = 0; i < PHASES; i++)
		add_phase(t, row, i, &letter, out);
}

/* Rows of one path have one reason: it stands once. */
static bool tells_the_same(const struct probe_threaded *a, const struct probe_threaded *b)
{
	return a->status != PROBE_CELL_OK && a->status == b->status &&
	       !strcmp(a->reason ? a->reason : "", b->reason ? b->reason : "");
}

static void build(struct threads_table *t, size_t first, bool wide)
{
	const struct probe_run *run = t->run;
	const struct probe_threaded *before = NULL;

	grid_fini(&t->grid);
	choose_units(t, &run->threaded[first], wide);
	add_head(t, run->threaded[first].workload);
	for (size_t i = first; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];
		bool named;

		if (!same_block(row, &run->threaded[first]))
			continue;
		named = !before || strcmp(before->path, row->path);
		if (named)
			add_path(t, row);
		if (named || !tells_the_same(row, before))
			add_row(t, row);
		before = row;
	}
}

static void print_block(struct threads_table *t, size_t first, bool color, FILE *out)
{
	static const char *const titles[PROBE_CALLABLES_COUNT] = {
		[PROBE_CALLABLES_PRIVATE] = "under threads, each with its own callable and "
					    "arguments",
		[PROBE_CALLABLES_SHARED] = "under threads, all with the same callable and "
					   "arguments",
	};
	const struct probe_threaded *row = &t->run->threaded[first];
	const struct grid_shape *shape = &threads_wide;
	int widths[GRID_COLUMNS] = {0};

	int width;

	build(t, first, true);
	width = grid_measure(&t->grid, shape, widths);
	for (int wide = 1; width > GRID_WIDTH && wide >= 0; wide--) {
		shape = &threads_narrow;
		build(t, first, wide);
		memset(widths, 0, sizeof widths);
		width = grid_measure(&t->grid, shape, widths);
	}
	if (width > GRID_WIDTH) /* a path's name is cut before a figure is */
		widths[0] -= width - GRID_WIDTH;
	widths[0] = widths[0] < 4 ? 4 : widths[0];
	fprintf(out, "\n%s%s%s  %s\n", color ? "\033[1m" : "", row->interpreter,
		color ? "\033[0m" : "", titles[row->callables]);
	grid_print(&t->grid, shape, widths, color, out);
	t->failed = t->failed || t->grid.oom;
	grid_fini(&t->grid);
}

static void print_notes(const struct threads_table *t, FILE *out)
{
	static const char *const crowded =
		"more threads than CPUs that the process was allowed: they take turns there";
	const struct {
		bool told;
		const char *lead, *text;
	} notes[] = {
		{true, "calls    ",
		 "of all threads together, in the span in which all of them run, each pinned to a "
		 "CPU"},
		{true, "scaling  ", "calls over those of one thread, measured in turns"},
		{true, "cores    ",
		 "the same for dependent adds in C instead of calls: what the machine gave"},
		{t->crowded, "         ", crowded},
		{true, "call     ",
		 "mean wall time in a thread; waiting for the GIL is in attach where the binding "
		 "releases it, in call+return where the interpreter takes turns"},
		{t->grown, "^        ", "the phase that grew most against one thread"},
		{t->contended, "!        ",
		 "contended: other processes had the CPUs in nearly all windows; the figures say "
		 "little"},
		{t->excess, "~        ",
		 "the phases add up to over 10 % more or less: stamps make others wait longer, and "
		 "windows end while a thread waits"},
	};

	fputc('\n', out);
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (notes[i].told)
			grid_wrap(out, notes[i].lead, 9, notes[i].text, 3);
}

unsigned table_threads(const struct probe_run *run, bool color, FILE *out)
{
	struct threads_table t = {.run = run};

	for (size_t i = 0; i < run->threaded_count; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = same_block(&run->threaded[i], &run->threaded[j]);
		if (!seen)
			print_block(&t, i, color, out);
	}
	if (run->threaded_count)
		print_notes(&t, out);
	if (t.failed)
		fputs("\nout of memory: the table under threads is not whole\n", out);
	return t.marks;
}
