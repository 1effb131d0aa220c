/* SPDX-License-Identifier: MIT
 * What one more argument costs: the slope of a call's cost over the number of its arguments, for
 * each type and path of a sweep such as the workload "args". Derived from the cells of a run; not
 * in the run file.
 */
#ifndef PROBE_SLOPES_H
#define PROBE_SLOPES_H

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum probe_slope_state {
	PROBE_SLOPE_OK,
	PROBE_SLOPE_INAPPLICABLE, /* the path can't express enough of these functions */
	PROBE_SLOPE_MISSING,      /* fewer than two counts were measured; status says why */
};

/* One type on one path. Values in ticks per further argument.
 *
 * A straight line is fitted to the totals of the cells with one argument or more. Cells with none
 * stay out: no argument at all is often another calling protocol (no tuple, no array of arguments),
 * and the step from there to one argument is no cost of one more. Contended cells, which noise has
 * moved upwards, stay out where three others remain.
 *
 * The fit is weighted least squares, a cell's standard error being its 95 % half width over 1.96.
 * To that half width comes, in quadrature, what the place of code in memory is known to do (10 core
 * cycles), as every cell is a build of its own. None counts as more exact than the median of the
 * cells in the fit or than its own floor: an interval from a few passes can be small by luck. The
 * slope's half width is 1.96 standard errors; times the Birge ratio, sqrt(chi2 / (cells - 2)),
 * where the cells scatter about the line more than their intervals explain (Birge, Phys. Rev. 40,
 * 1932). */
struct probe_slope {
	enum probe_slope_state state;
	enum probe_cell_status status; /* of the first cell that is missing; OK where none is */
	const char *reason;            /* of that cell; NULL = none */
	struct probe_value total;
	struct probe_value marshalling; /* absent unless every cell of the fit tells it apart */
	double floor_ticks;             /* below this a slope is not resolved */
	unsigned cells;                 /* in the fit */
	bool contended;                 /* some of them were */
	bool prepared;                  /* some had arguments made before timing */
	/* Not a line: chi2 of the totals rejects it at 5 %, and a cell lies off it by more than a
	 * quarter of the slope. */
	bool bent;
	unsigned bent_count; /* arguments of the cell farthest from the line */
	double bent_ticks;   /* that cell less the line */
};

/* A sweep on one interpreter: types and paths in the order of the run, counts ascending. */
struct probe_slopes {
	const char *family, *interpreter;
	const char **types;
	size_t type_count;
	const char **paths;
	size_t path_count;
	unsigned *counts;
	size_t count_count;
	struct probe_slope *slopes; /* path_count x type_count; see probe_slope_at() */
	/* path_count x type_count x count_count; NULL = not in the run. See probe_slope_cell(). */
	const struct probe_cell **cells;
};

/* The sweeps of a run, one for each family and interpreter, in the order of the cells.
 * @out  *n of them (0 = the run holds no sweep), the caller's; release with probe_slopes_free().
 *       They borrow from run, which must outlive them unchanged.
 * Returns 0, -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_slopes_list(const struct probe_run *run, struct probe_slopes **out, size_t *n,
				struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_slopes_free(struct probe_slopes *slopes, size_t n);

/* Borrow; indices must be in range. */
PROBE_API const struct probe_slope *probe_slope_at(const struct probe_slopes *slopes, size_t path,
						   size_t type);
PROBE_API const struct probe_cell *probe_slope_cell(const struct probe_slopes *slopes, size_t path,
						    size_t type, size_t count);

#ifdef __cplusplus
}
#endif
#endif
