/* SPDX-License-Identifier: MIT
 * What counts as a change between two runs, and what does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/compare.h"
#include "run_fixture.h"

/* fixture_run() twice; b is the caller's to change. */
struct pair {
	struct probe_run *a, *b;
	struct probe_comparison *c;
	struct probe_error err;
};

/* Passes that lie closely together, as many as are asked for. */
static void set_passes(struct probe_engine *e, size_t n)
{
	free(e->passes);
	e->passes = calloc(n, sizeof *e->passes);
	e->pass_count = n;
	for (size_t i = 0; i < n; i++) {
		double shift = 0.4 * ((double)i - (double)(n - 1) / 2) / (double)n;

		e->passes[i].total = e->total.ticks + shift * (double)e->part_count;
		for (size_t k = 0; k < e->part_count; k++)
			e->passes[i].parts[k] = e->parts[k].value.ticks + shift;
	}
}

static void make(struct pair *p)
{
	*p = (struct pair){.a = fixture_run(), .b = fixture_run()};
	for (size_t i = 0; i < p->a->cell_count; i++) {
		set_passes(&p->a->cells[i].ladder, p->a->cells[i].ladder.pass_count);
		set_passes(&p->b->cells[i].ladder, p->b->cells[i].ladder.pass_count);
	}
}

static void compare(struct pair *p)
{
	assert_int_equal(probe_compare(p->a, p->b, -1, &p->c, &p->err), 0);
}

static void release(struct pair *p)
{
	probe_comparison_free(p->c);
	probe_run_free(p->a);
	probe_run_free(p->b);
}

static struct probe_engine *ctypes_of(struct probe_run *run)
{
	return &probe_run_find_cell(run, "add", "ctypes", "cpython-3.8.18")->ladder;
}

static const struct probe_cell_change *found(const struct pair *p, const char *path)
{
	for (size_t i = 0; i < p->c->cell_count; i++)
		if (!strcmp(p->c->cells[i].path, path) && !strcmp(p->c->cells[i].workload, "add"))
			return &p->c->cells[i];
	fail_msg("no %s", path);
	return NULL;
}

/* Adds ticks to the marshalling of b's ctypes, and so to its total. */
static void slow_down(struct pair *p, double ticks)
{
	struct probe_engine *e = ctypes_of(p->b);
	for (size_t i = 0; i < e->folded_count; i++)
		if (e->folded[i].mask == PROBE_MASK_MARSHALLING)
			e->folded[i].value.ticks += ticks;
	e->total.ticks += ticks;
}

static void the_same_run_has_no_change(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	compare(&p);
	assert_true(p.c->cell_count >= 4);
	for (size_t i = 0; i < p.c->cell_count; i++) {
		const struct probe_cell_change *cell = &p.c->cells[i];
		assert_int_equal(cell->moved, -1);
		assert_int_equal(cell->total.verdict,
				 cell->contended ? PROBE_CHANGE_UNKNOWN : PROBE_CHANGE_NONE);
	}
	assert_true(fabs(p.c->geometric_mean - 1) < 1e-9);
	assert_int_equal(p.c->only_a + p.c->only_b, 0);
	assert_int_equal(p.c->unlike_count, 0);
	assert_true(probe_comparison_worst(p.c) == 0);
	release(&p);
}

static void a_slower_phase_is_named(void **state)
{
	struct pair p;
	char text[128];
	(void)state;
	make(&p);
	slow_down(&p, 32); /* 5 % of 640 */
	compare(&p);
	const struct probe_cell_change *cell = found(&p, "ctypes");
	assert_int_equal(cell->total.verdict, PROBE_CHANGE_SLOWER);
	assert_true(cell->moved >= 0);
	assert_int_equal(cell->phases[cell->moved].mask, PROBE_MASK_MARSHALLING);
	assert_true(fabs(cell->total.delta_ns - 16) < 1e-9);
	assert_non_null(strstr(probe_change_text(cell, text, sizeof text), "marshalling +16.0 ns"));
	assert_true(fabs(probe_comparison_worst(p.c) - 16 / (910.4 / 2)) < 1e-6);
	release(&p);
}

static void faster_is_told_as_such(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	slow_down(&p, -40);
	compare(&p);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_FASTER);
	assert_true(p.c->geometric_mean < 1);
	assert_true(probe_comparison_worst(p.c) == 0);
	release(&p);
}

/* Above the band, but inside what the figures allow: no change; and the other way round. */
static void test_and_band_must_both_say_so(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	slow_down(&p, 32);
	ctypes_of(p.b)->total.half = 40;
	compare(&p);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_NONE);
	release(&p);

	make(&p);
	slow_down(&p, 16); /* 1.8 % of the call, eight standard errors */
	ctypes_of(p.a)->total.half = ctypes_of(p.b)->total.half = 1;
	compare(&p);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_NONE);
	probe_comparison_free(p.c);
	assert_int_equal(probe_compare(p.a, p.b, 0.01, &p.c, &p.err), 0);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_SLOWER);
	release(&p);
}

/* Adds ticks to the marshalling of one pass, and to the figures that are means over all. */
static void disturb(struct probe_engine *e, size_t pass, double ticks)
{
	double share = ticks / (double)e->pass_count;

	e->passes[pass].total += ticks;
	e->total.ticks += share;
	for (size_t i = 0; i < e->part_count; i++)
		if (e->parts[i].mask == PROBE_MASK_MARSHALLING)
			e->passes[pass].parts[i] += ticks;
	for (size_t i = 0; i < e->folded_count; i++)
		if (e->folded[i].mask == PROBE_MASK_MARSHALLING)
			e->folded[i].value.ticks += share;
}

