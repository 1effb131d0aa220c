/* SPDX-License-Identifier: MIT
 * The ladder on fake rungs: what it arms and runs, in which order, and what it makes of the ticks.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ladder.h"
#include "hook/thunk.h"

#define BIT(rung) (1u << (rung))
#define BASE      (BIT(PROBE_RUNG_EMPTY) | BIT(PROBE_RUNG_REAL))
#define EVERY                                                                                      \
	(BASE | BIT(PROBE_RUNG_ENTRY) | BIT(PROBE_RUNG_INVOKE) | BIT(PROBE_RUNG_TARGET) |          \
	 BIT(PROBE_RUNG_SIDE) | BIT(PROBE_RUNG_SIDE_INVOKE) | BIT(PROBE_RUNG_CALLBACK_STUB) |      \
	 BIT(PROBE_RUNG_CALLBACK_EMPTY))
/* Rungs without a stub of ours have no copies. */
#define UNCOPIED    (BASE | BIT(PROBE_RUNG_CALLBACK_EMPTY))
#define RUNGS       9
#define ROUNDS      40
#define START_TICKS 700 /* what starting a loop takes */
#define COLD_TICKS  900000000

/* Everything that the ladder asked for, and what to answer. */
struct fake {
	uint64_t cost[PROBE_RUNG_COUNT]; /* ticks per call */
	bool run_fails;
	unsigned fails_after; /* rounds */
	unsigned lose_every;  /* of REAL's timed runs; 0 = none */
	uint64_t slow_ticks;  /* what starting a loop takes more until the rounds begin */
	bool arm_fails;
	unsigned pauses, stop_at; /* pause() number stop_at ends it; 0 = never */
	unsigned runs[PROBE_RUNG_COUNT], timed_real;
	bool armed_now, cold;
	uint64_t warm_calls;
	unsigned armed_rung, armed_variant;
	/* The timed runs, in order: the second run after an arm. */
	struct {
		unsigned rung, variant;
		uint64_t calls;
	} log[4096];
	size_t logged;
};

static int arm(void *ctx, enum probe_rung rung, unsigned variant)
{
	struct fake *f = ctx;
	f->armed_now = f->cold = true;
	f->armed_rung = rung;
	f->armed_variant = variant;
	assert_true(variant < PB_THUNK_VARIANTS);
	return f->arm_fails ? -1 : 0;
}

static int run(void *ctx, enum probe_rung rung, uint64_t calls, uint64_t *ticks)
{
	struct fake *f = ctx;
	assert_true(f->armed_now && rung == f->armed_rung);
	f->runs[rung]++;
	if (f->run_fails && f->pauses >= f->fails_after)
		return -1;
	*ticks = START_TICKS + calls * f->cost[rung] + (f->pauses ? 0 : f->slow_ticks);
	if (calls == 0)
		return 0;
	if (f->cold) {
		/* Fresh pointers: slow, and none of anybody's business. */
		f->cold = false;
		f->warm_calls = calls;
		*ticks += COLD_TICKS;
		return 0;
	}
	assert_true(f->warm_calls <= calls); /* warming up is not to be the main thing */
	if (f->logged < sizeof f->log / sizeof f->log[0]) {
		f->log[f->logged].rung = rung;
		f->log[f->logged].variant = f->armed_variant;
		f->log[f->logged++].calls = calls;
	}
	f->armed_now = false;
	if (rung == PROBE_RUNG_REAL && f->lose_every && ++f->timed_real % f->lose_every == 0)
		*ticks = PB_TICKS_LOST;
	return 0;
}

static int pause_or_stop(void *ctx)
{
	struct fake *f = ctx;
	/* Only rounds have pauses: what came before was warming up. */
	if (f->pauses == 0 && f->logged >= RUNGS)
		memmove(f->log, f->log + f->logged - RUNGS, RUNGS * sizeof f->log[0]);
	if (f->pauses == 0)
		f->logged = RUNGS;
	return ++f->pauses == f->stop_at;
}

static const struct pb_ladder_ops ops = {arm, run, pause_or_stop, NULL};
static const struct pb_ladder_config usual = {
	.rungs = EVERY, .subphases = PROBE_MASK_ALL, .rounds = ROUNDS, .round_us = 20, .seed = 5};

/* One counter and one fake a test. */
struct setup {
	struct probe_counter *counter;
	struct fake fake;
	struct probe_process_samples samples;
	struct probe_error err;
};

static int open_counter(void **state)
{
	struct setup *s = calloc(1, sizeof *s);
	if (!s || probe_counter_open(&s->counter, NULL, &s->err))
		return -1;
	const uint64_t cost[PROBE_RUNG_COUNT] = {
		[PROBE_RUNG_EMPTY] = 3,
		[PROBE_RUNG_ENTRY] = 90,
		[PROBE_RUNG_INVOKE] = 300,
		[PROBE_RUNG_TARGET] = 450,
		[PROBE_RUNG_REAL] = 50000,
		[PROBE_RUNG_SIDE] = 400,
		[PROBE_RUNG_SIDE_INVOKE] = 200,
		[PROBE_RUNG_CALLBACK_STUB] = 700,
		[PROBE_RUNG_CALLBACK_EMPTY] = 900,
	};
	memcpy(s->fake.cost, cost, sizeof cost);
	*state = s;
	return 0;
}

