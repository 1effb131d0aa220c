/* SPDX-License-Identifier: MIT
 * Estimators: pure functions over arrays of doubles. No allocation, no state. Threads: safe.
 */
#ifndef PB_STATS_H
#define PB_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sorts ascending; NaN is not allowed. */
void pb_sort(double *values, size_t n);

/* Quantile q in [0, 1] of values (reordered in place): linear interpolation between order
 * statistics, Hyndman & Fan (1996) type 7, as R and NumPy by default. NaN when n == 0. */
double pb_quantile(double *values, size_t n, double q);
double pb_median(double *values, size_t n);

/* Marks values far above the others: more than five scaled median absolute deviations (as the
 * standard deviation of a normal distribution) and more than a tenth above the median. One-sided,
 * since noise only adds; fewer than three values mark nothing.
 * @scratch  room for n doubles.   @out  n marks, all written. */
void pb_high_outliers(const double *values, size_t n, double *scratch, bool *out);

double pb_mean(const double *values, size_t n);
/* Sample standard deviation (n - 1); 0 when n < 2. */
double pb_stddev(const double *values, size_t n);

/* The 97.5 % point of Student's t with df >= 1 degrees of freedom: half width of a two-sided 95 %
 * interval in standard errors. Computed (Hill 1970, algorithm 396), not a typed-in table. */
double pb_t975(unsigned df);

/* The two-sided point of Student's t: a share p (1e-9 to below 1) of it lies beyond +- that. Slower
 * than pb_t975(), for any level. df >= 1. */
double pb_student(double p, unsigned df);

/* SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough to shuffle and resample. */
struct pb_rng {
	uint64_t state;
};
uint64_t pb_rng_next(struct pb_rng *rng);
/* Uniform in [0, n), n >= 1. */
size_t pb_rng_below(struct pb_rng *rng, size_t n);
/* Fisher-Yates. */
void pb_shuffle(struct pb_rng *rng, unsigned *items, size_t n);

#endif
