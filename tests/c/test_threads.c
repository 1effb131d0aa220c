/* SPDX-License-Identifier: MIT
 * Calls under threads: the list of numbers, the arithmetic of windows, the figures, the team
 * itself, and what run file, data file and table make of the rows.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/threads.h"
#include "golden.h"
#include "probe/export.h"
#include "threads_fixture.h"

/* cmocka's own takes floats. */
#define assert_near(a, b, by) assert_true(fabs((a) - (b)) <= (by))

/* --- the list --------------------------------------------------------------------------------- */

static void a_list_is_read_and_sorted(void **state)
{
	unsigned counts[PROBE_MAX_THREAD_COUNTS] = {0};
	struct probe_error err;

	(void)state;
	assert_int_equal(probe_thread_counts_parse("4,1,2", counts, &err), 3);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 2);
	assert_int_equal(counts[2], 4);
	assert_int_equal(probe_thread_counts_parse("256", counts, &err), 1);
	assert_int_equal(counts[0], 256);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const wrong[][2] = {
		{"0", "out of range"},
		{"257", "out of range"},
		{"100000", "out of range"},
		{"99999999999999999999", "out of range"},
		{"x", "no list"},
		{"2x", "no list"},
		{"", "no list"},
		{"1,", "no list"},
		{",1", "no list"},
		{"-2", "no list"},
		{"+2", "no list"},
		{" 2", "no list"},
		{"1.5", "no list"},
		{"1,1", "twice"},
		{"1,2,3,4,5,6,7,8,9", "more than eight"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		unsigned counts[PROBE_MAX_THREAD_COUNTS] = {77};
		struct probe_error err = {0};

		assert_int_equal(probe_thread_counts_parse(wrong[i][0], counts, &err),
				 -PROBE_EINVAL);
		assert_int_equal(counts[0], 77);
		if (!strstr(err.msg, wrong[i][1]))
			fail_msg("'%s': %s", wrong[i][0], err.msg);
	}
}

/* --- one window ------------------------------------------------------------------------------- */

static void rates_are_summed_where_all_run(void **state)
{
	/* 100 calls/s and 50 calls/s, which run together from 1 s to 3 s. */
	const struct pb_mark a[] = {{0, 0}, {1, 100}, {3, 300}};
	const struct pb_mark b[] = {{1, 0}, {2, 50}, {5, 200}};
	const struct pb_marks both[] = {{a, 3}, {b, 3}};

	(void)state;
	assert_near(pb_threads_rate(both, 1), 100, 1e-9);
	assert_near(pb_threads_rate(both, 2), 150, 1e-9);
}

static void a_rate_is_linear_between_marks(void **state)
{
	/* One thread does nothing for a second, as it waits for a lock, and then 80 calls. */
	const struct pb_mark waits[] = {{0, 0}, {1, 0}, {2, 80}};
	const struct pb_mark runs[] = {{0, 0}, {1.5, 150}};
	const struct pb_marks both[] = {{waits, 3}, {runs, 2}};

	(void)state;
	assert_near(pb_threads_rate(both, 2), (40 + 150) / 1.5, 1e-9);
}

static void threads_that_never_run_together_have_no_rate(void **state)
{
	const struct pb_mark early[] = {{0, 0}, {1, 100}}, late[] = {{2, 0}, {3, 100}};
	const struct pb_marks apart[] = {{early, 2}, {late, 2}}, unmarked[] = {{early, 1}};

	(void)state;
	assert_true(isnan(pb_threads_rate(apart, 2)));
	assert_true(isnan(pb_threads_rate(unmarked, 1)));
	assert_true(isnan(pb_threads_rate(NULL, 0)));
}

/* --- figures ---------------------------------------------------------------------------------- */

enum { ROUNDS = 9 };

/* One thread: 1e6 calls/s; two: so many times that. 100 ns of one part, stamped 130. */
static struct pb_threads_samples samples(double scaling, double delayed, double waits_ns)
{
	struct pb_threads_samples s = {
		.counts = {1, 2},
		.count_count = 2,
		.shape = {.part_count = 2,
			  .masks = {PROBE_MASK_COMPUTE, PROBE_MASK_ALL & ~PROBE_MASK_COMPUTE},
			  .weights = {0.25, 0.75},
			  .stretch_count = 4},
		.rounds = calloc(ROUNDS, sizeof *s.rounds),
		.round_count = ROUNDS,
	};