static int close_counter(void **state)
{
	struct setup *s = *state;
	free(s->samples.rounds);
	free(s->samples.warmup);
	probe_counter_close(s->counter);
	free(s);
	return 0;
}

static int measure(struct setup *s, const struct pb_ladder_config *config)
{
	return pb_ladder_run(s->counter, &ops, &s->fake, config, &s->samples, &s->err);
}

/* Ticks per call come out exactly: neither the loop's start nor a cold call is in them. */
static void ticks_are_of_warm_calls_alone(void **state)
{
	struct setup *s = *state;
	assert_int_equal(measure(s, &usual), 0);
	assert_true(s->samples.round_count >= ROUNDS);
	assert_int_equal(s->samples.rungs, EVERY);
	assert_int_equal(s->samples.subphases, PROBE_MASK_ALL);
	assert_int_equal(s->samples.bare_count, 0);
	for (size_t i = 0; i < s->samples.round_count; i++) {
		const struct probe_round *round = &s->samples.rounds[i];
		for (unsigned c = 0; c < PROBE_COLUMNS; c++) {
			if (c < PROBE_RUNG_COUNT && (EVERY & BIT(c)))
				assert_true(round->ticks[c] == (double)s->fake.cost[c]);
			else
				assert_true(isnan(round->ticks[c]));
		}
		if (!round->discarded)
			assert_true(round->chain_ticks > 0 && round->wide_ticks > 0);
	}
}

/* A loop that started slowly when that was taken, and is compiled by the time it is timed. */
static void a_slow_start_is_not_taken_out(void **state)
{
	struct setup *s = *state;
	s->fake.slow_ticks = 6000;
	assert_int_equal(measure(s, &usual), 0);
	/* The first round still starts slowly here. */
	for (size_t i = 1; i < s->samples.round_count; i++)
		for (unsigned c = 0; c < PROBE_RUNG_COUNT; c++)
			if (EVERY & BIT(c))
				assert_true(fabs(s->samples.rounds[i].ticks[c] -
						 (double)s->fake.cost[c]) < 1e-6);
}

/* Each rung takes about as long, within 1 and 2000 calls; and always the same number of calls. */
static void calls_adapt_to_the_cost(void **state)
{
	struct setup *s = *state;
	struct pb_ladder_config config = usual;
	double hz = probe_counter_facts(s->counter)->hz;
	double want = config.round_us * 1e-6 * (hz > 0 ? hz : 1e9);
	s->fake.cost[PROBE_RUNG_SIDE] = (uint64_t)(10 * want); /* one call is too long already */
	assert_int_equal(measure(s, &config), 0);
	uint64_t calls[PROBE_RUNG_COUNT] = {0};
	for (size_t i = 0; i < s->fake.logged; i++) {
		unsigned rung = s->fake.log[i].rung;
		if (calls[rung])
			assert_int_equal(s->fake.log[i].calls, calls[rung]);
		calls[rung] = s->fake.log[i].calls;
	}
	assert_int_equal(calls[PROBE_RUNG_SIDE], 1);
	assert_int_equal(calls[PROBE_RUNG_EMPTY], 2000);
	for (unsigned rung = 0; rung < PROBE_RUNG_COUNT; rung++) {
		if (!(EVERY & BIT(rung)) || calls[rung] == 1 || calls[rung] == 2000)
			continue;
		double took = (double)(calls[rung] * s->fake.cost[rung]);
		assert_true(took > want / 2 && took < want * 2);
	}
	assert_int_equal(s->samples.calls_per_round, calls[PROBE_RUNG_REAL]);
}

/* Every rung once a round, in an order that changes; copies change where there are copies. */
static void rungs_are_interleaved(void **state)
{
	struct setup *s = *state;
	struct pb_ladder_config config = usual;
	config.rounds = 3 * ROUNDS; /* enough for every place to come up */
	assert_int_equal(measure(s, &config), 0);
	bool at[PROBE_RUNG_COUNT][RUNGS] = {{false}};
	bool copy[PROBE_RUNG_COUNT][PB_THUNK_VARIANTS] = {{false}};
	size_t rounds = s->fake.logged / RUNGS;
	assert_int_equal(rounds, s->samples.round_count);
	for (size_t i = 0; i < rounds; i++) {
		unsigned seen = 0;
		for (size_t k = 0; k < RUNGS; k++) {
			unsigned rung = s->fake.log[i * RUNGS + k].rung;
			unsigned variant = s->fake.log[i * RUNGS + k].variant;
			seen |= BIT(rung);
			at[rung][k] = true;
			copy[rung][variant] = true;
			assert_int_equal(variant, s->samples.rounds[i].variant[rung]);
		}
		assert_int_equal(seen, EVERY);
	}
	for (unsigned rung = 0; rung < PROBE_RUNG_COUNT; rung++) {
		if (!(EVERY & BIT(rung)))
			continue;
		for (size_t k = 0; k < RUNGS; k++)
			assert_true(at[rung][k]);
		for (size_t v = 0; v < PB_THUNK_VARIANTS; v++)
			assert_int_equal(copy[rung][v], v == 0 || !(UNCOPIED & BIT(rung)));
	}
}

