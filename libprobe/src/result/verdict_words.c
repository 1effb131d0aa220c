/* SPDX-License-Identifier: MIT
 * The verdict in words: one paragraph for a workload on an interpreter.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "result/verdict_parts.h"
#include "result/verdict_text.h"

/* How many names a list in the paragraph holds before it says "and 4 more". */
#define MOST_NAMES 5

/* See pb_values_separate(). */
#define PRACTICAL " by less than matters (2% or 1 ns)"

/* The scale times 1000 to some power, so that value needs no more than five digits. */
static struct probe_scale fitting(const struct probe_scale *scale, double ticks, char name[32])
{
	static const char *const times[] = {"ns", "us", "ms", "s"};
	static const char *const prefixes[] = {"", "k", "M", "G"};
	struct probe_scale fit = *scale;
	size_t thousands = 0;

	while (fabs(ticks * fit.per_tick) >= 1e5 && thousands < 3) {
		fit.per_tick /= 1000;
		thousands++;
	}
	if (!strcmp(scale->name, "ns"))
		snprintf(name, 32, "%s", times[thousands]);
	else
		snprintf(name, 32, "%s%s", prefixes[thousands], scale->name);
	fit.name = name;
	return fit;
}

const char *pb_say_value(const struct probe_value *value, double floor_ticks,
			 const struct probe_scale *scale, char *buf, size_t size)
{
	char name[32], figure[64];
	struct probe_scale fit = fitting(scale, value->ticks, name);

	probe_figure_text(value, fit.per_tick, floor_ticks, PROBE_FIGURE_BOTH, figure,
			  sizeof figure);
	snprintf(buf, size, "%s %s", figure, name);
	return buf;
}

const char *pb_say_ratio(const struct probe_ratio *ratio, enum probe_figure_form form, char *buf,
			 size_t size)
{
	const struct probe_value value = {PROBE_EXACT, ratio->value, ratio->half, false};
	char figure[64];

	probe_figure_text(&value, 1, 0, form, figure, sizeof figure);
	snprintf(buf, size, "%s%s", figure, figure[0] ? "x" : "");
	return buf;
}

/* A value and its unit without the interval, where the sentence has no room for it. */
static const char *plainly(const struct probe_value *value, const struct probe_scale *scale,
			   char *buf, size_t size)
{
	char name[32], figure[64];
	struct probe_scale fit = fitting(scale, value->ticks, name);

	probe_figure_text(value, fit.per_tick, 0, PROBE_FIGURE_VALUE, figure, sizeof figure);
	snprintf(buf, size, "%s %s", figure, name);
	return buf;
}

/* "mostly because marshalling is 380 ns less": the phases that the difference comes from, so far as
 * they are more than their intervals. */
static void add_reason(struct pb_buf *out, const struct probe_versus *c,
		       const struct probe_value *cheapest, const struct probe_scale *scale)
{
	double difference = c->total.ticks - cheapest->ticks;
	char name[64], figure[PB_SAY];
	size_t said = 0;

	for (size_t i = 0; i < c->more_count; i++) {
		const struct probe_value *more = &c->more[i].value;

		if (more->below_floor || !(more->ticks > more->half))
			break;
		pb_buf_printf(out, "%s%s is %s",
			      said                            ? " and "
			      : more->ticks >= difference / 2 ? ", mostly because "
							      : ", because ",
			      probe_part_name(c->more[i].mask, name, sizeof name),
			      plainly(more, scale, figure, sizeof figure));
		pb_buf_puts(out, " less");
		/* One phase that makes up the most of it is the reason; else two are. */
		if (more->ticks >= difference / 2 || ++said == 2)
			break;
	}
}

