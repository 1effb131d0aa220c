/* SPDX-License-Identifier: MIT
 * Hook checks: what a call passes and returns comes through every thunk unchanged.
 */
#include <complex.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook_checks.h"
#include "sys/arch.h"

#ifndef CMPLX /* an older glibc has it for gcc alone */
#define CMPLX(x, y) __builtin_complex((double)(x), (double)(y))
#endif

/* --- every register --------------------------------------------------------------------------- */

/* Registers at one moment. The assembly says which is where, and has the offsets by number. */
struct hook_frame {
	uint64_t ints[32]; /* the stack pointer last */
	uint64_t stack[4];
	uint64_t vec[16][2];
};
_Static_assert(offsetof(struct hook_frame, stack) == 256, "the assembly has this offset");
_Static_assert(offsetof(struct hook_frame, vec) == 288, "the assembly has this offset");

#define SP 31
#if defined(__x86_64__)
__asm__(".pushsection .text\n.include \"tests/c/hook_asm_x86_64.s\"\n.popsection");
#define ARGUMENT_INTS 8  /* rdi rsi rdx rcx r8 r9 rax r10 */
#define SAVED_INTS    14 /* up to here callee-saved */
#define SAVED_VECS    0
#define RETURN_VECS   2
#define CALL_BYTES    8 /* what a call leaves on the stack */
#elif defined(__aarch64__)
__asm__(".pushsection .text\n.include \"tests/c/hook_asm_aarch64.s\"\n.popsection");
#define ARGUMENT_INTS 10 /* x0-x8 x18 */
#define SAVED_INTS    21
#define SAVED_VECS    8 /* v8-v15, the low half */
#define RETURN_VECS   4
#define CALL_BYTES    0
#endif

void hook_call_all(void *fn);
void hook_target_all(void);

struct hook_frame hook_sent, hook_seen, hook_returned, hook_got;

static void fill(struct hook_frame *frame, uint64_t seed)
{
	uint64_t *words = (uint64_t *)frame;
	for (size_t i = 0; i < sizeof *frame / sizeof *words; i++)
		words[i] = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

#if defined(__x86_64__)
/* A long double comes back in the x87 stack, which takes numbers only. */
static void fill_x87(void)
{
	for (size_t i = 0; i < 2; i++) {
		long double value = 1.0L / (long double)(3 + i);
		memset(hook_returned.vec[2 + i], 0, 16);
		memcpy(hook_returned.vec[2 + i], &value, 10);
	}
}

static bool x87_same(void)
{
	return memcmp(hook_got.vec[2], hook_returned.vec[2], 10) == 0 &&
	       memcmp(hook_got.vec[3], hook_returned.vec[3], 10) == 0;
}
#else
static void fill_x87(void)
{
}

static bool x87_same(void)
{
	return true;
}
#endif

static void check_results(const char *what)
{
	CHECK_FOR(memcmp(hook_got.ints, hook_returned.ints, 16) == 0, what);
	CHECK_FOR(memcmp(hook_got.vec, hook_returned.vec, RETURN_VECS * 16) == 0, what);
}

/* What a function must leave as it was. */
static void check_callee_saved(const char *what)
{
	for (size_t i = ARGUMENT_INTS; i < SAVED_INTS; i++)
		CHECK_FOR(hook_got.ints[i] == hook_sent.ints[i], what);
	for (size_t i = 8; i < 8 + SAVED_VECS; i++)
		CHECK_FOR(hook_got.vec[i][0] == hook_sent.vec[i][0], what);
	CHECK_FOR(hook_got.ints[SP] == hook_sent.ints[SP], what);
}

/* Calls entry, behind which hook_target_all is, and compares everything on both sides. */
static __attribute__((noinline)) void check_whole_call(void *entry, const char *what)
{
	static uint64_t seed;

	fill(&hook_sent, ++seed * 1000);
	fill(&hook_returned, ++seed * 1000);
	fill_x87();
	memset(&hook_seen, 0, sizeof hook_seen);
	memset(&hook_got, 0, sizeof hook_got);
	hook_call_all(entry);
	for (size_t i = 0; i < SAVED_INTS; i++)
		CHECK_FOR(hook_seen.ints[i] == hook_sent.ints[i], what);
	CHECK_FOR(memcmp(hook_seen.vec, hook_sent.vec, 8 * 16) == 0, what);
	CHECK_FOR(memcmp(hook_seen.stack, hook_sent.stack, sizeof hook_sent.stack) == 0, what);
	CHECK_FOR(hook_seen.ints[SP] + CALL_BYTES == hook_sent.ints[SP], what);
	CHECK_FOR((hook_seen.ints[SP] + CALL_BYTES) % 16 == 0, what);
	CHECK_FOR(x87_same(), what);
	check_results(what);
	check_callee_saved(what);
}

/* Every kind, every copy, on a thread with a ring and without. */
static void check_around_all(const char *what)
{
	char text[96];
	for (size_t k = 0; k < hook_around_count; k++) {
		struct pb_thunk t;
		snprintf(text, sizeof text, "%s, %s", hook_kind_name(hook_around[k]), what);
		if (!hook_thunk(&t, hook_around[k], ADDRESS(hook_target_all), 0))
			continue;
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++)
			check_whole_call(pb_thunk_entry(&t, v), text);
		if (hook_around[k] == PB_THUNK_COUNT_CALLS)
			CHECK(t.data->count == PB_THUNK_VARIANTS);
		pb_thunk_free(&t);
	}
}

