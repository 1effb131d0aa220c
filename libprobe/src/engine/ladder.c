/* SPDX-License-Identifier: MIT */
#include "engine/ladder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/warmup.h"
#include "hook/thunk.h"
#include "stats/stats.h"

#define MAX_CALLS     2000
#define WARM_CALLS    16
#define WARM_SHARE    4 /* of a rung's calls */
#define WARM_ROUNDS   3
#define OVERHEAD_RUNS 31
#define LONG_CALL_S   0.05

struct ladder {
	struct probe_counter *counter;
	const struct pb_ladder_ops *ops;
	void *ctx;
	const struct pb_ladder_config *config;
	unsigned order[PROBE_RUNG_COUNT];
	size_t rung_count;
	uint64_t calls[PROBE_RUNG_COUNT];
	double overhead_ticks[PROBE_RUNG_COUNT]; /* of starting a loop of no iterations */
	double tick_hz;
	struct pb_rng rng;
};

static bool is_stub(unsigned rung)
{
	return rung == PROBE_RUNG_ENTRY || rung == PROBE_RUNG_INVOKE || rung == PROBE_RUNG_TARGET ||
	       rung == PROBE_RUNG_SIDE || rung == PROBE_RUNG_SIDE_INVOKE ||
	       rung == PROBE_RUNG_CALLBACK_STUB || rung == PROBE_RUNG_FENCED_TARGET;
}

static int time_rung(struct ladder *l, unsigned rung, unsigned variant, uint64_t calls,
		     uint64_t *ticks)
{
	if (l->ops->arm(l->ctx, (enum probe_rung)rung, variant))
		return -1;
	/* The first calls after other rungs mispredict, in the path and in the target's own
	 * branches; they are not timed. */
	uint64_t warm = calls / WARM_SHARE > WARM_CALLS ? calls / WARM_SHARE : WARM_CALLS;
	warm = warm < calls ? warm : calls;
	if (l->ops->run(l->ctx, (enum probe_rung)rung, warm, ticks))
		return -1;
	return l->ops->run(l->ctx, (enum probe_rung)rung, calls, ticks);
}

/* A loop of no iterations: what starting and leaving the timed loop costs by itself. */
static int measure_overhead(struct ladder *l)
{
	for (size_t i = 0; i < l->rung_count; i++) {
		unsigned rung = l->order[i];
		double runs[OVERHEAD_RUNS];
		if (l->ops->arm(l->ctx, (enum probe_rung)rung, 0))
			return -1;
		size_t n = 0;
		for (size_t k = 0; k < OVERHEAD_RUNS; k++) {
			uint64_t ticks;
			if (l->ops->run(l->ctx, (enum probe_rung)rung, 0, &ticks))
				return -1;
			if (ticks != PB_TICKS_LOST)
				runs[n++] = (double)ticks;
		}
		l->overhead_ticks[rung] = n ? pb_median(runs, n) : 0;
	}
	return 0;
}

/* Once more when the rounds are over, and the lesser counts: a loop that is compiled by and by (by
 * GraalPy, beside the program) may have been slow to start when its overhead was first taken. */
static int settle_overhead(struct ladder *l, struct probe_process_samples *out)
{
	double before[PROBE_RUNG_COUNT];
	memcpy(before, l->overhead_ticks, sizeof before);
	if (measure_overhead(l))
		return -1;
	for (size_t k = 0; k < l->rung_count; k++) {
		unsigned rung = l->order[k];
		double too_much = before[rung] - l->overhead_ticks[rung];
		for (size_t i = 0; i < out->round_count && too_much > 0; i++)
			out->rounds[i].ticks[rung] += too_much / (double)l->calls[rung];
	}
	return 0;
}

/* The number that was asked for; what does not make the call may run longer. */
static int set_calls(struct ladder *l)
{
	for (size_t i = 0; i < l->rung_count; i++) {
		unsigned rung = l->order[i];
		bool calls = rung != PROBE_RUNG_EMPTY && rung != PROBE_RUNG_PYCALL;
		uint64_t ticks;
		l->calls[rung] = calls ? l->config->calls : MAX_CALLS;
		if (time_rung(l, rung, 0, l->calls[rung], &ticks))
			return -1;
	}
	return 0;
}

static int warm_burst(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct ladder *l = ctx;
	if (l->ops->arm(l->ctx, PROBE_RUNG_REAL, 0))
		return -1;
	return l->ops->run(l->ctx, PROBE_RUNG_REAL, calls, ticks);
}

/* The rungs whose loop is code of its own. The others run the real call's. */
static int warm_beside(void *ctx, uint64_t calls)
{
	struct ladder *l = ctx;
	unsigned own = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_PYCALL | l->config->own_loops;
	for (size_t i = 0; i < l->rung_count; i++) {
		enum probe_rung rung = (enum probe_rung)l->order[i];
		uint64_t ticks;
		if (!(own & (1u << rung)))
			continue;
		if (l->ops->arm(l->ctx, rung, 0) || l->ops->run(l->ctx, rung, calls, &ticks))
			return -1;
	}
	return 0;
}

static bool is_compiling(void *ctx)
{
	struct ladder *l = ctx;
	return l->ops->compiling(l->ctx);
}

