/* SPDX-License-Identifier: MIT
 * A watch counts every call through the pointers that it replaced, whatever leaves them and how.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hook/watch.h"
#include "sys/arch.h"

typedef void *function_type(void *a, void *b, void *c, void *d, void *e);

static void *as_pointer(function_type *f)
{
	void *p;
	memcpy(&p, &f, sizeof p);
	return p;
}

static void *call(void **slot, void *a, void *b)
{
	function_type *f;
	void *p = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	memcpy(&f, &p, sizeof f);
	return f(a, b, (void *)3, (void *)4, (void *)5);
}

/* Gives back a, and checks that the five arguments came through. */
static void *plain(void *a, void *b, void *c, void *d, void *e)
{
	(void)b;
	assert_ptr_equal(c, (void *)3);
	assert_ptr_equal(d, (void *)4);
	assert_ptr_equal(e, (void *)5);
	return a;
}

static jmp_buf landing;

static void *leaps(void *a, void *b, void *c, void *d, void *e)
{
	(void)b, (void)c, (void)d, (void)e;
	if (a)
		longjmp(landing, 1);
	return a;
}

static void *slots[4];

/* Calls the next slot as often as a says. */
static void *nests(void *a, void *b, void *c, void *d, void *e)
{
	(void)b, (void)c, (void)d, (void)e;
	for (uintptr_t i = 0; i < (uintptr_t)a; i++)
		call(&slots[1], a, NULL);
	return a;
}

static struct pb_watch_hook *hooked(struct pb_watch *w, void **slot, enum pb_watch_kind kind)
{
	struct pb_watch_hook *hook;
	struct probe_error err = {0};
	assert_int_equal(pb_watch_add(w, slot, NULL, kind, &hook, &err), 0);
	return hook;
}

static struct pb_watch *new_watch(bool phases)
{
	struct pb_watch *w;
	struct probe_error err = {0};
	assert_int_equal(pb_watch_new(&w, phases, NULL, &err), 0);
	return w;
}

/* The row of an index, or with NONE of a key; zeros where there is none. */
static struct pb_watch_row row_of(struct pb_watch *w, uint32_t index, uint64_t key)
{
	struct pb_watch_row *rows, found = {0};
	struct probe_error err = {0};
	long n = pb_watch_take(w, &rows, &err);
	assert_true(n >= 0);
	for (long i = 0; i < n; i++)
		if (rows[i].index == index && (index != PB_WATCH_NONE || rows[i].key == key))
			found = rows[i];
	free(rows);
	return found;
}

static void start(struct pb_watch *w)
{
	struct probe_error err = {0};
	assert_int_equal(pb_watch_start(w, &err), 0);
}

static void fixed_calls_are_counted_and_undone(void **state)
{
	(void)state;
	slots[0] = as_pointer(plain);
	for (int phases = 0; phases < 2; phases++) {
		struct pb_watch *w = new_watch(phases);
		hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
		assert_ptr_equal(slots[0], as_pointer(plain));
		start(w);
		assert_true(slots[0] != as_pointer(plain));
		for (int i = 0; i < 1000; i++)
			assert_ptr_equal(call(&slots[0], (void *)7, NULL), (void *)7);
		for (int i = 0; i < 10; i++)
			assert_null(call(&slots[0], NULL, NULL));
		assert_int_equal(pb_watch_stop(w), 0);
		assert_ptr_equal(slots[0], as_pointer(plain));
		call(&slots[0], (void *)7, NULL);
		struct pb_watch_row row = row_of(w, 1, 0);
		assert_int_equal(row.calls, 1010);
		assert_int_equal(row.returned, 1010);
		assert_int_equal(row.raised, 10);
		assert_int_equal(row.split + (phases ? row.preempted : 0), phases ? 1010 : 0);
		assert_true(row.ticks > 0);
		pb_watch_free(w);
	}
}

static void one_watch_at_a_time(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(false), *second;
	struct probe_error err = {0};
	assert_int_equal(pb_watch_new(&second, false, NULL, &err), -PROBE_EUNHOOKABLE);
	assert_non_null(strstr(err.msg, "another watch"));
	pb_watch_free(w);
	assert_int_equal(pb_watch_new(&second, false, NULL, &err), 0);
	pb_watch_free(second);
}

