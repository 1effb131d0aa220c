/* SPDX-License-Identifier: MIT
 * What the verdict's files share: comparing values and phases, and the break-even formulas.
 */
#ifndef PB_VERDICT_PARTS_H
#define PB_VERDICT_PARTS_H

#include "probe/verdict.h"

/* The engine that a measured cell shows; NULL where there is no total (or no cell). */
const struct probe_engine *pb_verdict_engine(const struct probe_cell *cell);

/* Whether the two intervals do not overlap. */
bool pb_values_apart(const struct probe_value *a, const struct probe_value *b);
/* The same, and the difference matters: it is over 2 % and over 1 ns. @hz  of the counter, 0 where
 * it is not known. */
bool pb_values_separate(const struct probe_value *a, const struct probe_value *b, double hz);

/* Absent (NaN) unless both are above their floor and positive. */
struct probe_ratio pb_ratio(const struct probe_value *over, const struct probe_value *under);

/* A set of phases that two rows both tell from the rest. */
struct pb_common_part {
	unsigned mask;
	struct probe_value a, b;
};

/* The finest split of the three phases that both rows have. Returns how many; 0 where they have
 * none beyond the total. */
size_t pb_common_parts(const struct probe_engine *a, const struct probe_engine *b,
		       struct pb_common_part out[3]);

/* The work that a break-even against Python is reckoned with. */
struct pb_work {
	struct probe_value compute; /* of the native function */
	double floor_ticks;
	const struct probe_value *python; /* total in pure Python; NULL = not measured */
	const struct probe_value *empty;  /* an empty Python function; may be absent */
};

/* See enum probe_breakeven_kind for what these reckon. */
struct probe_breakeven pb_breakeven_tenth(const struct probe_value *boundary, double floor_ticks);
struct probe_breakeven pb_breakeven_python(const struct probe_value *boundary,
					   const struct pb_work *work);

#endif
