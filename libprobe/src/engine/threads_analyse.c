/* SPDX-License-Identifier: MIT
 * From windows of threads to figures: rates, paired ratios, phases and what they grew by.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "engine/threads.h"
#include "stats/stats.h"

/* With fewer windows that were not contended, a process counts as contended. */
#define QUIET_WINDOWS 3

/* --- one window ------------------------------------------------------------------------------- */

/* Calls done at a time, linear between the marks around it. */
static double calls_at(const struct pb_marks *m, double at_s)
{
	for (size_t i = 1; i < m->count; i++) {
		const struct pb_mark *a = &m->marks[i - 1], *b = &m->marks[i];
		if (at_s > b->at_s)
			continue;
		double span_s = b->at_s - a->at_s;
		double part = span_s > 0 ? (at_s - a->at_s) / span_s : 1;
		return (double)a->calls + part * (double)(b->calls - a->calls);
	}
	return m->count ? (double)m->marks[m->count - 1].calls : 0;
}

double pb_threads_rate(const struct pb_marks *threads, size_t n)
{
	double begin_s = -INFINITY, end_s = INFINITY, calls = 0;
	for (size_t i = 0; i < n; i++) {
		if (threads[i].count < 2)
			return NAN;
		begin_s = fmax(begin_s, threads[i].marks[0].at_s);
		end_s = fmin(end_s, threads[i].marks[threads[i].count - 1].at_s);
	}
	if (!n || !(end_s > begin_s))
		return NAN;
	for (size_t i = 0; i < n; i++)
		calls += calls_at(&threads[i], end_s) - calls_at(&threads[i], begin_s);
	return calls / (end_s - begin_s);
}

/* --- all processes ---------------------------------------------------------------------------- */

/* One figure in one round; NaN where the round has it not. */
typedef double in_round(const struct pb_threads_samples *s, const struct pb_threads_round *r,
			size_t which, size_t part);

struct figure {
	in_round *in_round;
	size_t part;
	/* The windows that it is from. */
	unsigned delays; /* bits 1 << PB_DELAY_* */
	bool paired;     /* those of one thread, too */
};

static double rate_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
		      size_t which, size_t part)
{
	(void)s, (void)part;
	return r->at[which].calls_per_s;
}

static double scaling_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
			 size_t which, size_t part)
{
	(void)s, (void)part;
	return r->at[which].calls_per_s / r->at[0].calls_per_s;
}

static double cores_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
		       size_t which, size_t part)
{
	(void)s, (void)part;
	return r->at[which].control_per_s / r->at[0].control_per_s;
}

static double call_ns_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
			 size_t which, size_t part)
{
	(void)part;
	return 1e9 * s->counts[which] / r->at[which].calls_per_s - r->empty_ns;
}

static double raw_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
		     size_t which, size_t part)
{
	(void)s;
	return r->at[which].parts_ns[part];
}

static double grown_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
		       size_t which, size_t part)
{
	(void)s;
	return r->at[which].parts_ns[part] - r->at[0].parts_ns[part];
}

/* What the stamps of one call cost where nobody waits: with one thread, less the plain call. */
static double stamps_in(const struct pb_threads_samples *s, const struct pb_threads_round *r,
			size_t which, size_t part)
{
	double sum = 0;
	(void)which, (void)part;
	for (size_t i = 0; i < s->shape.part_count; i++)
		sum += r->at[0].parts_ns[i];
	return sum - 1e9 / r->at[0].calls_per_s;
}

static const unsigned plain = 1u << PB_DELAY_PLAIN, stamped = 1u << PB_DELAY_STAMPED,
		      control = 1u << PB_DELAY_CONTROL;

static const struct figure ratios[] = {
	{rate_in, 0, plain, false},
	{scaling_in, 0, plain, true},
	{cores_in, 0, control, true},
};

static bool window_is_quiet(const struct pb_threads_window *w, unsigned delays)
{
	for (unsigned d = 0; d < PB_DELAYS; d++)
		if (delays & 1u << d && w->delayed[d] > PB_THREADS_DELAYED)
			return false;
	return true;
}

/* The figure's values in the rounds that count; returns their number. */
static size_t collect(const struct pb_threads_samples *s, const struct figure *f, size_t which,
		      bool quiet, double *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s->round_count; i++) {
		const struct pb_threads_round *r = &s->rounds[i];
		double value = f->in_round(s, r, which, f->part);
		if (quiet && (!window_is_quiet(&r->at[which], f->delays) ||
			      (f->paired && !window_is_quiet(&r->at[0], f->delays))))
			continue;
		if (isfinite(value))
			out[n++] = value;
	}
	return n;
}

/* Median over a process's rounds, and its standard error; NaN where no round has the figure. */
static double of_process(const struct pb_threads_samples *s, const struct figure *f, size_t which,
			 double *scratch, double *error, bool *contended)
{
	size_t n = collect(s, f, which, true, scratch);
	*contended = n < QUIET_WINDOWS;
	if (*contended)
		n = collect(s, f, which, false, scratch);
	/* By the quartiles, as one window that was taken away from us says nothing. */
	double spread = n > 3 ? pb_quantile(scratch, n, 0.75) - pb_quantile(scratch, n, 0.25)
			      : pb_stddev(scratch, n) * 1.349;
	*error = n ? 1.2533 * spread / 1.349 / sqrt((double)n) : (double)NAN;
	return pb_median(scratch, n);
}

