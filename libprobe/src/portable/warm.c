/* SPDX-License-Identifier: MIT
 * Running the loops until compilers are done with them.
 */
#include <math.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/rounds.h"
#include "portable/portable.h"

#define CALLS         2000 /* of a loop at most, as in the rounds */
#define SPAN_US       250.0
#define WINDOW_S      0.25
#define WINDOW_PASSES 4
/* PyPy compiles what a guard leads to when it has failed 200 times, and some follow others. */
#define FEWEST_PASSES  500
#define STEADY_WINDOWS 2    /* one after another in which nothing got faster ... */
#define STEADY_GAIN    0.05 /* ... by more than this */
#define IDLE_SHARE     0.2  /* of this thread's time, for all others: compilers are not done */

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

static double used_s(int who)
{
	struct rusage ru = {0};
	getrusage(who, &ru);
	return seconds(&ru.ru_utime) + seconds(&ru.ru_stime);
}

/* What a window knows of the process. */
struct window {
	double best[PROBE_RUNG_COUNT]; /* ticks per call */
	double begin_s, own_s, others_s;
	unsigned passes;
};

static void begin_window(struct window *w)
{
	double own_s = used_s(RUSAGE_THREAD);
	*w = (struct window){
		.begin_s = now_s(), .own_s = own_s, .others_s = used_s(RUSAGE_SELF) - own_s};
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		w->best[r] = INFINITY;
}

/* Doubles the calls while a span is short: before anything is compiled, a loop of CALLS may take
 * seconds. */
static int one_pass(struct pb_portable *p, unsigned rungs, double span_ticks,
		    uint64_t calls[PROBE_RUNG_COUNT], struct window *w)
{
	for (int r = 0; r < PROBE_RUNG_COUNT; r++) {
		uint64_t ticks;
		if (!(rungs & 1u << r))
			continue;
		if (pb_portable_arm(p, r, 0) || pb_portable_time(p, r, calls[r], &ticks))
			return -1;
		if (ticks == PB_TICKS_LOST)
			continue;
		w->best[r] = fmin(w->best[r], (double)ticks / (double)calls[r]);
		if ((double)ticks < span_ticks && calls[r] < CALLS)
			calls[r] = 2 * calls[r] < CALLS ? 2 * calls[r] : CALLS;
	}
	w->passes++;
	return 0;
}

static bool nothing_gained(const struct window *before, const struct window *now, unsigned rungs)
{
	double own_s = used_s(RUSAGE_THREAD), others_s = used_s(RUSAGE_SELF) - own_s;
	if (others_s - now->others_s > IDLE_SHARE * (own_s - now->own_s))
		return false;
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		if ((rungs & 1u << r) && !(now->best[r] >= before->best[r] * (1 - STEADY_GAIN)))
			return false;
	return true;
}

/* Where a general criterion of steadiness belongs, once there is one. */
int pb_portable_warm_up(struct pb_portable *p, unsigned rungs, double most_s, pb_portable_run *run)
{
	double start_s = now_s(), hz = probe_counter_facts(p->counter)->hz;
	double span_ticks = SPAN_US * 1e-6 * (hz > 0 ? hz : 1e9);
	uint64_t calls[PROBE_RUNG_COUNT];
	struct window before, now;
	unsigned steady = 0, passes = 0;
	p->run = run;
	p->steady = false;
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		calls[r] = 1;
	begin_window(&before);
	begin_window(&now);
	while (steady < STEADY_WINDOWS && now_s() - start_s < most_s) {
		if (one_pass(p, rungs, span_ticks, calls, &now))
			return -1;
		passes++;
		if (now.passes < WINDOW_PASSES || now_s() - now.begin_s < WINDOW_S)
			continue;
		/* The first window has none before it: infinity is no lower bound. */
		bool done = passes >= FEWEST_PASSES && nothing_gained(&before, &now, rungs);
		steady = done ? steady + 1 : 0;
		before = now;
		begin_window(&now);
	}
	p->steady = steady >= STEADY_WINDOWS;
	p->warm_up_s = now_s() - start_s;
	return pb_portable_arm(p, PROBE_RUNG_REAL, 0);
}
