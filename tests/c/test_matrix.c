/* SPDX-License-Identifier: MIT
 * The matrix with drivers that make samples up or misbehave (tests/fakehome), and its pure parts.
 */
#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "matrix/plan.h"
#include "probe/figures.h"
#include "probe/matrix.h"

static char scratch[256];

static char *in_scratch(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	return path;
}

/* --- pure parts ------------------------------------------------------------------------------ */

static void orders_are_permutations_and_differ_by_pass(void **state)
{
	(void)state;
	enum { N = 40 };
	size_t a[N], b[N], again[N];
	unsigned seen[N] = {0};
	pb_plan_shuffle(a, N, 7, 0);
	pb_plan_shuffle(b, N, 7, 1);
	pb_plan_shuffle(again, N, 7, 0);
	for (size_t i = 0; i < N; i++)
		seen[a[i]]++;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	assert_memory_equal(a, again, sizeof a);
	assert_memory_not_equal(a, b, sizeof a);
	/* Each place of the first item comes up: the shuffle isn't stuck anywhere. */
	memset(seen, 0, sizeof seen);
	for (uint64_t seed = 0; seed < 100; seed++) {
		pb_plan_shuffle(a, 4, seed, 0);
		seen[a[0]]++;
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(seen[i], 10, 45);
}

static void outputs_are_checked_without_a_trace(void **state)
{
	(void)state;
	struct probe_error err = {0};
	struct stat st;
	assert_int_equal(probe_output_check(in_scratch("new.json"), &err), 0);
	assert_int_equal(stat(in_scratch("new.json"), &st), -1);
	assert_int_equal(probe_output_check(in_scratch("no/such/new.json"), &err), -PROBE_ESYS);
	assert_non_null(strstr(err.msg, "new.json"));
	assert_int_equal(probe_output_check(scratch, &err), -PROBE_ESYS);
	assert_int_equal(probe_output_check("", &err), -PROBE_ESYS);
	assert_int_equal(probe_output_check("/proc/self/new.json", &err), -PROBE_ESYS);
	assert_int_equal(probe_output_check("/dev/null", &err), 0);
	/* An existing file keeps its contents, also behind a link. */
	FILE *file = fopen(in_scratch("old.json"), "w");
	fputs("old", file);
	fclose(file);
	char link[512];
	snprintf(link, sizeof link, "%s/link.json", scratch);
	assert_int_equal(symlink("old.json", link), 0);
	assert_int_equal(probe_output_check(link, &err), 0);
	assert_int_equal(stat(link, &st), 0);
	assert_int_equal(st.st_size, 3);
}

/* --- whole runs ------------------------------------------------------------------------------ */

struct heard {
	size_t prepare, measure;
	size_t last_done, last_total;
	bool went_back;
};

static void on_progress(void *ctx, const struct probe_progress *at)
{
	struct heard *heard = ctx;
	if (at->stage == PROBE_STAGE_PREPARE) {
		heard->prepare++;
		return;
	}
	heard->measure++;
	assert_non_null(at->workload);
	assert_non_null(at->path);
	assert_true(at->done <= at->total);
	assert_in_range(at->pass, 1, at->passes);
	heard->went_back = heard->went_back || at->done < heard->last_done;
	heard->last_done = at->done;
	heard->last_total = at->total;
}

static struct probe_run *run_rc(struct probe_matrix_options options, const char *workload,
				int want_rc, struct probe_error *err)
{
	struct probe_run *run = NULL;
	const char *workloads[] = {workload, NULL};
	options.workloads = workloads;
	if (!options.interpreters)
		options.interpreters = "python3";
	options.passes = options.passes ? options.passes : 3;
	options.rounds = 20;
	options.timeout_s = options.timeout_s > 0 ? options.timeout_s : 20;
	unlink(in_scratch("log"));
	*err = (struct probe_error){0};
	int rc = probe_matrix_run(&options, &run, err);
	if (rc != want_rc)
		fail_msg("rc %s: %s", probe_code_name(rc), err->msg);
	return run;
}

static size_t log_lines(void)
{
	char line[1024];
	size_t n = 0;
	FILE *log = fopen(in_scratch("log"), "r");
	while (log && fgets(line, sizeof line, log))
		n++;
	if (log)
		fclose(log);
	return n;
}

/* Every distinct value of a key in the drivers' log. */
static size_t distinct_in_log(const char *key)
{
	char line[1024];
	json_t *values = json_object();
	FILE *log = fopen(in_scratch("log"), "r");
	assert_non_null(log);
	while (fgets(line, sizeof line, log)) {
		json_t *entry = json_loads(line, 0, NULL);
		char *text = json_dumps(json_object_get(entry, key), JSON_ENCODE_ANY);
		json_object_set_new(values, text, json_true());
		free(text);
		json_decref(entry);
	}
	fclose(log);
	size_t n = json_object_size(values);
	json_decref(values);
	return n;
}

static void a_matrix_is_measured_pass_by_pass(void **state)
{
	(void)state;
	struct probe_error err;
	struct heard heard = {0};
	char output[512];
	snprintf(output, sizeof output, "%s/run.json", scratch);
	setenv("PYTHONPATH", "/somewhere", 1);
	struct probe_run *run = run_rc((struct probe_matrix_options){.seed = 5,
								     .output = output,
								     .command = "probe run x",
								     .on_progress = on_progress,
								     .ctx = &heard},
				       "add", 0, &err);
	unsetenv("PYTHONPATH");
	assert_int_equal(run->cell_count, 3);
	assert_int_equal(run->passes, 3);
	assert_int_equal(run->claim_count, 1);
	assert_string_equal(run->counter.kind, "tsc");
	assert_string_equal(run->command, "probe run x");
	const char *label = run->interpreters[0].label;
	const struct probe_cell *good = probe_run_find_cell(run, "add", "good", label);
	assert_int_equal(good->status, PROBE_CELL_OK);
	assert_int_equal(good->ladder.pass_count, 3);
	assert_true(fabs(good->ladder.total.ticks - 220) < 1);
	assert_true(good->ladder.closure.state == PROBE_EXACT);
	/* The same warning from each process is kept once. */
	assert_non_null(good->warnings);
	assert_null(good->warnings[1]);
	const struct probe_cell *pure = probe_run_find_cell(run, "add", "python", label);
	assert_true(pure->ladder.empty_call.state == PROBE_EXACT);
	const struct probe_cell *one = probe_run_find_cell(run, "add", "one", label);
	assert_int_equal(one->status, PROBE_CELL_INAPPLICABLE);
	assert_non_null(strstr(one->reason, "exactly 1 argument"));
	/* Two cells, three passes, a process and its twin; each pass has another hash seed, and the
	 * twin shares its process's layout. */
	assert_int_equal(log_lines(), 12);
	assert_int_equal(distinct_in_log("hash_seed"), 3);
	assert_int_equal(distinct_in_log("seed"), 12);
	assert_int_equal(distinct_in_log("pad"), 6);
	assert_int_equal(distinct_in_log("pythonpath"), 1);
	assert_true(heard.prepare >= 1 && heard.measure >= 12 && !heard.went_back);
	assert_int_equal(heard.last_total, 12);
	struct probe_run *loaded = NULL;
	assert_int_equal(probe_run_load(output, &loaded, &err), 0);
	assert_int_equal(loaded->cell_count, 3);
	probe_run_free(loaded);
	probe_run_free(run);
}

static void both_engines_have_their_own_processes(void **state)
{
	(void)state;
	struct probe_error err;
	struct probe_run *run =
		run_rc((struct probe_matrix_options){.paths = "python,good",
						     .engines = PROBE_ENGINE_LADDER |
								PROBE_ENGINE_TIMELINE},
		       "add", 0, &err);
	const struct probe_cell *pure = &run->cells[0], *good = &run->cells[1];
	assert_true(pure->ladder.present && !pure->timeline.present);
	assert_true(good->ladder.present && good->timeline.present);
	/* Two processes for pure Python, three for the other, three passes. */
	assert_int_equal(log_lines(), 15);
	assert_int_equal(good->timeline.part_count, 3);
	assert_true(fabs(good->timeline.subtracted_ticks - 30) < 1);
	assert_int_equal(good->timeline.dist_count, 4);
	assert_int_equal(good->timeline.dists[0].calls, 270);
	assert_true(fabs(good->timeline.dists[0].p50 - 40) < 2);
	assert_int_equal(good->timeline.dists[3].mask, PROBE_MASK_ALL);
	/* Shares that leave two of 270 calls beyond them, on either side. */
	assert_true(good->timeline.dists[3].curve_count > 10);
	assert_true(good->timeline.dists[3].curve[0].share > 0.007);
	assert_int_equal(good->timeline.dists[0].curve_count, 0);
	probe_run_free(run);
	run = run_rc((struct probe_matrix_options){.paths = "python,good",
						   .engines = PROBE_ENGINE_TIMELINE},
		     "add", 0, &err);
	/* Pure Python has nothing to stamp: the ladder gives its total. */
	assert_true(run->cells[0].ladder.present && run->cells[1].timeline.present);
	assert_false(run->cells[1].ladder.present);
	probe_run_free(run);
}

static void variants_are_cells_of_their_own(void **state)
{
	(void)state;
	struct probe_error err;
	struct probe_run *run = run_rc((struct probe_matrix_options){.paths = "good", .passes = 1},
				       "sized", 0, &err);
	assert_int_equal(run->cell_count, 2);
	assert_string_equal(run->cells[0].workload, "sized:16");
	assert_int_equal(distinct_in_log("variant"), 2);
	probe_run_free(run);
}

/* A cell that fails is settled and left alone; the reason is told, the rest goes on. */
static void failures_are_settled_once(void **state)
{
	(void)state;
	static const struct {
		const char *workload;
		enum probe_cell_status status;
		const char *reason;
		size_t processes;
	} rows[] = {
		{"crash", PROBE_CELL_CRASHED, "signal 11", 1},
		{"hang", PROBE_CELL_TIMEOUT, "no answer within 0.5 s", 1},
		{"wrong", PROBE_CELL_FAILED, "wrong result", 1},
		{"silent", PROBE_CELL_FAILED, "something went wrong here", 1},
		{"exits", PROBE_CELL_FAILED, "ImportError", 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct probe_error err;
		struct probe_run *run = run_rc(
			(struct probe_matrix_options){
				.paths = "good",
				.timeout_s = rows[i].status == PROBE_CELL_TIMEOUT ? 0.5 : 20},
			rows[i].workload, -PROBE_ECHILD, &err);
		assert_non_null(run);
		assert_int_equal(run->cells[0].status, rows[i].status);
		assert_non_null(strstr(run->cells[0].reason, rows[i].reason));
		assert_non_null(strstr(err.msg, rows[i].reason));
		assert_int_equal(log_lines(), rows[i].processes);
		if (rows[i].status == PROBE_CELL_CRASHED)
			assert_string_equal(run->cells[0].backtrace, "#0 kernel\n#1 ? [31mcaller");
		else
			assert_null(run->cells[0].backtrace);
		probe_run_free(run);
	}
}

static void a_late_crash_keeps_the_earlier_figures(void **state)
{
	(void)state;
	struct probe_error err;
	struct probe_run *run =
		run_rc((struct probe_matrix_options){.paths = "good"}, "late", 0, &err);
	assert_int_equal(run->cells[0].status, PROBE_CELL_CRASHED);
	assert_non_null(run->cells[0].backtrace);
	assert_int_equal(run->cells[0].ladder.pass_count, 1);
	assert_int_equal(log_lines(), 3);
	probe_run_free(run);
}

static bool was_warned(const struct probe_cell *cell, const char *of)
{
	for (char **w = cell->warnings; w && *w; w++)
		if (strstr(*w, of))
			return true;
	return false;
}

static void a_twin_that_fails_is_a_warning(void **state)
{
	(void)state;
	struct probe_error err;
	struct probe_run *run =
		run_rc((struct probe_matrix_options){.paths = "good"}, "bareless", 0, &err);
	const struct probe_cell *cell = &run->cells[0];
	assert_int_equal(cell->status, PROBE_CELL_OK);
	assert_int_equal(cell->ladder.pass_count, 3);
	assert_int_equal(cell->ladder.closure.state, PROBE_ABSENT);
	assert_true(was_warned(cell, "no bare library"));
	/* It is not tried again. */
	assert_int_equal(log_lines(), 4);
	probe_run_free(run);
}

/* As many passes again, and all of them count; what stays off stays marked. */
static void a_closure_that_is_off_is_measured_again(void **state)
{
	(void)state;
	static const struct {
		const char *workload;
		bool stays_off;
	} rows[] = {{"doubtful", false}, {"biased", true}};
	struct probe_error err;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct heard heard = {0};
		struct probe_run *run = run_rc(
			(struct probe_matrix_options){
				.paths = "good", .on_progress = on_progress, .ctx = &heard},
			rows[i].workload, 0, &err);
		const struct probe_cell *cell = &run->cells[0];
		assert_int_equal(cell->ladder.pass_count, 6);
		assert_int_equal(log_lines(), 12);
		assert_int_equal(distinct_in_log("hash_seed"), 6);
		assert_true(was_warned(cell, "measured in 6 passes, not 3"));
		assert_true(probe_closure_is_off(&cell->ladder) == rows[i].stays_off);
		assert_false(heard.went_back);
		assert_int_equal(heard.last_done, 11);
		assert_int_equal(heard.last_total, 12);
		probe_run_free(run);
	}
	struct probe_run *few = run_rc((struct probe_matrix_options){.paths = "good", .passes = 2},
				       "biased", 0, &err);
	assert_int_equal(few->cells[0].ladder.pass_count, 2);
	probe_run_free(few);
}

static void what_cannot_be_built_is_unavailable(void **state)
{
	(void)state;
	static const struct {
		const char *mode, *reason;
	} rows[] = {
		{"noext", "apt-get install python3-dev"},
		{"die", "disk is on fire"},
		{"garbage", "no usable answer"},
	};
	struct probe_error err;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		setenv("FAKE_BUILD", rows[i].mode, 1);
		struct probe_run *run =
			run_rc((struct probe_matrix_options){0}, "bareless", -PROBE_ECHILD, &err);
		for (size_t k = 0; k < run->cell_count; k++) {
			assert_int_equal(run->cells[k].status, PROBE_CELL_UNAVAILABLE);
			assert_non_null(strstr(run->cells[k].reason, rows[i].reason));
		}
		assert_int_equal(log_lines(), 0);
		probe_run_free(run);
	}
	/* One binding that is missing takes nothing else with it; noise before the answer is none.
	 */
	setenv("FAKE_BUILD", "nobinding", 1);
	struct probe_run *run = run_rc((struct probe_matrix_options){.passes = 1}, "add", 0, &err);
	assert_int_equal(run->cells[0].status, PROBE_CELL_OK);
	assert_int_equal(run->cells[1].status, PROBE_CELL_UNAVAILABLE);
	assert_non_null(strstr(run->cells[1].reason, "no network"));
	probe_run_free(run);
	setenv("FAKE_BUILD", "noise", 1);
	probe_run_free(run_rc((struct probe_matrix_options){.passes = 1}, "add", 0, &err));
	unsetenv("FAKE_BUILD");
}

