/* SPDX-License-Identifier: MIT
 * Interpreter builds beside each other: what tells them apart, their order, and what changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probe/builds.h"
#include "run_fixture.h"

static struct probe_interpreter debian(void)
{
	return (struct probe_interpreter){.label = "cpython-3.14.10",
					  .version = "3.14.10",
					  .implementation = "cpython",
					  .jit_built = true,
					  .static_libpython = true,
					  .optimisation = "-O2, PGO and LTO untold",
					  .compiler = "GCC 16.2.0",
					  .libc = "glibc 2.43"};
}

static void says(const struct probe_interpreter *a, const struct probe_interpreter *b,
		 const char *wanted)
{
	char text[400];

	assert_string_equal(probe_builds_text(a, b, text, sizeof text), wanted);
}

static void one_thing_is_said_to_be_the_only_one(void **state)
{
	char x[] = "-X", frozen[] = "frozen_modules=off", jit[] = "PYTHON_JIT=1";
	char *options[] = {x, frozen, NULL}, *jit_on[] = {jit, NULL};
	struct probe_interpreter a = debian(), b = debian();

	(void)state;
	says(&a, &a, "nothing that is known");
	b.jit = true;
	b.environment = jit_on; /* what it does is said, not how it was asked for */
	says(&a, &b, "JIT only");
	b = debian();
	b.debug = true;
	says(&a, &b, "debug build only");
	b = debian();
	b.options = options;
	says(&a, &b, "switches only");
	b = debian();
	snprintf(b.compiler, sizeof b.compiler, "Clang 22.1.3");
	says(&a, &b, "compiler (GCC 16.2.0, then Clang 22.1.3) only");
	a.free_threaded = b.free_threaded = b.gil_off = true;
	b = a;
	b.gil_off = true;
	says(&a, &b, "GIL only");
}

static void what_else_differs_is_said(void **state)
{
	struct probe_interpreter a = debian(), b = debian();

	(void)state;
	snprintf(a.version, sizeof a.version, "3.13.0");
	snprintf(a.optimisation, sizeof a.optimisation, "-O3");
	snprintf(b.optimisation, sizeof b.optimisation, "-O3, PGO, LTO, BOLT");
	b.free_threaded = b.gil_off = true;
	snprintf(b.libc, sizeof b.libc, "%s", "");
	says(&a, &b,
	     "version, GIL; also PGO (no, then yes), LTO (no, then yes), BOLT (no, then yes), "
	     "C library (glibc 2.43, then unknown)");
}

/* A builder that leaves no trace of how it optimised has not said that it did not. */
static void untold_is_not_no(void **state)
{
	struct probe_interpreter a = debian(), b = debian();
	struct probe_build_difference d[PROBE_MAX_BUILD_DIFFERENCES];

	(void)state;
	snprintf(b.optimisation, sizeof b.optimisation, "-O2, PGO, LTO");
	assert_int_equal(probe_builds_differ(&a, &b, d), 2);
	assert_string_equal(d[0].what, "PGO");
	assert_string_equal(d[0].a, "unknown");
	assert_string_equal(d[0].b, "yes");
	assert_false(d[0].chosen);
	assert_string_equal(d[1].what, "LTO");
}

static void pypy_has_a_version_of_its_own(void **state)
{
	struct probe_interpreter a = {.label = "pypy-7.3.19",
				      .version = "3.11.11",
				      .implementation = "pypy",
				      .jit = true,
				      .jit_built = true};
	struct probe_interpreter b = a;
	struct probe_build_difference d[PROBE_MAX_BUILD_DIFFERENCES];

	(void)state;
	snprintf(b.label, sizeof b.label, "pypy-8.0.1");
	assert_int_equal(probe_builds_differ(&a, &b, d), 1);
	assert_string_equal(d[0].b, "8.0.1, Python 3.11.11");
}

