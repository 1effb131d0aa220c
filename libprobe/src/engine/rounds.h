/* SPDX-License-Identifier: MIT
 * Collecting rounds until enough of them were quiet: what the engines share.
 */
#ifndef PB_ENGINE_ROUNDS_H
#define PB_ENGINE_ROUNDS_H

#include "probe/analysis.h"
#include "probe/counter.h"
#include "sys/reference.h"
#include "sys/usage.h"

/* A reading that can't be used: the counter was multiplexed or gone for a while. */
#define PB_TICKS_LOST UINT64_MAX

/* The state of the machine over a round. */
struct pb_round_frame {
	struct pb_usage usage;
	struct pb_reference worst;
};

/* A round is framed by begin and end, with a look between any two of its readings: each reads the
 * reference, and the worst of them is the round's, since a neighbour that came and went is a
 * neighbour. The end discards the round if the thread was switched out or moved meanwhile. */
void pb_round_begin(struct probe_counter *counter, struct pb_round_frame *frame,
		    struct probe_round *round);
void pb_round_look(struct probe_counter *counter, struct pb_round_frame *frame,
		   struct probe_round *round);
void pb_round_end(struct probe_counter *counter, struct pb_round_frame *frame,
		  struct probe_round *round);

struct pb_rounds_config {
	unsigned rounds;    /* quiet rounds wanted, >= 1 */
	double wait_s;      /* how long to wait for quiet beyond the planned time */
	double quiet_ratio; /* wide/chain known as quiet; 0 = unknown */
};

/* Calls one(ctx, round) until enough rounds were quiet or the wait is over. pause(ctx) (or NULL)
 * runs between rounds; non-zero ends the measurement. samples->rounds grows here.
 * Returns 0, -PROBE_ECHILD (one() failed), -PROBE_EINTR, -PROBE_ENOMEM. */
int pb_rounds_collect(const struct pb_rounds_config *config,
		      int (*one)(void *ctx, struct probe_round *round), int (*pause)(void *ctx),
		      void *ctx, struct probe_process_samples *samples, struct probe_error *err);

#endif
