/* SPDX-License-Identifier: MIT
 * Putting claims to the test: which cells a claim is about, our ratio, and what it says of theirs.
 */
#include "probe/claims.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "probe/threaded.h"
#include "result/claims_parts.h"
#include "result/verdict_parts.h"

static const struct probe_value absent = {.state = PROBE_ABSENT, .ticks = NAN, .half = NAN};

const char *probe_claim_verdict_name(enum probe_claim_verdict verdict)
{
	static const char *const names[] = {
		[PROBE_CLAIM_CONFIRMED] = "confirmed",        [PROBE_CLAIM_REFUTED] = "refuted",
		[PROBE_CLAIM_UNDECIDED] = "undecided",        [PROBE_CLAIM_MIXED] = "depends",
		[PROBE_CLAIM_UNTESTED] = "not testable here",
	};

	return (size_t)verdict < sizeof names / sizeof names[0] ? names[verdict] : "?";
}

/* --- one term ------------------------------------------------------------------------------------
 */

/* The sum of the phases in mask; absent where one of them is merged with another. */
static struct probe_value sum_of(const struct probe_engine *e, unsigned mask)
{
	struct probe_value sum = {.state = PROBE_EXACT, .below_floor = true};
	bool any = false;

	for (size_t i = 0; i < e->folded_count; i++) {
		const struct probe_part *part = &e->folded[i];

		if (!(part->mask & mask))
			continue;
		if ((part->mask & ~mask) || part->value.state == PROBE_ABSENT)
			return absent;
		sum.ticks += part->value.ticks;
		sum.half = hypot(sum.half, part->value.half);
		sum.below_floor = sum.below_floor && part->value.below_floor;
		sum.state = part->value.state > sum.state ? part->value.state : sum.state;
		any = true;
	}
	return any ? sum : absent;
}

/* The row with the most threads that had a CPU each, each with its own callable; NULL = none. */
static const struct probe_threaded *row_of(const struct probe_run *run,
					   const struct probe_cell *cell)
{
	const struct probe_threaded *most = NULL;

	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];

		if (row->callables == PROBE_CALLABLES_PRIVATE && row->status == PROBE_CELL_OK &&
		    row->threads > 1 && row->threads <= row->cpus &&
		    (!most || row->threads > most->threads) &&
		    !strcmp(row->workload, cell->workload) && !strcmp(row->path, cell->path) &&
		    !strcmp(row->interpreter, cell->interpreter))
			most = row;
	}
	return most;
}

static struct probe_value threads_value(const struct probe_run *run, const struct probe_cell *cell,
					enum probe_term_phase phase, unsigned *threads)
{
	const struct probe_threaded *row = row_of(run, cell);
	struct probe_value v = absent;

	if (!row)
		return v;
	*threads = row->threads;
	v.ticks = phase == PROBE_TERM_SCALING ? row->scaling : row->cores;
	v.half = phase == PROBE_TERM_SCALING ? row->scaling_half : row->cores_half;
	v.state = isfinite(v.ticks) && isfinite(v.half) ? PROBE_EXACT : PROBE_ABSENT;
	return v;
}

static struct probe_value value_of(const struct probe_engine *e, enum probe_term_phase phase)
{
	static const unsigned masks[] = {
		[PROBE_TERM_BOUNDARY] = PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING,
		[PROBE_TERM_DISPATCH] = PROBE_MASK_DISPATCH,
		[PROBE_TERM_MARSHALLING] = PROBE_MASK_MARSHALLING,
		[PROBE_TERM_COMPUTE] = PROBE_MASK_COMPUTE,
	};

	if (phase == PROBE_TERM_TOTAL)
		return e->total;
	if (phase == PROBE_TERM_EMPTY_CALL)
		return e->empty_call;
	return sum_of(e, masks[phase]);
}

/* --- one finding ---------------------------------------------------------------------------------
 */

/* What a result is gathered with. */
struct gather {
	struct probe_claim_result *result;
	size_t capacity;
	bool oom;
	bool run_seen;
	size_t differ_in; /* facts: the fewest of two builds that are no pair; 0 = none seen */
	char differ[224]; /* what these are */
};

static void reason(struct probe_claim_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void reason(struct probe_claim_finding *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->reason, sizeof f->reason, fmt, args);
	va_end(args);
	f->verdict = PROBE_CLAIM_UNTESTED;
}

/* NULL and the reason where the cell has no total. */
static const struct probe_engine *engine_of(const struct probe_cell *cell,
					    struct probe_claim_finding *f)
{
	const struct probe_engine *e = pb_verdict_engine(cell);

	if (!e && !f->reason[0])
		reason(f, "%.60s: %s%s%.120s", cell->path,
		       cell->status == PROBE_CELL_OK || cell->status == PROBE_CELL_PENDING
			       ? "not measured"
			       : probe_cell_status_name(cell->status),
		       cell->reason ? ": " : "", cell->reason ? cell->reason : "");
	return e;
}

