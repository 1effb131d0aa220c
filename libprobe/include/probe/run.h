/* SPDX-License-Identifier: MIT
 * The result model: what one run measured. Filled by the matrix, read by tables, exports and plots.
 *
 * Ownership: a struct probe_run owns everything it points to; probe_run_free() releases it all.
 * Threads: one object per thread; nothing here is shared.
 * Units: counter ticks per call unless the name says otherwise; ticks / counter.hz = seconds.
 */
#ifndef PROBE_RUN_H
#define PROBE_RUN_H

#include <stdint.h>

#include "probe/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_SCHEMA_VERSION 1
#define PROBE_MAX_PARTS      8

/* Which counter the figures come from, and why not a better one. */
struct probe_counter_facts {
	char kind[32];            /* "cycles-rdpmc", "cycles-read", "tsc" */
	char unit[48];            /* "core cycles", "TSC ticks" */
	char why[256];            /* one line: why this one */
	double hz;                /* ticks per second, measured */
	double granularity_ticks; /* smallest step seen between two readings */
	double cycles_per_tick;   /* core cycles per tick, estimated from the chain; 0 = absent */
	bool cycles_estimated;    /* true where cycles_per_tick is an estimate (TSC) */
};

/* One interpreter: a build with its switches. label is unique in a run, such as "cpython-3.13.0",
 * "cpython-3.13.15t", "cpython-3.14.10-jit" or "cpython-3.13.0-sub1". */
struct probe_interpreter {
	char label[64];
	char *executable;
	char *program;    /* that of the virtual environment in which it was found; or NULL */
	char version[32]; /* of the language, "3.13.0"; PyPy's own is in its label */
	char implementation[16]; /* "cpython", "pypy", "graalpy" */
	char **environment;      /* switches: "PYTHON_JIT=1", NULL-terminated; NULL = none */
	char **options;          /* switches: "-X", "frozen_modules=off", likewise */
	bool free_threaded;      /* built without the GIL */
	bool gil_off;            /* and it is off in this interpreter's processes */
	bool jit;                /* compiles as it runs */
	bool jit_built;          /* could, on or not */
	bool debug;
	bool tail_call;        /* has the tail-calling interpreter */
	bool static_libpython; /* all in its program, no libpython.so */
	bool headers;          /* Python.h is there */
	char optimisation[48]; /* "-O3, PGO, LTO" */
	char compiler[64];     /* "GCC 12.2.0" */
	char libc[32];
	char *config_args;
	unsigned subinterpreters; /* measured in the last of so many of them, each with a GIL of
				   * its own; 0 = in the main one */
	char *missing; /* NULL, or what its user must install before it can be measured */
};

/* A point of a distribution: the share of calls that take this long at most. */
struct probe_quantile {
	double share; /* 0 to 1 */
	double ticks;
};

#define PROBE_MAX_CURVE 48

/* A distribution of single calls (timeline): quantiles in ticks, stamps already subtracted. */
struct probe_dist {
	unsigned mask; /* the part; PROBE_MASK_ALL = whole call */
	uint64_t calls;
	double p50, p90, p99, p999, max;
	/* Its distribution function, shares ascending, denser towards both ends; of whole calls
	 * only, 0 points in files of before it was kept. */
	struct probe_quantile curve[PROBE_MAX_CURVE];
	size_t curve_count;
};

/* One process's figures: what pyperf calls a run. */
struct probe_pass {
	double total;
	double bare;                    /* uninstrumented total of the twin process; NaN = absent */
	double parts[PROBE_MAX_PARTS];  /* in the order of probe_engine.parts */
	double empty_call;              /* pure-Python rows; NaN = absent */
	double chain_ticks, wide_ticks; /* reference, ticks per add */
	unsigned rounds, rounds_contended, rounds_discarded;
};

