/* SPDX-License-Identifier: MIT
 * Two independent engines on one call: each is the other's test.
 */
#include <math.h>
#include <stdio.h>

#include "probe/analysis.h"

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
