/* SPDX-License-Identifier: MIT
 * The reference loops on the real machine: order and ratio with slack, never absolute times. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sched.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/arch.h"
#include "sys/counter.h"
#include "sys/reference.h"
#include "sys/usage.h"

/* Quickest of many runs: what the loop takes when nothing comes between. */
static double quickest(void (*loop)(uint64_t), uint64_t blocks)
{
	double best = INFINITY;
	for (int i = 0; i < 200; i++) {
		uint64_t begin = pb_arch_ticks_ordered();
		loop(blocks);
		best = fmin(best, (double)(pb_arch_ticks_ordered() - begin));
	}
	return best;
}

static void loops_are_linear_in_their_blocks(void **state)
{
	(void)state;
	/* A neighbour may come between the two timings: what counts is that it can be seen. */
	bool chain = false, wide = false;
	for (int attempt = 0; attempt < 20 && !(chain && wide); attempt++) {
		double once = quickest(pb_ref_chain, 4000), twice = quickest(pb_ref_chain, 8000);
		chain |= twice > 1.7 * once && twice < 2.3 * once;
		once = quickest(pb_ref_wide, 8000);
		twice = quickest(pb_ref_wide, 16000);
		wide |= twice > 1.4 * once && twice < 2.8 * once;
	}
	assert_true(chain && wide);
}

static void wide_is_quicker_than_the_chain(void **state)
{
	(void)state;
	double chain = quickest(pb_ref_chain, 4000), wide = quickest(pb_ref_wide, 4000);
	/* Two units at the least, a dozen at the most. */
	assert_true(wide < 0.9 * chain && wide > 0.05 * chain);
}

static void no_blocks_is_no_loop(void **state)
{
	(void)state;
	pb_ref_chain(0);
	pb_ref_wide(0);
}

static void measures_both_in_a_few_microseconds(void **state)
{
	(void)state;
	struct probe_counter *c;
	struct probe_error err;
	struct pb_reference r, best = {INFINITY, INFINITY};
	double best_ns = INFINITY;
	assert_int_equal(probe_counter_open(&c, "tsc", &err), 0);
	double hz = probe_counter_facts(c)->hz;
	for (int i = 0; i < 100; i++) {
		uint64_t begin = pb_arch_ticks_ordered();
		assert_int_equal(pb_reference_measure(c, &r), 0);
		best_ns = fmin(best_ns, (double)(pb_arch_ticks_ordered() - begin) / hz * 1e9);
		best.chain_ticks = fmin(best.chain_ticks, r.chain_ticks);
		best.wide_ticks = fmin(best.wide_ticks, r.wide_ticks);
	}
	assert_true(best.wide_ticks > 0 && best.wide_ticks < 0.9 * best.chain_ticks);
	/* The parts are what it timed: 4096 and 8192 adds. */
	double parts_ns = (4096 * best.chain_ticks + 8192 * best.wide_ticks) / hz * 1e9;
	assert_true(parts_ns < 1.2 * best_ns && parts_ns > 0.5 * best_ns);
	double cycles_per_tick = pb_reference_cycles_per_tick(c);
	assert_true(cycles_per_tick > 0 && cycles_per_tick <= 1.1 / best.chain_ticks);
	probe_counter_close(c);
}

static void usage_notices_a_switch(void **state)
{
	(void)state;
	struct pb_usage begin = pb_usage_now();
	usleep(1000);
	struct pb_usage end = pb_usage_now();
	assert_true(end.voluntary > begin.voluntary);
	assert_true(pb_usage_disturbed(&begin, &end));
	assert_false(pb_usage_disturbed(&begin, &begin));
	end = begin;
	end.involuntary++;
	assert_true(pb_usage_disturbed(&begin, &end));
	end = begin;
	end.cpu++;
	assert_true(pb_usage_disturbed(&begin, &end));
	assert_true(begin.cpu >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_are_linear_in_their_blocks),
		cmocka_unit_test(wide_is_quicker_than_the_chain),
		cmocka_unit_test(no_blocks_is_no_loop),
		cmocka_unit_test(measures_both_in_a_few_microseconds),
		cmocka_unit_test(usage_notices_a_switch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