	for (size_t r = 0; r < ROUNDS; r++) {
		/* What drifts in both windows of a round cancels in their ratio. */
		double drift = 1 + 0.1 * (double)r;

		s.rounds[r].empty_ns = 10;
		for (size_t k = 0; k < 2; k++) {
			struct pb_threads_window *w = &s.rounds[r].at[k];

			w->calls_per_s = 1e6 * drift * (k ? scaling : 1);
			w->control_per_s = 1000 * drift * (k ? 1.9 : 1);
			w->delayed[PB_DELAY_PLAIN] = k ? delayed : 0;
			w->delayed[PB_DELAY_STAMPED] = k ? delayed : 0;
			w->delayed[PB_DELAY_CONTROL] = NAN;
			w->parts_ns[0] = 110;
			w->parts_ns[1] = 910 / drift + 120 + (k ? waits_ns : 0);
		}
	}
	return s;
}

static struct probe_threaded analysed(const struct pb_threads_samples *s, size_t n, size_t which)
{
	struct probe_threaded row = {0};
	struct probe_error err;

	assert_int_equal(pb_threads_analyse(s, n, which, &row, &err), 0);
	free(row.passes);
	return row;
}

static void scaling_is_paired(void **state)
{
	const struct pb_threads_samples s[] = {samples(1.5, 0, 0), samples(1.5, 0, 0)};
	struct probe_threaded row = analysed(s, 2, 1);

	(void)state;
	assert_near(row.scaling, 1.5, 1e-9);
	assert_true(row.scaling_half < 1e-9); /* though the rates drift by 80 % */
	assert_near(row.cores, 1.9, 1e-9);
	assert_near(row.calls_per_s, 1.4 * 1.5e6, 1);
	assert_true(row.calls_per_s_half > 1e5);
	/* Two threads are in a call each. */
	assert_near(row.call_ns, 1e9 * 2 / (1.4 * 1.5e6) - 10, 1e-3);
	assert_false(row.contended);
	assert_int_equal(row.pass_count, 2);
	row = analysed(s, 2, 0);
	assert_near(row.scaling, 1, 1e-12);
	assert_true(row.cores_half < 1e-12);
	for (size_t i = 0; i < 2; i++)
		free(s[i].rounds);
}

static void waiting_grows_its_phase_alone(void **state)
{
	const struct pb_threads_samples s = samples(1, 0, 700);
	struct probe_threaded row = analysed(&s, 1, 1);

	(void)state;
	assert_int_equal(row.phase_count, 2);
	assert_near(row.phases[0].grown_ns, 0, 1e-9);
	assert_near(row.phases[1].grown_ns, 700, 1e-9);
	assert_ptr_equal(probe_threaded_grown(&row), &row.phases[1]);
	/* What stamps cost with one thread goes by the weights; and the empty loop. */
	assert_near(row.phases[0].ns, 110 - 0.25 * row.stamps_ns, 1e-9);
	assert_near(row.phases[1].ns, 910 / 1.4 + 120 + 700 - 0.75 * row.stamps_ns - 10, 1e-6);
	free(s.rounds);
}

static void contended_windows_are_set_aside(void **state)
{
	const struct pb_threads_samples quiet = samples(2, 0, 0);
	struct pb_threads_samples both[] = {samples(2, 0, 0), samples(1, 0.5, 0)};
	struct probe_threaded row = analysed(both, 2, 1);

	(void)state;
	/* The contended process gives way. */
	assert_near(row.scaling, 2, 1e-9);
	assert_false(row.contended);
	row = analysed(&both[1], 1, 1);
	assert_near(row.scaling, 1, 1e-9);
	assert_true(row.contended);
	/* A few bad windows of a good process. */
	for (size_t r = 0; r < 4; r++) {
		both[0].rounds[r].at[1].calls_per_s /= 10;
		both[0].rounds[r].at[1].delayed[PB_DELAY_PLAIN] = 0.8;
	}
	row = analysed(both, 1, 1);
	assert_near(row.scaling, 2, 1e-9);
	assert_false(row.contended);
	free(quiet.rounds);
	free(both[0].rounds);
	free(both[1].rounds);
}

static void no_window_is_an_error(void **state)
{
	struct pb_threads_samples s = samples(1, 0, 0);
	struct probe_threaded row = {0};
	struct probe_error err = {0};

	(void)state;
	for (size_t r = 0; r < ROUNDS; r++)
		s.rounds[r].at[1].calls_per_s = NAN;
	assert_int_equal(pb_threads_analyse(&s, 1, 1, &row, &err), -PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "all threads ran"));
	free(row.passes);
	free(s.rounds);
}

