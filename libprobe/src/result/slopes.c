/* SPDX-License-Identifier: MIT
 * From the cells of a sweep to the cost of one more argument: see slopes.h for the estimator.
 */
#include "probe/slopes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define Z975 1.96
/* Every count is a build of its own, and the place of its code in memory alone was seen to move a
 * call by up to so many core cycles: the same in every pass, so that no cell's interval has it. */
#define PLACE_CYCLES 10

/* A cell as the fit sees it. */
struct point {
	double x; /* arguments */
	double total, total_half;
	double marshalling, marshalling_half; /* NaN = not told apart */
	double floor_ticks;
	bool contended;
};

struct line {
	double slope, half;
	double chi2;
	size_t farthest; /* point, in its own standard errors */
	double residual; /* of that one, ticks */
};

static const struct probe_engine *engine_of(const struct probe_cell *cell)
{
	const struct probe_engine *e =
		cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;

	return e && e->total.state != PROBE_ABSENT && isfinite(e->total.ticks) ? e : NULL;
}

/* --- the fit ----------------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, size_t n, double *scratch)
{
	memcpy(scratch, values, n * sizeof *scratch);
	qsort(scratch, n, sizeof *scratch, ascending);
	return n % 2 ? scratch[n / 2] : (scratch[n / 2 - 1] + scratch[n / 2]) / 2;
}

/* The 95 % point of chi2, n >= 1 degrees of freedom (Wilson and Hilferty 1931): within 1 %. */
static double chi2_limit(size_t n)
{
	double v = 2 / (9.0 * (double)n), root = 1 - v + 1.645 * sqrt(v);

	return (double)n * root * root * root;
}

/* Weighted least squares. scratch: room for 2 n. */
static struct line fit(const double *x, const double *y, const double *half, const double *floors,
		       size_t n, double *scratch)
{
	struct line line = {0};
	double usual = median(half, n, scratch), *w = scratch + n;
	double sum = 0, mean_x = 0, mean_y = 0, sxx = 0, sxy = 0, worst = -1;

	for (size_t i = 0; i < n; i++) {
		double h = fmax(fmax(half[i], usual), floors[i]);

		/* Made-up data may be exact; a tick in a thousand calls is less than any reads. */
		w[i] = Z975 / fmax(h, 1e-3);
		w[i] *= w[i];
		sum += w[i];
		mean_x += w[i] * x[i];
		mean_y += w[i] * y[i];
	}
	mean_x /= sum;
	mean_y /= sum;
	for (size_t i = 0; i < n; i++) {
		sxx += w[i] * (x[i] - mean_x) * (x[i] - mean_x);
		sxy += w[i] * (x[i] - mean_x) * (y[i] - mean_y);
	}
	line.slope = sxy / sxx;
	for (size_t i = 0; i < n; i++) {
		double off = y[i] - mean_y - line.slope * (x[i] - mean_x);

		line.chi2 += w[i] * off * off;
		if (w[i] * off * off > worst) {
			worst = w[i] * off * off;
			line.farthest = i;
			line.residual = off;
		}
	}
	line.half = Z975 / sqrt(sxx);
	if (n > 2)
		line.half *= fmax(1, sqrt(line.chi2 / (double)(n - 2)));
	return line;
}

static struct probe_value value_of(const struct line *line, double floor_ticks)
{
	struct probe_value v = {.state = PROBE_EXACT, .ticks = line->slope, .half = line->half};

	v.below_floor = fabs(v.ticks) <= fmax(v.half, floor_ticks);
	return v;
}

/* --- from cells to points ---------------------------------------------------------------------
 */

/* Unknown counts as exact, which the fit then takes for the usual. */
static double half_of(const struct probe_value *v, double place_ticks)
{
	return hypot(isfinite(v->half) ? v->half : 0, place_ticks);
}

static struct point point_of(const struct probe_engine *e, unsigned count, double place_ticks)
{
	struct point p = {
		.x = count,
		.total = e->total.ticks,
		.total_half = half_of(&e->total, place_ticks),
		.marshalling = NAN,
		.marshalling_half = NAN,
		.floor_ticks = e->floor_ticks,
		.contended = e->contended,
	};

