/* SPDX-License-Identifier: MIT
 * How long a function's calls took, in bins a fifth wide: what a mean alone does not tell.
 */
#ifndef PB_HOOK_WATCH_BINS_H
#define PB_HOOK_WATCH_BINS_H

#include <stddef.h>
#include <stdint.h>

#define PB_WATCH_BINS 252

/* Sums beside counts, as a counter that moves in steps of many ticks is resolved by a mean. */
struct pb_watch_bins {
	struct {
		uint64_t calls, ticks;
	} of[PB_WATCH_BINS];
};

/* Four to each power of two; one tick each below eight. */
static inline size_t pb_watch_bin(uint64_t ticks)
{
	if (ticks < 8)
		return (size_t)ticks;
	unsigned power = 63u - (unsigned)__builtin_clzll(ticks);
	return 8 + (power - 3) * 4 + (size_t)(ticks >> (power - 2) & 3);
}

/* The mean of the middle half of the calls: what a few that were disturbed do not move. 0: none. */
double pb_watch_midmean(const struct pb_watch_bins *bins);

#endif
