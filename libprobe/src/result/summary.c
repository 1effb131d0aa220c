/* SPDX-License-Identifier: MIT
 * Verdicts as rows of texts, and what changed between builds in words.
 */
#include "probe/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "result/verdict_text.h"

static bool is_ctypes(const struct probe_cell *cell)
{
	return cell && !strcmp(probe_cell_binding(cell), "ctypes");
}

/* Where ctypes stands beside the cheapest. */
static void say_ctypes(const struct probe_verdict *v, char *text, size_t size)
{
	const struct probe_versus *to = is_ctypes(v->next.other) ? &v->next : &v->ctypes;

	text[0] = '\0';
	for (size_t i = 0; i < v->row_count; i++) {
		if (!is_ctypes(v->rows[i].cell))
			continue;
		if (i >= v->ranked)
			snprintf(text, size, "p");
		else if (i < v->tied || v->rows[i].near)
			snprintf(text, size, "=");
		else
			pb_say_ratio(&to->ratio, PROBE_FIGURE_VALUE, text, size);
		return;
	}
}

void probe_summary_line(const struct probe_verdict *v, const struct probe_scale *scale,
			struct probe_summary_line *out)
{
	const struct probe_verdict_row *first = &v->rows[0];
	char ratio[32];

	*out = (struct probe_summary_line){0};
	snprintf(out->cheapest, sizeof out->cheapest, "%.36s%s", first->cell->path,
		 first->contended ? " !" : "");
	if (v->tied == 2)
		snprintf(out->tied, sizeof out->tied, "or %.30s", v->rows[1].cell->path);
	else if (v->tied > 2)
		snprintf(out->tied, sizeof out->tied, "or %zu others", v->tied - 1);
	probe_figure_text(&first->total, scale->per_tick, first->floor_ticks, PROBE_FIGURE_BOTH,
			  out->total, sizeof out->total);
	if (v->next.other && isfinite(v->next.ratio.value))
		snprintf(out->next, sizeof out->next, "%.20s %.36s",
			 pb_say_ratio(&v->next.ratio, PROBE_FIGURE_VALUE, ratio, sizeof ratio),
			 v->next.other->path);
	say_ctypes(v, out->ctypes, sizeof out->ctypes);
	if (v->python.other && !v->python.separate)
		snprintf(out->python, sizeof out->python, "=");
	else if (v->python.other && isfinite(v->python.ratio.value))
		pb_say_ratio(&v->python.ratio, PROBE_FIGURE_VALUE, out->python, sizeof out->python);
}

bool probe_summary_covers(const struct probe_verdict *verdicts, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (k != i && !strcmp(verdicts[k].workload, verdicts[i].workload))
			return true;
	return false;
}

bool probe_summary_wanted(const struct probe_verdict *verdicts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (probe_summary_covers(verdicts, n, i))
			return true;
	return false;
}

/* --- from one build to the next -----------------------------------------------------------------
 */

static struct probe_build_step *step_of(struct probe_build_step *steps, size_t *n,
					const char *workload, const struct probe_build_row *row)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(steps[i].workload, workload) &&
		    steps[i].before == row->before->interpreter &&
		    steps[i].after == row->interpreter)
			return &steps[i];
	steps[*n] = (struct probe_build_step){.workload = workload,
					      .before = row->before->interpreter,
					      .after = row->interpreter};
	return &steps[(*n)++];
}

static double ratio_of(const struct probe_build_row *row)
{
	return row->change.total.b_ns / row->change.total.a_ns;
}

static void count_row(struct probe_build_step *step, const struct probe_build_row *row,
		      const char *path)
{
	enum probe_verdict_of_change verdict = row->change.total.verdict;

	if (!strcmp(probe_cell_binding(row->cell), "python")) {
		step->python = row;
	} else if (row->change.contended || !(row->change.total.a_ns > 0)) {
		step->unknown++;
	} else if (verdict == PROBE_CHANGE_FASTER) {
		step->cheaper++;
		if (!step->least || ratio_of(row) < ratio_of(step->least)) {
			step->least = row;
			step->least_path = path;
		}
	} else if (verdict == PROBE_CHANGE_SLOWER) {
		step->dearer++;
		if (!step->most || ratio_of(row) > ratio_of(step->most)) {
			step->most = row;
			step->most_path = path;
		}
	} else {
		step->same++;
	}
}

int probe_build_steps(const struct probe_run *run, const struct probe_build_block *blocks,
		      size_t count, struct probe_build_step **out, size_t *n,
		      struct probe_error *err)
{
	struct probe_build_step *steps = calloc(run->cell_count + 1, sizeof *steps);

