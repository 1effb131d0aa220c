/* SPDX-License-Identifier: MIT
 * Names of parts, and folding them into the three phases.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "probe/phase.h"

#define BIT(name) PROBE_BIT(PROBE_SUB_##name)

static void names_of_parts(void **state)
{
	static const struct {
		unsigned mask;
		const char *name, *id;
	} cases[] = {
		{BIT(CALL), "call", "dispatch.call"},
		{BIT(CALL) | BIT(RETURN), "call+return", "dispatch.call+return"},
		{BIT(DETACH) | BIT(ATTACH), "detach+attach", "dispatch.detach+attach"},
		{BIT(MARSHAL_IN), "marshal_in", "marshalling.in"},
		{BIT(MARSHAL_OUT), "marshal_out", "marshalling.out"},
		{BIT(COMPUTE), "compute", "compute"},
		{BIT(CALLBACK), "callback", "compute.callback"},
		{BIT(PYTHON), "python", "compute.python"},
		{PROBE_MASK_CALLBACK, "callback+python", "compute.callback+python"},
		{BIT(COMPUTE) | BIT(CALLBACK), "compute+callback", "compute.native+callback"},
		{BIT(INVOKE) | BIT(PYTHON), "invoke+python", "invoke+python"},
		{PROBE_MASK_MARSHALLING, "marshalling", "marshalling"},
		{PROBE_MASK_DISPATCH, "dispatch", "dispatch"},
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, "dispatch+marshalling",
		 "dispatch+marshalling"},
		{PROBE_MASK_MARSHALLING | BIT(DETACH) | BIT(ATTACH), "marshalling+detach+attach",
		 "marshalling+detach+attach"},
		{BIT(MARSHAL_IN) | BIT(INVOKE), "marshal_in+invoke", "marshal_in+invoke"},
		{PROBE_MASK_ALL, "dispatch+marshalling+compute", "dispatch+marshalling+compute"},
		{0, "?", "?"},
	};
	char buf[128];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_string_equal(probe_part_name(cases[i].mask, buf, sizeof buf), cases[i].name);
		assert_string_equal(probe_part_id(cases[i].mask, buf, sizeof buf), cases[i].id);
	}
}

static void ids_are_unique(void **state)
{
	static char ids[PROBE_MASK_EVERY + 1][128];

	(void)state;
	for (unsigned a = 1; a <= PROBE_MASK_EVERY; a++) {
		probe_part_id(a, ids[a], sizeof ids[a]);
		for (unsigned b = 1; b < a; b++)
			assert_string_not_equal(ids[a], ids[b]);
	}
}

static void a_short_buffer_is_not_overrun(void **state)
{
	char buf[16];

	(void)state;
	for (size_t size = 0; size < sizeof buf; size++) {
		memset(buf, 'x', sizeof buf);
		probe_part_name(PROBE_MASK_ALL, buf, size);
		for (size_t i = size; i < sizeof buf; i++)
			assert_int_equal(buf[i], 'x');
		memset(buf, 'x', sizeof buf);
		probe_part_id(BIT(CALL) | BIT(RETURN), buf, size);
		for (size_t i = size; i < sizeof buf; i++)
			assert_int_equal(buf[i], 'x');
		if (size)
			assert_true(strlen(buf) < size);
	}
}

static struct probe_value value(double ticks, double half)
{
	return (struct probe_value){.state = PROBE_EXACT, .ticks = ticks, .half = half};
}

static void folding_sums_and_adds_in_quadrature(void **state)
{
	const struct probe_part parts[] = {
		{BIT(CALL) | BIT(RETURN), value(100, 3)},
		{PROBE_MASK_MARSHALLING, value(200, 5)},
		{BIT(DETACH) | BIT(ATTACH), value(50, 4)},
		{BIT(COMPUTE), value(-1, 2)},
	};
	struct probe_part out[3];

	(void)state;
	assert_int_equal(probe_parts_fold(parts, 4, out), 3);
	assert_int_equal(out[0].mask, PROBE_MASK_DISPATCH);
	assert_float_equal(out[0].value.ticks, 150, 1e-12);
	assert_float_equal(out[0].value.half, 5, 1e-12);
	assert_int_equal(out[1].mask, PROBE_MASK_MARSHALLING);
	assert_float_equal(out[1].value.ticks, 200, 1e-12);
	assert_int_equal(out[2].mask, PROBE_MASK_COMPUTE);
	assert_float_equal(out[2].value.ticks, -1, 1e-12); /* kept, not clamped */
}

