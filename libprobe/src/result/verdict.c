/* SPDX-License-Identifier: MIT
 * From a run's figures to the answer: who is cheapest, by how much, because of which phase.
 */
#include "probe/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "result/verdict_parts.h"

static const char reference_path[] = "python", runtime_path[] = "ctypes";
/* What nobody would choose a binding for; the larger of the two counts. */
#define PRACTICAL_SHARE 0.02
#define PRACTICAL_NS    1.0

static const struct probe_value absent = {.state = PROBE_ABSENT, .ticks = NAN, .half = NAN};

const struct probe_engine *pb_verdict_engine(const struct probe_cell *cell)
{
	const struct probe_engine *e =
		cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;

	return e && e->total.state != PROBE_ABSENT && isfinite(e->total.ticks) ? e : NULL;
}

bool pb_values_apart(const struct probe_value *a, const struct probe_value *b)
{
	return fabs(a->ticks - b->ticks) > a->half + b->half;
}

bool pb_values_separate(const struct probe_value *a, const struct probe_value *b, double hz)
{
	double share = PRACTICAL_SHARE * fmax(fabs(a->ticks), fabs(b->ticks));
	double least = hz > 0 ? PRACTICAL_NS * hz / 1e9 : 0;

	return pb_values_apart(a, b) && fabs(a->ticks - b->ticks) > fmax(share, least);
}

struct probe_ratio pb_ratio(const struct probe_value *over, const struct probe_value *under)
{
	struct probe_ratio ratio = {NAN, NAN};

	if (over->state == PROBE_ABSENT || under->state == PROBE_ABSENT || over->below_floor ||
	    under->below_floor || !(over->ticks > 0) || !(under->ticks > 0))
		return ratio;
	ratio.value = over->ticks / under->ticks;
	ratio.half = ratio.value * hypot(over->half / over->ticks, under->half / under->ticks);
	return ratio;
}

/* --- phases of two rows -----------------------------------------------------------------------
 */

/* Adds a part to a sum, whose state is ABSENT before the first. */
static void add_part(struct probe_value *sum, const struct probe_value *part)
{
	bool first = sum->state == PROBE_ABSENT;

	sum->ticks = first ? part->ticks : sum->ticks + part->ticks;
	sum->half = first ? part->half : hypot(sum->half, part->half);
	sum->below_floor = part->below_floor && (first || sum->below_floor);
	sum->state = part->state > sum->state ? part->state : sum->state;
}

/* The sum of the parts inside mask: 0 where the path has no such phase at all. */
static struct probe_value inside(const struct probe_engine *e, unsigned mask)
{
	struct probe_value sum = absent;

	for (size_t i = 0; i < e->folded_count; i++) {
		if (!(e->folded[i].mask & mask))
			continue;
		if (e->folded[i].value.state == PROBE_ABSENT)
			return absent;
		add_part(&sum, &e->folded[i].value);
	}
	return sum.state == PROBE_ABSENT ? (struct probe_value){.state = PROBE_EXACT} : sum;
}

size_t pb_common_parts(const struct probe_engine *a, const struct probe_engine *b,
		       struct pb_common_part out[3])
{
	struct probe_part joint[6], merged[3];
	size_t n = 0, count;

	if (!a->folded_count || !b->folded_count)
		return 0;
	/* Folding both rows' parts together merges what either of them can't tell apart. */
	for (size_t i = 0; i < a->folded_count; i++)
		joint[n++] = a->folded[i];
	for (size_t i = 0; i < b->folded_count; i++)
		joint[n++] = b->folded[i];
	count = probe_parts_fold(joint, n, merged);
	if (count < 2)
		return 0;
	for (size_t i = 0; i < count; i++)
		out[i] = (struct pb_common_part){merged[i].mask, inside(a, merged[i].mask),
						 inside(b, merged[i].mask)};
	return count;
}

static int by_ticks_descending(const void *a, const void *b)
{
	double x = ((const struct probe_part *)a)->value.ticks;
	double y = ((const struct probe_part *)b)->value.ticks;

	return (x < y) - (x > y);
}

/* The first row beside another one, which may be none of the verdict's. */
static struct probe_versus compare(const struct probe_verdict *v, const struct probe_cell *other,
				   double hz)
{
	const struct probe_engine *low = pb_verdict_engine(v->rows[0].cell);
	const struct probe_engine *high = pb_verdict_engine(other);
	struct probe_versus c = {.other = other, .total = high->total};
	struct pb_common_part parts[3];
	size_t n = pb_common_parts(high, low, parts);

	c.ratio = pb_ratio(&high->total, &low->total);
	c.separate = true;
	for (size_t i = 0; i < v->tied; i++)
		c.separate = c.separate && pb_values_separate(&high->total, &v->rows[i].total, hz);
	for (size_t i = 0; i < n; i++) {
		struct probe_value *more = &c.more[c.more_count].value;

		if (parts[i].a.state == PROBE_ABSENT || parts[i].b.state == PROBE_ABSENT)
			continue;
		c.more[c.more_count++].mask = parts[i].mask;
		more->state =
			parts[i].a.state > parts[i].b.state ? parts[i].a.state : parts[i].b.state;
		more->ticks = parts[i].a.ticks - parts[i].b.ticks;
		more->half = hypot(parts[i].a.half, parts[i].b.half);
		more->below_floor = parts[i].a.below_floor && parts[i].b.below_floor;
	}
	qsort(c.more, c.more_count, sizeof c.more[0], by_ticks_descending);
	return c;
}

