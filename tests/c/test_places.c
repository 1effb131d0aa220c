/* SPDX-License-Identifier: MIT
 * Which of the traced activations are the measured call's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/places.h"

#define MOST 512
#define ALL  ((1u << PB_TL_LAYERS) - 1)
#define BASE 100000u /* of the frame that calls */

/* A trace that is written call by call. */
struct script {
	struct pb_event events[MOST];
	size_t n;
};

static void in(struct script *s, unsigned layer, uint64_t sp)
{
	s->events[s->n++] = (struct pb_event){sp, 2 * layer};
}

static void out(struct script *s, unsigned layer, uint64_t sp)
{
	s->events[s->n++] = (struct pb_event){sp, 2 * layer + 1};
}

static void leaf(struct script *s, unsigned layer, uint64_t sp)
{
	in(s, layer, sp);
	out(s, layer, sp);
}

/* What lies between the entry and its way out, as ctypes has it, `deeper` than the first call. */
static void native(struct script *s, uint64_t deeper)
{
	leaf(s, PB_TL_DETACH, BASE - 300 - deeper);
	in(s, PB_TL_INVOKE, BASE - 310 - deeper);
	leaf(s, PB_TL_TARGET, BASE - 400 - deeper);
	out(s, PB_TL_INVOKE, BASE - 310 - deeper);
	leaf(s, PB_TL_ATTACH, BASE - 300 - deeper);
}

static void whole(struct script *s, uint64_t deeper)
{
	in(s, PB_TL_ENTRY, BASE - deeper);
	native(s, deeper);
	out(s, PB_TL_ENTRY, BASE - deeper);
}

static void expect_found(const struct pb_place *places, uint64_t nested_invokes)
{
	static const uint64_t below[] = {0, 300, 300, 310, 400};
	for (unsigned l = 0; l < PB_TL_LAYERS; l++) {
		assert_int_equal(places[l].state, PB_PLACE_FOUND);
		assert_int_equal(places[l].sp, BASE - below[l]);
		assert_true(places[l].steady);
	}
	assert_int_equal(places[PB_TL_INVOKE].nested, nested_invokes);
}

static void find(const struct script *s, unsigned hooked, uint64_t calls, struct pb_place *places)
{
	pb_places_find(s->events, s->n, hooked, calls, places);
}

static void plain_calls(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 8; i++)
		whole(&s, 0);
	find(&s, ALL, 8, places);
	expect_found(places, 0);
	assert_int_equal(places[PB_TL_TARGET].nested, 0);
}

/* In from_param and in errcheck, of the same function and of another type's. */
static void nested_calls_before_and_after(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 8; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		whole(&s, 900);
		leaf(&s, PB_TL_INVOKE, BASE - 700); /* no entry, no GIL given up */
		native(&s, 0);
		leaf(&s, PB_TL_INVOKE, BASE - 200); /* higher up than the call's own */
		whole(&s, 2000);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 8, places);
	expect_found(places, 4);
	assert_int_equal(places[PB_TL_ENTRY].nested, 2);
	assert_int_equal(places[PB_TL_ENTRY].inside, 0);
	assert_int_equal(places[PB_TL_DETACH].nested, 2);
}

/* The native code calls back, and the callback takes the GIL through the same slots. */
static void callbacks_are_nested(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		leaf(&s, PB_TL_DETACH, BASE - 300);
		in(&s, PB_TL_INVOKE, BASE - 310);
		in(&s, PB_TL_TARGET, BASE - 400);
		leaf(&s, PB_TL_ATTACH, BASE - 500);
		whole(&s, 1000);
		leaf(&s, PB_TL_DETACH, BASE - 500);
		out(&s, PB_TL_TARGET, BASE - 400);
		out(&s, PB_TL_INVOKE, BASE - 310);
		leaf(&s, PB_TL_ATTACH, BASE - 300);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 4, places);
	expect_found(places, 1);
	assert_int_equal(places[PB_TL_ATTACH].nested, 2);
	assert_int_equal(places[PB_TL_ATTACH].inside, 2);
	assert_int_equal(places[PB_TL_TARGET].inside, 1);
}

/* It keeps the GIL; what is nested in it gives it up. */
static void a_call_that_keeps_the_gil(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		whole(&s, 1000);
		in(&s, PB_TL_INVOKE, BASE - 310);
		leaf(&s, PB_TL_TARGET, BASE - 400);
		out(&s, PB_TL_INVOKE, BASE - 310);
		whole(&s, 1000);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 4, places);
	assert_int_equal(places[PB_TL_INVOKE].state, PB_PLACE_FOUND);
	assert_int_equal(places[PB_TL_DETACH].state, PB_PLACE_SKIPPED);
	assert_int_equal(places[PB_TL_ATTACH].state, PB_PLACE_SKIPPED);
	assert_int_equal(places[PB_TL_DETACH].nested, 2);
	assert_true(places[PB_TL_DETACH].steady);
}

