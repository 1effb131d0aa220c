/* SPDX-License-Identifier: MIT
 * What a watch's hooks cost by themselves, measured around functions that do nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "hook/watch_state.h"
#include "hook/watch_thread.h"
#include "sys/arch.h"
#include "sys/reference.h"

#define ROUNDS 41
#define CALLS  64
/* Longer calls are asked whether they were preempted, which costs under a hundredth of them. */
#define LONG_NS 50e3

typedef void *function_type(void *a, void *b, void *c, void *d, void *e);

/* Which boundaries the calibrating call goes through, and how to reach them. @work  blocks of the
 * reference chain: a core runs a part of a hook beside the work that it stands around. */
struct body {
	function_type *detach, *attach, *invoke;
	uint64_t work;
};
#define WORK 3

static function_type *function_at(void *pointer)
{
	function_type *f;
	memcpy(&f, &pointer, sizeof f);
	return f;
}

static __attribute__((noinline)) void *nothing(void *a, void *b, void *c, void *d, void *e)
{
	(void)b, (void)c, (void)d, (void)e;
	__asm__ volatile("" : "+r"(a));
	return a;
}

static __attribute__((noinline)) void *as_ffi_call(void *cif, void *fn, void *c, void *d, void *e)
{
	return function_at(fn)(cif, c, d, e, NULL);
}

/* A call through a binding that does nothing but to pass its boundaries. */
static __attribute__((noinline)) void *entry(void *a, void *b, void *c, void *d, void *e)
{
	const struct body *body = a;
	function_type *target = nothing;
	void *fn;
	(void)b;
	memcpy(&fn, &target, sizeof fn);
	if (body->work)
		pb_ref_chain(body->work);
	if (body->detach)
		body->detach(a, NULL, c, d, e);
	if (body->invoke)
		body->invoke(a, fn, c, d, e);
	if (body->attach)
		body->attach(a, NULL, c, d, e);
	return a;
}

void *const pb_watch_calibrated[4] = {(void *)(uintptr_t)entry, (void *)(uintptr_t)nothing,
				      (void *)(uintptr_t)nothing, (void *)(uintptr_t)as_ffi_call};

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double quantile(double *values, double q)
{
	qsort(values, ROUNDS, sizeof *values, ascending);
	return values[(size_t)(q * (ROUNDS - 1) + 0.5)];
}

/* @between  blocks of work between two calls */
static double loop(function_type *f, struct body *body, uint64_t between)
{
	uint64_t begin = pb_arch_ticks_ordered();
	for (int i = 0; i < CALLS; i++) {
		if (between)
			pb_ref_chain(between);
		f(body, NULL, NULL, NULL, NULL);
	}
	return (double)(pb_arch_ticks_ordered() - begin) / CALLS;
}

/* An entry without boundaries: what every hooked call costs. */
static void of_entry(function_type *hooked, struct pb_watch_record *r, struct pb_watch_cost *cost)
{
	double inner[ROUNDS], whole[ROUNDS];
	struct body body = {NULL, NULL, NULL, WORK};
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t calls, before, after;
		pb_watch_returned(r, &calls, &before);
		double with = loop(hooked, &body, WORK);
		pb_watch_returned(r, &calls, &after);
		inner[i] = (double)(after - before) / CALLS - loop(entry, &body, 0);
		whole[i] = with - loop(entry, &body, WORK);
	}
	cost->inner = quantile(inner, 0.5);
	cost->outer = quantile(whole, 0.5) - cost->inner;
	cost->spread = quantile(inner, 0.75) - quantile(inner, 0.25);
}

static void of_pattern(function_type *hooked, struct body body, struct pb_watch_record *r,
		       double *parts)
{
	double found[PB_WATCH_PARTS][ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++) {
		struct pb_watch_record before = *r;
		loop(hooked, &body, 0);
		for (unsigned p = 0; p < PB_WATCH_PARTS; p++)
			found[p][i] = (double)(r->parts[p] - before.parts[p]) / CALLS;
	}
	for (unsigned p = 0; p < PB_WATCH_PARTS; p++)
		parts[p] = quantile(found[p], 0.5);
}

int pb_watch_calibrate(struct pb_watch_hook *const hooks[4], bool phases,
		       struct pb_watch_cost *cost, struct probe_error *err)
{
	struct pb_watch_thread *t = pb_watch_attach(pb_watch_state.epoch);
	struct pb_watch_record *r = t ? pb_watch_indexed(t, 0) : NULL;
	if (!r)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for a thread's counts");
	function_type *hooked = function_at(hooks[0]->stub);
	struct timespec began, now;
	__atomic_store_n(&pb_watch_state.long_ticks, UINT64_MAX, __ATOMIC_RELAXED);
	uint64_t ticks = pb_arch_ticks_ordered();
	clock_gettime(CLOCK_MONOTONIC, &began);
	const struct body whole = {function_at(hooks[1]->stub), function_at(hooks[2]->stub),
				   function_at(hooks[3]->stub), 0};
	of_entry(hooked, r, cost);
	ticks = pb_arch_ticks_ordered() - ticks;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double ns =
		(double)(now.tv_sec - began.tv_sec) * 1e9 + (double)(now.tv_nsec - began.tv_nsec);
	double per_ns = ns > 0 ? (double)ticks / ns : 1;
	__atomic_store(&pb_watch_state.ticks_per_ns, &per_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&pb_watch_state.long_ticks, (uint64_t)(LONG_NS * per_ns),
			 __ATOMIC_RELAXED);
	memset(cost->parts, 0, sizeof cost->parts);
	cost->parts[0][PB_WATCH_PART_OUT] = cost->inner;
	for (unsigned pattern = 1; phases && pattern < PB_WATCH_PATTERNS; pattern++) {
		struct body body = {NULL, NULL, NULL, 0};
		if (pattern & PB_WATCH_DETACHED) {
			body.detach = whole.detach;
			body.attach = whole.attach;
		}
		if (pattern & PB_WATCH_INVOKED)
			body.invoke = whole.invoke;
		struct pb_watch_bins *bins = r->bins;
		*r = (struct pb_watch_record){.bins = bins};
		of_pattern(hooked, body, r, cost->parts[pattern]);
	}
	return 0;
}
