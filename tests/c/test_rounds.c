/* SPDX-License-Identifier: MIT
 * Collecting rounds: when there are enough, how long quiet is waited for, and what a frame notes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/quiet.h"
#include "engine/rounds.h"

#define QUIET     0.25
#define DISTURBED 0.45
#define WANTED    20

/* Rounds as told: which are disturbed, which discarded, when to fail or stop. */
struct fake {
	unsigned made, pauses;
	unsigned quiet_every; /* 0 = none is quiet */
	unsigned discard_every, wait_every;
	unsigned fail_at, stop_at; /* 0 = never */
	long sleep_us;
};

static int one(void *ctx, struct probe_round *round)
{
	struct fake *f = ctx;
	if (++f->made == f->fail_at)
		return -1;
	if (f->sleep_us)
		nanosleep(&(struct timespec){.tv_nsec = f->sleep_us * 1000}, NULL);
	bool quiet = f->quiet_every && f->made % f->quiet_every == 0;
	*round = (struct probe_round){.chain_ticks = 1, .wide_ticks = quiet ? QUIET : DISTURBED};
	round->ticks[0] = f->made;
	round->disturbed = f->discard_every && f->made % f->discard_every == 0;
	round->waited = f->wait_every && f->made % f->wait_every == 0;
	round->discarded = round->disturbed || round->waited;
	return 0;
}

static int pause_or_stop(void *ctx)
{
	struct fake *f = ctx;
	return ++f->pauses == f->stop_at;
}

static int collect(struct fake *f, double wait_s, double quiet_ratio,
		   struct probe_process_samples *s, struct probe_error *err)
{
	const struct pb_rounds_config config = {WANTED, wait_s, quiet_ratio};
	*s = (struct probe_process_samples){0};
	return pb_rounds_collect(&config, one, pause_or_stop, f, s, err);
}

/* Each round is kept once and in order, also while the array grows. */
static void check_series(const struct probe_process_samples *s, const struct fake *f)
{
	assert_int_equal(s->round_count, f->made);
	assert_int_equal(s->round_count, f->pauses);
	for (size_t i = 0; i < s->round_count; i++)
		assert_true(s->rounds[i].ticks[0] == (double)(i + 1));
}

static void quiet_rounds_end_it_at_once(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {.quiet_every = 1};
	assert_int_equal(collect(&f, 60, 0, &s, &err), 0);
	assert_int_equal(s.round_count, WANTED);
	check_series(&s, &f);
	free(s.rounds);
}

static void goes_on_until_enough_were_quiet(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {.quiet_every = 4};
	assert_int_equal(collect(&f, 60, QUIET, &s, &err), 0);
	size_t quiet = 0;
	for (size_t i = 0; i < s.round_count; i++)
		quiet += pb_quiet_round(&s.rounds[i], QUIET);
	assert_true(quiet >= WANTED);
	/* Looks only now and then, so it may overshoot by a few. */
	assert_in_range(s.round_count, 4 * WANTED, 4 * WANTED + 16);
	check_series(&s, &f);
	free(s.rounds);
}

/* A series that shows quiet by itself needs no ratio from elsewhere. */
static void finds_the_quiet_ratio_itself(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {.quiet_every = 3};
	assert_int_equal(collect(&f, 60, 0, &s, &err), 0);
	assert_in_range(s.round_count, 3 * WANTED, 3 * WANTED + 16);
	double found = 0;
	assert_int_equal(pb_quiet_ratio_of(s.rounds, s.round_count, &found), 0);
	assert_true(fabs(found - QUIET) < 1e-9);
	free(s.rounds);
}

static void discarded_rounds_do_not_count(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {.quiet_every = 1, .discard_every = 2};
	assert_int_equal(collect(&f, 60, 0, &s, &err), 0);
	assert_in_range(s.round_count, 2 * WANTED, 2 * WANTED + 16);
	assert_true(isfinite(s.rounds[0].ticks[0]) && !pb_quiet_round(&s.rounds[1], 0));
	free(s.rounds);
}