/* What one engine found for one cell. */
struct probe_engine {
	bool present;
	struct probe_value total;
	struct probe_value bare;       /* same call, no veneer and no hook, in its own processes */
	struct probe_value closure;    /* bare - total; never spread over the phases */
	struct probe_value empty_call; /* pure Python: an empty function of the same signature */
	/* The sum of the parts less the total: what the processor does of other phases while the
	 * target still runs. Absent where compute was not measured between fences. */
	struct probe_value overlap;
	/* The target called by itself, over and over, each call after the end of the one before;
	 * and the same with calls that may overlap. Absent where its arguments are not all numbers.
	 */
	struct probe_value alone, alone_free;
	struct probe_part parts[PROBE_MAX_PARTS];
	size_t part_count;
	struct probe_part folded[3]; /* the three phases, with their own intervals */
	size_t folded_count;
	struct probe_pass *passes;
	size_t pass_count;
	uint64_t rounds, rounds_contended, rounds_discarded;
	uint64_t calls_per_round;
	double floor_ticks;      /* below this a part says "below the floor" */
	double subtracted_ticks; /* timeline: stamp cost taken out per call */
	bool contended;          /* never got enough quiet rounds */
	struct probe_dist *dists;
	size_t dist_count;
};

#define PROBE_MAX_WARMUP 48

/* How a cell's calls became steady, before they were measured: the series of its first process,
 * with neighbouring bursts of calls joined where there are more than fit, the later the more. */
struct probe_warmup {
	size_t point_count;                 /* 0 = absent */
	double calls[PROBE_MAX_WARMUP];     /* made when the point began */
	double ticks[PROBE_MAX_WARMUP];     /* per call, the loop's own included; NaN = lost */
	double contended[PROBE_MAX_WARMUP]; /* the share of its bursts that don't count, 0 to 1 */
	uint64_t call_count;                /* of the whole warm-up */
	double steady_from; /* calls made when it began to be steady; NaN = it wasn't */
	/* The rounds that were then measured: processes that had enough quiet to be judged, those
	 * of them that were not steady, and their greatest change, a share of the call. */
	unsigned processes, processes_unsteady;
	double change;
};

enum probe_cell_status {
	PROBE_CELL_PENDING, /* not measured yet (an interrupted run) */
	PROBE_CELL_OK,
	PROBE_CELL_UNAVAILABLE, /* can't be built here; reason says why and the fix */
	PROBE_CELL_FAILED,      /* raised, or gave a wrong result */
	PROBE_CELL_CRASHED,     /* died by a signal; backtrace set */
	PROBE_CELL_TIMEOUT,
	PROBE_CELL_INAPPLICABLE, /* this path can't express this function: no failure */
};

/* One workload x path x interpreter. */
struct probe_cell {
	char *workload;    /* "add", "sum:1024" */
	char *path;        /* "ctypes" */
	char *interpreter; /* a label of probe_run.interpreters */
	/* What its callable is, "ctypes" or "python", where path is a name that somebody chose;
	 * NULL = path says it. See probe_cell_binding(). */
	char *binding;
	/* Which of its arguments were made before timing, "buffers and structs", so that the call
	 * has them to convert no more; NULL = none (or a file of before this was kept). */
	char *prepared;
	enum probe_cell_status status;
	char *reason;    /* one line; NULL when OK */
	char *backtrace; /* native frames, one a line; NULL unless CRASHED */
	char **warnings; /* NULL-terminated; NULL = none */
	struct probe_engine ladder;
	struct probe_engine timeline;
	struct probe_warmup warmup;
};

/* "key" -> "value" facts of the machine and the options: CPU, kernel, governor, ... */
struct probe_fact {
	char *key;
	char *value;
};

/* A published ratio that a workload is there to check, for example 27x for fib. */
struct probe_claim {
	char *workload;
	char *numerator;   /* a path */
	char *denominator; /* a path */
	double published;
	char *source;
};

/* A workload of a sweep: its function takes so many arguments, all of one type. */
struct probe_sweep {
	char *workload; /* "args:int:2" */
	char *family;   /* the sweep that it belongs to: "args" */
	char *type;     /* "int" */
	unsigned count; /* of arguments */
};

struct probe_threaded; /* threaded.h */

