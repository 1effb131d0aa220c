/* SPDX-License-Identifier: MIT
 * The cost of one more argument: known lines are found again, with the intervals and remarks that
 * the cells call for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/slopes.h"
#include "sweep_fixture.h"

static const unsigned counts[] = {0, 1, 2, 4, 6};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/* Totals 100 + slope x, with none of it in dispatch; no argument costs 20 less than the line. */
static void add_line(struct probe_run *run, const char *path, const char *type, double slope,
		     double half)
{
	for (size_t i = 0; i < COUNTS; i++)
		sweep_cell(run, path, type, counts[i], (counts[i] ? 100 : 80) + slope * counts[i],
			   10 + slope * counts[i], half);
}

static struct probe_slopes *only(const struct probe_run *run)
{
	struct probe_slopes *slopes = NULL;
	size_t n = 0;

	assert_int_equal(probe_slopes_list(run, &slopes, &n, NULL), 0);
	assert_int_equal(n, 1);
	return slopes;
}

/* The only slope of a run of one type and path; what it borrows is not looked at. */
static struct probe_slope single(struct probe_run *run)
{
	struct probe_slopes *slopes = only(run);
	struct probe_slope slope = *probe_slope_at(slopes, 0, 0);

	probe_slopes_free(slopes, 1);
	probe_run_free(run);
	slope.reason = NULL;
	return slope;
}

static void near(double found, double wanted, double slack)
{
	if (!(fabs(found - wanted) <= slack))
		fail_msg("%.9g, not %.9g", found, wanted);
}

static void a_line_is_found_without_the_call_of_no_argument(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	add_line(run, "ctypes", "int", 40, 2);
	s = single(run);
	assert_int_equal(s.state, PROBE_SLOPE_OK);
	assert_int_equal(s.cells, 4);
	near(s.total.ticks, 40, 1e-9);
	near(s.marshalling.ticks, 40, 1e-9);
	/* x is 1, 2, 4, 6: the squares about their mean sum to 14.75. */
	near(s.total.half, 2 / sqrt(14.75), 1e-9);
	assert_false(s.total.below_floor);
	assert_false(s.bent);
	assert_false(s.contended);
}

static void the_interval_holds_the_truth_as_often_as_it_says(void **state)
{
	unsigned held = 0, runs = 4000;
	unsigned long seed = 12345;

	(void)state;
	for (unsigned r = 0; r < runs; r++) {
		struct probe_run *run = probe_run_new();
		struct probe_slope s;

		for (size_t i = 1; i < COUNTS; i++) {
			double noise = -6; /* the sum of twelve uniforms is as good as normal */

			for (int k = 0; k < 12; k++) {
				seed = seed * 6364136223846793005ul + 1442695040888963407ul;
				noise += (double)(seed >> 11) / 9007199254740992.0;
			}
			sweep_cell(run, "ctypes", "int", counts[i], 100 + 7 * counts[i] + 2 * noise,
				   NAN, 1.96 * 2);
		}
		s = single(run);
		held += fabs(s.total.ticks - 7) <= s.total.half;
	}
	/* 95 %, and a little more for the Birge ratio; three standard errors are 1 %. */
	if (held < runs * 94 / 100 || held > runs * 99 / 100)
		fail_msg("%u of %u intervals hold the slope", held, runs);
}

static void scatter_beyond_the_intervals_widens_them(void **state)
{
	static const double off[] = {0, 5, -5, 5, -5};
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	for (size_t i = 0; i < COUNTS; i++)
		sweep_cell(run, "ctypes", "int", counts[i], 100 + 40 * counts[i] + off[i], NAN, 1);
	s = single(run);
	near(s.total.ticks, 40, 3);
	assert_true(s.total.half > 4 / sqrt(14.75));
	/* Five of forty is no bend worth a word. */
	assert_false(s.bent);
	assert_int_equal(s.marshalling.state, PROBE_ABSENT);
}

