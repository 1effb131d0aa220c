/* SPDX-License-Identifier: MIT
 * Figures as people read them: units, significant digits, shares, ratios.
 */
#include "probe/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int probe_scale_get(const struct probe_run *run, enum probe_unit unit, struct probe_scale *out)
{
	const struct probe_counter_facts *counter = &run->counter;

	switch (unit) {
	case PROBE_UNIT_TICKS:
		*out = (struct probe_scale){1, "ticks", false};
		return 0;
	case PROBE_UNIT_NS:
		if (!(counter->hz > 0))
			return -PROBE_ENOENT;
		*out = (struct probe_scale){1e9 / counter->hz, "ns", false};
		return 0;
	case PROBE_UNIT_CYCLES:
		if (!(counter->cycles_per_tick > 0))
			return -PROBE_ENOENT;
		*out = (struct probe_scale){
			counter->cycles_per_tick,
			counter->cycles_estimated ? "cycles (est.)" : "cycles",
			counter->cycles_estimated,
		};
		return 0;
	}
	return -PROBE_ENOENT;
}

/* The power of ten of a number's first digit, within what a double can hold: a cast of anything
 * else is undefined. */
static int magnitude(double number)
{
	double power = floor(log10(fabs(number)));

	return power >= -300 && power <= 300 ? (int)power : power > 300 ? 300 : -300;
}

/* Decimals that the interval supports: one significant digit of it, but never more than the reader
 * can use at the value's size. */
static int decimals(double value, double half)
{
	double size = fabs(value);
	int most = size >= 1000 ? 0 : size >= 100 ? 1 : 2;
	int wanted;

	if (half > 0)
		wanted = -magnitude(half);
	else
		wanted = size > 0 ? 2 - magnitude(size) : 0;
	return wanted < 0 ? 0 : wanted > most ? most : wanted;
}

/* "<0.4": one significant digit, rounded up, so that it holds. */
static void floor_text(double floor_in_unit, char *buf, size_t size)
{
	int digits;
	double step, up;

	if (!(floor_in_unit > 0) || !isfinite(floor_in_unit)) {
		snprintf(buf, size, "<floor");
		return;
	}
	digits = -magnitude(floor_in_unit);
	step = pow(10, -digits);
	up = ceil(floor_in_unit / step - 1e-9) * step;
	snprintf(buf, size, "<%.*f", digits > 0 ? digits : 0, up);
}

const char *probe_figure_text(const struct probe_value *value, double per_tick, double floor_ticks,
			      enum probe_figure_form form, char *buf, size_t size)
{
	double v = value->ticks * per_tick, half = value->half * per_tick;
	bool has_half = isfinite(half);
	double least;
	int digits;

	if (!size)
		return buf;
	buf[0] = '\0';
	if (value->state == PROBE_ABSENT || !isfinite(v))
		return buf;
	if (value->below_floor) {
		if (form != PROBE_FIGURE_HALF)
			floor_text(probe_value_most(value, floor_ticks) * per_tick, buf, size);
		return buf;
	}
	digits = decimals(v, has_half ? half : 0);
	least = pow(10, -digits);
	/* An interval is never rounded to nothing. */
	if (half > 0 && half < least)
		half = least;
	if (fabs(v) < least / 2)
		v = 0; /* no "-0.0" */
	if (form == PROBE_FIGURE_VALUE || (form == PROBE_FIGURE_BOTH && !has_half))
		snprintf(buf, size, "%.*f", digits, v);
	else if (form == PROBE_FIGURE_HALF && has_half)
		snprintf(buf, size, "±%.*f", digits, half);
	else if (form == PROBE_FIGURE_BOTH)
		snprintf(buf, size, "%.*f ±%.*f", digits, v, digits, half);
	return buf;
}

const char *probe_ratio_text(double ratio, char *buf, size_t size)
{
	int digits = 0;

	if (!size)
		return buf;
	buf[0] = '\0';
	if (!isfinite(ratio))
		return buf;
	if (fabs(ratio) > 0)
		digits = 2 - magnitude(ratio);
	if (digits < 0)
		digits = 0;
	snprintf(buf, size, "%.*fx", digits > 4 ? 4 : digits, ratio);
	return buf;
}

const char *probe_share_text(const struct probe_value *part, const struct probe_value *total,
			     char *buf, size_t size)
{
	double percent = 100 * part->ticks / total->ticks;

	if (!size)
		return buf;
	buf[0] = '\0';
	if (part->state == PROBE_ABSENT || total->state == PROBE_ABSENT || part->below_floor ||
	    !isfinite(percent))
		return buf;
	if (fabs(percent) < 0.5)
		percent = 0;
	snprintf(buf, size, "%.0f%%", percent);
	return buf;
}

static double total_of(const struct probe_cell *cell)
{
	const struct probe_engine *engine = cell ? probe_cell_engine(cell) : NULL;

	if (!engine || cell->status != PROBE_CELL_OK || engine->total.state == PROBE_ABSENT)
		return NAN;
	return engine->total.ticks;
}

double probe_run_ratio(const struct probe_run *run, const char *workload, const char *numerator,
		       const char *denominator, const char *interpreter)
{
	double over = total_of(probe_run_find_cell(run, workload, numerator, interpreter));
	double under = total_of(probe_run_find_cell(run, workload, denominator, interpreter));

	return under > 0 ? over / under : NAN;
}

double probe_run_speedup(const struct probe_run *run, const struct probe_cell *cell)
{
	double under = total_of(cell);

	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *other = &run->cells[i];

		if (!strcmp(other->workload, cell->workload) &&
		    !strcmp(other->interpreter, cell->interpreter) &&
		    !strcmp(probe_cell_binding(other), "python") && isfinite(total_of(other)))
			return under > 0 ? total_of(other) / under : NAN;
	}
	return NAN;
}

double probe_closure_percent(const struct probe_engine *engine)
{
	if (engine->closure.state == PROBE_ABSENT || engine->total.state == PROBE_ABSENT ||
	    !(engine->total.ticks > 0))
		return NAN;
	return 100 * engine->closure.ticks / engine->total.ticks;
}

bool probe_closure_is_off(const struct probe_engine *engine)
{
	double percent = probe_closure_percent(engine);

	return isfinite(percent) && fabs(percent) > 2 &&
	       fabs(engine->closure.ticks) > engine->closure.half;
}

bool probe_overlap_matters(const struct probe_engine *engine)
{
	const struct probe_value *overlap = &engine->overlap;

	return overlap->state != PROBE_ABSENT && fabs(overlap->ticks) > overlap->half &&
	       fabs(overlap->ticks) > 0.02 * engine->total.ticks;
}

const char *probe_interpreter_text(const struct probe_interpreter *interpreter, char *buf,
				   size_t size)
{
	const char *joint = interpreter->optimisation[0] && interpreter->compiler[0] ? "; " : "";

	unsigned n = interpreter->subinterpreters;
	char where[48] = "";

	if (n == 1)
		snprintf(where, sizeof where, "; in a sub-interpreter");
	else if (n)
		snprintf(where, sizeof where, "; in the last of %u sub-interpreters", n);
	snprintf(buf, size, "%s%s%s%s", interpreter->optimisation, joint, interpreter->compiler,
		 where);
	return buf;
}

const char *probe_run_fact(const struct probe_run *run, const char *key)
{
	for (size_t i = 0; i < run->fact_count; i++)
		if (!strcmp(run->facts[i].key, key))
			return run->facts[i].value;
	return NULL;
}
