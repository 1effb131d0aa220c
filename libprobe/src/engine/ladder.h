/* SPDX-License-Identifier: MIT
 * The ladder: times one loop with layers of the call replaced by stubs, rungs interleaved in random
 * order in short rounds. It knows nothing of Python: rungs are armed and run through callbacks.
 */
#ifndef PB_ENGINE_LADDER_H
#define PB_ENGINE_LADDER_H

#include "engine/rounds.h"
#include "engine/warmup.h"
#include "probe/analysis.h"
#include "probe/counter.h"

struct pb_ladder_ops {
	/* Puts the rung's stubs in place (copy `variant` of them). 0, or -1 with the error noted.
	 */
	int (*arm)(void *ctx, enum probe_rung rung, unsigned variant);
	/* Runs the loop once for `calls` iterations and stores the ticks it took, or
	 * PB_TICKS_LOST. 0, or -1 with the error noted (the loop raised, or the counter failed). */
	int (*run)(void *ctx, enum probe_rung rung, uint64_t calls, uint64_t *ticks);
	/* Runs between rounds: checks for signals. Non-zero ends the measurement. */
	int (*pause)(void *ctx);
	/* As in struct pb_warmup_ops; NULL = no compiler works beside the calls. */
	bool (*compiling)(void *ctx);
};

struct pb_ladder_config {
	unsigned rungs;     /* bit mask of 1 << enum probe_rung; EMPTY and REAL among them */
	unsigned subphases; /* what the path has, copied to the samples */
	unsigned rounds;    /* quiet rounds wanted, >= 1 */
	double round_us;    /* aimed length of one rung in a round */
	unsigned calls;     /* exactly so many in a rung instead; 0 = by round_us */
	double wait_s;      /* how long to wait for quiet beyond the planned time */
	double quiet_ratio; /* wide/chain known as quiet; 0 = unknown */
	uint64_t seed;
	/* How to warm up, but for burst_us and quiet_ratio; NULL = as CPython needs it. */
	const struct pb_warmup_config *warmup;
	/* Rungs besides EMPTY and PYCALL whose loop is code of its own, to be warmed up too. */
	unsigned own_loops;
};

/* Warms up, then measures. out->rounds and out->warmup are allocated, the caller's to free();
 * out->bare stays empty.
 * Returns 0; -PROBE_ECHILD when a callback failed; -PROBE_EINTR when pause() said so;
 * -PROBE_ENOMEM, -PROBE_EINVAL. Threads: one measurement per thread. The timed part allocates
 * nothing, takes no lock and does no I/O of its own. */
int pb_ladder_run(struct probe_counter *counter, const struct pb_ladder_ops *ops, void *ctx,
		  const struct pb_ladder_config *config, struct probe_process_samples *out,
		  struct probe_error *err);

#endif
