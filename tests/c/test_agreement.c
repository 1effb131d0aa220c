/* SPDX-License-Identifier: MIT
 * When ladder and timeline are said to disagree, and in which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/analysis.h"

static const unsigned state_bits = PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH);
static const unsigned outer = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN);

static struct probe_part figure(unsigned mask, double ticks, double half)
{
	return (struct probe_part){mask, {PROBE_EXACT, ticks, half, false}};
}

static size_t warnings_of(struct probe_cell *cell)
{
	size_t n = 0;
	while (cell->warnings && cell->warnings[n])
		n++;
	return n;
}

static void engines_are_compared_within_their_intervals(void **state)
{
	(void)state;
	const unsigned in = PROBE_BIT(PROBE_SUB_MARSHAL_IN), out = PROBE_BIT(PROBE_SUB_MARSHAL_OUT);
	struct probe_run *run = probe_run_new();
	struct probe_cell *cell = probe_run_add_cell(run, "add", "ctypes", "cpython-3.13.0");
	assert_non_null(cell);
	assert_int_equal(probe_cell_check_engines(cell), 0);
	cell->ladder.present = true;
	assert_int_equal(probe_cell_check_engines(cell), 0);
	cell->timeline.present = true;
	cell->ladder.part_count = 3;
	cell->ladder.parts[0] = figure(PROBE_MASK_MARSHALLING, 100, 3);
	cell->ladder.parts[1] = figure(PROBE_MASK_COMPUTE, 20, 3);
	cell->ladder.parts[2] = figure(outer, 50, 1); /* the timeline has no such part */
	cell->timeline.part_count = 4;
	cell->timeline.parts[0] = figure(in, 60, 4);
	cell->timeline.parts[1] = figure(out, 49.9, 3); /* 9.9 apart; 3 and 4 + 3 wide */
	cell->timeline.parts[2] = figure(PROBE_MASK_COMPUTE, 26.99, 4);
	cell->timeline.parts[3] = figure(outer | state_bits, 500, 1);
	assert_int_equal(probe_cell_check_engines(cell), 0);
	assert_int_equal(warnings_of(cell), 0);

	cell->timeline.parts[2].value.ticks = 27.01;
	assert_int_equal(probe_cell_check_engines(cell), 1);
	assert_int_equal(warnings_of(cell), 1);
	assert_non_null(strstr(cell->warnings[0], "compute"));
	assert_non_null(strstr(cell->warnings[0], "20.0 +- 3.0"));
	assert_non_null(strstr(cell->warnings[0], "27.0 +- 4.0"));

	cell->timeline.parts[1].value.ticks = 29.9; /* 10.1 apart, the other way */
	assert_int_equal(probe_cell_check_engines(cell), 2);
	assert_int_equal(warnings_of(cell), 2); /* compute's is there already */
	assert_non_null(strstr(cell->warnings[1], "marshalling"));
	assert_non_null(strstr(cell->warnings[1], "89.9 +- 7.0"));

	/* Half of the pair says nothing about the pair. */
	cell->timeline.part_count = 1;
	assert_int_equal(probe_cell_check_engines(cell), 0);
	probe_run_free(run);
}

static void compute_is_compared_with_the_target_alone(void **state)
{
	(void)state;
	const double hz = 2e9; /* half a nanosecond a tick */
	struct probe_run *run = probe_run_new();
	struct probe_cell *cell = probe_run_add_cell(run, "fib", "ctypes", "cpython-3.13.0");
	struct probe_engine *e = &cell->ladder;
	assert_int_equal(probe_cell_check_target(cell, hz), 0);
	e->present = true;
	e->part_count = 1;
	e->parts[0] = figure(PROBE_MASK_COMPUTE, 400, 10);
	e->alone = (struct probe_value){PROBE_EXACT, 389, 2, false};
	e->alone_free = (struct probe_value){PROBE_EXACT, 1, 2, false};
	assert_int_equal(probe_cell_check_target(cell, hz), 0); /* not between fences */
	e->overlap = (struct probe_value){PROBE_EXACT, 20, 2, false};
	assert_int_equal(probe_cell_check_target(cell, hz), 0); /* 11 apart; 12 wide */
	e->parts[0].value.half = 1;
	assert_int_equal(probe_cell_check_target(cell, 0), 0); /* no unit to say it in */
	assert_int_equal(probe_cell_check_target(cell, hz), 1);
	assert_int_equal(warnings_of(cell), 1);
	assert_string_equal(
		cell->warnings[0],
		"compute takes 200 +- 0.5 ns in this call, and 194 +- 1 ns where C calls the same "
		"function over and over (under 1 ns where these calls may overlap): most likely "
		"the "
		"rest of the call evicts it from caches and branch predictors");

	/* 7 ticks are more than 1 ns, and less than 2 % of compute. */
	e->alone.ticks = 393;
	assert_int_equal(probe_cell_check_target(cell, hz), 0);
	e->parts[0] = figure(PROBE_MASK_COMPUTE, 10, 0.1);
	e->alone = (struct probe_value){PROBE_EXACT, 8.1, 0.1, false};
	assert_int_equal(probe_cell_check_target(cell, hz), 0); /* under 1 ns */

	e->alone = (struct probe_value){PROBE_EXACT, 30, 1, false};
	e->alone_free.ticks = 24;
	assert_int_equal(probe_cell_check_target(cell, hz), 1);
	assert_non_null(
		strstr(cell->warnings[1], "(12 ns where these calls may overlap): measure"));
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_are_compared_within_their_intervals),
		cmocka_unit_test(compute_is_compared_with_the_target_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
