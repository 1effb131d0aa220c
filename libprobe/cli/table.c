/* SPDX-License-Identifier: MIT
 * The breakdown table of a run: one block an interpreter and workload, one row a path, never wider
 * than GRID_WIDTH.
 */
#include "table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const struct table_phase table_phases[3] = {
	{"dispatch", PROBE_MASK_DISPATCH},
	{"marshalling", PROBE_MASK_MARSHALLING},
	{"compute", PROBE_MASK_COMPUTE},
};

enum { UNIT_NS, UNIT_CYCLES, UNIT_CYCLES_ESTIMATED, UNIT_TICKS };

/* Each unit, and a thousand, a million, ... of it for what would not fit. */
static const char *const unit_names[][TABLE_THOUSANDS] = {
	[UNIT_NS] = {"ns", "us", "ms", "s"},
	[UNIT_CYCLES] = {"cycles", "kcycles", "Mcycles", "Gcycles"},
	[UNIT_CYCLES_ESTIMATED] = {"est. cycles", "est. kcycles", "est. Mcycles", "est. Gcycles"},
	[UNIT_TICKS] = {"ticks", "kticks", "Mticks", "Gticks"},
};

/* The rows of one interpreter and workload. */
struct block {
	size_t first_cell;
	bool hidden; /* of a sweep, whose own table stands for it */
	struct grid grid;
};

struct layout {
	struct table table;
	const struct table_form *form;
	struct table_units units;
	struct block *blocks;
	size_t block_count;
};

const struct probe_engine *table_engine(const struct probe_cell *cell)
{
	const struct probe_engine *e = NULL;

	if (cell->status == PROBE_CELL_OK)
		e = probe_cell_engine(cell);
	return e && e->total.state != PROBE_ABSENT ? e : NULL;
}

void table_figure(struct table *t, const struct probe_value *value, const struct probe_engine *e,
		  enum probe_figure_form form, char *buf, size_t size)
{
	if (value->state != PROBE_ABSENT && value->below_floor)
		t->marks |= TABLE_FLOOR;
	probe_figure_text(value, t->per_tick, e->floor_ticks, form, buf, size);
}

static void say_why(const struct probe_cell *cell, struct grid_row *row)
{
	const char *status = probe_cell_status_name(cell->status);
	const char *reason = cell->reason ? cell->reason : "no reason given";
	bool broken = cell->status == PROBE_CELL_FAILED || cell->status == PROBE_CELL_CRASHED ||
		      cell->status == PROBE_CELL_TIMEOUT;

	if (cell->status == PROBE_CELL_OK || cell->status == PROBE_CELL_PENDING) {
		status = "not measured";
		reason = cell->reason ? cell->reason : "the run ended before its turn";
	}
	row->color = broken ? "31" : "2";
	if (asprintf(&row->message, "%s: %s", status, reason) < 0)
		row->message = NULL;
}

struct grid_row *table_row_named(struct table *t, const struct probe_cell *cell,
				 const struct probe_engine *e, const char *name, struct grid *grid)
{
	struct grid_row *row = grid_add(grid);
	bool contended = e && e->contended, timeline = e == &cell->timeline;
	bool unsteady = e && probe_cell_unsteady(cell);

	if (!row)
		return NULL;
	snprintf(row->text[0], GRID_TEXT, "%.30s%s%s%s%s", name, e && cell->prepared ? " p" : "",
		 contended ? " !" : "", unsteady ? " w" : "", timeline ? " t" : "");
	t->marks |= e && cell->prepared ? TABLE_PREPARED : 0u;
	t->marks |= unsteady ? TABLE_UNSTEADY : 0u;
	t->marks |= contended ? TABLE_CONTENDED : 0u;
	t->marks |= timeline ? TABLE_TIMELINE : 0u;
	if (e)
		return row;
	say_why(cell, row);
	return NULL;
}

struct grid_row *table_row(struct table *t, const struct probe_cell *cell,
			   const struct probe_engine *e, struct grid *grid)
{
	return table_row_named(t, cell, e, cell->path, grid);
}

