/* SPDX-License-Identifier: MIT
 * Several interpreters at a glance: for each workload a row a build, and what changed between them.
 */
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define SUMMARY_LEAD    "summary  "
#define SUMMARY_CHANGES "changes  "
#define SUMMARY_LINES   5

enum {
	SUMMARY_BUILD,
	SUMMARY_CHEAPEST,
	SUMMARY_TIED,
	SUMMARY_TOTAL,
	SUMMARY_NEXT,
	SUMMARY_CTYPES,
	SUMMARY_PYTHON,
	SUMMARY_COUNT
};

static const struct grid_shape summary_shape = {
	.columns = SUMMARY_COUNT,
	.gap = {0, 2, 1, 2, 2, 2, 2},
	.left = 1u << SUMMARY_CHEAPEST | 1u << SUMMARY_TIED | 1u << SUMMARY_NEXT,
};

static void summary_head(struct grid *grid, const char *workload, const char *unit)
{
	struct grid_row *row = grid_add(grid);

	if (!row)
		return;
	row->color = "1";
	snprintf(row->text[SUMMARY_BUILD], GRID_TEXT, SUMMARY_LEAD "%.24s", workload);
	snprintf(row->text[SUMMARY_CHEAPEST], GRID_TEXT, "cheapest binding");
	row->span[SUMMARY_CHEAPEST] = 2;
	row->align[SUMMARY_CHEAPEST] = GRID_LEFT;
	snprintf(row->text[SUMMARY_TOTAL], GRID_TEXT, "total, %.12s", unit);
	snprintf(row->text[SUMMARY_NEXT], GRID_TEXT, "next");
	snprintf(row->text[SUMMARY_CTYPES], GRID_TEXT, "ctypes");
	snprintf(row->text[SUMMARY_PYTHON], GRID_TEXT, "python");
}

static void summary_row(struct grid *grid, const struct probe_verdict *v,
			const struct probe_scale *scale)
{
	struct grid_row *row = grid_add(grid);
	struct probe_summary_line line;

	if (!row)
		return;
	probe_summary_line(v, scale, &line);
	snprintf(row->text[SUMMARY_BUILD], GRID_TEXT, "  %.30s", v->interpreter);
	snprintf(row->text[SUMMARY_CHEAPEST], GRID_TEXT, "%.20s", line.cheapest);
	snprintf(row->text[SUMMARY_TIED], GRID_TEXT, "%.20s", line.tied);
	snprintf(row->text[SUMMARY_TOTAL], GRID_TEXT, "%.20s", line.total);
	snprintf(row->text[SUMMARY_NEXT], GRID_TEXT, "%.24s", line.next);
	snprintf(row->text[SUMMARY_CTYPES], GRID_TEXT, "%s", line.ctypes);
	snprintf(row->text[SUMMARY_PYTHON], GRID_TEXT, "%s", line.python);
}

/* In the first of the units, each a thousand of the one before, in which it fits. */
static bool summary_workload(const struct probe_verdict *verdicts, size_t n, size_t first,
			     const struct table_units *units, bool color, FILE *out)
{
	struct grid grid = {0};
	int widths[GRID_COLUMNS];
	bool ok;

	for (int i = 0; i < TABLE_THOUSANDS; i++) {
		const struct probe_scale scale = {units->per_tick / (double[]){1, 1e3, 1e6, 1e9}[i],
						  units->names[i], false};

		grid_fini(&grid);
		memset(widths, 0, sizeof widths);
		summary_head(&grid, verdicts[first].workload, scale.name);
		for (size_t k = first; k < n; k++)
			if (!strcmp(verdicts[k].workload, verdicts[first].workload))
				summary_row(&grid, &verdicts[k], &scale);
		if (grid_measure(&grid, &summary_shape, widths) <= GRID_WIDTH)
			break;
	}
	ok = !grid.oom;
	fputc('\n', out);
	if (ok)
		grid_print(&grid, &summary_shape, widths, color, out);
	grid_fini(&grid);
	return ok;
}

static bool summary_changes(const struct probe_run *run, const struct probe_scale *scale, FILE *out)
{
	struct probe_build_block *blocks = NULL;
	struct probe_build_step *steps = NULL;
	size_t count = 0, n = 0;
	bool ok = !probe_build_blocks(run, &blocks, &count, NULL) &&
		  !probe_build_steps(run, blocks, count, &steps, &n, NULL);

	if (ok && n)
		fputc('\n', out);
	for (size_t i = 0; ok && i < n; i++) {
		char *words = probe_build_step_words(&steps[i], run, scale);

		ok = words != NULL;
		if (ok)
			grid_wrap(out, SUMMARY_CHANGES, (int)strlen(SUMMARY_CHANGES), words,
				  SUMMARY_LINES);
		free(words);
	}
	free(steps);
	probe_build_blocks_free(blocks, count);
	return ok;
}

bool table_summary(const struct probe_run *run, const struct probe_verdict *verdicts, size_t n,
		   const struct table_units *units, bool verbose, bool color, FILE *out)
{
	const struct probe_scale scale = {units->per_tick, units->names[0], false};
	bool ok = true;

	if (!probe_summary_wanted(verdicts, n))
		return true;
	for (size_t i = 0; i < n && ok; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(verdicts[k].workload, verdicts[i].workload);
		if (!seen && probe_summary_covers(verdicts, n, i))
			ok = summary_workload(verdicts, n, i, units, color, out);
	}
	ok = ok && summary_changes(run, &scale, out);
	if (!ok)
		return false;
	fputc('\n', out);
	grid_wrap(
		out, SUMMARY_LEAD, (int)strlen(SUMMARY_LEAD),
		"next, ctypes, python: how many times as long they take as the cheapest; next is "
		"the first binding that can be told from all of the cheapest; = can't be told from "
		"them, or is as cheap in practice (2% or 1 ns)",
		3);
	if (!verbose)
		grid_wrap(
			out, SUMMARY_LEAD, (int)strlen(SUMMARY_LEAD),
			"in words for each build, with its break-evens: --verbose, or `probe show "
			"--verbose` of its run file",
			2);
	return true;
}
