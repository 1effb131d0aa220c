/* SPDX-License-Identifier: MIT
 * When a series of timings counts as steady: made-up series of every shape, and recorded ones.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/steady.h"
#include "stats/stats.h"
#include "steady_series.h"

enum { N = 400 };

/* Noise as timings have it: it only adds, a few per cent with a long tail. */
static double noise(struct pb_rng *rng, double share)
{
	double u = (double)(1 + pb_rng_below(rng, 999)) / 1000;
	return 1 + share * -log(u);
}

static struct pb_steady judge(const double *series, size_t n)
{
	struct pb_steady found;
	pb_steady_judge(series, n, PB_STEADY_TOLERANCE, &found);
	return found;
}

static void expect(const struct pb_steady *found, enum pb_steady_state state)
{
	if (found->state != state)
		fail_msg("state %d, wanted %d: level %g, change %g, tolerance %g, swing %g",
			 (int)found->state, (int)state, found->level, found->change,
			 found->tolerance, found->swing);
}

static void a_flat_series_is_steady_from_its_start(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct pb_rng rng = {seed};
		double series[N];
		for (size_t i = 0; i < N; i++)
			series[i] = 300 * noise(&rng, 0.03);
		struct pb_steady found = judge(series, N);
		expect(&found, PB_STEADY_YES);
		assert_in_range(found.from, 0, 2);
		assert_true(fabs(found.level - 300) < 300 * 0.02);
	}
}

static void a_constant_series_is_steady(void **state)
{
	(void)state;
	double series[N];
	for (size_t i = 0; i < N; i++)
		series[i] = 7;
	struct pb_steady found = judge(series, N);
	expect(&found, PB_STEADY_YES);
	assert_int_equal(found.from, 0);
	assert_true(found.tolerance == PB_STEADY_TOLERANCE);
}

/* Passes once the rest is within the tolerance, and from where it is. */
static void a_decay_is_steady_when_it_has_died_down(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct pb_rng rng = {seed};
		double series[4 * N];
		for (size_t i = 0; i < 4 * N; i++)
			series[i] = 100 * (1 + 3 * exp(-(double)i / 100)) * noise(&rng, 0.01);
		struct pb_steady early = judge(series, 200), late = judge(series, 4 * N);
		expect(&early, PB_STEADY_MOVING);
		assert_int_equal(early.from, 200);
		expect(&late, PB_STEADY_YES);
		/* Off by 2 % after 500 samples, by 20 % after 270. */
		assert_in_range(late.from, 270, 700);
	}
}

/* Whenever the judge passes a decay, what is still to come is within its tolerance. */
static void what_is_to_come_is_within_the_tolerance(void **state)
{
	(void)state;
	for (double tau = 10; tau < 1000; tau *= 1.5)
		for (double height = 0.05; height < 20; height *= 2) {
			double series[6000];
			for (size_t i = 0; i < 6000; i++)
				series[i] = 100 * (1 + height * exp(-(double)i / tau));
			for (size_t n = PB_STEADY_GOOD; n < 6000; n += 24) {
				struct pb_steady found = judge(series, n);
				/* Earlier it is a drift: see the next test. */
				if (found.state != PB_STEADY_YES || (double)n < 1.4 * tau)
					continue;
				double rest = height * exp(-(double)n / tau);
				if (rest > 2 * found.tolerance)
					fail_msg("tau %g, height %g: steady after %zu, and %g is "
						 "to come",
						 tau, height, n, rest);
				break;
			}
		}
}

static void a_step_must_be_as_far_behind_as_it_was_ahead(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct pb_rng rng = {seed};
		double series[N];
		const size_t at = 90;
		for (size_t i = 0; i < N; i++)
			series[i] = (i < at ? 130 : 100) * noise(&rng, 0.02);
		for (size_t n = at + 16; n < 2 * at - 40; n += 10) {
			struct pb_steady found = judge(series, n);
			expect(&found, PB_STEADY_MOVING);
		}
		for (size_t n = 2 * at + 20; n <= N; n += 20) {
			struct pb_steady found = judge(series, n);
			expect(&found, PB_STEADY_YES);
			assert_in_range(found.from, at - 2, at + 12);
		}
	}
}

static void a_step_upwards_is_seen_too(void **state)
{
	(void)state;
	struct pb_rng rng = {3};
	double series[N];
	for (size_t i = 0; i < N; i++)
		series[i] = (i < 300 ? 100 : 120) * noise(&rng, 0.02);
	struct pb_steady found = judge(series, N);
	expect(&found, PB_STEADY_MOVING);
	assert_true(found.change > 0.15 && found.change < 0.25);
}

static void a_drift_never_is_steady(void **state)
{
	(void)state;
	struct pb_rng rng = {5};
	double series[4 * N];
	for (size_t i = 0; i < 4 * N; i++)
		series[i] = 1000 * (1 - 0.0004 * (double)i) * noise(&rng, 0.02);
	for (size_t n = N; n <= 4 * N; n += 50) {
		struct pb_steady found = judge(series, n);
		expect(&found, PB_STEADY_MOVING);
	}
}

/* Fast and slow: within the windows, and over them. */
static void going_to_and_fro_is_not_steady(void **state)
{
	(void)state;
	struct pb_rng rng = {7};
	double fast[N], slow[N];
	for (size_t i = 0; i < N; i++) {
		fast[i] = (i % 4 < 2 ? 100 : 180) * noise(&rng, 0.02);
		slow[i] = (i / 50 % 2 ? 100 : 115) * noise(&rng, 0.02);
	}
	struct pb_steady found = judge(fast, N);
	expect(&found, PB_STEADY_TO_AND_FRO);
	assert_int_equal(found.from, N);
	found = judge(slow, N);
	expect(&found, PB_STEADY_MOVING);
}

