/* SPDX-License-Identifier: MIT
 * Break-even: from which compute time on a boundary no longer matters, or pays. The formulas are
 * derived at enum probe_breakeven_kind.
 */
#include <math.h>
#include <stdio.h>

#include "result/verdict_parts.h"

static const struct probe_breakeven nothing = {PROBE_BREAKEVEN_ABSENT, NAN, NAN, NAN};

static struct probe_breakeven of_kind(enum probe_breakeven_kind kind)
{
	return (struct probe_breakeven){kind, NAN, NAN, NAN};
}

static struct probe_breakeven below(double high)
{
	return (struct probe_breakeven){PROBE_BREAKEVEN_BELOW, NAN, NAN, high};
}

struct probe_breakeven pb_breakeven_tenth(const struct probe_value *boundary, double floor_ticks)
{
	double b = boundary->ticks, half = boundary->half;

	if (boundary->state == PROBE_ABSENT)
		return nothing;
	if (boundary->below_floor || b <= half)
		return below(9 * probe_value_most(boundary, floor_ticks));
	return (struct probe_breakeven){PROBE_BREAKEVEN_AT, 9 * b, 9 * (b - half), 9 * (b + half)};
}

/* B - E, C and g of the formula. */
enum { EXTRA, COMPUTE, WORK, INPUTS };

static double crossing(const double x[INPUTS])
{
	return x[EXTRA] * x[COMPUTE] / (x[WORK] - x[COMPUTE]);
}

/* Each input moved to both ends of its interval in turn, the others kept; what comes of it is added
 * in quadrature for each side, as the formula is far from linear near g = C. */
static struct probe_breakeven propagate(enum probe_breakeven_kind kind, const double x[INPUTS],
					const double half[INPUTS])
{
	double at = crossing(x), up = 0, down = 0;

	for (int i = 0; i < INPUTS; i++) {
		double rise = 0, fall = 0;

		for (int sign = -1; sign <= 1; sign += 2) {
			double moved[INPUTS] = {x[EXTRA], x[COMPUTE], x[WORK]}, by;

			moved[i] += sign * half[i];
			by = crossing(moved) - at;
			rise = fmax(rise, by);
			fall = fmax(fall, -by);
		}
		up = hypot(up, rise);
		down = hypot(down, fall);
	}
	return (struct probe_breakeven){kind, at, fmax(at - down, 0), at + up};
}

struct probe_breakeven pb_breakeven_python(const struct probe_value *boundary,
					   const struct pb_work *work)
{
	const struct probe_value *c = &work->compute;
	struct probe_value empty = {.state = PROBE_EXACT};
	struct probe_breakeven at = nothing;
	double x[INPUTS], half[INPUTS], compute_high, work_low, work_high, extra_high;
	bool bound;

	if (boundary->state == PROBE_ABSENT || c->state == PROBE_ABSENT || !work->python)
		return nothing;
	if (work->empty && work->empty->state != PROBE_ABSENT)
		empty = *work->empty;
	x[EXTRA] = boundary->ticks - empty.ticks;
	half[EXTRA] = hypot(boundary->half, empty.half);
	x[COMPUTE] = c->ticks;
	half[COMPUTE] = c->half;
	x[WORK] = work->python->ticks - empty.ticks;
	half[WORK] = hypot(work->python->half, empty.half);
	compute_high = probe_value_most(c, work->floor_ticks);
	work_low = x[WORK] - half[WORK];
	work_high = x[WORK] + half[WORK];
	extra_high = x[EXTRA] + half[EXTRA];

	if (work_low > compute_high) { /* Python's work is the slower one */
		if (extra_high <= 0)
			return of_kind(PROBE_BREAKEVEN_ALWAYS);
		/* Compute is only known to be small, or the boundary may be no dearer than Python's
		 * own call: then the point is only known to lie below the worst of all corners. */
		bound = c->below_floor || c->ticks <= c->half || x[EXTRA] <= half[EXTRA];
		if (bound)
			at.high = extra_high * compute_high / (work_low - compute_high);
		else
			at = propagate(PROBE_BREAKEVEN_AT, x, half);
		/* Nor is a point below the floor known any closer. */
		return bound || at.high <= work->floor_ticks
			       ? below(fmax(at.high, work->floor_ticks))
			       : at;
	}
	if (!c->below_floor && work_high < c->ticks - c->half) { /* Python's is the faster one */
		if (x[EXTRA] >= half[EXTRA])
			return of_kind(PROBE_BREAKEVEN_NEVER);
		if (extra_high < 0 && work_low > 0)
			return propagate(PROBE_BREAKEVEN_UNTIL, x, half);
	}
	return of_kind(PROBE_BREAKEVEN_UNCLEAR);
}

/* Two significant digits: enough for the ends of a wide interval. */
static void round_text(double value, char *buf, size_t size)
{
	int digits = value > 0 && isfinite(value) ? 1 - (int)floor(log10(value)) : 0;
	double step = pow(10, -digits);

	snprintf(buf, size, "%.*f", digits > 0 ? digits : 0, round(value / step) * step);
}

const char *probe_breakeven_text(const struct probe_breakeven *breakeven, double per_tick,
				 char *buf, size_t size)
{
	static const char *const words[] = {
		[PROBE_BREAKEVEN_ALWAYS] = "always",
		[PROBE_BREAKEVEN_NEVER] = "never",
		[PROBE_BREAKEVEN_UNCLEAR] = "?",
	};
	bool until = breakeven->kind == PROBE_BREAKEVEN_UNTIL;
	double half = fmax(breakeven->high - breakeven->ticks, breakeven->ticks - breakeven->low);
	struct probe_value value = {PROBE_EXACT, breakeven->ticks, half, false};
	char figure[64], low[32];

	if (!size)
		return buf;
	buf[0] = '\0';
	switch (breakeven->kind) {
	case PROBE_BREAKEVEN_ABSENT:
		break;
	case PROBE_BREAKEVEN_ALWAYS:
	case PROBE_BREAKEVEN_NEVER:
	case PROBE_BREAKEVEN_UNCLEAR:
		snprintf(buf, size, "%s", words[breakeven->kind]);
		break;
	case PROBE_BREAKEVEN_BELOW:
		value = (struct probe_value){PROBE_EXACT, breakeven->high, 0, true};
		probe_figure_text(&value, per_tick, 0, PROBE_FIGURE_VALUE, buf, size);
		break;
	case PROBE_BREAKEVEN_AT:
	case PROBE_BREAKEVEN_UNTIL:
		probe_figure_text(&value, per_tick, 0, PROBE_FIGURE_BOTH, figure, sizeof figure);
		if (half > breakeven->ticks / 2) {
			round_text(breakeven->low * per_tick, low, sizeof low);
			round_text(breakeven->high * per_tick, figure, sizeof figure);
			snprintf(buf, size, "%s%s to %s", until ? "up to " : "", low, figure);
		} else {
			snprintf(buf, size, "%s%s", until ? "up to " : "", figure);
		}
		break;
	}
	return buf;
}