void check_registers_come_through(void)
{
	struct pb_ring ring;
	struct probe_error err;

	check_whole_call(ADDRESS(hook_target_all), "no thunk");
	hook_fake_pmc_begin();
	check_around_all("no ring");
	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	check_around_all("ring");
	CHECK(ring.depth == 0 && ring.lost == 0);
	/* Two events a call of each of the three stamping kinds. */
	CHECK(ring.pos == 3 * 2 * PB_THUNK_VARIANTS * sizeof(struct pb_event));
	pb_ring_detach(&ring);
	hook_fake_pmc_end();
}

void check_registers_come_through_nested(void)
{
	struct pb_thunk t[16];
	struct pb_ring ring;
	struct probe_error err;
	void *target = ADDRESS(hook_target_all);

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	for (unsigned i = 0; i < COUNT(t); i++) {
		if (!hook_thunk(&t[i], hook_around[i % hook_around_count], target, i))
			return;
		target = pb_thunk_entry(&t[i], i);
	}
	check_whole_call(target, "sixteen thunks in one another");
	CHECK(ring.depth == 0 && ring.lost == 0);
	CHECK(ring.pos == 6 * 2 * sizeof(struct pb_event));
	for (unsigned i = 0; i < COUNT(t); i++)
		pb_thunk_free(&t[i]);
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}

void check_registers_come_through_a_full_shadow_stack(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	ring.depth = PB_SHADOW_DEPTH;
	check_around_all("full");
	/* RECORD, TRACE, both stamps and FENCE. */
	CHECK(ring.lost == 5 * PB_THUNK_VARIANTS);
	CHECK(ring.pos == 0 && ring.depth == PB_SHADOW_DEPTH);
	ring.depth = PB_SHADOW_DEPTH - 1;
	ring.lost = 0;
	check_around_all("one left");
	CHECK(ring.lost == 0 && ring.depth == PB_SHADOW_DEPTH - 1);
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}

/* --- results as C sees them ------------------------------------------------------------------- */

struct two_longs {
	long a, b;
};
struct two_floats {
	float a, b;
};
struct two_doubles {
	double a, b;
};
struct four_doubles {
	double v[4];
};
struct mixed {
	double a;
	long b;
};
struct big { /* returned through a hidden pointer */
	long v[5];
};
__extension__ typedef __int128 int128;