static volatile sig_atomic_t cancel;

static void cancel_in_second_pass(void *ctx, const struct probe_progress *at)
{
	(void)ctx;
	if (at->stage == PROBE_STAGE_MEASURE && at->pass == 2)
		cancel = 1;
}

static void cancel_at_once(void *ctx, const struct probe_progress *at)
{
	(void)ctx;
	(void)at;
	cancel = 1;
}

static void cancelling_keeps_what_there_is(void **state)
{
	(void)state;
	struct probe_error err;
	char output[512];
	snprintf(output, sizeof output, "%s/cancelled.json", scratch);
	cancel = 0;
	struct probe_run *run =
		run_rc((struct probe_matrix_options){.paths = "python,good",
						     .output = output,
						     .on_progress = cancel_in_second_pass,
						     .cancel = &cancel},
		       "add", -PROBE_EINTR, &err);
	assert_true(run->interrupted);
	assert_int_equal(run->cells[0].status, PROBE_CELL_OK);
	assert_int_equal(run->cells[1].ladder.pass_count, 1);
	struct probe_run *loaded = NULL;
	assert_int_equal(probe_run_load(output, &loaded, &err), 0);
	assert_true(loaded->interrupted);
	assert_int_equal(loaded->cells[1].ladder.pass_count, 1);
	probe_run_free(loaded);
	probe_run_free(run);
	/* While still building: the rows are there, pending. */
	cancel = 0;
	setenv("FAKE_BUILD", "hang", 1);
	run = run_rc(
		(struct probe_matrix_options){.on_progress = cancel_at_once, .cancel = &cancel},
		"add", -PROBE_EINTR, &err);
	unsetenv("FAKE_BUILD");
	assert_int_equal(run->cell_count, 3);
	assert_int_equal(run->cells[0].status, PROBE_CELL_PENDING);
	probe_run_free(run);
}

