/* SPDX-License-Identifier: MIT
 * Made-up ladder samples with a known truth, from a seed, and checks of what comes out of them.
 */
#ifndef TESTS_ANALYSE_WORLD_H
#define TESTS_ANALYSE_WORLD_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "probe/analysis.h"
#include "stats/stats.h"

#define BIT(rung) (1u << (rung))
#define EVERY                                                                                      \
	(BIT(PROBE_RUNG_EMPTY) | BIT(PROBE_RUNG_ENTRY) | BIT(PROBE_RUNG_INVOKE) |                  \
	 BIT(PROBE_RUNG_TARGET) | BIT(PROBE_RUNG_REAL) | BIT(PROBE_RUNG_SIDE))
#define COPIES     4
#define MOST       8
#define ROUNDS     40
#define QUIET      0.25 /* wide/chain of a core without a neighbour */
#define DISTURBED  0.45
#define LOOP_TICKS 12.0
#define PLACE      4.0 /* ticks that the place of a stub leaves in doubt; a tick is a cycle here */

static const unsigned state_mask = PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH);
static const unsigned outer_mask = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN);
/* call, marshal_in, detach, invoke, compute, attach, marshal_out, return */
static const double cost[PROBE_SUB_COUNT] = {30, 80, 12, 60, 25, 14, 40, 10};

/* --- made-up processes ------------------------------------------------------------------------ */

struct world {
	unsigned rungs;
	size_t processes, rounds;
	double noise_ticks;        /* of each reading */
	double between_ticks;      /* of each sub-phase, between processes */
	double copy_ticks[COPIES]; /* what each copy of a stub adds */
	double bare_ticks;         /* what a bare call takes less */
	double hidden_ticks;       /* what the whole call takes less, as its phases overlap */
	bool bare;
	uint64_t seed;
	struct probe_process_samples samples[MOST];
};

static double gauss(struct pb_rng *rng)
{
	double u = ((double)(pb_rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;
	double v = (double)(pb_rng_next(rng) >> 11) / 9007199254740992.0;
	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double cost_of(unsigned mask)
{
	double sum = 0;
	for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++)
		if (mask & PROBE_BIT(sub))
			sum += cost[sub];
	return sum;
}

/* The sub-phases that a rung still runs. */
static unsigned left_on(unsigned rung)
{
	switch (rung) {
	case PROBE_RUNG_ENTRY:
		return outer_mask;
	case PROBE_RUNG_INVOKE:
		return PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE & ~PROBE_BIT(PROBE_SUB_INVOKE);
	case PROBE_RUNG_TARGET:
	case PROBE_RUNG_FENCED_TARGET:
		return PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE;
	case PROBE_RUNG_SIDE:
		return PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE & ~state_mask;
	case PROBE_RUNG_SIDE_INVOKE:
		return PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE & ~state_mask &
		       ~PROBE_BIT(PROBE_SUB_INVOKE);
	case PROBE_RUNG_REAL:
	case PROBE_RUNG_FENCED:
		return PROBE_MASK_ALL;
	case PROBE_RUNG_PYCALL:
		return PROBE_BIT(PROBE_SUB_CALL);
	}
	return 0;
}

static bool has_copies(unsigned rung)
{
	return rung == PROBE_RUNG_ENTRY || rung == PROBE_RUNG_INVOKE || rung == PROBE_RUNG_TARGET ||
	       rung == PROBE_RUNG_SIDE || rung == PROBE_RUNG_FENCED_TARGET;
}

static void fill(struct world *w, struct pb_rng *rng, const double *offset, bool bare,
		 struct probe_round *rounds)
{
	for (size_t i = 0; i < w->rounds; i++) {
		struct probe_round *round = &rounds[i];
		round->chain_ticks = 1 + 0.005 * gauss(rng);
		round->wide_ticks = QUIET * (1 + 0.005 * gauss(rng));
		for (unsigned c = 0; c < PROBE_COLUMNS; c++) {
			round->ticks[c] = NAN;
			if (!(w->rungs & BIT(c)))
				continue;
			round->ticks[c] = LOOP_TICKS + w->noise_ticks * gauss(rng);
			for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++)
				if (left_on(c) & PROBE_BIT(sub))
					round->ticks[c] += cost[sub] + offset[sub];
			if (bare && c == PROBE_RUNG_REAL)
				round->ticks[c] -= w->bare_ticks;
			round->ticks[c] -= c == PROBE_RUNG_REAL ? w->hidden_ticks : 0;
			if (!has_copies(c))
				continue;
			round->variant[c] = (uint8_t)pb_rng_below(rng, COPIES);
			round->ticks[c] += w->copy_ticks[round->variant[c]];
		}
	}
}

static void make(struct world *w)
{
	struct pb_rng rng = {w->seed};
	if (!w->rungs)
		w->rungs = EVERY;
	if (!w->rounds)
		w->rounds = ROUNDS;
	for (size_t p = 0; p < w->processes; p++) {
		struct probe_process_samples *s = &w->samples[p];
		double offset[PROBE_SUB_COUNT] = {0};
		for (unsigned sub = 0; sub < PROBE_SUB_CALLBACK; sub++)
			offset[sub] = w->between_ticks * gauss(&rng);
		*s = (struct probe_process_samples){.rungs = w->rungs,
						    .subphases = PROBE_MASK_ALL,
						    .round_count = w->rounds,
						    .calls_per_round = 500};
		s->rounds = calloc(w->rounds, sizeof *s->rounds);
		assert_non_null(s->rounds);
		fill(w, &rng, offset, false, s->rounds);
		if (!w->bare)
			continue;
		s->bare = calloc(w->rounds, sizeof *s->bare);
		assert_non_null(s->bare);
		s->bare_count = w->rounds;
		fill(w, &rng, offset, true, s->bare);
	}
}

static void drop(struct world *w)
{
	for (size_t p = 0; p < w->processes; p++) {
		free(w->samples[p].rounds);
		free(w->samples[p].bare);
	}
}

/* A neighbour on the core: everything slows down, the wide loop most. */
static __attribute__((unused)) void disturb(struct probe_round *round, double factor)
{
	round->wide_ticks = DISTURBED * round->chain_ticks;
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		round->ticks[c] *= factor;
}

static const struct probe_ladder_options usual = {.granularity_ticks = 1, .seed = 7};

static struct probe_engine analysed(const struct world *w,
				    const struct probe_ladder_options *options)
{
	struct probe_engine e;
	struct probe_error err = {0};
	if (probe_ladder_analyse(w->samples, w->processes, options, &e, &err))
		fail_msg("%s", err.msg);
	return e;
}

static __attribute__((unused)) const struct probe_value *part(const struct probe_engine *e,
							      unsigned mask)
{
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask == mask)
			return &e->parts[i].value;
	fail_msg("no part %#x", mask);
	return NULL;
}