/* Arguments in registers and on the stack, of both sorts. */
#define PARAMETERS                                                                                 \
	long a, double b, long c, double d, long e, double f, long g, double h, long i, double j,  \
		long k, double l, long m, double n, long o, double p, long q, double r, long s,    \
		double t
#define ARGUMENTS 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5, 10, 10.5

/* Each argument with a weight of its own, so that two swapped ones show. */
#define INTS   (a + 3 * c + 5 * e + 7 * g + 11 * i + 13 * k + 17 * m + 19 * o + 23 * q + 29 * s)
#define FLOATS (b + 3 * d + 5 * f + 7 * h + 11 * j + 13 * l + 17 * n + 19 * p + 23 * r + 29 * t)

#define SHAPES(X)                                                                                  \
	X(long, long, INTS + (long)FLOATS)                                                         \
	X(double, double, FLOATS + (double)INTS)                                                   \
	X(float, float, (float)(FLOATS + (double)INTS))                                            \
	X(complex, double complex, CMPLX(FLOATS, (double)INTS))                                    \
	X(int128, int128, (int128)INTS << 64 | (unsigned long)FLOATS)                              \
	X(two_longs, struct two_longs, {INTS, (long)FLOATS})                                       \
	X(two_floats, struct two_floats, {(float)INTS, (float)FLOATS})                             \
	X(two_doubles, struct two_doubles, {(double)INTS, FLOATS})                                 \
	X(mixed, struct mixed, {FLOATS, INTS})                                                     \
	X(four_doubles, struct four_doubles, {{FLOATS, b, (double)INTS, t}})                       \
	X(big, struct big, {{INTS, (long)FLOATS, a, s, q}})

/* Whether two calls give the same, through the bytes of the result; none has padding. */
#define SHAPE(name, type, ...)                                                                     \
	static type __attribute__((noinline)) give_##name(PARAMETERS)                              \
	{                                                                                          \
		const type result = __VA_ARGS__;                                                   \
		return result;                                                                     \
	}                                                                                          \
	static bool same_##name(void *entry)                                                       \
	{                                                                                          \
		type want = give_##name(ARGUMENTS);                                                \
		type got = CALLABLE(type(*)(PARAMETERS), entry)(ARGUMENTS);                        \
		return memcmp(&want, &got, sizeof want) == 0;                                      \
	}
SHAPES(SHAPE)

