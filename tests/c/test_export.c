/* SPDX-License-Identifier: MIT
 * Exports through a memory sink against goldens, and the figures that they print.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden.h"
#include "probe/export.h"
#include "probe/figures.h"
#include "run_fixture.h"

struct memory {
	char text[1 << 17];
	size_t len;
	size_t room; /* what the sink takes before it fails */
};

static int take(void *ctx, const char *bytes, size_t n)
{
	struct memory *memory = ctx;

	if (memory->len + n > memory->room)
		return -1;
	memcpy(memory->text + memory->len, bytes, n);
	memory->len += n;
	memory->text[memory->len] = '\0';
	return 0;
}

static struct memory *export_as(const char *name, const struct probe_run *run)
{
	struct memory *memory = calloc(1, sizeof *memory);
	struct probe_sink sink = {.write = take, .ctx = memory};
	const struct probe_exporter *exporter = probe_exporter_find(name);

	assert_non_null(exporter);
	memory->room = sizeof memory->text - 1;
	assert_int_equal(exporter->export_run(run, &sink, NULL), 0);
	return memory;
}

static void goldens(void **state)
{
	static const char *const names[][2] = {
		{"csv", "run.csv"}, {"markdown", "run.md"}, {"plotdata", "run.dat"}};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct probe_run *run = fixture_run();
		struct memory *memory = export_as(names[i][0], run);

		golden_check(names[i][1], memory->text);
		free(memory);
		probe_run_free(run);
	}
}

static void warmup_series_are_rows(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory;

	(void)state;
	run->cells[1].warmup = (struct probe_warmup){.point_count = 3,
						     .calls = {0, 1, 5},
						     .ticks = {6000, NAN, 900.5},
						     .contended = {0, 1, 0.25},
						     .steady_from = 5};
	run->cells[2].warmup =
		(struct probe_warmup){.point_count = 1, .ticks = {300}, .steady_from = NAN};
	memory = export_as("warmup", run);
	golden_check("warmup.csv", memory->text);
	free(memory);
	probe_run_free(run);
}

/* Fields of a CSV line; a quoted field may hold commas and doubled quotes. */
static size_t fields(const char *line, size_t length)
{
	size_t n = 1;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		quoted ^= line[i] == '"';
		n += line[i] == ',' && !quoted;
	}
	assert_false(quoted);
	return n;
}

static void csv_rows_have_the_columns_of_the_header(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory;
	size_t columns = 0, rows = 0;

	(void)state;
	free(run->cells[3].reason);
	run->cells[3].reason = strdup("a, \"b\"\nc\r\nd");
	memory = export_as("csv", run);
	for (char *line = memory->text; *line; line += strcspn(line, "\n") + 1) {
		size_t length = strcspn(line, "\n");

		if (!columns)
			columns = fields(line, length);
		assert_int_equal(fields(line, length), columns);
		rows++;
	}
	assert_true(rows > 40);
	assert_non_null(strstr(memory->text, ",unavailable,\"a, \"\"b\"\" c d\",,,"));
	free(memory);
	probe_run_free(run);
}

static void absent_is_never_zero(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory;

	(void)state;
	run->counter.hz = 0;
	run->counter.cycles_per_tick = 0;
	memory = export_as("csv", run);
	/* ns, cycles and whether they are estimated */
	assert_non_null(strstr(memory->text, ",ladder,call,total,exact,134,0.67,,,,,,100,0,,,,"));
	free(memory);
	memory = export_as("plotdata", run);
	assert_non_null(strstr(memory->text, "\"ticks\" NaN 0 "));
	free(memory);
	probe_run_free(run);
}

static void hostile_text_stays_in_its_cell(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory;

	(void)state;
	free(run->cells[3].reason);
	run->cells[3].reason = strdup("a | b\n| c \"d\" \033[31m`e`");
	memory = export_as("markdown", run);
	assert_non_null(strstr(memory->text, "a \\| b \\| c \"d\" \\`e\\`\n"));
	free(memory);
	memory = export_as("plotdata", run);
	assert_non_null(strstr(memory->text, "\"unavailable: a | b | c 'd' `e`\" NaN"));
	assert_null(strchr(memory->text, '\033'));
	free(memory);
	probe_run_free(run);
}

static void a_failing_sink_is_an_error(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory = calloc(1, sizeof *memory);
	struct probe_sink sink = {.write = take, .ctx = memory};

	(void)state;
	memory->room = 100;
	for (const struct probe_exporter *e = probe_exporters(); e->name; e++) {
		struct probe_error err = {0};

		assert_int_equal(e->export_run(run, &sink, &err), -PROBE_ESYS);
		assert_true(err.msg[0] != '\0');
	}
	free(memory);
	probe_run_free(run);
}

static void export_to_files(void **state)
{
	struct probe_run *run = fixture_run();
	struct probe_error err = {0};
	char path[] = "/tmp/probe-test-export-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(probe_export_file(run, "xml", path, &err), -PROBE_ENOENT);
	assert_non_null(strstr(err.msg, "use csv, markdown, "));
	assert_int_equal(probe_export_file(run, "csv", "/no/such/f.csv", &err), -PROBE_ESYS);
	assert_int_equal(probe_export_file(run, "csv", path, &err), 0);
	unlink(path);
	assert_null(probe_exporter_find("xml"));
	for (const struct probe_exporter *e = probe_exporters(); e->name; e++)
		assert_ptr_equal(probe_exporter_find(e->name), e);
	probe_run_free(run);
}