static void selves_are_told_apart(void **state)
{
	(void)state;
	static char objects[600];
	struct probe_error err = {0};
	struct pb_watch *w = new_watch(false);
	slots[0] = as_pointer(plain);
	struct pb_watch_hook *hook = hooked(w, &slots[0], PB_WATCH_BY_SELF);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(pb_watch_add_self(w, hook, &objects[i], i + 1, &err), 0);
	start(w);
	for (int i = 0; i < 600; i++)
		call(&slots[0], &objects[i], NULL);
	call(&slots[0], &objects[3], NULL);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(row_of(w, i + 1, 0).calls, i == 3 ? 2 : 1);
	pb_watch_free(w);
	assert_ptr_equal(slots[0], as_pointer(plain));
}

static void pointers_are_told_apart(void **state)
{
	(void)state;
	struct {
		void *head;
		uint64_t *code;
	} object = {NULL, NULL};
	struct pb_watch *w = new_watch(false);
	slots[0] = as_pointer(plain);
	struct pb_watch_hook *hook = hooked(w, &slots[0], PB_WATCH_BY_POINTER);
	hook->key_at = offsetof(__typeof__(object), code);
	hook->key_indirect = true;
	start(w);
	for (uint64_t i = 1; i <= 300; i++) {
		uint64_t code = 4096 * i;
		object.code = &code;
		for (uint64_t k = 0; k < i; k++)
			call(&slots[0], &object, NULL);
	}
	for (uint64_t i = 1; i <= 300; i++)
		assert_int_equal(row_of(w, PB_WATCH_NONE, 4096 * i).calls, i);
	pb_watch_free(w);
}

static void nested_calls_are_told(void **state)
{
	(void)state;
	for (int phases = 0; phases < 2; phases++) {
		struct pb_watch *w = new_watch(phases);
		slots[0] = as_pointer(nests);
		slots[1] = as_pointer(plain);
		hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
		hooked(w, &slots[1], PB_WATCH_FIXED)->index = 2;
		start(w);
		call(&slots[0], (void *)5, NULL);
		assert_int_equal(row_of(w, 1, 0).nested, 5);
		assert_int_equal(row_of(w, 2, 0).calls, 5);
		pb_watch_free(w);
	}
}

static __attribute__((noinline)) void leap_once(void)
{
	if (setjmp(landing) == 0)
		call(&slots[0], (void *)1, NULL);
}

static void a_longjmp_leaves_nothing_behind(void **state)
{
	(void)state;
	for (int phases = 0; phases < 2; phases++) {
		struct pb_watch *w = new_watch(phases);
		slots[0] = as_pointer(leaps);
		slots[1] = as_pointer(plain);
		slots[2] = as_pointer(nests);
		hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
		hooked(w, &slots[1], PB_WATCH_FIXED)->index = 2;
		hooked(w, &slots[2], PB_WATCH_FIXED)->index = 3;
		start(w);
		/* More often than there are frames to be left behind. */
		for (int i = 0; i < 1000; i++) {
			leap_once();
			call(&slots[2], (void *)2, NULL);
		}
		struct pb_watch_row left = row_of(w, 1, 0), kept = row_of(w, 2, 0);
		assert_int_equal(left.calls, 1000);
		assert_int_equal(left.returned, 0);
		assert_int_equal(kept.calls, 2000);
		assert_int_equal(kept.returned, 2000);
		assert_int_equal(kept.split + (phases ? kept.preempted : 0), phases ? 2000 : 0);
		pb_watch_free(w);
	}
}

/* Stands for a binding: gives up the thread state, calls through libffi, takes it back. */
static void *binding(void *a, void *b, void *c, void *d, void *e)
{
	(void)d, (void)e;
	call(&slots[1], a, b);
	function_type *invoke;
	memcpy(&invoke, &slots[2], sizeof invoke);
	invoke(a, as_pointer(plain), c, (void *)4, (void *)5);
	call(&slots[3], a, b);
	return a;
}

static void *ffi_call(void *cif, void *fn, void *rvalue, void *d, void *e)
{
	function_type *f;
	(void)rvalue;
	memcpy(&f, &fn, sizeof f);
	return f(cif, rvalue, (void *)3, d, e);
}

