/* SPDX-License-Identifier: MIT
 * The ladder's analysis on made-up samples whose truth is known.
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

/* --- the figures ------------------------------------------------------------------------------ */

static void parts_are_found_and_add_up(void **state)
{
	(void)state;
	struct world w = {.processes = 5, .noise_ticks = 3, .between_ticks = 1, .seed = 1};
	make(&w);
	struct probe_engine e = analysed(&w, &usual);
	assert_true(e.present && !e.contended);
	assert_int_equal(e.part_count, 5);
	assert_int_equal(e.folded_count, 3);
	for (size_t i = 0; i < e.part_count; i++) {
		assert_true(covers(&e.parts[i].value, cost_of(e.parts[i].mask)));
		assert_false(e.parts[i].value.below_floor);
	}
	for (size_t i = 0; i < e.folded_count; i++)
		assert_true(covers(&e.folded[i].value, cost_of(e.folded[i].mask)));
	assert_true(covers(&e.total, cost_of(PROBE_MASK_ALL)));
	adds_up(&e);
	assert_int_equal(e.pass_count, 5);
	assert_int_equal(e.rounds, 5 * ROUNDS);
	assert_int_equal(e.rounds_contended + e.rounds_discarded, 0);
	assert_int_equal(e.calls_per_round, 500);
	assert_int_equal(e.bare.state, PROBE_ABSENT);
	assert_int_equal(e.closure.state, PROBE_ABSENT);
	assert_int_equal(e.empty_call.state, PROBE_ABSENT);
	for (size_t p = 0; p < 5; p++) {
		assert_true(isnan(e.passes[p].bare) && isnan(e.passes[p].empty_call));
		close_to(e.passes[p].chain_ticks, 1, 0.01);
		close_to(e.passes[p].wide_ticks, QUIET, 0.01);
	}
	free(e.passes);
	drop(&w);
}

/* 95 % intervals: of 100 worlds, at least 90 hold the truth, for every part and the total; and they
 * are not wide for nothing. */
static void intervals_hold_what_they_promise(void **state)
{
	(void)state;
	enum { TRIALS = 100 };
	struct probe_ladder_options o = {.resamples = 50};
	unsigned held[PROBE_MAX_PARTS + 1] = {0};
	double half[PROBE_MAX_PARTS + 1] = {0};
	unsigned masks[PROBE_MAX_PARTS + 1] = {0};
	size_t n = 0;
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		struct world w = {.processes = 5,
				  .rounds = 24,
				  .noise_ticks = 2,
				  .between_ticks = 2,
				  .seed = 100 + trial};
		make(&w);
		o.seed = trial;
		struct probe_engine e = analysed(&w, &o);
		n = e.part_count;
		for (size_t i = 0; i <= n; i++) {
			const struct probe_value *v = i < n ? &e.parts[i].value : &e.total;
			masks[i] = i < n ? e.parts[i].mask : PROBE_MASK_ALL;
			held[i] += covers(v, cost_of(masks[i]));
			half[i] += v->half / (double)TRIALS;
		}
		free(e.passes);
		drop(&w);
	}
	for (size_t i = 0; i <= n; i++) {
		/* Between processes, each sub-phase scatters by 2; Student's t for 5 is 2.78. */
		double ideal = 2.78 * 2 * sqrt(__builtin_popcount(masks[i])) / sqrt(5);
		ideal = hypot(ideal, i < n ? PLACE : 0);
		if (held[i] < 90 || half[i] > 2 * ideal)
			fail_msg("part %#x: %u of %d held, half %.2f (scatter alone %.2f)",
				 masks[i], held[i], TRIALS, half[i], ideal);
	}
}

static void same_seed_same_figures(void **state)
{
	(void)state;
	struct world w = {.processes = 1, .noise_ticks = 3, .seed = 2};
	struct probe_ladder_options other = usual;
	other.seed = 8;
	make(&w);
	struct probe_engine a = analysed(&w, &usual), b = analysed(&w, &usual),
			    c = analysed(&w, &other);
	same_figures(&a, &b);
	assert_true(a.total.ticks == c.total.ticks); /* the seed is of the bootstrap alone */
	assert_true(a.total.half != c.total.half);
	free(a.passes);
	free(b.passes);
	free(c.passes);
	drop(&w);
}