static void a_lucky_interval_does_not_rule_the_fit(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	for (size_t i = 1; i < COUNTS; i++)
		sweep_cell(run, "ctypes", "int", counts[i], 100 + 40 * counts[i] + (i == 4 ? 6 : 0),
			   NAN, i == 4 ? 1e-6 : 4);
	s = single(run);
	/* Unweighted, the last cell pulls by 6 x 2.75 / 14.75. */
	near(s.total.ticks, 40 + 6 * 2.75 / 14.75, 1e-6);
}

static void the_place_of_code_in_memory_is_in_the_interval(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	run->counter.cycles_per_tick = 2.5; /* 10 core cycles are 4 ticks */
	for (size_t i = 1; i < COUNTS; i++)
		sweep_cell(run, "ctypes", "int", counts[i], 100 + 2 * counts[i] + (i == 2 ? 3 : 0),
			   NAN, 0);
	s = single(run);
	near(s.total.half, 4 / sqrt(14.75), 1e-9);
	assert_false(s.bent);
}

static void a_bend_is_named(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	for (size_t i = 1; i < COUNTS; i++)
		sweep_cell(run, "ctypes", "int", counts[i],
			   counts[i] < 6 ? 100 + 10 * counts[i] : 300, NAN, 2);
	s = single(run);
	assert_true(s.bent);
	assert_true(s.bent_count == 4 || s.bent_count == 6);
	assert_true(s.bent_count == 6 ? s.bent_ticks > 20 : s.bent_ticks < -20);
}

static void contended_cells_stay_out_where_three_remain(void **state)
{
	for (int quiet = 2; quiet <= 3; quiet++) {
		struct probe_run *run = probe_run_new();
		struct probe_slope s;

		(void)state;
		for (size_t i = 1; i < COUNTS; i++) {
			bool contended = (int)i > quiet;

			sweep_cell(run, "ctypes", "int", counts[i],
				   100 + 40 * counts[i] + (contended ? 500 : 0), NAN, 2)
				->ladder.contended = contended;
		}
		s = single(run);
		assert_int_equal(s.cells, quiet == 3 ? 3 : 4);
		assert_int_equal(s.contended, quiet == 2);
		if (quiet == 3)
			near(s.total.ticks, 40, 1e-9);
	}
}

static void nothing_is_below_the_floor(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slope s;

	(void)state;
	add_line(run, "ctypes", "int", 0.1, 2);
	s = single(run);
	assert_true(s.total.below_floor);
	near(s.floor_ticks, 1.2 / 5, 1e-9);
}

static void what_is_missing_says_why(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slopes *t;
	const struct probe_slope *s;

	(void)state;
	add_line(run, "ctypes", "int", 40, 2);
	add_line(run, "ctypes", "str", 50, 2);
	for (size_t i = 0; i < COUNTS; i++) {
		/* Expressible with no argument alone; not measured but once. */
		struct probe_cell *cell =
			sweep_cell(run, "cffi-abi", "str", counts[i], 100, NAN, 2);

		if (counts[i]) {
			cell->status = PROBE_CELL_INAPPLICABLE;
			cell->reason = strdup("cffi takes bytes");
		}
		cell = sweep_cell(run, "cffi-abi", "int", counts[i], 100, NAN, 2);
		if (counts[i] != 1) {
			cell->status = PROBE_CELL_CRASHED;
			cell->reason = strdup("signal 11");
		}
	}
	fixture_cell(run, "add", "ctypes", SWEEP_PYTHON);
	t = only(run);
	assert_string_equal(t->family, "args");
	assert_string_equal(t->interpreter, SWEEP_PYTHON);
	assert_int_equal(t->type_count, 2);
	assert_int_equal(t->path_count, 2);
	assert_int_equal(t->count_count, COUNTS);
	assert_memory_equal(t->counts, counts, sizeof counts);
	assert_string_equal(t->types[1], "str");
	assert_string_equal(t->paths[1], "cffi-abi");
	near(probe_slope_at(t, 0, 1)->total.ticks, 50, 1e-9);
	s = probe_slope_at(t, 1, 1);
	assert_int_equal(s->state, PROBE_SLOPE_INAPPLICABLE);
	assert_int_equal(s->total.state, PROBE_ABSENT);
	assert_string_equal(s->reason, "cffi takes bytes");
	s = probe_slope_at(t, 1, 0);
	assert_int_equal(s->state, PROBE_SLOPE_MISSING);
	assert_int_equal(s->status, PROBE_CELL_CRASHED);
	assert_string_equal(probe_slope_cell(t, 1, 0, 4)->workload, "args:int:6");
	probe_slopes_free(t, 1);
	probe_run_free(run);
}

