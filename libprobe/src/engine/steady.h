/* SPDX-License-Identifier: MIT
 * Whether a series of timings has become steady, and from where on: interpreters specialise and
 * compile what they run often, so that the first calls cost something else than those that follow.
 *
 * The rule: the last half of the series, cut into three windows, keeps its level. A window's level
 * is its lower quartile, since noise only adds; levels agree when they lie within a tolerance of
 * each other: the caller's share of the level or, where that is more, what windows of one level
 * differ by given their own spread (4 standard errors of a lower quartile), but never above 10 %.
 * What follows from it:
 *   - After a step the series must go on for about as long again as it took until then.
 *   - An exponential approach that has gone on for 1.4 time constants is off by less than the
 *     tolerance when it passes: what is to come is less than what came in the last half.
 *   - A drift passes only while it moves less than the tolerance over the last half.
 * Windows can't tell a series that goes to and fro faster than they are long; its quartiles then
 * lie far apart, and that it is told by.
 * Peers: warmup_stats (Barrett et al. 2017) finds change points after the measurement, pyperf
 * compares the quartiles of two halves with fixed limits; Georges et al. 2007 take windows with a
 * small coefficient of variation, which a noisy machine never gives.
 */
#ifndef PB_ENGINE_STEADY_H
#define PB_ENGINE_STEADY_H

#include <stddef.h>

/* The tolerance of a warm-up, as a share of the level; of measured rounds, which are fewer and are
 * only warned of. */
#define PB_STEADY_TOLERANCE        0.02
#define PB_STEADY_TOLERANCE_ROUNDS 0.05
/* Counted samples below which nothing is said; and those that a warm-up should have. */
#define PB_STEADY_LEAST 24
#define PB_STEADY_GOOD  72

enum pb_steady_state {
	PB_STEADY_TOO_FEW,    /* counted samples to say anything */
	PB_STEADY_MOVING,     /* still changing at its end */
	PB_STEADY_TO_AND_FRO, /* between levels far apart */
	PB_STEADY_YES,
};

struct pb_steady {
	enum pb_steady_state state;
	size_t from;    /* index of the first sample of the steady stretch; n when there is none */
	size_t counted; /* samples that are not NaN */
	/* Of the last half; NaN when too few. */
	double level;     /* lower quartile, in the series' unit */
	double change;    /* greatest difference between windows, a share of the level */
	double tolerance; /* what it was judged by, a share of the level */
	double swing;     /* between lower and upper quartile, a share of the level */
};

/* Judges a series in order of time.
 * @series     ns or ticks per call, any unit; NaN = doesn't count (contended, discarded, lost).
 * @tolerance  share of the level, such as PB_STEADY_TOLERANCE.
 * Pure. Threads: safe. Signals: safe. GIL: not needed. Cost: sorts half of the series; no
 * allocation (of more than 3072 counted samples, the last are judged). */
void pb_steady_judge(const double *series, size_t n, double tolerance, struct pb_steady *out);

#endif
