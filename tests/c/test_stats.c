/* SPDX-License-Identifier: MIT
 * Estimators against oracles (SciPy 1.11 values quoted to 1e-6). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/stats.h"

static void close_to(double got, double want, double tolerance)
{
	if (fabs(got - want) > tolerance)
		fail_msg("got %.9g, want %.9g", got, want);
}

/* scipy.stats.t.ppf(0.975, df) */
static void t_matches_scipy(void **state)
{
	(void)state;
	const struct {
		unsigned df;
		double want;
	} rows[] = {
		{1, 12.706204736}, {2, 4.302652730},  {3, 3.182446305},   {4, 2.776445105},
		{5, 2.570581836},  {7, 2.364624252},  {9, 2.262157163},   {14, 2.144786688},
		{28, 2.048407142}, {29, 2.045229642}, {100, 1.983971519},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		close_to(pb_t975(rows[i].df), rows[i].want, 2e-3);
}

/* scipy.stats.t.isf(p / 2, df); past 1000 degrees it is the normal distribution's. */
static void student_matches_scipy_at_every_level(void **state)
{
	(void)state;
	const struct {
		double p;
		unsigned df;
		double want, tolerance;
	} rows[] = {
		{0.05, 1, 12.706204736, 1e-6},   {0.05, 2, 4.302652730, 1e-6},
		{0.01, 3, 5.840909310, 1e-6},    {0.01, 4, 4.604094871, 1e-6},
		{0.001, 8, 5.041305433, 1e-6},   {1e-5, 28, 5.373449317, 1e-6},
		{1e-7, 7, 22.039705085, 1e-5},   {0.5, 10, 0.699812061, 1e-6},
		{0.05, 1001, 1.962336705, 3e-3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		close_to(pb_student(rows[i].p, rows[i].df), rows[i].want, rows[i].tolerance);
}

/* numpy.quantile's default. */
static void quantiles_are_type_7(void **state)
{
	(void)state;
	double v[] = {9, 1, 5, 3, 7};
	close_to(pb_median(v, 5), 5, 0);
	close_to(pb_quantile(v, 5, 0.25), 3, 0);
	close_to(pb_quantile(v, 5, 0.9), 8.2, 1e-12);
	close_to(pb_quantile(v, 5, 1.0), 9, 0);
	close_to(pb_quantile(v, 5, 0.0), 1, 0);
	double w[] = {4, 1, 3, 2};
	close_to(pb_median(w, 4), 2.5, 0);
	assert_true(isnan(pb_median(w, 0)));
}

/* Selection against sorting, with many ties, which break careless partitions. */
static void selection_agrees_with_sorting(void **state)
{
	(void)state;
	struct pb_rng rng = {7};
	for (int round = 0; round < 500; round++) {
		double a[64], b[64];
		size_t n = 1 + pb_rng_below(&rng, 64);
		for (size_t i = 0; i < n; i++)
			a[i] = b[i] = (double)pb_rng_below(&rng, 1 + pb_rng_below(&rng, 20));
		pb_sort(b, n);
		size_t k = pb_rng_below(&rng, n);
		double q = n > 1 ? (double)k / (double)(n - 1) : 0;
		close_to(pb_quantile(a, n, q), b[k], 1e-9);
	}
}

static void spread(void **state)
{
	(void)state;
	const double v[] = {2, 4, 4, 4, 5, 5, 7, 9};
	close_to(pb_mean(v, 8), 5, 0);
	close_to(pb_stddev(v, 8), 2.13808993529939, 1e-12);
	close_to(pb_stddev(v, 1), 0, 0);
}

static void only_far_and_high_values_are_outliers(void **state)
{
	(void)state;
	double scratch[5];
	bool out[5];
	const double one[] = {623, 846, 624, 624, 618};
	pb_high_outliers(one, 5, scratch, out);
	assert_true(!out[0] && out[1] && !out[2] && !out[3] && !out[4]);
	const double spread[] = {33, 39.7, 37.5, 41, 33.1};
	pb_high_outliers(spread, 5, scratch, out);
	assert_false(out[0] || out[1] || out[2] || out[3] || out[4]);
	const double low[] = {300, 620, 621, 622, 623};
	pb_high_outliers(low, 5, scratch, out);
	assert_false(out[0] || out[1] || out[2] || out[3] || out[4]);
	const double two[] = {1, 100};
	pb_high_outliers(two, 2, scratch, out);
	assert_false(out[0] || out[1]);
}

static void shuffle_is_fair_and_seeded(void **state)
{
	(void)state;
	unsigned seen[4][4] = {{0}};
	struct pb_rng rng = {42};
	for (int round = 0; round < 4000; round++) {
		unsigned items[4] = {0, 1, 2, 3};
		pb_shuffle(&rng, items, 4);
		for (unsigned i = 0; i < 4; i++)
			seen[i][items[i]]++;
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			assert_in_range(seen[i][j], 850, 1150);
	struct pb_rng again = {42}, first = {42};
	assert_int_equal(pb_rng_next(&again), pb_rng_next(&first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_matches_scipy),
		cmocka_unit_test(student_matches_scipy_at_every_level),
		cmocka_unit_test(quantiles_are_type_7),
		cmocka_unit_test(selection_agrees_with_sorting),
		cmocka_unit_test(spread),
		cmocka_unit_test(only_far_and_high_values_are_outliers),
		cmocka_unit_test(shuffle_is_fair_and_seeded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