static const struct {
	const char *name;
	bool (*same)(void *entry);
	bool in_registers;
} shapes[] = {
#define SHAPE_ROW(name, type, ...)                                                                 \
	{#name, same_##name, sizeof(type) <= 16 || (sizeof(type) == 32 && RETURN_VECS == 4)},
	SHAPES(SHAPE_ROW)};

static void *shape_target(size_t shape)
{
#define SHAPE_TARGET(name, type, ...) ADDRESS(give_##name),
	void *const targets[] = {SHAPES(SHAPE_TARGET)};
	return targets[shape];
}

void check_results_of_every_shape(void)
{
	struct pb_ring ring;
	struct probe_error err;
	char what[64];

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	for (size_t s = 0; s < COUNT(shapes); s++) {
		for (size_t k = 0; k < hook_around_count; k++) {
			struct pb_thunk t;
			snprintf(what, sizeof what, "%s through %s", shapes[s].name,
				 hook_kind_name(hook_around[k]));
			if (!hook_thunk(&t, hook_around[k], shape_target(s), 0))
				continue;
			CHECK_FOR(shapes[s].same(pb_thunk_entry(&t, 0)), what);
			pb_thunk_free(&t);
		}
	}
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}

void check_variadic_calls(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	for (size_t k = 0; k < hook_around_count; k++) {
		struct pb_thunk t;
		char text[128] = "";
		if (!hook_thunk(&t, hook_around[k], ADDRESS(snprintf), 0))
			continue;
		int (*print)(char *, size_t, const char *, ...) =
			CALLABLE(int (*)(char *, size_t, const char *, ...), pb_thunk_entry(&t, 0));
		int n = print(text, sizeof text, "%d %g %s %g %ld %g %g %g %g %g %g %g %d %d", 1,
			      0.5, "two", 1.5, 3L, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 4, 5);
		CHECK_FOR(strcmp(text, "1 0.5 two 1.5 3 2.5 3.5 4.5 5.5 6.5 7.5 8.5 4 5") == 0,
			  hook_kind_name(hook_around[k]));
		CHECK(n == (int)strlen(text));
		pb_thunk_free(&t);
	}
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}

/* --- stubs ------------------------------------------------------------------------------------ */

static void copy_recorded(struct pb_thunk *to, const struct pb_thunk *from)
{
	to->data->int0 = from->data->int0;
	to->data->int1 = from->data->int1;
	memcpy(to->data->float_regs, from->data->float_regs, sizeof to->data->float_regs);
}

void check_replay_gives_what_was_recorded(void)
{
	struct pb_thunk record, replay;
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	for (size_t s = 0; s < COUNT(shapes); s++) {
		if (!shapes[s].in_registers)
			continue; /* the result is not in registers at all */
		if (!hook_thunk(&record, PB_THUNK_RECORD, shape_target(s), 0) ||
		    !hook_thunk(&replay, PB_THUNK_REPLAY_ALL, NULL, 0))
			return;
		CHECK_FOR(shapes[s].same(pb_thunk_entry(&record, 0)), shapes[s].name);
		copy_recorded(&replay, &record);
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++)
			CHECK_FOR(shapes[s].same(pb_thunk_entry(&replay, v)), shapes[s].name);
		pb_thunk_free(&replay);
		pb_thunk_free(&record);
	}
	pb_ring_detach(&ring);
}

/* Calls a stub, which calls nothing; hook_got has what it returns. */
static __attribute__((noinline)) void call_stub(void *entry, enum pb_thunk_kind kind)
{
	memset(&hook_got, 0, sizeof hook_got);
	memset(&hook_seen, 0, sizeof hook_seen);
	hook_call_all(entry);
	check_callee_saved(hook_kind_name(kind));
}

void check_replay_by_register(void)
{
	static const enum pb_thunk_kind kinds[] = {PB_THUNK_REPLAY_VOID, PB_THUNK_REPLAY_INT,
						   PB_THUNK_REPLAY_FLOAT, PB_THUNK_REPLAY_ALL};
	struct pb_thunk record, t;
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	if (!hook_thunk(&record, PB_THUNK_RECORD, ADDRESS(hook_target_all), 0))
		return;
	check_whole_call(pb_thunk_entry(&record, 0), "record");
	CHECK(record.data->int0 == hook_returned.ints[0]);
	CHECK(record.data->int1 == hook_returned.ints[1]);
	CHECK(memcmp(record.data->float_regs, hook_returned.vec, RETURN_VECS * 16) == 0);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		if (!hook_thunk(&t, kinds[k], NULL, 0))
			return;
		copy_recorded(&t, &record);
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++) {
			call_stub(pb_thunk_entry(&t, v), kinds[k]);
			t.data->where = hook_sent.ints[SP] - CALL_BYTES;
			t.data->thread = pb_thunk_thread();
			call_stub(pb_thunk_entry_at(&t, v), kinds[k]);
			CHECK(t.data->misses == 0);
			if (kinds[k] == PB_THUNK_REPLAY_ALL)
				check_results("replay all");
			if (kinds[k] == PB_THUNK_REPLAY_INT)
				CHECK(hook_got.ints[0] == hook_returned.ints[0]);
			if (kinds[k] == PB_THUNK_REPLAY_FLOAT)
				CHECK(hook_got.vec[0][0] == hook_returned.vec[0][0]);
		}
		pb_thunk_free(&t);
	}
	pb_thunk_free(&record);
	pb_ring_detach(&ring);
}

