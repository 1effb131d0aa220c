/* SPDX-License-Identifier: MIT
 * Ladder samples -> one cell's figures. Additive by construction: every quantity is the same linear
 * form of per-rung estimates, in every process, so the phases sum to the total.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/alone.h"
#include "engine/analyse.h"
#include "engine/noise.h"
#include "engine/quantities.h"
#include "engine/quiet.h"
#include "probe/analysis.h"
#include "stats/stats.h"

/* With this many processes that had quiet, those that had none are set aside. */
#define MIN_QUIET_PROCESSES 2
/* Noise only adds. A neighbour that comes and goes within a round escapes the reference, and was
 * seen to shift the median of the rounds that pass by a third; their lower quartile stays. */
#define LOW_QUANTILE 0.25
/* The twin runs other copies of the same code at other places in memory, the same in every process
 * (address randomisation moves whole pages only), so no number of passes averages that out. Of
 * 232 cells of one run 5 came out 10 to 16 core cycles apart, in all their passes. */
#define PLACE_CYCLES 16
/* Within a process, copies of a stub may agree to a hundredth of a cycle and the target still be
 * another place: an empty function was seen 3 core cycles quicker than all copies of its stub, in
 * every process, as the predictor holds some branch at another level. */
#define STUB_CYCLES 4
/* Rungs overlap with the loop around them by parts of a cycle, alike in every process: a few
 * processes may agree to a hundredth of one and mean nothing by it. */
#define FLOOR_CYCLES      1
#define DEFAULT_RESAMPLES 200
#define MAX_VARIANTS      8
/* Total, parts, the three phases, an empty call and the overlap. */
#define QUANTITIES (1 + PROBE_MAX_PARTS + 3 + 2)

/* Per-rung estimates of one process (or of one resample of it). */
struct rungs {
	double ticks[PROBE_COLUMNS];
	double layout_var[PROBE_COLUMNS]; /* variance between copies of the stub */
	double copies[PROBE_COLUMNS];
};

/* The rounds of one process that count. */
struct chosen {
	const struct probe_round *rounds;
	unsigned *index;
	size_t n;
	unsigned contended, discarded;
	bool process_contended;
};

struct process {
	struct chosen hooked, bare;
	struct rungs rungs, bare_rungs;
};

/* One quantity's spread. */
struct spread {
	double *per_process; /* estimate of each process */
	double within_var;   /* mean over processes of the bootstrap variance */
};

const char *probe_rung_name(enum probe_rung rung)
{
	static const char *const names[PROBE_RUNG_COUNT] = {
		"empty",         "entry",          "invoke", "target",
		"real",          "side",           "pycall", "side-invoke",
		"callback-stub", "callback-empty", "fenced", "fenced-target"};
	return (unsigned)rung < PROBE_RUNG_COUNT ? names[rung] : "?";
}

static int choose(const struct probe_round *rounds, size_t n, double quiet_ratio,
		  struct chosen *out)
{
	*out = (struct chosen){.rounds = rounds};
	out->index = calloc(n ? n : 1, sizeof *out->index);
	if (!out->index)
		return -1;
	size_t usable = 0, quiet = 0;
	for (size_t i = 0; i < n; i++) {
		if (rounds[i].discarded) {
			out->discarded++;
			continue;
		}
		usable++;
		if (pb_quiet_round(&rounds[i], quiet_ratio))
			out->index[quiet++] = (unsigned)i;
	}
	out->contended = (unsigned)(usable - quiet);
	out->n = quiet;
	if (!pb_noise_contended(quiet, usable))
		return 0;
	/* Never quiet: all usable rounds, and the process says so. */
	out->process_contended = true;
	out->n = 0;
	for (size_t i = 0; i < n; i++)
		if (!rounds[i].discarded)
			out->index[out->n++] = (unsigned)i;
	return 0;
}