static bool covers(const struct probe_value *v, double truth)
{
	return v->state == PROBE_EXACT && fabs(v->ticks - truth) <= v->half;
}

static void close_to(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.12g, want %.12g", got, want);
}

/* The phases sum to the total: overall, folded, and in every process. */
static __attribute__((unused)) void adds_up(const struct probe_engine *e)
{
	double sum = 0, folded = 0;
	for (size_t i = 0; i < e->part_count; i++)
		sum += e->parts[i].value.ticks;
	for (size_t i = 0; i < e->folded_count; i++)
		folded += e->folded[i].value.ticks;
	close_to(sum, e->total.ticks, 1e-9);
	close_to(folded, e->total.ticks, 1e-9);
	double passes = 0;
	for (size_t p = 0; p < e->pass_count; p++) {
		sum = 0;
		for (size_t i = 0; i < e->part_count; i++)
			sum += e->passes[p].parts[i];
		close_to(sum, e->passes[p].total, 1e-9);
		passes += e->passes[p].total / (double)e->pass_count;
	}
	close_to(passes, e->total.ticks, 1e-9);
}

static __attribute__((unused)) void same_figures(const struct probe_engine *a,
						 const struct probe_engine *b)
{
	assert_int_equal(a->part_count, b->part_count);
	assert_int_equal(a->folded_count, b->folded_count);
	assert_int_equal(a->pass_count, b->pass_count);
	const struct probe_value *pairs[][2] = {
		{&a->total, &b->total}, {&a->bare, &b->bare}, {&a->closure, &b->closure}};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pairs[i][0]->state, pairs[i][1]->state);
		assert_true(pairs[i][0]->ticks == pairs[i][1]->ticks);
		assert_true(pairs[i][0]->half == pairs[i][1]->half);
	}
	for (size_t i = 0; i < a->part_count; i++) {
		assert_true(a->parts[i].value.ticks == b->parts[i].value.ticks);
		assert_true(a->parts[i].value.half == b->parts[i].value.half);
	}
}

#endif