static bool same_block(const struct probe_cell *a, const struct probe_cell *b)
{
	return !strcmp(a->interpreter, b->interpreter) && !strcmp(a->workload, b->workload);
}

/* Builds the rows of a block in its unit, or in that unit times 1000 to some power. */
static void build(struct layout *layout, struct block *block, int thousands)
{
	const struct probe_run *run = layout->table.run;
	const struct probe_cell *first = &run->cells[block->first_cell];

	grid_fini(&block->grid);
	layout->table.per_tick = layout->units.per_tick;
	for (int i = 0; i < thousands; i++)
		layout->table.per_tick /= 1000;
	layout->table.unit = layout->units.names[thousands];
	layout->form->head(&layout->table, first->workload, &block->grid);
	for (size_t i = block->first_cell; i < run->cell_count; i++)
		if (same_block(&run->cells[i], first))
			layout->form->cell(&layout->table, &run->cells[i], &block->grid);
}

/* Whether a table of its sweep stands below for the cell's block. */
static bool is_swept(const struct probe_run *run, const struct probe_cell *cell,
		     const struct probe_slopes *slopes, size_t n)
{
	const struct probe_sweep *sweep = probe_run_find_sweep(run, cell->workload);

	for (size_t i = 0; sweep && i < n; i++)
		if (table_has_slopes(&slopes[i]) && !strcmp(slopes[i].family, sweep->family) &&
		    !strcmp(slopes[i].interpreter, cell->interpreter))
			return true;
	return false;
}

/* verbose: with a block for each workload of a sweep. */
static bool build_all(struct layout *layout, bool verbose)
{
	const struct probe_run *run = layout->table.run;
	struct probe_slopes *slopes = NULL;
	size_t slope_count = 0;

	if (!verbose && probe_slopes_list(run, &slopes, &slope_count, NULL))
		return false;
	layout->blocks = calloc(run->cell_count ? run->cell_count : 1, sizeof *layout->blocks);
	for (size_t i = 0; layout->blocks && i < run->cell_count; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = same_block(&run->cells[i], &run->cells[j]);
		if (seen)
			continue;
		layout->blocks[layout->block_count] = (struct block){
			.first_cell = i,
			.hidden = is_swept(run, &run->cells[i], slopes, slope_count),
		};
		if (!layout->blocks[layout->block_count].hidden)
			build(layout, &layout->blocks[layout->block_count], 0);
		layout->block_count++;
	}
	probe_slopes_free(slopes, slope_count);
	return layout->blocks != NULL;
}

/* Prints a block by itself: closer columns, then a larger unit, until it fits; a path's name is cut
 * before a figure is. */
static void print_fitted(struct layout *layout, struct block *block, bool color, FILE *out)
{
	const struct grid_shape *shape = layout->form->wide;
	int widths[GRID_COLUMNS] = {0}, best = 0;
	int width = grid_measure(&block->grid, shape, widths), best_width = INT_MAX;

	for (int thousands = 0; width > GRID_WIDTH && thousands <= TABLE_THOUSANDS; thousands++) {
		shape = layout->form->narrow;
		/* A unit that does not help is not taken. */
		if (thousands)
			build(layout, block, thousands < TABLE_THOUSANDS ? thousands : best);
		memset(widths, 0, sizeof widths);
		width = grid_measure(&block->grid, shape, widths);
		if (width < best_width) {
			best_width = width;
			best = thousands;
		}
	}
	if (width > GRID_WIDTH)
		widths[0] -= width - GRID_WIDTH;
	if (widths[0] < 4)
		widths[0] = 4;
	grid_print(&block->grid, shape, widths, color, out);
}

/* A line for an interpreter, before its blocks. */
static void print_interpreter(const struct probe_run *run, const char *label, bool color, FILE *out)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(run, label);
	char build_text[128] = "";

	if (py)
		probe_interpreter_text(py, build_text, sizeof build_text);
	fprintf(out, "\n%s%s%s%s%s\n", color ? "\033[1m" : "", label, color ? "\033[0m" : "",
		build_text[0] ? "  " : "", build_text);
	if (py && py->missing)
		grid_wrap(out, "  ", 2, py->missing, 3);
}

