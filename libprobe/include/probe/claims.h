/* SPDX-License-Identifier: MIT
 * Published claims put to the test: a table of claims as data, the figures that decide them taken
 * from run files, and a verdict on each.
 *
 * The table is a JSON object; "claims" is a list of objects (other members are for whoever
 * measures): id         a word                     title   a line of at most 60 characters claim
 * what is claimed, in full   source  who says so published  the figure as published, at most 40
 * characters measures   what the ratio is of: "pure Python's time over that of ctypes" figure
 * {"run", "workloads", "numerator", "denominator", "differ_in"}: a ratio of two terms
 *              {"path", "phase", "build"}. "phase" is total (the default), boundary (all but
 *              compute), dispatch, marshalling, compute, empty_call; or, of the most threads
 *              that had a CPU each, scaling (calls a second over those of one thread) and cores
 *              (the same of a loop without Python: all that there was to gain). "build" is what the
 *              interpreter must be, {"jit": true, "version": "3.13"}. Both terms are of one
 *              interpreter, unless differ_in lists in what two builds may differ ("JIT", as
 *              builds.h names it): then of each two that differ in nothing else. "run" is the name
 * of the run that counts; without it the first that has the cells. between    [low, high]: where
 * the ratio must lie; null = unbounded in         "each": wherever it is measured (the default);
 * "any": one place is enough why        why these bounds             needs  how to obtain what is
 * missing untestable instead of figure and between: why probe can't tell
 */
#ifndef PROBE_CLAIMS_H
#define PROBE_CLAIMS_H

#include "probe/figures.h"
#include "probe/report.h"
#include "probe/run.h"
#include "probe/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an interpreter's build must be: a fact ("version", "jit", ...) and its value as text. */
struct probe_build_fact {
	char *fact, *value;
};

enum probe_term_phase {
	PROBE_TERM_TOTAL,
	PROBE_TERM_BOUNDARY,
	PROBE_TERM_DISPATCH,
	PROBE_TERM_MARSHALLING,
	PROBE_TERM_COMPUTE,
	PROBE_TERM_EMPTY_CALL,
	PROBE_TERM_SCALING, /* a plain number, in ticks and half as if these had no unit */
	PROBE_TERM_CORES,   /* the same */
};

/* One side of a ratio. */
struct probe_claim_term {
	char *path;
	enum probe_term_phase phase;
	struct probe_build_fact *build;
	size_t build_count;
};

/* One row of the table. Texts that the table may leave out are NULL then. */
struct probe_published {
	char *id, *title, *claim, *source, *published, *measures, *why, *needs;
	char *untestable; /* not NULL: nothing below is set */
	char *run;
	char **workloads; /* NULL-terminated; "sum" is all sizes */
	struct probe_claim_term numerator, denominator;
	char **differ_in; /* NULL-terminated; NULL = one interpreter */
	double low, high; /* -INFINITY, INFINITY where unbounded */
	bool any;
};

struct probe_claim_table {
	struct probe_published *claims;
	size_t count;
};

/* Reads a table. *out is the caller's, to be released with probe_claim_table_free().
 * Returns 0, -PROBE_ENOENT, -PROBE_ESYS, -PROBE_EFORMAT (the message names claim and member),
 * -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_claim_table_load(const char *path, struct probe_claim_table **out,
				     struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_claim_table_free(struct probe_claim_table *table);

enum probe_claim_verdict {
	PROBE_CLAIM_CONFIRMED, /* the whole interval of our ratio is within the bounds */
	PROBE_CLAIM_REFUTED,   /* the whole interval is outside them */
	PROBE_CLAIM_UNDECIDED, /* it straddles a bound, or the cell was contended */
	PROBE_CLAIM_MIXED,     /* of a claim: not the same everywhere */
	PROBE_CLAIM_UNTESTED,  /* not testable here: see the reason */
};

/* "confirmed", "refuted", "undecided", "depends", "not testable here". Threads: safe. */
PROBE_API const char *probe_claim_verdict_name(enum probe_claim_verdict verdict);

/* A run, and what the table calls it. */
struct probe_named_run {
	const char *name;
	const struct probe_run *run;
};

/* The claim at one place: a workload on one interpreter, or on a pair of them. Texts are borrowed
 * from the runs. */
struct probe_claim_finding {
	const struct probe_run *run;
	const char *workload, *over_label, *under_label; /* the same label unless it is a pair */
	struct probe_value over, under;
	unsigned threads; /* of scaling and cores; 0 = the term is a time */
	double over_floor_ticks, under_floor_ticks;
	struct probe_ratio here;
	/* The phase that most of their difference is in; 0 = both rows tell none apart. */
	unsigned mostly;
	struct probe_value mostly_over, mostly_under;
	bool contended;
	enum probe_claim_verdict verdict; /* UNTESTED: reason says why, and no figure is set */
	char reason[320];
};

struct probe_claim_result {
	const struct probe_published *claim;
	enum probe_claim_verdict verdict;
	size_t confirmed, refuted, undecided; /* of the findings; the rest could not be tested */
	struct probe_claim_finding *findings;
	size_t finding_count;
	char reason[320]; /* UNTESTED only */
};

/* Puts every claim of the table to the test.
 * @out  table->count results, the caller's, to be released with probe_claim_results_free(); they
 *       borrow from the table and the runs. Returns 0, -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_claims_judge(const struct probe_claim_table *table,
				 const struct probe_named_run *runs, size_t run_count,
				 struct probe_claim_result **out, struct probe_error *err);
PROBE_API void probe_claim_results_free(struct probe_claim_result *results, size_t n);

/* Writes a document of the verdicts, atomically: an overview, each claim with its figures, and how
 * they were measured. The report's figures are not drawn.
 * Returns as probe_report_write() does, and -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_claims_write(const struct probe_claim_table *table,
				 const struct probe_report *report, enum probe_report_format format,
				 const char *path, struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
