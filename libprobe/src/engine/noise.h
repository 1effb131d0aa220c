/* SPDX-License-Identifier: MIT
 * Noise decisions: which rounds were quiet, how quiet this CPU can be, and when a cell has to be
 * called contended. Pure functions over reference readings (see sys/reference.h).
 *
 * The measure is wide/chain, ticks per independent add over ticks per dependent add: a change of
 * the core's frequency scales both and cancels; a neighbour on the core's second hardware thread
 * raises wide alone. A quiet ratio of 0 always means "not known".
 * All calls: threads safe, signals safe, GIL not needed, no allocation.
 */
#ifndef PB_ENGINE_NOISE_H
#define PB_ENGINE_NOISE_H

#include <stdbool.h>
#include <stddef.h>

/* A round is quiet up to this much above the quiet ratio. Quiet rounds were seen to spread by 3 %
 * either way (the counter's steps), a neighbour adds 15 % to 100 %. */
#define PB_NOISE_SLACK 0.06

/* A core that does 1.25 to 12.5 adds a cycle: everything else is a glitch. */
#define PB_NOISE_RATIO_MIN 0.08
#define PB_NOISE_RATIO_MAX 0.80

/* This many readings, and this share of a series, must agree before their ratio is believed. */
#define PB_NOISE_SUPPORT       5
#define PB_NOISE_SUPPORT_SHARE 0.01
/* ... and this many before it is remembered beyond the run. */
#define PB_NOISE_STORE_SUPPORT 20

/* Fewer quiet rounds than this, or than this share of all, and a cell is contended. */
#define PB_NOISE_MIN_QUIET 10
#define PB_NOISE_MIN_SHARE 0.02

/* wide/chain; NaN when either isn't a positive number. */
double pb_noise_ratio(double chain_ticks, double wide_ticks);

/* Whether a ratio can be a quiet core's. */
bool pb_noise_plausible(double ratio);

/* The highest ratio that still counts as quiet; infinite when the quiet ratio is not known. */
double pb_noise_quiet_limit(double quiet_ratio);

/* Whether a round with this reference was quiet. One as far *below* the quiet ratio as the limit is
 * above it isn't: something held up the chain (an interrupt), so wide says nothing. With an unknown
 * quiet ratio every valid reference passes. */
bool pb_noise_is_quiet(double chain_ticks, double wide_ticks, double quiet_ratio);

/* The quietest ratio that a series supports: the median of its lowest group of readings that lie
 * within the slack of each other. Readings whose chain stands out above both neighbours in time
 * are left out (see pb_noise_is_quiet()).
 * @chain_ticks, @wide_ticks  n readings in order of time, NaN allowed.
 * @scratch  room for n doubles.   @support  may be NULL; size of that group, 0 when unknown.
 * Returns 0 (not known) when no group has PB_NOISE_SUPPORT(_SHARE) readings. */
double pb_noise_quietest(const double *chain_ticks, const double *wide_ticks, size_t n,
			 double *scratch, size_t *support);

/* The quiet ratio to judge a series by: what it shows itself, unless a quieter core of this model
 * is remembered (then the series was contended throughout). Either may be 0. */
double pb_noise_choose(double found, double remembered);

/* What to remember after a run that found `found` on `support` readings. Moves down at once, and
 * within the slack slowly; a contended or thinly supported run changes nothing. */
double pb_noise_merge(double remembered, double found, size_t support);

/* How many quiet rounds a cell needs; never more than half of them. */
size_t pb_noise_rounds_needed(size_t rounds);
/* quiet < pb_noise_rounds_needed(rounds). */
bool pb_noise_contended(size_t quiet, size_t rounds);

#endif