struct probe_run {
	int schema_version;
	char probe_version[16];
	char started[32]; /* ISO 8601, UTC */
	double duration_s;
	uint64_t seed;
	unsigned passes;
	bool interrupted;
	char *command; /* as typed */
	struct probe_counter_facts counter;
	struct probe_interpreter *interpreters;
	size_t interpreter_count;
	struct probe_cell *cells; /* in table order: interpreter, workload, path */
	size_t cell_count;
	struct probe_fact *facts;
	size_t fact_count;
	struct probe_claim *claims;
	size_t claim_count;
	struct probe_sweep *sweeps;
	size_t sweep_count;
	struct probe_threaded *threaded; /* calls under threads: interpreter, workload, path, ... */
	size_t threaded_count;
	char **warnings; /* NULL-terminated; NULL = none */
};

/* A new, empty run; NULL when out of memory. Free with probe_run_free(). */
PROBE_API struct probe_run *probe_run_new(void);
/* Releases a run and all it owns; NULL is allowed. */
PROBE_API void probe_run_free(struct probe_run *run);

/* Appends; strings are copied. Return the new element (valid until the next append), or NULL when
 * out of memory. */
PROBE_API struct probe_interpreter *probe_run_add_interpreter(struct probe_run *run);
PROBE_API struct probe_cell *probe_run_add_cell(struct probe_run *run, const char *workload,
						const char *path, const char *interpreter);
PROBE_API int probe_run_add_fact(struct probe_run *run, const char *key, const char *value);
PROBE_API int probe_run_add_claim(struct probe_run *run, const char *workload,
				  const char *numerator, const char *denominator, double published,
				  const char *source);
PROBE_API int probe_run_add_sweep(struct probe_run *run, const char *workload, const char *family,
				  const char *type, unsigned count);
PROBE_API int probe_run_add_warning(struct probe_run *run, const char *text);
PROBE_API int probe_cell_add_warning(struct probe_cell *cell, const char *text);

/* Borrow; NULL when there is none. */
PROBE_API struct probe_cell *probe_run_find_cell(const struct probe_run *run, const char *workload,
						 const char *path, const char *interpreter);
PROBE_API struct probe_interpreter *probe_run_find_interpreter(const struct probe_run *run,
							       const char *label);
PROBE_API const struct probe_sweep *probe_run_find_sweep(const struct probe_run *run,
							 const char *workload);

/* The engine whose figures a row shows: the ladder where present, else the timeline, else NULL. */
PROBE_API const struct probe_engine *probe_cell_engine(const struct probe_cell *cell);

/* What a cell's callable is: the name of a call path, "python" for a pure Python function. */
PROBE_API const char *probe_cell_binding(const struct probe_cell *cell);

/* Whether a measured cell never became steady: more than half of its processes still changed while
 * they were measured (in fewer of them, that is a neighbour). Its figures then hold for no one
 * moment. */
PROBE_API bool probe_cell_unsteady(const struct probe_cell *cell);

/* Writes the run as JSON that pyperf loads too; atomically (a temporary file in the same folder,
 * then rename), so that a reader or a crash never sees half a file.
 * A benchmark is named WORKLOAD/PATH/INTERPRETER/PHASE; of calls under threads there is one a row,
 * WORKLOAD/PATH/INTERPRETER@THREADS/CALLABLES/throughput, whose values are the seconds from one
 * call that any of the threads ends to the next: "add/ctypes/cpython-3.13.0@2/shared/throughput".
 * Returns 0, -PROBE_ESYS (unwritable, disk full), -PROBE_ENOMEM. */
PROBE_API int probe_run_save(const struct probe_run *run, const char *path,
			     struct probe_error *err);

/* Loads a run file. *out is the caller's to free.
 * Returns 0, -PROBE_ENOENT, -PROBE_ESYS, -PROBE_EFORMAT (truncated, not JSON, a foreign JSON),
 * -PROBE_EABI (a newer schema). */
PROBE_API int probe_run_load(const char *path, struct probe_run **out, struct probe_error *err);

/* Name of a status: "ok", "unavailable", "failed", "crashed", "timeout",
 * "inapplicable", "pending". */
PROBE_API const char *probe_cell_status_name(enum probe_cell_status status);

#ifdef __cplusplus
}
#endif
#endif
