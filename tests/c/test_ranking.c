/* SPDX-License-Identifier: MIT
 * Who is ranked, and who is the cheapest: ties, differences that do not matter, rows that have less
 * to do, and that no sentence contradicts the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "verdict_fixture.h"

static void what_the_intervals_do_not_separate_is_a_tie(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "a", 10, 20, 70, 1);
	binding(run, "b", 10, 25, 70, 1); /* separate from a: 105 - 100 > 1 + 1 */
	binding(run, "c", 12, 28, 70, 9); /* overlaps with a, though behind b */
	v = only(run);
	/* No row outside the tie is cheaper than one inside. */
	assert_int_equal(v->tied, 1);
	assert_string_equal(v->rows[0].cell->path, "a");
	assert_string_equal(v->next.other->path, "b");
	assert_true(v->next.separate);
	assert_false(v->rows[1].near);
	assert_true(v->rows[2].near);
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks,
		     PARTS("a is the cheapest binding, 100 ±1 ticks, 1.05x less than b",
			   " c (110 ±9 ticks) can't be told from a."));
	/* At the edge, intervals that touch do not separate. */
	run->cells[1].ladder.total = fixture_value(104, 3);
	run->cells[2].ladder.total = fixture_value(110, 9);
	v = only(run);
	assert_int_equal(v->tied, 3);
	assert_null(v->next.other);
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks, PARTS("c (110 ±9 ticks) can't be told apart."));
	assert_no_words(run, "cheapest");
	probe_run_free(run);
}

static void a_tie_ends_where_two_of_its_rows_are_told_apart(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	/* a ~ b and b ~ c, but c is not a. */
	binding(run, "a", 5, 4, 4, 2);
	binding(run, "b", 5, 5, 6, 3);
	binding(run, "c", 5, 6, 8, 2);
	binding(run, "d", 10, 10, 6, 2);
	v = only(run);
	assert_int_equal(v->tied, 2);
	assert_true(v->rows[2].near);
	assert_string_equal(v->next.other->path, "d");
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks,
		     PARTS("a (13 ±2 ticks) and b (16 ±3 ticks) can't be told apart and are the "
			   "cheapest: a costs 2.0x less than d (26 ±2 ticks",
			   " c (19 ±2 ticks) can't be told from some of these."));
	probe_run_free(run);
}

static void what_makes_no_difference_in_practice_is_none(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "a", 300, 300, 400, 0.1);
	binding(run, "b", 310, 309, 400, 0.1); /* 1.9 % */
	binding(run, "c", 310, 350, 400, 0.1);
	assert_words(run, &ticks,
		     PARTS("can't be told apart, or differ by less than matters (2% or 1 ns), and "
			   "are the cheapest: a costs 1.06x less than c"));
	python(run, 1015, NAN, 0.1);
	assert_words(run, &ticks, PARTS("is as cheap as the cheapest in practice"));
	/* 1 ns is 80 ticks. */
	run->counter.hz = 80e9;
	v = only(run);
	assert_int_equal(v->tied, 3);
	probe_verdicts_free(v, 1);
	probe_run_free(run);
}

static void prepared_arguments_win_nothing(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "cffi-api", 20, 20, 50, 1)->prepared = strdup("buffers");
	binding(run, "ctypes", 200, 20, 50, 1)->prepared = strdup("buffers");
	binding(run, "pybind11", 20, 80, 50, 1);
	binding(run, "nanobind", 20, 60, 50, 1);
	v = only(run);
	assert_int_equal(v->row_count, 4);
	assert_int_equal(v->ranked, 2);
	assert_string_equal(v->rows[0].cell->path, "nanobind");
	assert_string_equal(v->next.other->path, "pybind11");
	assert_null(v->ctypes.other);
	probe_verdicts_free(v, 1);
	assert_words(
		run, &ticks,
		PARTS("nanobind is the cheapest binding, 130 ±1 ticks, 1.15x less than pybind11",
		      " Not ranked with these: cffi-api (90 ±1 ticks) and ctypes (270 ±1 ticks), "
		      "whose buffers were made before timing."));
	assert_no_words(run, "of ctypes");
	/* One that converts is not "the only binding". */
	run->cells[2].status = PROBE_CELL_FAILED;
	assert_words(run, &ticks,
		     PARTS("nanobind is the only binding measured that converts its "
			   "arguments on each call, 130 ±1 ticks."));
	/* Among themselves they may be compared. */
	run->cells[3].status = PROBE_CELL_FAILED;
	assert_words(
		run, &ticks,
		PARTS("cffi-api is the cheapest binding, 90 ±1 ticks, 3.00x less than ctypes",
		      "The buffers of all of these were made before timing: converting them is "
		      "not part of it."));
	probe_run_free(run);
}