/* --- rows -------------------------------------------------------------------------------------
 */

/* Splits the compute of a call that calls Python back: crossing back and forth is boundary too, and
 * compute what native code and the Python function take. False where these can't be told apart. */
static bool split_callback(const struct probe_engine *e, struct probe_verdict_row *row)
{
	struct probe_value crossing = absent, compute = absent;

	if (row->compute.state == PROBE_ABSENT)
		return true;
	for (size_t i = 0; i < e->part_count; i++) {
		unsigned mask = e->parts[i].mask;

		if (!(mask & probe_fold_members(PROBE_MASK_COMPUTE)))
			continue;
		if (e->parts[i].value.state == PROBE_ABSENT)
			return false;
		if (mask == PROBE_BIT(PROBE_SUB_CALLBACK))
			add_part(&crossing, &e->parts[i].value);
		else if (mask & PROBE_BIT(PROBE_SUB_CALLBACK))
			return false;
		else
			add_part(&compute, &e->parts[i].value);
	}
	if (crossing.state == PROBE_ABSENT)
		return true;
	add_part(&row->boundary, &crossing);
	row->compute = compute;
	return true;
}

static struct probe_verdict_row row_of(const struct probe_cell *cell)
{
	const struct probe_engine *e = pb_verdict_engine(cell);
	struct probe_verdict_row row = {
		.cell = cell,
		.total = e->total,
		.boundary = absent,
		.compute = absent,
		.floor_ticks = e->floor_ticks,
		.contended = e->contended,
	};

	for (size_t i = 0; i < e->folded_count; i++)
		if (e->folded[i].mask == PROBE_MASK_COMPUTE)
			row.compute = e->folded[i].value;
	if (row.compute.state != PROBE_ABSENT)
		row.boundary = inside(e, PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE);
	if (!split_callback(e, &row))
		row.boundary = row.compute = absent;
	return row;
}

/* Rows whose arguments were prepared come last. */
static int by_kind_and_total(const void *a, const void *b)
{
	const struct probe_verdict_row *x = a, *y = b;
	bool x_late = x->cell->prepared != NULL, y_late = y->cell->prepared != NULL;

	if (x_late != y_late)
		return x_late - y_late;
	return (x->total.ticks > y->total.ticks) - (x->total.ticks < y->total.ticks);
}

/* Not being told apart does not carry over from one pair to the next. What the tie holds are the
 * first rows of which no two can be told apart, so that no row outside it is cheaper than one
 * inside; rows that can't be told from some of them are marked as near. */
static void rank(struct probe_verdict *v, double hz)
{
	v->ranked = 0;
	while (v->ranked < v->row_count && !v->rows[v->ranked].cell->prepared)
		v->ranked++;
	if (!v->ranked)
		v->ranked = v->row_count;
	for (v->tied = 1; v->tied < v->ranked; v->tied++) {
		const struct probe_value *total = &v->rows[v->tied].total;
		bool practical = false, separate = false;

		for (size_t i = 0; i < v->tied; i++) {
			separate = separate || pb_values_separate(total, &v->rows[i].total, hz);
			practical = practical || pb_values_apart(total, &v->rows[i].total);
		}
		if (separate)
			break;
		v->tied_in_practice = v->tied_in_practice || practical;
	}
	for (size_t k = v->tied; k < v->ranked; k++) {
		struct probe_verdict_row *row = &v->rows[k];

		for (size_t i = 0; i < v->tied; i++)
			row->near = row->near ||
				    !pb_values_separate(&row->total, &v->rows[i].total, hz);
	}
}

/* Looks beyond the tie for whom to compare with. */
static void find_others(struct probe_verdict *v, double hz)
{
	for (size_t i = v->tied; i < v->ranked; i++) {
		const struct probe_cell *cell = v->rows[i].cell;

		if (v->rows[i].near)
			continue;
		if (!v->next.other)
			v->next = compare(v, cell, hz);
		else if (!strcmp(probe_cell_binding(cell), runtime_path) && !v->ctypes.other)
			v->ctypes = compare(v, cell, hz);
	}
}

/* How little is known of a compute time. */
static double doubt(const struct probe_verdict_row *row)
{
	return row->compute.below_floor ? probe_value_most(&row->compute, row->floor_ticks)
					: row->compute.half;
}

/* All paths call the same function: what it takes is known best from the most exact of them. */
static const struct probe_verdict_row *most_exact(const struct probe_verdict *v)
{
	const struct probe_verdict_row *best = NULL;

	for (size_t i = 0; i < v->row_count; i++) {
		const struct probe_verdict_row *row = &v->rows[i];

		if (row->compute.state == PROBE_ABSENT)
			continue;
		if (!best || row->contended < best->contended ||
		    (row->contended == best->contended && doubt(row) < doubt(best)))
			best = row;
	}
	return best;
}