/* "7.3x less than ctypes (513 ±3 ns, mostly because ...)". */
static bool add_comparison(struct pb_buf *out, const char *before, const struct probe_versus *c,
			   const struct probe_value *cheapest, const struct probe_scale *scale)
{
	char ratio[PB_SAY], figure[PB_SAY];

	if (!c->other || !isfinite(c->ratio.value))
		return false;
	pb_buf_printf(out, "%s%s less than %s (%s", before,
		      pb_say_ratio(&c->ratio, PROBE_FIGURE_VALUE, ratio, sizeof ratio),
		      c->other->path, pb_say_value(&c->total, 0, scale, figure, sizeof figure));
	add_reason(out, c, cheapest, scale);
	pb_buf_puts(out, ")");
	return true;
}

/* Which rows a list names. */
typedef bool (*picked)(const struct probe_verdict *v, size_t row);

static bool is_tied(const struct probe_verdict *v, size_t row)
{
	return row < v->tied;
}

static bool is_near(const struct probe_verdict *v, size_t row)
{
	return v->rows[row].near;
}

static bool is_prepared(const struct probe_verdict *v, size_t row)
{
	return row >= v->ranked;
}

/* "a (13 ±2 ns), b (14 ±3 ns) and c (15 ±2 ns)"; returns how many there are. */
static size_t add_names(struct pb_buf *out, const struct probe_verdict *v, picked pick,
			const struct probe_scale *scale)
{
	char figure[PB_SAY];
	size_t n = 0, named = 0, most;

	for (size_t i = 0; i < v->row_count; i++)
		n += pick(v, i);
	most = n > MOST_NAMES ? MOST_NAMES : n;
	for (size_t i = 0; i < v->row_count && named < most; i++) {
		const struct probe_verdict_row *row = &v->rows[i];

		if (!pick(v, i))
			continue;
		named++;
		pb_buf_printf(
			out, "%s%s (%s)",
			named == 1                    ? ""
			: named == n && named == most ? " and "
						      : ", ",
			row->cell->path,
			pb_say_value(&row->total, row->floor_ticks, scale, figure, sizeof figure));
	}
	if (named < n)
		pb_buf_printf(out, " and %zu more", n - named);
	return n;
}

static void say_only(struct pb_buf *out, const struct probe_verdict *v)
{
	pb_buf_printf(out, "%s is the only binding measured%s", v->rows[0].cell->path,
		      v->row_count > 1 ? " that converts its arguments on each call" : "");
}

static void say_cheapest(struct pb_buf *out, const struct probe_verdict *v,
			 const struct probe_scale *scale)
{
	const struct probe_verdict_row *best = &v->rows[0];
	const char *before = ", ";
	char figure[PB_SAY];
	bool said;

	if (v->tied > 1) {
		add_names(out, v, is_tied, scale);
		pb_buf_puts(out, " can't be told apart");
		if (v->tied_in_practice)
			pb_buf_puts(out, ", or differ" PRACTICAL);
		if (v->tied < v->ranked)
			pb_buf_printf(out, "%s and are the cheapest",
				      v->tied_in_practice ? "," : "");
		/* A ratio holds for two rows, so that it names both. */
		if (v->next.other && isfinite(v->next.ratio.value))
			pb_buf_printf(out, ": %s costs ", best->cell->path);
		before = "";
	} else {
		if (v->ranked > 1)
			pb_buf_printf(out, "%s is the cheapest%s", best->cell->path,
				      v->all_python ? "" : " binding");
		else
			say_only(out, v);
		pb_buf_printf(out, ", %s",
			      pb_say_value(&best->total, best->floor_ticks, scale, figure,
					   sizeof figure));
	}
	said = add_comparison(out, before, &v->next, &best->total, scale);
	if (said)
		add_comparison(out, " and ", &v->ctypes, &best->total, scale);
	pb_buf_puts(out, ".");
}

/* What the intervals leave open beside the tie. */
static void say_near(struct pb_buf *out, const struct probe_verdict *v,
		     const struct probe_scale *scale)
{
	size_t n = 0;
	bool practical = false;

	for (size_t i = v->tied; i < v->ranked; i++) {
		bool overlaps = false;

		for (size_t k = 0; k < v->tied; k++)
			overlaps =
				overlaps || !pb_values_apart(&v->rows[i].total, &v->rows[k].total);
		n += v->rows[i].near;
		practical = practical || (v->rows[i].near && !overlaps);
	}
	if (!n)
		return;
	pb_buf_puts(out, " ");
	add_names(out, v, is_near, scale);
	pb_buf_printf(out, " can't be told from %s%s.",
		      v->tied > 1 ? "some of these" : v->rows[0].cell->path,
		      practical ? ", or differ" PRACTICAL : "");
}