static void explain(struct probe_claim_finding *f, const struct probe_engine *over,
		    const struct probe_engine *under)
{
	struct pb_common_part parts[3];
	size_t n = pb_common_parts(over, under, parts);
	double gap = f->over.ticks - f->under.ticks, most = 0;

	for (size_t i = 0; i < n; i++) {
		double share = (parts[i].a.ticks - parts[i].b.ticks) / gap;

		if (parts[i].a.state == PROBE_ABSENT || parts[i].b.state == PROBE_ABSENT ||
		    !(share > most))
			continue;
		most = share;
		f->mostly = parts[i].mask;
		f->mostly_over = parts[i].a;
		f->mostly_under = parts[i].b;
	}
}

static bool is_threads(const struct probe_published *claim)
{
	return claim->numerator.phase >= PROBE_TERM_SCALING;
}

static void judge(const struct probe_published *claim, struct probe_claim_finding *f)
{
	double low = f->here.value - f->here.half, high = f->here.value + f->here.half;

	if (f->contended)
		f->verdict = PROBE_CLAIM_UNDECIDED;
	else if (low >= claim->low && high <= claim->high)
		f->verdict = PROBE_CLAIM_CONFIRMED;
	else if (high < claim->low || low > claim->high)
		f->verdict = PROBE_CLAIM_REFUTED;
	else
		f->verdict = PROBE_CLAIM_UNDECIDED;
}

static struct probe_value take(struct probe_claim_finding *f, const struct probe_cell *cell,
			       const struct probe_engine *e, enum probe_term_phase phase)
{
	if (phase == PROBE_TERM_SCALING || phase == PROBE_TERM_CORES)
		return threads_value(f->run, cell, phase, &f->threads);
	return value_of(e, phase);
}

static void measure(const struct probe_published *claim, const struct probe_cell *over,
		    const struct probe_cell *under, struct probe_claim_finding *f)
{
	const struct probe_engine *a = engine_of(over, f), *b = engine_of(under, f);

	if (!a || !b)
		return;
	f->over = take(f, over, a, claim->numerator.phase);
	f->under = take(f, under, b, claim->denominator.phase);
	f->over_floor_ticks = a->floor_ticks;
	f->under_floor_ticks = b->floor_ticks;
	f->contended = a->contended || b->contended;
	f->here = pb_ratio(&f->over, &f->under);
	if (!isfinite(f->here.value)) {
		reason(f, "%s",
		       is_threads(claim) && !f->threads ? "no two threads had a CPU each"
		       : f->over.state == PROBE_ABSENT || f->under.state == PROBE_ABSENT
			       ? "a phase can't be told apart from the others"
			       : "a figure is below what the cell could resolve");
		return;
	}
	if (!f->threads)
		explain(f, a, b);
	judge(claim, f);
}

static bool have(const struct gather *g, const struct probe_claim_finding *f)
{
	for (size_t i = 0; i < g->result->finding_count; i++) {
		const struct probe_claim_finding *old = &g->result->findings[i];

		if (!strcmp(old->workload, f->workload) &&
		    !strcmp(old->over_label, f->over_label) &&
		    !strcmp(old->under_label, f->under_label))
			return true;
	}
	return false;
}

static void add(struct gather *g, const struct probe_run *run, const struct probe_cell *over,
		const struct probe_cell *under)
{
	struct probe_claim_result *r = g->result;
	struct probe_claim_finding f = {.run = run,
					.workload = over->workload,
					.over_label = over->interpreter,
					.under_label = under->interpreter,
					.over = absent,
					.under = absent,
					.here = {NAN, NAN}};

	if (have(g, &f))
		return;
	if (r->finding_count == g->capacity) {
		size_t more = g->capacity ? 2 * g->capacity : 8;
		struct probe_claim_finding *grown = reallocarray(r->findings, more, sizeof f);

		g->oom = !grown;
		if (!grown)
			return;
		r->findings = grown;
		g->capacity = more;
	}
	measure(r->claim, over, under, &f);
	r->findings[r->finding_count++] = f;
}

/* --- the places of a claim -----------------------------------------------------------------------
 */

/* "sum" is every size of it, "sum:1024" that one. */
static bool is_about(const struct probe_published *claim, const char *workload)
{
	for (char **w = claim->workloads; *w; w++) {
		size_t n = strlen(*w);

		if (!strncmp(workload, *w, n) && (!workload[n] || workload[n] == ':'))
			return true;
	}
	return false;
}

static bool is_build(const struct probe_run *run, const char *label,
		     const struct probe_claim_term *term)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(run, label);

	return py && pb_build_is(py, term->build, term->build_count);
}