/* A low quantile of each copy of the stub, then the mean over copies: a copy's place in memory is a
 * bias within a process, so copies get equal weight. */
static void estimate(const struct chosen *c, const unsigned *index, unsigned rung_mask,
		     double *scratch, struct rungs *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned r = 0; r < PROBE_COLUMNS; r++) {
		if (!(rung_mask & (1u << r)))
			continue;
		double low[MAX_VARIANTS];
		size_t copies = 0;
		for (unsigned v = 0; v < MAX_VARIANTS; v++) {
			size_t n = 0;
			for (size_t i = 0; i < c->n; i++) {
				const struct probe_round *round = &c->rounds[index[i]];
				if (round->variant[r] == v && !isnan(round->ticks[r]))
					scratch[n++] = round->ticks[r];
			}
			if (n)
				low[copies++] = pb_quantile(scratch, n, LOW_QUANTILE);
		}
		double sd = pb_stddev(low, copies);
		out->ticks[r] = pb_mean(low, copies);
		out->layout_var[r] = sd * sd;
		out->copies[r] = (double)copies;
	}
}

static double apply(const struct pb_quantity *q, const struct rungs *r)
{
	double sum = 0;
	for (size_t i = 0; i < PROBE_COLUMNS; i++)
		if (q->coef[i] != 0)
			sum += q->coef[i] * r->ticks[i];
	return sum;
}

/* Bootstrap variance of a set of quantities over the rounds of one process, pairing kept. */
static int bootstrap(const struct chosen *c, unsigned rung_mask, const struct pb_quantity *const *q,
		     size_t n_q, unsigned resamples, uint64_t seed, double *var_out)
{
	unsigned *index = calloc(c->n, sizeof *index);
	double *scratch = calloc(c->n, sizeof *scratch);
	double *draws = calloc(n_q * resamples, sizeof *draws);
	int rc = index && scratch && draws ? 0 : -1;
	struct pb_rng rng = {seed};
	for (unsigned b = 0; rc == 0 && b < resamples; b++) {
		for (size_t i = 0; i < c->n; i++)
			index[i] = c->index[pb_rng_below(&rng, c->n)];
		struct rungs r;
		estimate(c, index, rung_mask, scratch, &r);
		for (size_t k = 0; k < n_q; k++)
			draws[k * resamples + b] = apply(q[k], &r);
	}
	for (size_t k = 0; rc == 0 && k < n_q; k++) {
		double sd = pb_stddev(&draws[k * resamples], resamples);
		var_out[k] = sd * sd;
	}
	free(index);
	free(scratch);
	free(draws);
	return rc;
}

/* Joins the three sources of uncertainty into a 95 % half width. */
static struct probe_value join(const double *per_process, size_t n, double within_var,
			       double layout_var, double floor_ticks)
{
	struct probe_value v = {.state = PROBE_EXACT, .ticks = pb_mean(per_process, n)};
	double within = 1.96 * sqrt(within_var / (double)n);
	double between = 0;
	if (n > 1)
		between = pb_t975((unsigned)n - 1) * pb_stddev(per_process, n) / sqrt((double)n);
	double sampling = between > within ? between : within;
	v.half = sqrt(sampling * sampling + 1.96 * 1.96 * layout_var);
	v.below_floor = v.ticks < (v.half > floor_ticks ? v.half : floor_ticks);
	return v;
}

static double mean_of(const struct chosen *c, size_t offset)
{
	double sum = 0;
	for (size_t i = 0; i < c->n; i++)
		sum += *(const double *)(const void *)((const char *)&c->rounds[c->index[i]] +
						       offset);
	return c->n ? sum / (double)c->n : NAN;
}

/* The chain's links take a core cycle each; NaN where there was no reference. */
static double ticks_per_cycle(const struct process *p)
{
	return mean_of(&p[0].hooked, offsetof(struct probe_round, chain_ticks));
}

