/* SPDX-License-Identifier: MIT
 * The builds view: one block a workload and path, one row an interpreter build, in order of
 * version; what changed from the build before it, and which phase explains it. Below: what tells
 * such builds apart, so that a change is put down to what it may be put down to.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/builds.h"
#include "table.h"

enum {
	BUILDS_LABEL,
	BUILDS_TOTAL,
	BUILDS_TOTAL_HALF,
	BUILDS_PHASE, /* value and half width for each of the three */
	BUILDS_WIDTH = 2,
	BUILDS_CHANGE = BUILDS_PHASE + 3 * BUILDS_WIDTH,
	BUILDS_SAID,
	BUILDS_COLUMNS,
};
#define BUILDS_SAID_LEAST 14 /* columns: "marshalling .." */
#define BUILDS_LEFT                                                                                \
	(1u << BUILDS_TOTAL_HALF | 1u << (BUILDS_PHASE + 1) | 1u << (BUILDS_PHASE + 3) |           \
	 1u << (BUILDS_PHASE + 5) | 1u << BUILDS_SAID)

static const struct grid_shape builds_wide = {
	.columns = BUILDS_COLUMNS,
	.gap = {2, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2},
	.left = BUILDS_LEFT,
};
static const struct grid_shape builds_narrow = {
	.columns = BUILDS_COLUMNS,
	.gap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	.left = BUILDS_LEFT,
};

static int builds_column(size_t phase)
{
	return BUILDS_PHASE + BUILDS_WIDTH * (int)phase;
}

static void builds_head(const struct table *t, const struct probe_build_block *block,
			struct grid *grid)
{
	struct grid_row *row = grid_add(grid);

	if (!row)
		return;
	row->color = "1";
	snprintf(row->text[BUILDS_LABEL], GRID_TEXT, "%.20s through %.16s", block->workload,
		 block->path);
	snprintf(row->text[BUILDS_TOTAL], GRID_TEXT, "total, %s", t->unit);
	row->span[BUILDS_TOTAL] = 2;
	row->align[BUILDS_TOTAL] = GRID_RIGHT;
	for (size_t p = 0; p < 3; p++) {
		snprintf(row->text[builds_column(p)], GRID_TEXT, "%s", table_phases[p].name);
		row->span[builds_column(p)] = BUILDS_WIDTH;
		row->align[builds_column(p)] = GRID_RIGHT;
	}
	snprintf(row->text[BUILDS_CHANGE], GRID_TEXT, "change");
	snprintf(row->text[BUILDS_SAID], GRID_TEXT, "because of");
}

/* A phase in its columns; phases that no engine tells apart in brackets over theirs, or, where they
 * are no neighbours, in the first of them. */
static void builds_phase(struct table *t, const struct probe_engine *e,
			 const struct probe_part *part, struct grid_row *row)
{
	size_t first = 3, last = 0, members = 0;
	int column;

	for (size_t p = 0; p < 3; p++) {
		if (!(part->mask & table_phases[p].mask))
			continue;
		first = first == 3 ? p : first;
		last = p;
		members++;
	}
	if (!members)
		return;
	column = builds_column(first);
	if (members > 1 && members == last - first + 1) {
		table_figure(t, &part->value, e, PROBE_FIGURE_BOTH, row->text[column], GRID_TEXT);
		row->span[column] = BUILDS_WIDTH * (int)members;
		row->align[column] = GRID_BRACKET;
		t->marks |= TABLE_MERGED;
		return;
	}
	table_figure(t, &part->value, e, PROBE_FIGURE_VALUE, row->text[column], GRID_TEXT);
	table_figure(t, &part->value, e, PROBE_FIGURE_HALF, row->text[column + 1], GRID_TEXT);
	if (members > 1) {
		snprintf(row->text[builds_column(last)], GRID_TEXT, "(d)");
		t->marks |= TABLE_IN_DISPATCH;
	}
}

static void builds_change(const struct probe_build_row *build, double ns_to_unit,
			  struct grid_row *row)
{
	const struct probe_cell_change *change = &build->change;
	bool real = change->total.verdict == PROBE_CHANGE_SLOWER ||
		    change->total.verdict == PROBE_CHANGE_FASTER;
	char *said = row->text[BUILDS_SAID];
	char name[64];

	if (!build->before)
		return;
	if (change->total.a_ns > 0)
		snprintf(row->text[BUILDS_CHANGE], GRID_TEXT, "%+.1f%%",
			 100 * change->total.delta_ns / change->total.a_ns);
	if (change->contended)
		snprintf(said, GRID_TEXT, "contended");
	else if (!real)
		snprintf(said, GRID_TEXT, "within noise");
	else if (change->moved >= 0)
		snprintf(said, GRID_TEXT, "%.22s %+.3g",
			 probe_part_name(change->phases[change->moved].mask, name, sizeof name),
			 change->phases[change->moved].delta_ns * ns_to_unit);
	else
		snprintf(said, GRID_TEXT, change->phase_count ? "no one phase" : "not split");
	row->color = !real ? NULL : change->total.verdict == PROBE_CHANGE_SLOWER ? "31" : "32";
}