static void bad_options_start_nothing(void **state)
{
	(void)state;
	struct probe_error err;
	const struct {
		struct probe_matrix_options options;
		int rc;
		const char *says;
	} rows[] = {
		{{.passes = 1001}, -PROBE_EINVAL, "passes"},
		{{.round_us = -1}, -PROBE_EINVAL, "round_us"},
		{{.round_us = (double)NAN}, -PROBE_EINVAL, "round_us"},
		{{.wait_s = (double)INFINITY}, -PROBE_EINVAL, "wait_s"},
		{{.engines = 8}, -PROBE_EINVAL, "engines"},
		{{.cpu_plus_1 = 100000}, -PROBE_EINVAL, "CPU"},
		{{.output = "/no/such/folder/run.json"}, -PROBE_ESYS, "run.json"},
		{{.paths = "ctypo"}, -PROBE_ENOENT, "ctypo"},
		{{.interpreters = "9.99"}, -PROBE_ENOENT, "9.99"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_null(run_rc(rows[i].options, "add", rows[i].rc, &err));
		if (!strstr(err.msg, rows[i].says))
			fail_msg("row %zu says '%s'", i, err.msg);
		assert_int_equal(log_lines(), 0);
	}
	assert_null(run_rc((struct probe_matrix_options){0}, "addd", -PROBE_ENOENT, &err));
	assert_non_null(strstr(err.msg, "did you mean add"));
}

static int leaves_no_scratch_folder(void **state)
{
	(void)state;
	char command[600];
	snprintf(command, sizeof command,
		 "ls -d '%s'/probe-* 2>/dev/null | grep . && exit 1; exit 0", scratch);
	return system(command);
}

static int set_up(void **state)
{
	(void)state;
	char self[512] = "", library[600], cwd[400];
	snprintf(scratch, sizeof scratch, "/tmp/probe-test-XXXXXX");
	if (!mkdtemp(scratch) || !getcwd(cwd, sizeof cwd))
		return -1;
	snprintf(library, sizeof library, "%s/tests/fakehome", cwd);
	setenv("PROBE_HOME", library, 1);
	setenv("XDG_CACHE_HOME", scratch, 1);
	setenv("TMPDIR", scratch, 1);
	setenv("FAKE_STATE", scratch, 1);
	unsetenv("PROBE_WORKLOADS");
	unsetenv("PROBE_BINDINGS");
	/* The archive is looked for beside the program; this one is a folder deeper. */
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return -1;
	snprintf(library, sizeof library, "%s/libprobe.a", dirname(self));
	return symlink("../libprobe.a", library) && errno != EEXIST ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	char command[300];
	snprintf(command, sizeof command, "rm -rf '%s'", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_permutations_and_differ_by_pass),
		cmocka_unit_test(outputs_are_checked_without_a_trace),
		cmocka_unit_test_teardown(a_matrix_is_measured_pass_by_pass,
					  leaves_no_scratch_folder),
		cmocka_unit_test(both_engines_have_their_own_processes),
		cmocka_unit_test(variants_are_cells_of_their_own),
		cmocka_unit_test_teardown(failures_are_settled_once, leaves_no_scratch_folder),
		cmocka_unit_test(a_late_crash_keeps_the_earlier_figures),
		cmocka_unit_test(a_twin_that_fails_is_a_warning),
		cmocka_unit_test(a_closure_that_is_off_is_measured_again),
		cmocka_unit_test(what_cannot_be_built_is_unavailable),
		cmocka_unit_test_teardown(cancelling_keeps_what_there_is, leaves_no_scratch_folder),
		cmocka_unit_test(bad_options_start_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
