/* SPDX-License-Identifier: MIT
 * A sweep as people see it: the table of slopes, its Markdown, and the heat map's data, against
 * goldens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The command's files are no part of the library that tests link. */
#include "../../libprobe/cli/grid.c"
#include "../../libprobe/cli/table_slopes.c"
#include "export/export.h"
#include "golden.h"
#include "sweep_fixture.h"

static const char *const names[TABLE_THOUSANDS] = {"ns", "us", "ms", "s"};

static NOT_INLINED char *print(const struct probe_run *run, bool color, unsigned *marks)
{
	const struct table_units units = {.per_tick = 0.5, .names = names};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	*marks = table_slopes(run, &units, color, out);
	fclose(out);
	return text;
}

static int check_width(const char *text)
{
	int lines = 0;

	for (; *text; text += *text == '\n') {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (grid_width(line) > GRID_WIDTH || (n && line[n - 1] == ' '))
			fail_msg("too wide, or a blank at the end: '%s'", line);
		free(line);
		text += n;
		lines++;
	}
	return lines;
}

static void the_table(void **state)
{
	struct probe_run *run = fixture_sweep();
	unsigned marks;
	char *text = print(run, false, &marks);

	(void)state;
	check_width(text);
	golden_check("table-slopes.txt", text);
	assert_int_equal(marks, TABLE_FLOOR | TABLE_CONTENDED | TABLE_BENT | TABLE_INEXPRESSIBLE);
	free(text);
	probe_run_free(run);
}

static void many_types_stand_in_several_tables(void **state)
{
	struct probe_run *run = probe_run_new();
	char type[8], *text, *last;
	unsigned marks;

	(void)state;
	for (unsigned k = 0; k < 30; k++)
		for (unsigned n = 1; n <= 4; n++) {
			snprintf(type, sizeof type, "type%u", k);
			sweep_cell(run, "a-path-of-a-rather-long-name", type, n,
				   1e6 + 1234567.0 * n, NAN, 2e5);
		}
	text = print(run, true, &marks);
	check_width(text);
	last = strstr(text, "type29");
	assert_non_null(last);
	assert_null(strstr(last + 1, "type29"));
	free(text);
	probe_run_free(run);
}

static void a_run_without_a_sweep_has_no_table(void **state)
{
	struct probe_run *run = fixture_run();
	unsigned marks;
	char *text = print(run, false, &marks);

	(void)state;
	assert_string_equal(text, "");
	assert_int_equal(marks, 0);
	free(text);
	/* Nor has one workload of a sweep. */
	sweep_cell(run, "ctypes", "int", 2, 100, NAN, 1);
	text = print(run, false, &marks);
	assert_string_equal(text, "");
	free(text);
	probe_run_free(run);
}

static int take(void *ctx, const char *bytes, size_t n)
{
	return fwrite(bytes, 1, n, ctx) == n ? 0 : -1;
}

static void the_exports(void **state)
{
	struct probe_run *run = fixture_sweep();
	struct pb_buf markdown = {0};
	struct probe_scale scale;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	const struct probe_sink sink = {.write = take, .ctx = out};

	(void)state;
	assert_non_null(out);
	assert_int_equal(probe_scale_get(run, PROBE_UNIT_NS, &scale), 0);
	pb_export_markdown_slopes(&markdown, run, &scale);
	assert_false(markdown.oom);
	golden_check("slopes.md", markdown.data);
	assert_int_equal(probe_exporter_find("heatdata")->export_run(run, &sink, NULL), 0);
	fclose(out);
	golden_check("heat.dat", text);
	pb_buf_fini(&markdown);
	free(text);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(many_types_stand_in_several_tables),
		cmocka_unit_test(a_run_without_a_sweep_has_no_table),
		cmocka_unit_test(the_exports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