static void a_small_buffer_is_kept_to(void **state)
{
	struct probe_interpreter a = debian(), b = debian();
	char text[400], full[400];

	(void)state;
	snprintf(b.version, sizeof b.version, "3.15.2");
	snprintf(b.compiler, sizeof b.compiler, "Clang 22.1.3");
	probe_builds_text(&a, &b, full, sizeof full);
	for (size_t size = 1; size <= strlen(full) + 1; size++) {
		memset(text, 'x', sizeof text);
		probe_builds_text(&a, &b, text, size);
		assert_int_equal(strlen(text), size - 1);
		assert_memory_equal(text, full, size - 1);
	}
}

/* --- the view ----------------------------------------------------------------------------------
 */

static void add_build(struct probe_run *run, const char *label, const char *version, double detach)
{
	struct probe_interpreter *py = probe_run_add_interpreter(run);
	const char *dash = strchr(label, '-');
	const struct probe_part parts[] = {
		{PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN), fixture_value(120, 1)},
		{PROBE_MASK_MARSHALLING, fixture_value(640, 3)},
		{PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH),
		 fixture_value(detach, 1)},
		{PROBE_MASK_COMPUTE, fixture_value(400, 1)},
	};

	snprintf(py->label, sizeof py->label, "%s", label);
	snprintf(py->version, sizeof py->version, "%s", version);
	snprintf(py->implementation, sizeof py->implementation, "%.*s", (int)(dash - label), label);
	py->jit = strstr(label, "-jit") != NULL;
	py->debug = strstr(label, "-debug") != NULL;
	py->free_threaded = strchr(label, 't') && label[strlen(label) - 1] == 't';
	fixture_engine(&fixture_cell(run, "add", "ctypes", label)->ladder, parts, 4);
}

static const char *const wanted_order[] = {
	"cpython-3.9.18",    "cpython-3.13.0",      "cpython-3.13.0-debug", "cpython-3.13.0t",
	"cpython-3.14.10",   "cpython-3.14.10-jit", "cpython-3.15.0a3",     "cpython-3.15.0b1",
	"cpython-3.15.0rc1", "cpython-3.15.0rc2",   "cpython-3.15.0",       "pypy-7.3.9",
	"pypy-7.3.19",
};
/* Which of them each is compared with; -1 = none. A release not with the variants of the last. */
static const int wanted_before[] = {-1, 0, 1, 1, 1, 4, 4, 6, 7, 8, 9, -1, 11};
enum { BUILDS = sizeof wanted_order / sizeof wanted_order[0] };

static struct probe_run *many_builds(void)
{
	struct probe_run *run = probe_run_new();

	run->counter.hz = 2e9;
	/* In an order that is not it: 5 and 13 have no common factor. */
	for (size_t i = 0; i < BUILDS; i++) {
		const char *label = wanted_order[i * 5 % BUILDS];
		char version[32];

		snprintf(version, sizeof version, "%.*s",
			 (int)strcspn(strchr(label, '-') + 1, "t-"), strchr(label, '-') + 1);
		add_build(run, label, *label == 'p' ? "3.11.11" : version, 90);
	}
	return run;
}

static void rows_are_in_order_of_version(void **state)
{
	struct probe_run *run = many_builds();
	struct probe_build_block *blocks = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(blocks[0].row_count, BUILDS);
	for (size_t i = 0; i < BUILDS; i++) {
		assert_string_equal(blocks[0].rows[i].cell->interpreter, wanted_order[i]);
		assert_ptr_equal(blocks[0].rows[i].before,
				 wanted_before[i] < 0 ? NULL : &blocks[0].rows[wanted_before[i]]);
		assert_int_equal(blocks[0].rows[i].new_pair, wanted_before[i] >= 0);
		if (wanted_before[i] >= 0)
			assert_int_equal(blocks[0].rows[i].change.total.verdict, PROBE_CHANGE_NONE);
	}
	probe_build_blocks_free(blocks, n);
	probe_run_free(run);
}

