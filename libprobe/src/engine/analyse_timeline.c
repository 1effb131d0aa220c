/* SPDX-License-Identifier: MIT
 * Timeline samples -> one cell's figures: the same estimators over other columns.
 */
#include <math.h>

#include "engine/analyse.h"
#include "probe/analysis.h"

/* Stamps on the edge between what is in mask and what is not. */
static unsigned boundaries_of(const struct probe_timeline_shape *shape, unsigned mask)
{
	unsigned n = 0;
	for (size_t k = 0; k < shape->stretch_count; k++) {
		unsigned here = shape->masks[shape->part_of[k]];
		unsigned next = shape->masks[shape->part_of[(k + 1) % shape->stretch_count]];
		n += ((here & mask) != 0) != ((next & mask) != 0);
	}
	return n;
}

static void widen(struct probe_part *part, const struct probe_timeline_shape *shape,
		  double stamp_ticks)
{
	/* Each boundary is off by half a stamp at most, and all by the same: it adds up. */
	double split = stamp_ticks / 2 * boundaries_of(shape, part->mask);
	part->value.half = hypot(part->value.half, split);
	part->value.below_floor = part->value.ticks < part->value.half;
}

int probe_timeline_analyse(const struct probe_process_samples *processes, size_t n,
			   const struct probe_timeline_shape *shape,
			   const struct probe_ladder_options *options, struct probe_engine *out,
			   struct probe_error *err)
{
	struct pb_quantities q = {.part_count = shape->part_count};
	const unsigned loop = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN);
	q.total.mask = PROBE_MASK_ALL;
	q.total.coef[PROBE_TIMELINE_PLAIN] = 1;
	q.total.coef[PROBE_TIMELINE_EMPTY] = -1;
	for (size_t i = 0; i < shape->part_count; i++) {
		q.parts[i].mask = shape->masks[i];
		q.parts[i].coef[i] = 1;
		/* Less its share of the stamped loop, taken as the sum of its parts: quantiles of
		 * parts don't sum to the loop's quantile, and the parts must sum to the total. */
		for (size_t k = 0; k < shape->part_count; k++)
			q.parts[i].coef[k] -= shape->weights[i];
		q.parts[i].coef[PROBE_TIMELINE_PLAIN] = shape->weights[i];
		/* The loop itself lies between one call's end and the next one's start. */
		if (shape->masks[i] & loop)
			q.parts[i].coef[PROBE_TIMELINE_EMPTY] = -1;
	}
	/* Doubles as a quantity of its own: what all stamps of a call cost in place. */
	q.empty_call.mask = PROBE_MASK_ALL;
	q.empty_call.coef[PROBE_TIMELINE_STAMPED] = 1;
	q.empty_call.coef[PROBE_TIMELINE_PLAIN] = -1;
	pb_quantities_fold(&q);
	int rc = pb_analyse(processes, n, &q, options, out, err);
	if (rc)
		return rc;
	out->subtracted_ticks = out->empty_call.ticks;
	out->empty_call = (struct probe_value){.state = PROBE_ABSENT};
	for (size_t i = 0; i < out->pass_count; i++)
		out->passes[i].empty_call = NAN;
	double stamp = fabs(out->subtracted_ticks) / (double)shape->stretch_count;
	out->floor_ticks = fmax(out->floor_ticks, stamp);
	for (size_t i = 0; i < out->part_count; i++)
		widen(&out->parts[i], shape, stamp);
	for (size_t i = 0; i < out->folded_count; i++)
		widen(&out->folded[i], shape, stamp);
	return 0;
}
