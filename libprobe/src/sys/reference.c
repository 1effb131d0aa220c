/* SPDX-License-Identifier: MIT
 * Times the reference loops.
 */
#include "sys/reference.h"

#include <math.h>
#include <stddef.h>

#include "sys/counter.h"

/* Long enough that a counter which moves in steps of 26 ticks resolves either to 2 %, short enough
 * to stand beside every round. */
#define CHAIN_BLOCKS 256u
#define WIDE_BLOCKS  512u
#define SAMPLES      15

static int time_loop(struct probe_counter *c, void (*loop)(uint64_t), uint64_t blocks,
		     double *ticks_per_add)
{
	struct probe_reading begin, end;
	int status = probe_counter_read(c, &begin);

	if (status)
		return status;
	loop(blocks);
	status = probe_counter_read(c, &end);
	if (status)
		return status;
	struct probe_delta delta = probe_reading_delta(&begin, &end);
	if (delta.state != PROBE_EXACT)
		return -PROBE_EMULTIPLEX;
	double adds = (double)(blocks * PB_REF_ADDS_PER_BLOCK);
	*ticks_per_add = (delta.ticks - pb_counter_overhead_ticks(c)) / adds;
	return 0;
}

int pb_reference_measure(struct probe_counter *c, struct pb_reference *out)
{
	struct pb_reference r;
	int status = time_loop(c, pb_ref_chain, CHAIN_BLOCKS, &r.chain_ticks);
	if (!status)
		status = time_loop(c, pb_ref_wide, WIDE_BLOCKS, &r.wide_ticks);
	if (!status)
		*out = r;
	return status;
}

double pb_reference_cycles_per_tick(struct probe_counter *c)
{
	double chain[SAMPLES];
	struct pb_reference r;

	for (int i = 0; i < SAMPLES; i++) {
		if (pb_reference_measure(c, &r) || !(r.chain_ticks > 0))
			return 0;
		int at = i; /* insertion keeps them sorted */
		for (; at > 0 && chain[at - 1] > r.chain_ticks; at--)
			chain[at] = chain[at - 1];
		chain[at] = r.chain_ticks;
	}
	return 1 / chain[SAMPLES / 2];
}