/* The target's own place, where it is compared with copies of its stub. */
static double place_of(const double *coef, const struct rungs *rungs, enum probe_rung real,
		       enum probe_rung stub)
{
	if (coef[stub] == 0 || rungs->copies[stub] <= 1)
		return 0;
	return coef[real] * coef[real] * rungs->layout_var[stub];
}

/* Variance that the layout of stubs leaves in a quantity. Against the target's stub, whose copies
 * stand at several places, the target itself stands at one, which is as good or bad as any. */
static double layout_of(const struct pb_quantity *q, const struct process *p, size_t n)
{
	const double *coef = q->coef;
	/* fmax drops a NaN. */
	double sum = 0, place = fmax(0, STUB_CYCLES / 1.96 * ticks_per_cycle(p));
	for (size_t i = 0; i < n; i++) {
		const struct rungs *rungs = &p[i].rungs;
		bool stubbed = false;
		for (size_t r = 0; r < PROBE_COLUMNS; r++) {
			if (rungs->copies[r] <= 1 || coef[r] == 0)
				continue;
			sum += coef[r] * coef[r] * rungs->layout_var[r] / rungs->copies[r];
			stubbed = true;
		}
		sum += stubbed ? place * place : 0;
		sum += place_of(coef, rungs, PROBE_RUNG_REAL, PROBE_RUNG_TARGET);
		sum += place_of(coef, rungs, PROBE_RUNG_FENCED, PROBE_RUNG_FENCED_TARGET);
	}
	return sum / (double)n;
}

/* The quietest ratio that any one process supports; 0 = not known. */
static int quietest_ratio(const struct probe_process_samples *p, size_t n, double *best)
{
	*best = 0;
	for (size_t i = 0; i < n; i++) {
		double found;
		int rc = pb_quiet_ratio_of(p[i].rounds, p[i].round_count, &found);
		if (rc)
			return rc;
		if (found > 0 && (*best == 0 || found < *best))
			*best = found;
	}
	return 0;
}

static int load_process(const struct probe_process_samples *s, double quiet_ratio,
			struct process *out)
{
	size_t most = s->round_count > s->bare_count ? s->round_count : s->bare_count;
	double *scratch = calloc(most ? most : 1, sizeof *scratch);
	int rc = -1;
	if (scratch && choose(s->rounds, s->round_count, quiet_ratio, &out->hooked) == 0 &&
	    choose(s->bare, s->bare_count, quiet_ratio, &out->bare) == 0) {
		estimate(&out->hooked, out->hooked.index, s->rungs, scratch, &out->rungs);
		estimate(&out->bare, out->bare.index,
			 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL, scratch, &out->bare_rungs);
		rc = 0;
	}
	free(scratch);
	return rc;
}

static void fill_pass(struct probe_pass *pass, const struct process *p,
		      const struct pb_quantities *q, size_t rounds)
{
	pass->total = apply(&q->total, &p->rungs);
	pass->bare = p->bare.n ? apply(&q->total, &p->bare_rungs) : NAN;
	pass->empty_call = q->empty_call.mask ? apply(&q->empty_call, &p->rungs) : NAN;
	for (size_t k = 0; k < q->part_count; k++)
		pass->parts[k] = apply(&q->parts[k], &p->rungs);
	pass->chain_ticks = mean_of(&p->hooked, offsetof(struct probe_round, chain_ticks));
	pass->wide_ticks = mean_of(&p->hooked, offsetof(struct probe_round, wide_ticks));
	pass->rounds = (unsigned)rounds;
	pass->rounds_contended = p->hooked.contended;
	pass->rounds_discarded = p->hooked.discarded;
}

/* A list of all quantities, so that one bootstrap serves them all. */
static size_t list_all(const struct pb_quantities *q, const struct pb_quantity **out)
{
	size_t n = 0;
	out[n++] = &q->total;
	for (size_t k = 0; k < q->part_count; k++)
		out[n++] = &q->parts[k];
	for (size_t k = 0; k < q->folded_count; k++)
		out[n++] = &q->folded[k];
	if (q->empty_call.mask)
		out[n++] = &q->empty_call;
	if (q->overlap.mask)
		out[n++] = &q->overlap;
	return n;
}

