/* SPDX-License-Identifier: MIT
 * The answer drawn from figures: who is cheapest and why, break-even, published ratios beside ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "verdict_fixture.h"

static void the_cheapest_is_named_with_the_phase_that_makes_it(void **state)
{
	struct probe_run *run = probe_run_new();

	(void)state;
	binding(run, "ctypes", 300, 700, 50, 2);
	binding(run, "cython", 40, 60, 50, 2);
	binding(run, "pybind11", 60, 130, 50, 2);
	assert_words(run, &ticks,
		     PARTS("f on " ON ": cython is the cheapest binding, 150 ±2 ticks, 1.60x less "
			   "than pybind11 (240 ±2 ticks, mostly because marshalling is 70 ticks "
			   "less) and 7.00x less than ctypes (1050 ±2 ticks, mostly because "
			   "marshalling is 640 ticks less)."));
	assert_words(run, &ns, PARTS("75 ±1 ns", "marshalling is 35 ns less"));
	probe_run_free(run);
}

static void two_phases_are_named_where_neither_is_most_of_it(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_cell *cell;

	(void)state;
	binding(run, "low", 100, 100, 100, 1);
	cell = binding(run, "high", 140, 145, 135, 1);
	assert_words(run, &ticks,
		     PARTS("because marshalling is 45 ticks less and dispatch is 40 ticks less"));
	/* A difference inside its interval is no reason. */
	for (size_t i = 0; i < 3; i++)
		cell->ladder.folded[i].value.half = 60;
	assert_no_words(run, "because");
	probe_run_free(run);
}

static void contended_rows_are_said(void **state)
{
	struct probe_run *run = probe_run_new();

	(void)state;
	binding(run, "a", 10, 20, 70, 1);
	binding(run, "b", 50, 50, 70, 1)->ladder.contended = true;
	assert_words(run, &ticks, PARTS("contended core, so that the figure may be too high: b."));
	run->cells[0].ladder.contended = true;
	assert_words(run, &ticks, PARTS("All of it was measured on a contended core"));
	probe_run_free(run);
}

static void merged_phases_are_compared_as_one(void **state)
{
	struct probe_run *run = probe_run_new();
	const struct probe_part merged[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, fixture_value(500, 2)},
		{PROBE_MASK_COMPUTE, fixture_value(50, 2)},
	};
	const struct probe_part whole[] = {{PROBE_MASK_ALL, fixture_value(900, 2)}};
	struct probe_verdict *v;

	(void)state;
	binding(run, "a", 10, 20, 50, 1);
	fixture_engine(&fixture_cell(run, "f", "b", ON)->ladder, merged, 2);
	v = only(run);
	assert_int_equal(v->next.more_count, 2);
	assert_int_equal(v->next.more[0].mask, PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING);
	assert_true(fabs(v->next.more[0].value.ticks - 470) < 1e-9);
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks, PARTS("because dispatch+marshalling is 470 ticks less"));
	/* Nothing to compare, nothing to say: no phase, no boundary, no break-even. */
	fixture_engine(&fixture_cell(run, "f", "ctypes", ON)->ladder, whole, 1);
	v = only(run);
	assert_int_equal(v->ctypes.more_count, 0);
	assert_int_equal(v->rows[2].boundary.state, PROBE_ABSENT);
	assert_int_equal(v->rows[2].tenth.kind, PROBE_BREAKEVEN_ABSENT);
	assert_int_equal(v->rows[2].python.kind, PROBE_BREAKEVEN_ABSENT);
	probe_verdicts_free(v, 1);
	probe_run_free(run);
}

static void pure_python_is_beside_it(void **state)
{
	struct probe_run *run = probe_run_new();

	(void)state;
	binding(run, "a", 40, 60, 50, 1);
	python(run, 3000, 30, 2);
	assert_words(run, &ticks,
		     PARTS("a is the only binding measured", "Pure Python takes 20.0x",
			   "a pays from 1.20 ticks of native compute on"));
	run->cells[1].ladder.total = fixture_value(75, 1);
	assert_words(run, &ticks, PARTS("Pure Python is cheaper still, 75 ±1 ticks, 2.00x less"));
	/* Native code is hardly faster at this work: the point is known to lie in a wide range. */
	run->cells[1].ladder.total = fixture_value(85, 1);
	assert_words(run, &ticks, PARTS("a pays from somewhere in 450 to 1300 ticks"));
	run->cells[1].ladder.total = fixture_value(151, 1);
	assert_words(run, &ticks, PARTS("Pure Python (151 ±1 ticks) can't be told from it"));
	probe_run_free(run);
}

