/* SPDX-License-Identifier: MIT
 * Hook checks: stamps, their rings, several threads, and that timing allocates nothing.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "engine/timeline.h"
#include "hook_checks.h"
#include "sys/arch.h"
#include "sys/counter.h"

typedef long (*long_fn)(long);

static long __attribute__((noinline)) twice(long n)
{
	return 2 * n;
}

static struct pb_thunk inner_thunk;

static long call_inner_two_times(long n)
{
	long_fn inner = CALLABLE(long_fn, pb_thunk_entry(&inner_thunk, 0));
	return inner(n) + inner(n + 1);
}

void check_events_in_order(void)
{
	static const unsigned char order[] = {0, 2, 3, 2, 3, 1};
	struct pb_thunk outer;
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	if (!hook_thunk(&inner_thunk, PB_THUNK_STAMP_TICKS, ADDRESS(twice), 1) ||
	    !hook_thunk(&outer, PB_THUNK_STAMP_TICKS, ADDRESS(call_inner_two_times), 0))
		return;
	uint64_t begin = pb_arch_ticks_ordered();
	for (long n = 0; n < 5; n++)
		CHECK(CALLABLE(long_fn, pb_thunk_entry(&outer, 0))(n) == 4 * n + 2);
	uint64_t end = pb_arch_ticks_ordered();
	size_t events = ring.pos / sizeof *ring.events;
	CHECK(events == 5 * COUNT(order) && ring.depth == 0 && ring.lost == 0);
	for (size_t i = 0; i < events; i++) {
		CHECK(ring.events[i].id == order[i % COUNT(order)]);
		CHECK(i == 0 || ring.events[i].ticks >= ring.events[i - 1].ticks);
	}
	/* It is the counter that everything else reads, all of its bits. */
	CHECK(ring.events[0].ticks >= begin && ring.events[events - 1].ticks <= end);
	CHECK(ring.events[events - 1].ticks > ring.events[0].ticks);
	pb_thunk_free(&outer);
	pb_thunk_free(&inner_thunk);
	pb_ring_detach(&ring);
}

static struct pb_thunk recursive_thunk;

static long sum_to(long n)
{
	return n ? n + CALLABLE(long_fn, pb_thunk_entry(&recursive_thunk, 0))(n - 1) : 0;
}

void check_recursion_past_the_shadow_stack(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 256, &err) == 0);
	if (!hook_thunk(&recursive_thunk, PB_THUNK_STAMP_TICKS, ADDRESS(sum_to), 0))
		return;
	CHECK(CALLABLE(long_fn, pb_thunk_entry(&recursive_thunk, 0))(99) == 99 * 100 / 2);
	CHECK(ring.lost == 100 - PB_SHADOW_DEPTH && ring.depth == 0);
	CHECK(ring.pos == 2 * PB_SHADOW_DEPTH * sizeof(struct pb_event));
	/* All the calls begin before the first one ends. */
	for (size_t i = 0; i < 2 * PB_SHADOW_DEPTH; i++)
		CHECK(ring.events[i].id == (i >= PB_SHADOW_DEPTH));
	pb_thunk_free(&recursive_thunk);
	pb_ring_detach(&ring);
}

void check_ring_wraps_around(void)
{
	struct pb_event room[1 + 8 + 1], *own;
	struct pb_thunk t;
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 8, &err) == 0);
	memset(room, 0xaa, sizeof room);
	struct pb_event guard = room[0];
	own = ring.events;
	ring.events = room + 1;
	if (!hook_thunk(&t, PB_THUNK_STAMP_TICKS, ADDRESS(twice), 0))
		return;
	for (long n = 0; n < 11; n++) {
		t.data->event_in = (uint64_t)n * 2;
		t.data->event_out = (uint64_t)n * 2 + 1;
		CHECK(CALLABLE(long_fn, pb_thunk_entry(&t, 0))(n) == 2 * n);
	}
	CHECK(ring.pos == 22 * sizeof(struct pb_event));
	/* Events 14 to 21 are there, each at its number modulo 8. */
	for (size_t i = 14; i < 22; i++)
		CHECK(room[1 + i % 8].id == i);
	CHECK(memcmp(&room[0], &guard, sizeof guard) == 0);
	CHECK(memcmp(&room[9], &guard, sizeof guard) == 0);
	ring.events = own;
	pb_thunk_free(&t);
	pb_ring_detach(&ring);
}

void check_ring_sizes(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 0, &err) == -PROBE_EINVAL);
	CHECK(pb_ring_attach(&ring, 3, &err) == -PROBE_EINVAL);
	CHECK(pb_ring_attach(&ring, 1, &err) == 0);
	pb_ring_detach(&ring);
}

static struct pb_thunk shared;
static pthread_barrier_t all_there;

#define THREADS 8
#define CALLS   200000 /* long enough for threads to run at the same time */

struct worker {
	pthread_t thread;
	unsigned number;
	struct pb_ring ring;
	bool want_ring;
	bool as_expected;
};

