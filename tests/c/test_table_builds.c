/* SPDX-License-Identifier: MIT
 * The builds view against a golden, its width whatever it gets, and the mark of a cell that never
 * was steady.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The command's files are no part of the library that tests link. */
#include "../../libprobe/cli/grid.c"
#include "../../libprobe/cli/table.c"
#include "../../libprobe/cli/table_builds.c"
#include "../../libprobe/cli/table_eight.c"
#include "../../libprobe/cli/table_notes.c"
#include "../../libprobe/cli/table_slopes.c"
#include "../../libprobe/cli/table_three.c"
#include "../../libprobe/cli/table_summary.c"
#include "../../libprobe/cli/table_verdict.c"
#include "golden.h"
#include "run_fixture.h"

/* A table of its own, tested in test_table_threads.c; no run here has any. */
unsigned table_threads(const struct probe_run *run, bool color, FILE *out)
{
	(void)run, (void)color, (void)out;
	return 0;
}

typedef void printer(const struct probe_run *run, const struct cli_table_options *options,
		     FILE *out);

static NOT_INLINED char *print(const struct probe_run *run, printer *view, bool color)
{
	const struct cli_table_options options = {.phases = 3, .color = color};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	view(run, &options, out);
	fclose(out);
	return text;
}

static void check_lines(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (grid_width(line) > GRID_WIDTH)
			fail_msg("%d columns: %s", grid_width(line), line);
		if (n && line[n - 1] == ' ')
			fail_msg("blank at the end: '%s'", line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

static void describe(struct probe_run *run, const char *label, const char *version,
		     const char *optimisation, const char *compiler)
{
	struct probe_interpreter *py = probe_run_add_interpreter(run);

	snprintf(py->label, sizeof py->label, "%s", label);
	snprintf(py->version, sizeof py->version, "%s", version);
	snprintf(py->implementation, sizeof py->implementation, "%.*s", (int)strcspn(label, "-"),
		 label);
	snprintf(py->optimisation, sizeof py->optimisation, "%s", optimisation);
	snprintf(py->compiler, sizeof py->compiler, "%s", compiler);
	py->jit = strstr(label, "-jit") != NULL;
	py->jit_built = strstr(label, "3.14") != NULL;
}

/* Newest first, to be sorted; with a failed build in the middle and one split otherwise. */
static struct probe_run *builds_run(void)
{
	static const struct {
		const char *label;
		double marshalling;
	} builds[] = {{"cpython-3.14.10-jit", 500},
		      {"cpython-3.14.10", 500},
		      {"cpython-3.13.0", 760},
		      {"cpython-3.11.7", 440},
		      {"cpython-3.8.18", 640}};
	const struct probe_part merged[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, fixture_value(1900, 20)},
		{PROBE_MASK_COMPUTE, fixture_value(0.4, 0.9)},
	};
	struct probe_run *run = probe_run_new();
	struct probe_cell *cell;

	snprintf(run->counter.unit, sizeof run->counter.unit, "TSC ticks");
	run->counter.hz = 2e9;
	run->passes = 3;
	describe(run, "pypy-7.3.19", "3.11.11", "", "GCC 14.2.0");
	describe(run, "cpython-3.14.10-jit", "3.14.10", "-O2, PGO and LTO untold", "GCC 16.2.0");
	describe(run, "cpython-3.14.10", "3.14.10", "-O2, PGO and LTO untold", "GCC 16.2.0");
	describe(run, "cpython-3.13.0", "3.13.0", "-O3", "GCC 12.2.0");
	describe(run, "cpython-3.11.7", "3.11.7", "-O3", "GCC 12.2.0");
	describe(run, "cpython-3.8.18", "3.8.18", "-O3", "GCC 12.2.0");
	for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
		const struct probe_part parts[] = {
			{PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN),
			 fixture_value(150, 1)},
			{PROBE_MASK_MARSHALLING, fixture_value(builds[i].marshalling, 3)},
			{PROBE_MASK_COMPUTE, fixture_value(6, 1)},
		};

		fixture_python(run, "add", builds[i].label, 60 - 8 * (double)i);
		cell = fixture_cell(run, "add", "ctypes", builds[i].label);
		fixture_engine(&cell->ladder, parts, 3);
		if (i == 3) {
			cell->status = PROBE_CELL_FAILED;
			cell->reason = strdup("wrong result: 6 through ctypes, 5 expected");
		}
	}
	cell = fixture_cell(run, "add", "ctypes", "pypy-7.3.19");
	fixture_engine(&cell->ladder, merged, 2);
	return run;
}

static void golden(void **state)
{
	struct probe_run *run = builds_run();
	char *text = print(run, cli_builds_print, false);

	(void)state;
	check_lines(text);
	golden_check("table-builds.txt", text);
	free(text);
	probe_run_free(run);
}

static void color_only_adds_to_the_text(void **state)
{
	struct probe_run *run = builds_run();
	char *plain = print(run, cli_builds_print, false), *color;
	char *to = color = print(run, cli_builds_print, true);

	(void)state;
	assert_null(strchr(plain, '\033'));
	assert_non_null(strchr(color, '\033'));
	for (const char *from = color; *from;) {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(plain, color);
	free(plain);
	free(color);
	probe_run_free(run);
}

static void it_keeps_to_the_width(void **state)
{
	static const double sizes[] = {1e-3, 1, 1e3, 1e5, 1e7, 1e9, 1e12};

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		struct probe_run *run = builds_run();
		const struct probe_part parts[] = {
			{PROBE_MASK_DISPATCH, fixture_value(-sizes[s], sizes[s] / 3)},
			{PROBE_MASK_MARSHALLING, fixture_value(2 * sizes[s], sizes[s])},
			{PROBE_MASK_COMPUTE, fixture_value(sizes[s] / 7, sizes[s] / 9)},
		};
		struct probe_cell *cell =
			fixture_cell(run, "a-workload-with-a-name-that-goes-on:1048576",
				     "a-path-whose-name-goes-on-and-on-and-on-and-on",
				     "an-interpreter-label-of-some-length-0123456789");
		char *text;

		fixture_engine(&cell->ladder, parts, 3);
		cell->ladder.contended = true;
		text = print(run, cli_builds_print, false);
		check_lines(text);
		free(text);
		probe_run_free(run);
	}
}

/* No number of such a cell without a word about it, whatever the table. */
static void an_unsteady_cell_is_marked(void **state)
{
	static printer *const views[] = {cli_table_print, cli_builds_print};
	struct probe_run *run = builds_run();

	(void)state;
	run->cells[1].warmup = (struct probe_warmup){
		.point_count = 1, .processes = 3, .processes_unsteady = 2, .change = 0.3};
	for (size_t i = 0; i < 2; i++) {
		char *text = print(run, views[i], false);

		assert_non_null(strstr(text, i ? "cpython-3.14.10-jit w" : "ctypes w"));
		assert_non_null(strstr(text, "w        not steady: the call still changed"));
		free(text);
	}
	run->cells[1].warmup.processes_unsteady = 1;
	char *text = print(run, cli_table_print, false);
	assert_null(strstr(text, "not steady"));
	free(text);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(color_only_adds_to_the_text),
		cmocka_unit_test(it_keeps_to_the_width),
		cmocka_unit_test(an_unsteady_cell_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