/* --- the team --------------------------------------------------------------------------------- */

struct world {
	pthread_mutex_t lock;
	unsigned entered, left, armed, refuse, fail_at;
	unsigned long long calls, empty;
	int inside, most_inside;
	bool stopped;
};

static int enter(void *ctx, unsigned worker, char *why, size_t size)
{
	struct world *w = ctx;

	assert_int_equal(worker, w->entered); /* one after the other */
	if (w->refuse && worker + 1 == w->refuse) {
		snprintf(why, size, "no more of them");
		return -1;
	}
	w->entered++;
	return 0;
}

static void leave(void *ctx, unsigned worker)
{
	struct world *w = ctx;

	(void)worker;
	__atomic_add_fetch(&w->left, 1, __ATOMIC_SEQ_CST);
}

static void begin(void *ctx, unsigned worker)
{
	struct world *w = ctx;

	(void)worker;
	pthread_mutex_lock(&w->lock);
	if (++w->inside > w->most_inside)
		w->most_inside = w->inside;
	pthread_mutex_unlock(&w->lock);
}

static void end(void *ctx, unsigned worker)
{
	struct world *w = ctx;

	(void)worker;
	pthread_mutex_lock(&w->lock);
	w->inside--;
	pthread_mutex_unlock(&w->lock);
}

static int run(void *ctx, unsigned worker, uint64_t calls)
{
	struct world *w = ctx;

	(void)worker;
	for (volatile uint64_t i = 0; i < calls * 50; i++)
		;
	unsigned long long now = __atomic_add_fetch(&w->calls, calls, __ATOMIC_SEQ_CST);
	return w->fail_at && now >= w->fail_at ? -1 : 0;
}

static int run_empty(void *ctx, unsigned worker, uint64_t calls)
{
	struct world *w = ctx;

	(void)worker;
	__atomic_add_fetch(&w->empty, calls, __ATOMIC_SEQ_CST);
	return 0;
}

static void arm(void *ctx, bool stamped)
{
	struct world *w = ctx;

	assert_int_equal(w->inside, 0); /* between windows only */
	w->armed += stamped;
}

static int pause_here(void *ctx)
{
	return ((struct world *)ctx)->stopped;
}

static const struct pb_threads_ops ops = {enter, leave,     begin, end,
					  run,   run_empty, arm,   pause_here};
static const unsigned two_and_three[] = {2, 3};
static const struct pb_threads_config config = {
	.counts = two_and_three, .count_count = 2, .rounds = 3, .window_s = 0.004, .seed = 5};

static void one_thread_is_measured_too(void **state)
{
	struct world w = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct pb_threads_samples s;
	struct probe_error err;

	(void)state;
	assert_int_equal(pb_threads_run(&ops, &w, &config, &s, &err), 0);
	assert_int_equal(s.count_count, 3);
	assert_int_equal(s.counts[0], 1);
	assert_int_equal(s.counts[2], 3);
	assert_int_equal(s.round_count, 3);
	for (size_t r = 0; r < s.round_count; r++) {
		assert_true(s.rounds[r].empty_ns > 0);
		for (size_t k = 0; k < 3; k++) {
			assert_true(s.rounds[r].at[k].calls_per_s > 0);
			assert_true(s.rounds[r].at[k].control_per_s > 0);
			assert_true(isnan(s.rounds[r].at[k].parts_ns[0]));
		}
	}
	/* All but those that found the chunk's length. */
	assert_true(s.calls > 0 && s.calls <= w.calls);
	assert_int_equal(w.entered, 3);
	assert_int_equal(w.left, 3);
	assert_int_equal(w.most_inside, 3);
	assert_int_equal(w.armed, 0);
	free(s.rounds);
}

