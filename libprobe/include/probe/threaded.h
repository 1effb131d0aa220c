/* SPDX-License-Identifier: MIT
 * One call made by several threads at once: how many calls a second come out, and what each phase
 * of a call takes meanwhile. A run keeps these rows beside its cells, as they answer another
 * question: a cell's figures are those of one thread alone on one CPU.
 *
 * How they are measured: the threads are of one process, start at a barrier, and run for windows of
 * some tens of milliseconds, with the bytecode loop of the cells. Each is pinned to a CPU of its
 * own; where there are more threads than CPUs, they take turns. Windows of one thread, of all the
 * other numbers, without and with stamps, alternate in random order, so that a ratio compares
 * neighbours in time. Time is wall time: a thread that waits is not counted by its cycles.
 */
#ifndef PROBE_THREADED_H
#define PROBE_THREADED_H

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_MAX_THREADS       256
#define PROBE_MAX_THREAD_COUNTS 8
#define PROBE_MAX_THREAD_PHASES 8

/* What the threads call. The loop is each thread's own in both. */
enum probe_callables {
	PROBE_CALLABLES_PRIVATE, /* each thread has loaded the binding and made its arguments */
	PROBE_CALLABLES_SHARED,  /* all call one object with the same arguments */
	PROBE_CALLABLES_COUNT,
};

/* What a set of sub-phases takes in one call, on average: waiting is rare and long, and a median
 * would not see it. Stamps' own cost, as measured with one thread, is taken out. */
struct probe_threaded_phase {
	unsigned mask; /* PROBE_BIT()s */
	double ns, half_ns;
	double grown_ns, grown_half_ns; /* against one thread, paired; what stamps cost cancels */
};

/* One process's figures. */
struct probe_threaded_pass {
	double calls_per_s, scaling, cores;
};

/* One workload x path x interpreter x callables x number of threads. NaN = absent. half: of the
 * 95 % interval. */
struct probe_threaded {
	char *workload, *path, *interpreter; /* of the cell with these names */
	enum probe_callables callables;
	unsigned threads;
	enum probe_cell_status status;
	char *reason;                         /* one line; NULL when OK */
	char *backtrace;                      /* native frames, one a line; NULL unless CRASHED */
	double calls_per_s, calls_per_s_half; /* of all threads together */
	double scaling, scaling_half;         /* calls_per_s over that of one thread */
	/* The control: the same ratio for as many threads of dependent adds, without Python. What
	 * the machine gave just then; scaling can't be more. */
	double cores, cores_half;
	/* From the start of one call to the start of the next in the same thread, the empty loop
	 * taken out. */
	double call_ns, call_ns_half;
	/* Absent for pure Python. They are from windows with stamps, in which other threads' stamps
	 * make a thread wait longer: the sum may be above call_ns, and is not made to fit. */
	struct probe_threaded_phase phases[PROBE_MAX_THREAD_PHASES];
	size_t phase_count;
	double stamps_ns; /* taken out of phases, per call */
	struct probe_threaded_pass *passes;
	size_t pass_count;
	unsigned cpus; /* that its process was allowed to run on */
	/* In too few windows the threads had the CPUs that they could use: others ran there. */
	bool contended;
};

/* "private" or "shared"; "?" when out of range. Threads: safe. */
PROBE_API const char *probe_callables_name(enum probe_callables callables);

/* The phase that grew most against one thread; NULL = none did beyond its interval and 5 % of the
 * call. */
PROBE_API const struct probe_threaded_phase *probe_threaded_grown(
	const struct probe_threaded *threaded);

/* What the sum of the phases is above call_ns, in percent of it; NaN = no phases. */
PROBE_API double probe_threaded_excess_percent(const struct probe_threaded *threaded);

/* Appends a row of the cell, with nothing measured; NULL when out of memory. */
PROBE_API struct probe_threaded *probe_run_add_threaded(struct probe_run *run,
							const struct probe_cell *cell,
							enum probe_callables callables,
							unsigned threads);

/* Reads a list of numbers of threads, such as "1,2,4"; they come out ascending.
 * Returns how many, or -PROBE_EINVAL: none, no number, one twice, over PROBE_MAX_THREADS, or more
 * than PROBE_MAX_THREAD_COUNTS of them. Threads: safe. */
PROBE_API int probe_thread_counts_parse(const char *text, unsigned out[PROBE_MAX_THREAD_COUNTS],
					struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
