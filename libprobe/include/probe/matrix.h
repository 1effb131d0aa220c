/* SPDX-License-Identifier: MIT
 * Measuring a matrix: workloads x paths x interpreters, each cell in a fresh child process in each
 * of several passes.
 */
#ifndef PROBE_MATRIX_H
#define PROBE_MATRIX_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/threaded.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_ENGINE_LADDER   1u
#define PROBE_ENGINE_TIMELINE 2u

enum probe_preset_id { PROBE_PRESET_DEFAULT, PROBE_PRESET_FAST, PROBE_PRESET_RIGOROUS };

/* How much is measured; what an option leaves at 0 comes from here. */
struct probe_preset {
	const char *name;
	unsigned passes; /* fresh processes for each cell and engine */
	unsigned rounds; /* quiet rounds wanted in each process */
	double round_us; /* aimed length of one rung in one round */
	double wait_s;   /* how long a process waits for a quiet machine */
};

/* Never NULL; an unknown id gives the default. Threads: safe (constant). */
PROBE_API const struct probe_preset *probe_preset_get(enum probe_preset_id id);

enum probe_stage {
	PROBE_STAGE_PREPARE, /* building kernels, bindings and the extension */
	PROBE_STAGE_MEASURE,
};

/* Where a run stands. Strings are valid during the callback only. */
struct probe_progress {
	enum probe_stage stage;
	size_t done, total;    /* interpreters (prepare), processes (measure) */
	unsigned pass, passes; /* from 1; 0 while preparing */
	double elapsed_s;
	double remaining_s;      /* of this stage, estimated; NaN = not known yet */
	const char *interpreter; /* the current one, or NULL */
	const char *workload;    /* NULL while preparing */
	const char *path;        /* NULL while preparing */
	const char *step;        /* what is built, or the engine: "ladder", "bare", "timeline" */
};

/* What to measure, and how. All zero but workloads is a valid start. */
struct probe_matrix_options {
	/* NULL-terminated, at least one: names such as "add", "sum" (all sizes), "sum:1024"; and at
	 * most one function of the user's own: a library (a path, or a name like "libm.so.6") or a
	 * .c file followed by a prototype ("double hypot(double x, double y)"), or a Python
	 * callable ("zlib:crc32"), which is measured alone. */
	const char *const *workloads;
	const char *args;         /* the function's: Python literals, comma-separated; or NULL */
	const char *target;       /* a callable's: "libz.so.1:crc32", where it computes; or NULL */
	const char *paths;        /* comma-separated, such as "ctypes,cffi-abi"; NULL = all */
	const char *interpreters; /* comma-separated versions or programs; NULL = all found */
	unsigned engines;         /* PROBE_ENGINE_*; 0 = the ladder */
	unsigned subinterpreters; /* 1 to 64: measures each interpreter that has any in the last
				   * of so many, too; 0 = in none */
	/* Comma-separated numbers: every cell is measured under so many threads, too; NULL = not.
	 * Each thread is pinned to a CPU of its own: see threaded.h. */
	const char *threads;
	enum probe_preset_id preset;
	/* 1 to 1000; 0 = the preset's. A cell whose closure is off after 3 or more is measured in
	 * as many again, and has a warning that says so. */
	unsigned passes;
	unsigned rounds; /* 10 to 100000; 0 = the preset's */
	/* 4 to 2^40: for each row the function is called at most so often, in all processes
	 * together and with the two calls beforehand; no process calls it without hooks, so there
	 * is no closure, and passes is 1 unless it is given. 0 = as often as it takes. */
	uint64_t max_calls;
	double round_us;     /* 1 to 1e6; 0 = the preset's */
	double wait_s;       /* at most 3600; 0 = the preset's, negative = don't wait */
	double timeout_s;    /* for each child process that measures; 0 = 60 */
	int cpu_plus_1;      /* CPU to pin to, + 1; 0 = pick a good one */
	uint64_t seed;       /* of orders, layouts and resampling; 0 is a seed like any other */
	const char *output;  /* run file, rewritten as the run goes on; NULL = none */
	const char *command; /* as typed, for the run file; NULL = none */
	/* Called at each start of a process and about once a second; NULL = never. */
	void (*on_progress)(void *ctx, const struct probe_progress *progress);
	/* Called once when the run file can't be written while measuring goes on; NULL = never. */
	void (*on_problem)(void *ctx, const char *message);
	void *ctx;
	/* Set it (from a signal handler, say) to end promptly and keep what is measured. */
	const volatile sig_atomic_t *cancel;
};

/* Checks, builds what is missing and measures.
 * @out  set whenever measuring was reached, also by -PROBE_EINTR and -PROBE_ECHILD, so that no
 *       result is lost; the caller's to free. NULL after any other failure.
 * Returns 0 when at least one cell was measured (look at each cell's status);
 * -PROBE_EINVAL (an option out of range), -PROBE_ENOENT (unknown workload, path or interpreter),
 * -PROBE_ESYS (output can't be written, and others): found before anything is built or measured;
 * -PROBE_EINTR (cancelled), -PROBE_ECHILD (no cell could be measured; the message says why the
 * first one could not), -PROBE_ENOMEM.
 * Threads: safe; but changes this thread's signal mask while it waits. Cost: minutes. */
PROBE_API int probe_matrix_run(const struct probe_matrix_options *options, struct probe_run **out,
			       struct probe_error *err);

/* Whether the file could be written, without writing it. Returns 0 or -PROBE_ESYS. */
PROBE_API int probe_output_check(const char *path, struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
