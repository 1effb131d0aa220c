/* SPDX-License-Identifier: MIT
 * Two independent engines on one call: each is the other's test. And the compute phase beside the
 * same target called by itself.
 */
#include <math.h>
#include <stdio.h>

#include "probe/analysis.h"

/* From this share of compute on, and from 1 ns, it matters that the two differ. */
#define APART_SHARE 0.02
#define APART_NS    1.0

/* Sum of an engine's parts that lie wholly within mask; false unless they cover it exactly. */
static bool sum_within(const struct probe_engine *e, unsigned mask, double *ticks, double *half)
{
	unsigned covered = 0;
	*ticks = *half = 0;
	for (size_t i = 0; i < e->part_count; i++) {
		const struct probe_part *p = &e->parts[i];
		if ((p->mask & mask) == 0)
			continue;
		if (p->mask & ~mask)
			return false;
		covered |= p->mask;
		*ticks += p->value.ticks;
		/* What stamps leave in doubt is alike in all parts: it adds up. */
		*half += p->value.half;
	}
	return covered == mask;
}

int probe_cell_check_engines(struct probe_cell *cell)
{
	int disagreements = 0;
	if (!cell->ladder.present || !cell->timeline.present)
		return 0;
	for (size_t i = 0; i < cell->ladder.part_count; i++) {
		const struct probe_part *p = &cell->ladder.parts[i];
		double ticks, half;
		if (!sum_within(&cell->timeline, p->mask, &ticks, &half))
			continue;
		double apart = fabs(ticks - p->value.ticks);
		/* Intervals that overlap agree: much of both is systematic, so they don't average.
		 */
		if (apart <= half + p->value.half)
			continue;
		char name[64], text[256];
		probe_part_name(p->mask, name, sizeof name);
		snprintf(text, sizeof text,
			 "ladder and timeline disagree on %s: %.1f +- %.1f against %.1f +- %.1f "
			 "ticks",
			 name, p->value.ticks, p->value.half, ticks, half);
		probe_cell_add_warning(cell, text);
		disagreements++;
	}
	return disagreements;
}

static const struct probe_value *compute_of(const struct probe_engine *e)
{
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask == PROBE_MASK_COMPUTE)
			return &e->parts[i].value;
	return NULL;
}

/* "5.6 +- 0.1 ns" */
static const char *in_ns(const struct probe_value *v, double ns_per_tick, char *buf, size_t size)
{
	snprintf(buf, size, "%.3g +- %.2g ns", v->ticks * ns_per_tick, v->half * ns_per_tick);
	return buf;
}

int probe_cell_check_target(struct probe_cell *cell, double tick_hz)
{
	const struct probe_engine *e = &cell->ladder;
	const struct probe_value *compute = e->present ? compute_of(e) : NULL;
	if (!compute || e->overlap.state == PROBE_ABSENT || e->alone.state == PROBE_ABSENT ||
	    !(tick_hz > 0))
		return 0;
	double ns = 1e9 / tick_hz, apart = compute->ticks - e->alone.ticks;
	if (fabs(apart) <= compute->half + e->alone.half || fabs(apart) * ns <= APART_NS ||
	    fabs(apart) <= APART_SHARE * fabs(compute->ticks))
		return 0;
	char here[48], alone[48], overlapping[48], text[400];
	double overlapping_ns = e->alone_free.ticks * ns;
	if (overlapping_ns < 1)
		snprintf(overlapping, sizeof overlapping, "under 1 ns");
	else
		snprintf(overlapping, sizeof overlapping, "%.3g ns", overlapping_ns);
	snprintf(text, sizeof text,
		 "compute takes %s in this call, and %s where C calls the same function over and "
		 "over (%s where these calls may overlap): %s",
		 in_ns(compute, ns, here, sizeof here), in_ns(&e->alone, ns, alone, sizeof alone),
		 overlapping,
		 apart > 0 ? "most likely the rest of the call evicts it from caches and branch "
			     "predictors"
			   : "measure again, as called alone it should not be slower");
	return probe_cell_add_warning(cell, text) ? -1 : 1;
}