	for (size_t i = 0; i < e->folded_count; i++) {
		const struct probe_part *part = &e->folded[i];

		if (part->mask != PROBE_MASK_MARSHALLING || part->value.state == PROBE_ABSENT)
			continue;
		p.marshalling = part->value.ticks;
		p.marshalling_half = half_of(&part->value, place_ticks);
	}
	return p;
}

/* Leaves contended points out where three others remain. */
static size_t set_contended_aside(struct point *points, size_t n)
{
	size_t quiet = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		quiet += !points[i].contended;
	if (quiet < 3)
		return n;
	for (size_t i = 0; i < n; i++)
		if (!points[i].contended)
			points[kept++] = points[i];
	return kept;
}

static void fit_points(struct probe_slope *out, const struct point *points, size_t n,
		       double *columns)
{
	double *x = columns, *y = x + n, *half = y + n, *floors = half + n, *scratch = floors + n;
	double span = points[n - 1].x - points[0].x;
	bool split = true;
	struct line line;

	for (size_t i = 0; i < n; i++) {
		x[i] = points[i].x;
		y[i] = points[i].total;
		half[i] = points[i].total_half;
		floors[i] = points[i].floor_ticks;
		split = split && isfinite(points[i].marshalling);
		out->contended = out->contended || points[i].contended;
		/* What a cell can't resolve, the slope can't over the whole span. */
		out->floor_ticks = fmax(out->floor_ticks, points[i].floor_ticks / span);
	}
	line = fit(x, y, half, floors, n, scratch);
	out->cells = (unsigned)n;
	out->total = value_of(&line, out->floor_ticks);
	out->bent_count = (unsigned)x[line.farthest];
	out->bent_ticks = line.residual;
	out->bent = n > 2 && line.chi2 > chi2_limit(n - 2) &&
		    fabs(line.residual) > fabs(line.slope) / 4;
	if (!split)
		return;
	for (size_t i = 0; i < n; i++) {
		y[i] = points[i].marshalling;
		half[i] = points[i].marshalling_half;
	}
	line = fit(x, y, half, floors, n, scratch);
	out->marshalling = value_of(&line, out->floor_ticks);
}

/* Fits one type on one path; cells are by ascending count. False when out of memory. */
static bool fit_slope(struct probe_slope *out, const struct probe_cell *const *cells,
		      const unsigned *counts, size_t count_count, double place_ticks)
{
	struct point *points = calloc(count_count, sizeof *points);
	double *columns = calloc(6 * count_count, sizeof *columns);
	size_t n = 0, inapplicable = 0;
	bool ok = points && columns;

	out->status = PROBE_CELL_OK;
	out->total = out->marshalling =
		(struct probe_value){.state = PROBE_ABSENT, NAN, NAN, false};
	for (size_t i = 0; ok && i < count_count; i++) {
		const struct probe_engine *e = engine_of(cells[i]);

		if (e && counts[i] > 0)
			points[n++] = point_of(e, counts[i], place_ticks);
		out->prepared = out->prepared || (e && cells[i]->prepared);
		if (!cells[i] || cells[i]->status == PROBE_CELL_OK)
			continue;
		inapplicable += cells[i]->status == PROBE_CELL_INAPPLICABLE;
		if (out->status == PROBE_CELL_OK) {
			out->status = cells[i]->status;
			out->reason = cells[i]->reason;
		}
	}
	if (ok && n >= 2) {
		n = set_contended_aside(points, n);
		fit_points(out, points, n, columns);
	} else {
		out->state = inapplicable ? PROBE_SLOPE_INAPPLICABLE : PROBE_SLOPE_MISSING;
	}
	free(points);
	free(columns);
	return ok;
}

/* --- the table of a sweep ---------------------------------------------------------------------
 */

static size_t place_of(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name))
		i++;
	return i;
}

static void add_name(const char **names, size_t *n, const char *name)
{
	if (place_of(names, *n, name) == *n)
		names[(*n)++] = name;
}

static void add_count(unsigned *counts, size_t *n, unsigned count)
{
	size_t at = 0;

	while (at < *n && counts[at] < count)
		at++;
	if (at < *n && counts[at] == count)
		return;
	memmove(&counts[at + 1], &counts[at], (*n - at) * sizeof *counts);
	counts[at] = count;
	(*n)++;
}

