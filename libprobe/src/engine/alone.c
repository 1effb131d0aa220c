/* SPDX-License-Identifier: MIT */
#include "engine/alone.h"

#include <math.h>

#include "stats/stats.h"

/* More processes than this are not needed for one figure. */
#define MOST 64

static struct probe_value mean_of(const double *values, size_t n)
{
	struct probe_value v = {.state = n ? PROBE_EXACT : PROBE_ABSENT};
	if (!n)
		return v;
	v.ticks = pb_mean(values, n);
	if (n > 1)
		v.half = pb_t975((unsigned)n - 1) * pb_stddev(values, n) / sqrt((double)n);
	return v;
}

void pb_alone_sum_up(const struct probe_process_samples *processes, size_t n,
		     struct probe_engine *out)
{
	double waiting[MOST], overlapping[MOST];
	size_t m = 0;
	for (size_t i = 0; i < n && m < MOST; i++) {
		if (!processes[i].alone.present)
			continue;
		waiting[m] = processes[i].alone.waiting;
		overlapping[m++] = processes[i].alone.free;
	}
	out->alone = mean_of(waiting, m);
	out->alone_free = mean_of(overlapping, m);
}