static void doubt(struct probe_value *v, double ticks)
{
	v->half = hypot(v->half, ticks);
	v->below_floor = v->below_floor || v->ticks < v->half;
}

/* A systematic doubt between the parts in mask: it can't fall with more passes. */
static void add_doubt(struct probe_engine *out, unsigned mask, double ticks)
{
	for (size_t i = 0; i < out->part_count; i++)
		if (out->parts[i].mask & mask)
			doubt(&out->parts[i].value, ticks);
	/* Between the parts of one phase it cancels. */
	for (size_t i = 0; i < out->folded_count; i++)
		if ((out->folded[i].mask & mask) && (mask & ~out->folded[i].mask))
			doubt(&out->folded[i].value, ticks);
}

static int fill_values(struct probe_engine *out, const struct pb_quantities *q,
		       const struct process *p, size_t n, const double *within)
{
	double *per = calloc(n, sizeof *per);
	if (!per)
		return -1;
	const struct pb_quantity *all[QUANTITIES];
	size_t n_all = list_all(q, all);
	for (size_t k = 0; k < n_all; k++) {
		for (size_t i = 0; i < n; i++)
			per[i] = apply(all[k], &p[i].rungs);
		struct probe_value v =
			join(per, n, within[k], layout_of(all[k], p, n), out->floor_ticks);
		if (k == 0) {
			/* A whole call with a wide interval is uncertain, not below the floor. */
			v.below_floor = v.ticks < out->floor_ticks;
			out->total = v;
		} else if (k <= q->part_count)
			out->parts[k - 1] = (struct probe_part){all[k]->mask, v};
		else if (k <= q->part_count + q->folded_count)
			out->folded[k - 1 - q->part_count] = (struct probe_part){all[k]->mask, v};
		else if (all[k] == &q->overlap)
			out->overlap = v;
		else
			out->empty_call = v;
	}
	out->part_count = q->part_count;
	out->folded_count = q->folded_count;
	for (size_t i = 0; i < n; i++)
		per[i] = q->interaction.mask ? apply(&q->interaction, &p[i].rungs) : 0;
	add_doubt(out, q->interaction.mask, fabs(pb_mean(per, n)) / 2);
	free(per);
	return 0;
}

/* The uninstrumented total, and closure = bare - total, paired by pass. */
static int fill_bare(struct probe_engine *out, const struct pb_quantities *q,
		     const struct process *p, size_t n, const double *within, double total_within)
{
	double *bare = calloc(2 * n, sizeof *bare), *closure = calloc(n, sizeof *closure);
	bool *slow = calloc(n, sizeof *slow);
	size_t m = 0, k = 0, quiet = 0;
	double bare_within = 0;
	for (size_t i = 0; i < n; i++)
		quiet += p[i].bare.n && !p[i].bare.process_contended;
	for (size_t i = 0; bare && closure && slow && i < n; i++)
		if (p[i].bare.n)
			bare[k++] = apply(&q->total, &p[i].bare_rungs);
	if (bare && slow)
		pb_high_outliers(bare, k, bare + n, slow);
	k = 0;
	for (size_t i = 0; bare && closure && slow && i < n; i++) {
		if (!p[i].bare.n)
			continue;
		if (slow[k++] || (quiet && p[i].bare.process_contended))
			continue;
		bare[m] = apply(&q->total, &p[i].bare_rungs);
		closure[m++] = apply(&q->total, &p[i].bare_rungs) - apply(&q->total, &p[i].rungs);
		bare_within += within[i];
	}
	if (m) {
		bare_within /= (double)m;
		out->bare = join(bare, m, bare_within, 0, 0);
		out->closure = join(closure, m, bare_within + total_within, 0, 0);
		out->closure.half = hypot(out->closure.half, PLACE_CYCLES * ticks_per_cycle(p));
		out->closure.below_floor = fabs(out->closure.ticks) <= out->closure.half;
	}
	int rc = bare && closure && slow ? 0 : -1;
	free(slow);
	free(bare);
	free(closure);
	return rc;
}