/* Rows that have less to do than the others, or all of them. */
static void say_prepared(struct pb_buf *out, const struct probe_verdict *v,
			 const struct probe_scale *scale)
{
	const char *what = NULL;
	bool same = true;

	for (size_t i = 0; i < v->row_count; i++) {
		const char *here = v->rows[i].cell->prepared;

		same = same && (!here || !what || !strcmp(what, here));
		what = here ? here : what;
	}
	if (!what)
		return;
	what = same ? what : "arguments";
	if (v->ranked == v->row_count && v->rows[0].cell->prepared) {
		pb_buf_printf(out,
			      " The %s of %s made before timing: converting them is not part "
			      "of it.",
			      what, v->row_count > 1 ? "all of these were" : "this call were");
		return;
	}
	pb_buf_puts(out, " Not ranked with these: ");
	add_names(out, v, is_prepared, scale);
	pb_buf_printf(out, ", whose %s were made before timing.", what);
}

/* Where a break-even lies: without its interval, unless that is most of what is known. */
static const char *point(const struct probe_breakeven *b, const struct probe_scale *scale,
			 char *buf, size_t size)
{
	bool bound = b->kind == PROBE_BREAKEVEN_BELOW;
	struct probe_value value = {PROBE_EXACT, b->ticks, b->high - b->ticks, false};
	char name[32], figure[48];
	struct probe_scale fit = fitting(scale, bound ? b->high : b->ticks, name);

	probe_breakeven_text(b, fit.per_tick, figure, sizeof figure);
	if (bound) {
		snprintf(buf, size, "less than %s %s", figure + 1, name); /* after its '<' */
	} else if (strstr(figure, " to ") && b->kind == PROBE_BREAKEVEN_AT) {
		snprintf(buf, size, "somewhere in %s %s", figure, name);
	} else {
		probe_figure_text(&value, fit.per_tick, 0, PROBE_FIGURE_VALUE, figure,
				  sizeof figure);
		snprintf(buf, size, "%s %s", figure, name);
	}
	return buf;
}

static bool has_point(const struct probe_breakeven *b)
{
	return b->kind == PROBE_BREAKEVEN_AT || b->kind == PROBE_BREAKEVEN_BELOW;
}

/* Where more of the same work leads. */
static void say_pays(struct pb_buf *out, const struct probe_verdict_row *best, bool cheaper,
		     const struct probe_scale *scale)
{
	char figure[PB_SAY];

	if (has_point(&best->python))
		pb_buf_printf(out, "; %s pays from %s of native compute on", best->cell->path,
			      point(&best->python, scale, figure, sizeof figure));
	else if (best->python.kind == PROBE_BREAKEVEN_ALWAYS)
		pb_buf_printf(out,
			      "; %san empty native call costs no more than an empty Python "
			      "function",
			      cheaper ? "but " : "even ");
	else if (best->python.kind == PROBE_BREAKEVEN_NEVER)
		pb_buf_puts(out, ", and more of this work won't make a binding pay, as Python "
				 "does it faster than the native function");
	else if (best->python.kind == PROBE_BREAKEVEN_UNTIL)
		pb_buf_printf(out,
			      "; %s pays only up to %s of native compute, as Python does the work "
			      "itself faster",
			      best->cell->path, point(&best->python, scale, figure, sizeof figure));
}