static void failures_end_the_run(void **state)
{
	struct world refusing = {.lock = PTHREAD_MUTEX_INITIALIZER, .refuse = 3};
	struct world failing = {.lock = PTHREAD_MUTEX_INITIALIZER, .fail_at = 40};
	struct world stopped = {.lock = PTHREAD_MUTEX_INITIALIZER, .stopped = true};
	struct pb_threads_samples s;
	struct probe_error err = {0};

	(void)state;
	assert_int_equal(pb_threads_run(&ops, &refusing, &config, &s, &err), -PROBE_ECHILD);
	assert_string_equal(err.msg, "no more of them");
	assert_int_equal(refusing.left, 2);
	assert_int_equal(refusing.calls, 0);
	free(s.rounds);
	assert_int_equal(pb_threads_run(&ops, &failing, &config, &s, &err), -PROBE_ECHILD);
	assert_int_equal(failing.left, 3);
	free(s.rounds);
	assert_int_equal(pb_threads_run(&ops, &stopped, &config, &s, &err), -PROBE_EINTR);
	assert_int_equal(stopped.calls, 0);
	free(s.rounds);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void rows_survive_the_run_file(void **state)
{
	char name[] = "/tmp/probe-test-XXXXXX";
	struct probe_run *run = threaded_run(), *back = NULL;
	struct probe_error err = {0};
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(probe_run_save(run, name, &err), 0);
	assert_int_equal(probe_run_load(name, &back, &err), 0);
	assert_int_equal(back->threaded_count, run->threaded_count);
	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *a = &run->threaded[i], *b = &back->threaded[i];

		assert_string_equal(a->path, b->path);
		assert_string_equal(a->interpreter, b->interpreter);
		assert_int_equal(a->callables, b->callables);
		assert_int_equal(a->threads, b->threads);
		assert_int_equal(a->status, b->status);
		assert_int_equal(a->contended, b->contended);
		assert_int_equal(a->phase_count, b->phase_count);
		assert_int_equal(a->pass_count, b->pass_count);
		assert_true(isnan(a->scaling) == isnan(b->scaling));
		if (a->phase_count) {
			assert_near(a->scaling, b->scaling, 1e-12);
			assert_near(a->phases[1].grown_ns, b->phases[1].grown_ns, 1e-9);
			assert_int_equal(a->phases[2].mask, b->phases[2].mask);
		}
	}
	assert_string_equal(back->threaded[7].backtrace, "#0 here");
	/* pyperf's part keeps them apart from the cell, and from each other. */
	FILE *file = fopen(name, "r");
	char *text = calloc(1, 1 << 20);
	size_t got = fread(text, 1, (1 << 20) - 1, file);

	assert_true(got > 0);
	assert_non_null(strstr(text, "\"add/ctypes/cpython-3.8.18@2/private/throughput\""));
	assert_non_null(strstr(text, "\"add/ctypes/cpython-3.8.18@2/shared/throughput\""));
	assert_null(strstr(text, "cffi-abi/cpython-3.8.18@"));
	fclose(file);
	free(text);
	unlink(name);
	probe_run_free(run);
	probe_run_free(back);
}

struct memory {
	char text[1 << 15];
	size_t len;
};

static int take(void *ctx, const char *bytes, size_t n)
{
	struct memory *memory = ctx;

	if (memory->len + n >= sizeof memory->text)
		return -1;
	memcpy(memory->text + memory->len, bytes, n);
	memory->len += n;
	return 0;
}

static void the_plot_has_its_data(void **state)
{
	struct probe_run *run = threaded_run();
	struct memory memory = {.len = 0};
	struct probe_sink sink = {.write = take, .ctx = &memory};
	size_t all = run->cell_count;

	(void)state;
	assert_int_equal(probe_exporter_find("scaledata")->export_run(run, &sink, NULL), 0);
	golden_check("scaling.dat", memory.text);
	/* Rows whose cell was not chosen are not drawn. */
	memory = (struct memory){.len = 0};
	run->cell_count = 2;
	assert_int_equal(probe_exporter_find("scaledata")->export_run(run, &sink, NULL), 0);
	assert_null(strstr(memory.text, "fib"));
	assert_null(strstr(memory.text, "cffi-abi"));
	assert_non_null(strstr(memory.text, "\"add\" \"ctypes\""));
	run->cell_count = all;
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_read_and_sorted),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(rates_are_summed_where_all_run),
		cmocka_unit_test(a_rate_is_linear_between_marks),
		cmocka_unit_test(threads_that_never_run_together_have_no_rate),
		cmocka_unit_test(scaling_is_paired),
		cmocka_unit_test(waiting_grows_its_phase_alone),
		cmocka_unit_test(contended_windows_are_set_aside),
		cmocka_unit_test(no_window_is_an_error),
		cmocka_unit_test(one_thread_is_measured_too),
		cmocka_unit_test(failures_end_the_run),
		cmocka_unit_test(rows_survive_the_run_file),
		cmocka_unit_test(the_plot_has_its_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
