/* SPDX-License-Identifier: MIT
 * What each set of rungs can tell apart, checked against a call whose costs are all known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/quantities.h"

#define BIT(rung) (1u << (rung))
#define BASE      (BIT(PROBE_RUNG_EMPTY) | BIT(PROBE_RUNG_REAL))
#define EVERY                                                                                      \
	(BASE | BIT(PROBE_RUNG_ENTRY) | BIT(PROBE_RUNG_INVOKE) | BIT(PROBE_RUNG_TARGET) |          \
	 BIT(PROBE_RUNG_SIDE) | BIT(PROBE_RUNG_SIDE_INVOKE))
#define STATE    (PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH))
#define CALLBACK (BIT(PROBE_RUNG_CALLBACK_STUB) | BIT(PROBE_RUNG_CALLBACK_EMPTY))

static const unsigned libffi_path = PROBE_MASK_ALL; /* ctypes, cffi in ABI mode */
static const unsigned api_path = PROBE_MASK_ALL & ~PROBE_BIT(PROBE_SUB_INVOKE);
static const unsigned capi_path = PROBE_MASK_ALL & ~PROBE_BIT(PROBE_SUB_INVOKE) & ~STATE;

static const double loop_ticks = 1000;
/* Powers of two: every set of sub-phases has its own sum. */
static const double cost[PROBE_SUB_COUNT] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

static double cost_of(unsigned mask)
{
	double sum = 0;
	for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++)
		if (mask & PROBE_BIT(sub))
			sum += cost[sub];
	return sum;
}

/* What a rung takes, from what its stub leaves out: the definition, written down again. */
static double ticks_of(unsigned rung, unsigned subphases)
{
	const unsigned compute = probe_fold_members(PROBE_MASK_COMPUTE);
	const unsigned invoke = PROBE_BIT(PROBE_SUB_INVOKE);
	const unsigned left_out[PROBE_RUNG_COUNT] = {
		[PROBE_RUNG_EMPTY] = PROBE_MASK_EVERY,
		[PROBE_RUNG_ENTRY] = PROBE_MASK_EVERY & ~PROBE_BIT(PROBE_SUB_CALL) &
				     ~PROBE_BIT(PROBE_SUB_RETURN),
		[PROBE_RUNG_INVOKE] = invoke | compute,
		[PROBE_RUNG_TARGET] = compute,
		[PROBE_RUNG_REAL] = 0,
		[PROBE_RUNG_SIDE] = compute | STATE,
		[PROBE_RUNG_SIDE_INVOKE] = compute | STATE | invoke,
		[PROBE_RUNG_CALLBACK_STUB] = PROBE_MASK_CALLBACK,
		[PROBE_RUNG_CALLBACK_EMPTY] = PROBE_BIT(PROBE_SUB_PYTHON),
		[PROBE_RUNG_FENCED] = 0,
		[PROBE_RUNG_FENCED_TARGET] = compute,
	};
	return loop_ticks + cost_of(subphases & ~left_out[rung]);
}

static double apply(const struct pb_quantity *q, unsigned rungs, unsigned subphases)
{
	double sum = 0;
	for (unsigned c = 0; c < PROBE_COLUMNS; c++) {
		if (q->coef[c] == 0)
			continue;
		assert_true(rungs & BIT(c)); /* only of what was measured */
		sum += q->coef[c] * ticks_of(c, subphases);
	}
	return sum;
}

