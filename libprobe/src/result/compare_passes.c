/* SPDX-License-Identifier: MIT
 * The passes of a run as a sample: which of them count, and what two samples' difference is worth.
 *
 * Each pass is a fresh process. A neighbour that shares caches and memory, but not the core, slows
 * some of them down and the noise reference does not see it: of 300 passes of one call on a busy
 * virtual machine 15 % were over 1 % slower than the others, up to 10 %, and the others lay within
 * 0.5 % of one another.
 */
#include <math.h>
#include <stdlib.h>

#include "result/compare_parts.h"
#include "stats/stats.h"

#define FEWEST 3
/* Scaled median absolute deviations above the median: one pass of some thousands by chance. */
#define FAR 3.5
/* And at least this share of the call: below it a slow pass changes no verdict. */
#define FAR_SHARE 0.01

/* A figure in one pass; parts that a folded part holds add up. */
static double in_pass(const struct probe_engine *e, unsigned mask, size_t pass)
{
	unsigned members = probe_fold_members(mask);
	double sum = 0;

	if (mask == PROBE_MASK_ALL)
		return e->passes[pass].total;
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask & members)
			sum += e->passes[pass].parts[i];
	return sum;
}

/* Unmarks the passes in which this figure is far above the others. scratch: room for as many. */
static void leave_out(const struct probe_engine *e, unsigned mask, double *scratch, bool *kept)
{
	size_t n = e->pass_count;
	double median, far;

	for (size_t i = 0; i < n; i++)
		scratch[i] = in_pass(e, mask, i);
	median = pb_median(scratch, n);
	for (size_t i = 0; i < n; i++)
		scratch[i] = fabs(in_pass(e, mask, i) - median);
	far = fmax(FAR * 1.4826 * pb_median(scratch, n), FAR_SHARE * fabs(e->total.ticks));
	for (size_t i = 0; i < n; i++)
		if (in_pass(e, mask, i) - median > far)
			kept[i] = false;
}

int pb_passes_choose(const struct probe_engine *e, bool **kept)
{
	size_t n = e->pass_count, left_out = 0;
	double *scratch;

	*kept = NULL;
	for (size_t i = 0; i < n; i++)
		if (!isfinite(in_pass(e, PROBE_MASK_ALL, i)))
			return 0;
	if (n < FEWEST)
		return 0;
	scratch = calloc(n, sizeof *scratch);
	*kept = malloc(n * sizeof **kept);
	if (!scratch || !*kept) {
		free(scratch);
		free(*kept);
		*kept = NULL;
		return -PROBE_ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		(*kept)[i] = true;
	leave_out(e, PROBE_MASK_ALL, scratch, *kept);
	for (size_t i = 0; i < e->folded_count; i++)
		leave_out(e, e->folded[i].mask, scratch, *kept);
	free(scratch);
	for (size_t i = 0; i < n; i++)
		left_out += !(*kept)[i];
	/* So many are no exceptions: then the spread of them all tells. */
	if (2 * left_out > n || n - left_out < FEWEST) {
		for (size_t i = 0; i < n; i++)
			(*kept)[i] = true;
		left_out = 0;
	}
	return (int)left_out;
}

struct moments {
	double mean, sd;
	size_t n;
};

static struct moments moments_of(const struct probe_engine *e, unsigned mask, const bool *kept)
{
	struct moments m = {0};
	double squares = 0;

	for (size_t i = 0; i < e->pass_count; i++) {
		if (kept && !kept[i])
			continue;
		m.mean += in_pass(e, mask, i);
		m.n++;
	}
	m.mean /= (double)(m.n ? m.n : 1);
	for (size_t i = 0; i < e->pass_count; i++)
		if (!kept || kept[i])
			squares += pow(in_pass(e, mask, i) - m.mean, 2);
	m.sd = m.n > 1 ? sqrt(squares / (double)(m.n - 1)) : 0;
	return m;
}

struct pb_sample pb_sample_of(const struct probe_engine *e, const struct probe_value *value,
			      unsigned mask, const bool *kept, double ns_per_tick)
{
	struct pb_sample s = {.present = value->state != PROBE_ABSENT && isfinite(value->ticks)};
	struct moments all, chosen;
	double between;

	if (!s.present)
		return s;
	s.ns = value->ticks * ns_per_tick;
	s.rest_ns = value->half * ns_per_tick;
	if (!kept)
		return s;
	all = moments_of(e, mask, NULL);
	chosen = moments_of(e, mask, kept);
	/* What the passes show is judged anew; what else the interval holds stays. */
	between = pb_t975((unsigned)all.n - 1) * all.sd / sqrt((double)all.n);
	s.rest_ns = sqrt(fmax(0, value->half * value->half - between * between)) * ns_per_tick;
	s.ns += (chosen.mean - all.mean) * ns_per_tick;
	s.sd_ns = chosen.sd * ns_per_tick;
	s.passes = chosen.n;
	return s;
}

/* Both runs' passes scatter alike when nothing but their place changed, so that what one knows of
 * the scatter serves the other: a pooled t-test. */
double pb_samples_half(const struct pb_sample *a, const struct pb_sample *b, double p)
{
	double normal = pb_student(p, 1u << 20);
	double rest = normal / pb_student(0.05, 1u << 20) * hypot(a->rest_ns, b->rest_ns);
	double na = (double)a->passes, nb = (double)b->passes, pooled, error;

	if (a->passes < 2 || b->passes < 2)
		return rest;
	pooled = ((na - 1) * a->sd_ns * a->sd_ns + (nb - 1) * b->sd_ns * b->sd_ns) / (na + nb - 2);
	error = sqrt(pooled * (1 / na + 1 / nb));
	return hypot(rest, pb_student(p, (unsigned)(a->passes + b->passes - 2)) * error);
}
