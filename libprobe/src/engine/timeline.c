/* SPDX-License-Identifier: MIT
 * Running stamped calls, calibrating stamps, and summing stamps into parts.
 */
#include "engine/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/rounds.h"
#include "engine/warmup.h"
#include "stats/stats.h"
#include "sys/counter.h"

#define MAX_CALLS         400
#define CALIBRATION_CALLS 256
#define WARM_CALLS        16

/* Sums over the calls of one round. */
struct sums {
	double parts[PROBE_MAX_PARTS];
	double whole;
	uint64_t calls;
};

struct runner {
	struct probe_counter *counter;
	struct pb_ring *ring;
	const struct pb_timeline_ops *ops;
	void *ctx;
	const struct pb_timeline_config *config;
	struct pb_timeline *t;
	struct pb_stamp_cost cost;
	uint64_t calls, empty_calls;
	double tick_hz;
	double overhead_ticks; /* of starting a loop of no iterations */
	/* Stamps read the TSC where the counter itself can only be read by a system call; then this
	 * is the counter's ticks per stamp tick, from the round's own stamped loop. Else 1. */
	double per_stamp_tick;
	bool stamps_differ;
	struct pb_thunk_counter stamp; /* how stamps read */
	struct pb_rng rng;
};

/* --- calibration ------------------------------------------------------------------------------ */

static uint64_t ticks_of_calls(struct probe_counter *counter, void (*fn)(void), unsigned calls)
{
	struct probe_reading a, b;
	probe_counter_read(counter, &a);
	for (unsigned i = 0; i < calls; i++)
		fn();
	probe_counter_read(counter, &b);
	struct probe_delta d = probe_reading_delta(&a, &b);
	return d.state == PROBE_EXACT ? (uint64_t)d.ticks : 0;
}

static double gap(const struct pb_ring *ring, unsigned calls, unsigned from, unsigned to)
{
	double sum = 0;
	unsigned n = 0;
	for (unsigned i = 1; i + 1 < calls; i++) {
		const struct pb_event *e = ring->events + (size_t)i * 6;
		sum += (double)(e[to].ticks - e[from].ticks);
		n++;
	}
	return sum / n;
}

static int calibrate_once(struct probe_counter *counter, struct pb_ring *ring,
			  struct pb_thunk nest[3], struct pb_stamp_cost *out)
{
	void (*outer)(void);
	*(void **)(void *)&outer = pb_thunk_entry(&nest[0], 0);
	ticks_of_calls(counter, outer, WARM_CALLS);
	ring->pos = 0;
	ticks_of_calls(counter, outer, CALIBRATION_CALLS);
	double plain = (double)ticks_of_calls(counter, pb_empty_function, CALIBRATION_CALLS) /
		       CALIBRATION_CALLS;
	/* Events of one iteration: in0 in1 in2 out2 out1 out0. */
	out->in_in = (gap(ring, CALIBRATION_CALLS, 0, 1) + gap(ring, CALIBRATION_CALLS, 1, 2)) / 2;
	out->in_out = gap(ring, CALIBRATION_CALLS, 2, 3);
	out->out_out =
		(gap(ring, CALIBRATION_CALLS, 3, 4) + gap(ring, CALIBRATION_CALLS, 4, 5)) / 2;
	out->out_in = gap(ring, CALIBRATION_CALLS, 5, 6) - plain;
	return 0;
}

int pb_stamp_calibrate(struct probe_counter *counter, struct pb_ring *ring,
		       struct pb_stamp_cost *out, struct probe_error *err)
{
	struct pb_thunk nest[3] = {{0}};
	struct pb_thunk_counter how;
	struct pb_stamp_cost runs[15];
	int rc = 0;