/* One pass in seven that a neighbour slowed down hides no change, and is none itself. */
static void slow_passes_are_left_out(void **state)
{
	struct pair p;
	const struct probe_cell_change *cell;
	char text[128];
	(void)state;
	make(&p);
	set_passes(ctypes_of(p.a), 7);
	set_passes(ctypes_of(p.b), 7);
	disturb(ctypes_of(p.a), 3, 200);
	compare(&p);
	cell = found(&p, "ctypes");
	assert_int_equal(cell->total.verdict, PROBE_CHANGE_NONE);
	assert_true(fabs(cell->total.delta_ns) < 0.1);
	assert_int_equal(cell->slow_a, 1);
	assert_int_equal(cell->slow_b, 0);
	assert_int_equal(p.c->slow_passes, 1);
	release(&p);

	make(&p);
	set_passes(ctypes_of(p.a), 7);
	slow_down(&p, 32);
	set_passes(ctypes_of(p.b), 7);
	disturb(ctypes_of(p.a), 0, 200);
	disturb(ctypes_of(p.a), 5, 90);
	compare(&p);
	cell = found(&p, "ctypes");
	assert_int_equal(cell->total.verdict, PROBE_CHANGE_SLOWER);
	assert_non_null(strstr(probe_change_text(cell, text, sizeof text), "marshalling +16"));
	release(&p);
}

/* What half of the passes show is no exception: then the spread says that nothing is known. */
static void many_slow_passes_are_kept(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	set_passes(ctypes_of(p.a), 6);
	set_passes(ctypes_of(p.b), 6);
	for (size_t i = 0; i < 3; i++)
		disturb(ctypes_of(p.b), 2 * i, 100 + 40 * (double)i);
	compare(&p);
	assert_int_equal(found(&p, "ctypes")->slow_b, 0);
	assert_true(found(&p, "ctypes")->total.delta_ns > 20);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_NONE);
	release(&p);
}

/* Passes that scatter widely let no difference through that those close together do. */
static void scatter_between_passes_counts(void **state)
{
	struct pair p;
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		make(&p);
		set_passes(ctypes_of(p.a), 5);
		slow_down(&p, 32);
		set_passes(ctypes_of(p.b), 5);
		for (size_t i = 0; wide && i < 5; i++) {
			ctypes_of(p.a)->passes[i].total += 20 * ((double)i - 2);
			ctypes_of(p.b)->passes[i].total += 20 * ((double)i - 2);
		}
		compare(&p);
		assert_int_equal(found(&p, "ctypes")->total.verdict,
				 wide ? PROBE_CHANGE_NONE : PROBE_CHANGE_SLOWER);
		release(&p);
	}
}

static void contended_cells_are_not_judged(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	slow_down(&p, 500);
	ctypes_of(p.b)->contended = true;
	compare(&p);
	assert_int_equal(found(&p, "ctypes")->total.verdict, PROBE_CHANGE_UNKNOWN);
	assert_true(found(&p, "ctypes")->contended);
	assert_true(probe_comparison_worst(p.c) == 0);
	release(&p);
}

static void other_counters_are_refused(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	snprintf(p.b->counter.kind, sizeof p.b->counter.kind, "cycles-rdpmc");
	assert_int_equal(probe_compare(p.a, p.b, -1, &p.c, &p.err), -PROBE_EINVAL);
	assert_non_null(strstr(p.err.msg, "cycles-rdpmc"));
	assert_null(p.c);
	release(&p);
}

static void unlike_runs_are_flagged(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	free(p.b->facts[0].value);
	p.b->facts[0].value = strdup("Another CPU");
	snprintf(p.b->interpreters[1].optimisation, sizeof p.b->interpreters[1].optimisation,
		 "-O1");
	compare(&p);
	assert_int_equal(p.c->unlike_count, 4); /* the CPU; level, PGO and LTO */
	assert_non_null(strstr(p.c->unlike[0], "Another CPU"));
	assert_string_equal(p.c->unlike[1], "optimisation level of cpython-3.13.0: -O3, then -O1");
	assert_string_equal(p.c->unlike[2], "PGO of cpython-3.13.0: yes, then no");
	release(&p);
}

static void nothing_in_common_is_an_error(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	for (size_t i = 0; i < p.b->cell_count; i++) {
		free(p.b->cells[i].workload);
		p.b->cells[i].workload = strdup("other");
	}
	assert_int_equal(probe_compare(p.a, p.b, -1, &p.c, &p.err), -PROBE_ENOENT);
	assert_non_null(strstr(p.err.msg, "in common"));
	release(&p);
}

static void a_split_that_differs_leaves_the_total(void **state)
{
	struct pair p;
	(void)state;
	make(&p);
	ctypes_of(p.b)->folded[0].mask = PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING;
	ctypes_of(p.b)->folded[1].mask = PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING;
	compare(&p);
	assert_true(found(&p, "ctypes")->only_totals);
	assert_int_equal(found(&p, "ctypes")->phase_count, 1);
	release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_run_has_no_change),
		cmocka_unit_test(a_slower_phase_is_named),
		cmocka_unit_test(faster_is_told_as_such),
		cmocka_unit_test(test_and_band_must_both_say_so),
		cmocka_unit_test(slow_passes_are_left_out),
		cmocka_unit_test(many_slow_passes_are_kept),
		cmocka_unit_test(scatter_between_passes_counts),
		cmocka_unit_test(contended_cells_are_not_judged),
		cmocka_unit_test(other_counters_are_refused),
		cmocka_unit_test(unlike_runs_are_flagged),
		cmocka_unit_test(nothing_in_common_is_an_error),
		cmocka_unit_test(a_split_that_differs_leaves_the_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
