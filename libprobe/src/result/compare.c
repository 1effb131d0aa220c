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

/* Standard errors in half a 95 % interval. */
static const double z95 = 1.959964;
static const double false_alarms = 0.001; /* over all figures of one comparison */

/* The upper tail's point of the standard normal, by bisection of erfc(): p in (0, 0.5). */
static double normal_point(double p)
{
	double low = 0, high = 40;
	for (int i = 0; i < 100; i++) {
		double mid = (low + high) / 2;
		if (0.5 * erfc(mid / sqrt(2.0)) > p)
			low = mid;
		else
			high = mid;
	}
	return low;
}

struct judge {
	double a_ns_per_tick, b_ns_per_tick, band;
	double widen; /* from a 95 % half width to the level of the test */
};

static bool present(const struct probe_value *v)
{
	return v->state != PROBE_ABSENT && isfinite(v->ticks);
}

static struct probe_change change_of(const struct probe_value *a, const struct probe_value *b,
				     unsigned mask, const struct judge *judge)
{
	struct probe_change c = {.mask = mask, .verdict = PROBE_CHANGE_UNKNOWN};
	bool both = present(a) && present(b);
	c.a_ns = present(a) ? a->ticks * judge->a_ns_per_tick : NAN;
	c.b_ns = present(b) ? b->ticks * judge->b_ns_per_tick : NAN;
	c.delta_ns = c.b_ns - c.a_ns;
	c.half_ns =
		both ? hypot(a->half * judge->a_ns_per_tick, b->half * judge->b_ns_per_tick) : NAN;
	return c;
}

static void give_verdict(struct probe_change *c, double total_ns, bool contended,
			 const struct judge *judge)
{
	if (!isfinite(c->delta_ns) || contended)
		return;
	double least = judge->band * total_ns;
	double ticks_ns = PROBE_COMPARE_TICKS * judge->a_ns_per_tick;
	bool real = fabs(c->delta_ns) > judge->widen * c->half_ns && fabs(c->delta_ns) > least &&
		    fabs(c->delta_ns) > ticks_ns;
	c->verdict = !real             ? PROBE_CHANGE_NONE
		     : c->delta_ns > 0 ? PROBE_CHANGE_SLOWER
				       : PROBE_CHANGE_FASTER;
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
		      const struct judge *judge)
{
	*out = (struct probe_cell_change){
		.workload = a->workload,
		.path = a->path,
		.interpreter = a->interpreter,
		.moved = -1,
		.contended = ea->contended || eb->contended,
		.total = change_of(&ea->total, &eb->total, PROBE_MASK_ALL, judge),
	};
	give_verdict(&out->total, out->total.a_ns, out->contended, judge);
	for (size_t i = 0; i < ea->folded_count && out->phase_count < PROBE_MAX_CHANGES; i++) {
		const struct probe_part *other = same_part(eb, ea->folded[i].mask);
		if (!other) {
			out->only_totals = true;
			continue;
		}
		struct probe_change *c = &out->phases[out->phase_count++];
		*c = change_of(&ea->folded[i].value, &other->value, other->mask, judge);
		give_verdict(c, out->total.a_ns, out->contended, judge);
		bool counts =
			c->verdict == PROBE_CHANGE_SLOWER || c->verdict == PROBE_CHANGE_FASTER;
		if (counts &&
		    (out->moved < 0 || fabs(c->delta_ns) > fabs(out->phases[out->moved].delta_ns)))
			out->moved = (int)out->phase_count - 1;
	}
}

static const struct probe_engine *measured(const struct probe_cell *cell)
{
	return cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;
}

static double widening(size_t figures)
{
	return figures ? normal_point(false_alarms / (double)figures / 2) / z95 : 1;
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
	const struct judge judge = {ns_per_tick, ns_per_tick, PROBE_COMPARE_BAND,
				    widening(figures)};
	struct probe_engine left = *probe_cell_engine(a), right = *probe_cell_engine(b);
	unsigned masks[6];
	size_t n = common_masks(&left, &right, masks);
	join_phases(&left, masks, n);
	join_phases(&right, masks, n);
	fill_cell(out, a, &left, &right, &judge);
}

/* Pairs up the cells of both runs; counts those without a partner. */
static size_t pair_up(struct probe_comparison *c, const struct probe_run *a,
		      const struct probe_run *b, const struct judge *judge)
{
	size_t in_b = 0, figures = 0;
	for (size_t i = 0; i < b->cell_count; i++)
		in_b += measured(&b->cells[i]) != NULL;
	c->cell_count = c->only_a = 0;
	for (size_t i = 0; i < a->cell_count; i++) {
		const struct probe_cell *cell = &a->cells[i];
		const struct probe_engine *ea = measured(cell);
		const struct probe_engine *eb = measured(
			probe_run_find_cell(b, cell->workload, cell->path, cell->interpreter));
		if (ea && !eb)
			c->only_a++;
		if (!ea || !eb)
			continue;
		fill_cell(&c->cells[c->cell_count], cell, ea, eb, judge);
		figures += 1 + c->cells[c->cell_count++].phase_count;
	}
	c->only_b = in_b - c->cell_count;
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
		return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	}
	struct judge judge = {1e9 / a->counter.hz, 1e9 / b->counter.hz,
			      band < 0 ? PROBE_COMPARE_BAND : band, 1};
	/* Twice: the level of the test depends on how many figures there are. */
	size_t figures = pair_up(c, a, b, &judge);
	judge.widen = widening(figures);
	pair_up(c, a, b, &judge);
	c->band = judge.band;
	c->geometric_mean = geometric_mean(c);
	int rc = find_unlike(c, a, b) ? pb_fail(err, PROBE_ENOMEM, 0, "memory is out") : 0;
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