/* Without a second process, the scatter of rounds is all there is to go by. */
static void one_process_has_intervals_too(void **state)
{
	(void)state;
	struct world w = {.processes = 1, .rounds = 100, .noise_ticks = 3, .seed = 3};
	make(&w);
	struct probe_engine e = analysed(&w, &usual);
	assert_int_equal(e.pass_count, 1);
	/* The median's standard error is 1.25 sigma / sqrt(n), of two rungs. */
	double se = 1.25 * 3 * sqrt(2.0 / 100);
	assert_true(covers(&e.total, cost_of(PROBE_MASK_ALL)));
	assert_true(e.total.half > 1.96 * se / 2 && e.total.half < 1.96 * se * 2);
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

static void pure_python_has_total_and_empty_call(void **state)
{
	(void)state;
	struct world w = {.rungs = BIT(PROBE_RUNG_EMPTY) | BIT(PROBE_RUNG_REAL) |
				   BIT(PROBE_RUNG_PYCALL),
			  .processes = 5,
			  .noise_ticks = 1,
			  .between_ticks = 1,
			  .seed = 4};
	struct probe_ladder_options o = usual;
	o.pure_python = true;
	make(&w);
	struct probe_engine e = analysed(&w, &o);
	assert_int_equal(e.part_count, 0);
	assert_int_equal(e.folded_count, 0);
	assert_true(covers(&e.total, cost_of(PROBE_MASK_ALL)));
	assert_true(covers(&e.empty_call, cost_of(PROBE_BIT(PROBE_SUB_CALL))));
	double mean = 0;
	for (size_t p = 0; p < 5; p++)
		mean += e.passes[p].empty_call / 5;
	close_to(mean, e.empty_call.ticks, 1e-9);
	free(e.passes);
	drop(&w);
}

/* --- what is set aside ------------------------------------------------------------------------ */

static void contended_rounds_are_set_aside(void **state)
{
	(void)state;
	struct world w = {.processes = 5, .noise_ticks = 2, .between_ticks = 1, .seed = 5};
	make(&w);
	for (size_t p = 0; p < 5; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			if (i % 3)
				disturb(&w.samples[p].rounds[i], 1.5);
	struct probe_engine a = analysed(&w, &usual);
	size_t each = ROUNDS - (ROUNDS + 2) / 3;
	assert_int_equal(a.rounds, 5 * ROUNDS);
	assert_int_equal(a.rounds_contended, 5 * each);
	assert_int_equal(a.rounds_discarded, 0);
	assert_int_equal(a.passes[0].rounds_contended, each);
	assert_false(a.contended);
	assert_true(covers(&a.total, cost_of(PROBE_MASK_ALL)));
	/* Whatever they read: it changes nothing. */
	for (size_t p = 0; p < 5; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			if (i % 3)
				disturb(&w.samples[p].rounds[i], 1000);
	struct probe_engine b = analysed(&w, &usual);
	same_figures(&a, &b);
	free(a.passes);
	free(b.passes);
	drop(&w);
}

static void discarded_rounds_are_never_used(void **state)
{
	(void)state;
	struct world w = {.processes = 2, .noise_ticks = 2, .seed = 6};
	make(&w);
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < ROUNDS; i += 4)
			w.samples[p].rounds[i].discarded = true;
	struct probe_engine a = analysed(&w, &usual);
	assert_int_equal(a.rounds_discarded, 2 * ROUNDS / 4);
	assert_int_equal(a.passes[1].rounds_discarded, ROUNDS / 4);
	assert_int_equal(a.rounds_contended, 0);
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < ROUNDS; i += 4) {
			struct probe_round *round = &w.samples[p].rounds[i];
			for (unsigned c = 0; c < PROBE_COLUMNS; c++)
				round->ticks[c] = i % 8 ? NAN : 1e9;
			/* An even quieter ratio, and no reference at all. */
			round->chain_ticks = 1;
			round->wide_ticks = i % 8 ? NAN : 0.15;
		}
	struct probe_engine b = analysed(&w, &usual);
	same_figures(&a, &b);
	free(a.passes);
	free(b.passes);
	drop(&w);
}

static void a_process_without_quiet_gives_way(void **state)
{
	(void)state;
	/* Wherever it stands in the order. */
	for (size_t loud = 0; loud < 3; loud++) {
		struct world w = {.processes = 3, .noise_ticks = 2, .seed = 9};
		make(&w);
		w.samples[loud].rounds[0].discarded = true;
		for (size_t i = 0; i < ROUNDS; i++)
			disturb(&w.samples[loud].rounds[i], 1.5);
		struct probe_engine a = analysed(&w, &usual);
		assert_int_equal(a.pass_count, 2);
		assert_false(a.contended);
		assert_int_equal(a.rounds, 3 * ROUNDS);
		assert_int_equal(a.rounds_contended, ROUNDS - 1);
		assert_int_equal(a.rounds_discarded, 1);
		struct world quiet = w;
		quiet.processes = 0;
		for (size_t p = 0; p < 3; p++)
			if (p != loud)
				quiet.samples[quiet.processes++] = w.samples[p];
		struct probe_engine b = analysed(&quiet, &usual);
		same_figures(&a, &b);
		free(a.passes);
		free(b.passes);
		drop(&w);
	}
}

/* One quiet process is too few to know its scatter: all are used, and the cell says so. */
static void one_quiet_process_alone_is_contended(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .noise_ticks = 2, .seed = 10};
	make(&w);
	for (size_t p = 1; p < 3; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			disturb(&w.samples[p].rounds[i], 1.5);
	struct probe_engine e = analysed(&w, &usual);
	assert_int_equal(e.pass_count, 3);
	assert_true(e.contended);
	assert_int_equal(e.rounds_contended, 2 * ROUNDS);
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

static void all_contended_still_has_figures(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .noise_ticks = 2, .seed = 11};
	struct probe_ladder_options o = usual;
	o.quiet_ratio = QUIET; /* remembered from another run: by itself it would look quiet */
	make(&w);
	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			disturb(&w.samples[p].rounds[i], 1.5);
	struct probe_engine e = analysed(&w, &o);
	assert_true(e.present && e.contended);
	assert_int_equal(e.rounds_contended, 3 * ROUNDS);
	assert_int_equal(e.total.state, PROBE_EXACT);
	close_to(e.total.ticks, 1.5 * cost_of(PROBE_MASK_ALL), 5);
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

static void nothing_usable_is_an_error(void **state)
{
	(void)state;
	struct world w = {.processes = 2, .noise_ticks = 2, .bare = true, .seed = 12};
	struct probe_engine e;
	struct probe_error err = {0};
	make(&w);
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			w.samples[p].rounds[i].discarded = true;
	assert_int_equal(probe_ladder_analyse(w.samples, 2, &usual, &e, &err), -PROBE_EINVAL);
	assert_int_equal(err.code, PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "context switch"));
	assert_false(e.present);
	assert_null(e.passes);
	assert_int_equal(probe_ladder_analyse(NULL, 0, &usual, &e, &err), -PROBE_EINVAL);
	assert_false(e.present);
	/* One process that is of use is enough, and the other's rounds stay counted. */
	for (size_t i = 0; i < ROUNDS; i++)
		w.samples[1].rounds[i].discarded = false;
	e = analysed(&w, &usual);
	assert_int_equal(e.pass_count, 1);
	assert_int_equal(e.rounds, 2 * ROUNDS);
	assert_int_equal(e.rounds_discarded, ROUNDS);
	free(e.passes);
	drop(&w);
}

/* --- copies, twins and gaps ------------------------------------------------------------------- */

/* Copies of a stub count alike, however often each was drawn; their spread is in the interval. */
static void copies_are_averaged_and_their_spread_kept(void **state)
{
	(void)state;
	struct world w = {.rungs = BIT(PROBE_RUNG_EMPTY) | BIT(PROBE_RUNG_TARGET) |
				   BIT(PROBE_RUNG_REAL),
			  .processes = 2,
			  .copy_ticks = {0, 2, 4, 10},
			  .seed = 13};
	make(&w);
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < ROUNDS; i++) {
			struct probe_round *round = &w.samples[p].rounds[i];
			round->variant[PROBE_RUNG_TARGET] = (uint8_t)(i < 4 ? i : 3);
			round->ticks[PROBE_RUNG_TARGET] =
				LOOP_TICKS + cost_of(left_on(PROBE_RUNG_TARGET)) +
				w.copy_ticks[round->variant[PROBE_RUNG_TARGET]];
		}
	struct probe_engine e = analysed(&w, &usual);
	const struct probe_value *compute = part(&e, PROBE_MASK_COMPUTE);
	double sd = pb_stddev(w.copy_ticks, COPIES);
	close_to(compute->ticks, cost_of(PROBE_MASK_COMPUTE) - 4, 1e-9);
	assert_true(compute->half >= 1.96 * sd / 2 - 1e-9);
	close_to(e.floor_ticks, sd, 1e-9);
	/* The total has no stub in it. */
	close_to(e.total.ticks, cost_of(PROBE_MASK_ALL), 1e-9);
	close_to(e.total.half, 0, 1e-9);
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

static void the_bare_twin_closes_the_sum(void **state)
{
	(void)state;
	struct world w = {.processes = 5,
			  .noise_ticks = 2,
			  .between_ticks = 1,
			  .bare = true,
			  .bare_ticks = 20,
			  .seed = 14};
	make(&w);
	/* One twin was never quiet: it gives way too. */
	for (size_t i = 0; i < ROUNDS; i++)
		disturb(&w.samples[2].bare[i], 2);
	struct probe_engine e = analysed(&w, &usual);
	assert_true(covers(&e.bare, cost_of(PROBE_MASK_ALL) - 20));
	assert_true(covers(&e.closure, -20));
	/* The place in memory of two libraries is a doubt that stays: 16 core cycles. */
	assert_true(e.closure.half > 13 && e.closure.half < 19);
	assert_false(e.closure.below_floor); /* 20 ticks are a difference that is there */
	for (size_t p = 0; p < 5; p++)
		close_to(e.passes[p].bare, p == 2 ? 2 * (e.passes[2].total + 12 - 20) - 24 : 251,
			 p == 2 ? 30 : 10);
	free(e.passes);
	drop(&w);

	w = (struct world){
		.processes = 5, .noise_ticks = 2, .between_ticks = 1, .bare = true, .seed = 15};
	make(&w);
	e = analysed(&w, &usual);
	assert_true(covers(&e.closure, 0));
	assert_true(e.closure.below_floor);
	free(e.passes);
	drop(&w);
}

/* A rung that one process could not reach is merged for the whole cell. */
static void a_rung_missing_once_is_missing(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .noise_ticks = 1, .seed = 16};
	make(&w);
	w.samples[1].rungs &= ~BIT(PROBE_RUNG_INVOKE);
	for (size_t i = 0; i < ROUNDS; i++)
		w.samples[1].rounds[i].ticks[PROBE_RUNG_INVOKE] = NAN;
	struct probe_engine e = analysed(&w, &usual);
	const struct probe_value *merged =
		part(&e, PROBE_MASK_MARSHALLING | PROBE_BIT(PROBE_SUB_INVOKE));
	assert_true(fabs(merged->ticks - 180) < 3 && e.part_count == 4);
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

static void a_reading_missing_here_and_there_is_no_zero(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .noise_ticks = 1, .between_ticks = 0.5, .seed = 17};
	make(&w);
	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			w.samples[p].rounds[i].ticks[i % 6] = NAN;
	struct probe_engine e = analysed(&w, &usual);
	for (size_t i = 0; i < e.part_count; i++)
		assert_true(covers(&e.parts[i].value, cost_of(e.parts[i].mask)));
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

/* A rung without one reading in a process wasn't reached there, whatever the mask says. */
static void a_rung_of_nothing_but_gaps_is_missing(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .noise_ticks = 1, .seed = 18};
	make(&w);
	for (size_t i = 0; i < ROUNDS; i++)
		w.samples[1].rounds[i].ticks[PROBE_RUNG_INVOKE] = NAN;
	struct probe_engine e = analysed(&w, &usual);
	assert_int_equal(e.part_count, 4);
	assert_true(!isnan(e.parts[1].value.ticks));
	adds_up(&e);
	free(e.passes);
	drop(&w);
}