static bool same_shape(const struct pb_threads_samples *a, const struct pb_threads_samples *b)
{
	if (a->shape.part_count != b->shape.part_count)
		return false;
	for (size_t i = 0; i < a->shape.part_count; i++)
		if (a->shape.masks[i] != b->shape.masks[i])
			return false;
	return true;
}

struct estimator {
	const struct pb_threads_samples *processes;
	size_t n, which;
	double *scratch, *values;
};

/* Mean over processes; half of the 95 % interval joins what they differ by and what their windows
 * do. Contended processes give way to others. Both are NaN where no process has the figure.
 * Returns whether all were contended. */
static bool estimate(const struct estimator *e, const struct figure *f, double *mean, double *half)
{
	double errors = 0, error;
	size_t m = 0;
	bool quiet = false, contended;
	for (int pass = 0; pass < 2 && !quiet; pass++) {
		for (size_t i = 0; i < e->n; i++) {
			if (f->delays & stamped && !same_shape(&e->processes[i], &e->processes[0]))
				continue;
			double value = of_process(&e->processes[i], f, e->which, e->scratch, &error,
						  &contended);
			if (!isfinite(value) || (!pass && contended))
				continue;
			e->values[m++] = value;
			errors += error * error;
		}
		quiet = !pass && m;
	}
	*mean = m ? pb_mean(e->values, m) : (double)NAN;
	double within = m ? 1.96 * sqrt(errors) / (double)m : (double)NAN, between = 0;
	if (m > 1)
		between = pb_t975((unsigned)m - 1) * pb_stddev(e->values, m) / sqrt((double)m);
	*half = fmax(within, between);
	return !quiet;
}

static double empty_ns_of(const struct estimator *e)
{
	const struct pb_threads_samples *s = &e->processes[0];
	size_t n = 0;
	for (size_t i = 0; i < s->round_count; i++)
		if (isfinite(s->rounds[i].empty_ns))
			e->scratch[n++] = s->rounds[i].empty_ns;
	return pb_median(e->scratch, n);
}

static void fill_phases(const struct estimator *e, struct probe_threaded *out)
{
	const struct probe_timeline_shape *shape = &e->processes[0].shape;
	const unsigned loop = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN);
	const struct figure stamps = {stamps_in, 0, plain | stamped, true};
	double empty_ns = empty_ns_of(e), half;
	if (!shape->part_count)
		return;
	estimate(e, &stamps, &out->stamps_ns, &half);
	/* How one stamp's cost splits between its neighbours is not known: half at either end. */
	double split = fabs(out->stamps_ns) / (double)shape->stretch_count;
	for (size_t i = 0; i < shape->part_count; i++) {
		struct probe_threaded_phase *p = &out->phases[out->phase_count++];
		const struct figure raw = {raw_in, i, stamped, false};
		const struct figure grown = {grown_in, i, stamped, true};
		*p = (struct probe_threaded_phase){.mask = shape->masks[i]};
		estimate(e, &raw, &p->ns, &p->half_ns);
		estimate(e, &grown, &p->grown_ns, &p->grown_half_ns);
		p->ns -= shape->weights[i] * out->stamps_ns + (p->mask & loop ? empty_ns : 0);
		p->half_ns = hypot(p->half_ns, split);
	}
}

static int fill_passes(const struct estimator *e, struct probe_threaded *out)
{
	bool contended;
	double error;
	out->passes = calloc(e->n ? e->n : 1, sizeof *out->passes);
	if (!out->passes)
		return -1;
	for (size_t i = 0; i < e->n; i++) {
		const struct pb_threads_samples *s = &e->processes[i];
		double *of[] = {&out->passes[i].calls_per_s, &out->passes[i].scaling,
				&out->passes[i].cores};
		for (size_t k = 0; k < 3; k++)
			*of[k] =
				of_process(s, &ratios[k], e->which, e->scratch, &error, &contended);
		out->pass_count = i + 1;
	}
	return 0;
}

int pb_threads_analyse(const struct pb_threads_samples *processes, size_t n, size_t which,
		       struct probe_threaded *out, struct probe_error *err)
{
	const struct figure call = {call_ns_in, 0, plain, false};
	struct estimator e = {.processes = processes, .n = n, .which = which};
	size_t most = 1;
	int rc = 0;
	out->phase_count = out->pass_count = 0;
	out->passes = NULL;
	out->stamps_ns = NAN;
	for (size_t i = 0; i < n; i++)
		most = processes[i].round_count > most ? processes[i].round_count : most;
	e.scratch = calloc(most, sizeof *e.scratch);
	e.values = calloc(n ? n : 1, sizeof *e.values);
	if (!e.scratch || !e.values || fill_passes(&e, out)) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "no memory to analyse %zu processes", n);
		goto out;
	}
	out->contended = estimate(&e, &ratios[0], &out->calls_per_s, &out->calls_per_s_half);
	out->contended |= estimate(&e, &ratios[1], &out->scaling, &out->scaling_half);
	estimate(&e, &ratios[2], &out->cores, &out->cores_half);
	estimate(&e, &call, &out->call_ns, &out->call_ns_half);
	if (n)
		fill_phases(&e, out);
	if (!isfinite(out->calls_per_s))
		rc = pb_fail(err, PROBE_EINVAL, 0, "no window in which all threads ran");
out:
	free(e.scratch);
	free(e.values);
	return rc;
}
