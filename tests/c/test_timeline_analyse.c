/* SPDX-License-Identifier: MIT
 * The timeline's analysis on made-up samples whose truth is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/timeline.h"
#include "probe/analysis.h"
#include "stats/stats.h"

#define OUTER  (PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN))
#define PARTS  7
#define ROUNDS 30
#define PASSES 5
#define STAMP  18.0
#define LOOP   9.0

static const struct probe_ladder_options usual = {.granularity_ticks = 1, .seed = 7};

/* As ctypes has it: in, detach, invoke, compute, attach, out, call + return. */
static const struct probe_timeline_shape shape = {
	.part_count = PARTS,
	.masks = {PROBE_BIT(PROBE_SUB_MARSHAL_IN), PROBE_BIT(PROBE_SUB_DETACH),
		  PROBE_BIT(PROBE_SUB_INVOKE), PROBE_BIT(PROBE_SUB_COMPUTE),
		  PROBE_BIT(PROBE_SUB_ATTACH), PROBE_BIT(PROBE_SUB_MARSHAL_OUT), OUTER},
	.weights = {0.1, 0.2, 0.2, 0.1, 0.2, 0.1, 0.1},
	.stretch_count = 10,
	.part_of = {0, 1, 1, 2, 3, 2, 4, 4, 5, 6},
};
static const double cost[PARTS] = {300, 40, 200, 90, 50, 150, 120};
static const unsigned boundaries[PARTS] = {2, 2, 4, 2, 2, 2, 2};

static void close_to(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.12g, want %.12g", got, want);
}

static double normal(struct pb_rng *rng)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += (double)(pb_rng_next(rng) >> 11) / 9007199254740992.0;
	return sum;
}

static void make_samples(struct probe_process_samples *s, size_t n, double noise, uint64_t seed)
{
	struct pb_rng rng = {seed};
	for (size_t p = 0; p < n; p++) {
		s[p] = (struct probe_process_samples){
			.subphases = PROBE_MASK_ALL, .round_count = ROUNDS, .calls_per_round = 100};
		s[p].rungs = (1u << PARTS) - 1;
		s[p].rungs |= 1u << PROBE_TIMELINE_STAMPED | 1u << PROBE_TIMELINE_PLAIN |
			      1u << PROBE_TIMELINE_EMPTY;
		s[p].rounds = calloc(ROUNDS, sizeof *s[p].rounds);
		assert_non_null(s[p].rounds);
		for (size_t i = 0; i < ROUNDS; i++) {
			struct probe_round *round = &s[p].rounds[i];
			double stamped = 0, plain = LOOP;
			for (size_t k = 0; k < PROBE_COLUMNS; k++)
				round->ticks[k] = NAN;
			for (size_t k = 0; k < PARTS; k++) {
				round->ticks[k] = cost[k] + 10 * STAMP * shape.weights[k] +
						  noise * normal(&rng);
				/* The loop is where one call ends and the next begins. */
				round->ticks[k] += shape.masks[k] == OUTER ? LOOP : 0;
				stamped += round->ticks[k];
				plain += cost[k];
			}
			round->ticks[PROBE_TIMELINE_STAMPED] = stamped;
			round->ticks[PROBE_TIMELINE_PLAIN] = plain + noise * normal(&rng);
			round->ticks[PROBE_TIMELINE_EMPTY] = LOOP + noise * normal(&rng);
			round->chain_ticks = 1;
			round->wide_ticks = 0.25;
		}
	}
}

static void drop(struct probe_process_samples *s, size_t n)
{
	for (size_t p = 0; p < n; p++)
		free(s[p].rounds);
}

/* The stamps' cost is out of the parts, which sum to the plain total in every process. */
static void parts_sum_to_the_plain_total(void **state)
{
	(void)state;
	struct probe_process_samples s[PASSES];
	struct probe_engine e;
	struct probe_error err;
	double total = 0;
	make_samples(s, PASSES, 4, 21);
	assert_int_equal(probe_timeline_analyse(s, PASSES, &shape, &usual, &e, &err), 0);
	double sum = 0, folded = 0;
	for (size_t i = 0; i < PARTS; i++) {
		const struct probe_value *v = &e.parts[i].value;
		assert_int_equal(e.parts[i].mask, shape.masks[i]);
		if (fabs(v->ticks - cost[i]) > v->half)
			fail_msg("part %zu: %g +- %g, truth %g", i, v->ticks, v->half, cost[i]);
		sum += v->ticks;
		total += cost[i];
	}
	for (size_t i = 0; i < e.folded_count; i++)
		folded += e.folded[i].value.ticks;
	assert_true(fabs(e.total.ticks - total) <= e.total.half);
	close_to(e.subtracted_ticks, 10 * STAMP, 5);
	close_to(sum, e.total.ticks, 1e-9);
	close_to(folded, e.total.ticks, 1e-9);
	assert_int_equal(e.pass_count, PASSES);
	for (size_t p = 0; p < PASSES; p++) {
		sum = 0;
		for (size_t i = 0; i < PARTS; i++)
			sum += e.passes[p].parts[i];
		close_to(sum, e.passes[p].total, 1e-9);
		assert_true(isnan(e.passes[p].empty_call));
	}
	assert_int_equal(e.empty_call.state, PROBE_ABSENT);
	assert_int_equal(e.bare.state, PROBE_ABSENT);
	free(e.passes);
	drop(s, PASSES);
}

