/* SPDX-License-Identifier: MIT
 * The timeline: which stamps bound which sub-phases, real stamps around known delays, and
 * histograms.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/rounds.h"
#include "engine/timeline.h"
#include "stats/stats.h"
#include "sys/counter.h"

#define IN(layer)  (2u * (layer))
#define OUT(layer) (2u * (layer) + 1u)
#define NO_INVOKE  (PROBE_MASK_ALL & ~PROBE_BIT(PROBE_SUB_INVOKE))
#define NO_STATE   (~PROBE_BIT(PROBE_SUB_DETACH) & ~PROBE_BIT(PROBE_SUB_ATTACH))

static void close_to(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.12g, want %.12g", got, want);
}

/* --- stamps to sub-phases --------------------------------------------------------------------- */

/* Each order of stamps that a path can have, and the sub-phases between them: every stretch is one
 * of the path's own sets, and together they are the path. */
static void stretches_cover_the_path(void **state)
{
	(void)state;
	enum { E = PB_TL_ENTRY, D = PB_TL_DETACH, A = PB_TL_ATTACH, I = PB_TL_INVOKE };
	enum { T = PB_TL_TARGET };
	const unsigned call = PROBE_BIT(PROBE_SUB_CALL), ret = PROBE_BIT(PROBE_SUB_RETURN);
	const unsigned in = PROBE_BIT(PROBE_SUB_MARSHAL_IN), det = PROBE_BIT(PROBE_SUB_DETACH);
	const unsigned inv = PROBE_BIT(PROBE_SUB_INVOKE), comp = PROBE_BIT(PROBE_SUB_COMPUTE);
	const unsigned att = PROBE_BIT(PROBE_SUB_ATTACH), out = PROBE_BIT(PROBE_SUB_MARSHAL_OUT);
	const struct {
		const char *name;
		unsigned subphases;
		size_t n;
		unsigned events[10], masks[10];
	} rows[] = {
		{"ctypes",
		 PROBE_MASK_ALL,
		 10,
		 {IN(E), IN(D), OUT(D), IN(I), IN(T), OUT(T), OUT(I), IN(A), OUT(A), OUT(E)},
		 {in, det, det, inv, comp, inv, att, att, out, call | ret}},
		{"cffi-api",
		 NO_INVOKE,
		 8,
		 {IN(E), IN(D), OUT(D), IN(T), OUT(T), IN(A), OUT(A), OUT(E)},
		 {in, det, det, comp, att, att, out, call | ret}},
		{"capi",
		 NO_INVOKE & NO_STATE,
		 4,
		 {IN(E), IN(T), OUT(T), OUT(E)},
		 {in, comp, out, call | ret}},
		{"target alone",
		 PROBE_MASK_ALL,
		 2,
		 {IN(T), OUT(T)},
		 {comp, PROBE_MASK_ALL & ~comp}},
		{"ctypes, entry not hooked",
		 PROBE_MASK_ALL,
		 8,
		 {IN(D), OUT(D), IN(I), IN(T), OUT(T), OUT(I), IN(A), OUT(A)},
		 {det, det, inv, comp, inv, att, att, in | out | call | ret}},
		{"entry alone",
		 PROBE_MASK_ALL,
		 2,
		 {IN(E), OUT(E)},
		 {PROBE_MASK_ALL & ~call & ~ret, call | ret}},
		{"detach alone", PROBE_MASK_ALL, 2, {IN(D), OUT(D)}, {det, PROBE_MASK_ALL}},
		{"attach alone", PROBE_MASK_ALL, 2, {IN(A), OUT(A)}, {att, PROBE_MASK_ALL}},
	};
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		unsigned seen = 0;
		for (size_t k = 0; k < rows[r].n; k++) {
			unsigned mask = pb_timeline_mask(rows[r].events[k],
							 rows[r].events[(k + 1) % rows[r].n],
							 rows[r].subphases);
			if (mask != rows[r].masks[k])
				fail_msg("%s, stretch %zu: %#x, not %#x", rows[r].name, k, mask,
					 rows[r].masks[k]);
			seen |= mask;
		}
		assert_int_equal(seen, rows[r].subphases);
	}
}

/* --- histograms ------------------------------------------------------------------------------- */

