/* SPDX-License-Identifier: MIT */
#include "engine/warmup.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "engine/noise.h"
#include "engine/quiet.h"
#include "engine/rounds.h"
#include "engine/steady.h"

#define SINGLES    4 /* bursts of one call before they grow */
#define MOST_CALLS 2000
/* With so many bursts and hardly a quiet one, the contended ones must do: what is measured next
 * will not be any quieter. */
#define PATIENCE (3 * PB_STEADY_GOOD)

const struct pb_warmup_config pb_warmup_usual = {
	.burst_us = 100,
	.least_calls = 10000,
	.least_s = 0.05,
	.most_s = 0.4,
	.most_bursts = 4000,
};

/* Bursts as rounds of one column, so that they are judged by the same functions. */
struct series {
	struct probe_round *rounds;
	uint64_t *calls;
	double *counted; /* for the judge */
	size_t count, capacity;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int reserve(struct series *s, size_t most)
{
	if (s->count < s->capacity)
		return 0;
	size_t more = s->capacity ? 2 * s->capacity : 2 * PB_STEADY_GOOD;
	more = more < most ? more : most;
	struct probe_round *rounds = reallocarray(s->rounds, more, sizeof *rounds);
	s->rounds = rounds ? rounds : s->rounds;
	uint64_t *calls = reallocarray(s->calls, more, sizeof *calls);
	s->calls = calls ? calls : s->calls;
	double *counted = reallocarray(s->counted, more, sizeof *counted);
	s->counted = counted ? counted : s->counted;
	if (!rounds || !calls || !counted)
		return -1;
	s->capacity = more;
	return 0;
}

/* Fills s->counted; *quiet_ratio is what the bursts are judged by. */
static int count_quiet(struct series *s, double known, double *quiet_ratio)
{
	size_t quiet = 0;
	if (pb_quiet_ratio_of(s->rounds, s->count, quiet_ratio))
		return -1;
	*quiet_ratio = pb_noise_choose(*quiet_ratio, known);
	for (size_t i = 0; i < s->count; i++)
		quiet += pb_quiet_round(&s->rounds[i], *quiet_ratio);
	bool take_all = quiet < PB_STEADY_GOOD && s->count >= PATIENCE;
	for (size_t i = 0; i < s->count; i++) {
		const struct probe_round *r = &s->rounds[i];
		bool counts = take_all ? !r->discarded : pb_quiet_round(r, *quiet_ratio);
		s->counted[i] = counts ? r->ticks[PROBE_RUNG_REAL] : (double)NAN;
	}
	return 0;
}

/* 1 when the series is steady, 0 when not yet, -1 when out of memory. */
static int is_steady(struct series *s, double known)
{
	double quiet_ratio;
	struct pb_steady found;
	if (count_quiet(s, known, &quiet_ratio))
		return -1;
	pb_steady_judge(s->counted, s->count, PB_STEADY_TOLERANCE, &found);
	return found.counted >= PB_STEADY_GOOD && found.state == PB_STEADY_YES;
}

static int one_burst(struct probe_counter *counter, const struct pb_warmup_ops *ops, void *ctx,
		     uint64_t calls, struct series *s, uint64_t *ticks)
{
	struct probe_round *round = &s->rounds[s->count];
	struct pb_round_frame frame;
	pb_round_begin(counter, &frame, round);
	if (ops->burst(ctx, calls, ticks))
		return -1;
	pb_round_end(counter, &frame, round);
	if (*ticks == PB_TICKS_LOST)
		round->discarded = true;
	else
		round->ticks[PROBE_RUNG_REAL] = (double)*ticks / (double)calls;
	s->calls[s->count++] = calls;
	return ops->beside ? ops->beside(ctx, calls) : 0;
}

static int collect(struct probe_counter *counter, const struct pb_warmup_ops *ops, void *ctx,
		   const struct pb_warmup_config *config, struct series *s, struct probe_error *err)
{
	double start_s = now_s(), hz = probe_counter_facts(counter)->hz;
	double want_ticks = config->burst_us * 1e-6 * (hz > 0 ? hz : 1e9);
	uint64_t calls = 1, total = 0, ticks = 0;
	size_t next_look = PB_STEADY_GOOD;
	while (s->count < config->most_bursts) {
		double elapsed_s = now_s() - start_s;
		if (elapsed_s > config->most_s)
			break;
		if (s->count >= next_look &&
		    (total >= config->least_calls || elapsed_s >= config->least_s)) {
			bool compiling = ops->compiling && ops->compiling(ctx);
			int steady = compiling ? 0 : is_steady(s, config->quiet_ratio);
			if (steady < 0)
				return pb_fail(err, PROBE_ENOMEM, 0, "no memory to warm up");
			if (steady)
				break;
			next_look = s->count + s->count / 8;
		}
		if (reserve(s, config->most_bursts))
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory to warm up");
		if (one_burst(counter, ops, ctx, calls, s, &ticks))
			return pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
		total += calls;
		if (s->count >= SINGLES && ticks != PB_TICKS_LOST &&
		    (double)ticks < want_ticks / 2 && calls < MOST_CALLS)
			calls *= 2;
	}
	return 0;
}

int pb_warmup_run(struct probe_counter *counter, const struct pb_warmup_ops *ops, void *ctx,
		  const struct pb_warmup_config *config, struct probe_burst **out, size_t *count,
		  struct probe_error *err)
{
	struct series s = {0};
	double quiet_ratio = 0;
	*out = NULL;
	*count = 0;
	int rc = collect(counter, ops, ctx, config, &s, err);
	if (!rc && s.count) {
		*out = calloc(s.count, sizeof **out);
		if (!*out || count_quiet(&s, config->quiet_ratio, &quiet_ratio))
			rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to warm up");
	}
	for (size_t i = 0; !rc && i < s.count; i++)
		(*out)[i] = (struct probe_burst){s.calls[i], s.rounds[i].ticks[PROBE_RUNG_REAL],
						 !pb_quiet_round(&s.rounds[i], quiet_ratio)};
	if (rc) {
		free(*out);
		*out = NULL;
	} else {
		*count = s.count;
	}
	free(s.rounds);
	free(s.calls);
	free(s.counted);
	return rc;
}

void pb_warmup_subtract(struct probe_burst *bursts, size_t n, double ticks_per_burst)
{
	for (size_t i = 0; i < n; i++) {
		double less = bursts[i].ticks - ticks_per_burst / (double)bursts[i].calls;
		bursts[i].ticks = less < 0 ? 0 : less; /* a NaN stays */
	}
}