static void print_blocks(struct layout *layout, bool color, FILE *out)
{
	const struct probe_run *run = layout->table.run;
	int widths[GRID_COLUMNS] = {0}, width = 0;
	const char *before = "";
	size_t hidden = 0;

	/* The same columns in all blocks where that fits. */
	for (size_t b = 0; b < layout->block_count; b++)
		width = grid_measure(&layout->blocks[b].grid, layout->form->wide, widths);
	for (size_t b = 0; b < layout->block_count; b++) {
		struct block *block = &layout->blocks[b];
		const char *label = run->cells[block->first_cell].interpreter;

		if (strcmp(label, before))
			print_interpreter(run, label, color, out);
		else if (!block->hidden)
			fputc('\n', out);
		before = label;
		hidden += block->hidden;
		if (block->hidden)
			continue;
		if (width <= GRID_WIDTH)
			grid_print(&block->grid, layout->form->wide, widths, color, out);
		else
			print_fitted(layout, block, color, out);
	}
	/* Interpreters that gave no cell at all still get their line. */
	for (size_t i = 0; i < run->interpreter_count; i++) {
		bool seen = false;

		for (size_t c = 0; c < run->cell_count && !seen; c++)
			seen = !strcmp(run->cells[c].interpreter, run->interpreters[i].label);
		if (!seen)
			print_interpreter(run, run->interpreters[i].label, color, out);
	}
	if (hidden)
		fprintf(out,
			"\n%zu tables of one workload each are left out: --verbose prints what "
			"each "
			"cell of the sweep costs\n",
			hidden);
}

const char *table_choose_unit(const struct probe_run *run, enum cli_unit asked,
			      struct table_units *out)
{
	struct probe_scale scale;
	const char *note = NULL;
	size_t row = UNIT_NS;

	if (asked == CLI_UNIT_CYCLES && !probe_scale_get(run, PROBE_UNIT_CYCLES, &scale)) {
		row = scale.estimated ? UNIT_CYCLES_ESTIMATED : UNIT_CYCLES;
		if (scale.estimated)
			note = "core cycles per call, estimated (est.) from counter ticks and a "
			       "chain of dependent adds";
	} else if (!probe_scale_get(run, PROBE_UNIT_NS, &scale)) {
		if (asked == CLI_UNIT_CYCLES)
			note = "core cycles are absent: neither counted nor estimated in this "
			       "run; ns instead";
	} else {
		row = UNIT_TICKS;
		note = "the counter's frequency is unknown: counter ticks instead";
		probe_scale_get(run, PROBE_UNIT_TICKS, &scale);
	}
	*out = (struct table_units){scale.per_tick, unit_names[row]};
	return note;
}

void cli_table_print(const struct probe_run *run, const struct cli_table_options *options,
		     FILE *out)
{
	struct layout layout = {
		.table = {.run = run},
		.form = options->phases == 8 ? table_eight(run) : &table_three,
	};
	const char *note = table_choose_unit(run, options->unit, &layout.units);
	bool oom = !build_all(&layout, options->verbose);

	for (size_t b = 0; b < layout.block_count; b++)
		oom = oom || layout.blocks[b].grid.oom;
	table_header(run, note, options->color, out);
	/* Rows that are silently missing would mislead. */
	if (oom)
		fputs("\nout of memory: no table\n", out);
	else
		print_blocks(&layout, options->color, out);
	layout.table.marks |= table_slopes(run, &layout.units, options->color, out);
	layout.table.marks |= table_threads(run, options->color, out);
	table_verdict(run, &layout.units, options->verbose, options->color, out);
	table_notes(run, layout.table.marks, &layout.units, out);
	for (size_t b = 0; b < layout.block_count; b++)
		grid_fini(&layout.blocks[b].grid);
	free(layout.blocks);
}
