/* SPDX-License-Identifier: MIT */
#include "engine/steady.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define WINDOWS    3
#define MOST       512 /* samples of a window */
#define STEP       12  /* samples of a window on the way back to where it began */
#define ERRORS     4   /* standard errors that levels of one series may lie apart */
#define CAP        0.10
#define SWING_MOST 0.5
#define FAR        4 /* swings that a single sample may be off */
/* Of a normal distribution: the standard error of a lower quartile of n samples is this times
 * sigma / sqrt(n); sigma is this share of the way from the tenth percentile to the median. */
#define QUARTILE_ERROR 1.363
#define LOWER_SIGMA    (1 / 1.2816)

struct window {
	double tenth, quarter, half, three_quarters;
	size_t first; /* index of its earliest sample */
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t below = (size_t)at;
	double rest = at - (double)below;
	return below + 1 < n ? sorted[below] * (1 - rest) + sorted[below + 1] * rest
			     : sorted[n - 1];
}

/* The last `size` counted samples before index `end`. 0 when there are not so many. */
static size_t take(const double *series, size_t end, size_t size, struct window *out)
{
	double values[MOST];
	size_t n = 0, i = end;
	while (i > 0 && n < size)
		if (!isnan(series[--i]))
			values[n++] = series[i];
	if (n < size)
		return 0;
	qsort(values, n, sizeof *values, by_value);
	*out = (struct window){quantile(values, n, 0.10), quantile(values, n, 0.25),
			       quantile(values, n, 0.50), quantile(values, n, 0.75), i};
	return n;
}

static double tolerance_of(double least, double sigma, double level, size_t size)
{
	double own = ERRORS * QUARTILE_ERROR * sigma / sqrt((double)size) / level;
	own = own < CAP ? own : CAP;
	return own > least ? own : least;
}

/* Back from the end, window by window, up to two that are off its level one after another, or one
 * that nothing precedes; then, from the end of the earliest that keeps it, sample by sample in the
 * same way: one that is off may be noise. */
static size_t find_start(const double *series, size_t n, double least, double sigma,
			 const struct pb_steady *found)
{
	double level = found->level, within = 1.5 * tolerance_of(least, sigma, level, STEP);
	double single = level * (within + FAR * found->swing);
	size_t first = n, end = n, at = n;
	bool was_off = false;
	struct window w;
	while (take(series, at, STEP, &w)) {
		bool off = fabs(w.quarter - level) > level * within;
		if (off && was_off)
			break;
		was_off = off;
		if (!off) {
			end = at;
			first = w.first;
		}
		at = w.first;
	}
	size_t reach = take(series, first, STEP, &w) ? w.first : 0, from = end;
	was_off = false;
	for (size_t i = end; i > reach; i--) {
		if (isnan(series[i - 1]))
			continue;
		bool off = fabs(series[i - 1] - level) > single;
		if (off && was_off)
			break;
		was_off = off;
		from = off ? from : i - 1;
	}
	return from;
}

void pb_steady_judge(const double *series, size_t n, double tolerance, struct pb_steady *out)
{
	*out = (struct pb_steady){.state = PB_STEADY_TOO_FEW,
				  .from = n,
				  .level = NAN,
				  .change = NAN,
				  .tolerance = NAN,
				  .swing = NAN};
	for (size_t i = 0; i < n; i++)
		out->counted += isnan(series[i]) ? 0 : 1;
	if (out->counted < PB_STEADY_LEAST)
		return;
	size_t size = out->counted / 2 / WINDOWS, end = n;
	size = size < MOST ? size : MOST;
	double low = INFINITY, high = -INFINITY, level = 0, sigmas[WINDOWS], swings[WINDOWS];
	for (size_t k = 0; k < WINDOWS; k++) {
		struct window w;
		take(series, end, size, &w);
		end = w.first;
		low = fmin(low, w.quarter);
		high = fmax(high, w.quarter);
		level += w.quarter / WINDOWS;
		swings[k] = w.three_quarters - w.quarter;
		sigmas[k] = (w.half - w.tenth) * LOWER_SIGMA;
	}
	out->level = level;
	if (!(level > 0))
		return;
	/* Not the mean: a step within one of the windows is no spread of the series. */
	qsort(sigmas, WINDOWS, sizeof *sigmas, by_value);
	qsort(swings, WINDOWS, sizeof *swings, by_value);
	double sigma = sigmas[0];
	out->change = (high - low) / level;
	out->swing = swings[WINDOWS / 2] / level;
	out->tolerance = tolerance_of(tolerance, sigma, level, size);
	if (out->change > out->tolerance) {
		out->state = PB_STEADY_MOVING;
	} else if (out->swing > SWING_MOST) {
		out->state = PB_STEADY_TO_AND_FRO;
	} else {
		out->state = PB_STEADY_YES;
		out->from = find_start(series, n, tolerance, sigma, out);
	}
}
