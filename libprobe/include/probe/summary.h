/* SPDX-License-Identifier: MIT
 * Several interpreters at a glance: which binding is the cheapest on each of them, by how much, and
 * what changed from one build to the next. For the terminal, the exports and reports alike.
 */
#ifndef PROBE_SUMMARY_H
#define PROBE_SUMMARY_H

#include "probe/builds.h"
#include "probe/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A verdict as a row of texts. Ratios say how many times as long as the cheapest one the others
 * take: "16.6x"; "=" is as cheap or can't be told from it, "p" not ranked (prepared arguments), ""
 * not measured. */
struct probe_summary_line {
	char cheapest[48]; /* "capi-abi3" */
	char tied[40];     /* "", "or nanobind", "or 3 others": those that are as cheap */
	char total[48];    /* "13 ±2" */
	char next[64];     /* "1.50x nanobind": the cheapest that is told from it */
	char ctypes[24];
	char python[24];
};

/* Fills a line. Threads: safe. */
PROBE_API void probe_summary_line(const struct probe_verdict *verdict,
				  const struct probe_scale *scale, struct probe_summary_line *out);

/* Whether a summary stands for the words of these verdicts: one of their workloads was measured on
 * more than one interpreter. Threads: safe. */
PROBE_API bool probe_summary_wanted(const struct probe_verdict *verdicts, size_t n);
/* The same of the workload of one of them, at index i. */
PROBE_API bool probe_summary_covers(const struct probe_verdict *verdicts, size_t n, size_t i);

/* What changed from one build to another in all paths of a workload. */
struct probe_build_step {
	const char *workload;
	const struct probe_interpreter *before, *after;
	const struct probe_build_row *python; /* that of pure Python; NULL = none */
	size_t cheaper, dearer, same;         /* bindings; same: within noise */
	size_t unknown;                       /* contended */
	const struct probe_build_row
		*least;                     /* of the cheaper, whose total fell most; NULL = none */
	const struct probe_build_row *most; /* of the dearer, whose rose most; NULL = none */
	const char *least_path, *most_path;
};

/* The steps of a run's builds, workload by workload; sweeps have none.
 * @blocks  of probe_build_blocks(), which the steps borrow from. @out  *n of them, to be released
 * with free(); NULL where there is none. Returns 0 or -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_build_steps(const struct probe_run *run, const struct probe_build_block *blocks,
				size_t count, struct probe_build_step **out, size_t *n,
				struct probe_error *err);

/* "add, cpython-3.8.18 to cpython-3.13.0 (version only): 9 paths cost less, ..."; newly allocated,
 * NULL when out of memory. @run  the steps' own. Threads: safe. */
PROBE_API char *probe_build_step_words(const struct probe_build_step *step,
				       const struct probe_run *run,
				       const struct probe_scale *scale);

#ifdef __cplusplus
}
#endif
#endif
