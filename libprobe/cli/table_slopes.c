/* SPDX-License-Identifier: MIT
 * The table of a sweep: what one more argument of each type costs on each path, one table an
 * interpreter, below the breakdown of its cells.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static const struct grid_shape slopes_wide = {
	.gap = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
};
static const struct grid_shape slopes_narrow = {
	.gap = {2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
};

struct slopes_table {
	const struct probe_slopes *from;
	const struct table_units *units;
	unsigned marks;
	struct grid grid;
};

static const char *missing_text(const struct probe_slope *slope)
{
	if (slope->state == PROBE_SLOPE_INAPPLICABLE)
		return "–";
	if (slope->status == PROBE_CELL_OK || slope->status == PROBE_CELL_PENDING)
		return "too few";
	return probe_cell_status_name(slope->status);
}

/* A figure with its marks; what has none keeps their place, so that figures stand in line. */
static void slope_text(struct slopes_table *t, const struct probe_slope *slope, char *text)
{
	char figure[GRID_TEXT];

	if (slope->state != PROBE_SLOPE_OK) {
		t->marks |= slope->state == PROBE_SLOPE_INAPPLICABLE ? TABLE_INEXPRESSIBLE : 0u;
		snprintf(text, GRID_TEXT, "%s ", missing_text(slope));
		return;
	}
	probe_figure_text(&slope->total, t->units->per_tick, slope->floor_ticks, PROBE_FIGURE_BOTH,
			  figure, sizeof figure);
	/* What is marked too high needs no second mark. */
	snprintf(text, GRID_TEXT, "%.40s%s%c", figure, slope->prepared ? "p" : "",
		 slope->contended ? '!'
		 : slope->bent    ? '~'
				  : ' ');
	t->marks |= slope->prepared ? TABLE_PREPARED : 0u;
	t->marks |= slope->contended ? TABLE_CONTENDED : 0u;
	t->marks |= slope->bent && !slope->contended ? TABLE_BENT : 0u;
	t->marks |= slope->total.below_floor ? TABLE_FLOOR : 0u;
}

static void marshalling_text(struct slopes_table *t, const struct probe_slope *slope, char *text)
{
	char figure[GRID_TEXT];

	probe_figure_text(&slope->marshalling, t->units->per_tick, slope->floor_ticks,
			  PROBE_FIGURE_BOTH, figure, sizeof figure);
	snprintf(text, GRID_TEXT, "%.40s%s", figure, figure[0] ? " " : "");
}

/* The one reason why nothing of a path was measured; NULL = it has figures, or several reasons. */
static const struct probe_slope *same_reason(const struct probe_slopes *from, size_t path)
{
	const struct probe_slope *first = probe_slope_at(from, path, 0);

	for (size_t i = 0; i < from->type_count; i++) {
		const struct probe_slope *slope = probe_slope_at(from, path, i);

		if (slope->state == PROBE_SLOPE_OK || !slope->reason ||
		    strcmp(slope->reason, first->reason ? first->reason : ""))
			return NULL;
	}
	return first;
}

static void add_slopes(struct slopes_table *t, size_t path, size_t first, size_t types)
{
	const struct probe_slope *reason = same_reason(t->from, path);
	struct grid_row *row = grid_add(&t->grid);
	bool split = false;

	if (!row)
		return;
	snprintf(row->text[0], GRID_TEXT, "%.30s", t->from->paths[path]);
	if (reason) {
		row->color = "2";
		if (asprintf(&row->message, "%s: %s", probe_cell_status_name(reason->status),
			     reason->reason) < 0)
			row->message = NULL;
		return;
	}
	for (size_t i = 0; i < types; i++) {
		const struct probe_slope *slope = probe_slope_at(t->from, path, first + i);

		slope_text(t, slope, row->text[1 + i]);
		split = split || slope->marshalling.state != PROBE_ABSENT;
	}
	row = split ? grid_add(&t->grid) : NULL;
	if (!row)
		return;
	row->color = "2";
	snprintf(row->text[0], GRID_TEXT, "  marshalling");
	for (size_t i = 0; i < types; i++)
		marshalling_text(t, probe_slope_at(t->from, path, first + i), row->text[1 + i]);
}

