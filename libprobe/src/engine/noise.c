/* SPDX-License-Identifier: MIT
 * Noise decisions: pure functions over reference readings.
 */
#include "engine/noise.h"

#include <math.h>
#include <stdlib.h>

double pb_noise_ratio(double chain_ticks, double wide_ticks)
{
	if (!isfinite(chain_ticks) || !isfinite(wide_ticks) || chain_ticks <= 0 || wide_ticks <= 0)
		return NAN;
	return wide_ticks / chain_ticks;
}

bool pb_noise_plausible(double ratio)
{
	return ratio >= PB_NOISE_RATIO_MIN && ratio <= PB_NOISE_RATIO_MAX;
}

double pb_noise_quiet_limit(double quiet_ratio)
{
	return quiet_ratio > 0 ? quiet_ratio * (1 + PB_NOISE_SLACK) : INFINITY;
}

bool pb_noise_is_quiet(double chain_ticks, double wide_ticks, double quiet_ratio)
{
	double ratio = pb_noise_ratio(chain_ticks, wide_ticks);
	if (isnan(ratio))
		return false;
	if (!(quiet_ratio > 0))
		return true;
	return ratio <= pb_noise_quiet_limit(quiet_ratio) &&
	       ratio >= quiet_ratio / (1 + PB_NOISE_SLACK);
}

/* Whether reading i's chain is no lonely peak; a step of the frequency has one neighbour with it.
 */
static bool chain_steady(const double *chain_ticks, size_t n, size_t i)
{
	double before = i > 0 ? chain_ticks[i - 1] : NAN;
	double after = i + 1 < n ? chain_ticks[i + 1] : NAN;
	double higher = fmax(before, after); /* fmax takes the number where the other is NaN */
	return isnan(higher) || chain_ticks[i] <= higher * (1 + PB_NOISE_SLACK);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double pb_noise_quietest(const double *chain_ticks, const double *wide_ticks, size_t n,
			 double *scratch, size_t *support)
{
	size_t usable = 0;

	if (support)
		*support = 0;
	for (size_t i = 0; i < n; i++) {
		double ratio = pb_noise_ratio(chain_ticks[i], wide_ticks[i]);
		if (pb_noise_plausible(ratio) && chain_steady(chain_ticks, n, i))
			scratch[usable++] = ratio;
	}
	size_t needed = (size_t)ceil((double)n * PB_NOISE_SUPPORT_SHARE);
	if (needed < PB_NOISE_SUPPORT)
		needed = PB_NOISE_SUPPORT;
	qsort(scratch, usable, sizeof *scratch, by_value);
	for (size_t first = 0, end = 0; first < usable; first++) {
		while (end < usable && scratch[end] <= pb_noise_quiet_limit(scratch[first]))
			end++;
		if (end - first < needed)
			continue;
		if (support)
			*support = end - first;
		return scratch[first + (end - first) / 2];
	}
	return 0;
}

double pb_noise_choose(double found, double remembered)
{
	if (!pb_noise_plausible(found))
		return pb_noise_plausible(remembered) ? remembered : 0;
	if (pb_noise_plausible(remembered) && found > pb_noise_quiet_limit(remembered))
		return remembered;
	return found;
}

double pb_noise_merge(double remembered, double found, size_t support)
{
	bool known = pb_noise_plausible(remembered);
	if (!pb_noise_plausible(found) || support < PB_NOISE_STORE_SUPPORT)
		return known ? remembered : 0;
	if (!known || found < remembered / (1 + PB_NOISE_SLACK))
		return found;
	if (found > pb_noise_quiet_limit(remembered))
		return remembered;
	/* Down faster than up, so that slight contention can't carry it off over many runs. */
	return remembered + (found - remembered) * (found < remembered ? 0.5 : 0.1);
}

size_t pb_noise_rounds_needed(size_t rounds)
{
	size_t needed = (size_t)ceil((double)rounds * PB_NOISE_MIN_SHARE);
	if (needed < PB_NOISE_MIN_QUIET)
		needed = PB_NOISE_MIN_QUIET;
	size_t half = (rounds + 1) / 2;
	if (needed > half)
		needed = half;
	return needed ? needed : 1;
}

bool pb_noise_contended(size_t quiet, size_t rounds)
{
	return quiet < pb_noise_rounds_needed(rounds);
}