/* Without noise, what is left is that a stamp's cost may lie on either side of its boundary. */
static void each_boundary_widens_its_parts(void **state)
{
	(void)state;
	struct probe_process_samples s[2];
	struct probe_engine e;
	struct probe_error err;
	const double one = STAMP / 2;
	make_samples(s, 2, 0, 22);
	assert_int_equal(probe_timeline_analyse(s, 2, &shape, &usual, &e, &err), 0);
	close_to(e.subtracted_ticks, 10 * STAMP, 1e-9);
	close_to(e.total.half, 0, 1e-9);
	for (size_t i = 0; i < PARTS; i++) {
		close_to(e.parts[i].value.ticks, cost[i], 1e-9);
		close_to(e.parts[i].value.half, one * boundaries[i], 1e-9);
		assert_int_equal(e.parts[i].value.below_floor, cost[i] < one * boundaries[i]);
	}
	assert_int_equal(e.folded_count, 3);
	close_to(e.folded[0].value.half, one * 6, 1e-9); /* dispatch: six changes a call */
	close_to(e.folded[1].value.half, one * 4, 1e-9);
	close_to(e.folded[2].value.half, one * 2, 1e-9);
	close_to(e.floor_ticks, one * 2, 1e-9);
	free(e.passes);
	drop(s, 2);
}

/* --- how the stamps' cost is shared out --------------------------------------------------------
 */

#define HIDDEN 12.0 /* of each stamp, behind the work beside it */

static double plain_of(const double *work)
{
	double sum = LOOP;
	for (size_t i = 0; i < PARTS; i++)
		sum += work[i];
	return sum;
}

/* A stretch as a drained pipeline sees it: of its stamp, what the work in it does not hide. */
static void stamp_over(const double *work, double *raw)
{
	for (size_t i = 0; i < PARTS; i++) {
		double hidden = HIDDEN * 10 * shape.weights[i];
		raw[i] = 10 * STAMP * shape.weights[i] + fmax(work[i] - hidden, 0);
		raw[i] += shape.masks[i] == OUTER ? LOOP : 0;
	}
}

static void what_hides_behind_work_is_let_off_there(void **state)
{
	(void)state;
	struct probe_timeline_shape shared = shape;
	double work[PARTS], raw[PARTS], sum = 0;
	for (size_t i = 0; i < PARTS; i++)
		work[i] = shape.masks[i] == PROBE_MASK_COMPUTE ? 0 : cost[i] + 60;
	stamp_over(work, raw);
	pb_timeline_share(&shared, 10 * STAMP, raw, plain_of(work));
	double in_place = -plain_of(work);
	for (size_t i = 0; i < PARTS; i++) {
		in_place += raw[i];
		sum += shared.weights[i];
	}
	close_to(sum, 1, 1e-9);
	for (size_t i = 0; i < PARTS; i++) {
		double loop = shape.masks[i] == OUTER ? LOOP : 0;
		close_to(raw[i] - shared.weights[i] * in_place - loop, work[i], 1e-6);
	}
}

static void nothing_hidden_leaves_the_shares(void **state)
{
	(void)state;
	struct probe_timeline_shape shared = shape;
	double raw[PARTS];
	for (size_t i = 0; i < PARTS; i++)
		raw[i] = cost[i] + 11 * STAMP * shape.weights[i];
	pb_timeline_share(&shared, 10 * STAMP, raw, plain_of(cost) - LOOP);
	for (size_t i = 0; i < PARTS; i++)
		assert_true(shared.weights[i] == shape.weights[i]);
	raw[0] = NAN; /* no round was of use */
	pb_timeline_share(&shared, 10 * STAMP, raw, plain_of(cost));
	assert_true(shared.weights[1] == shape.weights[1]);
}

/* More hidden than all the work could hide: what is left goes by what is left of the stamps. */
static void no_share_is_negative(void **state)
{
	(void)state;
	struct probe_timeline_shape shared = shape;
	double raw[PARTS], sum = 0;
	for (size_t i = 0; i < PARTS; i++)
		raw[i] = 10 * STAMP * shape.weights[i] + (i == 0 ? 500 : 1);
	pb_timeline_share(&shared, 10 * STAMP, raw, 10 * STAMP + 500);
	for (size_t i = 0; i < PARTS; i++) {
		assert_true(shared.weights[i] >= -1e-12);
		sum += shared.weights[i];
	}
	close_to(sum, 1, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hides_behind_work_is_let_off_there),
		cmocka_unit_test(nothing_hidden_leaves_the_shares),
		cmocka_unit_test(no_share_is_negative),
		cmocka_unit_test(parts_sum_to_the_plain_total),
		cmocka_unit_test(each_boundary_widens_its_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