static void parts_across_phases_merge_them(void **state)
{
	const struct probe_part marshalling_with_attach[] = {
		{BIT(CALL) | BIT(RETURN), value(100, 3)},
		{PROBE_MASK_MARSHALLING | BIT(DETACH) | BIT(ATTACH), value(200, 4)},
		{BIT(COMPUTE), value(7, 1)},
	};
	const struct probe_part dispatch_with_compute[] = {
		{BIT(CALL) | BIT(COMPUTE), value(10, 1)},
		{PROBE_MASK_MARSHALLING, value(20, 1)},
	};
	/* Each pair touches another one: all three end up as one. */
	const struct probe_part chained[] = {
		{BIT(COMPUTE) | BIT(MARSHAL_OUT), value(1, 0)},
		{BIT(MARSHAL_IN) | BIT(INVOKE), value(2, 0)},
		{BIT(CALL), value(4, 0)},
	};
	struct probe_part out[3];

	(void)state;
	assert_int_equal(probe_parts_fold(marshalling_with_attach, 3, out), 2);
	assert_int_equal(out[0].mask, PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING);
	assert_float_equal(out[0].value.ticks, 300, 1e-12);
	assert_int_equal(out[1].mask, PROBE_MASK_COMPUTE);

	assert_int_equal(probe_parts_fold(dispatch_with_compute, 2, out), 2);
	assert_int_equal(out[0].mask, PROBE_MASK_DISPATCH | PROBE_MASK_COMPUTE);
	assert_float_equal(out[0].value.ticks, 10, 1e-12);
	assert_int_equal(out[1].mask, PROBE_MASK_MARSHALLING);

	assert_int_equal(probe_parts_fold(chained, 3, out), 1);
	assert_int_equal(out[0].mask, PROBE_MASK_ALL);
	assert_float_equal(out[0].value.ticks, 7, 1e-12);
	assert_int_equal(probe_parts_fold(NULL, 0, out), 0);
}

/* Compute is the whole from the target's first instruction to its return. */
static void callbacks_fold_into_compute(void **state)
{
	const struct probe_part parts[] = {
		{BIT(CALL) | BIT(RETURN), value(100, 3)},
		{PROBE_MASK_MARSHALLING, value(200, 5)},
		{BIT(COMPUTE), value(5, 2)},
		{BIT(CALLBACK), value(70, 3)},
		{BIT(PYTHON), value(30, 6)},
	};
	struct probe_part out[3];
	char buf[64];

	(void)state;
	assert_int_equal(probe_parts_fold(parts, 5, out), 3);
	assert_int_equal(out[1].mask, PROBE_MASK_MARSHALLING);
	assert_float_equal(out[1].value.ticks, 200, 1e-12);
	assert_int_equal(out[2].mask, PROBE_MASK_COMPUTE);
	assert_float_equal(out[2].value.ticks, 105, 1e-12);
	assert_float_equal(out[2].value.half, 7, 1e-12);
	/* The part that is left of compute does not go by the name of the whole. */
	assert_string_equal(probe_part_id_among(parts, 5, 2, buf, sizeof buf), "compute.native");
	assert_string_equal(probe_part_id_among(parts, 3, 2, buf, sizeof buf), "compute");
	assert_string_equal(probe_part_id_among(parts, 5, 3, buf, sizeof buf), "compute.callback");
	assert_int_equal(probe_parts_fold(parts + 3, 2, out), 1);
	assert_int_equal(out[0].mask, PROBE_MASK_COMPUTE);
}

static void absent_and_estimated_parts_stay_so(void **state)
{
	struct probe_part parts[] = {
		{BIT(CALL), value(10, 1)},
		{BIT(RETURN), value(5, 1)},
		{BIT(COMPUTE), value(3, 1)},
	};
	struct probe_part out[3];

	(void)state;
	parts[1].value.state = PROBE_ABSENT;
	parts[2].value.state = PROBE_ESTIMATE;
	assert_int_equal(probe_parts_fold(parts, 3, out), 2);
	assert_int_equal(out[0].value.state, PROBE_ABSENT);
	assert_true(isnan(out[0].value.ticks));
	assert_int_equal(out[1].value.state, PROBE_ESTIMATE);
}

static void below_the_floor_a_value_has_a_bound(void **state)
{
	struct probe_value v = value(10, 1);

	(void)state;
	assert_true(probe_value_most(&v, 20) == 11);
	v = (struct probe_value){PROBE_EXACT, 0.5, 2, true};
	assert_true(probe_value_most(&v, 1) == 2.5);
	assert_true(probe_value_most(&v, 4) == 4);
	/* Less than nothing by 6: off by as much. */
	v = (struct probe_value){PROBE_EXACT, -6, 2, true};
	assert_true(probe_value_most(&v, 4) == 8);
	v.state = PROBE_ABSENT;
	assert_true(isnan(probe_value_most(&v, 4)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_parts),
		cmocka_unit_test(ids_are_unique),
		cmocka_unit_test(a_short_buffer_is_not_overrun),
		cmocka_unit_test(folding_sums_and_adds_in_quadrature),
		cmocka_unit_test(parts_across_phases_merge_them),
		cmocka_unit_test(callbacks_fold_into_compute),
		cmocka_unit_test(absent_and_estimated_parts_stay_so),
		cmocka_unit_test(below_the_floor_a_value_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