/* Spreads threads over the CPUs: left alone, short ones run one after the other. */
static void take_a_cpu(unsigned number)
{
	cpu_set_t allowed, one;
	if (sched_getaffinity(0, sizeof allowed, &allowed) || !CPU_COUNT(&allowed))
		return;
	unsigned skip_cpus = number % (unsigned)CPU_COUNT(&allowed);
	size_t cpu = 0;
	while (!CPU_ISSET(cpu, &allowed) || skip_cpus--)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct probe_error err;
	long_fn fn = CALLABLE(long_fn, pb_thunk_entry(&shared, 0));
	bool good = !w->want_ring || pb_ring_attach(&w->ring, 16, &err) == 0;

	take_a_cpu(w->number);
	pthread_barrier_wait(&all_there);
	for (long n = 0; n < CALLS; n++)
		good &= fn(n) == 2 * n;
	if (w->want_ring) {
		good &= w->ring.pos == 2 * CALLS * sizeof(struct pb_event);
		good &= w->ring.depth == 0 && w->ring.lost == 0;
		for (size_t i = 0; good && i < 16; i++)
			good &= w->ring.events[i].id == i % 2;
		pb_ring_detach(&w->ring);
		fn(0); /* unstamped again */
		good &= w->ring.pos == 2 * CALLS * sizeof(struct pb_event);
	}
	w->as_expected = good;
	return NULL;
}

static void run_workers(unsigned threads, bool want_ring)
{
	struct worker workers[THREADS];
	memset(workers, 0, sizeof workers);
	CHECK(pthread_barrier_init(&all_there, NULL, threads) == 0);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].number = i;
		workers[i].want_ring = want_ring;
		/* A thread that is missing would leave the others waiting. */
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	}
	for (unsigned i = 0; i < threads; i++) {
		CHECK(pthread_join(workers[i].thread, NULL) == 0);
		CHECK(workers[i].as_expected);
	}
	pthread_barrier_destroy(&all_there);
}

void check_thread_without_ring(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 16, &err) == 0);
	if (!hook_thunk(&shared, PB_THUNK_STAMP_TICKS, ADDRESS(twice), 0))
		return;
	run_workers(1, false);
	CHECK(ring.pos == 0 && ring.lost == 0); /* not into another thread's ring */
	pb_thunk_free(&shared);
	pb_ring_detach(&ring);
}

void check_threads_share_a_stamp(void)
{
	if (!hook_thunk(&shared, PB_THUNK_STAMP_TICKS, ADDRESS(twice), 0))
		return;
	run_workers(THREADS, true);
	pb_thunk_free(&shared);
}

void check_threads_share_a_count(void)
{
	if (!hook_thunk(&shared, PB_THUNK_COUNT_CALLS, ADDRESS(twice), 0))
		return;
	run_workers(THREADS, false);
	CHECK(shared.data->count == (uint64_t)THREADS * CALLS);
	pb_thunk_free(&shared);
}

void check_stamps_calibrate(void)
{
	struct probe_counter *counter;
	struct pb_stamp_cost cost = {NAN, NAN, NAN, NAN};
	struct pb_ring ring;
	struct probe_error err;

	CHECK(probe_counter_open(&counter, NULL, &err) == 0);
	CHECK(pb_ring_attach(&ring, PB_TIMELINE_RING_EVENTS, &err) == 0);
	CHECK_FOR(pb_stamp_calibrate(counter, &ring, &cost, &err) == 0, err.msg);
	/* Medians of counts that never run backwards; how large, the machine says. */
	CHECK(cost.in_in >= 0 && cost.in_out >= 0 && cost.out_out >= 0 && isfinite(cost.out_in));
	CHECK(cost.in_in + cost.in_out + cost.out_out > 0);
	pb_ring_detach(&ring);
	probe_counter_close(counter);
}

/* --- allocation ------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void check_timed_part_allocates_nothing(void)
{
	SKIP("the sanitizer has the allocator");
}
#else
static unsigned long allocator_calls;

/* This program's own allocator: libc's, counted. */
#define COUNTED __attribute__((visibility("default")))
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void __libc_free(void *old);

static void count_one(void)
{
	__atomic_add_fetch(&allocator_calls, 1, __ATOMIC_RELAXED);
}

COUNTED void *malloc(size_t bytes)
{
	count_one();
	return __libc_malloc(bytes);
}

COUNTED void *calloc(size_t count, size_t bytes)
{
	count_one();
	return __libc_calloc(count, bytes);
}

COUNTED void *realloc(void *old, size_t bytes)
{
	count_one();
	return __libc_realloc(old, bytes);
}

COUNTED void free(void *old)
{
	count_one();
	__libc_free(old);
}

void check_timed_part_allocates_nothing(void)
{
	struct pb_thunk outer;
	struct pb_ring ring;
	struct probe_counter *counter;
	struct probe_reading a, b;
	struct probe_error err;

	CHECK(probe_counter_open(&counter, NULL, &err) == 0);
	unsigned long before = allocator_calls;
	CHECK(pb_ring_attach(&ring, 16, &err) == 0);
	CHECK(allocator_calls > before); /* the counting counts */
	if (!hook_thunk(&inner_thunk, PB_THUNK_STAMP_TICKS, ADDRESS(twice), 1) ||
	    !hook_thunk(&outer, PB_THUNK_STAMP_TICKS, ADDRESS(call_inner_two_times), 0))
		return;
	long_fn fn = CALLABLE(long_fn, pb_thunk_entry(&outer, 0));
	before = allocator_calls;
	probe_counter_read(counter, &a);
	for (long n = 0; n < 500; n++)
		fn(n);
	probe_counter_read(counter, &b);
	struct probe_delta d = probe_reading_delta(&a, &b);
	CHECK(allocator_calls == before);
	CHECK(d.ticks > 0);
	pb_thunk_free(&outer);
	pb_thunk_free(&inner_thunk);
	pb_ring_detach(&ring);
	probe_counter_close(counter);
}
#endif