static void the_wait_for_quiet_is_bounded(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {0};
	assert_int_equal(collect(&f, 0, QUIET, &s, &err), 0);
	assert_in_range(s.round_count, WANTED, WANTED + 1);
	free(s.rounds);

	/* Beyond the planned time by wait_s, not by more than that and one round. */
	f = (struct fake){.sleep_us = 1000};
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(collect(&f, 0.1, QUIET, &s, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double took_s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
	assert_true(took_s > 0.1);
	assert_true(s.round_count > WANTED && s.round_count < WANTED + 150);
	check_series(&s, &f);
	free(s.rounds);
}

static void failure_and_interruption_end_it(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	struct fake f = {.quiet_every = 1, .fail_at = 5};
	assert_int_equal(collect(&f, 60, 0, &s, &err), -PROBE_ECHILD);
	assert_int_equal(err.code, PROBE_ECHILD);
	assert_int_equal(s.round_count, 4); /* not the half-made one */
	free(s.rounds);
	f = (struct fake){.quiet_every = 1, .stop_at = 7};
	assert_int_equal(collect(&f, 60, 0, &s, &err), -PROBE_EINTR);
	assert_int_equal(err.code, PROBE_EINTR);
	assert_int_equal(s.round_count, 7);
	free(s.rounds);
}

/* --- the frame of a round, on the real machine ------------------------------------------------ */

static void a_switch_inside_discards_the_round(void **state)
{
	(void)state;
	struct probe_counter *counter;
	struct probe_error err = {0};
	assert_int_equal(probe_counter_open(&counter, NULL, &err), 0);
	struct pb_round_frame frame;
	struct probe_round round;
	unsigned kept = 0;
	/* Sums, as one loop may fall between two steps of a coarse counter. */
	double chain_ticks = 0, wide_ticks = 0;
	for (int i = 0; i < 50; i++) {
		round.discarded = true; /* the beginning clears what was there */
		pb_round_begin(counter, &frame, &round);
		pb_round_look(counter, &frame, &round);
		pb_round_end(counter, &frame, &round);
		for (size_t c = 0; c < PROBE_COLUMNS; c++)
			assert_true(isnan(round.ticks[c]));
		kept += !round.discarded;
		if (!round.discarded) {
			chain_ticks += round.chain_ticks;
			wide_ticks += round.wide_ticks;
		}
	}
	assert_true(chain_ticks > 0 && wide_ticks > 0);
	assert_true(kept > 0); /* 50 disturbed rounds of microseconds: then it discards blindly */
	for (int i = 0; i < 3; i++) {
		pb_round_begin(counter, &frame, &round);
		usleep(100);
		pb_round_end(counter, &frame, &round);
		assert_true(round.discarded);
	}
	probe_counter_close(counter);
}

/* The worst reading in a frame is the round's. */
static void the_worst_reference_is_kept(void **state)
{
	(void)state;
	struct probe_counter *counter;
	struct probe_error err = {0};
	assert_int_equal(probe_counter_open(&counter, NULL, &err), 0);
	struct pb_round_frame frame;
	struct probe_round round;
	pb_round_begin(counter, &frame, &round);
	frame.worst = (struct pb_reference){1, 1000};
	pb_round_end(counter, &frame, &round);
	assert_true(round.chain_ticks == 1 && round.wide_ticks == 1000);
	/* The last one is what a coarse counter gives for a loop between two of its steps. */
	static const struct pb_reference better[] = {{1000, 1}, {-1, 1000}};
	for (size_t i = 0; i < sizeof better / sizeof *better; i++) {
		pb_round_begin(counter, &frame, &round);
		frame.worst = better[i];
		for (int look = 0; look < 100 && frame.worst.chain_ticks == better[i].chain_ticks;
		     look++)
			pb_round_look(counter, &frame, &round);
		assert_true(frame.worst.chain_ticks > 0 && frame.worst.chain_ticks != 1000);
		pb_round_end(counter, &frame, &round);
	}
	probe_counter_close(counter);
}

/* A call that sleeps waits in every round; any other one was made to. */
static void a_call_that_always_waits_is_measured(void **state)
{
	(void)state;
	struct probe_process_samples s;
	struct probe_error err = {0};
	for (unsigned every = 1; every <= 2; every++) {
		struct fake f = {.quiet_every = 1, .wait_every = every, .discard_every = 5};
		assert_int_equal(collect(&f, 60, 0, &s, &err), 0);
		for (size_t i = 0; i < s.round_count; i++)
			assert_int_equal(s.rounds[i].discarded,
					 s.rounds[i].disturbed ||
						 (every > 1 && s.rounds[i].waited));
		free(s.rounds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_rounds_end_it_at_once),
		cmocka_unit_test(goes_on_until_enough_were_quiet),
		cmocka_unit_test(finds_the_quiet_ratio_itself),
		cmocka_unit_test(discarded_rounds_do_not_count),
		cmocka_unit_test(the_wait_for_quiet_is_bounded),
		cmocka_unit_test(failure_and_interruption_end_it),
		cmocka_unit_test(a_switch_inside_discards_the_round),
		cmocka_unit_test(the_worst_reference_is_kept),
		cmocka_unit_test(a_call_that_always_waits_is_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