static void boundaries_split_a_call(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(true);
	slots[0] = as_pointer(binding);
	slots[1] = slots[3] = as_pointer(plain);
	slots[2] = as_pointer(ffi_call);
	hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
	hooked(w, &slots[1], PB_WATCH_DETACH);
	hooked(w, &slots[2], PB_WATCH_INVOKE);
	hooked(w, &slots[3], PB_WATCH_ATTACH);
	start(w);
	for (int i = 0; i < 100; i++)
		call(&slots[0], (void *)7, NULL);
	call(&slots[1], (void *)7, NULL); /* outside of any call */
	struct pb_watch_row row = row_of(w, 1, 0);
	assert_int_equal(row.calls, 100);
	assert_int_equal(row.split + row.preempted, 100); /* those that were are not split */
	assert_int_equal(row.pattern, PB_WATCH_DETACHED | PB_WATCH_INVOKED);
	for (unsigned p = 0; p < PB_WATCH_PARTS; p++)
		assert_int_equal(row.parts_nested[p], 0);
	uint64_t sum = 0;
	for (unsigned p = 0; p < PB_WATCH_PARTS; p++) {
		assert_true(row.parts[p] <= row.ticks);
		sum += row.parts[p];
	}
	if (!row.preempted)
		assert_int_equal(sum, row.ticks);
	pb_watch_free(w);
}

static void *caller(void *rounds)
{
	for (uintptr_t i = 0; i < (uintptr_t)rounds; i++)
		call(&slots[0], (void *)7, NULL);
	return NULL;
}

static void threads_are_added_up(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(false);
	pthread_t threads[8];
	slots[0] = as_pointer(plain);
	hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
	start(w);
	for (int round = 0; round < 3; round++) { /* later ones take over what earlier ones left */
		for (size_t i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, caller, (void *)10000),
					 0);
		for (size_t i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
	}
	assert_int_equal(row_of(w, 1, 0).calls, 240000);
	assert_int_equal(row_of(w, 1, 0).returned, 240000);
	pb_watch_free(w);
}

static bool stop_calling;

static void *call_on(void *count)
{
	while (!__atomic_load_n(&stop_calling, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 100; i++)
			assert_ptr_equal(call(&slots[0], (void *)7, NULL), (void *)7);
		__atomic_fetch_add((uint64_t *)count, 100, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Without a lock around: as on a build of Python that has none. */
static void hooks_come_and_go_while_threads_call(void **state)
{
	(void)state;
	pthread_t threads[8];
	uint64_t made = 0, seen = 0;
	slots[0] = as_pointer(plain);
	stop_calling = false;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_on, &made), 0);
	for (int i = 0; i < 200; i++) {
		struct pb_watch *w = new_watch(i % 2);
		hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1 + (uint32_t)i % 700;
		start(w);
		usleep(500);
		pb_watch_stop(w);
		seen += row_of(w, 1 + (uint32_t)i % 700, 0).calls;
		pb_watch_free(w);
	}
	__atomic_store_n(&stop_calling, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_true(seen > 0);
	assert_true(seen <= made + 800);
	assert_ptr_equal(slots[0], as_pointer(plain));
}

/* As tables of methods are, in an extension with full RELRO. */
static void read_only_pages_are_read_only_again(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void **table = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(table != MAP_FAILED);
	table[0] = table[5] = as_pointer(plain);
	mprotect(table, page, PROT_READ);
	struct pb_watch *w = new_watch(false);
	hooked(w, &table[0], PB_WATCH_FIXED)->index = 1;
	hooked(w, &table[5], PB_WATCH_FIXED)->index = 2;
	start(w);
	call(&table[5], (void *)7, NULL);
	assert_int_equal(row_of(w, 2, 0).calls, 1);
	pb_watch_free(w);
	assert_ptr_equal(table[0], as_pointer(plain));
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "12345678", 8), 8);
	assert_int_equal(read(ends[0], table, 8), -1); /* EFAULT: not to be written to */
	close(ends[0]);
	close(ends[1]);
	munmap(table, page);
}