static void builds_row(struct table *t, const struct probe_build_row *build, double ns_to_unit,
		       bool short_name, struct grid *grid)
{
	static const char usual[] = "cpython-";
	const char *label = build->cell->interpreter;
	bool shorten = short_name && !strncmp(label, usual, sizeof usual - 1);
	const struct probe_engine *e = table_engine(build->cell);
	struct grid_row *row =
		table_row_named(t, build->cell, e, label + (shorten ? sizeof usual - 1 : 0), grid);

	if (!row)
		return;
	table_figure(t, &e->total, e, PROBE_FIGURE_VALUE, row->text[BUILDS_TOTAL], GRID_TEXT);
	table_figure(t, &e->total, e, PROBE_FIGURE_HALF, row->text[BUILDS_TOTAL_HALF], GRID_TEXT);
	for (size_t i = 0; i < e->folded_count; i++)
		builds_phase(t, e, &e->folded[i], row);
	builds_change(build, ns_to_unit, row);
}

/* How a block is fitted into the width: each next one is tried where the one before is too wide. */
static const struct {
	bool narrow;     /* closer columns */
	bool short_name; /* without "cpython-", which -i takes too */
} builds_fits[] = {{false, false}, {true, false}, {true, true}};

static void builds_fill(struct table *t, const struct probe_build_block *block, bool short_name,
			struct grid *grid)
{
	double hz = t->run->counter.hz;

	grid_fini(grid);
	builds_head(t, block, grid);
	/* Changes are in ns, or ticks where the frequency is not known. */
	for (size_t i = 0; i < block->row_count; i++)
		builds_row(t, &block->rows[i], t->per_tick * (hz > 0 ? hz / 1e9 : 1), short_name,
			   grid);
}

/* The largest unit in which every total of the block is still 1 or more. */
static int builds_most_thousands(const struct table_units *units,
				 const struct probe_build_block *block)
{
	double least = INFINITY;
	int thousands = 0;

	for (size_t i = 0; i < block->row_count; i++) {
		const struct probe_engine *e = table_engine(block->rows[i].cell);

		least = e ? fmin(least, e->total.ticks * units->per_tick) : least;
	}
	while (isfinite(least) && thousands + 1 < TABLE_THOUSANDS &&
	       least >= pow(1000, thousands + 1))
		thousands++;
	return thousands;
}

static int builds_fit(struct table *t, const struct table_units *units,
		      const struct probe_build_block *block, struct grid *grid,
		      const struct grid_shape **shape, int widths[GRID_COLUMNS])
{
	const int most = builds_most_thousands(units, block);
	int width = GRID_WIDTH + 1;

	for (int thousands = 0; thousands <= most && width > GRID_WIDTH; thousands++) {
		t->per_tick = units->per_tick / pow(1000, thousands);
		t->unit = units->names[thousands];
		for (size_t f = 0; f < sizeof builds_fits / sizeof builds_fits[0]; f++) {
			builds_fill(t, block, builds_fits[f].short_name, grid);
			*shape = builds_fits[f].narrow ? &builds_narrow : &builds_wide;
			memset(widths, 0, GRID_COLUMNS * sizeof *widths);
			width = grid_measure(grid, *shape, widths);
			if (width <= GRID_WIDTH)
				break;
		}
	}
	return width;
}

/* Where nothing fits, names are cut before a figure is: the phase's first. */
static void builds_print_block(struct table *t, const struct table_units *units,
			       const struct probe_build_block *block, bool color, FILE *out)
{
	const struct grid_shape *shape = &builds_wide;
	struct grid grid = {0};
	int widths[GRID_COLUMNS] = {0};
	int over = builds_fit(t, units, block, &grid, &shape, widths) - GRID_WIDTH;
	int spare = widths[BUILDS_SAID] - BUILDS_SAID_LEAST;

	if (over > 0 && spare > 0) {
		widths[BUILDS_SAID] -= over < spare ? over : spare;
		over -= over < spare ? over : spare;
	}
	widths[BUILDS_LABEL] -= over > 0 ? over : 0;
	widths[BUILDS_LABEL] = widths[BUILDS_LABEL] < 4 ? 4 : widths[BUILDS_LABEL];
	fputc('\n', out);
	if (grid.oom)
		fputs("out of memory: no table\n", out);
	else
		grid_print(&grid, shape, widths, color, out);
	grid_fini(&grid);
}

static void builds_differences(const struct probe_build_block *blocks, size_t count, FILE *out)
{
	static const char lead[] = "builds   ";
	bool any = false;

	for (size_t b = 0; b < count; b++)
		for (size_t i = 0; i < blocks[b].row_count; i++) {
			const struct probe_build_row *row = &blocks[b].rows[i];
			char differs[400], *text = NULL;

			if (!row->new_pair)
				continue;
			probe_builds_text(row->before->interpreter, row->interpreter, differs,
					  sizeof differs);
			if (!any)
				fputc('\n', out);
			any = true;
			if (asprintf(&text, "%s to %s: %s", row->before->interpreter->label,
				     row->interpreter->label, differs) >= 0)
				grid_wrap(out, lead, (int)sizeof lead - 1, text, 4);
			free(text);
		}
}

void cli_builds_print(const struct probe_run *run, const struct cli_table_options *options,
		      FILE *out)
{
	struct table table = {.run = run};
	struct table_units units;
	struct probe_build_block *blocks = NULL;
	size_t count = 0;

	table_header(run, table_choose_unit(run, options->unit, &units), options->color, out);
	/* Rows that are silently missing would mislead. */
	if (probe_build_blocks(run, &blocks, &count, NULL)) {
		fputs("\nout of memory: no table\n", out);
		return;
	}
	for (size_t b = 0; b < count; b++)
		builds_print_block(&table, &units, &blocks[b], options->color, out);
	builds_differences(blocks, count, out);
	table_notes(run, table.marks | TABLE_BUILDS, &units, out);
	probe_build_blocks_free(blocks, count);
}