/* Until the call is steady. Where the number of calls is given, there are none to spare. */
static int warm_up(struct ladder *l, struct probe_process_samples *out, struct probe_error *err)
{
	const struct pb_warmup_ops ops = {warm_burst, warm_beside,
					  l->ops->compiling ? is_compiling : NULL};
	struct pb_warmup_config config = l->config->warmup ? *l->config->warmup : pb_warmup_usual;
	if (l->config->calls)
		return 0;
	config.burst_us = l->config->round_us;
	config.quiet_ratio = l->config->quiet_ratio;
	return pb_warmup_run(l->counter, &ops, l, &config, &out->warmup, &out->warmup_count, err);
}

/* Calls per round so that each rung takes about round_us; also warms the stubs up. */
static int choose_calls(struct ladder *l)
{
	double want_ticks = l->config->round_us * 1e-6 * l->tick_hz;
	bool is_long[PROBE_RUNG_COUNT] = {0}; /* too long to be looked at again */
	for (unsigned pass = 0; pass < WARM_ROUNDS; pass++) {
		for (size_t i = 0; i < l->rung_count; i++) {
			unsigned rung = l->order[i];
			uint64_t ticks, calls = 1;
			if (is_long[rung])
				continue;
			for (;; calls *= 2) {
				if (time_rung(l, rung, 0, calls, &ticks))
					return -1;
				if ((double)ticks >= want_ticks / 4 || calls >= MAX_CALLS)
					break;
			}
			is_long[rung] = ticks != PB_TICKS_LOST &&
					(double)ticks / (double)calls > LONG_CALL_S * l->tick_hz;
			if (ticks == PB_TICKS_LOST)
				ticks = (uint64_t)want_ticks;
			double per_call = (double)(ticks ? ticks : 1) / (double)calls;
			double n = want_ticks / per_call;
			uint64_t fits = n < 1 ? 1 : n > MAX_CALLS ? MAX_CALLS : (uint64_t)n;
			/* Noise only adds: the quickest pass is right. */
			if (fits > l->calls[rung])
				l->calls[rung] = fits;
		}
	}
	return 0;
}

static int one_round(void *ctx, struct probe_round *round)
{
	struct ladder *l = ctx;
	struct pb_round_frame frame;
	pb_shuffle(&l->rng, l->order, l->rung_count);
	pb_round_begin(l->counter, &frame, round);
	for (size_t i = 0; i < l->rung_count; i++) {
		unsigned rung = l->order[i];
		unsigned variant =
			is_stub(rung) ? (unsigned)pb_rng_below(&l->rng, PB_THUNK_VARIANTS) : 0;
		uint64_t ticks;
		if (i > 0)
			pb_round_look(l->counter, &frame, round);
		if (time_rung(l, rung, variant, l->calls[rung], &ticks))
			return -1;
		if (ticks == PB_TICKS_LOST)
			round->discarded = true;
		else
			round->ticks[rung] =
				((double)ticks - l->overhead_ticks[rung]) / (double)l->calls[rung];
		round->variant[rung] = (uint8_t)variant;
	}
	pb_round_end(l->counter, &frame, round);
	return 0;
}

static int pause_between(void *ctx)
{
	struct ladder *l = ctx;
	return l->ops->pause ? l->ops->pause(l->ctx) : 0;
}

int pb_ladder_run(struct probe_counter *counter, const struct pb_ladder_ops *ops, void *ctx,
		  const struct pb_ladder_config *config, struct probe_process_samples *out,
		  struct probe_error *err)
{
	unsigned needed = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL;

	memset(out, 0, sizeof *out);
	if ((config->rungs & needed) != needed || config->rounds == 0 || !(config->round_us > 0))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "a ladder needs the empty and the real rung and at least one round");
	struct ladder l = {.counter = counter,
			   .ops = ops,
			   .ctx = ctx,
			   .config = config,
			   .rng = {config->seed}};
	l.tick_hz = probe_counter_facts(counter)->hz;
	if (!(l.tick_hz > 0))
		l.tick_hz = 1e9; /* only for the length of a round */
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		if (config->rungs & (1u << r))
			l.order[l.rung_count++] = r;
	out->rungs = config->rungs;
	out->subphases = config->subphases;

	int rc = warm_up(&l, out, err);
	if (!rc && ((config->calls ? set_calls(&l) : choose_calls(&l)) || measure_overhead(&l)))
		rc = pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
	const struct pb_rounds_config rounds = {config->rounds, config->wait_s,
						config->quiet_ratio};
	if (!rc)
		rc = pb_rounds_collect(&rounds, one_round, pause_between, &l, out, err);
	if (!rc && settle_overhead(&l, out))
		rc = pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
	pb_warmup_subtract(out->warmup, out->warmup_count, l.overhead_ticks[PROBE_RUNG_REAL]);
	out->calls_per_round = l.calls[PROBE_RUNG_REAL];
	if (rc) {
		free(out->rounds);
		free(out->warmup);
		*out = (struct probe_process_samples){.rungs = out->rungs,
						      .subphases = out->subphases};
	}
	return rc;
}