/* What this cell can't resolve: a counter step spread over a round, the spread of stub copies, or a
 * core cycle. */
static double floor_of(const struct process *p, size_t n, unsigned rungs, double granularity,
		       uint64_t calls)
{
	double step = calls ? granularity / (double)calls : granularity;
	double var = 0;
	if (rungs & (1u << PROBE_RUNG_TARGET))
		for (size_t i = 0; i < n; i++)
			var += p[i].rungs.layout_var[PROBE_RUNG_TARGET] / (double)n;
	/* fmax drops a NaN. */
	return fmax(fmax(step, sqrt(var)), FLOOR_CYCLES * ticks_per_cycle(p));
}

static int analyse_loaded(const struct probe_process_samples *samples, struct process *p, size_t n,
			  const struct pb_quantities *q, const struct probe_ladder_options *o,
			  struct probe_engine *out)
{
	const struct pb_quantity *all[QUANTITIES];
	size_t n_all = list_all(q, all);
	double within[QUANTITIES] = {0};
	double *bare_within = calloc(n, sizeof *bare_within);
	unsigned resamples = o->resamples ? o->resamples : DEFAULT_RESAMPLES;
	int rc = bare_within ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		double var[QUANTITIES];
		const struct pb_quantity *total = &q->total;
		rc = bootstrap(&p[i].hooked, samples[i].rungs, all, n_all, resamples, o->seed + i,
			       var);
		for (size_t k = 0; rc == 0 && k < n_all; k++)
			within[k] += var[k] / (double)n;
		if (rc == 0 && p[i].bare.n)
			rc = bootstrap(&p[i].bare, 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL,
				       &total, 1, resamples, o->seed + i, &bare_within[i]);
	}
	out->passes = calloc(n, sizeof *out->passes);
	if (rc == 0 && out->passes) {
		out->floor_ticks = floor_of(p, n, samples[0].rungs, o->granularity_ticks,
					    samples[0].calls_per_round);
		rc = fill_values(out, q, p, n, within);
	}
	if (rc == 0 && out->passes) {
		rc = fill_bare(out, q, p, n, bare_within, within[0]);
	}
	for (size_t i = 0; rc == 0 && out->passes && i < n; i++) {
		fill_pass(&out->passes[i], &p[i], q, samples[i].round_count);
		out->pass_count = i + 1;
		out->rounds += samples[i].round_count;
		out->rounds_contended += p[i].hooked.contended;
		out->rounds_discarded += p[i].hooked.discarded;
	}
	free(bare_within);
	return rc == 0 && out->passes ? 0 : -1;
}

static void release(struct process *p)
{
	free(p->hooked.index);
	free(p->bare.index);
	*p = (struct process){0};
}

/* Drops the marked processes; their rounds stay counted, as contended. */
static size_t set_aside(struct process *p, struct probe_process_samples *used, const bool *drop,
			size_t n, struct probe_engine *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (!drop[i]) {
			used[kept] = used[i];
			struct process moved = p[i];
			p[i] = (struct process){0};
			p[kept++] = moved;
			continue;
		}
		out->rounds += used[i].round_count;
		out->rounds_discarded += p[i].hooked.discarded;
		out->rounds_contended += used[i].round_count - p[i].hooked.discarded;
		release(&p[i]);
	}
	return kept;
}

/* Processes that never were quiet give way to those that were; then those that a neighbour slowed
 * from beginning to end, unseen by the reference, to the others. Returns how many are left. */
