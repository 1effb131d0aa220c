/* SPDX-License-Identifier: MIT
 * The data files of the figures against goldens, what they say of odd runs, and the distribution
 * function that a run file keeps for one of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden.h"
#include "probe/compare.h"
#include "probe/export.h"
#include "run_fixture.h"

struct memory {
	char text[1 << 17];
	size_t len;
};

static int take(void *ctx, const char *bytes, size_t n)
{
	struct memory *memory = ctx;

	if (memory->len + n >= sizeof memory->text)
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

	assert_int_equal(probe_exporter_find(name)->export_run(run, &sink, NULL), 0);
	return memory;
}

static void goldens(void **state)
{
	static const char *const names[][2] = {
		{"builddata", "builds.dat"},
		{"waterdata", "waterfall.dat"},
		{"distdata", "distribution.dat"},
		{"evendata", "break-even.dat"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct probe_run *run = fixture_run();
		struct memory *memory = export_as(names[i][0], run);

		golden_check(names[i][1], memory->text);
		free(memory);
		probe_run_free(run);
	}
}

/* What a callback takes is a part of compute with a column of its own; absent where there is none.
 */
static void a_callback_is_told_apart(void **state)
{
	const struct probe_part parts[] = {
		{PROBE_MASK_DISPATCH, fixture_value(280, 2)},
		{PROBE_MASK_MARSHALLING, fixture_value(600, 3)},
		{PROBE_MASK_COMPUTE, fixture_value(10, 1)},
		{PROBE_BIT(PROBE_SUB_CALLBACK), fixture_value(270, 3)},
		{PROBE_BIT(PROBE_SUB_PYTHON), fixture_value(120, 4)},
	};
	struct probe_run *run = fixture_run();
	struct memory *memory;

	(void)state;
	fixture_engine(&fixture_cell(run, "callback", "ctypes", "cpython-3.13.0")->ladder, parts,
		       5);
	memory = export_as("plotdata", run);
	golden_check("callback.dat", memory->text);
	/* In ns: compute as a phase is 10 + 270 + 120 ticks of half a ns. */
	assert_non_null(strstr(memory->text, " 140 300 200 NaN NaN NaN NaN NaN "));
	assert_non_null(strstr(memory->text, " 195 \n"));
	free(memory);
	probe_run_free(run);
}

