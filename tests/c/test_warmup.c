/* SPDX-License-Identifier: MIT
 * Warming up on made-up calls: when it ends, what it hands over, and what a run file keeps of it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/steady.h"
#include "engine/warmup.h"

/* A call that costs `cold` ticks until `step` calls were made, then `warm`, and `slope` more with
 * each call. */
struct fake {
	double cold, warm, slope;
	uint64_t step, made, beside;
	uint64_t fails_at, lost_at; /* calls; 0 = never */
	bool beside_fails;
	uint64_t compiled_at; /* calls until which a compiler works beside them */
};

static int burst(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct fake *f = ctx;
	double sum = 0;
	if (f->fails_at && f->made >= f->fails_at)
		return -1;
	bool lost = f->lost_at && f->made >= f->lost_at && f->made < f->lost_at + 10;
	for (uint64_t i = 0; i < calls; i++, f->made++)
		sum += (f->made < f->step ? f->cold : f->warm) + f->slope * (double)f->made;
	*ticks = lost ? UINT64_MAX : (uint64_t)sum;
	return 0;
}

static int beside(void *ctx, uint64_t calls)
{
	struct fake *f = ctx;
	f->beside += calls;
	return f->beside_fails ? -1 : 0;
}

static bool compiling(void *ctx)
{
	const struct fake *f = ctx;
	return f->made < f->compiled_at;
}

static const struct pb_warmup_ops ops = {burst, beside, compiling};

/* Patient by the clock, so that a slow machine gives the same. */
static const struct pb_warmup_config patient = {
	.burst_us = 100, .least_calls = 10000, .least_s = 100, .most_s = 100, .most_bursts = 3000};

struct setup {
	struct probe_counter *counter;
	struct fake fake;
	struct probe_burst *bursts;
	size_t count;
	struct probe_error err;
};

static int open_counter(void **state)
{
	struct setup *s = calloc(1, sizeof *s);
	if (!s || probe_counter_open(&s->counter, NULL, &s->err))
		return -1;
	s->fake = (struct fake){.cold = 1500, .warm = 1000};
	*state = s;
	return 0;
}

static int close_counter(void **state)
{
	struct setup *s = *state;
	free(s->bursts);
	probe_counter_close(s->counter);
	free(s);
	return 0;
}

static int warm(struct setup *s, const struct pb_warmup_config *config)
{
	return pb_warmup_run(s->counter, &ops, &s->fake, config, &s->bursts, &s->count, &s->err);
}

static uint64_t calls_of(const struct probe_burst *bursts, size_t n)
{
	uint64_t calls = 0;
	for (size_t i = 0; i < n; i++)
		calls += bursts[i].calls;
	return calls;
}

static struct probe_warmup sum_up(const struct probe_process_samples *p, size_t n)
{
	struct probe_warmup out;
	assert_int_equal(pb_warmup_summarise(p, n, PROBE_RUNG_REAL, 0, &out), 0);
	return out;
}

static void a_flat_call_is_soon_warm(void **state)
{
	struct setup *s = *state;
	assert_int_equal(warm(s, &patient), 0);
	assert_true(s->count >= PB_STEADY_GOOD && s->count < 2000);
	assert_int_equal(calls_of(s->bursts, s->count), s->fake.made);
	assert_int_equal(s->fake.beside, s->fake.made);
	assert_true(s->fake.made >= patient.least_calls);
	/* Single calls first, then more until they take long enough. */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(s->bursts[i].calls, 1);
	for (size_t i = 1; i < s->count; i++)
		assert_true(s->bursts[i].calls >= s->bursts[i - 1].calls);
	assert_true(s->bursts[s->count - 1].calls > 50 && s->bursts[s->count - 1].calls < 2000);
	for (size_t i = 0; i < s->count; i++)
		assert_true(fabs(s->bursts[i].ticks - 1000) < 1);
}

/* A compiler that starts late is waited for. */
static void a_step_is_gone_past(void **state)
{
	struct setup *s = *state;
	s->fake.step = 40000;
	struct pb_warmup_config config = patient;
	config.least_calls = 90000;
	assert_int_equal(warm(s, &config), 0);
	assert_true(s->fake.made >= 90000 && s->count < config.most_bursts);
	/* On a busy machine the step itself may come in bursts that don't count. */
	for (size_t i = 0; i < s->count; i++)
		s->bursts[i].contended = false;
	const struct probe_process_samples p = {.warmup = s->bursts, .warmup_count = s->count};
	struct probe_warmup w = sum_up(&p, 1);
	assert_true(w.call_count == s->fake.made);
	assert_in_range((uint64_t)w.steady_from, 39000, 43000);
}