	*out = NULL;
	*n = 0;
	if (!steps)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	for (size_t b = 0; b < count; b++) {
		if (probe_run_find_sweep(run, blocks[b].workload))
			continue;
		for (size_t i = 0; i < blocks[b].row_count; i++) {
			const struct probe_build_row *row = &blocks[b].rows[i];

			if (row->before && row->before->interpreter && row->interpreter)
				count_row(step_of(steps, n, blocks[b].workload, row), row,
					  blocks[b].path);
		}
	}
	if (*n)
		*out = steps;
	else
		free(steps);
	return 0;
}

/* "62 to 13 ns". */
static void add_totals(struct pb_buf *out, const struct probe_build_row *row,
		       const struct probe_scale *scale)
{
	const struct probe_engine *from = probe_cell_engine(row->before->cell);
	const struct probe_engine *to = probe_cell_engine(row->cell);
	char a[48], b[48];

	probe_figure_text(&from->total, scale->per_tick, from->floor_ticks, PROBE_FIGURE_VALUE, a,
			  sizeof a);
	probe_figure_text(&to->total, scale->per_tick, to->floor_ticks, PROBE_FIGURE_VALUE, b,
			  sizeof b);
	pb_buf_printf(out, "%s to %s %s", a, b, scale->name);
}

/* "capi-abi3 (62 to 13 ns: dispatch 26 ns less)". */
static void add_row(struct pb_buf *out, const struct probe_build_row *row, const char *path,
		    double ns_to_ticks, const struct probe_scale *scale)
{
	const struct probe_cell_change *change = &row->change;
	char figure[48], name[64];

	pb_buf_printf(out, "%s (", path);
	add_totals(out, row, scale);
	if (change->moved >= 0) {
		const struct probe_change *phase = &change->phases[change->moved];
		const struct probe_value moved = {PROBE_EXACT, fabs(phase->delta_ns) * ns_to_ticks,
						  phase->half_ns * ns_to_ticks, false};

		probe_figure_text(&moved, scale->per_tick, 0, PROBE_FIGURE_VALUE, figure,
				  sizeof figure);
		pb_buf_printf(out, ": %s %s %s %s", probe_part_name(phase->mask, name, sizeof name),
			      figure, scale->name, phase->delta_ns < 0 ? "less" : "more");
	}
	pb_buf_puts(out, ")");
}

/* "9 bindings cost less, most of all "; only the first of the groups says of what. */
static void begin_group(struct pb_buf *out, bool *said, size_t n, const char *costs)
{
	pb_buf_printf(out, "%s%zu%s ", *said ? "; " : "", n,
		      *said    ? ""
		      : n == 1 ? " binding"
			       : " bindings");
	pb_buf_puts(out, costs);
	*said = true;
}

static void add_bindings(struct pb_buf *out, const struct probe_build_step *step,
			 double ns_to_ticks, const struct probe_scale *scale)
{
	bool said = false;

	if (step->cheaper) {
		begin_group(out, &said, step->cheaper,
			    step->cheaper > 1 ? "cost less, most of all " : "costs less, ");
		add_row(out, step->least, step->least_path, ns_to_ticks, scale);
	}
	if (step->dearer) {
		begin_group(out, &said, step->dearer,
			    step->dearer > 1 ? "cost more, most of all " : "costs more, ");
		add_row(out, step->most, step->most_path, ns_to_ticks, scale);
	}
	if (step->same)
		begin_group(out, &said, step->same, "the same within noise");
	if (step->unknown)
		begin_group(out, &said, step->unknown, "contended");
}

char *probe_build_step_words(const struct probe_build_step *step, const struct probe_run *run,
			     const struct probe_scale *scale)
{
	const double ns_to_ticks = run->counter.hz > 0 ? run->counter.hz / 1e9 : 1;
	struct pb_buf out = {0};
	char differs[400];

	pb_buf_printf(&out, "%s, %s to %s (%s): ", step->workload, step->before->label,
		      step->after->label,
		      probe_builds_text(step->before, step->after, differs, sizeof differs));
	if (step->python) {
		enum probe_verdict_of_change verdict = step->python->change.total.verdict;

		pb_buf_puts(&out, "pure Python ");
		if (verdict == PROBE_CHANGE_FASTER || verdict == PROBE_CHANGE_SLOWER)
			add_totals(&out, step->python, scale);
		else
			pb_buf_puts(&out, "the same within noise");
		pb_buf_puts(&out,
			    step->cheaper + step->dearer + step->same + step->unknown ? "; " : "");
	}
	add_bindings(&out, step, ns_to_ticks, scale);
	pb_buf_puts(&out, ".");
	if (out.oom)
		pb_buf_fini(&out);
	return out.data;
}