	pb_counter_thunk_kind(counter, &how);
	for (int i = 2; i >= 0 && rc == 0; i--) {
		rc = pb_thunk_new(&nest[i],
				  how.source == PB_THUNK_RDPMC ? PB_THUNK_STAMP_PMC
							       : PB_THUNK_STAMP_TICKS,
				  err);
		if (rc)
			break;
		nest[i].data->target = i == 2 ? (void *)(uintptr_t)pb_empty_function
					      : pb_thunk_entry(&nest[i + 1], 0);
		nest[i].data->pmc = how.rdpmc_index;
	}
	for (size_t k = 0; rc == 0 && k < 15; k++)
		calibrate_once(counter, ring, nest, &runs[k]);
	if (rc == 0) {
		double v[15];
		double *fields[] = {&out->in_in, &out->in_out, &out->out_out, &out->out_in};
		for (size_t f = 0; f < 4; f++) {
			for (size_t k = 0; k < 15; k++)
				v[k] = (&runs[k].in_in)[f];
			*fields[f] = pb_median(v, 15);
		}
	}
	for (int i = 0; i < 3; i++)
		pb_thunk_free(&nest[i]);
	return rc;
}

/* --- from stamps to parts --------------------------------------------------------------------- */

static double cost_between(const struct pb_stamp_cost *c, unsigned event, unsigned next)
{
	bool from_out = event & 1, to_out = next & 1;
	return from_out ? (to_out ? c->out_out : c->out_in) : (to_out ? c->in_out : c->in_in);
}

/* Ticks between two stamps: modulo the counter's width. */
static uint64_t apart(const struct runner *r, const struct pb_event *from,
		      const struct pb_event *to)
{
	unsigned width = r->stamp.width_bits;
	uint64_t mask = width == 0 || width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
	return (to->ticks - from->ticks) & mask;
}

/* Stamps in the ring; 0 when it ran over, as its calls are mixed up then. */
static size_t stamps_in(const struct pb_ring *ring)
{
	return ring->pos > ring->mask + 1 ? 0 : ring->pos / sizeof *ring->events;
}

/* Stretches that share a sub-phase can't be told apart (a layer between them was not stamped, or
 * stamped twice): they become one set. */
static void unite_overlapping(unsigned *masks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			if (!(masks[i] & masks[k]) || masks[i] == masks[k])
				continue;
			masks[i] = masks[k] = masks[i] | masks[k];
			i = k = 0; /* what was apart from both may meet their union */
		}
}

/* The part that stands for this set of sub-phases; a new one where there is none yet. */
static int part_for(struct probe_timeline_shape *shape, unsigned mask)
{
	size_t part = 0;
	while (part < shape->part_count && shape->masks[part] != mask)
		part++;
	if (part == PROBE_MAX_PARTS || !mask)
		return -1;
	if (part == shape->part_count)
		shape->masks[shape->part_count++] = mask;
	return (int)part;
}

int pb_timeline_learn(struct pb_timeline *t, const struct pb_event *e, size_t n, unsigned subphases,
		      const struct pb_stamp_cost *stamp_cost, struct probe_error *err)
{
	struct probe_timeline_shape *shape = &t->shape;
	size_t i = 1;
	while (i < n && i <= PROBE_MAX_STRETCHES && e[i].id != e[0].id)
		i++;
	if (n < 2 || i >= n || i > PROBE_MAX_STRETCHES)
		return pb_fail(err, PROBE_EUNHOOKABLE, 0,
			       "no stamp repeats from call to call: nothing on this path could be "
			       "stamped");
	shape->stretch_count = i;
	unsigned masks[PROBE_MAX_STRETCHES];
	for (size_t k = 0; k < i; k++)
		t->events[k] = (unsigned char)e[k].id;
	bool in_target = false;
	for (size_t k = 0; k < i; k++) {
		/* A callback takes the GIL back through the same slots: inside the target, they are
		 * no layer of this call. */
		if (t->events[k] / 2 == PB_TL_TARGET)
			in_target = t->events[k] % 2 == 0;
		unsigned from = in_target ? 2 * PB_TL_TARGET : t->events[k];
		unsigned to = in_target ? 2 * PB_TL_TARGET + 1 : t->events[(k + 1) % i];
		masks[k] = pb_timeline_mask(from, to, subphases);
	}
	unite_overlapping(masks, i);
	for (size_t k = 0; k < i; k++) {
		int part = part_for(shape, masks[k]);
		if (part < 0)
			return pb_fail(err, PROBE_EUNHOOKABLE, 0,
				       "stamps in an order that no call path has");
		shape->part_of[k] = (unsigned char)part;
		double cost = cost_between(stamp_cost, t->events[k], t->events[(k + 1) % i]);
		shape->weights[part] += cost;
		t->calibrated_ticks += cost;
	}
	for (size_t p = 0; p < shape->part_count; p++)
		shape->weights[p] /= t->calibrated_ticks;
	t->histograms = calloc(shape->part_count, sizeof *t->histograms);
	t->whole = calloc(1, sizeof *t->whole);
	if (!t->histograms || !t->whole)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for histograms");
	return 0;
}

