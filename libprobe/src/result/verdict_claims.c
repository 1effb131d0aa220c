/* SPDX-License-Identifier: MIT
 * Published ratios beside ours, and the phase that explains a difference.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "result/verdict_parts.h"
#include "result/verdict_text.h"

/* numerator - published * denominator is 0 where the ratios agree, and a sum over phases: the phase
 * with the most of it, in its direction, is what separates them. */
static void explain(struct probe_claim_check *check)
{
	const struct probe_engine *over = pb_verdict_engine(check->numerator);
	const struct probe_engine *under = pb_verdict_engine(check->denominator);
	double published = check->claim->published, most = 0;
	double gap = over->total.ticks - published * under->total.ticks;
	struct pb_common_part parts[3];
	size_t n = pb_common_parts(over, under, parts);

	for (size_t i = 0; i < n; i++) {
		double share = (parts[i].a.ticks - published * parts[i].b.ticks) / gap;

		if (parts[i].a.state == PROBE_ABSENT || parts[i].b.state == PROBE_ABSENT ||
		    !(share > most))
			continue;
		most = share;
		check->mask = parts[i].mask;
		check->over = parts[i].a;
		check->under = parts[i].b;
	}
}

static bool first_label(const struct probe_run *run, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(run->cells[j].interpreter, run->cells[i].interpreter))
			return false;
	return true;
}

/* False where the claim can't be checked on that interpreter. */
static bool check_claim(const struct probe_run *run, const struct probe_claim *claim,
			const char *label, struct probe_claim_check *out)
{
	struct probe_claim_check check = {
		.claim = claim,
		.interpreter = label,
		.numerator = probe_run_find_cell(run, claim->workload, claim->numerator, label),
		.denominator = probe_run_find_cell(run, claim->workload, claim->denominator, label),
		.over = {.state = PROBE_ABSENT, NAN, NAN, false},
		.under = {.state = PROBE_ABSENT, NAN, NAN, false},
	};
	const struct probe_engine *over = pb_verdict_engine(check.numerator);
	const struct probe_engine *under = pb_verdict_engine(check.denominator);

	if (!over || !under)
		return false;
	check.here = pb_ratio(&over->total, &under->total);
	if (!isfinite(check.here.value))
		return false;
	check.differs = fabs(check.here.value - claim->published) > check.here.half;
	if (check.differs)
		explain(&check);
	*out = check;
	return true;
}

int probe_claim_check_list(const struct probe_run *run, struct probe_claim_check **out, size_t *n,
			   struct probe_error *err)
{
	struct probe_claim_check *list = NULL, found;
	size_t count = 0;

	for (size_t c = 0; c < run->claim_count; c++) {
		for (size_t i = 0; i < run->cell_count; i++) {
			struct probe_claim_check *more;

			if (!first_label(run, i) ||
			    !check_claim(run, &run->claims[c], run->cells[i].interpreter, &found))
				continue;
			more = reallocarray(list, count + 1, sizeof *more);
			if (!more) {
				free(list);
				return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
			}
			list = more;
			list[count++] = found;
		}
	}
	*out = list;
	*n = count;
	return 0;
}

/* Pure Python has no phases: then the most that can be said is where the other's time goes. */
static void add_largest(struct pb_buf *out, const struct probe_claim_check *check,
			const struct probe_scale *scale)
{
	const struct probe_cell *cells[] = {check->numerator, check->denominator};
	char name[64], total[PB_SAY], figure[PB_SAY];

	for (size_t i = 0; i < 2; i++) {
		const struct probe_engine *e = pb_verdict_engine(cells[i]);
		const struct probe_part *largest = NULL;

		for (size_t p = 0; p < e->folded_count; p++)
			if (!largest || e->folded[p].value.ticks > largest->value.ticks)
				largest = &e->folded[p];
		if (e->folded_count < 2)
			continue;
		pb_buf_printf(out,
			      "; %s has no phases to compare, the largest of %s (%s) is %s, %s",
			      cells[1 - i]->path, cells[i]->path,
			      pb_say_value(&e->total, 0, scale, total, sizeof total),
			      probe_part_name(largest->mask, name, sizeof name),
			      pb_say_value(&largest->value, e->floor_ticks, scale, figure,
					   sizeof figure));
		return;
	}
}

static void add_phase(struct pb_buf *out, const struct probe_claim_check *check,
		      const struct probe_scale *scale)
{
	double published = check->claim->published;
	struct probe_value needed = {PROBE_EXACT, published * check->under.ticks,
				     published * check->under.half, check->under.below_floor};
	char name[64], over[PB_SAY], under[PB_SAY], need[PB_SAY];
	double over_floor = pb_verdict_engine(check->numerator)->floor_ticks;
	double under_floor = pb_verdict_engine(check->denominator)->floor_ticks;

	pb_buf_printf(out, "; mostly %s, %s against %s: the published ratio would need %s",
		      probe_part_name(check->mask, name, sizeof name),
		      pb_say_value(&check->over, over_floor, scale, over, sizeof over),
		      pb_say_value(&check->under, under_floor, scale, under, sizeof under),
		      pb_say_value(&needed, published * under_floor, scale, need, sizeof need));
}

char *probe_claim_words(const struct probe_claim_check *check, const struct probe_scale *scale)
{
	const struct probe_claim *claim = check->claim;
	struct pb_buf out = {0};
	char here[64], published[32];

	pb_buf_printf(&out, "%s on %s: %s / %s = %s here, published %s (%s)", claim->workload,
		      check->interpreter, claim->numerator, claim->denominator,
		      pb_say_ratio(&check->here, PROBE_FIGURE_BOTH, here, sizeof here),
		      probe_ratio_text(claim->published, published, sizeof published),
		      claim->source);
	if (!check->differs)
		pb_buf_puts(&out, ", inside our interval");
	else if (check->mask)
		add_phase(&out, check, scale);
	else
		add_largest(&out, check, scale);
	if (pb_verdict_engine(check->numerator)->contended ||
	    pb_verdict_engine(check->denominator)->contended)
		pb_buf_puts(&out, "; measured on a contended core");
	if (out.oom)
		pb_buf_fini(&out);
	return out.data;
}