/* Two ways of taking a layer out that disagree: the doubt does not shrink with more readings. */
static void an_interaction_widens_its_parts(void **state)
{
	(void)state;
	struct world w = {.rungs = EVERY | BIT(PROBE_RUNG_SIDE_INVOKE), .processes = 3, .seed = 19};
	make(&w);
	struct probe_engine a = analysed(&w, &usual);
	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			w.samples[p].rounds[i].ticks[PROBE_RUNG_SIDE_INVOKE] += 8;
	struct probe_engine b = analysed(&w, &usual);
	adds_up(&b);
	for (size_t i = 0; i < a.part_count; i++) {
		bool clear = a.parts[i].mask & (outer_mask | PROBE_MASK_COMPUTE);
		double half = a.parts[i].value.half;
		close_to(half, PLACE, 0.05);
		close_to(b.parts[i].value.half, clear ? half : hypot(half, 4), 1e-9);
	}
	for (size_t i = 0; i < a.folded_count; i++) {
		bool clear = a.folded[i].mask & PROBE_MASK_COMPUTE;
		double half = a.folded[i].value.half;
		close_to(b.folded[i].value.half, clear ? half : hypot(half, 4), 1e-9);
	}
	assert_true(a.total.ticks == b.total.ticks && a.total.half == b.total.half);
	assert_false(part(&b, state_mask)->below_floor);
	free(b.passes);
	/* 26 ticks one way, -8 the other: nothing that one could print. */
	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < ROUNDS; i++)
			w.samples[p].rounds[i].ticks[PROBE_RUNG_SIDE_INVOKE] += 26;
	b = analysed(&w, &usual);
	close_to(part(&b, state_mask)->ticks, 9, 1e-9);
	close_to(part(&b, state_mask)->half, hypot(17, PLACE), 0.05);
	assert_true(part(&b, state_mask)->below_floor);
	free(a.passes);
	free(b.passes);
	drop(&w);
}

