/* SPDX-License-Identifier: MIT
 * The form of the table with three phases: total, dispatch, marshalling, compute, closure and the
 * ratio to pure Python, in one line a path; below it, what a callback makes of compute.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

enum {
	THREE_PATH,
	THREE_TOTAL,
	THREE_TOTAL_HALF,
	THREE_PHASE, /* value, half width and share, for each of the three */
	THREE_WIDTH = 3,
	THREE_CLOSURE = THREE_PHASE + 3 * THREE_WIDTH,
	THREE_SPEEDUP,
	THREE_COLUMNS,
};

#define THREE_LEFT                                                                                 \
	(1u << THREE_TOTAL_HALF | 1u << (THREE_PHASE + 1) | 1u << (THREE_PHASE + 4) |              \
	 1u << (THREE_PHASE + 7))

static const struct grid_shape three_wide = {
	.columns = THREE_COLUMNS,
	.gap = {2, 2, 1, 3, 1, 1, 3, 1, 1, 3, 1, 1, 2, 1},
	.left = THREE_LEFT,
};
static const struct grid_shape three_narrow = {
	.columns = THREE_COLUMNS,
	.gap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0},
	.left = THREE_LEFT,
};

static int column_of(size_t phase)
{
	return THREE_PHASE + THREE_WIDTH * (int)phase;
}

static void three_head(struct table *t, const char *workload, struct grid *grid)
{
	struct grid_row *row = grid_add(grid);

	if (!row)
		return;
	row->color = "1";
	snprintf(row->text[THREE_PATH], GRID_TEXT, "%.24s", workload);
	snprintf(row->text[THREE_TOTAL], GRID_TEXT, "total, %s", t->unit);
	row->span[THREE_TOTAL] = 2;
	row->align[THREE_TOTAL] = GRID_RIGHT;
	for (size_t p = 0; p < 3; p++) {
		snprintf(row->text[column_of(p)], GRID_TEXT, "%s", table_phases[p].name);
		row->span[column_of(p)] = THREE_WIDTH;
		row->align[column_of(p)] = GRID_RIGHT;
	}
	snprintf(row->text[THREE_CLOSURE], GRID_TEXT, "closure ");
	snprintf(row->text[THREE_SPEEDUP], GRID_TEXT, "speedup");
}

/* A figure for phases side by side: in brackets over the columns of all of them. */
static void merged(struct table *t, const struct probe_engine *e, const struct probe_part *part,
		   size_t first, size_t last, struct grid_row *row)
{
	char figure[GRID_TEXT], share[GRID_TEXT];
	int column = column_of(first);

	table_figure(t, &part->value, e, PROBE_FIGURE_BOTH, figure, sizeof figure);
	probe_share_text(&part->value, &e->total, share, sizeof share);
	snprintf(row->text[column], GRID_TEXT, "%.20s%s%.8s", figure, share[0] ? " " : "", share);
	row->span[column] = THREE_WIDTH * (int)(last - first + 1);
	row->align[column] = GRID_BRACKET;
	t->marks |= TABLE_MERGED;
}

static void phase(struct table *t, const struct probe_engine *e, const struct probe_part *part,
		  struct grid_row *row)
{
	bool in[3];
	size_t first = 3, last = 0, members = 0;

	for (size_t p = 0; p < 3; p++) {
		in[p] = part->mask & table_phases[p].mask;
		if (!in[p])
			continue;
		first = first == 3 ? p : first;
		last = p;
		members++;
	}
	if (!members)
		return;
	if (members > 1 && members == last - first + 1) {
		merged(t, e, part, first, last, row);
		return;
	}
	table_figure(t, &part->value, e, PROBE_FIGURE_VALUE, row->text[column_of(first)],
		     GRID_TEXT);
	table_figure(t, &part->value, e, PROBE_FIGURE_HALF, row->text[column_of(first) + 1],
		     GRID_TEXT);
	probe_share_text(&part->value, &e->total, row->text[column_of(first) + 2], GRID_TEXT);
	if (members > 1) { /* dispatch and compute, with marshalling between them */
		snprintf(row->text[column_of(last)], GRID_TEXT, "(d)");
		t->marks |= TABLE_IN_DISPATCH;
	}
}

