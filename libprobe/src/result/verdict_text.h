/* SPDX-License-Identifier: MIT
 * Figures inside sentences: with their unit, in a thousand of it where that reads better.
 */
#ifndef PB_VERDICT_TEXT_H
#define PB_VERDICT_TEXT_H

#include "probe/verdict.h"

/* Room for a figure with its interval and unit. */
#define PB_SAY 112

/* Writes "513 ±3 ns", "<1.2 ns". Returns buf. */
const char *pb_say_value(const struct probe_value *value, double floor_ticks,
			 const struct probe_scale *scale, char *buf, size_t size);

/* Writes "2.2 ±0.1x" or "2.2x", as exact as the interval allows; "" when absent. Returns buf. */
const char *pb_say_ratio(const struct probe_ratio *ratio, enum probe_figure_form form, char *buf,
			 size_t size);

#endif
