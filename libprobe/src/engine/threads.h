/* SPDX-License-Identifier: MIT
 * The same call from several threads at once: windows, their throughput, and the phases that stamps
 * show meanwhile. It knows nothing of Python.
 */
#ifndef PB_ENGINE_THREADS_H
#define PB_ENGINE_THREADS_H

#include "engine/timeline.h"
#include "probe/threaded.h"

/* So many calls were done at that time; of one thread, ascending. */
struct pb_mark {
	double at_s;
	uint64_t calls;
};

struct pb_marks {
	const struct pb_mark *marks;
	size_t count;
};

/* Calls per second summed over all threads, in the span in which all of them run: from the last
 * first mark to the first last one, linear between marks. NaN when there is no such span. Pure. */
double pb_threads_rate(const struct pb_marks *threads, size_t n);

/* The kinds of windows whose threads can be delayed. */
enum { PB_DELAY_PLAIN, PB_DELAY_STAMPED, PB_DELAY_CONTROL, PB_DELAYS };
/* More than this share of a window in which threads were ready to run and others had the CPUs, and
 * the window is contended. */
#define PB_THREADS_DELAYED 0.05

/* One number of threads in one round; NaN = absent. */
struct pb_threads_window {
	double calls_per_s;
	double control_per_s;
	/* That share; NaN = the kernel does not tell, or there are fewer CPUs than threads. */
	double delayed[PB_DELAYS];
	double parts_ns[PROBE_MAX_PARTS]; /* as stamped, mean per call */
};

struct pb_threads_round {
	double empty_ns; /* one iteration of the empty loop */
	struct pb_threads_window at[PROBE_MAX_THREAD_COUNTS + 1];
};

/* What one process found. The first count is 1. */
struct pb_threads_samples {
	unsigned counts[PROBE_MAX_THREAD_COUNTS + 1];
	size_t count_count;
	struct probe_timeline_shape shape; /* 0 parts: nothing was stamped */
	struct pb_threads_round *rounds;
	size_t round_count;
	uint64_t calls;
};

/* Figures of counts[which] from all processes of a row; those of another shape than the first one's
 * give no phases. Fills all but the names, status and cpus; out->passes is allocated here.
 * Returns 0, -PROBE_EINVAL (no process has a usable window), -PROBE_ENOMEM. Pure. */
int pb_threads_analyse(const struct pb_threads_samples *processes, size_t n, size_t which,
		       struct probe_threaded *out, struct probe_error *err);

/* All but pause and arm are called on the worker's own thread; begin() and end() stand around the
 * loops of a window, and what they take (a lock that all loops need) is waited for inside it. */
struct pb_threads_ops {
	/* Once, before anything else; one worker after the other. -1 with the reason in why. */
	int (*enter)(void *ctx, unsigned worker, char *why, size_t size);
	void (*leave)(void *ctx, unsigned worker);
	void (*begin)(void *ctx, unsigned worker);
	void (*end)(void *ctx, unsigned worker);
	int (*run)(void *ctx, unsigned worker, uint64_t calls); /* 0, or -1: the call failed */
	int (*run_empty)(void *ctx, unsigned worker, uint64_t calls);
	/* Between windows, on the caller's thread. */
	void (*arm)(void *ctx, bool stamped); /* NULL = nothing can be stamped */
	int (*pause)(void *ctx);
};

struct pb_threads_config {
	const unsigned *counts; /* ascending, >= 1 */
	size_t count_count;
	unsigned rounds;
	double window_s;
	double wait_s;                    /* for windows that are not contended, all together */
	double stamp_hz;                  /* ticks of a stamp per second */
	const struct pb_timeline *stamps; /* the usual order of stamps; NULL = none */
	uint64_t seed;
	/* Threads are pinned to the CPUs that the process may use, in turn from this one on. */
	int first_cpu;
};

/* Measures. samples->rounds is the caller's to free(), also after a failure.
 * Returns 0; -PROBE_ESYS (a thread can't be started), -PROBE_ECHILD (a call failed; the message is
 * that of enter(), where it has one), -PROBE_EINTR (pause() said no), -PROBE_ENOMEM. */
int pb_threads_run(const struct pb_threads_ops *ops, void *ctx,
		   const struct pb_threads_config *config, struct pb_threads_samples *samples,
		   struct probe_error *err);

#endif