/* Processes and copies that agree to a hundredth of a cycle resolve no less than a cycle by it, and
 * leave the doubt about the target's own place. */
static void agreement_is_no_proof(void **state)
{
	(void)state;
	struct world w = {.processes = 3,
			  .rungs = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL |
				   1u << PROBE_RUNG_TARGET};
	make(&w);
	for (size_t p = 0; p < w.processes; p++)
		for (size_t i = 0; i < w.samples[p].round_count; i++)
			w.samples[p].rounds[i].ticks[PROBE_RUNG_REAL] -=
				cost[PROBE_SUB_COMPUTE] - 0.5;
	struct probe_engine e = analysed(&w, &usual);
	const struct probe_value *compute = part(&e, PROBE_MASK_COMPUTE);
	close_to(compute->half, PLACE, 0.05);
	close_to(compute->ticks, 0.5, 0.1);
	close_to(e.floor_ticks, 1, 0.05);
	assert_true(compute->below_floor);
	free(e.passes);
	drop(&w);
}

static void an_uncertain_total_is_not_below_the_floor(void **state)
{
	(void)state;
	struct world w = {.processes = 3, .between_ticks = 300, .seed = 3};
	make(&w);
	struct probe_engine e = analysed(&w, &usual);
	assert_true(e.total.half > e.total.ticks && e.total.ticks > e.floor_ticks);
	assert_false(e.total.below_floor);
	free(e.passes);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found_and_add_up),
		cmocka_unit_test(intervals_hold_what_they_promise),
		cmocka_unit_test(same_seed_same_figures),
		cmocka_unit_test(one_process_has_intervals_too),
		cmocka_unit_test(pure_python_has_total_and_empty_call),
		cmocka_unit_test(contended_rounds_are_set_aside),
		cmocka_unit_test(discarded_rounds_are_never_used),
		cmocka_unit_test(a_process_without_quiet_gives_way),
		cmocka_unit_test(one_quiet_process_alone_is_contended),
		cmocka_unit_test(all_contended_still_has_figures),
		cmocka_unit_test(nothing_usable_is_an_error),
		cmocka_unit_test(copies_are_averaged_and_their_spread_kept),
		cmocka_unit_test(the_bare_twin_closes_the_sum),
		cmocka_unit_test(a_rung_missing_once_is_missing),
		cmocka_unit_test(a_reading_missing_here_and_there_is_no_zero),
		cmocka_unit_test(a_rung_of_nothing_but_gaps_is_missing),
		cmocka_unit_test(an_interaction_widens_its_parts),
		cmocka_unit_test(agreement_is_no_proof),
		cmocka_unit_test(an_uncertain_total_is_not_below_the_floor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
