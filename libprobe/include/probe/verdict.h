/* SPDX-License-Identifier: MIT
 * The answer that a run's figures give: which binding is cheapest and why, from which compute time
 * on a binding pays, and how published ratios compare. As data, and in the words that the command,
 * the exports and the Python package print alike.
 *
 * Two figures are told apart only where their 95 % intervals do not overlap, as much of both is
 * systematic (the place of code in memory) and does not average out, and where they differ by more
 * than anybody would choose a binding for: 2 % or 1 ns, whichever is larger.
 *
 * Like is compared with like: rows whose arguments were made before timing (probe_cell.prepared)
 * are not ranked beside rows that convert theirs on each call.
 */
#ifndef PROBE_VERDICT_H
#define PROBE_VERDICT_H

#include "probe/figures.h"
#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A ratio of two totals with its 95 % interval; both NaN where it is absent. */
struct probe_ratio {
	double value, half;
};

/* From which compute time on something holds. All of it in ticks of native compute per call.
 *
 * Ten per cent: a call of boundary B and compute c spends B / (B + c) at the boundary, which is
 * under a tenth once c > 9 B. (It may cost less than B + c, as the two overlap.)
 *
 * Pure Python: an empty Python function costs E, and the work at hand costs Python g = total - E
 * where native code needs C for it. For more of the same work, worth c of native compute, a binding
 * costs B + c and Python E + (g / C) c. The binding is the cheaper one once
 *     c > (B - E) / (g / C - 1)
 * where g > C; always, if B < E as well: then even an empty native call costs less than an empty
 * Python function. Where g < C, Python does this work faster than the native function: never, or
 * (if B < E) only up to that c. E is 0 where it was not measured. */
enum probe_breakeven_kind {
	PROBE_BREAKEVEN_ABSENT,  /* not measured, or boundary and compute can't be told apart */
	PROBE_BREAKEVEN_AT,      /* from ticks on, within [low, high] */
	PROBE_BREAKEVEN_BELOW,   /* from some point on that is below high (>= the floor) */
	PROBE_BREAKEVEN_ALWAYS,  /* whatever it computes */
	PROBE_BREAKEVEN_NEVER,   /* however long it computes */
	PROBE_BREAKEVEN_UNTIL,   /* only up to ticks, within [low, high] */
	PROBE_BREAKEVEN_UNCLEAR, /* the intervals allow more than one of these */
};

struct probe_breakeven {
	enum probe_breakeven_kind kind;
	double ticks, low, high; /* NaN where the kind has none */
};

/* One binding that was measured. */
struct probe_verdict_row {
	const struct probe_cell *cell;
	struct probe_value total;
	/* What crossing costs: total - compute, and where the function calls Python back, those
	 * crossings too. Summed from the parts, halves in quadrature; absent where a part holds
	 * compute and something else. */
	struct probe_value boundary;
	struct probe_value compute; /* the rest, as measured on this path */
	double floor_ticks;
	bool contended;               /* its total may be too high */
	bool near;                    /* not tied, but not told from each of the tied rows either */
	struct probe_breakeven tenth; /* the boundary falls under 10 % of the call */
	struct probe_breakeven python; /* it beats pure Python */
};

/* What another row costs beyond the cheapest, by phases that both rows tell apart. */
struct probe_versus {
	const struct probe_cell *other; /* NULL = there is none */
	struct probe_value total;       /* of the other */
	struct probe_ratio ratio;       /* the other's total over the cheapest's */
	bool separate;                  /* told from every one of the tied rows */
	struct probe_part more[3];      /* the other's phase less the cheapest's, largest first */
	size_t more_count;              /* 0 = no phase of the two can be compared */
};

/* One workload on one interpreter. */
struct probe_verdict {
	const char *workload, *interpreter;
	/* Bindings that were measured, cheapest first; >= 1. Those with prepared arguments come
	 * last, unless all have them. Where several functions were compared and all are Python's,
	 * these. */
	struct probe_verdict_row *rows;
	size_t row_count;
	size_t ranked; /* of the first rows, how many are compared with one another; >= 1 */
	/* Of these, the first so many that are the cheapest: no two of them can be told apart, and
	 * all others cost more; >= 1. */
	size_t tied;
	bool tied_in_practice;      /* some of them by the 2 % or 1 ns alone */
	bool all_python;            /* rows are Python functions */
	struct probe_value compute; /* the native function's, from the row that has it most exactly;
				     * what break-even against Python is reckoned with */
	double compute_floor_ticks; /* below this, compute is not resolved */
	struct probe_versus next;   /* the cheapest ranked row that is told from all tied ones */
	struct probe_versus ctypes; /* where that is not the cheapest, nor next */
	struct probe_versus python; /* pure Python; no phases */
	bool python_contended;
};

/* The verdicts of a run, in the order of its cells: one for each workload and interpreter that has
 * a measured binding. Sweeps have none: slopes.h answers for them.
 * @out  *n of them, the caller's; release with probe_verdicts_free(). They borrow from run, which
 *       must outlive them unchanged.
 * Returns 0, -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_verdict_list(const struct probe_run *run, struct probe_verdict **out, size_t *n,
				 struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_verdicts_free(struct probe_verdict *verdicts, size_t n);

/* One paragraph of plain text, newly allocated: the cheapest path, by how much, because of which
 * phase, and where it breaks even. Figures in the unit of scale (a thousand, a million of it where
 * that reads better). NULL when out of memory; release with free(). Threads: safe. */
PROBE_API char *probe_verdict_words(const struct probe_verdict *verdict,
				    const struct probe_scale *scale);

/* Writes "4590 ±30", "1200 to 4100", "<50", "always", "never", "up to 40 ±2", "?", or "" when
 * absent. Returns buf. Threads: safe. */
PROBE_API const char *probe_breakeven_text(const struct probe_breakeven *breakeven, double per_tick,
					   char *buf, size_t size);

/* A published ratio beside the one measured on one interpreter. */
struct probe_claim_check {
	const struct probe_claim *claim;
	const char *interpreter;
	const struct probe_cell *numerator, *denominator;
	struct probe_ratio here;
	bool differs; /* the published ratio is outside the interval of ours */
	/* Where it differs: the phase with the largest share of numerator - published *
	 * denominator, which is what separates the two ratios. NULL name: mask 0, no phase that
	 * both rows tell apart, as pure Python has none. */
	unsigned mask;
	struct probe_value over, under; /* that phase in numerator and denominator */
};

/* One for each claim and interpreter that has both paths measured, claims first.
 * @out  *n of them (0 = *out is NULL), the caller's, to be released with free(); they borrow from
 *       run. Returns 0, -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_claim_check_list(const struct probe_run *run, struct probe_claim_check **out,
				     size_t *n, struct probe_error *err);
/* One sentence of plain text, newly allocated: ours, the published one, its source, and where they
 * differ the phase that explains it. NULL when out of memory; release with free(). */
PROBE_API char *probe_claim_words(const struct probe_claim_check *check,
				  const struct probe_scale *scale);

#ifdef __cplusplus
}
#endif
#endif