static void buckets_round_trip(void **state)
{
	(void)state;
	double before = -1;
	for (unsigned b = 0; b < PROBE_HISTOGRAM_BUCKETS; b++) {
		double ticks = probe_histogram_ticks(b);
		assert_true(ticks > before);
		assert_int_equal(probe_histogram_bucket((uint64_t)ticks), b);
		before = ticks;
	}
	assert_int_equal(probe_histogram_bucket(0), 0);
	assert_int_equal(probe_histogram_bucket(127), 127);
	assert_int_equal(probe_histogram_bucket(UINT64_MAX), PROBE_HISTOGRAM_BUCKETS - 1);
	unsigned last = 0;
	for (uint64_t ticks = 0; ticks < UINT64_C(1) << 36; ticks += 1 + ticks / 1000) {
		unsigned b = probe_histogram_bucket(ticks);
		assert_true(b == last || b == last + 1);
		last = b;
		/* The middle is within half a bucket, 1/128 of the value. */
		double t = (double)ticks;
		assert_true(fabs(probe_histogram_ticks(b) - t) <= t / 128);
	}
}

static void quantiles_agree_with_sorting(void **state)
{
	(void)state;
	enum { N = 5000 };
	struct probe_histogram *h = calloc(1, sizeof *h);
	double *values = calloc(N, sizeof *values);
	struct pb_rng rng = {3};
	assert_non_null(h);
	assert_non_null(values);
	assert_true(isnan(probe_histogram_quantile(h, 0.5)));
	for (size_t i = 0; i < N; i++) {
		uint64_t ticks = pb_rng_next(&rng) >> (30 + pb_rng_below(&rng, 30));
		values[i] = (double)ticks;
		h->counts[probe_histogram_bucket(ticks)]++;
	}
	pb_sort(values, N);
	const double q[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	for (size_t i = 0; i < sizeof q / sizeof q[0]; i++) {
		double want = values[(size_t)(q[i] * (N - 1))];
		close_to(probe_histogram_quantile(h, q[i]), want, want / 64 + 0.5);
	}
	free(values);
	free(h);
}

/* --- real stamps around known delays ---------------------------------------------------------- */

#define COMPUTE_SPIN 3000
#define IN_SPIN      1000
#define OUT_SPIN     500
#define RATIO        0.12 /* how exact a ratio of parts has to be */
#define TRIES        3

/* A binding in miniature: layers call one another through pointers that stamps can take. */
struct binding {
	struct probe_counter *counter;
	struct pb_ring ring;
	struct pb_thunk stamps[PB_TL_LAYERS], compute, in, out;
	unsigned stamped_layers; /* mask of 1 << layer */
	unsigned odd_every;      /* every n-th stamped call meets the target more often ... */
	unsigned odd_times;      /* ... by this many times */
	unsigned odd_from;       /* and the first calls of a run never do */
	unsigned lose_every, plain_runs;
	unsigned stop_at, pauses;
	bool fails;
	struct pb_timeline timeline;
	struct probe_process_samples samples;
	struct probe_error err;
};

/* Plain functions have no context: these are what a call finds in memory. */
static void (*volatile layer[PB_TL_LAYERS])(void);
static void (*volatile delay_in)(void);
static void (*volatile delay_out)(void);
static volatile unsigned more_targets;

static __attribute__((noinline)) void entry(void)
{
	delay_in();
	layer[PB_TL_DETACH]();
	layer[PB_TL_INVOKE]();
	for (unsigned i = more_targets; i > 0; i--)
		layer[PB_TL_TARGET]();
	layer[PB_TL_ATTACH]();
	delay_out();
}

static __attribute__((noinline)) void invoke(void)
{
	layer[PB_TL_TARGET]();
	more_targets = more_targets; /* something after the call */
}

static void *address_of(void (*function)(void))
{
	void *address;
	memcpy(&address, &function, sizeof address);
	return address;
}

static void (*entry_of(const struct pb_thunk *t))(void)
{
	void *address = pb_thunk_entry(t, 0);
	void (*function)(void);
	memcpy(&function, &address, sizeof function);
	return function;
}

static void (*base_of(const struct binding *b, unsigned l))(void)
{
	return l == PB_TL_ENTRY    ? entry
	       : l == PB_TL_INVOKE ? invoke
	       : l == PB_TL_TARGET ? entry_of(&b->compute)
				   : pb_empty_function;
}

static int loop(struct binding *b, bool stamped, uint64_t calls, uint64_t *ticks)
{
	struct probe_reading begin, end;
	for (unsigned l = 0; l < PB_TL_LAYERS; l++)
		layer[l] = stamped && (b->stamped_layers & (1u << l)) ? entry_of(&b->stamps[l])
								      : base_of(b, l);
	probe_counter_read(b->counter, &begin);
	for (uint64_t i = 0; i < calls; i++) {
		bool odd =
			stamped && b->odd_every && i >= b->odd_from && (i + 1) % b->odd_every == 0;
		more_targets = odd ? b->odd_times : 0;
		layer[PB_TL_ENTRY]();
	}
	probe_counter_read(b->counter, &end);
	struct probe_delta d = probe_reading_delta(&begin, &end);
	*ticks = d.state == PROBE_EXACT ? (uint64_t)d.ticks : PB_TICKS_LOST;
	return b->fails ? -1 : 0;
}

static int run_stamped(void *ctx, uint64_t calls, uint64_t *ticks)
{
	return loop(ctx, true, calls, ticks);
}

static int run_plain(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct binding *b = ctx;
	int rc = loop(b, false, calls, ticks);
	if (b->lose_every && ++b->plain_runs % b->lose_every == 0)
		*ticks = PB_TICKS_LOST;
	return rc;
}

static int run_empty(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct binding *b = ctx;
	struct probe_reading begin, end;
	probe_counter_read(b->counter, &begin);
	for (uint64_t i = 0; i < calls; i++)
		more_targets = 0;
	probe_counter_read(b->counter, &end);
	struct probe_delta d = probe_reading_delta(&begin, &end);
	*ticks = d.state == PROBE_EXACT ? (uint64_t)d.ticks : PB_TICKS_LOST;
	return 0;
}

static int pause_or_stop(void *ctx)
{
	struct binding *b = ctx;
	return ++b->pauses == b->stop_at;
}

static const struct pb_timeline_ops ops = {run_stamped, run_plain, run_empty, pause_or_stop};

static void make_delay(struct pb_thunk *t, uint64_t spin)
{
	assert_int_equal(pb_thunk_new(t, PB_THUNK_DELAY, NULL), 0);
	t->data->target = address_of(pb_empty_function);
	t->data->spin = spin;
}

static int build(void **state)
{
	struct binding *b = calloc(1, sizeof *b);
	struct pb_thunk_counter how;
	if (!b || probe_counter_open(&b->counter, NULL, &b->err) ||
	    pb_ring_attach(&b->ring, PB_TIMELINE_RING_EVENTS, &b->err))
		return -1;
	make_delay(&b->compute, COMPUTE_SPIN);
	make_delay(&b->in, IN_SPIN);
	make_delay(&b->out, OUT_SPIN);
	delay_in = entry_of(&b->in);
	delay_out = entry_of(&b->out);
	pb_counter_thunk_kind(b->counter, &how);
	for (unsigned l = 0; l < PB_TL_LAYERS; l++) {
		assert_int_equal(pb_thunk_new(&b->stamps[l],
					      how.source == PB_THUNK_RDPMC ? PB_THUNK_STAMP_PMC
									   : PB_THUNK_STAMP_TICKS,
					      NULL),
				 0);
		b->stamps[l].data->target = address_of(base_of(b, l));
		b->stamps[l].data->pmc = how.rdpmc_index;
		b->stamps[l].data->event_in = IN(l);
		b->stamps[l].data->event_out = OUT(l);
	}
	b->stamped_layers = (1u << PB_TL_LAYERS) - 1;
	*state = b;
	return 0;
}

static void forget(struct binding *b)
{
	pb_timeline_fini(&b->timeline);
	free(b->samples.rounds);
	free(b->samples.warmup);
	b->samples = (struct probe_process_samples){0};
}

static int tear_down(void **state)
{
	struct binding *b = *state;
	forget(b);
	for (unsigned l = 0; l < PB_TL_LAYERS; l++)
		pb_thunk_free(&b->stamps[l]);
	pb_thunk_free(&b->compute);
	pb_thunk_free(&b->in);
	pb_thunk_free(&b->out);
	pb_ring_detach(&b->ring);
	probe_counter_close(b->counter);
	free(b);
	return 0;
}

static int measure(struct binding *b, unsigned subphases)
{
	const struct pb_timeline_config config = {
		.subphases = subphases, .rounds = 20, .round_us = 100, .seed = 11};
	forget(b);
	return pb_timeline_run(b->counter, &b->ring, &ops, b, &config, &b->timeline, &b->samples,
			       &b->err);
}

static const struct probe_ladder_options usual = {.granularity_ticks = 1, .seed = 7};

/* The figure of one part; NaN when there is none, or no round was of use. */
static double figure_of(struct binding *b, unsigned mask)
{
	struct probe_engine e;
	double ticks = NAN;
	if (probe_timeline_analyse(&b->samples, 1, &b->timeline.shape, &usual, &e, &b->err))
		return NAN;
	for (size_t i = 0; i < e.part_count; i++)
		if (e.parts[i].mask == mask)
			ticks = e.parts[i].value.ticks;
	if (mask == PROBE_MASK_ALL)
		ticks = e.total.ticks;
	free(e.passes);
	return ticks;
}

/* What a delay takes by itself, ticks: the quickest of many. */
static double alone(struct binding *b, const struct pb_thunk *delay)
{
	void (*volatile function)(void) = entry_of(delay);
	double best = INFINITY;
	for (int k = 0; k < 100; k++) {
		struct probe_reading begin, end;
		probe_counter_read(b->counter, &begin);
		for (int i = 0; i < 10; i++)
			function();
		probe_counter_read(b->counter, &end);
		struct probe_delta d = probe_reading_delta(&begin, &end);
		if (d.state == PROBE_EXACT)
			best = fmin(best, d.ticks / 10);
	}
	return best;
}

static bool near_ratio(double a, double b, double want)
{
	return a > b * want * (1 - RATIO) && a < b * want * (1 + RATIO);
}

/* One measurement: is each delay in its own part, and nowhere else? */
static bool delays_are_where_they_belong(struct binding *b)
{
	double compute = figure_of(b, PROBE_MASK_COMPUTE);
	double in = figure_of(b, PROBE_BIT(PROBE_SUB_MARSHAL_IN));
	double out = figure_of(b, PROBE_BIT(PROBE_SUB_MARSHAL_OUT));
	double total = figure_of(b, PROBE_MASK_ALL);
	print_message("compute %.0f, in %.0f, out %.0f, total %.0f; compute alone %.0f ticks\n",
		      compute, in, out, total, alone(b, &b->compute));
	return near_ratio(compute, in, (double)COMPUTE_SPIN / IN_SPIN) &&
	       near_ratio(in, out, (double)IN_SPIN / OUT_SPIN) &&
	       near_ratio(compute + in + out, total, 1) &&
	       near_ratio(compute, alone(b, &b->compute), 1);
}

static void known_delays_are_found(void **state)
{
	struct binding *b = *state;
	for (int try = 0; try < TRIES; try++) {
		assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
		assert_int_equal(b->timeline.shape.stretch_count, 10);
		assert_int_equal(b->timeline.shape.part_count, 7);
		double weights = 0;
		for (size_t i = 0; i < 7; i++)
			weights += b->timeline.shape.weights[i];
		close_to(weights, 1, 1e-9);
		assert_int_equal(b->timeline.calls_discarded, 0);
		assert_true(b->timeline.calls > 20);
		/* Each call is in each histogram once. */
		for (size_t i = 0; i <= 7; i++) {
			const struct probe_histogram *h =
				i < 7 ? &b->timeline.histograms[i] : b->timeline.whole;
			uint64_t calls = 0;
			for (size_t k = 0; k < PROBE_HISTOGRAM_BUCKETS; k++)
				calls += h->counts[k];
			assert_int_equal(calls, b->timeline.calls);
		}
		if (delays_are_where_they_belong(b))
			return;
	}
	fail_msg("in %d tries no part was near its delay", TRIES);
}

/* Calls whose stamps come in another order are left out, and counted. */
static void odd_calls_are_left_out(void **state)
{
	struct binding *b = *state;
	b->odd_every = 5;
	b->odd_times = 20;
	for (int try = 0; try < TRIES; try++) {
		assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
		double all = (double)(b->timeline.calls + b->timeline.calls_discarded);
		double share = (double)b->timeline.calls_discarded / all;
		assert_true(share > 0.1 && share < 0.25);
		if (delays_are_where_they_belong(b))
			return;
	}
	fail_msg("in %d tries no part was near its delay", TRIES);
}

/* More stamps than the ring holds: nothing is read beyond it, nothing is made of what is left. */
static void an_overrun_ring_is_not_believed(void **state)
{
	struct binding *b = *state;
	b->compute.data->spin = b->in.data->spin = b->out.data->spin = 0;
	b->odd_every = 1;
	b->odd_times = 200;
	b->odd_from = 4; /* after the calls that the order is learnt from */
	assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
	assert_true(b->timeline.calls_discarded > 0);
	for (size_t i = 0; i < b->samples.round_count; i++)
		assert_true(b->samples.rounds[i].discarded);
}

/* Where a layer was not stamped, its stretch goes by what it holds: no sub-phase twice. */
static void parts_never_overlap(void **state)
{
	struct binding *b = *state;
	const unsigned layers[] = {
		0x1f & ~(1u << PB_TL_INVOKE),
		0x1f & ~(1u << PB_TL_DETACH),
		0x1f & ~(1u << PB_TL_ATTACH),
		1u << PB_TL_ENTRY | 1u << PB_TL_DETACH | 1u << PB_TL_TARGET,
		1u << PB_TL_DETACH,
		1u << PB_TL_TARGET,
	};
	for (size_t k = 0; k < sizeof layers / sizeof layers[0]; k++) {
		b->stamped_layers = layers[k];
		assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
		unsigned seen = 0;
		for (size_t i = 0; i < b->timeline.shape.part_count; i++) {
			unsigned mask = b->timeline.shape.masks[i];
			if (seen & mask)
				fail_msg("layers %#x: %#x after %#x", layers[k], mask, seen);
			seen |= mask;
		}
		assert_int_equal(seen, PROBE_MASK_ALL);
	}
	/* A target that is met twice a call: what lies between is no way out of the call. */
	b->stamped_layers = 0x1f;
	b->odd_every = b->odd_times = 1;
	assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
	assert_int_equal(b->timeline.shape.stretch_count, 12);
	assert_int_equal(b->timeline.shape.part_count, 2);
}

static void too_many_stamps_and_none_are_unhookable(void **state)
{
	struct binding *b = *state;
	b->odd_every = 1;
	b->odd_times = 4; /* 18 stamps a call */
	assert_int_equal(measure(b, PROBE_MASK_ALL), -PROBE_EUNHOOKABLE);
	assert_int_equal(b->err.code, PROBE_EUNHOOKABLE);
	b->odd_times = 3; /* 16 */
	assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
	assert_int_equal(b->timeline.shape.stretch_count, PROBE_MAX_STRETCHES);
	b->stamped_layers = 0;
	assert_int_equal(measure(b, PROBE_MASK_ALL), -PROBE_EUNHOOKABLE);
}

static void a_lost_reading_discards_its_round(void **state)
{
	struct binding *b = *state;
	b->lose_every = 3;
	assert_int_equal(measure(b, PROBE_MASK_ALL), 0);
	size_t lost = 0;
	for (size_t i = 0; i < b->samples.round_count; i++) {
		const struct probe_round *round = &b->samples.rounds[i];
		if (!isnan(round->ticks[PROBE_TIMELINE_PLAIN]))
			continue;
		assert_true(round->discarded);
		lost++;
	}
	assert_true(lost > b->samples.round_count / 5);
}

static void failure_and_interruption_end_it(void **state)
{
	struct binding *b = *state;
	b->stop_at = 2;
	assert_int_equal(measure(b, PROBE_MASK_ALL), -PROBE_EINTR);
	assert_int_equal(b->samples.round_count, 2);
	b->fails = true;
	assert_int_equal(measure(b, PROBE_MASK_ALL), -PROBE_ECHILD);
	assert_int_equal(b->err.code, PROBE_ECHILD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stretches_cover_the_path),
		cmocka_unit_test(buckets_round_trip),
		cmocka_unit_test(quantiles_agree_with_sorting),
		TEST(known_delays_are_found),
		TEST(odd_calls_are_left_out),
		TEST(an_overrun_ring_is_not_believed),
		TEST(parts_never_overlap),
		TEST(too_many_stamps_and_none_are_unhookable),
		TEST(a_lost_reading_discards_its_round),
		TEST(failure_and_interruption_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
