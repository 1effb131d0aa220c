/* SPDX-License-Identifier: MIT
 * Measures what a counter is: its frequency, its smallest step, and what a reading costs.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "sys/counter.h"

#define HZ_SPAN_NS      20000000
#define HZ_BRACKETS     8
#define GRANULARITY_N   256
#define OVERHEAD_N      32
#define OVERHEAD_CHUNKS 8

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* One point on both clocks: the reading that the clock encloses most tightly of a few. */
static bool point(struct probe_counter *c, double *ns, struct probe_reading *reading)
{
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < HZ_BRACKETS; i++) {
		struct probe_reading r;
		uint64_t before_ns = now_ns();
		if (probe_counter_read(c, &r))
			return false;
		uint64_t width_ns = now_ns() - before_ns;
		if (width_ns < best_ns) {
			best_ns = width_ns;
			*ns = (double)before_ns + (double)width_ns / 2;
			*reading = r;
		}
	}
	return true;
}

/* Sleeps, or computes: cycles in user mode only count while this thread runs in user mode. */
static void let_pass(uint64_t span_ns, bool busy)
{
	uint64_t end_ns = now_ns() + span_ns;
	if (!busy) {
		struct timespec rest = {.tv_nsec = (long)span_ns};
		while (nanosleep(&rest, &rest) && errno == EINTR)
			;
	}
	while (now_ns() < end_ns)
		;
}

static double measure_hz(struct probe_counter *c, bool busy)
{
	struct probe_reading begin, end;
	double begin_ns = 0, end_ns = 0;

	if (!point(c, &begin_ns, &begin))
		return 0;
	let_pass(HZ_SPAN_NS, busy);
	if (!point(c, &end_ns, &end))
		return 0;
	struct probe_delta delta = probe_reading_delta(&begin, &end);
	if (delta.state == PROBE_ABSENT || delta.ticks <= 0)
		return 0;
	return delta.ticks * 1e9 / (end_ns - begin_ns);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

double pb_granularity_ticks(uint64_t *steps, size_t n)
{
	uint64_t smallest = UINT64_MAX, last = 0;

	qsort(steps, n, sizeof *steps, by_value);
	for (size_t i = 0; i < n; last = steps[i++])
		if (steps[i] != last && steps[i] - last < smallest)
			smallest = steps[i] - last;
	return smallest == UINT64_MAX ? 0 : (double)smallest;
}

static double measure_granularity(struct probe_counter *c)
{
	uint64_t steps[GRANULARITY_N];
	struct probe_reading last, next;
	size_t n = 0;

	if (probe_counter_read(c, &last))
		return 0;
	for (unsigned i = 0; i < GRANULARITY_N; i++, last = next) {
		/* Uneven distances, so that a fine counter shows its fineness. */
		for (volatile unsigned k = 0; k < i % 13; k++)
			;
		if (probe_counter_read(c, &next))
			return 0;
		if (next.value > last.value)
			steps[n++] = next.value - last.value;
	}
	return pb_granularity_ticks(steps, n);
}

/* The quietest of a few chunks, each long enough to average the counter's steps out. */
static double measure_overhead(struct probe_counter *c)
{
	double best = 0;

	for (int chunk = 0; chunk < OVERHEAD_CHUNKS; chunk++) {
		struct probe_reading begin, end;
		if (probe_counter_read(c, &begin))
			return 0;
		for (int i = 0; i < OVERHEAD_N; i++)
			if (probe_counter_read(c, &end))
				return 0;
		struct probe_delta delta = probe_reading_delta(&begin, &end);
		double ticks = delta.ticks / OVERHEAD_N;
		if (delta.state != PROBE_ABSENT && (best <= 0 || ticks < best))
			best = ticks;
	}
	return best;
}

void pb_counter_measure(struct probe_counter *c, bool busy, struct pb_counter_measured *out)
{
	out->hz = measure_hz(c, busy);
	out->granularity_ticks = measure_granularity(c);
	out->overhead_ticks = measure_overhead(c);
}