static void check(unsigned rungs, unsigned subphases)
{
	struct pb_quantities q = pb_quantities_of(rungs, subphases, false);
	unsigned seen = 0, phases_seen = 0;
	double sum[PROBE_COLUMNS] = {0}, folded_sum[PROBE_COLUMNS] = {0};

	assert_true(q.part_count >= 1 && q.part_count <= PROBE_MAX_PARTS);
	assert_int_equal(q.total.mask, PROBE_MASK_ALL);
	assert_int_equal(q.empty_call.mask, 0);
	for (size_t i = 0; i < q.part_count; i++) {
		const struct pb_quantity *part = &q.parts[i];
		if (seen & part->mask || part->mask & ~subphases || !part->mask)
			fail_msg("rungs %#x path %#x: part %zu is %#x, before it %#x", rungs,
				 subphases, i, part->mask, seen);
		seen |= part->mask;
		double got = apply(part, rungs, subphases);
		if (got != cost_of(part->mask))
			fail_msg("rungs %#x path %#x: part %#x gives %g, not %g", rungs, subphases,
				 part->mask, got, cost_of(part->mask));
		for (unsigned c = 0; c < PROBE_COLUMNS; c++)
			sum[c] += part->coef[c];
	}
	assert_int_equal(seen, subphases);
	assert_true(apply(&q.total, rungs, subphases) == cost_of(subphases));
	for (size_t f = 0; f < q.folded_count; f++) {
		const struct pb_quantity *fold = &q.folded[f];
		assert_int_equal(phases_seen & fold->mask, 0);
		phases_seen |= fold->mask;
		assert_true(apply(fold, rungs, subphases) ==
			    cost_of(probe_fold_members(fold->mask) & subphases));
		for (unsigned c = 0; c < PROBE_COLUMNS; c++)
			folded_sum[c] += fold->coef[c];
	}
	assert_int_equal(phases_seen, PROBE_MASK_ALL);
	/* Costs that simply add up leave no doubt. */
	assert_true(apply(&q.interaction, rungs, subphases) == 0);
	for (unsigned c = 0; c < PROBE_COLUMNS; c++) {
		assert_true(sum[c] == q.total.coef[c]);
		assert_true(folded_sum[c] == q.total.coef[c]);
	}
}

/* Also rungs that a path can't have: they must be ignored, not believed. */
static void parts_split_every_path_exactly(void **state)
{
	(void)state;
	const unsigned paths[] = {libffi_path,
				  api_path,
				  capi_path,
				  libffi_path | PROBE_MASK_CALLBACK,
				  api_path | PROBE_MASK_CALLBACK,
				  capi_path | PROBE_MASK_CALLBACK};
	const unsigned optional[] = {PROBE_RUNG_ENTRY,         PROBE_RUNG_INVOKE,
				     PROBE_RUNG_TARGET,        PROBE_RUNG_SIDE,
				     PROBE_RUNG_SIDE_INVOKE,   PROBE_RUNG_CALLBACK_STUB,
				     PROBE_RUNG_CALLBACK_EMPTY};
	for (size_t p = 0; p < 6; p++)
		for (unsigned some = 0; some < 128; some++) {
			unsigned rungs = BASE;
			for (unsigned k = 0; k < 7; k++)
				if (some & (1u << k))
					rungs |= BIT(optional[k]);
			check(rungs, paths[p]);
		}
}