static void the_seed_decides_the_order(void **state)
{
	struct setup *s = *state;
	unsigned order[3][RUNGS * ROUNDS];
	for (unsigned k = 0; k < 3; k++) {
		struct pb_ladder_config config = usual;
		config.seed = k < 2 ? 5 : 6;
		s->fake.logged = 0;
		s->fake.pauses = 0;
		assert_int_equal(measure(s, &config), 0);
		for (size_t i = 0; i < RUNGS * ROUNDS; i++)
			order[k][i] = s->fake.log[i].rung;
		free(s->samples.rounds);
		free(s->samples.warmup);
		s->samples.rounds = NULL;
		s->samples.warmup = NULL;
	}
	assert_memory_equal(order[0], order[1], sizeof order[0]);
	assert_memory_not_equal(order[0], order[2], sizeof order[0]);
}

static void a_lost_reading_discards_its_round(void **state)
{
	struct setup *s = *state;
	s->fake.lose_every = 4;
	assert_int_equal(measure(s, &usual), 0);
	size_t lost = 0;
	for (size_t i = 0; i < s->samples.round_count; i++) {
		const struct probe_round *round = &s->samples.rounds[i];
		assert_true(round->ticks[PROBE_RUNG_EMPTY] == 3);
		if (!isnan(round->ticks[PROBE_RUNG_REAL]))
			continue;
		assert_true(round->discarded);
		lost++;
	}
	assert_true(lost >= s->samples.round_count / 4 - 1);
	assert_true(lost <= s->samples.round_count / 4 + 1);
}

static void pause_ends_it(void **state)
{
	struct setup *s = *state;
	s->fake.stop_at = 3;
	assert_int_equal(measure(s, &usual), -PROBE_EINTR);
	assert_int_equal(s->err.code, PROBE_EINTR);
	assert_int_equal(s->fake.pauses, 3);
	assert_null(s->samples.rounds);
	assert_int_equal(s->samples.round_count, 0);
}

static void pause_may_be_absent(void **state)
{
	struct setup *s = *state;
	const struct pb_ladder_ops without = {arm, run, NULL, NULL};
	assert_int_equal(
		pb_ladder_run(s->counter, &without, &s->fake, &usual, &s->samples, &s->err), 0);
	assert_true(s->samples.round_count >= ROUNDS);
}

static void a_failing_callback_ends_it(void **state)
{
	struct setup *s = *state;
	s->fake.arm_fails = true;
	assert_int_equal(measure(s, &usual), -PROBE_ECHILD);
	assert_null(s->samples.rounds);
	s->fake.arm_fails = false;
	s->fake.run_fails = true;
	/* While it warms up, and in the midst of the rounds. */
	for (unsigned after = 0; after <= 10; after += 10) {
		s->fake.pauses = 0;
		s->fake.fails_after = after;
		s->err = (struct probe_error){0};
		assert_int_equal(measure(s, &usual), -PROBE_ECHILD);
		assert_int_equal(s->err.code, PROBE_ECHILD);
		assert_int_equal(s->fake.pauses, after);
		assert_null(s->samples.rounds);
		assert_int_equal(s->samples.round_count, 0);
	}
}

static void needs_two_rungs_and_a_round(void **state)
{
	struct setup *s = *state;
	const unsigned rungs[] = {EVERY & ~BIT(PROBE_RUNG_EMPTY), EVERY & ~BIT(PROBE_RUNG_REAL), 0};
	for (size_t i = 0; i < 3; i++) {
		struct pb_ladder_config config = usual;
		config.rungs = rungs[i];
		assert_int_equal(measure(s, &config), -PROBE_EINVAL);
	}
	struct pb_ladder_config config = usual;
	config.rounds = 0;
	assert_int_equal(measure(s, &config), -PROBE_EINVAL);
	config = usual;
	config.round_us = 0;
	assert_int_equal(measure(s, &config), -PROBE_EINVAL);
	config.round_us = NAN;
	assert_int_equal(measure(s, &config), -PROBE_EINVAL);
	assert_int_equal(s->fake.runs[PROBE_RUNG_REAL], 0);
	assert_null(s->samples.rounds);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_counter, close_counter)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ticks_are_of_warm_calls_alone),
		TEST(a_slow_start_is_not_taken_out),
		TEST(calls_adapt_to_the_cost),
		TEST(rungs_are_interleaved),
		TEST(the_seed_decides_the_order),
		TEST(a_lost_reading_discards_its_round),
		TEST(pause_ends_it),
		TEST(pause_may_be_absent),
		TEST(a_failing_callback_ends_it),
		TEST(needs_two_rungs_and_a_round),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