/* The denominators of a pair: builds that differ from the numerator's in nothing but the listed. */
static void add_pairs(struct gather *g, const struct probe_run *run, const struct probe_cell *over)
{
	const struct probe_published *claim = g->result->claim;
	const struct probe_interpreter *py = probe_run_find_interpreter(run, over->interpreter);

	for (size_t i = 0; i < run->cell_count && !g->oom; i++) {
		const struct probe_cell *under = &run->cells[i];
		const struct probe_interpreter *other;
		size_t differ_in;
		char names[96];

		if (strcmp(under->workload, over->workload) ||
		    strcmp(under->path, claim->denominator.path) ||
		    !strcmp(under->interpreter, over->interpreter) ||
		    !is_build(run, under->interpreter, &claim->denominator))
			continue;
		other = probe_run_find_interpreter(run, under->interpreter);
		differ_in =
			pb_builds_differ_beyond(py, other, claim->differ_in, names, sizeof names);
		if (!differ_in)
			add(g, run, over, under);
		if (!differ_in || (g->differ_in && g->differ_in <= differ_in))
			continue;
		g->differ_in = differ_in;
		snprintf(g->differ, sizeof g->differ, "%.48s and %.48s differ also in %.90s",
			 over->interpreter, under->interpreter, names);
	}
}

static void look_in(struct gather *g, const struct probe_run *run)
{
	const struct probe_published *claim = g->result->claim;

	for (size_t i = 0; i < run->cell_count && !g->oom; i++) {
		const struct probe_cell *over = &run->cells[i], *under;

		if (!is_about(claim, over->workload) || strcmp(over->path, claim->numerator.path) ||
		    !is_build(run, over->interpreter, &claim->numerator))
			continue;
		if (claim->differ_in) {
			add_pairs(g, run, over);
			continue;
		}
		under = probe_run_find_cell(run, over->workload, claim->denominator.path,
					    over->interpreter);
		if (under && is_build(run, over->interpreter, &claim->denominator))
			add(g, run, over, under);
	}
}

/* --- the verdict ---------------------------------------------------------------------------------
 */

static enum probe_claim_verdict conclude(struct probe_claim_result *r)
{
	size_t judged;

	for (size_t i = 0; i < r->finding_count; i++) {
		r->confirmed += r->findings[i].verdict == PROBE_CLAIM_CONFIRMED;
		r->refuted += r->findings[i].verdict == PROBE_CLAIM_REFUTED;
		r->undecided += r->findings[i].verdict == PROBE_CLAIM_UNDECIDED;
	}
	judged = r->confirmed + r->refuted + r->undecided;
	if (!judged)
		return PROBE_CLAIM_UNTESTED;
	if (r->confirmed == judged || (r->claim->any && r->confirmed))
		return PROBE_CLAIM_CONFIRMED;
	if (r->refuted == judged)
		return PROBE_CLAIM_REFUTED;
	/* "Somewhere" is not refuted while a place is open. */
	return r->undecided == judged || r->claim->any ? PROBE_CLAIM_UNDECIDED : PROBE_CLAIM_MIXED;
}

/* Why nothing could be said; what helps, where the table knows it. */
static void say_why(const struct gather *g)
{
	struct probe_claim_result *r = g->result;
	const struct probe_published *claim = r->claim;

	if (claim->untestable)
		snprintf(r->reason, sizeof r->reason, "%s", claim->untestable);
	else if (r->finding_count)
		snprintf(r->reason, sizeof r->reason, "%.60s on %.60s, %.180s",
			 r->findings[0].workload, r->findings[0].over_label, r->findings[0].reason);
	else if (g->differ[0])
		snprintf(r->reason, sizeof r->reason, "no two builds differ in that alone: %s",
			 g->differ);
	else if (claim->needs)
		snprintf(r->reason, sizeof r->reason, "it takes %s", claim->needs);
	else if (!g->run_seen)
		snprintf(r->reason, sizeof r->reason, "there is no run \"%.100s\"", claim->run);
	else
		snprintf(r->reason, sizeof r->reason, "no run has both %.60s and %.60s of it",
			 claim->numerator.path, claim->denominator.path);
}

static int judge_claim(const struct probe_published *claim, const struct probe_named_run *runs,
		       size_t run_count, struct probe_claim_result *out)
{
	struct gather g = {.result = out};

	*out = (struct probe_claim_result){.claim = claim};
	for (size_t i = 0; i < run_count && !claim->untestable; i++) {
		if (claim->run && strcmp(claim->run, runs[i].name))
			continue;
		g.run_seen = true;
		look_in(&g, runs[i].run);
	}
	out->verdict = conclude(out);
	if (out->verdict == PROBE_CLAIM_UNTESTED)
		say_why(&g);
	return g.oom ? -PROBE_ENOMEM : 0;
}

int probe_claims_judge(const struct probe_claim_table *table, const struct probe_named_run *runs,
		       size_t run_count, struct probe_claim_result **out, struct probe_error *err)
{
	struct probe_claim_result *results = calloc(table->count + 1, sizeof *results);
	int rc = results ? 0 : -PROBE_ENOMEM;

	for (size_t i = 0; !rc && i < table->count; i++)
		rc = judge_claim(&table->claims[i], runs, run_count, &results[i]);
	if (rc) {
		probe_claim_results_free(results, table->count);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	*out = results;
	return 0;
}

void probe_claim_results_free(struct probe_claim_result *results, size_t n)
{
	for (size_t i = 0; results && i < n; i++)
		free(results[i].findings);
	free(results);
}
