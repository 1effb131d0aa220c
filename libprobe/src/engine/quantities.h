/* SPDX-License-Identifier: MIT
 * Which phases a set of rungs can tell apart: every quantity is a linear form over rungs.
 */
#ifndef PB_ENGINE_QUANTITIES_H
#define PB_ENGINE_QUANTITIES_H

#include "probe/analysis.h"

/* sum over columns of coef[c] * (ticks of column c). */
struct pb_quantity {
	unsigned mask; /* the part it is, PROBE_BIT()s; PROBE_MASK_ALL for the total */
	double coef[PROBE_COLUMNS];
};

struct pb_quantities {
	struct pb_quantity total;
	struct pb_quantity empty_call; /* mask 0 = absent */
	/* How much the thread-state calls cost more beside a real ffi_call than beside a stubbed
	 * one; mask = the parts that this leaves in doubt, by half of it; 0 = not measured. */
	struct pb_quantity interaction;
	/* What the parts sum to more than the total: work around the target that the processor
	 * does while the target still runs. mask = the parts that it is between; 0 = not measured.
	 */
	struct pb_quantity overlap;
	struct pb_quantity parts[PROBE_MAX_PARTS];
	size_t part_count;
	struct pb_quantity folded[3];
	size_t folded_count;
};

/* @rungs      bit mask of the rungs that were measured; EMPTY and REAL must be among them.
 * @subphases  the sub-phases that the path has at all: a part never claims others.
 * What no rung separates comes out as one merged part. Pure. */
struct pb_quantities pb_quantities_of(unsigned rungs, unsigned subphases, bool pure_python);

/* Fills folded from parts: the three phases, merged where a part crosses them. */
void pb_quantities_fold(struct pb_quantities *q);

#endif
