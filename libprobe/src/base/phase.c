/* SPDX-License-Identifier: MIT
 * Names of the phases of a call, and the folding of an engine's parts into dispatch, marshalling
 * and compute.
 */
#include "probe/phase.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PHASES 3

static const struct {
	const char *name;
	unsigned mask;
} phases[PHASES] = {
	{"dispatch", PROBE_MASK_DISPATCH},
	{"marshalling", PROBE_MASK_MARSHALLING},
	{"compute", PROBE_MASK_COMPUTE},
};

static const struct {
	const char *name;
	const char *in_phase; /* after "dispatch.", "marshalling." or "compute." */
} subphases[PROBE_SUB_COUNT] = {
	[PROBE_SUB_CALL] = {"call", "call"},
	[PROBE_SUB_MARSHAL_IN] = {"marshal_in", "in"},
	[PROBE_SUB_DETACH] = {"detach", "detach"},
	[PROBE_SUB_INVOKE] = {"invoke", "invoke"},
	[PROBE_SUB_COMPUTE] = {"compute", "native"},
	[PROBE_SUB_ATTACH] = {"attach", "attach"},
	[PROBE_SUB_MARSHAL_OUT] = {"marshal_out", "out"},
	[PROBE_SUB_RETURN] = {"return", "return"},
	[PROBE_SUB_CALLBACK] = {"callback", "callback"},
	[PROBE_SUB_PYTHON] = {"python", "python"},
};

const char *probe_subphase_name(enum probe_subphase sub)
{
	return (unsigned)sub < PROBE_SUB_COUNT ? subphases[sub].name : "?";
}

/* Appends word to the list in buf; a list that does not fit is cut, never overrun. */
static void append(char *buf, size_t size, const char *word, char separator)
{
	size_t len = strlen(buf);
	char joint[2] = {len ? separator : '\0', '\0'};

	snprintf(buf + len, size - len, "%s%s", joint, word);
}

const char *probe_part_name(unsigned mask, char *buf, size_t size)
{
	unsigned named = 0;

	if (!size)
		return buf;
	buf[0] = '\0';
	for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++) {
		const char *word = subphases[sub].name;

		if (!(mask & PROBE_BIT(sub)) || (named & PROBE_BIT(sub)))
			continue;
		named |= PROBE_BIT(sub);
		/* A phase that is there as a whole goes by its own name, at its first member. */
		for (size_t p = 0; p < PHASES; p++) {
			if ((phases[p].mask & PROBE_BIT(sub)) &&
			    (mask & phases[p].mask) == phases[p].mask) {
				word = phases[p].name;
				named |= phases[p].mask;
			}
		}
		append(buf, size, word, '+');
	}
	if (!buf[0])
		append(buf, size, "?", '+');
	return buf;
}

unsigned probe_fold_members(unsigned folded_mask)
{
	return folded_mask & PROBE_MASK_COMPUTE ? folded_mask | PROBE_MASK_CALLBACK : folded_mask;
}

const char *probe_part_id(unsigned mask, char *buf, size_t size)
{
	char separator = '.';

	if (!size)
		return buf;
	for (size_t p = 0; p < PHASES; p++) {
		if (!(mask & PROBE_MASK_EVERY) || mask == phases[p].mask ||
		    (mask & ~probe_fold_members(phases[p].mask)))
			continue;
		buf[0] = '\0';
		append(buf, size, phases[p].name, '.');
		for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++) {
			if (mask & PROBE_BIT(sub)) {
				append(buf, size, subphases[sub].in_phase, separator);
				separator = '+';
			}
		}
		return buf;
	}
	return probe_part_name(mask, buf, size);
}

const char *probe_part_id_among(const struct probe_part *parts, size_t n, size_t i, char *buf,
				size_t size)
{
	bool rest = false;

	for (size_t k = 0; k < n; k++)
		rest = rest || (k != i && (parts[k].mask & PROBE_MASK_CALLBACK));
	if (!rest || parts[i].mask != PROBE_MASK_COMPUTE)
		return probe_part_id(parts[i].mask, buf, size);
	if (size)
		snprintf(buf, size, "compute.native");
	return buf;
}

double probe_value_most(const struct probe_value *value, double floor_ticks)
{
	if (value->state == PROBE_ABSENT)
		return NAN;
	if (!value->below_floor)
		return value->ticks + value->half;
	return fmax(fabs(value->ticks) + value->half, floor_ticks);
}

/* The sum of a and b, with independent errors; absent when either is, as half a sum is no sum. */
static struct probe_value add(struct probe_value a, struct probe_value b)
{
	struct probe_value sum = {
		.state = a.state > b.state ? a.state : b.state,
		.ticks = a.ticks + b.ticks,
		.half = hypot(a.half, b.half),
		.below_floor = a.below_floor && b.below_floor,
	};

	if (a.state == PROBE_ABSENT || b.state == PROBE_ABSENT)
		sum = (struct probe_value){.state = PROBE_ABSENT, .ticks = NAN, .half = NAN};
	return sum;
}

size_t probe_parts_fold(const struct probe_part *parts, size_t n, struct probe_part out[3])
{
	size_t group[PHASES] = {0, 1, 2}; /* smallest phase of the merged set it belongs to */
	bool touched[PHASES] = {false};
	size_t folded = 0;

	for (size_t i = 0; i < n; i++) {
		size_t first = PHASES;

		for (size_t p = 0; p < PHASES; p++) {
			if (!(parts[i].mask & probe_fold_members(phases[p].mask)))
				continue;
			touched[p] = true;
			if (first == PHASES) {
				first = p;
				continue;
			}
			size_t a = group[first], b = group[p];
			for (size_t q = 0; q < PHASES; q++)
				if (group[q] == a || group[q] == b)
					group[q] = a < b ? a : b;
		}
	}
	for (size_t g = 0; g < PHASES; g++) {
		struct probe_part fold = {0};
		bool any = false;

		for (size_t p = 0; p < PHASES; p++)
			if (group[p] == g && touched[p])
				fold.mask |= phases[p].mask;
		for (size_t i = 0; i < n && fold.mask; i++) {
			if (!(parts[i].mask & probe_fold_members(fold.mask)))
				continue;
			fold.value = any ? add(fold.value, parts[i].value) : parts[i].value;
			any = true;
		}
		if (fold.mask)
			out[folded++] = fold;
	}
	return folded;
}