bool pb_timeline_usual_order(const struct pb_timeline *t, const struct pb_event *e)
{
	for (size_t k = 0; k < t->shape.stretch_count; k++)
		if (e[k].id != t->events[k])
			return false;
	return e[t->shape.stretch_count].id == t->events[0];
}

static void sum_ring(struct runner *r, struct sums *sums)
{
	struct pb_timeline *t = r->t;
	const struct pb_event *e = r->ring->events;
	size_t n = stamps_in(r->ring), i = 0;
	memset(sums, 0, sizeof *sums);
	if (n == 0)
		t->calls_discarded += r->calls;
	while (i + t->shape.stretch_count < n) {
		if (!pb_timeline_usual_order(t, e + i)) {
			/* Resume at the next outermost stamp. */
			t->calls_discarded++;
			do
				i++;
			while (i < n && e[i].id != t->events[0]);
			continue;
		}
		/* A counter that went backwards (clocks that differ between CPUs). */
		if (apart(r, &e[i], &e[i + t->shape.stretch_count]) > UINT64_MAX / 4) {
			t->calls_discarded++;
			i += t->shape.stretch_count;
			continue;
		}
		double parts[PROBE_MAX_PARTS] = {0};
		for (size_t k = 0; k < t->shape.stretch_count; k++)
			parts[t->shape.part_of[k]] +=
				r->per_stamp_tick * (double)apart(r, &e[i + k], &e[i + k + 1]);
		for (size_t p = 0; p < t->shape.part_count; p++) {
			sums->parts[p] += parts[p];
			t->histograms[p].counts[probe_histogram_bucket((uint64_t)parts[p])]++;
		}
		double whole =
			r->per_stamp_tick * (double)apart(r, &e[i], &e[i + t->shape.stretch_count]);
		sums->whole += whole;
		t->whole->counts[probe_histogram_bucket((uint64_t)whole)]++;
		sums->calls++;
		i += t->shape.stretch_count;
	}
}