static void rows_without_figures_are_left_out(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *verdicts = NULL;
	size_t n = 7;

	(void)state;
	assert_int_equal(probe_verdict_list(run, &verdicts, &n, NULL), 0);
	assert_int_equal(n, 0);
	probe_verdicts_free(verdicts, n);
	python(run, 100, 30, 1); /* no binding, no verdict */
	binding(run, "a", 1, 1, 1, 1)->status = PROBE_CELL_CRASHED;
	binding(run, "b", 1, 1, 1, 1)->ladder.total.state = PROBE_ABSENT;
	fixture_cell(run, "f", "c", ON)->status = PROBE_CELL_UNAVAILABLE;
	assert_int_equal(probe_verdict_list(run, &verdicts, &n, NULL), 0);
	assert_int_equal(n, 0);
	probe_verdicts_free(verdicts, n);
	binding(run, "d", 30, 30, 30, 1);
	fixture_cell(run, "g", "a", ON);
	verdicts = only(run);
	assert_int_equal(verdicts->row_count, 1);
	probe_verdicts_free(verdicts, 1);
	probe_run_free(run);
}

static void a_total_below_the_floor_gives_no_ratio(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "a", 0.2, 0.2, 0.1, 0.1)->ladder.total.below_floor = true;
	binding(run, "b", 50, 50, 70, 1);
	v = only(run);
	assert_true(isnan(v->next.ratio.value));
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks, PARTS("a is the cheapest binding, <2 ticks."));
	probe_run_free(run);
}

/* The boundary of a call is a tenth of it at the point given. */
static void a_tenth_is_nine_times_the_boundary(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;
	double b;

	(void)state;
	binding(run, "a", 40, 60, 50, 3);
	v = only(run);
	b = v->rows[0].boundary.ticks;
	assert_int_equal(v->rows[0].tenth.kind, PROBE_BREAKEVEN_AT);
	assert_true(fabs(b / (b + v->rows[0].tenth.ticks) - 0.1) < 1e-12);
	assert_true(fabs(v->rows[0].boundary.half - hypot(3, 3)) < 1e-12);
	assert_true(fabs(v->rows[0].tenth.high - 9 * (100 + hypot(3, 3))) < 1e-9);
	probe_verdicts_free(v, 1);
	/* A boundary that may be nothing bounds the point from above only. */
	run->cells[0].ladder.folded[0].value = fixture_value(1, 3);
	run->cells[0].ladder.folded[1].value = fixture_value(1, 3);
	v = only(run);
	assert_int_equal(v->rows[0].tenth.kind, PROBE_BREAKEVEN_BELOW);
	assert_true(fabs(v->rows[0].tenth.high - 9 * (2 + hypot(3, 3))) < 1e-9);
	probe_verdicts_free(v, 1);
	probe_run_free(run);
}

static void crossing_back_is_boundary_too(void **state)
{
	struct probe_run *run = probe_run_new();
	const struct probe_part parts[] = {
		{PROBE_MASK_DISPATCH, fixture_value(100, 1)},
		{PROBE_MASK_MARSHALLING, fixture_value(50, 1)},
		{PROBE_MASK_COMPUTE, fixture_value(10, 1)},
		{PROBE_BIT(PROBE_SUB_CALLBACK), fixture_value(300, 1)},
		{PROBE_BIT(PROBE_SUB_PYTHON), fixture_value(40, 1)},
	};
	struct probe_part joint[5];
	struct probe_verdict *v;

	(void)state;
	fixture_engine(&fixture_cell(run, "f", "a", ON)->ladder, parts, 5);
	v = only(run);
	assert_true(fabs(v->rows[0].boundary.ticks - 450) < 1e-9);
	assert_true(fabs(v->rows[0].compute.ticks - 50) < 1e-9);
	probe_verdicts_free(v, 1);
	probe_run_free(run);

	run = probe_run_new();
	memcpy(joint, parts, sizeof joint);
	joint[3].mask |= PROBE_BIT(PROBE_SUB_PYTHON);
	fixture_engine(&fixture_cell(run, "f", "a", ON)->ladder, joint, 4);
	v = only(run);
	assert_int_equal(v->rows[0].boundary.state, PROBE_ABSENT);
	probe_verdicts_free(v, 1);
	probe_run_free(run);
}

/* Where a binding with 100 ticks of boundary breaks even with Python. */
static struct probe_breakeven against(double compute, double half, bool below_floor, double total,
				      double empty)
{
	struct probe_run *run = probe_run_new();
	struct probe_cell *cell = binding(run, "a", 40, 60, compute, half);
	struct probe_breakeven found;
	struct probe_verdict *v;

	cell->ladder.folded[2].value.below_floor = below_floor;
	python(run, total, empty, half);
	v = only(run);
	found = v->rows[0].python;
	probe_verdicts_free(v, 1);
	probe_run_free(run);
	return found;
}