/* The sweep that a cell of this table belongs to; NULL = it is none of it. */
static const struct probe_sweep *sweep_in(const struct probe_run *run,
					  const struct probe_cell *cell, const char *family,
					  const char *interpreter)
{
	const struct probe_sweep *sweep = probe_run_find_sweep(run, cell->workload);

	return sweep && !strcmp(sweep->family, family) && !strcmp(cell->interpreter, interpreter)
		       ? sweep
		       : NULL;
}

/* Fills one table; false when out of memory. */
static bool fill(const struct probe_run *run, struct probe_slopes *t)
{
	double cycles = run->counter.cycles_per_tick; /* 0 = absent */
	double place_ticks = cycles > 0 ? PLACE_CYCLES / cycles : 0;
	size_t most = run->cell_count;

	t->types = calloc(most, sizeof *t->types);
	t->paths = calloc(most, sizeof *t->paths);
	t->counts = calloc(most, sizeof *t->counts);
	if (!t->types || !t->paths || !t->counts)
		return false;
	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];
		const struct probe_sweep *sweep = sweep_in(run, cell, t->family, t->interpreter);

		if (!sweep)
			continue;
		add_name(t->types, &t->type_count, sweep->type);
		add_name(t->paths, &t->path_count, cell->path);
		add_count(t->counts, &t->count_count, sweep->count);
	}
	t->slopes = calloc(t->path_count * t->type_count, sizeof *t->slopes);
	t->cells = calloc(t->path_count * t->type_count * t->count_count, sizeof *t->cells);
	if (!t->slopes || !t->cells)
		return false;
	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];
		const struct probe_sweep *sweep = sweep_in(run, cell, t->family, t->interpreter);
		size_t path, type, count = 0;

		if (!sweep)
			continue;
		path = place_of(t->paths, t->path_count, cell->path);
		type = place_of(t->types, t->type_count, sweep->type);
		while (t->counts[count] != sweep->count)
			count++;
		t->cells[(path * t->type_count + type) * t->count_count + count] = cell;
	}
	for (size_t i = 0; i < t->path_count * t->type_count; i++)
		if (!fit_slope(&t->slopes[i], &t->cells[i * t->count_count], t->counts,
			       t->count_count, place_ticks))
			return false;
	return true;
}

int probe_slopes_list(const struct probe_run *run, struct probe_slopes **out, size_t *n,
		      struct probe_error *err)
{
	struct probe_slopes *list = calloc(run->cell_count + 1, sizeof *list);
	bool oom = !list;
	size_t count = 0;

	for (size_t i = 0; !oom && i < run->cell_count; i++) {
		const char *interpreter = run->cells[i].interpreter;
		const struct probe_sweep *sweep = probe_run_find_sweep(run, run->cells[i].workload);
		bool seen = false;

		for (size_t k = 0; sweep && k < count && !seen; k++)
			seen = !strcmp(list[k].family, sweep->family) &&
			       !strcmp(list[k].interpreter, interpreter);
		if (!sweep || seen)
			continue;
		list[count].family = sweep->family;
		list[count].interpreter = interpreter;
		oom = !fill(run, &list[count++]);
	}
	if (oom) {
		probe_slopes_free(list, count);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	*out = list;
	*n = count;
	return 0;
}

void probe_slopes_free(struct probe_slopes *slopes, size_t n)
{
	for (size_t i = 0; slopes && i < n; i++) {
		free(slopes[i].types);
		free(slopes[i].paths);
		free(slopes[i].counts);
		free(slopes[i].slopes);
		free(slopes[i].cells);
	}
	free(slopes);
}

const struct probe_slope *probe_slope_at(const struct probe_slopes *slopes, size_t path,
					 size_t type)
{
	return &slopes->slopes[path * slopes->type_count + type];
}

const struct probe_cell *probe_slope_cell(const struct probe_slopes *slopes, size_t path,
					  size_t type, size_t count)
{
	return slopes->cells[(path * slopes->type_count + type) * slopes->count_count + count];
}