/* A call can hide a short function behind its own work, each path as much as it has. What is left
 * then says little of more of the same work: the most that any path saw is what it may take. */
static double most_seen(const struct probe_verdict *v, const struct probe_verdict_row *exact)
{
	double most = exact->floor_ticks;

	for (size_t i = 0; i < v->row_count && exact->compute.below_floor; i++) {
		const struct probe_verdict_row *row = &v->rows[i];
		double high = probe_value_most(&row->compute, row->floor_ticks);

		if (row->compute.state != PROBE_ABSENT && row->contended == exact->contended &&
		    high > most)
			most = high;
	}
	return most;
}

static void reckon_breakeven(struct probe_verdict *v)
{
	const struct probe_verdict_row *exact = most_exact(v);
	const struct probe_engine *python = pb_verdict_engine(v->python.other);
	struct pb_work work = {.compute = absent};

	v->compute = work.compute;
	if (exact) {
		v->compute = work.compute = exact->compute;
		v->compute_floor_ticks = exact->floor_ticks;
		work.floor_ticks = most_seen(v, exact);
	}
	if (python) {
		work.python = &python->total;
		work.empty = &python->empty_call;
	}
	for (size_t i = 0; i < v->row_count; i++) {
		struct probe_verdict_row *row = &v->rows[i];

		row->tenth = pb_breakeven_tenth(&row->boundary, row->floor_ticks);
		row->python = pb_breakeven_python(&row->boundary, &work);
	}
}

static bool same_block(const struct probe_cell *a, const struct probe_cell *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->interpreter, b->interpreter);
}

static bool is_python(const struct probe_cell *cell)
{
	return !strcmp(probe_cell_binding(cell), reference_path);
}

/* The next measured cell of the block that is, or isn't, a Python function; NULL = no more. */
static const struct probe_cell *next_cell(const struct probe_run *run, size_t first, size_t *at,
					  bool python)
{
	for (; *at < run->cell_count; ++*at) {
		const struct probe_cell *cell = &run->cells[*at];

		if (same_block(cell, &run->cells[first]) && pb_verdict_engine(cell) &&
		    is_python(cell) == python)
			return &run->cells[(*at)++];
	}
	return NULL;
}

/* The bindings; where there is none, Python functions that are to be compared with each other. */
static const struct probe_cell *collect(const struct probe_run *run, size_t first,
					struct probe_verdict *v)
{
	const struct probe_cell *cell, *python = NULL;
	size_t at = first;

	while ((cell = next_cell(run, first, &at, false)))
		v->rows[v->row_count++] = row_of(cell);
	v->all_python = !v->row_count;
	for (at = first; (cell = next_cell(run, first, &at, true));) {
		if (v->all_python)
			v->rows[v->row_count++] = row_of(cell);
		else if (!python || pb_verdict_engine(cell)->total.ticks <
					    pb_verdict_engine(python)->total.ticks)
			python = cell;
	}
	if (v->all_python && v->row_count == 1)
		v->row_count = 0;
	return python;
}

/* Fills one verdict; false when out of memory. v->row_count is 0 where nothing was measured. */
static bool judge(const struct probe_run *run, size_t first, struct probe_verdict *v)
{
	const struct probe_cell *python;
	double hz = run->counter.hz;

	*v = (struct probe_verdict){.workload = run->cells[first].workload,
				    .interpreter = run->cells[first].interpreter};
	v->rows = calloc(run->cell_count - first, sizeof *v->rows);
	if (!v->rows)
		return false;
	python = collect(run, first, v);
	if (!v->row_count)
		return true;
	qsort(v->rows, v->row_count, sizeof *v->rows, by_kind_and_total);
	rank(v, hz);
	find_others(v, hz);
	if (python) {
		v->python = compare(v, python, hz);
		v->python_contended = pb_verdict_engine(python)->contended;
	}
	reckon_breakeven(v);
	return true;
}

int probe_verdict_list(const struct probe_run *run, struct probe_verdict **out, size_t *n,
		       struct probe_error *err)
{
	struct probe_verdict *list = calloc(run->cell_count + 1, sizeof *list);
	bool oom = !list;
	size_t count = 0;

	for (size_t i = 0; !oom && i < run->cell_count; i++) {
		/* A sweep is answered by its slopes. */
		bool seen = probe_run_find_sweep(run, run->cells[i].workload);

		for (size_t j = 0; j < i && !seen; j++)
			seen = same_block(&run->cells[i], &run->cells[j]);
		if (seen)
			continue;
		oom = !judge(run, i, &list[count]);
		if (list[count].row_count)
			count++;
		else
			free(list[count].rows);
	}
	if (oom) {
		probe_verdicts_free(list, count);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	*out = list;
	*n = count;
	return 0;
}

void probe_verdicts_free(struct probe_verdict *verdicts, size_t n)
{
	for (size_t i = 0; verdicts && i < n; i++)
		free(verdicts[i].rows);
	free(verdicts);
}
