/* SPDX-License-Identifier: MIT
 * Figures as people read them: units, significant digits, shares, ratios. The table, the exports
 * and the notebook all go through here, and therefore print the same numbers.
 */
#ifndef PROBE_FIGURES_H
#define PROBE_FIGURES_H

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum probe_unit {
	PROBE_UNIT_TICKS,
	PROBE_UNIT_NS,
	PROBE_UNIT_CYCLES,
};

/* How counter ticks become a unit. */
struct probe_scale {
	double per_tick;
	const char *name; /* "ns", "cycles", "cycles (est.)", "ticks" */
	bool estimated;
};

/* The scale of a unit in this run.
 * Returns 0, -PROBE_ENOENT where the run has no such unit (no frequency, no cycle estimate);
 * *out is written on success only. Threads: safe. */
PROBE_API int probe_scale_get(const struct probe_run *run, enum probe_unit unit,
			      struct probe_scale *out);

enum probe_figure_form {
	PROBE_FIGURE_BOTH,  /* "212 ±1" */
	PROBE_FIGURE_VALUE, /* "212" */
	PROBE_FIGURE_HALF,  /* "±1" */
};

/* Writes a value in the unit of per_tick with as many digits as its interval supports; "<0.4" below
 * the floor; "" when absent. Returns buf. Threads: safe. */
PROBE_API const char *probe_figure_text(const struct probe_value *value, double per_tick,
					double floor_ticks, enum probe_figure_form form, char *buf,
					size_t size);

/* Writes "31.2x" (three digits), "" when ratio is not finite. Returns buf. Threads: safe. */
PROBE_API const char *probe_ratio_text(double ratio, char *buf, size_t size);

/* Writes "57%", "" when either is absent or the part is below the floor. Returns buf. */
PROBE_API const char *probe_share_text(const struct probe_value *part,
				       const struct probe_value *total, char *buf, size_t size);

/* Total of path numerator over total of path denominator; NaN unless both are measured. */
PROBE_API double probe_run_ratio(const struct probe_run *run, const char *workload,
				 const char *numerator, const char *denominator,
				 const char *interpreter);

/* Total of the first Python function measured beside the cell over that of the cell; NaN without
 * one. What a row is decides, and not its path's name, which may be any (see probe_cell_binding()).
 */
PROBE_API double probe_run_speedup(const struct probe_run *run, const struct probe_cell *cell);

/* The closure as a share of the total, in percent; NaN when absent. */
PROBE_API double probe_closure_percent(const struct probe_engine *engine);
/* Whether the closure is more than measuring explains: outside its interval and over 2 %. */
PROBE_API bool probe_closure_is_off(const struct probe_engine *engine);
/* Whether a reader would see that the phases do not sum to the total: the overlap is outside its
 * interval and over 2 % of the total. */
PROBE_API bool probe_overlap_matters(const struct probe_engine *engine);

/* Writes the build in short, such as "-O3, PGO, LTO; GCC 12.2.0"; "" when nothing is known.
 * Returns buf. */
PROBE_API const char *probe_interpreter_text(const struct probe_interpreter *interpreter, char *buf,
					     size_t size);

/* The value of a fact, NULL when the run has it not. */
PROBE_API const char *probe_run_fact(const struct probe_run *run, const char *key);

#ifdef __cplusplus
}
#endif
#endif
