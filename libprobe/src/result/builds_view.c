/* SPDX-License-Identifier: MIT
 * A run arranged by builds: a block for each workload and path, a row for each interpreter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "probe/builds.h"
#include "result/compare_cells.h"

/* "3.15.0rc1" as numbers in order; what is no final release comes before it. */
struct version {
	int part[3];
	int stage, serial; /* a, b, rc, final: 0 to 3 */
};

static struct version version_of(const char *text)
{
	struct version v = {.stage = 3};
	int used = 0;

	sscanf(text, "%d.%d.%d%n", &v.part[0], &v.part[1], &v.part[2], &used);
	text += used;
	if (used && strchr("abr", *text) && *text) {
		v.stage = *text == 'a' ? 0 : *text == 'b' ? 1 : 2;
		v.serial = atoi(text + strcspn(text, "0123456789"));
	}
	return v;
}

static int rank_of(const char *implementation)
{
	static const char *const known[] = {"cpython", "pypy", "graalpy"};
	int i = 0;

	while (i < 3 && strcmp(known[i], implementation))
		i++;
	return i;
}

static int by_number(int a, int b)
{
	return (a > b) - (a < b);
}

static int by_version(const char *a, const char *b)
{
	struct version x = version_of(a), y = version_of(b);
	int order = 0;

	for (int i = 0; i < 3 && !order; i++)
		order = by_number(x.part[i], y.part[i]);
	order = order ? order : by_number(x.stage, y.stage);
	return order ? order : by_number(x.serial, y.serial);
}

/* Variants of one build stand together: as it is, with the JIT, debug, free-threaded. */
static int by_build(const void *left, const void *right)
{
	const struct probe_build_row *x = left, *y = right;
	const struct probe_interpreter *a = x->interpreter, *b = y->interpreter;
	int order;

	if (!a || !b)
		return a ? -1 : b ? 1 : strverscmp(x->cell->interpreter, y->cell->interpreter);
	order = by_number(rank_of(a->implementation), rank_of(b->implementation));
	order = order ? order : strcmp(a->implementation, b->implementation);
	order = order ? order : by_version(a->version, b->version);
	order = order ? order : by_number(a->free_threaded, b->free_threaded);
	order = order ? order : by_number(a->debug, b->debug);
	order = order ? order : by_number(a->jit, b->jit);
	order = order ? order : by_number(a->gil_off, b->gil_off);
	return order ? order : strverscmp(a->label, b->label);
}

static bool same_block(const struct probe_cell *a, const struct probe_cell *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->path, b->path);
}

static bool is_first(const struct probe_run *run, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_block(&run->cells[k], &run->cells[i]))
			return false;
	return true;
}

static bool is_measured(const struct probe_cell *cell)
{
	const struct probe_engine *e = probe_cell_engine(cell);

	return cell->status == PROBE_CELL_OK && e && e->total.state != PROBE_ABSENT;
}

/* In how many chosen things two builds differ; 0 where one of them is not described. */
static size_t distance(const struct probe_interpreter *a, const struct probe_interpreter *b)
{
	struct probe_build_difference differences[PROBE_MAX_BUILD_DIFFERENCES];
	size_t chosen = 0;

	for (size_t n = a && b ? probe_builds_differ(a, b, differences) : 0; n-- > 0;)
		chosen += differences[n].chosen;
	return chosen;
}

static const struct probe_build_row *find_before(const struct probe_build_row *rows, size_t of)
{
	const struct probe_interpreter *own = rows[of].interpreter;
	const struct probe_build_row *found = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = of; i-- > 0;) {
		const struct probe_interpreter *other = rows[i].interpreter;
		size_t differences = distance(other, own);

		if (!is_measured(rows[i].cell) || differences >= least ||
		    (own && other && strcmp(own->implementation, other->implementation)))
			continue;
		found = &rows[i];
		least = differences;
	}
	return found;
}

static int fill_rows(const struct probe_run *run, const struct probe_cell *first,
		     struct probe_build_block *block)
{
	for (size_t i = 0; i < run->cell_count; i++)
		block->row_count += same_block(first, &run->cells[i]);
	block->rows = calloc(block->row_count, sizeof *block->rows);
	if (!block->rows)
		return -PROBE_ENOMEM;
	for (size_t i = 0, n = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];

		if (!same_block(first, cell))
			continue;
		block->rows[n].cell = cell;
		block->rows[n++].interpreter = probe_run_find_interpreter(run, cell->interpreter);
	}
	qsort(block->rows, block->row_count, sizeof *block->rows, by_build);
	for (size_t i = 0; i < block->row_count; i++)
		if (is_measured(block->rows[i].cell))
			block->rows[i].before = find_before(block->rows, i);
	return 0;
}

static bool is_new_pair(const struct probe_build_block *blocks, size_t b, size_t i)
{
	const struct probe_build_row *row = &blocks[b].rows[i];

	if (!row->before || !row->interpreter || !row->before->interpreter)
		return false;
	for (size_t k = 0; k <= b; k++)
		for (size_t j = 0; j < (k == b ? i : blocks[k].row_count); j++) {
			const struct probe_build_row *other = &blocks[k].rows[j];

			if (other->new_pair && other->interpreter == row->interpreter &&
			    other->before->interpreter == row->before->interpreter)
				return false;
		}
	return true;
}

/* The figures of a row are judged together. Those of other rows are not: with all of a view in one
 * family, a few passes could tell apart no two builds at all. */
static void compare_row(const struct probe_run *run, struct probe_build_row *row)
{
	if (!row->before)
		return;
	for (size_t figures = 0, judging = 0; judging < 2; judging++) {
		pb_compare_cells(row->before->cell, row->cell, run->counter.hz, figures,
				 &row->change);
		figures = 1 + row->change.phase_count;
	}
}

int probe_build_blocks(const struct probe_run *run, struct probe_build_block **out, size_t *count,
		       struct probe_error *err)
{
	struct probe_build_block *blocks = calloc(run->cell_count + 1, sizeof *blocks);
	size_t n = 0;
	int rc = blocks ? 0 : -PROBE_ENOMEM;

	for (size_t i = 0; !rc && i < run->cell_count; i++) {
		if (!is_first(run, i))
			continue;
		blocks[n].workload = run->cells[i].workload;
		blocks[n].path = run->cells[i].path;
		rc = fill_rows(run, &run->cells[i], &blocks[n++]);
	}
	if (rc) {
		probe_build_blocks_free(blocks, n);
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory to arrange %zu cells by builds",
			       run->cell_count);
	}
	for (size_t b = 0; b < n; b++)
		for (size_t i = 0; i < blocks[b].row_count; i++) {
			compare_row(run, &blocks[b].rows[i]);
			blocks[b].rows[i].new_pair = is_new_pair(blocks, b, i);
		}
	*out = blocks;
	*count = n;
	return 0;
}

void probe_build_blocks_free(struct probe_build_block *blocks, size_t count)
{
	for (size_t i = 0; blocks && i < count; i++)
		free(blocks[i].rows);
	free(blocks);
}
