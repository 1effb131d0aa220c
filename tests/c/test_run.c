/* SPDX-License-Identifier: MIT
 * The run model and its file: nothing lost, nothing invented, every bad file refused in one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "result/codec.h"
#include "run_fixture.h"

static char folder[] = "/tmp/probe-test-run-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, sizeof path[0], "%s/%s", folder, name);
	return out;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(out);
}

static char *read_file(const char *path, size_t *n)
{
	FILE *in = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	assert_non_null(in);
	*n = fread(bytes, 1, (1 << 20) - 1, in);
	bytes[*n] = '\0';
	fclose(in);
	return bytes;
}

static json_t *json_of(const char *path)
{
	json_error_t why;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	assert_non_null(root);
	return root;
}

static void save_and_load_keep_everything(void **state)
{
	struct probe_run *run = fixture_run(), *again = NULL;
	struct probe_error err = {0};
	const char *path = in_folder("run.json");
	json_t *before, *after;

	(void)state;
	/* What drives a terminal is kept as text, so as it is shown. */
	for (size_t i = 0; i < run->cell_count; i++)
		if (run->cells[i].reason && strchr(run->cells[i].reason, '\033'))
			strcpy(run->cells[i].reason, "died by signal 11");
	assert_int_equal(probe_run_save(run, path, &err), 0);
	assert_int_equal(probe_run_load(path, &again, &err), 0);
	before = pb_encode(&pb_schema_run, run, NULL);
	after = pb_encode(&pb_schema_run, again, NULL);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);

	/* And not only by the codec's own word. */
	assert_true(again->seed == UINT64_MAX);
	assert_int_equal(again->cell_count, run->cell_count);
	assert_string_equal(again->counter.why, run->counter.why);
	const struct probe_cell *cell =
		probe_run_find_cell(again, "fib", "ctypes", "cpython-3.13.0");
	assert_non_null(cell);
	assert_true(cell->ladder.present && cell->timeline.present);
	assert_int_equal(cell->ladder.part_count, 5);
	assert_int_equal(cell->ladder.parts[2].mask,
			 PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH));
	assert_true(cell->ladder.passes[2].parts[1] == 641);
	assert_true(isnan(cell->ladder.passes[2].parts[5])); /* beyond the parts there are */
	assert_true(isnan(cell->ladder.passes[0].empty_call));
	assert_true(isnan(cell->timeline.dists[1].p999));
	assert_int_equal(cell->ladder.empty_call.state, PROBE_ABSENT);
	assert_string_equal(cell->warnings[0], "ladder and timeline differ in marshalling");
	cell = probe_run_find_cell(again, "fib", "capi-o", "cpython-3.13.0");
	assert_int_equal(cell->status, PROBE_CELL_CRASHED);
	assert_string_equal(cell->backtrace, "#0 fib\n#1 call");
	assert_false(cell->ladder.present);
	probe_run_free(run);
	probe_run_free(again);
}

static void the_warmup_series_is_kept(void **state)
{
	struct probe_run *run = fixture_run(), *again = NULL;
	struct probe_error err = {0};
	const char *path = in_folder("warmup.json");
	struct probe_warmup *w = &run->cells[1].warmup;

	(void)state;
	*w = (struct probe_warmup){.point_count = 3,
				   .calls = {0, 1, 5},
				   .ticks = {6000, NAN, 900.5},
				   .contended = {0, 1, 0.25},
				   .call_count = 10114,
				   .steady_from = 5,
				   .processes = 5,
				   .processes_unsteady = 1,
				   .change = 0.125};
	run->cells[2].warmup = (struct probe_warmup){
		.point_count = PROBE_MAX_WARMUP, .call_count = 70, .steady_from = NAN};
	assert_int_equal(probe_run_save(run, path, &err), 0);
	assert_int_equal(probe_run_load(path, &again, &err), 0);
	w = &again->cells[1].warmup;
	assert_int_equal(w->point_count, 3);
	assert_true(w->calls[2] == 5 && w->ticks[0] == 6000 && w->ticks[2] == 900.5);
	assert_true(isnan(w->ticks[1]));
	assert_true(w->contended[2] == 0.25);
	assert_true(w->call_count == 10114 && w->steady_from == 5 && w->change == 0.125);
	assert_int_equal(w->processes, 5);
	assert_int_equal(w->processes_unsteady, 1);
	assert_int_equal(again->cells[2].warmup.point_count, PROBE_MAX_WARMUP);
	assert_true(isnan(again->cells[2].warmup.steady_from));
	assert_int_equal(again->cells[0].warmup.point_count, 0);
	probe_run_free(run);
	probe_run_free(again);
}

