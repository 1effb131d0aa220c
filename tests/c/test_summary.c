/* SPDX-License-Identifier: MIT
 * Several interpreters at a glance: one table and what changed, instead of a paragraph for each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probe/summary.h"
#include "verdict_fixture.h"

static struct probe_run *two_builds(void)
{
	struct probe_run *run = probe_run_new();

	for (int i = 0; i < 2; i++) {
		struct probe_interpreter *py = probe_run_add_interpreter(run);
		const char *version = i ? "3.13.0" : "3.8.18";

		snprintf(py->label, sizeof py->label, "cpython-%s", version);
		snprintf(py->version, sizeof py->version, "%s", version);
		snprintf(py->implementation, sizeof py->implementation, "cpython");
	}
	for (int i = 0; i < 2; i++) {
		const double less = i ? 0 : 300;

		binding(run, "ctypes", 300 + less, 700, 50, 1);
		binding(run, "cffi-api", 40, 60, 50, 1);
		binding(run, "cython", 40, 61, 50, 1);
		binding(run, "pybind11", 60, 130, 50, 1);
		for (size_t c = 4; c > 0; c--) {
			struct probe_cell *cell = &run->cells[run->cell_count - c];

			free(cell->interpreter);
			cell->interpreter = strdup(run->interpreters[i].label);
		}
	}
	return run;
}

static void a_line_names_the_cheapest_and_how_far_others_are(void **state)
{
	struct probe_run *run = two_builds();
	struct probe_verdict *v = NULL;
	struct probe_summary_line line;
	size_t n = 0;

	(void)state;
	assert_int_equal(probe_verdict_list(run, &v, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(probe_summary_wanted(v, n));
	assert_false(probe_summary_wanted(v, 1));
	probe_summary_line(&v[0], &ticks, &line);
	assert_string_equal(line.cheapest, "cffi-api");
	assert_string_equal(line.tied, "or cython");
	assert_string_equal(line.total, "150 ±1");
	assert_string_equal(line.next, "1.60x pybind11");
	assert_string_equal(line.ctypes, "9.00x");
	assert_string_equal(line.python, "");
	probe_verdicts_free(v, n);
	/* What is not ranked has no ratio. */
	run->cells[0].prepared = strdup("buffers");
	assert_int_equal(probe_verdict_list(run, &v, &n, NULL), 0);
	probe_summary_line(&v[0], &ticks, &line);
	assert_string_equal(line.ctypes, "p");
	probe_verdicts_free(v, n);
	probe_run_free(run);
}

static void a_step_says_what_changed_and_in_which_phase(void **state)
{
	struct probe_run *run = two_builds();
	struct probe_build_block *blocks = NULL;
	struct probe_build_step *steps = NULL;
	size_t count = 0, n = 0;
	char *words;

	(void)state;
	assert_int_equal(probe_build_blocks(run, &blocks, &count, NULL), 0);
	assert_int_equal(probe_build_steps(run, blocks, count, &steps, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(steps[0].cheaper, 1);
	assert_int_equal(steps[0].same, 3);
	words = probe_build_step_words(&steps[0], run, &ticks);
	assert_string_equal(words, "f, cpython-3.8.18 to cpython-3.13.0 (version only): 1 binding "
				   "costs less, ctypes (1350 to 1050 ticks: dispatch 300 ticks "
				   "less); 3 the same within noise.");
	free(words);
	free(steps);
	probe_build_blocks_free(blocks, count);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_the_cheapest_and_how_far_others_are),
		cmocka_unit_test(a_step_says_what_changed_and_in_which_phase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
