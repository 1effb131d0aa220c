/* SPDX-License-Identifier: MIT
 * The figures that a comparison is made of: those of a run, without its slow passes.
 */
#ifndef PB_COMPARE_PARTS_H
#define PB_COMPARE_PARTS_H

#include "probe/run.h"

/* A figure and what it is known by. */
struct pb_sample {
	bool present;
	double ns;      /* mean over the passes that count */
	double sd_ns;   /* between those passes */
	size_t passes;  /* that count; 0 = unknown, and all doubt is in rest_ns */
	double rest_ns; /* half of the 95 % interval that no pass shows: the place of stubs */
};

/* Which passes of an engine count: those that no neighbour slowed down unseen by the reference, in
 * the total or in a phase. *kept is the caller's to free(); NULL where there are too few to tell.
 * Returns how many are left out, or -PROBE_ENOMEM. */
int pb_passes_choose(const struct probe_engine *e, bool **kept);

/* One figure of an engine: mask is that of a folded part, or PROBE_MASK_ALL. */
struct pb_sample pb_sample_of(const struct probe_engine *e, const struct probe_value *value,
			      unsigned mask, const bool *kept, double ns_per_tick);

/* Half of the interval of b - a that holds all but the share p, two-sided. */
double pb_samples_half(const struct pb_sample *a, const struct pb_sample *b, double p);

#endif