/* Lists of one series that are not as long as each other, or longer than there is room for. */
static void a_damaged_warmup_series_is_refused(void **state)
{
	static const char *const series[] = {
		"{\"calls\": [0, 1], \"ticks\": [5], \"contended\": [0, 0]}",
		"{\"calls\": [0, 1], \"ticks\": \"5\", \"contended\": [0, 0]}",
		"{\"calls\": [0, 1], \"ticks\": [5, true], \"contended\": [0, 0]}",
		"{\"calls\": [0, 1], \"ticks\": [5, 6]}",
		NULL,
	};
	const char *path = in_folder("damaged.json");

	(void)state;
	for (size_t i = 0; i < sizeof series / sizeof series[0]; i++) {
		struct probe_run *run = fixture_run(), *again = NULL;
		struct probe_error err = {0};
		json_t *root, *value;

		assert_int_equal(probe_run_save(run, path, &err), 0);
		root = json_of(path);
		value = series[i] ? json_loads(series[i], 0, NULL) : json_object();
		assert_non_null(value);
		for (unsigned k = 0; !series[i] && k < 3; k++) {
			static const char *const keys[] = {"calls", "ticks", "contended"};
			json_t *list = json_array();

			for (int n = 0; n <= PROBE_MAX_WARMUP; n++)
				json_array_append_new(list, json_real(n));
			json_object_set_new(value, keys[k], list);
		}
		json_object_set_new(
			json_array_get(json_object_get(json_object_get(root, "probe"), "cells"), 1),
			"warmup", value);
		assert_int_equal(json_dump_file(root, path, 0), 0);
		json_decref(root);
		assert_int_equal(probe_run_load(path, &again, &err), -PROBE_EFORMAT);
		assert_non_null(strstr(err.msg, "warmup"));
		assert_null(again);
		probe_run_free(run);
	}
}

static void doubles_are_exact_and_never_nan(void **state)
{
	struct probe_run *run = fixture_run(), *again = NULL;
	struct probe_engine *e = &run->cells[1].ladder;
	const char *path = in_folder("exact.json");
	size_t n;
	char *text;

	(void)state;
	e->total.ticks = 0.1 + 0.2;
	e->total.half = INFINITY;
	e->bare.ticks = 1.0 / 3;
	e->passes[0].bare = NAN;
	run->counter.hz = 2899999999.0000005;
	run->counter.cycles_per_tick = 0;
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	text = read_file(path, &n);
	assert_null(strcasestr(text, "nan"));
	assert_null(strcasestr(text, "inf,"));
	assert_non_null(strstr(text, "\"cycles_per_tick\": null"));
	assert_null(strstr(text, "probe_cycles_per_tick"));
	free(text);
	assert_int_equal(probe_run_load(path, &again, NULL), 0);
	e = &again->cells[1].ladder;
	assert_true(e->total.ticks == 0.1 + 0.2);
	assert_true(isnan(e->total.half));
	assert_true(e->bare.ticks == 1.0 / 3);
	assert_true(isnan(e->passes[0].bare));
	assert_true(again->counter.hz == 2899999999.0000005);
	assert_true(again->counter.cycles_per_tick == 0);
	probe_run_free(run);
	probe_run_free(again);
}

static void bytes_that_are_no_utf8_do_not_cost_the_run(void **state)
{
	struct probe_run *run = fixture_run(), *again = NULL;
	const char *path = in_folder("bytes.json");

	(void)state;
	free(run->cells[3].reason);
	run->cells[3].reason = strdup("caf\xe9 \xed\xa0\x80 ok \xc3\xa9 \xf5\x80\x80\x80 \xc3");
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	assert_int_equal(probe_run_load(path, &again, NULL), 0);
	assert_string_equal(again->cells[3].reason, "caf? ??? ok \xc3\xa9 ???? ?");
	probe_run_free(run);
	probe_run_free(again);
}