static void the_point_against_python_is_where_both_cost_the_same(void **state)
{
	struct probe_breakeven at = against(50, 0.5, false, 1030, 30);

	(void)state;
	/* Python does in 1000 ticks what native code does in 50: 20 for 1. */
	assert_int_equal(at.kind, PROBE_BREAKEVEN_AT);
	assert_true(fabs(100 + at.ticks - (30 + 20 * at.ticks)) < 1e-9);
	assert_true(at.low < at.ticks && at.ticks < at.high);
	/* Without the cost of an empty call, B / (r - 1) with r of the whole totals. */
	at = against(50, 0.5, false, 1000, NAN);
	assert_true(fabs(at.ticks - 100 / (1000.0 / 50 - 1)) < 1e-9);
	/* The interval: what each input does when it moves by its half, in quadrature. */
	at = against(50, 2, false, 2000, NAN);
	assert_true(fabs(at.high - at.ticks -
			 hypot(hypot(2, 2) * 50 / 1950, 100 * 52 / 1948.0 - at.ticks)) < 0.001);
}

static void break_even_against_python_has_other_answers(void **state)
{
	static const struct {
		double compute, half;
		bool below_floor;
		double total, empty;
		enum probe_breakeven_kind kind;
	} cases[] = {
		/* An empty native call costs less than an empty Python function. */
		{50, 1, false, 900, 130, PROBE_BREAKEVEN_ALWAYS},
		{0.3, 0.5, true, 140, 130, PROBE_BREAKEVEN_ALWAYS},
		/* It may: then the point is near 0, and only its upper end is known. */
		{50, 1, false, 900, 100.5, PROBE_BREAKEVEN_BELOW},
		/* Compute is not resolved: neither is the ratio, beyond a bound. */
		{0.3, 0.5, true, 140, 30, PROBE_BREAKEVEN_BELOW},
		{0.3, 0.5, false, 140, 30, PROBE_BREAKEVEN_BELOW},
		/* Python does the work itself faster. */
		{500, 1, false, 130, 30, PROBE_BREAKEVEN_NEVER},
		{500, 1, false, 330, 130, PROBE_BREAKEVEN_UNTIL},
		{500, 1, false, 200, 100.5, PROBE_BREAKEVEN_UNCLEAR},
		/* No work to speak of on either side, as in noop; or as much on both. */
		{0.3, 0.5, true, 30.2, 30, PROBE_BREAKEVEN_UNCLEAR},
		{500, 1, false, 531, 30, PROBE_BREAKEVEN_UNCLEAR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct probe_breakeven b =
			against(cases[i].compute, cases[i].half, cases[i].below_floor,
				cases[i].total, cases[i].empty);

		if (b.kind != cases[i].kind)
			fail_msg("case %zu: kind %d, not %d", i, (int)b.kind, (int)cases[i].kind);
	}
}

static void a_bound_holds_at_the_worst_corner(void **state)
{
	struct probe_breakeven b = against(0.3, 0.5, true, 140, 30);
	const double e = 30 - 0.5, boundary = 100 + hypot(0.5, 0.5), floor = 1.2;
	const double work = 110 - hypot(0.5, 0.5);

	(void)state;
	assert_true(b.high >= (boundary - e) / (work / floor - 1));
	/* It claims no more than the floor, however small the arithmetic's answer is. */
	b = against(0.3, 0.5, true, 1e9, 30);
	assert_int_equal(b.kind, PROBE_BREAKEVEN_BELOW);
	assert_true(b.high == floor);
	b = against(50, 0.5, false, 1e9, 30);
	assert_int_equal(b.kind, PROBE_BREAKEVEN_BELOW);
	assert_true(b.high == floor);
}

static void the_most_exact_compute_serves_all_rows(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "vague", 40, 60, 90, 20);
	binding(run, "exact", 50, 60, 50, 0.1);
	binding(run, "contended", 60, 60, 30, 0.01)->ladder.contended = true;
	python(run, 1030, 30, 0.1);
	v = only(run);
	assert_true(v->compute.ticks == 50);
	for (size_t i = 0; i < v->row_count; i++)
		assert_true(fabs(v->rows[i].python.ticks -
				 (v->rows[i].boundary.ticks - 30) / (1000.0 / 50 - 1)) < 1e-9);
	probe_verdicts_free(v, 1);
	probe_run_free(run);
}