static void say_python(struct pb_buf *out, const struct probe_verdict *v,
		       const struct probe_scale *scale)
{
	const struct probe_ratio *ratio = &v->python.ratio;
	struct probe_ratio inverse = {1 / ratio->value, ratio->half / ratio->value / ratio->value};
	bool cheaper = v->python.separate && ratio->value < 1;
	char figure[PB_SAY], times[PB_SAY];

	if (!v->python.other || !isfinite(ratio->value))
		return;
	pb_say_value(&v->python.total, 0, scale, figure, sizeof figure);
	pb_buf_puts(out, " ");
	if (!strcmp(v->python.other->path, "python"))
		pb_buf_puts(out, "Pure Python");
	else
		pb_buf_printf(out, "%s in pure Python", v->python.other->path);
	if (!v->python.separate && !pb_values_apart(&v->python.total, &v->rows[0].total))
		pb_buf_printf(out, " (%s) can't be told from %s", figure,
			      v->tied > 1 ? "the cheapest" : "it");
	else if (!v->python.separate)
		pb_buf_printf(out, " (%s) is as cheap as %s in practice", figure,
			      v->tied > 1 ? "the cheapest" : "it");
	else if (cheaper)
		pb_buf_printf(out, " is cheaper still, %s, %s less", figure,
			      pb_say_ratio(&inverse, PROBE_FIGURE_VALUE, times, sizeof times));
	else
		pb_buf_printf(out, " takes %s as long%s%s, %s",
			      pb_say_ratio(ratio, PROBE_FIGURE_VALUE, times, sizeof times),
			      v->tied > 1 ? " as " : "", v->tied > 1 ? v->rows[0].cell->path : "",
			      figure);
	say_pays(out, &v->rows[0], cheaper, scale);
	pb_buf_puts(out, ".");
}

static void say_tenth(struct pb_buf *out, const struct probe_verdict *v,
		      const struct probe_scale *scale)
{
	const struct probe_verdict_row *best = &v->rows[0], *other = NULL;
	char figure[PB_SAY];

	/* ctypes where it is there: what most people would otherwise use. */
	for (size_t i = 1; i < v->ranked; i++)
		if (v->rows[i].cell == v->ctypes.other ||
		    (v->rows[i].cell == v->next.other && !v->ctypes.other))
			other = &v->rows[i];
	if (!has_point(&best->tenth))
		return;
	pb_buf_printf(out, " The boundary of %s is under 10%% of the call from %s of compute on",
		      best->cell->path, point(&best->tenth, scale, figure, sizeof figure));
	if (other && has_point(&other->tenth))
		pb_buf_printf(out, ", that of %s from %s", other->cell->path,
			      point(&other->tenth, scale, figure, sizeof figure));
	pb_buf_puts(out, ".");
}

/* Noise only adds: what was contended may be cheaper than it looks. */
static void say_contended(struct pb_buf *out, const struct probe_verdict *v)
{
	size_t n = v->python.other && v->python_contended;
	bool first = true;

	for (size_t i = 0; i < v->row_count; i++)
		n += v->rows[i].contended;
	if (!n)
		return;
	if (n == v->row_count + (v->python.other != NULL)) {
		pb_buf_puts(out, " All of it was measured on a contended core: the figures may be "
				 "too high.");
		return;
	}
	pb_buf_printf(out, " Measured on a contended core, so that the %s may be too high: ",
		      n > 1 ? "figures" : "figure");
	for (size_t i = 0; i < v->row_count; i++) {
		if (!v->rows[i].contended)
			continue;
		pb_buf_printf(out, "%s%s", first ? "" : ", ", v->rows[i].cell->path);
		first = false;
	}
	if (v->python.other && v->python_contended)
		pb_buf_printf(out, "%s%s", first ? "" : ", ", v->python.other->path);
	pb_buf_puts(out, ".");
}

char *probe_verdict_words(const struct probe_verdict *verdict, const struct probe_scale *scale)
{
	struct pb_buf out = {0};

	pb_buf_printf(&out, "%s on %s: ", verdict->workload, verdict->interpreter);
	say_cheapest(&out, verdict, scale);
	say_near(&out, verdict, scale);
	say_prepared(&out, verdict, scale);
	say_python(&out, verdict, scale);
	say_tenth(&out, verdict, scale);
	say_contended(&out, verdict);
	if (out.oom)
		pb_buf_fini(&out);
	return out.data;
}