static void an_empty_run_exports(void **state)
{
	struct probe_run *run = probe_run_new();

	(void)state;
	for (const struct probe_exporter *e = probe_exporters(); e->name; e++) {
		struct memory none = {.room = 0};
		const struct probe_sink sink = {.write = take, .ctx = &none};

		/* A trace of nothing is refused, before a byte is written. */
		if (!strcmp(e->name, "trace") || !strcmp(e->name, "speedscope")) {
			assert_int_equal(e->export_run(run, &sink, NULL), -PROBE_ENOENT);
			assert_int_equal(none.len, 0);
		} else {
			free(export_as(e->name, run));
		}
	}
	probe_run_free(run);
}

static void figures_have_the_digits_that_they_can_bear(void **state)
{
	static const struct {
		double ticks, half, floor;
		bool below;
		const char *both;
	} cases[] = {
		{212.34, 1.2, 0, false, "212 ±1"},
		{212.34, 0.4, 0, false, "212.3 ±0.4"},
		{212.34, 0.01, 0, false, "212.3 ±0.1"}, /* never rounded to nothing */
		{30512.7, 0.2, 0, false, "30513 ±1"},
		{1.93, 0.21, 0, false, "1.9 ±0.2"},
		{1.93, 0.021, 0, false, "1.93 ±0.02"},
		{-0.3, 0.8, 0, false, "-0.3 ±0.8"},
		{-0.001, 0.8, 0, false, "0.0 ±0.8"},
		{40, 55, 0, false, "40 ±55"},
		{12.5, 0, 0, false, "12.5 ±0.0"},
		{12.5, NAN, 0, false, "12.5"},
		{0.1, 0.2, 0.36, true, "<0.4"},
		{0.1, 0.2, 12.5, true, "<20"},
		{0.1, 0.2, 0, true, "<0.3"},
		{NAN, 1, 0, false, ""},
	};
	struct probe_value absent = {.state = PROBE_ABSENT};
	char buf[48];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct probe_value v = fixture_value(cases[i].ticks, cases[i].half);

		v.below_floor = cases[i].below;
		assert_string_equal(probe_figure_text(&v, 1, cases[i].floor, PROBE_FIGURE_BOTH, buf,
						      sizeof buf),
				    cases[i].both);
	}
	assert_string_equal(probe_figure_text(&absent, 1, 1, PROBE_FIGURE_BOTH, buf, sizeof buf),
			    "");
	struct probe_value v = fixture_value(424.68, 2.4);
	assert_string_equal(probe_figure_text(&v, 0.5, 0, PROBE_FIGURE_VALUE, buf, sizeof buf),
			    "212");
	assert_string_equal(probe_figure_text(&v, 0.5, 0, PROBE_FIGURE_HALF, buf, sizeof buf),
			    "±1");
}

static void ratios_and_shares(void **state)
{
	struct probe_run *run = fixture_run();
	struct probe_value part = fixture_value(57, 1), total = fixture_value(100, 1);
	struct probe_engine *e = &run->cells[1].ladder;
	char buf[32];

	(void)state;
	assert_string_equal(probe_ratio_text(31.24, buf, sizeof buf), "31.2x");
	assert_string_equal(probe_ratio_text(0.1939, buf, sizeof buf), "0.194x");
	assert_string_equal(probe_ratio_text(1250, buf, sizeof buf), "1250x");
	assert_string_equal(probe_ratio_text(NAN, buf, sizeof buf), "");
	assert_string_equal(probe_share_text(&part, &total, buf, sizeof buf), "57%");
	part.state = PROBE_ABSENT;
	assert_string_equal(probe_share_text(&part, &total, buf, sizeof buf), "");

	/* 60000 ticks against 120 + 640 + 90 + 60 + 1400 */
	assert_true(fabs(probe_run_ratio(run, "fib", "python", "ctypes", "cpython-3.13.0") -
			 60000.0 / 2310) < 1e-9);
	assert_true(isnan(probe_run_ratio(run, "fib", "python", "capi-o", "cpython-3.13.0")));
	assert_true(isnan(probe_run_ratio(run, "fib", "python", "ctypes", "cpython-3.8.18")));

	/* What a row is, and not its name, makes it the one that others are compared with. */
	struct probe_cell *python = probe_run_find_cell(run, "fib", "python", "cpython-3.13.0");
	struct probe_cell *ctypes = probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0");
	assert_true(fabs(probe_run_speedup(run, ctypes) - 60000.0 / 2310) < 1e-9);
	python->binding = strdup("direct");
	assert_true(isnan(probe_run_speedup(run, ctypes)));
	ctypes->binding = strdup("python");
	assert_true(fabs(probe_run_speedup(run, python) - 2310 / 60000.0) < 1e-9);

	e->total = fixture_value(1000, 1);
	e->closure = fixture_value(30, 10);
	assert_true(probe_closure_is_off(e));
	e->closure = fixture_value(-30, 10);
	assert_true(probe_closure_is_off(e));
	e->closure = fixture_value(30, 40); /* inside its interval */
	assert_false(probe_closure_is_off(e));
	e->closure = fixture_value(19, 1); /* under 2 % */
	assert_false(probe_closure_is_off(e));
	e->closure.state = PROBE_ABSENT;
	assert_true(isnan(probe_closure_percent(e)));
	assert_false(probe_closure_is_off(e));
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens),
		cmocka_unit_test(warmup_series_are_rows),
		cmocka_unit_test(csv_rows_have_the_columns_of_the_header),
		cmocka_unit_test(absent_is_never_zero),
		cmocka_unit_test(hostile_text_stays_in_its_cell),
		cmocka_unit_test(a_failing_sink_is_an_error),
		cmocka_unit_test(export_to_files),
		cmocka_unit_test(an_empty_run_exports),
		cmocka_unit_test(figures_have_the_digits_that_they_can_bear),
		cmocka_unit_test(ratios_and_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