/* A neighbour doubles what it meets; its rounds don't count, in whatever blocks they come. */
static void contended_rounds_do_not_count(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct pb_rng rng = {seed};
		double series[N];
		bool contended = false;
		size_t counted = 0;
		for (size_t i = 0; i < N; i++) {
			if (pb_rng_below(&rng, 15) == 0)
				contended = !contended;
			series[i] = contended ? NAN : (i < 60 ? 150 : 100) * noise(&rng, 0.03);
			counted += contended ? 0 : 1;
		}
		struct pb_steady found = judge(series, N);
		assert_int_equal(found.counted, counted);
		if (counted > 200) {
			expect(&found, PB_STEADY_YES);
			size_t late = 0;
			for (size_t i = 60; i < found.from; i++)
				late += isnan(series[i]) ? 0 : 1;
			assert_in_range(late, 0, 2);
		}
	}
}

/* The same series with a neighbour that nobody saw in less than a quarter of the rounds. */
static void unseen_noise_is_ridden_out(void **state)
{
	(void)state;
	unsigned steady = 0;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct pb_rng rng = {seed};
		double series[N];
		for (size_t i = 0; i < N; i++)
			series[i] = (pb_rng_below(&rng, 6) == 0 ? 160 : 100) * noise(&rng, 0.03);
		struct pb_steady found = judge(series, N);
		steady += found.state == PB_STEADY_YES;
	}
	assert_true(steady >= 98);
}

static void few_samples_say_nothing(void **state)
{
	(void)state;
	double series[N];
	for (size_t i = 0; i < N; i++)
		series[i] = i % 20 ? NAN : 100;
	struct pb_steady found = judge(series, N);
	expect(&found, PB_STEADY_TOO_FEW);
	assert_int_equal(found.counted, N / 20);
	assert_true(isnan(found.level) && isnan(found.change));
	found = judge(series, 0);
	expect(&found, PB_STEADY_TOO_FEW);
	assert_int_equal(found.from, 0);
}

static void a_series_without_a_level_is_not_judged(void **state)
{
	(void)state;
	double series[N] = {0};
	struct pb_steady found = judge(series, N);
	expect(&found, PB_STEADY_TOO_FEW);
	assert_int_equal(found.from, N);
}

/* More than its windows hold: the last of them are judged. */
static void a_long_series_is_judged_by_its_end(void **state)
{
	(void)state;
	enum { LONG = 20000 };
	double *series = calloc(LONG, sizeof *series);
	struct pb_rng rng = {11};
	assert_non_null(series);
	for (size_t i = 0; i < LONG; i++)
		series[i] = (i < 12000 ? 130 : 100) * noise(&rng, 0.02);
	struct pb_steady found = judge(series, LONG);
	expect(&found, PB_STEADY_YES);
	assert_in_range(found.from, 11990, 12012);
	free(series);
}

static struct pb_steady judge_recorded(const double *recorded, size_t n, bool contended_too)
{
	double series[N];
	assert_true(n <= N);
	for (size_t i = 0; i < n; i++)
		series[i] = recorded[i] > 0 ? recorded[i]
			    : contended_too ? -recorded[i]
					    : (double)NAN;
	return judge(series, n);
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void a_compiled_loop_is_steady_from_its_compilation(void **state)
{
	(void)state;
	struct pb_steady found = judge_recorded(recorded_jit_add, COUNT(recorded_jit_add), false);
	expect(&found, PB_STEADY_YES);
	assert_int_equal(found.from, 15); /* the burst after the one that compiled */
	assert_true(found.level == 44);
	/* Seen too early, it is still on its way down. */
	found = judge_recorded(recorded_jit_add, PB_STEADY_LEAST, false);
	expect(&found, PB_STEADY_MOVING);
}

static void what_a_neighbour_does_is_not_the_call(void **state)
{
	(void)state;
	const size_t n = COUNT(recorded_add);
	struct pb_steady quiet = judge_recorded(recorded_add, n, false);
	expect(&quiet, PB_STEADY_YES);
	assert_true(quiet.level == 59);
	/* Without knowing which bursts were disturbed, the neighbour's coming is a change. */
	struct pb_steady all = judge_recorded(recorded_add, n * 6 / 10, true);
	expect(&all, PB_STEADY_MOVING);
	/* Hardly a quiet moment: whatever is said is said of those. */
	struct pb_steady busy = judge_recorded(recorded_jit_fib, COUNT(recorded_jit_fib), false);
	assert_true(busy.counted < PB_STEADY_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flat_series_is_steady_from_its_start),
		cmocka_unit_test(a_constant_series_is_steady),
		cmocka_unit_test(a_decay_is_steady_when_it_has_died_down),
		cmocka_unit_test(what_is_to_come_is_within_the_tolerance),
		cmocka_unit_test(a_step_must_be_as_far_behind_as_it_was_ahead),
		cmocka_unit_test(a_step_upwards_is_seen_too),
		cmocka_unit_test(a_drift_never_is_steady),
		cmocka_unit_test(going_to_and_fro_is_not_steady),
		cmocka_unit_test(contended_rounds_do_not_count),
		cmocka_unit_test(unseen_noise_is_ridden_out),
		cmocka_unit_test(few_samples_say_nothing),
		cmocka_unit_test(a_series_without_a_level_is_not_judged),
		cmocka_unit_test(a_long_series_is_judged_by_its_end),
		cmocka_unit_test(a_compiled_loop_is_steady_from_its_compilation),
		cmocka_unit_test(what_a_neighbour_does_is_not_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