/* Counter ticks per stamp tick over the loop that has just run. */
static double ring_scale(const struct runner *r, double ticks_per_call)
{
	const struct pb_event *e = r->ring->events;
	size_t n = stamps_in(r->ring), calls = n / r->t->shape.stretch_count;
	if (calls < 2)
		return 1;
	size_t last = (calls - 1) * r->t->shape.stretch_count;
	return ticks_per_call * (double)(calls - 1) / (double)apart(r, &e[0], &e[last]);
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* What starting a loop costs cancels in the ladder by subtraction; here by the same means. */
static int timed(struct runner *r, int (*run)(void *, uint64_t, uint64_t *), uint64_t calls,
		 double *per_call)
{
	uint64_t ticks, warm;
	if (run(r->ctx, calls < WARM_CALLS ? calls : WARM_CALLS, &warm))
		return -1;
	r->ring->pos = 0;
	if (run(r->ctx, calls, &ticks))
		return -1;
	*per_call = ticks == PB_TICKS_LOST ? NAN : (double)ticks / (double)calls;
	return 0;
}

static int one_round(void *ctx, struct probe_round *round)
{
	struct runner *r = ctx;
	struct pb_round_frame frame;
	struct sums sums = {0};
	unsigned order[3] = {0, 1, 2};
	double plain = NAN, stamped = NAN, empty = NAN;

	pb_shuffle(&r->rng, order, 3);
	pb_round_begin(r->counter, &frame, round);
	for (size_t k = 0; k < 3; k++) {
		int rc = 0;
		if (k > 0)
			pb_round_look(r->counter, &frame, round);
		if (order[k] == 0)
			rc = timed(r, r->ops->run_plain, r->calls, &plain);
		else if (order[k] == 1)
			rc = timed(r, r->ops->run_empty, r->empty_calls, &empty);
		else {
			rc = timed(r, r->ops->run_stamped, r->calls, &stamped);
			if (r->stamps_differ)
				r->per_stamp_tick = ring_scale(r, stamped);
			if (!isnan(stamped))
				sum_ring(r, &sums);
		}
		if (rc)
			return -1;
	}
	pb_round_end(r->counter, &frame, round);
	/* The kernel moved the event meanwhile: raw stamps before and after don't compare. */
	bool moved = r->stamp.lock && *r->stamp.lock != r->stamp.lock_value;
	if (!sums.calls || isnan(plain) || isnan(empty) || moved)
		round->discarded = true;
	if (moved)
		pb_counter_thunk_kind(r->counter, &r->stamp);
	r->t->calls += sums.calls;
	for (size_t p = 0; p < r->t->shape.part_count && sums.calls; p++)
		round->ticks[p] = sums.parts[p] / (double)sums.calls;
	if (sums.calls)
		round->ticks[PROBE_TIMELINE_STAMPED] = sums.whole / (double)sums.calls;
	round->ticks[PROBE_TIMELINE_PLAIN] = plain - r->overhead_ticks / (double)r->calls;
	round->ticks[PROBE_TIMELINE_EMPTY] = empty - r->overhead_ticks / (double)r->empty_calls;
	return 0;
}

/* The median of a column over the rounds that count; NaN when there is none. */
static double median_of(const struct probe_process_samples *s, size_t column, double *scratch)
{
	size_t n = 0;
	for (size_t i = 0; i < s->round_count; i++)
		if (!s->rounds[i].discarded && !isnan(s->rounds[i].ticks[column]))
			scratch[n++] = s->rounds[i].ticks[column];
	return n ? pb_median(scratch, n) : NAN;
}

static int share_out(struct pb_timeline *t, const struct probe_process_samples *s)
{
	double raw[PROBE_MAX_PARTS];
	double *scratch = calloc(s->round_count ? s->round_count : 1, sizeof *scratch);
	if (!scratch)
		return -1;
	for (size_t p = 0; p < t->shape.part_count; p++)
		raw[p] = median_of(s, p, scratch);
	pb_timeline_share(&t->shape, t->calibrated_ticks, raw,
			  median_of(s, PROBE_TIMELINE_PLAIN, scratch));
	free(scratch);
	return 0;
}

static int pause_between(void *ctx)
{
	struct runner *r = ctx;
	return r->ops->pause ? r->ops->pause(r->ctx) : 0;
}

static int warm_burst(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct runner *r = ctx;
	return r->ops->run_plain(r->ctx, calls, ticks);
}

static int warm_beside(void *ctx, uint64_t calls)
{
	struct runner *r = ctx;
	uint64_t ticks;
	return r->ops->run_empty(r->ctx, calls, &ticks);
}

static int warm_up(struct runner *r, struct probe_process_samples *samples, struct probe_error *err)
{
	static const struct pb_warmup_ops ops = {warm_burst, warm_beside, NULL};
	struct pb_warmup_config config = pb_warmup_usual;
	if (r->config->calls)
		return 0;
	config.burst_us = r->config->round_us;
	config.quiet_ratio = r->config->quiet_ratio;
	return pb_warmup_run(r->counter, &ops, r, &config, &samples->warmup, &samples->warmup_count,
			     err);
}

static int prepare(struct runner *r, struct probe_error *err)
{
	uint64_t ticks = 0, calls = 1;
	double want = r->config->round_us * 1e-6 * r->tick_hz;
	double runs[31];
	int rc = pb_stamp_calibrate(r->counter, r->ring, &r->cost, err);
	if (rc)
		return rc;
	r->ring->pos = 0;
	if (r->ops->run_stamped(r->ctx, 4, &ticks))
		return pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
	rc = pb_timeline_learn(r->t, r->ring->events, stamps_in(r->ring), r->config->subphases,
			       &r->cost, err);
	if (rc)
		return rc;
	uint64_t most = PB_TIMELINE_RING_EVENTS / r->t->shape.stretch_count - 2;
	most = most < MAX_CALLS ? most : MAX_CALLS;
	ticks = 0;
	while (!r->config->calls && (double)ticks < want && calls < most) {
		calls *= 2;
		if (r->ops->run_plain(r->ctx, calls, &ticks))
			return pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
	}
	calls = r->config->calls ? r->config->calls : calls;
	r->calls = calls < most ? calls : most;
	r->calls = r->calls < 3 ? 3 : r->calls; /* whole calls lie between stamps of two */
	r->empty_calls = MAX_CALLS;
	for (size_t k = 0; k < 31; k++) {
		if (r->ops->run_empty(r->ctx, 0, &ticks))
			return pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
		runs[k] = (double)ticks;
	}
	r->overhead_ticks = pb_median(runs, 31);
	return 0;
}

int pb_timeline_run(struct probe_counter *counter, struct pb_ring *ring,
		    const struct pb_timeline_ops *ops, void *ctx,
		    const struct pb_timeline_config *config, struct pb_timeline *out,
		    struct probe_process_samples *samples, struct probe_error *err)
{
	struct runner r = {.counter = counter,
			   .ring = ring,
			   .ops = ops,
			   .ctx = ctx,
			   .config = config,
			   .t = out,
			   .rng = {config->seed}};

	memset(out, 0, sizeof *out);
	memset(samples, 0, sizeof *samples);
	r.tick_hz = probe_counter_facts(counter)->hz;
	r.stamps_differ = pb_counter_thunk_kind(counter, &r.stamp) == PB_THUNK_TSC &&
			  strcmp(probe_counter_facts(counter)->kind, "tsc") != 0;
	r.per_stamp_tick = 1;
	int rc = warm_up(&r, samples, err);
	if (rc == 0)
		rc = prepare(&r, err);
	pb_warmup_subtract(samples->warmup, samples->warmup_count, r.overhead_ticks);
	const struct pb_rounds_config rounds = {config->rounds, config->wait_s,
						config->quiet_ratio};
	if (rc == 0)
		rc = pb_rounds_collect(&rounds, one_round, pause_between, &r, samples, err);
	if (rc == 0 && share_out(out, samples))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to share out the stamps' cost");
	for (size_t p = 0; p < out->shape.part_count; p++)
		samples->rungs |= 1u << p;
	samples->rungs |= 1u << PROBE_TIMELINE_STAMPED | 1u << PROBE_TIMELINE_PLAIN |
			  1u << PROBE_TIMELINE_EMPTY;
	samples->subphases = config->subphases;
	samples->calls_per_round = r.calls;
	return rc;
}

void pb_timeline_fini(struct pb_timeline *t)
{
	free(t->histograms);
	free(t->whole);
	memset(t, 0, sizeof *t);
}
