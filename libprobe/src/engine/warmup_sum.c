/* SPDX-License-Identifier: MIT
 * What a run file keeps of its cells' warm-ups.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/noise.h"
#include "engine/quiet.h"
#include "engine/steady.h"
#include "engine/warmup.h"
#include "stats/stats.h"

/* Bursts that keep a point of their own; the rest share the other points. */
#define SINGLE_POINTS 16
/* Levels of one call this close to each other are one: what runs of the same thing differ by. */
#define LEAST_TICKS 4

/* The burst with which point k begins: equal ratios after the first ones. */
static size_t begin_of(size_t k, size_t bursts)
{
	if (bursts <= PROBE_MAX_WARMUP || k <= SINGLE_POINTS)
		return k < bursts ? k : bursts;
	double part = (double)(k - SINGLE_POINTS) / (PROBE_MAX_WARMUP - SINGLE_POINTS);
	double at = SINGLE_POINTS * pow((double)bursts / SINGLE_POINTS, part);
	size_t least = k; /* no point is empty, however few bursts there are */
	return (size_t)at > least ? (size_t)at : least;
}

static void fill_point(const struct probe_burst *bursts, size_t from, size_t to, double *scratch,
		       struct probe_warmup *out, size_t k)
{
	size_t counted = 0, read = 0;
	for (size_t i = from; i < to; i++)
		if (!bursts[i].contended && !isnan(bursts[i].ticks))
			scratch[counted++] = bursts[i].ticks;
	out->contended[k] = (double)(to - from - counted) / (double)(to - from);
	/* Where none counts, what there is: the point is marked as contended. */
	for (size_t i = from; i < to && !counted; i++)
		if (!isnan(bursts[i].ticks))
			scratch[read++] = bursts[i].ticks;
	read += counted;
	out->ticks[k] = read ? pb_median(scratch, read) : (double)NAN;
}

static void fill_points(const struct probe_process_samples *p, double *scratch,
			struct probe_warmup *out)
{
	size_t n = p->warmup_count;
	out->point_count = n < PROBE_MAX_WARMUP ? n : PROBE_MAX_WARMUP;
	for (size_t k = 0, i = 0; k < out->point_count; k++) {
		size_t to = k + 1 < out->point_count ? begin_of(k + 1, n) : n;
		out->calls[k] = (double)out->call_count;
		fill_point(p->warmup, i, to, scratch, out, k);
		for (; i < to; i++)
			out->call_count += p->warmup[i].calls;
	}
}

/* Where the warm-up itself became steady, by its quiet bursts or, as while it ran, by all of them
 * where those are too few. */
static void find_start(const struct probe_process_samples *p, double *scratch,
		       struct probe_warmup *out)
{
	struct pb_steady found = {0};
	for (int all = 0; all < 2 && found.counted < PB_STEADY_GOOD; all++) {
		for (size_t i = 0; i < p->warmup_count; i++) {
			bool counts = all || !p->warmup[i].contended;
			scratch[i] = counts ? p->warmup[i].ticks : (double)NAN;
		}
		pb_steady_judge(scratch, p->warmup_count, PB_STEADY_TOLERANCE, &found);
	}
	out->steady_from = NAN;
	if (found.state != PB_STEADY_YES)
		return;
	out->steady_from = 0;
	for (size_t i = 0; i < found.from; i++)
		out->steady_from += (double)p->warmup[i].calls;
}

/* Whether the measured rounds of a process were steady; not judged without enough quiet ones. */
static void judge_rounds(const struct probe_process_samples *p, unsigned column, double quiet_ratio,
			 double *scratch, struct probe_warmup *out)
{
	struct pb_steady found;
	size_t quiet = 0;
	for (size_t i = 0; i < p->round_count; i++) {
		bool counts = pb_quiet_round(&p->rounds[i], quiet_ratio);
		scratch[i] = counts ? p->rounds[i].ticks[column] : (double)NAN;
		quiet += counts;
	}
	if (pb_noise_contended(quiet, p->round_count))
		return;
	pb_steady_judge(scratch, p->round_count, PB_STEADY_TOLERANCE_ROUNDS, &found);
	if (found.state == PB_STEADY_TOO_FEW)
		return;
	out->processes++;
	double change = found.state == PB_STEADY_MOVING ? found.change : found.swing;
	if (found.state == PB_STEADY_YES || change * found.level < LEAST_TICKS)
		return;
	out->processes_unsteady++;
	out->change = change > out->change ? change : out->change;
}

static int quietest_of(const struct probe_process_samples *p, size_t n, double known, double *out)
{
	double best = 0;
	for (size_t i = 0; i < n; i++) {
		double found;
		if (pb_quiet_ratio_of(p[i].rounds, p[i].round_count, &found))
			return -PROBE_ENOMEM;
		if (found > 0 && (best == 0 || found < best))
			best = found;
	}
	*out = pb_noise_choose(best, known);
	return 0;
}

int pb_warmup_summarise(const struct probe_process_samples *processes, size_t n, unsigned column,
			double quiet_ratio, struct probe_warmup *out)
{
	const struct probe_process_samples *first = NULL;
	size_t most = 1;
	*out = (struct probe_warmup){.steady_from = NAN};
	if (quietest_of(processes, n, quiet_ratio, &quiet_ratio))
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		most = processes[i].round_count > most ? processes[i].round_count : most;
		most = processes[i].warmup_count > most ? processes[i].warmup_count : most;
		first = first || !processes[i].warmup_count ? first : &processes[i];
	}
	if (!first)
		return 0;
	double *scratch = calloc(most, sizeof *scratch);
	if (!scratch)
		return -PROBE_ENOMEM;
	fill_points(first, scratch, out);
	find_start(first, scratch, out);
	for (size_t i = 0; i < n; i++)
		judge_rounds(&processes[i], column, quiet_ratio, scratch, out);
	free(scratch);
	return 0;
}
