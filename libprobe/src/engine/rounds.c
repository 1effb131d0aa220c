/* SPDX-License-Identifier: MIT */
#include "engine/rounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "engine/noise.h"
#include "engine/quiet.h"

#define MAX_ROUNDS 20000
#define LOOK_EVERY 16 /* rounds between two looks at how many were quiet */
/* So many rounds give an interval; a call so long that more would take minutes gets no more. */
#define LEAST_ROUNDS 10
#define LONG_ROUND_S 0.02
#define LONGEST_S    10

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void pb_round_begin(struct probe_counter *counter, struct pb_round_frame *frame,
		    struct probe_round *round)
{
	memset(round, 0, sizeof *round);
	for (size_t c = 0; c < PROBE_COLUMNS; c++)
		round->ticks[c] = NAN;
	frame->usage = pb_usage_now();
	if (pb_reference_measure(counter, &frame->worst)) {
		frame->worst = (struct pb_reference){NAN, NAN};
		round->discarded = true;
	}
}

void pb_round_look(struct probe_counter *counter, struct pb_round_frame *frame,
		   struct probe_round *round)
{
	struct pb_reference now;
	if (pb_reference_measure(counter, &now)) {
		round->discarded = true;
		return;
	}
	/* NaN where a coarse counter did not move: that reading says nothing. */
	double ratio = pb_noise_ratio(now.chain_ticks, now.wide_ticks);
	double worst = pb_noise_ratio(frame->worst.chain_ticks, frame->worst.wide_ticks);
	if (ratio > worst || (isnan(worst) && !isnan(ratio)))
		frame->worst = now;
}

void pb_round_end(struct probe_counter *counter, struct pb_round_frame *frame,
		  struct probe_round *round)
{
	pb_round_look(counter, frame, round);
	struct pb_usage usage = pb_usage_now();
	round->waited = usage.voluntary != frame->usage.voluntary;
	usage.voluntary = frame->usage.voluntary;
	round->disturbed = round->discarded || pb_usage_disturbed(&frame->usage, &usage);
	round->discarded = round->disturbed || round->waited;
	round->chain_ticks = frame->worst.chain_ticks;
	round->wide_ticks = frame->worst.wide_ticks;
}

static struct probe_round *next_round(struct probe_process_samples *s, size_t *capacity,
				      unsigned first_capacity)
{
	if (s->round_count == *capacity) {
		size_t more = *capacity ? 2 * *capacity : first_capacity;
		struct probe_round *grown = realloc(s->rounds, more * sizeof *grown);
		if (!grown)
			return NULL;
		s->rounds = grown;
		*capacity = more;
	}
	return &s->rounds[s->round_count];
}

/* A call that sleeps, or waits for a file or a lock, gives the core away in every round: then that
 * is what it does, and no disturbance. */
static void allow_waiting(struct probe_process_samples *samples)
{
	for (size_t i = 0; i < samples->round_count; i++)
		if (!samples->rounds[i].waited)
			return;
	for (size_t i = 0; i < samples->round_count; i++)
		samples->rounds[i].discarded = samples->rounds[i].disturbed;
}

int pb_rounds_collect(const struct pb_rounds_config *config,
		      int (*one)(void *ctx, struct probe_round *round), int (*pause)(void *ctx),
		      void *ctx, struct probe_process_samples *samples, struct probe_error *err)
{
	size_t capacity = 0, next_look = config->rounds;
	unsigned quiet = 0;
	double quietest = 0, start_s = now_s(), planned_s = 0;

	while (quiet < config->rounds && samples->round_count < MAX_ROUNDS) {
		/* The planned time is what `rounds` rounds take; beyond it, only wait_s more. */
		if (samples->round_count == config->rounds)
			planned_s = now_s() - start_s;
		if (samples->round_count >= config->rounds &&
		    now_s() - start_s > planned_s + config->wait_s)
			break;
		double spent_s = now_s() - start_s;
		if (samples->round_count >= LEAST_ROUNDS && spent_s > LONGEST_S &&
		    spent_s > LONG_ROUND_S * (double)samples->round_count)
			break;
		struct probe_round *round = next_round(samples, &capacity, config->rounds);
		if (!round)
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory for more rounds than %zu",
				       samples->round_count);
		if (one(ctx, round))
			return pb_fail(err, PROBE_ECHILD, 0, "the measured call failed");
		samples->round_count++;
		size_t n = samples->round_count;
		if (n >= next_look)
			allow_waiting(samples);
		if (n >= next_look && pb_quiet_ratio_of(samples->rounds, n, &quietest))
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory to judge %zu rounds", n);
		if (n >= next_look) {
			next_look += LOOK_EVERY;
			quietest = pb_noise_choose(quietest, config->quiet_ratio);
			quiet = 0;
			for (size_t i = 0; i < n; i++)
				quiet += pb_quiet_round(&samples->rounds[i], quietest);
		}
		if (pause && pause(ctx))
			return pb_fail(err, PROBE_EINTR, 0, "interrupted");
	}
	allow_waiting(samples);
	return 0;
}