/* A plateau is not the end while a compiler is still at work on what comes after it. */
static void a_compiler_beside_is_waited_for(void **state)
{
	struct setup *s = *state;
	s->fake.compiled_at = s->fake.step = 60000;
	struct pb_warmup_config config = patient;
	config.least_calls = 1000;
	assert_int_equal(warm(s, &config), 0);
	assert_true(s->fake.made >= 60000 && s->count < config.most_bursts);
}

static void what_never_is_steady_ends_by_count_or_time(void **state)
{
	struct setup *s = *state;
	s->fake = (struct fake){.warm = 100000, .slope = 100};
	struct pb_warmup_config config = patient;
	config.least_calls = 1;
	config.most_bursts = 400;
	assert_int_equal(warm(s, &config), 0);
	assert_int_equal(s->count, 400);
	const struct probe_process_samples p = {.warmup = s->bursts, .warmup_count = s->count};
	assert_true(isnan(sum_up(&p, 1).steady_from));
	free(s->bursts);
	config.most_bursts = 1000000;
	config.most_s = 0.05;
	assert_int_equal(warm(s, &config), 0);
	assert_true(s->count >= 1 && s->count < 100000);
}

static void long_calls_need_not_be_many(void **state)
{
	struct setup *s = *state;
	s->fake.warm = s->fake.cold = 1e9;
	struct pb_warmup_config config = patient;
	config.least_s = 0;
	assert_int_equal(warm(s, &config), 0);
	for (size_t i = 0; i < s->count; i++)
		assert_int_equal(s->bursts[i].calls, 1);
	assert_true(s->count >= PB_STEADY_GOOD && s->count < 1000);
}

static void a_failing_call_ends_it(void **state)
{
	struct setup *s = *state;
	s->fake.fails_at = 500;
	assert_int_equal(warm(s, &patient), -PROBE_ECHILD);
	assert_null(s->bursts);
	assert_int_equal(s->count, 0);
	s->fake = (struct fake){.warm = 1000, .beside_fails = true};
	assert_int_equal(warm(s, &patient), -PROBE_ECHILD);
	assert_null(s->bursts);
}

static void a_lost_reading_is_no_number(void **state)
{
	struct setup *s = *state;
	s->fake.lost_at = 2;
	assert_int_equal(warm(s, &patient), 0);
	assert_true(isnan(s->bursts[2].ticks) && s->bursts[2].contended);
	pb_warmup_subtract(s->bursts, s->count, 300);
	assert_true(isnan(s->bursts[2].ticks));
	assert_true(fabs(s->bursts[0].ticks - 700) < 1);
	assert_true(fabs(s->bursts[s->count - 1].ticks - 1000) < 10);
	pb_warmup_subtract(s->bursts, s->count, 5000);
	assert_true(s->bursts[0].ticks == 0); /* never below nothing */
}

/* --- what is kept -------------------------------------------------------------------------------
 */

enum { BURSTS = 1000, ROUNDS = 120 };

static void fill_bursts(struct probe_burst *bursts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bursts[i] = (struct probe_burst){i < 8 ? 1 : 100, i < 100 ? 150 : 100, false};
}

static void fill_rounds(struct probe_round *rounds, double first, double second)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		rounds[i] = (struct probe_round){.chain_ticks = 0.7, .wide_ticks = 0.2};
		rounds[i].ticks[PROBE_RUNG_REAL] = i < ROUNDS * 3 / 4 ? first : second;
	}
}

static void a_long_series_fits_in_its_points(void **state)
{
	static struct probe_burst bursts[BURSTS];
	(void)state;
	fill_bursts(bursts, BURSTS);
	for (size_t n = 1; n <= BURSTS; n += n < 120 ? 1 : 73) {
		const struct probe_process_samples p = {.warmup = bursts, .warmup_count = n};
		struct probe_warmup w = sum_up(&p, 1);
		assert_int_equal(w.point_count, n < PROBE_MAX_WARMUP ? n : PROBE_MAX_WARMUP);
		assert_int_equal(w.call_count, calls_of(bursts, n));
		for (size_t k = 0; k < w.point_count; k++) {
			assert_true(k == 0 ? w.calls[k] == 0 : w.calls[k] > w.calls[k - 1]);
			assert_true(w.ticks[k] >= 100 && w.ticks[k] <= 150);
			assert_true(w.contended[k] == 0);
		}
		if (n > 300)
			assert_true(w.steady_from == (double)calls_of(bursts, 100));
	}
}