void check_ffi_stubs_write_their_bytes(void)
{
	for (size_t bytes = 8; bytes <= 16; bytes += 8) {
		struct pb_thunk t;
		if (!hook_thunk(&t, bytes == 8 ? PB_THUNK_FFI_8 : PB_THUNK_FFI_16, NULL, 0))
			return;
		t.data->int0 = UINT64_C(0x0102030405060708);
		t.data->int1 = UINT64_C(0x1112131415161718);
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++) {
			uint64_t room[4], guard;
			memset(room, 0xaa, sizeof room);
			memset(&guard, 0xaa, sizeof guard);
			CALLABLE(void (*)(void *, void *, void *, void *), pb_thunk_entry(&t, v))
			(NULL, NULL, &room[1], NULL);
			CHECK(room[0] == guard && room[1] == t.data->int0 && room[3] == guard);
			CHECK(room[2] == (bytes == 8 ? guard : t.data->int1));
			hook_sent.ints[2] = (uintptr_t)&room[1];
			call_stub(pb_thunk_entry(&t, v), t.kind);
		}
		pb_thunk_free(&t);
	}
}

static void *count_and_return(void *ctx)
{
	++*(unsigned *)ctx;
	return ctx;
}

void check_ready_and_with_data(void)
{
	struct pb_thunk t;
	unsigned calls = 0;

	if (!hook_thunk(&t, PB_THUNK_READY, NULL, 0))
		return;
	t.data->ctx = &calls;
	t.data->fn = count_and_return;
	for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++)
		CHECK(CALLABLE(void *(*)(long, long), pb_thunk_entry(&t, v))(5, 6) == &calls);
	CHECK(calls == PB_THUNK_VARIANTS);
	/* The function is called as by the caller itself: the same stack, the context first. */
	t.data->fn = CALLABLE(void *(*)(void *), hook_target_all);
	call_stub(pb_thunk_entry(&t, 0), t.kind);
	CHECK(hook_seen.ints[0] == (uintptr_t)&calls);
	CHECK(hook_seen.ints[SP] + CALL_BYTES == hook_sent.ints[SP]);
	check_results("ready");
	pb_thunk_free(&t);

	if (!hook_thunk(&t, PB_THUNK_WITH_DATA, NULL, 0))
		return;
	t.data->fn = CALLABLE(void *(*)(void *), hook_target_all);
	fill(&hook_sent, 4711);
	call_stub(pb_thunk_entry(&t, 0), t.kind);
	CHECK(memcmp(hook_seen.ints, hook_sent.ints, 4 * 8) == 0);
	CHECK(hook_seen.ints[4] == (uintptr_t)t.data);
	CHECK(hook_seen.ints[SP] + CALL_BYTES == hook_sent.ints[SP]);
	CHECK(memcmp(hook_seen.stack, hook_sent.stack, sizeof hook_sent.stack) == 0);
	check_results("with data");
	pb_thunk_free(&t);
}

void check_copies_differ_in_place(void)
{
	for (unsigned k = PB_THUNK_READY; k < PB_THUNK_KINDS; k++) {
		struct pb_thunk t;
		bool stub = k != PB_THUNK_WITH_DATA && k < PB_THUNK_COUNT_CALLS;
		if (!stub || !hook_thunk(&t, (enum pb_thunk_kind)k, NULL, 0))
			continue;
		for (unsigned a = 0; a < PB_THUNK_VARIANTS; a++)
			for (unsigned b = 0; b < a; b++)
				CHECK_FOR((uintptr_t)pb_thunk_entry(&t, a) % 64 !=
						  (uintptr_t)pb_thunk_entry(&t, b) % 64,
					  hook_kind_name(t.kind));
		CHECK(pb_thunk_entry(&t, PB_THUNK_VARIANTS) == pb_thunk_entry(&t, 0));
		pb_thunk_free(&t);
	}
}