static void an_entry_that_is_skipped(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	find(&s, 1u << PB_TL_ENTRY, 8, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_SKIPPED);
	for (int i = 0; i < 8; i++)
		native(&s, 0);
	find(&s, ALL, 8, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_SKIPPED);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_FOUND);
	assert_int_equal(places[PB_TL_INVOKE].sp, BASE - 310);
	assert_int_equal(places[PB_TL_ATTACH].state, PB_PLACE_FOUND);
	/* At its first calls only, until the caller is specialised. */
	whole(&s, 0);
	find(&s, ALL, 9, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_SKIPPED);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_FOUND);
}

static void layers_that_are_met_twice(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		native(&s, 0);
		native(&s, 0);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 4, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_FOUND);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_TWICE);
	assert_int_equal(places[PB_TL_INVOKE].state, PB_PLACE_TWICE);
	assert_int_equal(places[PB_TL_DETACH].state, PB_PLACE_TWICE);
	find(&s, 1u << PB_TL_TARGET, 8, places);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_FOUND);
	find(&s, 1u << PB_TL_ENTRY, 2, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_MOVING);
}

/* Without the target, several ffi_calls can't be told apart: any may be the one that counts. */
static void no_target_to_go_by(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	unsigned hooked = ALL & ~(1u << PB_TL_TARGET);
	(void)state;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		whole(&s, 1000);
		native(&s, 0);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, hooked, 4, places);
	assert_int_equal(places[PB_TL_INVOKE].state, PB_PLACE_FOUND);
	assert_int_equal(places[PB_TL_INVOKE].sp, BASE - 310);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_ABSENT);
	s.n = 0;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		leaf(&s, PB_TL_INVOKE, BASE - 700);
		native(&s, 0);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, hooked, 4, places);
	assert_int_equal(places[PB_TL_INVOKE].state, PB_PLACE_TWICE);
}

static void places_that_move(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	whole(&s, 0);
	for (int i = 1; i < 4; i++)
		whole(&s, 48);
	find(&s, ALL, 4, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_MOVING);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_MOVING);
	s.n = 0;
	for (uint64_t i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		native(&s, 16 * (i & 1));
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 4, places);
	assert_int_equal(places[PB_TL_ENTRY].state, PB_PLACE_FOUND);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_MOVING);
	assert_int_equal(places[PB_TL_INVOKE].state, PB_PLACE_MOVING);
}

static void nested_calls_that_vary(void **state)
{
	struct script s = {0};
	struct pb_place places[PB_TL_LAYERS];
	(void)state;
	for (int i = 0; i < 4; i++) {
		in(&s, PB_TL_ENTRY, BASE);
		for (int k = 0; k < i; k++)
			whole(&s, 1000);
		native(&s, 0);
		out(&s, PB_TL_ENTRY, BASE);
	}
	find(&s, ALL, 4, places);
	assert_int_equal(places[PB_TL_TARGET].state, PB_PLACE_FOUND);
	assert_false(places[PB_TL_TARGET].steady);
}

static void sameness(void **state)
{
	const struct pb_place a = {.state = PB_PLACE_FOUND, .sp = 5000};
	const struct pb_place b = {.state = PB_PLACE_FOUND, .sp = 4900};
	const struct pb_place none = {.state = PB_PLACE_SKIPPED};
	(void)state;
	assert_true(pb_place_same(&a, &b, 100));
	assert_false(pb_place_same(&a, &b, 0));
	assert_false(pb_place_same(&a, &none, 0));
	assert_true(pb_place_same(&none, &none, 100));
	assert_null(pb_place_trouble(PB_PLACE_FOUND));
	assert_non_null(pb_place_trouble(PB_PLACE_SKIPPED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_calls),
		cmocka_unit_test(nested_calls_before_and_after),
		cmocka_unit_test(callbacks_are_nested),
		cmocka_unit_test(a_call_that_keeps_the_gil),
		cmocka_unit_test(an_entry_that_is_skipped),
		cmocka_unit_test(layers_that_are_met_twice),
		cmocka_unit_test(no_target_to_go_by),
		cmocka_unit_test(places_that_move),
		cmocka_unit_test(nested_calls_that_vary),
		cmocka_unit_test(sameness),
	};
	return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