static void parts_are_as_fine_as_the_rungs_allow(void **state)
{
	(void)state;
	const unsigned entry = BIT(PROBE_RUNG_ENTRY), invoke = BIT(PROBE_RUNG_INVOKE);
	const unsigned target = BIT(PROBE_RUNG_TARGET), side = BIT(PROBE_RUNG_SIDE);
	const unsigned stub = BIT(PROBE_RUNG_CALLBACK_STUB);
	const unsigned with_callback = capi_path | PROBE_MASK_CALLBACK;
	const struct {
		unsigned rungs, subphases;
		const char *parts;  /* run file's names, in order */
		const char *folded; /* what a table's columns are called */
	} rows[] = {
		{EVERY, libffi_path,
		 "dispatch.call+return marshalling dispatch.detach+attach dispatch.invoke compute",
		 "dispatch marshalling compute"},
		{EVERY & ~side, libffi_path,
		 "dispatch.call+return marshalling+detach+attach dispatch.invoke compute",
		 "dispatch+marshalling compute"},
		{EVERY & ~entry, libffi_path,
		 "call+marshalling+return dispatch.detach+attach dispatch.invoke compute",
		 "dispatch+marshalling compute"},
		{EVERY & ~invoke, libffi_path,
		 "dispatch.call+return marshalling+invoke dispatch.detach+attach compute",
		 "dispatch+marshalling compute"},
		{EVERY & ~target, libffi_path,
		 "dispatch.call+return marshalling+detach+attach invoke+compute",
		 "dispatch+marshalling+compute"},
		{BASE | entry, libffi_path,
		 "dispatch.call+return marshalling+detach+invoke+compute+attach",
		 "dispatch+marshalling+compute"},
		{BASE | target, libffi_path, "dispatch+marshalling compute",
		 "dispatch+marshalling compute"},
		{BASE, libffi_path, "dispatch+marshalling+compute", "dispatch+marshalling+compute"},
		{EVERY & ~invoke, api_path,
		 "dispatch.call+return marshalling dispatch.detach+attach compute",
		 "dispatch marshalling compute"},
		{BASE | entry | target, capi_path, "dispatch.call+return marshalling compute",
		 "dispatch marshalling compute"},
		{EVERY | CALLBACK, libffi_path | PROBE_MASK_CALLBACK,
		 "dispatch.call+return marshalling dispatch.detach+attach dispatch.invoke "
		 "compute.native compute.callback compute.python",
		 "dispatch marshalling compute"},
		{BASE | entry | target | stub, with_callback,
		 "dispatch.call+return marshalling compute.native compute.callback+python",
		 "dispatch marshalling compute"},
		{(BASE | entry | target | CALLBACK) & ~stub, with_callback,
		 "dispatch.call+return marshalling compute.native+callback compute.python",
		 "dispatch marshalling compute"},
		{BASE | entry | target, with_callback,
		 "dispatch.call+return marshalling compute.native+callback+python",
		 "dispatch marshalling compute"},
		{BASE | entry | CALLBACK, with_callback,
		 "dispatch.call+return marshalling+compute compute.callback compute.python",
		 "dispatch marshalling+compute"},
		{BASE | CALLBACK, with_callback,
		 "call+marshalling+compute+return compute.callback compute.python",
		 "dispatch+marshalling+compute"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pb_quantities q = pb_quantities_of(rows[i].rungs, rows[i].subphases, false);
		char line[512] = "", name[128];
		size_t n = 0;
		struct probe_part parts[PROBE_MAX_PARTS];
		for (size_t k = 0; k < q.part_count; k++)
			parts[k] = (struct probe_part){.mask = q.parts[k].mask};
		for (size_t k = 0; k < q.part_count; k++)
			n += (size_t)snprintf(
				line + n, sizeof line - n, "%s%s", k ? " " : "",
				probe_part_id_among(parts, q.part_count, k, name, sizeof name));
		assert_string_equal(line, rows[i].parts);
		n = 0;
		for (size_t k = 0; k < q.folded_count; k++)
			n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", k ? " " : "",
					      probe_part_name(q.folded[k].mask, name, sizeof name));
		assert_string_equal(line, rows[i].folded);
	}
}

/* A core that does some of the other phases while the target runs: the whole call is shorter by
 * that, and the fences show it. */
static void fences_give_compute_what_was_hidden(void **state)
{
	(void)state;
	const double hidden = 7;
	const unsigned fences = BIT(PROBE_RUNG_FENCED) | BIT(PROBE_RUNG_FENCED_TARGET);
	const unsigned paths[] = {libffi_path, api_path, capi_path};
	for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
		struct pb_quantities q = pb_quantities_of(EVERY | fences, paths[p], false);
		double sum = 0, total = apply(&q.total, EVERY, paths[p]) - hidden;
		for (size_t i = 0; i < q.part_count; i++) {
			const struct pb_quantity *part = &q.parts[i];
			double got = apply(part, EVERY | fences, paths[p]);
			got -= hidden * part->coef[PROBE_RUNG_REAL];
			assert_true(got == cost_of(part->mask));
			sum += got;
		}
		double overlap = apply(&q.overlap, EVERY | fences, paths[p]) -
				 hidden * q.overlap.coef[PROBE_RUNG_REAL];
		assert_true(overlap == hidden && sum - overlap == total);
	}
	/* One fence alone says nothing. */
	struct pb_quantities q =
		pb_quantities_of(EVERY | BIT(PROBE_RUNG_FENCED), libffi_path, false);
	assert_int_equal(q.overlap.mask, 0);
	check(EVERY | BIT(PROBE_RUNG_FENCED), libffi_path);
}