static void break_even_reads_well(void **state)
{
	static const struct {
		struct probe_breakeven b;
		const char *text;
	} cases[] = {
		{{PROBE_BREAKEVEN_ABSENT, NAN, NAN, NAN}, ""},
		{{PROBE_BREAKEVEN_AT, 9180, 9120, 9240}, "4590 ±30"},
		{{PROBE_BREAKEVEN_AT, 2000, 580, 8740}, "290 to 4400"},
		{{PROBE_BREAKEVEN_AT, 2, 0, 8}, "0 to 4.0"},
		{{PROBE_BREAKEVEN_BELOW, NAN, NAN, 91.4}, "<50"},
		{{PROBE_BREAKEVEN_ALWAYS, NAN, NAN, NAN}, "always"},
		{{PROBE_BREAKEVEN_NEVER, NAN, NAN, NAN}, "never"},
		{{PROBE_BREAKEVEN_UNTIL, 80, 76, 84}, "up to 40 ±2"},
		{{PROBE_BREAKEVEN_UNCLEAR, NAN, NAN, NAN}, "?"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(probe_breakeven_text(&cases[i].b, 0.5, text, sizeof text),
				    cases[i].text);
}

static void large_figures_take_a_larger_unit(void **state)
{
	struct probe_run *run = probe_run_new();

	(void)state;
	binding(run, "a", 4e6, 2e6, 4e6, 2e4);
	assert_words(run, &ns, PARTS("5000 ±10 us"));
	assert_words(run, &ticks, PARTS("10000 ±20 kticks"));
	probe_run_free(run);
}

static char *claim_words(const struct probe_run *run, struct probe_claim_check *out)
{
	struct probe_claim_check *checks = NULL;
	char *words;
	size_t n = 0;

	assert_int_equal(probe_claim_check_list(run, &checks, &n, NULL), 0);
	assert_int_equal(n, 1);
	words = probe_claim_words(&checks[0], &ticks);
	assert_non_null(words);
	*out = checks[0];
	free(checks);
	return words;
}

static void published_ratios_stand_beside_ours(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_claim_check check;
	char *words;

	(void)state;
	/* 200 / 100: 2.00x. For 4.00x marshalling would have to be 4 * 60 = 240. */
	binding(run, "pybind11", 120, 60, 20, 1);
	binding(run, "cython", 25, 60, 15, 1);
	probe_run_add_claim(run, "f", "pybind11", "cython", 4, "a source");
	probe_run_add_claim(run, "f", "pybind11", "nanobind", 3, "not measured here");
	words = claim_words(run, &check);
	assert_true(fabs(check.here.value - 2) < 1e-9);
	assert_true(check.differs);
	assert_int_equal(check.mask, PROBE_MASK_MARSHALLING);
	assert_string_equal(words, "f on " ON ": pybind11 / cython = 2.00 ±0.02x here, published "
				   "4.00x (a source); mostly marshalling, 60 ±1 ticks against 60 "
				   "±1 ticks: the published ratio would need 240 ±4 ticks");
	free(words);
	/* The other way: for 1.50x dispatch is what is too much. */
	run->claims[0].published = 1.5;
	words = claim_words(run, &check);
	assert_int_equal(check.mask, PROBE_MASK_DISPATCH);
	free(words);
	run->claims[0].published = 2.01;
	words = claim_words(run, &check);
	assert_false(check.differs);
	assert_non_null(strstr(words, "published 2.01x (a source), inside our interval"));
	free(words);
	probe_run_free(run);
}

static void pure_python_has_no_phase_to_blame(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_claim_check check;
	char *words;

	(void)state;
	python(run, 3000, 30, 2);
	binding(run, "ctypes", 40, 20, 240, 1)->ladder.contended = true;
	probe_run_add_claim(run, "f", "python", "ctypes", 27.2, "an article");
	words = claim_words(run, &check);
	assert_int_equal(check.mask, 0);
	assert_non_null(strstr(words, "python has no phases to compare, the largest of ctypes "
				      "(300 ±1 ticks) is compute, 240 ±1 ticks; measured on a "
				      "contended core"));
	free(words);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cheapest_is_named_with_the_phase_that_makes_it),
		cmocka_unit_test(two_phases_are_named_where_neither_is_most_of_it),
		cmocka_unit_test(contended_rows_are_said),
		cmocka_unit_test(merged_phases_are_compared_as_one),
		cmocka_unit_test(pure_python_is_beside_it),
		cmocka_unit_test(rows_without_figures_are_left_out),
		cmocka_unit_test(a_total_below_the_floor_gives_no_ratio),
		cmocka_unit_test(a_tenth_is_nine_times_the_boundary),
		cmocka_unit_test(crossing_back_is_boundary_too),
		cmocka_unit_test(the_point_against_python_is_where_both_cost_the_same),
		cmocka_unit_test(break_even_against_python_has_other_answers),
		cmocka_unit_test(a_bound_holds_at_the_worst_corner),
		cmocka_unit_test(the_most_exact_compute_serves_all_rows),
		cmocka_unit_test(break_even_reads_well),
		cmocka_unit_test(large_figures_take_a_larger_unit),
		cmocka_unit_test(published_ratios_stand_beside_ours),
		cmocka_unit_test(pure_python_has_no_phase_to_blame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