static void what_a_row_is_decides_and_not_its_name(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_verdict *v;

	(void)state;
	binding(run, "python", 20, 20, 50, 1)->binding = strdup("ctypes");
	binding(run, "ctypes", 20, 30, 50, 1)->binding = strdup("direct");
	python(run, 300, 30, 1);
	free(run->cells[2].path);
	run->cells[2].path = strdup("mine");
	run->cells[2].binding = strdup("python");
	v = only(run);
	assert_int_equal(v->row_count, 2);
	assert_string_equal(v->python.other->path, "mine");
	probe_verdicts_free(v, 1);
	assert_words(run, &ticks,
		     PARTS("python is the cheapest binding, 90 ±1 ticks, 1.11x less than ctypes",
			   " mine in pure Python takes 3.33x as long, 300 ±1 ticks"));
	/* Python functions alone are compared with each other. */
	free(run->cells[0].binding);
	free(run->cells[1].binding);
	run->cells[0].binding = strdup("python");
	run->cells[1].binding = strdup("python");
	assert_words(run, &ticks,
		     PARTS("python is the cheapest, 90 ±1 ticks, 1.11x less than ctypes"));
	assert_no_words(run, "binding");
	assert_no_words(run, "pure");
	probe_run_free(run);
}

/* As text rounds: 1.00, 1.0 and 1. */
static bool says_no_ratio(const char *words)
{
	return strstr(words, " 1.00x") || strstr(words, " 1.0x") || strstr(words, " 1x");
}

/* No two of the tie are told apart; all others cost more than each of it; who is compared with is
 * told from all of it. */
static void check_order(const struct probe_verdict *v, const struct probe_run *run)
{
	for (size_t i = 0; i < v->ranked; i++)
		for (size_t k = i + 1; k < v->ranked; k++) {
			const struct probe_value *low = &v->rows[i].total,
						 *high = &v->rows[k].total;
			double gap = high->ticks - low->ticks;
			double band = fmax(0.02 * high->ticks, run->counter.hz / 1e9);
			bool told = gap > low->half + high->half && gap > band;

			assert_true(gap >= 0);
			assert_false(k < v->tied && told);
			assert_false(i < v->tied && k >= v->tied && !told && !v->rows[k].near);
			assert_false(i < v->tied && v->next.other == v->rows[k].cell && !told);
			assert_false(i < v->tied && v->ctypes.other == v->rows[k].cell && !told);
		}
}

static void no_sentence_contradicts_the_table(void **state)
{
	static const char *const names[] = {"ctypes", "b", "c", "d", "e", "f", "g", "h"};
	unsigned long seed = 14;

	(void)state;
	for (int trial = 0; trial < 3000; trial++) {
		struct probe_run *run = probe_run_new();
		struct probe_verdict *v;
		char *words;
		size_t n = 1 + (size_t)trial % 8;

		run->counter.hz = trial % 3 ? 2e9 : 0;
		for (size_t i = 0; i < n; i++) {
			double x[3];

			for (int k = 0; k < 3; k++) {
				seed = (seed * 6364136223846793005u + 1442695040888963407u);
				x[k] = (double)(seed >> 40) / (double)(1 << 24);
			}
			binding(run, names[i], 20 + 100 * x[0] * x[0], 20, 10,
				0.1 + 10 * x[1] * x[1])
				->prepared = x[2] < 0.2 ? strdup("buffers") : NULL;
		}
		v = only(run);
		words = probe_verdict_words(v, &ticks);
		check_order(v, run);
		if (says_no_ratio(words))
			fail_msg("a ratio of one: %s", words);
		if (v->ranked < v->row_count && !strstr(words, "Not ranked with these: "))
			fail_msg("a prepared row is not named: %s", words);
		free(words);
		probe_verdicts_free(v, 1);
		probe_run_free(run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_intervals_do_not_separate_is_a_tie),
		cmocka_unit_test(a_tie_ends_where_two_of_its_rows_are_told_apart),
		cmocka_unit_test(what_makes_no_difference_in_practice_is_none),
		cmocka_unit_test(prepared_arguments_win_nothing),
		cmocka_unit_test(what_a_row_is_decides_and_not_its_name),
		cmocka_unit_test(no_sentence_contradicts_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
