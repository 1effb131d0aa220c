/* SPDX-License-Identifier: MIT
 * From stamps to sub-phases: pure tables, no measuring.
 */
#include "engine/timeline.h"

#include <math.h>

/* A call as nine stages in order; libffi is met twice, on the way in and on the way out. Stamps
 * don't tell a callback from the native code around it. */
static const unsigned stage_bit[] = {
	PROBE_BIT(PROBE_SUB_CALL),
	PROBE_BIT(PROBE_SUB_MARSHAL_IN),
	PROBE_BIT(PROBE_SUB_DETACH),
	PROBE_BIT(PROBE_SUB_INVOKE),
	PROBE_MASK_COMPUTE | PROBE_MASK_CALLBACK,
	PROBE_BIT(PROBE_SUB_INVOKE),
	PROBE_BIT(PROBE_SUB_ATTACH),
	PROBE_BIT(PROBE_SUB_MARSHAL_OUT),
	PROBE_BIT(PROBE_SUB_RETURN),
};

/* The last stage before an event and the first one after it. */
static const struct {
	int before, after;
} boundary[2 * PB_TL_LAYERS] = {
	[2 * PB_TL_ENTRY] = {0, 1},  [2 * PB_TL_ENTRY + 1] = {7, 8},
	[2 * PB_TL_DETACH] = {1, 2}, [2 * PB_TL_DETACH + 1] = {2, 2},
	[2 * PB_TL_INVOKE] = {2, 3}, [2 * PB_TL_INVOKE + 1] = {5, 6},
	[2 * PB_TL_TARGET] = {3, 4}, [2 * PB_TL_TARGET + 1] = {4, 5},
	[2 * PB_TL_ATTACH] = {6, 6}, [2 * PB_TL_ATTACH + 1] = {6, 7},
};

unsigned pb_timeline_mask(unsigned event, unsigned next, unsigned subphases)
{
	unsigned mask = 0;
	int from = boundary[event].after, to = boundary[next].before;
	if (to < from) {
		/* Round the loop: what ends one call and begins the next. */
		for (int s = from; s < (int)(sizeof stage_bit / sizeof stage_bit[0]); s++)
			mask |= stage_bit[s];
		for (int s = 0; s <= to; s++)
			mask |= stage_bit[s];
		return mask & subphases;
	}
	for (int s = from; s <= to; s++)
		mask |= stage_bit[s];
	return mask & subphases;
}

#define LINEAR     128u
#define PER_OCTAVE 64u

unsigned probe_histogram_bucket(uint64_t ticks)
{
	if (ticks < LINEAR)
		return (unsigned)ticks;
	unsigned octave = 63u - (unsigned)__builtin_clzll(ticks); /* >= 7 */
	unsigned within = (unsigned)(ticks >> (octave - 6)) - PER_OCTAVE;
	unsigned bucket = LINEAR + (octave - 7) * PER_OCTAVE + within;
	return bucket < PROBE_HISTOGRAM_BUCKETS ? bucket : PROBE_HISTOGRAM_BUCKETS - 1;
}

double probe_histogram_ticks(unsigned bucket)
{
	if (bucket < LINEAR)
		return bucket;
	unsigned octave = (bucket - LINEAR) / PER_OCTAVE + 7;
	unsigned within = (bucket - LINEAR) % PER_OCTAVE;
	double width = ldexp(1, (int)octave - 6);
	return (PER_OCTAVE + within) * width + (width - 1) / 2;
}

double probe_histogram_quantile(const struct probe_histogram *h, double q)
{
	uint64_t total = 0, seen = 0;
	for (unsigned b = 0; b < PROBE_HISTOGRAM_BUCKETS; b++)
		total += h->counts[b];
	if (!total)
		return NAN;
	uint64_t rank = (uint64_t)(q * (double)(total - 1));
	for (unsigned b = 0; b < PROBE_HISTOGRAM_BUCKETS; b++) {
		seen += h->counts[b];
		if (seen > rank)
			return probe_histogram_ticks(b);
	}
	return NAN;
}
