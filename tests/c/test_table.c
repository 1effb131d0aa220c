/* SPDX-License-Identifier: MIT
 * The breakdown table: its text against goldens, and that it keeps to 100 columns whatever it gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The command's files are no part of the library that tests link. */
#include "../../libprobe/cli/grid.c"
#include "../../libprobe/cli/table.c"
#include "../../libprobe/cli/table_eight.c"
#include "../../libprobe/cli/table_notes.c"
#include "../../libprobe/cli/table_slopes.c"
#include "../../libprobe/cli/table_three.c"
#include "../../libprobe/cli/table_summary.c"
#include "../../libprobe/cli/table_verdict.c"

/* A table of its own, tested in test_table_threads.c; no run here has any. */
unsigned table_threads(const struct probe_run *run, bool color, FILE *out)
{
	(void)run, (void)color, (void)out;
	return 0;
}
#include "golden.h"
#include "run_fixture.h"

static NOT_INLINED char *print(const struct probe_run *run, enum cli_unit unit, int form,
			       bool color)
{
	const struct cli_table_options options = {.unit = unit, .phases = form, .color = color};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	cli_table_print(run, &options, out);
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
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)line[i] < ' ')
				fail_msg("control character in: %s", line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

static void goldens(void **state)
{
	struct probe_run *run = fixture_run();
	char *three = print(run, CLI_UNIT_NS, 3, false), *eight = print(run, CLI_UNIT_NS, 8, false);
	char *cycles = print(run, CLI_UNIT_CYCLES, 3, false);

	(void)state;
	check_lines(three);
	check_lines(eight);
	check_lines(cycles);
	golden_check("table-3.txt", three);
	golden_check("table-8.txt", eight);
	golden_check("table-cycles.txt", cycles);
	free(three);
	free(eight);
	free(cycles);
	probe_run_free(run);
}

static void color_only_adds_to_the_text(void **state)
{
	struct probe_run *run = fixture_run();
	char *plain = print(run, CLI_UNIT_NS, 3, false), *color = print(run, CLI_UNIT_NS, 3, true);
	char *to = color;

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

static void missing_units_are_said(void **state)
{
	struct probe_run *run = fixture_run();
	char *text;

	(void)state;
	run->counter.cycles_per_tick = 0;
	text = print(run, CLI_UNIT_CYCLES, 3, false);
	assert_non_null(strstr(text, "core cycles are absent"));
	assert_non_null(strstr(text, "total, ns"));
	free(text);
	run->counter.hz = 0;
	text = print(run, CLI_UNIT_NS, 3, false);
	assert_non_null(strstr(text, "total, ticks"));
	free(text);
	probe_run_free(run);
}

/* Merged phases must be seen once, and as merged. */
static void merged_phases_are_marked(void **state)
{
	static const struct {
		unsigned first, second;
		const char *shown, *note;
	} cases[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, PROBE_MASK_COMPUTE, "- 500 ±2 98% -",
		 "|-- --|  phases"},
		{PROBE_MASK_MARSHALLING | PROBE_MASK_COMPUTE, PROBE_MASK_DISPATCH, "- 500 ±2 98% -",
		 "|-- --|  phases"},
		{PROBE_MASK_DISPATCH | PROBE_MASK_COMPUTE, PROBE_MASK_MARSHALLING, "(d)",
		 "in the figure under dispatch"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct probe_run *run = fixture_run();
		const struct probe_part parts[] = {{cases[i].first, fixture_value(1000, 4)},
						   {cases[i].second, fixture_value(20, 1)}};
		char *text;

		fixture_engine(&fixture_cell(run, "noop", "capi-o", "cpython-3.8.18")->ladder,
			       parts, 2);
		text = print(run, CLI_UNIT_NS, 3, false);
		assert_non_null(strstr(text, cases[i].shown));
		assert_non_null(strstr(text, cases[i].note));
		free(text);
		probe_run_free(run);
	}
}

static void it_keeps_to_the_width(void **state)
{
	static const double sizes[] = {1e-3, 1, 1e3, 1e5, 1e7, 1e9, 1e12};

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		struct probe_run *run = fixture_run();
		struct probe_cell *cell;
		const struct probe_part parts[] = {
			{PROBE_MASK_DISPATCH, fixture_value(-sizes[s], sizes[s] / 3)},
			{PROBE_MASK_MARSHALLING, fixture_value(2 * sizes[s], sizes[s])},
			{PROBE_MASK_COMPUTE, fixture_value(sizes[s] / 7, sizes[s] / 9)},
		};

		cell = fixture_cell(run, "a-workload-with-a-name-that-goes-on:1048576",
				    "a-path-whose-name-goes-on-and-on-and-on-and-on",
				    "an-interpreter-label-of-some-length-0123456789");
		fixture_engine(&cell->ladder, parts, 3);
		cell->ladder.contended = true;
		fixture_timeline(cell);
		cell = fixture_cell(run, cell->workload, "ctypes", cell->interpreter);
		cell->status = PROBE_CELL_FAILED;
		cell->reason = malloc(2000);
		memset(cell->reason, 'x', 1999);
		cell->reason[1999] = '\0';
		cell->reason[700] = '\t';
		probe_cell_add_warning(cell, cell->reason);
		for (int form = 3; form <= 8; form += 5) {
			char *ns = print(run, CLI_UNIT_NS, form, false);
			char *cycles = print(run, CLI_UNIT_CYCLES, form, false);

			check_lines(ns);
			check_lines(cycles);
			free(ns);
			free(cycles);
		}
		probe_run_free(run);
	}
}

static void a_warning_of_many_cells_stands_once(void **state)
{
	struct probe_run *run = fixture_run();
	char *text, *hit;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		probe_cell_add_warning(&run->cells[i], "the same thing");
	text = print(run, CLI_UNIT_NS, 3, false);
	hit = strstr(text, "add/python/cpython-3.8.18 and 2 more: the same thing");
	assert_non_null(hit);
	assert_null(strstr(hit + 60, "the same thing"));
	free(text);
	probe_run_free(run);
}

/* What native code spends in Python is told apart, and adds up to compute. */
static void callbacks_have_lines_of_their_own(void **state)
{
	const struct probe_part parts[] = {
		{PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN), fixture_value(60, 1)},
		{PROBE_MASK_MARSHALLING, fixture_value(600, 3)},
		{PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH), fixture_value(140, 1)},
		{PROBE_BIT(PROBE_SUB_INVOKE), fixture_value(80, 1)},
		{PROBE_MASK_COMPUTE, fixture_value(10, 1)},
		{PROBE_BIT(PROBE_SUB_CALLBACK), fixture_value(270, 3)},
		{PROBE_BIT(PROBE_SUB_PYTHON), fixture_value(120, 4)},
	};
	const struct probe_part merged[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, fixture_value(300, 2)},
		{PROBE_MASK_COMPUTE, fixture_value(10, 1)},
		{PROBE_MASK_CALLBACK, fixture_value(390, 4)},
	};
	struct probe_run *run = probe_run_new();
	char *text;

	(void)state;
	snprintf(probe_run_add_interpreter(run)->label, 64, "cpython-3.13.0");
	snprintf(run->counter.unit, sizeof run->counter.unit, "TSC ticks");
	run->counter.hz = 2e9;
	run->passes = 3;
	fixture_engine(&fixture_cell(run, "callback", "ctypes", "cpython-3.13.0")->ladder, parts,
		       7);
	fixture_engine(&fixture_cell(run, "callback", "cffi-api", "cpython-3.13.0")->ladder, merged,
		       3);
	fixture_ctypes(run, "add", "cpython-3.13.0", 3.5);
	text = print(run, CLI_UNIT_NS, 3, false);
	check_lines(text);
	golden_check("table-callback-3.txt", text);
	free(text);
	text = print(run, CLI_UNIT_NS, 8, false);
	check_lines(text);
	golden_check("table-callback-8.txt", text);
	free(text);
	probe_run_free(run);
}

static void an_empty_run_prints(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_interpreter *py = probe_run_add_interpreter(run);
	char *text;

	(void)state;
	snprintf(py->label, sizeof py->label, "cpython-3.9.1");
	py->missing = strdup("no headers: apt-get install python3-dev");
	text = print(run, CLI_UNIT_NS, 3, false);
	check_lines(text);
	assert_non_null(strstr(text, "no headers: apt-get install python3-dev"));
	free(text);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens),
		cmocka_unit_test(color_only_adds_to_the_text),
		cmocka_unit_test(missing_units_are_said),
		cmocka_unit_test(merged_phases_are_marked),
		cmocka_unit_test(it_keeps_to_the_width),
		cmocka_unit_test(a_warning_of_many_cells_stands_once),
		cmocka_unit_test(callbacks_have_lines_of_their_own),
		cmocka_unit_test(an_empty_run_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