static void build_slopes(struct slopes_table *t, size_t first, size_t types)
{
	struct grid_row *row;

	grid_fini(&t->grid);
	row = grid_add(&t->grid);
	if (!row)
		return;
	row->color = "1";
	snprintf(row->text[0], GRID_TEXT, "%.24s", t->from->family);
	for (size_t i = 0; i < types; i++)
		snprintf(row->text[1 + i], GRID_TEXT, "%.20s ", t->from->types[first + i]);
	for (size_t p = 0; p < t->from->path_count; p++)
		add_slopes(t, p, first, types);
}

/* Builds the table of these types; true where it is no wider than the terminal. */
static bool fits(struct slopes_table *t, size_t first, size_t types, const struct grid_shape *form,
		 struct grid_shape *shape, int widths[GRID_COLUMNS])
{
	build_slopes(t, first, types);
	*shape = *form;
	shape->columns = 1 + (int)types;
	memset(widths, 0, GRID_COLUMNS * sizeof *widths);
	return grid_measure(&t->grid, shape, widths) <= GRID_WIDTH;
}

/* As many types side by side as fit, then the next ones. */
static void print_types(struct slopes_table *t, bool color, FILE *out)
{
	size_t first = 0, types;

	while (first < t->from->type_count && !t->grid.oom) {
		struct grid_shape shape;
		int widths[GRID_COLUMNS];

		types = t->from->type_count - first;
		types = types < GRID_COLUMNS - 1 ? types : GRID_COLUMNS - 1;
		while (!fits(t, first, types, &slopes_wide, &shape, widths) &&
		       !fits(t, first, types, &slopes_narrow, &shape, widths) && types > 1)
			types--;
		if (first)
			fputc('\n', out);
		grid_print(&t->grid, &shape, widths, color, out);
		first += types;
	}
}

/* Where a line is none, by how much. */
static void print_bends(const struct slopes_table *t, FILE *out)
{
	const struct probe_slopes *from = t->from;

	for (size_t i = 0; i < from->path_count * from->type_count; i++) {
		const struct probe_slope *slope = &from->slopes[i];
		const struct probe_value off = {.state = PROBE_EXACT,
						.ticks = fabs(slope->bent_ticks)};
		char figure[GRID_TEXT], *text = NULL;

		if (slope->state != PROBE_SLOPE_OK || !slope->bent || slope->contended)
			continue;
		probe_figure_text(&off, t->units->per_tick, 0, PROBE_FIGURE_VALUE, figure,
				  sizeof figure);
		if (asprintf(&text, "%s, %s: with %u argument%s %s %s %s than on a straight line",
			     from->paths[i / from->type_count], from->types[i % from->type_count],
			     slope->bent_count, slope->bent_count == 1 ? "" : "s", figure,
			     t->units->names[0], slope->bent_ticks > 0 ? "more" : "less") >= 0)
			grid_wrap(out, "  ~ ", 4, text, 3);
		free(text);
	}
}

static void print_slopes_title(const struct probe_slopes *from, const char *unit, bool color,
			       FILE *out)
{
	unsigned first = from->counts[0] ? from->counts[0] : 1;

	if (from->count_count > 1 && !from->counts[0])
		first = from->counts[1];
	fprintf(out, "\n%s%s%s  one more argument costs, %s (from %u to %u of them)\n",
		color ? "\033[1m" : "", from->interpreter, color ? "\033[0m" : "", unit, first,
		from->counts[from->count_count - 1]);
}

bool table_has_slopes(const struct probe_slopes *slopes)
{
	/* One workload of a sweep alone makes no slope. */
	return slopes->count_count > 1;
}

unsigned table_slopes(const struct probe_run *run, const struct table_units *units, bool color,
		      FILE *out)
{
	struct probe_slopes *list = NULL;
	unsigned marks = 0;
	size_t n = 0;
	bool oom = probe_slopes_list(run, &list, &n, NULL);

	for (size_t i = 0; i < n && !oom; i++) {
		struct slopes_table t = {.from = &list[i], .units = units};

		if (!table_has_slopes(&list[i]))
			continue;
		print_slopes_title(&list[i], units->names[0], color, out);
		print_types(&t, color, out);
		print_bends(&t, out);
		marks |= t.marks;
		oom = t.grid.oom;
		grid_fini(&t.grid);
	}
	if (oom)
		fputs("\nout of memory: no table of slopes\n", out);
	probe_slopes_free(list, n);
	return marks;
}
