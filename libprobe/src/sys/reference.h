/* SPDX-License-Identifier: MIT
 * The noise reference: two loops whose cost is known, timed beside every round.
 *
 * chain: dependent adds, one core cycle each whatever else runs: core clock per tick.
 * wide:  independent adds: how much of the core's execution units this thread gets. A neighbour on
 *        the core's second hardware thread raises it, and leaves the chain alone.
 */
#ifndef PB_SYS_REFERENCE_H
#define PB_SYS_REFERENCE_H

#include <stdint.h>

#include "probe/counter.h"

#define PB_REF_ADDS_PER_BLOCK 16

/* arch/ARCH/reference.S. Threads, signals: safe. */
void pb_ref_chain(uint64_t blocks);
void pb_ref_wide(uint64_t blocks);

struct pb_reference {
	double chain_ticks; /* per add, in the counter's ticks; the cost of reading is taken off */
	double wide_ticks;
};

/* Runs both loops once: about 2 us, no allocation, no system call of its own.
 * Returns 0, or as probe_counter_read(), or -PROBE_EMULTIPLEX when an interval was not exact;
 * *out is written only on success. Threads: the counter's own. GIL: not needed. */
int pb_reference_measure(struct probe_counter *c, struct pb_reference *out);

/* Core cycles per tick, from the median chain of a few references (a dependent add takes one
 * cycle); 0 when it can't be told. Cost: about 30 us. */
double pb_reference_cycles_per_tick(struct probe_counter *c);

#endif
