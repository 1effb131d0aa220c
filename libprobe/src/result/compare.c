/* SPDX-License-Identifier: MIT
 * Two runs side by side (compare.h says by which rule a change is one).
 */
#include "probe/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "probe/builds.h"
#include "probe/figures.h"
#include "result/compare_cells.h"
#include "result/compare_parts.h"

/* Over all figures of one comparison, of the test alone; the band stands beside it. */
static const double false_alarms = 0.01;

struct judge {
	double a_ns_per_tick, b_ns_per_tick, band;
	double level;                /* false alarms that the test of one figure may give */
	unsigned a_passes, b_passes; /* that were asked for; 0 = not known */
	bool oom;
};

/* One cell in both runs, and the passes of each that count. */
struct sides {
	const struct probe_engine *a, *b;
	bool *a_kept, *b_kept; /* NULL = too few to choose from */
};

static void choose_passes(struct sides *sides, struct probe_cell_change *out, struct judge *judge)
{
	int a = pb_passes_choose(sides->a, &sides->a_kept);
	int b = pb_passes_choose(sides->b, &sides->b_kept);

	judge->oom = judge->oom || a < 0 || b < 0;
	out->passes_a = sides->a->pass_count;
	out->passes_b = sides->b->pass_count;
	out->slow_a = a > 0 ? (size_t)a : 0;
	out->slow_b = b > 0 ? (size_t)b : 0;
}

static struct probe_change change_of(const struct sides *sides, const struct probe_value *a,
				     const struct probe_value *b, unsigned mask,
				     const struct judge *judge, double total_ns, bool contended)
{
	struct probe_change c = {.mask = mask, .verdict = PROBE_CHANGE_UNKNOWN};
	struct pb_sample was = pb_sample_of(sides->a, a, mask, sides->a_kept, judge->a_ns_per_tick);
	struct pb_sample is = pb_sample_of(sides->b, b, mask, sides->b_kept, judge->b_ns_per_tick);
	bool both = was.present && is.present;

	c.a_ns = was.present ? was.ns : NAN;
	c.b_ns = is.present ? is.ns : NAN;
	c.delta_ns = c.b_ns - c.a_ns;
	c.half_ns = both ? pb_samples_half(&was, &is, 0.05) : NAN;
	if (!both || contended)
		return c;
	total_ns = isfinite(total_ns) ? total_ns : c.a_ns;
	if (fabs(c.delta_ns) <= pb_samples_half(&was, &is, judge->level) ||
	    fabs(c.delta_ns) <= judge->band * total_ns ||
	    fabs(c.delta_ns) <= PROBE_COMPARE_TICKS * judge->a_ns_per_tick)
		c.verdict = PROBE_CHANGE_NONE;
	else
		c.verdict = c.delta_ns > 0 ? PROBE_CHANGE_SLOWER : PROBE_CHANGE_FASTER;
	return c;
}

/* Slow passes can be told from the others where these are the more: passes that never were quiet
 * are not in the run file, and when half of them are not, the rest is not to be trusted either. */
static bool hardly_quiet(const struct probe_engine *e, unsigned passes)
{
	return 2 * e->pass_count < passes;
}

static const struct probe_part *same_part(const struct probe_engine *e, unsigned mask)
{
	for (size_t i = 0; i < e->folded_count; i++)
		if (e->folded[i].mask == mask)
			return &e->folded[i];
	return NULL;
}

static void fill_cell(struct probe_cell_change *out, const struct probe_cell *a,
		      const struct probe_engine *ea, const struct probe_engine *eb,
		      struct judge *judge)
{
	struct sides sides = {.a = ea, .b = eb};

	*out = (struct probe_cell_change){
		.workload = a->workload,
		.path = a->path,
		.interpreter = a->interpreter,
		.moved = -1,
		.contended = ea->contended || eb->contended || hardly_quiet(ea, judge->a_passes) ||
			     hardly_quiet(eb, judge->b_passes),
	};
	choose_passes(&sides, out, judge);
	out->total = change_of(&sides, &ea->total, &eb->total, PROBE_MASK_ALL, judge, NAN,
			       out->contended);
	for (size_t i = 0; i < ea->folded_count && out->phase_count < PROBE_MAX_CHANGES; i++) {
		const struct probe_part *other = same_part(eb, ea->folded[i].mask);
		if (!other) {
			out->only_totals = true;
			continue;
		}
		struct probe_change *c = &out->phases[out->phase_count++];
		*c = change_of(&sides, &ea->folded[i].value, &other->value, other->mask, judge,
			       out->total.a_ns, out->contended);
		bool counts =
			c->verdict == PROBE_CHANGE_SLOWER || c->verdict == PROBE_CHANGE_FASTER;
		if (counts &&
		    (out->moved < 0 || fabs(c->delta_ns) > fabs(out->phases[out->moved].delta_ns)))
			out->moved = (int)out->phase_count - 1;
	}
	free(sides.a_kept);
	free(sides.b_kept);
}

