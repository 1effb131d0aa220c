/* SPDX-License-Identifier: MIT */
#include "hook/watch_bins.h"

double pb_watch_midmean(const struct pb_watch_bins *bins)
{
	double calls = 0, before = 0, taken = 0, sum = 0;
	for (size_t i = 0; i < PB_WATCH_BINS; i++)
		calls += (double)bins->of[i].calls;
	double low = calls / 4, high = calls - low;
	for (size_t i = 0; i < PB_WATCH_BINS; i++) {
		double n = (double)bins->of[i].calls;
		double from = before > low ? before : low;
		double to = before + n < high ? before + n : high;
		before += n;
		if (n <= 0 || to <= from)
			continue;
		/* All of a bin took as long as they did on average. */
		sum += (to - from) * (double)bins->of[i].ticks / n;
		taken += to - from;
	}
	return taken > 0 ? sum / taken : 0;
}
