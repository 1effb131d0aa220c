/* SPDX-License-Identifier: MIT
 * The table of calls under threads against a golden, and how it keeps to the terminal's width.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The command's files are no part of the library that tests link. */
#include "../../libprobe/cli/grid.c"
#include "../../libprobe/cli/table_threads.c"
#include "golden.h"
#include "threads_fixture.h"

static NOT_INLINED char *print(const struct probe_run *run, bool color, unsigned *marks)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	*marks = table_threads(run, color, out);
	fclose(out);
	return text;
}

static void check_width(const char *text)
{
	for (; *text; text += *text == '\n') {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (grid_width(line) > GRID_WIDTH || (n && line[n - 1] == ' '))
			fail_msg("too wide, or a blank at the end: '%s'", line);
		free(line);
		text += n;
	}
}

static void the_table(void **state)
{
	struct probe_run *run = threaded_run();
	unsigned marks;
	char *text = print(run, false, &marks);

	(void)state;
	check_width(text);
	golden_check("table-threads.txt", text);
	assert_int_equal(marks, TABLE_LETTERS);
	free(text);
	probe_run_free(run);
}

static void nothing_is_printed_without_rows(void **state)
{
	struct probe_run *run = fixture_run();
	unsigned marks;
	char *text = print(run, true, &marks);

	(void)state;
	assert_string_equal(text, "");
	assert_int_equal(marks, 0);
	free(text);
	probe_run_free(run);
}

static void wide_figures_get_a_larger_unit(void **state)
{
	struct probe_run *run = threaded_run();
	unsigned marks;
	char *text;

	(void)state;
	for (size_t i = 0; i < run->threaded_count; i++) {
		struct probe_threaded *row = &run->threaded[i];

		row->calls_per_s *= 1e3;
		row->calls_per_s_half *= 3e4;
		row->call_ns *= 150;
		row->scaling_half *= 300;
		for (size_t p = 0; p < row->phase_count; p++)
			row->phases[p].ns *= 150;
	}
	text = print(run, false, &marks);
	check_width(text);
	assert_non_null(strstr(text, "us"));
	free(text);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(nothing_is_printed_without_rows),
		cmocka_unit_test(wide_figures_get_a_larger_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