static void what_is_no_pointer_is_refused(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(false);
	struct pb_watch_hook *hook;
	struct probe_error err = {0};
	assert_int_equal(pb_watch_add(w, (void **)8, NULL, PB_WATCH_FIXED, &hook, &err),
			 -PROBE_EINVAL);
	assert_int_equal(
		pb_watch_add(w, (void **)as_pointer(plain), NULL, PB_WATCH_FIXED, &hook, &err),
		-PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "code"));
	pb_watch_free(w);
}

static void what_others_put_there_stays(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(false);
	slots[0] = as_pointer(plain);
	hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
	start(w);
	slots[0] = as_pointer(nests);
	assert_int_equal(pb_watch_stop(w), 1);
	assert_ptr_equal(slots[0], as_pointer(nests));
	pb_watch_free(w);
}

/* An emulated counter may stand still from one read to the next. */
static bool counter_moves_at_each_read(void)
{
	uint64_t last = pb_arch_ticks_ordered(), now;
	for (int i = 0; i < 1000; i++, last = now) {
		now = pb_arch_ticks_ordered();
		if (now == last)
			return false;
	}
	return true;
}

static void costs_are_known(void **state)
{
	(void)state;
	struct pb_watch *w = new_watch(true);
	start(w);
	const struct pb_watch_cost *cost = pb_watch_costs(w);
	assert_true(cost->inner + cost->outer > 0);
	if (counter_moves_at_each_read()) { /* else the median of a short part may be zero */
		assert_true(cost->parts[3][PB_WATCH_PART_COMPUTE] > 0);
		assert_true(cost->parts[1][PB_WATCH_PART_DETACH] > 0);
	}
	pb_watch_free(w);
}

static void a_few_long_calls_dont_move_the_midmean(void **state)
{
	(void)state;
	static struct pb_watch_bins bins;
	assert_true(pb_watch_midmean(&bins) == 0);
	size_t last = 0;
	for (uint64_t ticks = 1; ticks < UINT64_MAX / 2; ticks += 1 + ticks / 9) {
		size_t bin = pb_watch_bin(ticks);
		assert_true(bin >= last && bin < PB_WATCH_BINS);
		last = bin;
	}
	assert_true(pb_watch_bin(UINT64_MAX) < PB_WATCH_BINS);
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t ticks = i % 10 ? 300 + 26 * (i % 3) : 10000000;
		bins.of[pb_watch_bin(ticks)].calls++;
		bins.of[pb_watch_bin(ticks)].ticks += ticks;
	}
	assert_true(pb_watch_midmean(&bins) >= 300 && pb_watch_midmean(&bins) <= 352);
}

static void each_tick_is_somebodys_own(void **state)
{
	(void)state;
	for (int phases = 0; phases < 2; phases++) {
		struct pb_watch *w = new_watch(phases);
		slots[0] = as_pointer(nests);
		slots[1] = as_pointer(plain);
		hooked(w, &slots[0], PB_WATCH_FIXED)->index = 1;
		hooked(w, &slots[1], PB_WATCH_FIXED)->index = 2;
		start(w);
		for (int i = 0; i < 10; i++)
			call(&slots[0], (void *)5, NULL);
		struct pb_watch_row outer = row_of(w, 1, 0), inner = row_of(w, 2, 0);
		assert_int_equal(outer.within, inner.ticks);
		assert_int_equal(inner.within, 0);
		assert_int_equal(outer.direct, 50);
		assert_true(outer.ticks > outer.within);
		pb_watch_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_calls_are_counted_and_undone),
		cmocka_unit_test(one_watch_at_a_time),
		cmocka_unit_test(selves_are_told_apart),
		cmocka_unit_test(pointers_are_told_apart),
		cmocka_unit_test(nested_calls_are_told),
		cmocka_unit_test(a_longjmp_leaves_nothing_behind),
		cmocka_unit_test(boundaries_split_a_call),
		cmocka_unit_test(threads_are_added_up),
		cmocka_unit_test(hooks_come_and_go_while_threads_call),
		cmocka_unit_test(read_only_pages_are_read_only_again),
		cmocka_unit_test(what_is_no_pointer_is_refused),
		cmocka_unit_test(what_others_put_there_stays),
		cmocka_unit_test(costs_are_known),
		cmocka_unit_test(a_few_long_calls_dont_move_the_midmean),
		cmocka_unit_test(each_tick_is_somebodys_own),
	};
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
