/* SPDX-License-Identifier: MIT
 * What stands below the tables: for each of them a paragraph of words and the break-even of its
 * paths; and the published ratios beside ours.
 */
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define LEAD       "verdict  "
#define MOST_LINES 12

enum { COL_PATH, COL_BOUNDARY, COL_COMPUTE, COL_TENTH, COL_PYTHON, COL_COUNT };

static const struct grid_shape breakeven_shape = {
	.columns = COL_COUNT,
	.gap = {(int)sizeof LEAD - 1, 2, 3, 3, 3},
};

static void put_figure(const struct probe_value *value, double floor_ticks, double per_tick,
		       char *out)
{
	probe_figure_text(value, per_tick, floor_ticks, PROBE_FIGURE_BOTH, out, GRID_TEXT);
}

static void build_breakeven(const struct probe_verdict *v, double per_tick, const char *unit,
			    struct grid *grid)
{
	struct grid_row *row;

	grid_fini(grid);
	row = grid_add(grid);
	if (!row)
		return;
	row->color = "1";
	snprintf(row->text[COL_PATH], GRID_TEXT, "break-even, %s", unit);
	snprintf(row->text[COL_BOUNDARY], GRID_TEXT, "boundary");
	snprintf(row->text[COL_COMPUTE], GRID_TEXT, "compute here");
	snprintf(row->text[COL_TENTH], GRID_TEXT, "under 10%% from");
	if (v->python.other)
		snprintf(row->text[COL_PYTHON], GRID_TEXT, "beats python from");
	for (size_t i = 0; i < v->row_count; i++) {
		const struct probe_verdict_row *from = &v->rows[i];

		row = grid_add(grid);
		if (!row)
			return;
		snprintf(row->text[COL_PATH], GRID_TEXT, "%.30s%s%s", from->cell->path,
			 from->cell->prepared ? " p" : "", from->contended ? " !" : "");
		if (from->boundary.state == PROBE_ABSENT) {
			snprintf(row->text[COL_BOUNDARY], GRID_TEXT, "not split");
			continue;
		}
		put_figure(&from->boundary, from->floor_ticks, per_tick, row->text[COL_BOUNDARY]);
		put_figure(&from->compute, from->floor_ticks, per_tick, row->text[COL_COMPUTE]);
		probe_breakeven_text(&from->tenth, per_tick, row->text[COL_TENTH], GRID_TEXT);
		probe_breakeven_text(&from->python, per_tick, row->text[COL_PYTHON], GRID_TEXT);
	}
}

/* In the first of the units, each a thousand of the one before, in which it fits. */
static bool print_breakeven(const struct probe_verdict *v, const struct table_units *units,
			    bool color, FILE *out)
{
	struct grid grid = {0};
	double per_tick = units->per_tick;
	int widths[GRID_COLUMNS];
	bool ok;

	for (int i = 0; i < TABLE_THOUSANDS; i++, per_tick /= 1000) {
		memset(widths, 0, sizeof widths);
		build_breakeven(v, per_tick, units->names[i], &grid);
		if (grid_measure(&grid, &breakeven_shape, widths) <= GRID_WIDTH)
			break;
	}
	ok = !grid.oom;
	if (ok)
		grid_print(&grid, &breakeven_shape, widths, color, out);
	grid_fini(&grid);
	return ok;
}

/* What the columns mean: once, below the last of them. */
static void print_verdict_notes(bool python, FILE *out)
{
	static const struct {
		const char *lead, *text;
	} meanings[] = {
		{"boundary           ", "dispatch and marshalling: what crossing costs"},
		{"under 10% from     ",
		 "the compute time from which on the boundary is under 10% of the call"},
		{"beats python from  ",
		 "the compute time from which on the call is cheaper than pure Python, for more of "
		 "the same work; ? where the intervals leave that open"},
	};

	fputc('\n', out);
	for (size_t i = 0; i < 2 + (size_t)python; i++)
		grid_wrap(out, meanings[i].lead, (int)strlen(meanings[i].lead), meanings[i].text,
			  3);
}

static bool any_boundary(const struct probe_verdict *v)
{
	for (size_t i = 0; i < v->row_count; i++)
		if (v->rows[i].boundary.state != PROBE_ABSENT)
			return true;
	return false;
}

void table_verdict(const struct probe_run *run, const struct table_units *units, bool verbose,
		   bool color, FILE *out)
{
	const struct probe_scale scale = {units->per_tick, units->names[0], false};
	struct probe_verdict *verdicts = NULL;
	size_t n = 0;
	bool tables = false, python = false, ok = !probe_verdict_list(run, &verdicts, &n, NULL);

	ok = ok && table_summary(run, verdicts, n, units, verbose, color, out);
	for (size_t i = 0; i < n && ok; i++) {
		char *words;

		if (!verbose && probe_summary_covers(verdicts, n, i))
			continue;
		words = probe_verdict_words(&verdicts[i], &scale);
		ok = words != NULL;
		if (!ok)
			break;
		fputc('\n', out);
		grid_wrap(out, LEAD, (int)strlen(LEAD), words, MOST_LINES);
		free(words);
		if (!any_boundary(&verdicts[i]))
			continue;
		ok = print_breakeven(&verdicts[i], units, color, out);
		tables = true;
		python = python || verdicts[i].python.other;
	}
	if (tables && ok)
		print_verdict_notes(python, out);
	if (!ok)
		fputs("\nout of memory: no verdict\n", out);
	probe_verdicts_free(verdicts, n);
}

void table_claims(const struct probe_run *run, const struct table_units *units, FILE *out)
{
	const struct probe_scale scale = {units->per_tick, units->names[0], false};
	struct probe_claim_check *checks = NULL;
	size_t n = 0;

	if (probe_claim_check_list(run, &checks, &n, NULL))
		fputs("\nout of memory: no claims\n", out);
	for (size_t i = 0; i < n; i++) {
		char *words = probe_claim_words(&checks[i], &scale);

		fputs(i ? "" : "\n", out);
		grid_wrap(out, "claim    ", 9, words ? words : "out of memory", 6);
		free(words);
	}
	free(checks);
}