static void a_change_is_put_down_to_its_phase(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_build_block *blocks = NULL;
	size_t n = 0;

	(void)state;
	run->counter.hz = 2e9;
	add_build(run, "cpython-3.11.7", "3.11.7", 90);
	add_build(run, "cpython-3.12.1", "3.12.1", 90);
	add_build(run, "cpython-3.13.0", "3.13.0", 290);
	fixture_ctypes(run, "fib", "cpython-3.11.7", 900);
	fixture_ctypes(run, "fib", "cpython-3.13.0", 900);
	run->cells[1].status = PROBE_CELL_FAILED; /* 3.13 is compared with what is measured */
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_null(blocks[0].rows[1].before);
	const struct probe_build_row *row = &blocks[0].rows[2];
	assert_ptr_equal(row->before, &blocks[0].rows[0]);
	assert_int_equal(row->change.total.verdict, PROBE_CHANGE_SLOWER);
	assert_true(fabs(row->change.total.delta_ns - 100) < 1e-9);
	assert_int_equal(row->change.phases[row->change.moved].mask, PROBE_MASK_DISPATCH);
	assert_true(row->new_pair);
	assert_false(blocks[1].rows[1].new_pair); /* said by the first block */
	probe_build_blocks_free(blocks, n);
	probe_run_free(run);
}

/* A static build has dispatch and marshalling in one: they are compared as one. */
static void what_splits_otherwise_is_joined(void **state)
{
	const struct probe_part merged[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, fixture_value(1250, 2)},
		{PROBE_MASK_COMPUTE, fixture_value(400, 1)},
	};
	struct probe_run *run = probe_run_new();
	struct probe_build_block *blocks = NULL;
	size_t n = 0;

	(void)state;
	run->counter.hz = 2e9;
	add_build(run, "cpython-3.12.1", "3.12.1", 90);
	add_build(run, "cpython-3.13.0", "3.13.0", 90);
	free(run->cells[1].ladder.passes);
	run->cells[1].ladder = (struct probe_engine){0};
	fixture_engine(&run->cells[1].ladder, merged, 2);
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	const struct probe_cell_change *change = &blocks[0].rows[1].change;
	assert_int_equal(change->phase_count, 2);
	assert_false(change->only_totals);
	assert_int_equal(change->moved, 0);
	assert_int_equal(change->phases[0].mask, PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING);
	assert_true(fabs(change->phases[0].delta_ns - 200) < 1e-9);
	assert_int_equal(change->phases[1].verdict, PROBE_CHANGE_NONE);
	probe_build_blocks_free(blocks, n);
	/* Pure Python has no phases at all. */
	fixture_python(run, "fib", "cpython-3.12.1", 100);
	fixture_python(run, "fib", "cpython-3.13.0", 50);
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	change = &blocks[1].rows[1].change;
	assert_int_equal(change->total.verdict, PROBE_CHANGE_FASTER);
	assert_int_equal(change->phase_count, 0);
	assert_int_equal(change->moved, -1);
	probe_build_blocks_free(blocks, n);
	probe_run_free(run);
}

static void unknown_interpreters_still_have_rows(void **state)
{
	struct probe_run *run = probe_run_new();
	struct probe_build_block *blocks = NULL;
	size_t n = 0;

	(void)state;
	fixture_ctypes(run, "add", "cpython-3.10.1", 3);
	fixture_ctypes(run, "add", "cpython-3.9.1", 3);
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	assert_string_equal(blocks[0].rows[0].cell->interpreter, "cpython-3.9.1");
	assert_non_null(blocks[0].rows[1].before);
	assert_false(blocks[0].rows[1].new_pair);
	probe_build_blocks_free(blocks, n);
	probe_run_free(run);
	run = probe_run_new();
	assert_int_equal(probe_build_blocks(run, &blocks, &n, NULL), 0);
	assert_int_equal(n, 0);
	probe_build_blocks_free(blocks, n);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thing_is_said_to_be_the_only_one),
		cmocka_unit_test(what_else_differs_is_said),
		cmocka_unit_test(untold_is_not_no),
		cmocka_unit_test(pypy_has_a_version_of_its_own),
		cmocka_unit_test(a_small_buffer_is_kept_to),
		cmocka_unit_test(rows_are_in_order_of_version),
		cmocka_unit_test(a_change_is_put_down_to_its_phase),
		cmocka_unit_test(what_splits_otherwise_is_joined),
		cmocka_unit_test(unknown_interpreters_still_have_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