static const struct probe_engine *measured(const struct probe_cell *cell)
{
	return cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;
}

static double level_of(size_t figures)
{
	return false_alarms / (double)(figures ? figures : 1);
}

static double square(double x)
{
	return x * x;
}

/* Joins the phases of a copy of an engine so that none crosses a border of masks (disjoint). */
static void join_phases(struct probe_engine *e, const unsigned *masks, size_t n)
{
	struct probe_part joined[3] = {0};
	size_t count = 0;
	for (size_t m = 0; m < n && e->folded_count; m++) {
		struct probe_part *part = &joined[count];
		*part = (struct probe_part){.mask = masks[m]};
		for (size_t i = 0; i < e->folded_count; i++) {
			const struct probe_value *v = &e->folded[i].value;
			if (!(e->folded[i].mask & masks[m]))
				continue;
			part->value.ticks += v->ticks;
			part->value.half += square(v->half);
			part->value.state =
				v->state > part->value.state ? v->state : part->value.state;
		}
		part->value.half = sqrt(part->value.half);
		count += part->value.state != PROBE_ABSENT;
	}
	memcpy(e->folded, joined, sizeof joined);
	e->folded_count = count;
}

/* The finest sets of phases that both engines tell apart. */
static size_t common_masks(const struct probe_engine *a, const struct probe_engine *b,
			   unsigned masks[6])
{
	size_t n = 0;
	for (size_t i = 0; i < a->folded_count; i++)
		masks[n++] = a->folded[i].mask;
	for (size_t i = 0; i < b->folded_count; i++)
		masks[n++] = b->folded[i].mask;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++) {
			if (!(masks[i] & masks[k]))
				continue;
			masks[i] |= masks[k];
			masks[k] = masks[--n];
			k = i; /* what was apart from both may meet their union */
		}
	return n;
}

void pb_compare_cells(const struct probe_cell *a, const struct probe_cell *b, double hz,
		      size_t figures, struct probe_cell_change *out)
{
	double ns_per_tick = hz > 0 ? 1e9 / hz : 1;
	struct judge judge = {.a_ns_per_tick = ns_per_tick,
			      .b_ns_per_tick = ns_per_tick,
			      .band = PROBE_COMPARE_BAND,
			      .level = level_of(figures)};
	struct probe_engine left = *probe_cell_engine(a), right = *probe_cell_engine(b);
	unsigned masks[6];
	size_t n = common_masks(&left, &right, masks);
	join_phases(&left, masks, n);
	join_phases(&right, masks, n);
	fill_cell(out, a, &left, &right, &judge);
}

/* What the other run measured for the same cell. */
static const struct probe_engine *partner(const struct probe_run *other,
					  const struct probe_cell *cell)
{
	return measured(probe_run_find_cell(other, cell->workload, cell->path, cell->interpreter));
}

/* Pairs up the cells of both runs; counts those without a partner. */
static size_t pair_up(struct probe_comparison *c, const struct probe_run *a,
		      const struct probe_run *b, struct judge *judge)
{
	size_t figures = 0;
	c->cell_count = c->only_a = c->only_b = c->passes = c->slow_passes = 0;
	for (size_t i = 0; i < b->cell_count; i++)
		c->only_b += measured(&b->cells[i]) && !partner(a, &b->cells[i]);
	for (size_t i = 0; i < a->cell_count; i++) {
		const struct probe_cell *cell = &a->cells[i];
		const struct probe_engine *ea = measured(cell);
		const struct probe_engine *eb = partner(b, cell);
		if (ea && !eb)
			c->only_a++;
		if (!ea || !eb)
			continue;
		fill_cell(&c->cells[c->cell_count], cell, ea, eb, judge);
		c->passes += c->cells[c->cell_count].passes_a + c->cells[c->cell_count].passes_b;
		c->slow_passes += c->cells[c->cell_count].slow_a + c->cells[c->cell_count].slow_b;
		figures += 1 + c->cells[c->cell_count++].phase_count;
	}
	return figures;
}

static int add_unlike(struct probe_comparison *c, const char *what, const char *a, const char *b)
{
	char **grown = reallocarray(c->unlike, c->unlike_count + 2, sizeof *grown);
	char *text = NULL;
	if (!grown)
		return -PROBE_ENOMEM;
	c->unlike = grown;
	if (asprintf(&text, "%s: %s, then %s", what, a && *a ? a : "unknown",
		     b && *b ? b : "unknown") < 0)
		return -PROBE_ENOMEM;
	c->unlike[c->unlike_count++] = text;
	c->unlike[c->unlike_count] = NULL;
	return 0;
}