/* Where thread-state calls cost x more beside a real ffi_call, each of the two gets half of it. */
static void an_interaction_is_shared_and_stated(void **state)
{
	(void)state;
	const double x = 6;
	struct pb_quantities q = pb_quantities_of(EVERY, libffi_path, false);
	assert_int_equal(q.interaction.mask,
			 STATE | PROBE_MASK_MARSHALLING | PROBE_BIT(PROBE_SUB_INVOKE));
	/* x is in every rung that has both. */
	const unsigned both[] = {PROBE_RUNG_TARGET, PROBE_RUNG_REAL};
	double doubt = apply(&q.interaction, EVERY, libffi_path);
	for (size_t k = 0; k < 2; k++)
		doubt += x * q.interaction.coef[both[k]];
	assert_true(doubt == x);
	for (size_t i = 0; i < q.part_count; i++) {
		double got = apply(&q.parts[i], EVERY, libffi_path);
		for (size_t k = 0; k < 2; k++)
			got += x * q.parts[i].coef[both[k]];
		bool one_of_both =
			q.parts[i].mask == STATE || q.parts[i].mask == PROBE_BIT(PROBE_SUB_INVOKE);
		assert_true(got == cost_of(q.parts[i].mask) + (one_of_both ? x / 2 : 0));
	}
	/* Nothing to compare without all four rungs. */
	const unsigned missing[] = {PROBE_RUNG_TARGET, PROBE_RUNG_SIDE, PROBE_RUNG_INVOKE,
				    PROBE_RUNG_SIDE_INVOKE};
	for (size_t k = 0; k < 4; k++) {
		q = pb_quantities_of(EVERY & ~BIT(missing[k]), libffi_path, false);
		assert_int_equal(q.interaction.mask, 0);
	}
}

static void pure_python_has_no_parts(void **state)
{
	(void)state;
	struct pb_quantities q =
		pb_quantities_of(BASE | BIT(PROBE_RUNG_PYCALL), PROBE_MASK_ALL, true);
	assert_int_equal(q.part_count, 0);
	assert_int_equal(q.folded_count, 0);
	assert_int_equal(q.empty_call.mask, PROBE_MASK_ALL);
	for (unsigned c = 0; c < PROBE_COLUMNS; c++) {
		double real = c == PROBE_RUNG_REAL ? 1 : c == PROBE_RUNG_EMPTY ? -1 : 0;
		double empty = c == PROBE_RUNG_PYCALL ? 1 : c == PROBE_RUNG_EMPTY ? -1 : 0;
		assert_true(q.total.coef[c] == real && q.empty_call.coef[c] == empty);
	}
	q = pb_quantities_of(BASE, PROBE_MASK_ALL, true);
	assert_int_equal(q.part_count, 0);
	assert_int_equal(q.empty_call.mask, 0);
}

static void rungs_have_names(void **state)
{
	(void)state;
	assert_string_equal(probe_rung_name(PROBE_RUNG_EMPTY), "empty");
	assert_string_equal(probe_rung_name(PROBE_RUNG_ENTRY), "entry");
	assert_string_equal(probe_rung_name(PROBE_RUNG_INVOKE), "invoke");
	assert_string_equal(probe_rung_name(PROBE_RUNG_TARGET), "target");
	assert_string_equal(probe_rung_name(PROBE_RUNG_REAL), "real");
	assert_string_equal(probe_rung_name(PROBE_RUNG_SIDE), "side");
	assert_string_equal(probe_rung_name(PROBE_RUNG_PYCALL), "pycall");
	assert_string_equal(probe_rung_name(PROBE_RUNG_SIDE_INVOKE), "side-invoke");
	assert_string_equal(probe_rung_name(PROBE_RUNG_CALLBACK_STUB), "callback-stub");
	assert_string_equal(probe_rung_name(PROBE_RUNG_CALLBACK_EMPTY), "callback-empty");
	assert_string_equal(probe_rung_name(PROBE_RUNG_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_split_every_path_exactly),
		cmocka_unit_test(parts_are_as_fine_as_the_rungs_allow),
		cmocka_unit_test(fences_give_compute_what_was_hidden),
		cmocka_unit_test(an_interaction_is_shared_and_stated),
		cmocka_unit_test(pure_python_has_no_parts),
		cmocka_unit_test(rungs_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