/* The comparison's data, read back from the file that it is written to. */
static char *delta_text(const struct probe_run *a, const struct probe_run *b)
{
	struct probe_comparison *comparison = NULL;
	char path[] = "/tmp/probe-test-delta-XXXXXX";
	char *text = calloc(1, 1 << 17);
	int fd = mkstemp(path);
	FILE *file;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(probe_compare(a, b, -1, &comparison, NULL), 0);
	assert_int_equal(probe_comparison_plotdata(comparison, a, b, path, NULL), 0);
	probe_comparison_free(comparison);
	file = fopen(path, "r");
	text[fread(text, 1, (1 << 17) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	return text;
}

static void a_change_lies_in_its_phase(void **state)
{
	struct probe_run *a = fixture_run(), *b = fixture_run();
	struct probe_engine *e;
	struct probe_cell *cell;
	char *text;

	(void)state;
	e = &probe_run_find_cell(b, "add", "ctypes", "cpython-3.8.18")->ladder;
	for (size_t i = 0; i < e->folded_count; i++)
		if (e->folded[i].mask == PROBE_MASK_MARSHALLING)
			e->folded[i].value.ticks += 100;
	e->total.ticks += 100;
	cell = probe_run_find_cell(b, "add", "python", "cpython-3.8.18");
	cell->status = PROBE_CELL_CRASHED;
	cell->reason = strdup("signal 11");
	fixture_ctypes(b, "add", "cpython-3.13.0", 0.4); /* A has no such cell */
	text = delta_text(a, b);
	golden_check("delta.dat", text);
	assert_non_null(strstr(text, "\"ctypes\" 2 \"marshalling\" 50 "));
	assert_non_null(strstr(text, "\"A: measured, B: crashed\""));
	assert_non_null(strstr(text, "\"A: not in the run, B: measured\""));
	assert_non_null(strstr(text, "\"contended, not judged\""));
	free(text);
	probe_run_free(a);
	probe_run_free(b);
}

/* How many blocks a data file has: they stand apart by two empty lines. */
static size_t blocks(const char *text)
{
	size_t n = 1;

	for (const char *at = text; (at = strstr(at, "\n\n\n")); at += 3)
		n++;
	return n;
}

static void every_file_has_its_blocks(void **state)
{
	static const struct {
		const char *name;
		size_t blocks;
	} files[] = {{"plotdata", 3}, {"builddata", 3}, {"waterdata", 3},
		     {"distdata", 4}, {"evendata", 3},  {"heatdata", 5}};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct probe_run *run = fixture_run();
		struct memory *memory = export_as(files[i].name, run);

		assert_int_equal(blocks(memory->text), files[i].blocks);
		free(memory);
		probe_run_free(run);
	}
}

/* The plot's data of a run in pure Python alone; the caller frees them. */
static struct memory *plotdata_of(int builds, int paths)
{
	struct probe_run *run = probe_run_new();
	struct memory *memory;

	for (int build = 0; build < builds; build++) {
		for (int path = 0; path < paths; path++) {
			char name[32], python[32];

			snprintf(name, sizeof name, "path-%d", path);
			snprintf(python, sizeof python, "cpython-3.%d.0", 10 + build);
			fixture_python(run, "add", python, 100 + path);
			free(run->cells[run->cell_count - 1].path);
			run->cells[run->cell_count - 1].path = strdup(name);
		}
	}
	run->counter.hz = 1e9;
	memory = export_as("plotdata", run);
	probe_run_free(run);
	return memory;
}

static void many_rows_go_on_in_another_panel(void **state)
{
	/* Two builds of 25.5 lines each fit in 64, a third does not. The axis is the same. */
	struct memory *memory = plotdata_of(4, 24);

	(void)state;
	assert_non_null(strstr(memory->text, "\n\"add\" 50.5 NaN 123 \n"));
	assert_non_null(strstr(memory->text, "\n\"add (continued)\" 50.5 NaN 123 \n"));
	free(memory);
}

static void panels_of_a_workload_are_alike_in_length(void **state)
{
	/* Seven builds of 10.5 lines: three and four, not six and one. */
	struct memory *memory = plotdata_of(7, 9);

	(void)state;
	assert_non_null(strstr(memory->text, "\n\"add\" 31 NaN 108 \n"));
	assert_non_null(strstr(memory->text, "\n\"add (continued)\" 41.5 NaN 108 \n"));
	free(memory);
}

static void an_older_file_has_five_quantiles(void **state)
{
	struct probe_run *run = fixture_run();
	struct memory *memory;

	(void)state;
	probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0")->timeline.dists[0].curve_count =
		0;
	memory = export_as("distdata", run);
	assert_non_null(strstr(memory->text, "\"five quantiles only\""));
	assert_non_null(strstr(memory->text, " 0.999 1200 \n")); /* 2400 ticks at 2 GHz */
	free(memory);
	probe_run_free(run);
}

static void the_curve_survives_the_run_file(void **state)
{
	struct probe_run *run = fixture_run(), *loaded = NULL;
	char path[] = "/tmp/probe-test-curve-XXXXXX";
	int fd = mkstemp(path);
	const struct probe_dist *was, *is;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	assert_int_equal(probe_run_load(path, &loaded, NULL), 0);
	unlink(path);
	was = probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0")->timeline.dists;
	is = probe_run_find_cell(loaded, "fib", "ctypes", "cpython-3.13.0")->timeline.dists;
	assert_int_equal(is[0].curve_count, was[0].curve_count);
	assert_true(is[0].curve_count > 0);
	for (size_t i = 0; i < was[0].curve_count; i++) {
		assert_true(fabs(is[0].curve[i].share - was[0].curve[i].share) < 1e-12);
		assert_true(fabs(is[0].curve[i].ticks - was[0].curve[i].ticks) < 1e-9);
	}
	assert_int_equal(is[1].curve_count, 0);
	probe_run_free(run);
	probe_run_free(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens),
		cmocka_unit_test(a_callback_is_told_apart),
		cmocka_unit_test(a_change_lies_in_its_phase),
		cmocka_unit_test(every_file_has_its_blocks),
		cmocka_unit_test(many_rows_go_on_in_another_panel),
		cmocka_unit_test(panels_of_a_workload_are_alike_in_length),
		cmocka_unit_test(an_older_file_has_five_quantiles),
		cmocka_unit_test(the_curve_survives_the_run_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
