/* SPDX-License-Identifier: MIT */
#include "engine/quantities.h"

#define HAS(rungs, r) (((rungs) & (1u << (r))) != 0)

static const unsigned outer_mask = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN);
static const unsigned state_mask = PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH);
static const unsigned invoke_mask = PROBE_BIT(PROBE_SUB_INVOKE);
static const unsigned python_mask = PROBE_BIT(PROBE_SUB_PYTHON);

static struct pb_quantity difference(unsigned mask, enum probe_rung upper, enum probe_rung lower)
{
	struct pb_quantity q = {.mask = mask};
	q.coef[upper] += 1;
	q.coef[lower] -= 1;
	return q;
}

/* How much of a target's time hides behind its neighbours depends on these: of 15 ns, 4 to 10 were
 * left by the difference of REAL and TARGET, by the binding. Between fences it is the same through
 * every binding; what was hidden is returned. */
static struct pb_quantity fence(struct pb_quantity *compute)
{
	struct pb_quantity fenced =
		difference(compute->mask, PROBE_RUNG_FENCED, PROBE_RUNG_FENCED_TARGET);
	struct pb_quantity overlap = fenced;
	for (size_t r = 0; r < PROBE_COLUMNS; r++)
		overlap.coef[r] -= compute->coef[r];
	*compute = fenced;
	return overlap;
}

static void add_part(struct pb_quantities *out, struct pb_quantity part)
{
	if (part.mask)
		out->parts[out->part_count++] = part;
}

void pb_quantities_fold(struct pb_quantities *out)
{
	struct probe_part parts[PROBE_MAX_PARTS];
	for (size_t i = 0; i < out->part_count; i++)
		parts[i] = (struct probe_part){.mask = out->parts[i].mask};
	struct probe_part folded[3];
	out->folded_count = probe_parts_fold(parts, out->part_count, folded);
	for (size_t f = 0; f < out->folded_count; f++) {
		out->folded[f] = (struct pb_quantity){.mask = folded[f].mask};
		for (size_t i = 0; i < out->part_count; i++) {
			if (!(out->parts[i].mask & probe_fold_members(folded[f].mask)))
				continue;
			for (size_t r = 0; r < PROBE_COLUMNS; r++)
				out->folded[f].coef[r] += out->parts[i].coef[r];
		}
	}
}

/* What a layer costs depends on what runs beside it (the processor overlaps them). Thread-state
 * calls and ffi_call are therefore each taken out both with the other in place and with it stubbed;
 * the mean of the two is the part, half of their difference its doubt. The sum is unchanged. */
static void split_symmetrically(struct pb_quantities *out, struct pb_quantity *rest,
				struct pb_quantity *state, struct pb_quantity *invoke)
{
	static const struct {
		enum probe_rung rung;
		double state, invoke, interaction;
	} rows[] = {
		{PROBE_RUNG_TARGET, 0.5, 0.5, 1},
		{PROBE_RUNG_SIDE, -0.5, 0.5, -1},
		{PROBE_RUNG_INVOKE, 0.5, -0.5, -1},
		{PROBE_RUNG_SIDE_INVOKE, -0.5, -0.5, 1},
	};
	for (size_t i = 0; i < 4; i++) {
		enum probe_rung r = rows[i].rung;
		rest->coef[r] += state->coef[r] + invoke->coef[r] - rows[i].state - rows[i].invoke;
		state->coef[r] = rows[i].state;
		invoke->coef[r] = rows[i].invoke;
		out->interaction.coef[r] = rows[i].interaction;
	}
	out->interaction.mask = rest->mask | state->mask | invoke->mask;
}

struct pb_quantities pb_quantities_of(unsigned rungs, unsigned subphases, bool pure_python)
{
	struct pb_quantities out = {0};
	out.total = difference(PROBE_MASK_ALL, PROBE_RUNG_REAL, PROBE_RUNG_EMPTY);
	if (pure_python) {
		if (HAS(rungs, PROBE_RUNG_PYCALL))
			out.empty_call =
				difference(PROBE_MASK_ALL, PROBE_RUNG_PYCALL, PROBE_RUNG_EMPTY);
		return out;
	}

	unsigned middle = subphases;
	enum probe_rung above = PROBE_RUNG_EMPTY, below = PROBE_RUNG_REAL;
	struct pb_quantity callback = {0}, python = {0};
	/* The body first, then the way there and back: what no rung takes out stays in compute. */
	if (HAS(rungs, PROBE_RUNG_CALLBACK_EMPTY) && (subphases & python_mask)) {
		python = difference(python_mask, below, PROBE_RUNG_CALLBACK_EMPTY);
		middle &= ~python_mask;
		below = PROBE_RUNG_CALLBACK_EMPTY;
	}
	if (HAS(rungs, PROBE_RUNG_CALLBACK_STUB) && (subphases & PROBE_MASK_CALLBACK)) {
		callback =
			difference(middle & PROBE_MASK_CALLBACK, below, PROBE_RUNG_CALLBACK_STUB);
		middle &= ~PROBE_MASK_CALLBACK;
		below = PROBE_RUNG_CALLBACK_STUB;
	}
	const unsigned compute_mask = middle & probe_fold_members(PROBE_MASK_COMPUTE);
	if (HAS(rungs, PROBE_RUNG_ENTRY)) {
		add_part(&out, difference(outer_mask & subphases, PROBE_RUNG_ENTRY, above));
		middle &= ~outer_mask;
		above = PROBE_RUNG_ENTRY;
	}
	struct pb_quantity compute = {0}, invoke = {0}, state = {0};
	if (HAS(rungs, PROBE_RUNG_TARGET)) {
		compute = difference(compute_mask, below, PROBE_RUNG_TARGET);
		if (HAS(rungs, PROBE_RUNG_FENCED) && HAS(rungs, PROBE_RUNG_FENCED_TARGET) &&
		    below == PROBE_RUNG_REAL)
			out.overlap = fence(&compute);
		middle &= ~compute_mask;
		below = PROBE_RUNG_TARGET;
	}
	if (HAS(rungs, PROBE_RUNG_INVOKE) && (subphases & invoke_mask)) {
		/* Without a target stub, what is under the thunk stays one piece with it. */
		unsigned mask = invoke_mask;
		if (below != PROBE_RUNG_TARGET)
			mask |= compute_mask;
		invoke = difference(mask, below, PROBE_RUNG_INVOKE);
		middle &= ~mask;
		below = PROBE_RUNG_INVOKE;
	}
	struct pb_quantity rest = difference(middle, below, above);
	if (HAS(rungs, PROBE_RUNG_SIDE) && HAS(rungs, PROBE_RUNG_TARGET) &&
	    (subphases & state_mask)) {
		state = difference(state_mask & subphases, PROBE_RUNG_TARGET, PROBE_RUNG_SIDE);
		rest.mask &= ~state_mask;
		for (size_t r = 0; r < PROBE_COLUMNS; r++)
			rest.coef[r] -= state.coef[r];
	}
	if (state.mask && invoke.mask && HAS(rungs, PROBE_RUNG_SIDE_INVOKE))
		split_symmetrically(&out, &rest, &state, &invoke);
	add_part(&out, rest);
	add_part(&out, state);
	add_part(&out, invoke);
	add_part(&out, compute);
	add_part(&out, callback);
	add_part(&out, python);
	pb_quantities_fold(&out);
	return out;
}
