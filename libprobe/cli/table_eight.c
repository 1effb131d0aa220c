/* SPDX-License-Identifier: MIT
 * The form of the table with eight sub-phases, and two more where native code calls Python back:
 * two lines a path, the value and below it the half width of its interval; two more for the
 * timeline where it is there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

enum {
	EIGHT_PATH,
	EIGHT_TOTAL,
	EIGHT_SUB,
	EIGHT_COLUMNS = EIGHT_SUB + PROBE_SUB_CALLBACK,
	TEN_COLUMNS = EIGHT_SUB + PROBE_SUB_COUNT,
};

static const struct grid_shape eight_wide = {
	.columns = EIGHT_COLUMNS,
	.gap = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
};
static const struct grid_shape eight_narrow = {
	.columns = EIGHT_COLUMNS,
	.gap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
};
static const struct grid_shape ten_wide = {
	.columns = TEN_COLUMNS,
	.gap = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
};
static const struct grid_shape ten_narrow = {
	.columns = TEN_COLUMNS,
	.gap = {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
};

static bool has_callback(const struct probe_engine *e)
{
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask & PROBE_MASK_CALLBACK)
			return true;
	return false;
}

/* workload: NULL = any. */
static bool calls_back(const struct probe_run *run, const char *workload)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if ((!workload || !strcmp(run->cells[i].workload, workload)) &&
		    (has_callback(&run->cells[i].ladder) || has_callback(&run->cells[i].timeline)))
			return true;
	return false;
}

static void eight_head(struct table *t, const char *workload, struct grid *grid)
{
	static const char *const names[PROBE_SUB_COUNT][2] = {
		{"call", ""},      {"marshal", "in"}, {"detach", ""},     {"invoke", ""},
		{"compute", ""},   {"attach", ""},    {"marshal", "out"}, {"return", ""},
		{"call-", "back"}, {"python", ""},
	};
	const bool callback = calls_back(t->run, workload);
	const int subs = callback ? PROBE_SUB_COUNT : PROBE_SUB_CALLBACK;

	for (int line = 0; line < 2; line++) {
		struct grid_row *row = grid_add(grid);

		if (!row)
			return;
		row->color = "1";
		if (line == 0)
			snprintf(row->text[EIGHT_PATH], GRID_TEXT, "%.24s", workload);
		snprintf(row->text[EIGHT_TOTAL], GRID_TEXT, "%s ", line ? t->unit : "total");
		for (int s = 0; s < subs; s++)
			snprintf(row->text[EIGHT_SUB + s], GRID_TEXT, "%s%s", names[s][line],
				 names[s][line][0] ? " " : "");
		if (callback && line)
			snprintf(row->text[EIGHT_SUB + PROBE_SUB_COMPUTE], GRID_TEXT, "native ");
	}
}

/* One part in its column; a part of several sub-phases stands at the first one and gives all of
 * them its letter. mark is what follows a part's own value: ' ' or 't'. */
static void part_texts(struct table *t, const struct probe_engine *e, const struct probe_part *part,
		       char *letter, char mark, struct grid_row *values, struct grid_row *halves)
{
	bool several = part->mask & (part->mask - 1), first = true;
	char text[GRID_TEXT];

	for (unsigned s = 0; s < PROBE_SUB_COUNT; s++) {
		if (!(part->mask & PROBE_BIT(s)))
			continue;
		if (first) {
			table_figure(t, &part->value, e, PROBE_FIGURE_VALUE, text, sizeof text);
			snprintf(values->text[EIGHT_SUB + s], GRID_TEXT, "%.30s%c",
				 text[0] ? text : "absent", several ? *letter : mark);
			table_figure(t, &part->value, e, PROBE_FIGURE_HALF, text, sizeof text);
			snprintf(halves->text[EIGHT_SUB + s], GRID_TEXT, "%.30s%s", text,
				 text[0] ? " " : "");
		} else {
			snprintf(values->text[EIGHT_SUB + s], GRID_TEXT, "%c", *letter);
		}
		first = false;
	}
	if (several) {
		(*letter)++;
		t->marks |= TABLE_LETTERS;
	}
}

static void engine_rows(struct table *t, const struct probe_engine *e, char mark, size_t values_at,
			size_t halves_at, struct grid *grid)
{
	struct grid_row *values = &grid->rows[values_at], *halves = &grid->rows[halves_at];
	char text[GRID_TEXT], letter = 'a';

	table_figure(t, &e->total, e, PROBE_FIGURE_VALUE, text, sizeof text);
	snprintf(values->text[EIGHT_TOTAL], GRID_TEXT, "%.30s%c", text, mark);
	table_figure(t, &e->total, e, PROBE_FIGURE_HALF, text, sizeof text);
	snprintf(halves->text[EIGHT_TOTAL], GRID_TEXT, "%.30s%s", text, text[0] ? " " : "");
	for (size_t i = 0; i < e->part_count; i++)
		part_texts(t, e, &e->parts[i], &letter, mark, values, halves);
	t->marks |= probe_overlap_matters(e) ? TABLE_OVERLAP : 0u;
	if (!e->part_count && e->empty_call.state != PROBE_ABSENT) {
		table_figure(t, &e->empty_call, e, PROBE_FIGURE_BOTH, text, sizeof text);
		snprintf(values->text[EIGHT_SUB], GRID_TEXT, "calling an empty function: %.18s",
			 text);
		values->span[EIGHT_SUB] = PROBE_SUB_CALLBACK;
		values->align[EIGHT_SUB] = GRID_LEFT;
	}
}

static void eight_row(struct table *t, const struct probe_cell *cell, struct grid *grid)
{
	const struct probe_engine *e = table_engine(cell);
	size_t at = grid->count;

	if (!table_row(t, cell, e, grid) || !grid_add(grid))
		return;
	engine_rows(t, e, e == &cell->timeline ? 't' : ' ', at, at + 1, grid);
	if (e == &cell->timeline || !cell->timeline.present)
		return;
	at = grid->count;
	if (!grid_add(grid) || !grid_add(grid))
		return;
	snprintf(grid->rows[at].text[EIGHT_PATH], GRID_TEXT, "  timeline");
	engine_rows(t, &cell->timeline, 't', at, at + 1, grid);
	t->marks |= TABLE_TIMELINE;
}

const struct table_form *table_eight(const struct probe_run *run)
{
	static const struct table_form eight = {
		.wide = &eight_wide,
		.narrow = &eight_narrow,
		.head = eight_head,
		.cell = eight_row,
	};
	static const struct table_form ten = {
		.wide = &ten_wide,
		.narrow = &ten_narrow,
		.head = eight_head,
		.cell = eight_row,
	};

	return calls_back(run, NULL) ? &ten : &eight;
}
