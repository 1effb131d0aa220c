/* SPDX-License-Identifier: MIT
 * What the rest of libprobe may know of a counter beyond the public calls.
 */
#ifndef PB_SYS_COUNTER_H
#define PB_SYS_COUNTER_H

#include "probe/counter.h"
#include "sys/pmu.h"

/* Opens over the given system calls; the public call passes &pb_pmu_linux. *ops is copied. */
int pb_counter_open_with(struct probe_counter **out, const char *want, const struct pb_pmu_ops *ops,
			 struct probe_error *err);
int pb_counter_list_with(const struct pb_pmu_ops *ops, struct probe_counter_option *out,
			 int capacity);

/* What one pair of readings costs by itself, in ticks: to be taken off short spans. */
double pb_counter_overhead_ticks(const struct probe_counter *c);

/* How many readings had to go through read(2) though user-space reads were opened. */
uint64_t pb_counter_fallbacks(const struct probe_counter *c);

/* What an assembly thunk must do to read the counter without a call and without a branch. */
enum pb_thunk_source {
	PB_THUNK_TSC,   /* rdtsc or cntvct_el0 */
	PB_THUNK_RDPMC, /* rdpmc or the PMU register of that number */
};

struct pb_thunk_counter {
	enum pb_thunk_source source;
	uint32_t rdpmc_index;          /* RDPMC: the number for the instruction */
	unsigned width_bits;           /* differences hold modulo 2^width */
	const volatile uint32_t *lock; /* RDPMC: differences hold only while *lock stays ... */
	uint32_t lock_value;           /* ... at this value; NULL lock for TSC */
};

/* Fills *out and returns its source. RDPMC only for a cycles-rdpmc counter that is readable right
 * now; everything else gets the TSC, whose unit differs from a cycles-read counter's: open "tsc"
 * where the two must agree. */
enum pb_thunk_source pb_counter_thunk_kind(const struct probe_counter *c,
					   struct pb_thunk_counter *out);

/* sys/counter_facts.c: measures hz, granularity and overhead of an open counter. */
struct pb_counter_measured {
	double hz;                /* 0 = couldn't be measured */
	double granularity_ticks; /* 0 = couldn't be measured */
	double overhead_ticks;
};
void pb_counter_measure(struct probe_counter *c, bool busy, struct pb_counter_measured *out);

/* Smallest step in a series of readings: the smallest difference between two distances between
 * neighbours, or such a distance itself. 0 when the series never moves. Sorts steps in place. */
double pb_granularity_ticks(uint64_t *steps, size_t n);

#endif