static int differ(struct probe_comparison *c, const char *what, const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") ? add_unlike(c, what, a, b) : 0;
}

static int find_unlike(struct probe_comparison *c, const struct probe_run *a,
		       const struct probe_run *b)
{
	static const char *const facts[] = {"cpu_model", "platform", "hypervisor", "option.preset",
					    "option.engines"};
	int rc = differ(c, "version of probe", a->probe_version, b->probe_version);
	for (size_t i = 0; i < sizeof facts / sizeof facts[0] && !rc; i++)
		rc = differ(c, facts[i], probe_run_fact(a, facts[i]), probe_run_fact(b, facts[i]));
	for (size_t i = 0; i < a->interpreter_count && !rc; i++) {
		const struct probe_interpreter *x = &a->interpreters[i];
		const struct probe_interpreter *y = probe_run_find_interpreter(b, x->label);
		struct probe_build_difference d[PROBE_MAX_BUILD_DIFFERENCES];
		size_t n = y ? probe_builds_differ(x, y, d) : 0;
		for (size_t k = 0; k < n && !rc; k++) {
			char what[128];
			snprintf(what, sizeof what, "%s of %s", d[k].what, x->label);
			rc = add_unlike(c, what, d[k].a, d[k].b);
		}
		/* Where the facts are the same, the rest may still not be. */
		if (y && !rc && !n && x->config_args && y->config_args &&
		    strcmp(x->config_args, y->config_args))
			rc = add_unlike(c, x->label, x->config_args, y->config_args);
	}
	for (size_t i = 0; i < a->fact_count && !rc; i++) {
		const char *other;
		if (strncmp(a->facts[i].key, "package.", 8))
			continue;
		other = probe_run_fact(b, a->facts[i].key);
		if (other)
			rc = differ(c, a->facts[i].key, a->facts[i].value, other);
	}
	return rc;
}

static double geometric_mean(const struct probe_comparison *c)
{
	double sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < c->cell_count; i++) {
		const struct probe_change *t = &c->cells[i].total;
		if (!(t->a_ns > 0) || !(t->b_ns > 0))
			continue;
		sum += log(t->b_ns / t->a_ns);
		n++;
	}
	return n ? exp(sum / (double)n) : NAN;
}

int probe_compare(const struct probe_run *a, const struct probe_run *b, double band,
		  struct probe_comparison **out, struct probe_error *err)
{
	*out = NULL;
	if (strcmp(a->counter.kind, b->counter.kind))
		return pb_fail(
			err, PROBE_EINVAL, 0,
			"the runs used different counters (%s and %s): measure both with one",
			a->counter.kind, b->counter.kind);
	if (!(a->counter.hz > 0) || !(b->counter.hz > 0))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "a run does not say its counter's frequency: measure it again");
	struct probe_comparison *c = calloc(1, sizeof *c);
	if (c)
		c->cells = calloc(a->cell_count + 1, sizeof *c->cells);
	if (!c || !c->cells) {
		probe_comparison_free(c);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	struct judge judge = {.a_ns_per_tick = 1e9 / a->counter.hz,
			      .b_ns_per_tick = 1e9 / b->counter.hz,
			      .a_passes = a->interrupted ? 0 : a->passes,
			      .b_passes = b->interrupted ? 0 : b->passes,
			      .band = band < 0 ? PROBE_COMPARE_BAND : band,
			      .level = false_alarms};
	/* Twice: the level of the test depends on how many figures there are. */
	size_t figures = pair_up(c, a, b, &judge);
	judge.level = level_of(figures);
	pair_up(c, a, b, &judge);
	c->band = judge.band;
	c->geometric_mean = geometric_mean(c);
	int rc = judge.oom || find_unlike(c, a, b) ? pb_fail(err, PROBE_ENOMEM, 0, "out of memory")
						   : 0;
	if (!rc && !c->cell_count)
		rc = pb_fail(err, PROBE_ENOENT, 0,
			     "the runs have no measured cell in common (workload, path and "
			     "interpreter must be the same)");
	if (rc) {
		probe_comparison_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void probe_comparison_free(struct probe_comparison *comparison)
{
	if (!comparison)
		return;
	for (size_t i = 0; i < comparison->unlike_count; i++)
		free(comparison->unlike[i]);
	free(comparison->unlike);
	free(comparison->cells);
	free(comparison);
}

double probe_comparison_worst(const struct probe_comparison *comparison)
{
	double worst = 0;
	for (size_t i = 0; i < comparison->cell_count; i++) {
		const struct probe_change *t = &comparison->cells[i].total;
		if (t->verdict == PROBE_CHANGE_SLOWER && t->a_ns > 0)
			worst = fmax(worst, t->delta_ns / t->a_ns);
	}
	return worst;
}