/* What pyperf asks of a file: see its Run and Metadata classes. */
static void check_pyperf_metadata(const json_t *metadata)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)metadata, key, value)
	{
		assert_false(json_is_null(value) || json_is_object(value) || json_is_array(value));
		if (json_is_string(value)) {
			assert_true(json_string_length(value) > 0);
			assert_null(strchr(json_string_value(value), '\n'));
		}
	}
}

static const json_t *benchmark_of(const json_t *root, const char *name)
{
	const json_t *benchmarks = json_object_get(root, "benchmarks"), *found = NULL;
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)benchmarks, i, item)
	{
		const json_t *metadata = json_object_get(item, "metadata");

		if (strcmp(json_string_value(json_object_get(metadata, "name")), name))
			continue;
		assert_null(found); /* pyperf wants each name once */
		found = item;
	}
	return found;
}

static double value_of(const json_t *benchmark, size_t run)
{
	const json_t *runs = json_object_get(benchmark, "runs");
	const json_t *values = json_object_get(json_array_get(runs, run), "values");

	assert_int_equal(json_array_size(values), 1);
	return json_number_value(json_array_get(values, 0));
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-15;
}

static void the_pyperf_view_holds_what_pyperf_takes(void **state)
{
	struct probe_run *run = fixture_run();
	const char *path = in_folder("view.json");
	json_t *root, *benchmark;
	const json_t *found;
	size_t i, r;
	json_t *item;

	(void)state;
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	root = json_of(path);
	assert_string_equal(json_string_value(json_object_get(root, "version")), "1.0");
	check_pyperf_metadata(json_object_get(root, "metadata"));
	json_array_foreach(json_object_get(root, "benchmarks"), i, benchmark)
	{
		const json_t *metadata = json_object_get(benchmark, "metadata");

		check_pyperf_metadata(metadata);
		benchmark_of(root, json_string_value(json_object_get(metadata, "name")));
		assert_true(json_array_size(json_object_get(benchmark, "runs")) > 0);
		json_array_foreach(json_object_get(benchmark, "runs"), r, item)
		{
			check_pyperf_metadata(json_object_get(item, "metadata"));
			assert_true(value_of(benchmark, r) > 0);
		}
	}
	/* Seconds per call, one pyperf run a pass: 909.4, 914.4 - 5, ... ticks of 0.5 ns. */
	found = benchmark_of(root, "add/ctypes/cpython-3.8.18/total");
	assert_int_equal(json_array_size(json_object_get(found, "runs")), FIXTURE_PASSES);
	assert_true(near(value_of(found, 0), (910.4 - 5) / 2e9));
	found = benchmark_of(root, "add/ctypes/cpython-3.8.18/dispatch");
	assert_true(near(value_of(found, 1), 270 / 2e9));
	found = json_object_get(found, "metadata");
	assert_int_equal(json_integer_value(json_object_get(found, "loops")), 400);
	assert_string_equal(json_string_value(json_object_get(found, "probe_engine")), "ladder");
	assert_true(
		near(json_number_value(json_object_get(found, "probe_value_seconds")), 270 / 2e9));

	/* compute is 0.4 ticks: the passes are at -0.6, 0.4, 1.4, and the first is left out. */
	found = benchmark_of(root, "add/ctypes/cpython-3.8.18/compute");
	assert_int_equal(json_array_size(json_object_get(found, "runs")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(found, "metadata"),
							    "probe_values_not_positive")),
			 1);
	assert_non_null(benchmark_of(root, "add/ctypes/cpython-3.8.18/dispatch.call+return"));
	assert_non_null(benchmark_of(root, "add/ctypes/cpython-3.8.18/marshalling"));
	assert_non_null(benchmark_of(root, "add/cffi-abi/cpython-3.8.18/dispatch+marshalling"));
	assert_non_null(benchmark_of(root, "add/python/cpython-3.8.18/empty_call"));
	assert_null(benchmark_of(root, "add/cffi-api/cpython-3.8.18/total"));

	/* The timeline only gives what the ladder has not. */
	found = json_object_get(benchmark_of(root, "fib/ctypes/cpython-3.13.0/marshalling.in"),
				"metadata");
	assert_string_equal(json_string_value(json_object_get(found, "probe_engine")), "timeline");
	found = json_object_get(benchmark_of(root, "fib/ctypes/cpython-3.13.0/total"), "metadata");
	assert_string_equal(json_string_value(json_object_get(found, "probe_engine")), "ladder");
	json_decref(root);
	probe_run_free(run);
}

