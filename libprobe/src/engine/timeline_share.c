/* SPDX-License-Identifier: MIT
 * Which part bears how much of the stamps' cost.
 */
#include <math.h>

#include "engine/timeline.h"

#define BISECTIONS 60

static double saved_at(const double *room, const unsigned *stretches, size_t n, double each,
		       double *saved)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		saved[i] = fmin(stretches[i] * each, room[i]);
		sum += saved[i];
	}
	return sum;
}

/* The same saving in every stretch, as far as the work in it goes, that sums to `wanted`. */
static void level(const double *room, const unsigned *stretches, size_t n, double wanted,
		  double *saved)
{
	double low = 0, high = wanted;
	for (int i = 0; i < BISECTIONS; i++) {
		double each = (low + high) / 2;
		if (saved_at(room, stretches, n, each, saved) < wanted)
			low = each;
		else
			high = each;
	}
}

void pb_timeline_share(struct probe_timeline_shape *shape, double calibrated_ticks,
		       const double *raw_ticks, double plain_ticks)
{
	double alone[PROBE_MAX_PARTS], room[PROBE_MAX_PARTS], saved[PROBE_MAX_PARTS];
	unsigned stretches[PROBE_MAX_PARTS] = {0};
	double in_place = -plain_ticks, all_room = 0;
	size_t n = shape->part_count;

	for (size_t k = 0; k < shape->stretch_count; k++)
		stretches[shape->part_of[k]]++;
	for (size_t i = 0; i < n; i++) {
		alone[i] = shape->weights[i] * calibrated_ticks;
		room[i] = fmin(fmax(raw_ticks[i] - alone[i], 0), alone[i]);
		in_place += raw_ticks[i];
		all_room += room[i];
	}
	double wanted = calibrated_ticks - in_place;
	/* Also false for a NaN: then they go by what they cost alone. */
	if (!(wanted > 0 && in_place > 0))
		return;
	if (all_room > wanted)
		level(room, stretches, n, wanted, saved);
	for (size_t i = 0; i < n && all_room <= wanted; i++)
		saved[i] = room[i] + (wanted - all_room) * (alone[i] - room[i]) /
					     (calibrated_ticks - all_room);
	for (size_t i = 0; i < n; i++)
		shape->weights[i] = (alone[i] - saved[i]) / in_place;
}