static void contended_bursts_show_but_do_not_count(void **state)
{
	static struct probe_burst bursts[BURSTS];
	(void)state;
	fill_bursts(bursts, BURSTS);
	for (size_t i = 0; i < BURSTS; i += 3)
		bursts[i] = (struct probe_burst){bursts[i].calls, 400, true};
	bursts[1].ticks = NAN;
	const struct probe_process_samples p = {.warmup = bursts, .warmup_count = BURSTS};
	struct probe_warmup w = sum_up(&p, 1);
	assert_true(w.contended[0] == 1 && w.ticks[0] == 400);
	assert_true(w.contended[1] == 1 && isnan(w.ticks[1]));
	assert_true(w.contended[2] == 0 && w.ticks[2] == 150);
	double last = w.contended[PROBE_MAX_WARMUP - 1];
	assert_true(last > 0.2 && last < 0.5 && w.ticks[PROBE_MAX_WARMUP - 1] == 100);
	assert_true(w.steady_from >= (double)calls_of(bursts, 99) &&
		    w.steady_from <= (double)calls_of(bursts, 102));
}

/* Whether a cell was steady is a matter of the rounds that its figures come from. */
static void measured_rounds_are_judged(void **state)
{
	static struct probe_burst bursts[BURSTS];
	static struct probe_round rounds[4][ROUNDS];
	struct probe_process_samples p[4];
	struct probe_cell cell = {0};
	(void)state;
	fill_bursts(bursts, BURSTS);
	for (size_t i = 0; i < 4; i++) {
		fill_rounds(rounds[i], 300, i < 2 ? 240 : 300);
		p[i] = (struct probe_process_samples){.warmup = bursts,
						      .warmup_count = BURSTS,
						      .rounds = rounds[i],
						      .round_count = ROUNDS};
	}
	cell.warmup = sum_up(p, 4);
	assert_int_equal(cell.warmup.processes, 4);
	assert_int_equal(cell.warmup.processes_unsteady, 2);
	assert_true(fabs(cell.warmup.change - 0.2) < 0.1);
	assert_false(probe_cell_unsteady(&cell)); /* half of them: a neighbour may be that */
	cell.warmup = sum_up(p, 3);
	assert_true(probe_cell_unsteady(&cell));
	/* Rounds beside a neighbour say nothing about the call. */
	for (size_t i = 0; i < ROUNDS; i++)
		rounds[0][i].wide_ticks = 0.4;
	cell.warmup = sum_up(p, 3);
	assert_int_equal(cell.warmup.processes, 2);
	assert_int_equal(cell.warmup.processes_unsteady, 1);
	/* A step of less than a counter can tell from one run to the next is none. */
	for (size_t i = 0; i < 3; i++)
		fill_rounds(rounds[i], 20, 17);
	assert_int_equal(sum_up(p, 3).processes_unsteady, 0);
}

static void no_warmup_is_absent(void **state)
{
	static struct probe_round rounds[ROUNDS];
	(void)state;
	fill_rounds(rounds, 300, 200);
	const struct probe_process_samples p = {.rounds = rounds, .round_count = ROUNDS};
	struct probe_cell cell = {.warmup = sum_up(&p, 1)};
	assert_int_equal(cell.warmup.point_count, 0);
	assert_true(isnan(cell.warmup.steady_from));
	assert_false(probe_cell_unsteady(&cell));
}

#define LIVE(name) cmocka_unit_test_setup_teardown(name, open_counter, close_counter)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(a_flat_call_is_soon_warm),
		LIVE(a_step_is_gone_past),
		LIVE(a_compiler_beside_is_waited_for),
		LIVE(what_never_is_steady_ends_by_count_or_time),
		LIVE(long_calls_need_not_be_many),
		LIVE(a_failing_call_ends_it),
		LIVE(a_lost_reading_is_no_number),
		cmocka_unit_test(a_long_series_fits_in_its_points),
		cmocka_unit_test(contended_bursts_show_but_do_not_count),
		cmocka_unit_test(measured_rounds_are_judged),
		cmocka_unit_test(no_warmup_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