static void expect_refusal(const char *name, const char *bytes, int code, const char *words)
{
	struct probe_run *run = NULL;
	struct probe_error err = {0};
	const char *path = in_folder(name);

	write_file(path, bytes, strlen(bytes));
	assert_int_equal(probe_run_load(path, &run, &err), code);
	assert_null(run);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
	assert_null(strchr(err.msg, '\n'));
	assert_non_null(strstr(err.msg, name));
}

static void bad_files_are_refused_in_one_line(void **state)
{
	struct probe_run *run = NULL;
	struct probe_error err = {0};

	(void)state;
	expect_refusal("empty.json", "", -PROBE_EFORMAT, "is empty");
	expect_refusal("blank.json", " \n", -PROBE_EFORMAT, "is empty");
	expect_refusal("text.json", "hello", -PROBE_EFORMAT, "is not JSON");
	expect_refusal("foreign.json", "{\"a\": 1}", -PROBE_EFORMAT, "no \"probe\" section");
	expect_refusal("list.json", "[1, 2]", -PROBE_EFORMAT, "no \"probe\" section");
	expect_refusal("pyperf.json", "{\"version\": \"1.0\", \"benchmarks\": []}", -PROBE_EFORMAT,
		       "is a pyperf file without a probe section");
	expect_refusal("newer.json", "{\"probe\": {\"schema_version\": 2}}", -PROBE_EABI,
		       "update probe");
	expect_refusal("version.json", "{\"probe\": {\"schema_version\": \"x\"}}", -PROBE_EFORMAT,
		       "probe.schema_version should be");
	expect_refusal("cells.json", "{\"probe\": {\"schema_version\": 1}}", -PROBE_EFORMAT,
		       "probe.cells should be there");
	expect_refusal("cell.json",
		       "{\"probe\": {\"schema_version\": 1, \"cells\": [{\"workload\": \"w\", "
		       "\"path\": \"p\", \"interpreter\": \"i\", \"status\": \"odd\"}]}}",
		       -PROBE_EFORMAT, "probe.cells[0].status should be");
	expect_refusal("null.json", "{\"probe\": {\"schema_version\": 1, \"cells\": [null]}}",
		       -PROBE_EFORMAT, "probe.cells[0] should be an object");
	expect_refusal("twice.json", "{\"probe\": 1, \"probe\": 2}", -PROBE_EFORMAT, "is not JSON");

	assert_int_equal(probe_run_load(in_folder("missing.json"), &run, &err), -PROBE_ENOENT);
	assert_int_equal(probe_run_load(folder, &run, &err), -PROBE_ESYS);
}

static void every_truncation_is_refused(void **state)
{
	struct probe_run *run = fixture_run();
	const char *path = in_folder("whole.json"), *cut = in_folder("cut.json");
	struct probe_error err = {0};
	size_t n;
	char *text;

	(void)state;
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	probe_run_free(run);
	text = read_file(path, &n);
	for (size_t length = 1; length < n - 2; length += 211) {
		run = NULL;
		write_file(cut, text, length);
		assert_int_equal(probe_run_load(cut, &run, &err), -PROBE_EFORMAT);
		assert_null(run);
		assert_non_null(strstr(err.msg, "truncated"));
	}
	free(text);
}

