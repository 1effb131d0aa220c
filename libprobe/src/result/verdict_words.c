/* SPDX-License-Identifier: MIT
 * The verdict in words: one paragraph for a workload on an interpreter.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "result/verdict_text.h"

/* How many names a list in the paragraph holds before it says "and 4 more". */
#define MOST_NAMES 5

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

static void add_names(struct pb_buf *out, const struct probe_verdict *v,
		      const struct probe_scale *scale)
{
	size_t named = v->tied > MOST_NAMES ? MOST_NAMES : v->tied;
	char figure[PB_SAY];

	for (size_t i = 0; i < named; i++)
		pb_buf_printf(out, "%s%s (%s)",
			      !i                                   ? ""
			      : i + 1 == named && named == v->tied ? " and "
								   : ", ",
			      v->rows[i].cell->path,
			      pb_say_value(&v->rows[i].total, v->rows[i].floor_ticks, scale, figure,
					   sizeof figure));
	if (named < v->tied)
		pb_buf_printf(out, " and %zu more", v->tied - named);
}

static void say_cheapest(struct pb_buf *out, const struct probe_verdict *v,
			 const struct probe_scale *scale)
{
	const struct probe_verdict_row *best = &v->rows[0];
	char figure[PB_SAY];
	bool said;

	if (v->tied > 1) {
		add_names(out, v, scale);
		pb_buf_puts(out, " can't be told apart");
		if (v->tied < v->row_count)
			pb_buf_puts(out, " and are the cheapest");
	} else {
		pb_buf_printf(out, "%s is the %s binding%s, %s", best->cell->path,
			      v->row_count > 1 ? "cheapest" : "only",
			      v->row_count > 1 ? "" : " measured",
			      pb_say_value(&best->total, best->floor_ticks, scale, figure,
					   sizeof figure));
	}
	said = add_comparison(out, ", ", &v->next, &best->total, scale);
	add_comparison(out, said ? " and " : ", ", &v->ctypes, &best->total, scale);
	pb_buf_puts(out, ".");
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
	if (!v->python.separate)
		pb_buf_printf(out, " Pure Python (%s) can't be told from %s", figure,
			      v->tied > 1 ? "them" : "it");
	else if (cheaper)
		pb_buf_printf(out, " Pure Python is cheaper still, %s, %s less", figure,
			      pb_say_ratio(&inverse, PROBE_FIGURE_VALUE, times, sizeof times));
	else
		pb_buf_printf(out, " Pure Python takes %s as long, %s",
			      pb_say_ratio(ratio, PROBE_FIGURE_VALUE, times, sizeof times), figure);
	say_pays(out, &v->rows[0], cheaper, scale);
	pb_buf_puts(out, ".");
}

static void say_tenth(struct pb_buf *out, const struct probe_verdict *v,
		      const struct probe_scale *scale)
{
	const struct probe_verdict_row *best = &v->rows[0], *other = NULL;
	char figure[PB_SAY];

	/* ctypes where it is there: what most people would otherwise use. */
	for (size_t i = 1; i < v->row_count; i++)
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
	say_python(&out, verdict, scale);
	say_tenth(&out, verdict, scale);
	say_contended(&out, verdict);
	if (out.oom)
		pb_buf_fini(&out);
	return out.data;
}