static uint64_t delay_ticks(const struct pb_thunk *t, uint64_t steps)
{
	uint64_t least = UINT64_MAX;
	t->data->spin = steps;
	for (int i = 0; i < 15; i++) {
		uint64_t begin = pb_arch_ticks_ordered();
		CALLABLE(void (*)(void), pb_thunk_entry(t, 0))();
		uint64_t ticks = pb_arch_ticks_ordered() - begin;
		least = ticks < least ? ticks : least;
	}
	return least;
}

void check_delay_grows_with_its_steps(void)
{
	struct pb_thunk t;
	if (!hook_thunk(&t, PB_THUNK_DELAY, ADDRESS(pb_empty_function), 0))
		return;
	uint64_t none = delay_ticks(&t, 0), some = delay_ticks(&t, 50000),
		 more = delay_ticks(&t, 400000);
	CHECK(none < some / 4);
	/* Eight times as many steps, with room for a core that changes its speed. */
	CHECK(more > 3 * some && more < 24 * some);
	pb_thunk_free(&t);
}

/* --- performance counters --------------------------------------------------------------------- */

void check_pmc_of_every_number(void)
{
	struct pb_thunk t;
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 256, &err) == 0);
	hook_fake_pmc_begin();
	if (!hook_thunk(&t, PB_THUNK_STAMP_PMC, ADDRESS(hook_target_all), 0))
		return;
	for (unsigned i = 0; i < 32; i++) {
		t.data->pmc = i;
		check_whole_call(pb_thunk_entry(&t, 0), "stamp pmc");
	}
	hook_fake_pmc_end();
	unsigned reads = hook_fake_pmc_reads();
	CHECK(ring.pos == 64 * sizeof(struct pb_event));
	for (unsigned i = 0; reads && i < 64; i++)
		CHECK(ring.events[i].ticks == FAKE_PMC_VALUE(i / 2, i + 1));
	pb_thunk_free(&t);
	pb_ring_detach(&ring);
	if (!reads)
		SKIP("this kernel grants user reads of counters to all, so none could be made up");
}

/* --- the target again and again --------------------------------------------------------------- */

typedef double many_type(long, int, short, void *, char, unsigned, long, double, float, double,
			 double, double, double, double, double, double);
static many_type *volatile many_again; /* what the target calls once more, as recursion would */
static unsigned many_calls;

static double many(long a, int b, short c, void *d, char e, unsigned f, long on_stack, double g,
		   float h, double i, double j, double k, double l, double m, double n, double o)
{
	many_type *again = many_again;
	many_calls++;
	if (again) {
		many_again = NULL;
		again(a, b, c, d, e, f, on_stack, g, h, i, j, k, l, m, n, o);
		many_again = again;
	}
	return (double)a + b + c + (double)(uintptr_t)d + e + f + (double)on_stack + g + (double)h +
	       i + j + k + l + m + n + o;
}

void check_repeat_calls_with_the_same_arguments(void)
{
	static const enum pb_thunk_kind kinds[] = {PB_THUNK_REPEAT_WAITING, PB_THUNK_REPEAT_FREE};
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 2, &err) == 0);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		struct pb_thunk t;
		if (!hook_thunk(&t, kinds[k], ADDRESS(many), 0))
			continue;
		many_type *call = CALLABLE(many_type *, pb_thunk_entry(&t, 0));
		for (unsigned turns = 0; turns < 6; turns++) {
			for (int nested = 0; nested < 2; nested++) {
				t.data->spin = turns;
				many_calls = 0;
				many_again = nested ? call : NULL;
				double got = call(1, 2, 3, ADDRESS(4), 5, 6, 7, 8, 9, 10, 11, 12,
						  13, 14, 15, 16);
				CHECK_FOR(got == 136, hook_kind_name(kinds[k]));
				/* A call from within goes straight through. */
				CHECK(many_calls == (turns ? turns : 1) * (nested ? 2 : 1));
				CHECK(t.data->count == 0 && ring.depth == 0);
			}
		}
		many_again = NULL;
		pb_thunk_free(&t);
	}
	pb_ring_detach(&ring);
}