static int set_aside_slow(struct process *p, struct probe_process_samples *used, size_t n,
			  size_t quiet, const struct pb_quantity *total, struct probe_engine *out)
{
	bool *drop = calloc(n, sizeof *drop);
	double *totals = calloc(2 * n, sizeof *totals);
	if (drop && totals && quiet >= MIN_QUIET_PROCESSES) {
		for (size_t i = 0; i < n; i++)
			drop[i] = p[i].hooked.process_contended;
		n = set_aside(p, used, drop, n, out);
	}
	if (drop && totals) {
		for (size_t i = 0; i < n; i++)
			totals[i] = apply(total, &p[i].rungs);
		pb_high_outliers(totals, n, totals + n, drop);
		n = set_aside(p, used, drop, n, out);
	}
	int rc = drop && totals ? (int)n : -1;
	free(drop);
	free(totals);
	return rc;
}

int pb_analyse(const struct probe_process_samples *processes, size_t n,
	       const struct pb_quantities *quantities, const struct probe_ladder_options *options,
	       struct probe_engine *out, struct probe_error *err)
{
	memset(out, 0, sizeof *out);
	double quiet = 0;
	struct process *p = calloc(n ? n : 1, sizeof *p);
	struct probe_process_samples *used = calloc(n ? n : 1, sizeof *used);
	int rc = 0;
	size_t m = 0, quiet_processes = 0;

	if (!p || !used || quietest_ratio(processes, n, &quiet)) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to analyse %zu processes", n);
		goto out;
	}
	quiet = pb_noise_choose(quiet, options->quiet_ratio);
	for (size_t i = 0; i < n; i++) {
		if (load_process(&processes[i], quiet, &p[m])) {
			rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to analyse a process");
			goto out;
		}
		used[m] = processes[i];
		if (p[m].hooked.n) {
			quiet_processes += !p[m].hooked.process_contended;
			m++;
		} else {
			out->rounds += processes[i].round_count;
			out->rounds_discarded += p[m].hooked.discarded;
			release(&p[m]);
		}
	}
	int left = m ? set_aside_slow(p, used, m, quiet_processes, &quantities->total, out) : 0;
	if (left < 0) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to analyse %zu processes", m);
		goto out;
	}
	m = (size_t)left;
	if (m == 0) {
		rc = pb_fail(err, PROBE_EINVAL, 0,
			     "no usable round: every one had a context switch or migration");
		goto out;
	}
	if (analyse_loaded(used, p, m, quantities, options, out)) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to analyse %zu processes", m);
		goto out;
	}
	pb_alone_sum_up(used, m, out);
	out->present = true;
	out->calls_per_round = used[0].calls_per_round;
	out->contended = quiet_processes < MIN_QUIET_PROCESSES && quiet_processes < m;
out:
	for (size_t i = 0; p && i < n; i++)
		release(&p[i]);
	free(p);
	free(used);
	return rc;
}

/* The rungs that a process has readings of; 0 when none of its rounds is of use. */
static unsigned rungs_read(const struct probe_process_samples *s)
{
	unsigned read = 0;
	for (size_t i = 0; i < s->round_count; i++)
		for (unsigned r = 0; r < PROBE_COLUMNS && !s->rounds[i].discarded; r++)
			read |= isnan(s->rounds[i].ticks[r]) ? 0 : 1u << r;
	return read & s->rungs;
}

int probe_ladder_analyse(const struct probe_process_samples *processes, size_t n,
			 const struct probe_ladder_options *options, struct probe_engine *out,
			 struct probe_error *err)
{
	/* A rung that one process could not reach is not a rung of the cell. */
	unsigned rungs = ~0u, subphases = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned read = rungs_read(&processes[i]);
		rungs &= read ? read : rungs;
		subphases |= processes[i].subphases;
	}
	struct pb_quantities q = pb_quantities_of(rungs, subphases, options->pure_python);
	return pb_analyse(processes, n, &q, options, out, err);
}
