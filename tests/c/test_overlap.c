/* SPDX-License-Identifier: MIT
 * What the phases sum to more than the total, on made-up samples whose truth is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse_world.h"

/* Compute is what it is between fences; the other phases keep what they had. */
static void what_overlaps_is_found_between_fences(void **state)
{
	(void)state;
	struct world w = {.processes = 5,
			  .rungs = EVERY | BIT(PROBE_RUNG_FENCED) | BIT(PROBE_RUNG_FENCED_TARGET),
			  .noise_ticks = 1,
			  .hidden_ticks = 15,
			  .seed = 21};
	make(&w);
	for (size_t p = 1; p < w.processes; p++)
		w.samples[p].alone = (struct probe_alone_samples){true, 24 + (double)p, 3};
	struct probe_engine e = analysed(&w, &usual);
	double sum = 0;
	for (size_t i = 0; i < e.part_count; i++) {
		assert_true(covers(&e.parts[i].value, cost_of(e.parts[i].mask)));
		sum += e.parts[i].value.ticks;
	}
	assert_true(covers(&e.total, cost_of(PROBE_MASK_ALL) - w.hidden_ticks));
	assert_true(covers(&e.overlap, w.hidden_ticks));
	close_to(sum - e.overlap.ticks, e.total.ticks, 1e-9);
	/* The processes that could tell: 25, 26, 27 and 28. */
	close_to(e.alone.ticks, 26.5, 1e-9);
	close_to(e.alone.half, 3.182 * sqrt(5.0 / 3) / 2, 1e-3);
	assert_true(e.alone_free.ticks == 3 && e.alone_free.half == 0);
	free(e.passes);
	drop(&w);

	w = (struct world){.processes = 2, .noise_ticks = 1, .hidden_ticks = 15, .seed = 22};
	make(&w);
	e = analysed(&w, &usual);
	assert_int_equal(e.overlap.state, PROBE_ABSENT);
	assert_int_equal(e.alone.state, PROBE_ABSENT);
	free(e.passes);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_overlaps_is_found_between_fences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
