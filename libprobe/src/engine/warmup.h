/* SPDX-License-Identifier: MIT
 * Warming up: the call is made in timed bursts until their series is steady (steady.h), so that
 * what is measured afterwards is neither unspecialised nor uncompiled code.
 */
#ifndef PB_ENGINE_WARMUP_H
#define PB_ENGINE_WARMUP_H

#include "probe/analysis.h"
#include "probe/counter.h"

struct pb_warmup_ops {
	/* Makes the calls and stores the ticks they took, or PB_TICKS_LOST. 0 or -1. */
	int (*burst)(void *ctx, uint64_t calls, uint64_t *ticks);
	/* Runs as often whatever else must be warm, untimed; NULL = nothing. 0 or -1. */
	int (*beside)(void *ctx, uint64_t calls);
	/* Whether a compiler is at work beside the calls: then they are not steady yet, whatever
	 * their series says. Asked at every look; NULL = there is none. */
	bool (*compiling)(void *ctx);
};

/* Steady is believed after least_calls or least_s, whichever comes first: compilers count, and a
 * step that is still to come can't be seen. A tracing JIT of CPython starts at 4,096 iterations of
 * a loop, PyPy's at 1,039; GraalPy compiles in the background and takes seconds. */
struct pb_warmup_config {
	double burst_us; /* aimed length of a burst */
	uint64_t least_calls;
	double least_s, most_s;
	size_t most_bursts;
	double quiet_ratio; /* wide/chain known as quiet; 0 = unknown */
};

/* What suits CPython's builds. */
extern const struct pb_warmup_config pb_warmup_usual;

/* Warms up. The bursts begin with single calls and grow until they take burst_us.
 * @out  the bursts, the caller's to free(); NULL after a failure.
 * Returns 0 (steady or not), -PROBE_ECHILD (an op failed), -PROBE_ENOMEM. */
int pb_warmup_run(struct probe_counter *counter, const struct pb_warmup_ops *ops, void *ctx,
		  const struct pb_warmup_config *config, struct probe_burst **out, size_t *count,
		  struct probe_error *err);

/* Takes what starting a loop costs out of every burst. */
void pb_warmup_subtract(struct probe_burst *bursts, size_t n, double ticks_per_burst);

/* Sums up the warm-up of a cell's processes, and whether the rounds that they measured were steady.
 * @column       of the rounds' whole call: PROBE_RUNG_REAL, PROBE_TIMELINE_PLAIN.
 * @quiet_ratio  as in struct probe_ladder_options.
 * @out  overwritten. Returns 0 or -PROBE_ENOMEM. Pure. */
int pb_warmup_summarise(const struct probe_process_samples *processes, size_t n, unsigned column,
			double quiet_ratio, struct probe_warmup *out);

#endif