/* One part of compute where native code calls Python back, in words and in compute's columns. */
static void callback_line(struct table *t, const struct probe_engine *e,
			  const struct probe_part *part, struct grid *grid)
{
	static const struct {
		unsigned sub;
		const char *words;
	} names[] = {
		{PROBE_SUB_COMPUTE, "native code"},
		{PROBE_SUB_CALLBACK, "to Python and back"},
		{PROBE_SUB_PYTHON, "its Python function"},
	};
	const int column = column_of(2);
	struct grid_row *row = grid_add(grid);
	char words[GRID_TEXT] = "";

	if (!row)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t length = strlen(words);

		if (part->mask & PROBE_BIT(names[i].sub))
			snprintf(words + length, sizeof words - length, "%s%s", length ? " + " : "",
				 names[i].words);
	}
	snprintf(row->text[THREE_TOTAL], GRID_TEXT, "%s", words);
	row->span[THREE_TOTAL] = column - THREE_TOTAL;
	row->align[THREE_TOTAL] = GRID_RIGHT;
	table_figure(t, &part->value, e, PROBE_FIGURE_VALUE, row->text[column], GRID_TEXT);
	table_figure(t, &part->value, e, PROBE_FIGURE_HALF, row->text[column + 1], GRID_TEXT);
	probe_share_text(&part->value, &e->total, row->text[column + 2], GRID_TEXT);
	t->marks |= TABLE_CALLBACK;
}

/* Nothing where the whole of compute is one part: the row above has said it. */
static void callback_lines(struct table *t, const struct probe_engine *e, struct grid *grid)
{
	const unsigned compute = probe_fold_members(PROBE_MASK_COMPUTE);
	bool split = false;

	for (size_t i = 0; i < e->part_count; i++)
		split = split || ((e->parts[i].mask & PROBE_MASK_CALLBACK) &&
				  !(e->parts[i].mask & PROBE_MASK_COMPUTE));
	for (size_t i = 0; split && i < e->part_count; i++)
		if ((e->parts[i].mask & compute) && !(e->parts[i].mask & ~compute))
			callback_line(t, e, &e->parts[i], grid);
}

static void three_row(struct table *t, const struct probe_cell *cell, struct grid *grid)
{
	const struct probe_engine *e = table_engine(cell);
	struct grid_row *row = table_row(t, cell, e, grid);
	double percent;

	if (!row)
		return;
	table_figure(t, &e->total, e, PROBE_FIGURE_VALUE, row->text[THREE_TOTAL], GRID_TEXT);
	table_figure(t, &e->total, e, PROBE_FIGURE_HALF, row->text[THREE_TOTAL_HALF], GRID_TEXT);
	for (size_t i = 0; i < e->folded_count; i++)
		phase(t, e, &e->folded[i], row);
	if (!e->folded_count && e->empty_call.state != PROBE_ABSENT) {
		char figure[GRID_TEXT];

		table_figure(t, &e->empty_call, e, PROBE_FIGURE_BOTH, figure, sizeof figure);
		snprintf(row->text[THREE_PHASE], GRID_TEXT, "calling an empty function: %.18s",
			 figure);
		row->span[THREE_PHASE] = 3 * THREE_WIDTH;
		row->align[THREE_PHASE] = GRID_LEFT;
	}
	t->marks |= probe_overlap_matters(e) ? TABLE_OVERLAP : 0u;
	percent = probe_closure_percent(e);
	if (isfinite(percent)) {
		bool off = probe_closure_is_off(e);

		snprintf(row->text[THREE_CLOSURE], GRID_TEXT, "%.1f%%%c",
			 fabs(percent) < 0.05 ? 0.0 : percent, off ? '*' : ' ');
		t->marks |= off ? TABLE_CLOSURE : 0u;
	}
	probe_ratio_text(probe_run_speedup(t->run, cell), row->text[THREE_SPEEDUP], GRID_TEXT);
	t->marks |= row->text[THREE_SPEEDUP][0] ? TABLE_SPEEDUP : 0u;
	callback_lines(t, e, grid);
}

const struct table_form table_three = {
	.wide = &three_wide,
	.narrow = &three_narrow,
	.head = three_head,
	.cell = three_row,
};
