/* SPDX-License-Identifier: MIT
 * Comparing two runs: per cell and phase the change, whether it is one, and which phase moved.
 *
 * A change counts when a test and a noise band both say so:
 *   test  a pooled t-test over the passes of both runs, each a fresh process, at a level of 99 %
 * for all m figures compared together (99 % / m each, Bonferroni); what else the intervals hold
 *         (the place of stubs) adds in quadrature.
 *   band  the difference is above a share of the cell's total (2 % unless told otherwise), and
 * above PROBE_COMPARE_TICKS counter ticks: what runs of the same thing were seen to differ by.
 * Noise only adds: passes far slower than the others of their run (3.5 scaled median absolute
 * deviations and 1 % of the call, in the total or a phase) are left out and counted, unless they
 * are half of them. The figures compared are those of the passes that are left. Cells that were
 * contended in either run are shown and never judged.
 */
#ifndef PROBE_COMPARE_H
#define PROBE_COMPARE_H

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_COMPARE_BAND  0.02
#define PROBE_COMPARE_TICKS 4.0

enum probe_verdict_of_change {
	PROBE_CHANGE_NONE,    /* not significant */
	PROBE_CHANGE_SLOWER,  /* B above A */
	PROBE_CHANGE_FASTER,  /* B below A */
	PROBE_CHANGE_UNKNOWN, /* absent in one run, or contended: not judged */
};

/* One figure in both runs, in nanoseconds per call. */
struct probe_change {
	unsigned mask;            /* the phase or merged phases; PROBE_MASK_ALL = the total */
	double a_ns, b_ns;        /* NaN where absent */
	double delta_ns, half_ns; /* b - a and the half width of its 95 % interval */
	enum probe_verdict_of_change verdict;
};

#define PROBE_MAX_CHANGES 4

/* One cell that both runs have. Strings are borrowed from run A. */
struct probe_cell_change {
	const char *workload, *path, *interpreter;
	struct probe_change total;
	struct probe_change phases[PROBE_MAX_CHANGES]; /* those that both runs split alike */
	size_t phase_count;
	int moved; /* index of the phase that explains most of a change; -1 = none */
	size_t passes_a, passes_b; /* of each run */
	size_t slow_a, slow_b;     /* of these, left out */
	bool contended;            /* in either run */
	bool only_totals;          /* the runs split this cell differently */
};

struct probe_comparison {
	struct probe_cell_change *cells; /* in A's order */
	size_t cell_count;
	size_t only_a, only_b;      /* measured cells without a partner */
	double geometric_mean;      /* of b / a over the totals; NaN without any */
	double band;                /* as used */
	size_t passes, slow_passes; /* of the cells compared, in both runs; left out of them */
	char **unlike; /* NULL-terminated: what differs between the runs besides time */
	size_t unlike_count;
};

/* Compares. @band  share of the total, 0 to 1; negative = PROBE_COMPARE_BAND.
 * @out  the caller's to release with probe_comparison_free(); borrows from both runs.
 * Returns 0, -PROBE_EINVAL (different counters: no figure can be compared; the message names
 * both), -PROBE_ENOENT (no cell in common), -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_compare(const struct probe_run *a, const struct probe_run *b, double band,
			    struct probe_comparison **out, struct probe_error *err);
PROBE_API void probe_comparison_free(struct probe_comparison *comparison);

/* Writes "1.05x slower: marshalling +21.0 ns", "not significant", ... Returns buf. */
PROBE_API const char *probe_change_text(const struct probe_cell_change *cell, char *buf,
					size_t size);
/* Writes the comparison as a Markdown table, atomically. Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
PROBE_API int probe_comparison_markdown(const struct probe_comparison *comparison, const char *path,
					struct probe_error *err);

/* Writes what plots/delta.gp draws, atomically: every cell of both runs, also those without a
 * partner. a and b are those that were compared. Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
PROBE_API int probe_comparison_plotdata(const struct probe_comparison *comparison,
					const struct probe_run *a, const struct probe_run *b,
					const char *path, struct probe_error *err);

/* The greatest significant increase of a total, as a share of A's; 0 where none got slower. */
PROBE_API double probe_comparison_worst(const struct probe_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