/* For the sanitizers: no change of the file may do more than fail. */
static void damaged_files_never_crash(void **state)
{
	struct probe_run *run = fixture_run();
	const char *path = in_folder("good.json"), *bad = in_folder("damaged.json");
	static const char *const swaps[][2] = {
		{"null", "1e99"}, {"[", "{"}, {"\"ok\"", "5"}, {"360", "-1"}, {"true", "[]"},
	};
	unsigned seed = 1;
	size_t n;
	char *text;

	(void)state;
	assert_int_equal(probe_run_save(run, path, NULL), 0);
	probe_run_free(run);
	text = read_file(path, &n);
	for (int i = 0; i < 400; i++) {
		size_t at;
		char was;

		seed = seed * 1103515245u + 12345u;
		at = seed % n;
		was = text[at];
		text[at] = (char)(' ' + seed / 65536u % 95);
		write_file(bad, text, n);
		run = NULL;
		if (probe_run_load(bad, &run, NULL) == 0)
			probe_run_free(run);
		text[at] = was;
	}
	for (size_t s = 0; s < sizeof swaps / sizeof swaps[0]; s++) {
		const char *section = strstr(text, "\"probe\": {");
		const char *hit = strstr(section, swaps[s][0]);
		FILE *out = fopen(bad, "wb");

		fwrite(text, 1, (size_t)(hit - text), out);
		fprintf(out, "%s%s", swaps[s][1], hit + strlen(swaps[s][0]));
		fclose(out);
		run = NULL;
		if (probe_run_load(bad, &run, NULL) == 0)
			probe_run_free(run);
	}
	free(text);
}

static void saving_is_atomic_and_says_what_is_wrong(void **state)
{
	struct probe_run *run = fixture_run();
	const char *path = in_folder("kept.json"), *link_path = in_folder("link.json");
	struct probe_error err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(probe_run_save(run, in_folder("no/such.json"), &err), -PROBE_ESYS);
	assert_non_null(strstr(err.msg, "No such directory; "));
	assert_int_equal(probe_run_save(run, folder, &err), -PROBE_ESYS);
	assert_non_null(strstr(err.msg, "Is a directory; "));
	assert_int_equal(probe_run_save(run, "/dev/full", &err), -PROBE_ESYS);
	assert_non_null(strstr(err.msg, "No space left"));
	assert_int_equal(probe_run_save(run, "/dev/null", &err), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode)); /* and not replaced by a file */

	/* An existing file keeps its mode, a link stays a link. */
	write_file(path, "old", 3);
	chmod(path, 0640);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(probe_run_save(run, link_path, &err), 0);
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(st.st_size > 1000);
	probe_run_free(run);
}

static void nothing_temporary_stays(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "ls -A %s | grep -q '^[.]'", folder);
	assert_int_not_equal(system(command), 0);
}

static void appending_copies_and_finds(void **state)
{
	struct probe_run *run = probe_run_new();
	char name[] = "add";

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "w%02d", i);
		assert_non_null(probe_run_add_cell(run, name, "ctypes", "cpython-3.13.0"));
		assert_non_null(probe_run_add_interpreter(run));
		assert_int_equal(probe_run_add_warning(run, name), 0);
		assert_int_equal(probe_run_add_warning(run, name), 0);
	}
	assert_ptr_equal(probe_run_find_cell(run, "w07", "ctypes", "cpython-3.13.0"),
			 &run->cells[7]);
	assert_null(probe_run_find_cell(run, "w07", "ctypes", "cpython-3.12.0"));
	assert_null(probe_run_find_interpreter(run, "none"));
	assert_string_equal(run->warnings[39], "w39");
	assert_null(run->warnings[40]); /* each once */
	assert_string_equal(probe_cell_status_name(PROBE_CELL_TIMEOUT), "timeout");
	assert_string_equal(probe_cell_status_name((enum probe_cell_status)99), "?");
	assert_null(probe_cell_engine(&run->cells[0]));
	probe_run_free(run);
	probe_run_free(NULL);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(save_and_load_keep_everything),
		cmocka_unit_test(the_warmup_series_is_kept),
		cmocka_unit_test(a_damaged_warmup_series_is_refused),
		cmocka_unit_test(doubles_are_exact_and_never_nan),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_cost_the_run),
		cmocka_unit_test(the_pyperf_view_holds_what_pyperf_takes),
		cmocka_unit_test(bad_files_are_refused_in_one_line),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(damaged_files_never_crash),
		cmocka_unit_test(saving_is_atomic_and_says_what_is_wrong),
		cmocka_unit_test(nothing_temporary_stays),
		cmocka_unit_test(appending_copies_and_finds),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