static void two_cells_make_a_line_and_a_hole_is_no_cell(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_slopes *t;

	(void)state;
	sweep_cell(run, "ctypes", "int", 4, 160, NAN, 3);
	sweep_cell(run, "ctypes", "int", 2, 100, NAN, 4);
	sweep_cell(run, "capi-o", "int", 2, 90, NAN, 2);
	t = only(run);
	near(probe_slope_at(t, 0, 0)->total.ticks, 30, 1e-9);
	near(probe_slope_at(t, 0, 0)->total.half, hypot(3.5, 4) / 2, 1e-9); /* the median is 3.5 */
	assert_null(probe_slope_cell(t, 1, 0, 1));
	assert_int_equal(probe_slope_at(t, 1, 0)->state, PROBE_SLOPE_MISSING);
	assert_int_equal(probe_slope_at(t, 1, 0)->status, PROBE_CELL_OK);
	probe_slopes_free(t, 1);
	probe_run_free(run);
}

static void a_run_without_sweeps_has_no_slopes(void **state)
{
	struct probe_run *run = fixture_run();
	struct probe_slopes *slopes = NULL;
	size_t n = 1;

	(void)state;
	assert_int_equal(probe_slopes_list(run, &slopes, &n, NULL), 0);
	assert_int_equal(n, 0);
	probe_slopes_free(slopes, n);
	probe_slopes_free(NULL, 0);
	probe_run_free(run);
}

static void sweeps_are_in_the_run_file(void **state)
{
	struct probe_run *run = probe_run_new(), *loaded = NULL;
	char path[] = "/tmp/probe-test-slopes-XXXXXX";
	const struct probe_sweep *sweep;
	struct probe_slope s;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	add_line(run, "ctypes", "int", 40, 2);
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	assert_int_equal(probe_run_load(path, &loaded, NULL), 0);
	unlink(path);
	probe_run_free(run);
	sweep = probe_run_find_sweep(loaded, "args:int:6");
	assert_non_null(sweep);
	assert_string_equal(sweep->family, "args");
	assert_string_equal(sweep->type, "int");
	assert_int_equal(sweep->count, 6);
	assert_null(probe_run_find_sweep(loaded, "args:int"));
	s = single(loaded);
	near(s.total.ticks, 40, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_found_without_the_call_of_no_argument),
		cmocka_unit_test(the_interval_holds_the_truth_as_often_as_it_says),
		cmocka_unit_test(scatter_beyond_the_intervals_widens_them),
		cmocka_unit_test(a_lucky_interval_does_not_rule_the_fit),
		cmocka_unit_test(the_place_of_code_in_memory_is_in_the_interval),
		cmocka_unit_test(a_bend_is_named),
		cmocka_unit_test(contended_cells_stay_out_where_three_remain),
		cmocka_unit_test(nothing_is_below_the_floor),
		cmocka_unit_test(what_is_missing_says_why),
		cmocka_unit_test(two_cells_make_a_line_and_a_hole_is_no_cell),
		cmocka_unit_test(a_run_without_sweeps_has_no_slopes),
		cmocka_unit_test(sweeps_are_in_the_run_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
