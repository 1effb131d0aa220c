/* SPDX-License-Identifier: MIT
 * Counters: core cycles where the machine shows them, else the invariant time stamp counter.
 *
 * Kinds, best first:
 *   cycles-rdpmc  core cycles in user mode, read in user space through the perf page
 *   cycles-read   the same event, by read(2)
 *   tsc           invariant TSC (x86-64) or cntvct_el0 (arm64): reference cycles
 */
#ifndef PROBE_COUNTER_H
#define PROBE_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/phase.h"
#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

struct probe_counter;

/* One reading. value is the raw count: take differences with probe_reading_delta(), which is where
 * a multiplexed event gets scaled. */
struct probe_reading {
	uint64_t value;
	enum probe_state state; /* exact, scaled (was multiplexed so far), absent: value is 0 */
	bool by_syscall;        /* cost a read(2): a user-space read was not to be had just then */
	uint64_t enabled_ns;    /* both 0 for tsc */
	uint64_t running_ns;
};

/* A count between two readings. */
struct probe_delta {
	double ticks; /* NaN when absent */
	enum probe_state state;
	uint64_t enabled_ns, running_ns;
};

/* Opens a counter for the calling thread and measures its facts.
 * @want  NULL for the best there is, or one of the kinds above.
 * Returns 0; -PROBE_EINVAL (no such kind), -PROBE_ENOPMU, -PROBE_ENOEVENT, -PROBE_EPERM_PARANOID,
 * -PROBE_EMULTIPLEX, -PROBE_ESYS (the wanted kind is unavailable; the message says what would
 * change that), -PROBE_ENOMEM. With NULL only -PROBE_ENOMEM: the TSC is always there. After a
 * failure nothing stays open and *out is untouched. Threads: one counter per thread; it counts the
 * thread that opened it. GIL: not needed. Cost: about 25 ms (the frequency is measured). */
PROBE_API int probe_counter_open(struct probe_counter **out, const char *want,
				 struct probe_error *err);
/* Closes; NULL is allowed. */
PROBE_API void probe_counter_close(struct probe_counter *c);

/* Reads without stopping. *out is always written; state is PROBE_ABSENT on failure.
 * Returns 0; -PROBE_EMULTIPLEX (the event never was on the PMU), -PROBE_ESYS (short read).
 * Threads: the opening thread only. Signals: safe. Cost: tens of ticks, or one read(2). */
PROBE_API int probe_counter_read(struct probe_counter *c, struct probe_reading *out);
/* The same for instructions in user mode, counted in the same group; -PROBE_ENOEVENT (absent) for
 * tsc and where the PMU had no room for both. */
PROBE_API int probe_counter_read_instructions(struct probe_counter *c, struct probe_reading *out);

/* end - begin. exact when the event was on the PMU all the while between the two, scaled when for
 * a part of it, absent when never or when either reading is absent. Pure. */
PROBE_API struct probe_delta probe_reading_delta(const struct probe_reading *begin,
						 const struct probe_reading *end);

/* What was opened and why; valid until the counter is closed. hz is 0 when it couldn't be
 * measured. */
PROBE_API const struct probe_counter_facts *probe_counter_facts(const struct probe_counter *c);

#define PROBE_COUNTER_KINDS 3

/* One kind of counter: whether it can be had here and, if not, why and what would change that. */
struct probe_counter_option {
	char kind[32];
	char unit[48];
	char why[256]; /* one line; the reason when not available, else what it is */
	char fix[256]; /* a command, or "" when there is nothing to be done */
	bool available;
};

/* Tries every kind, best first; writes at most `capacity` rows and returns how many.
 * Opens nothing that stays open. Cost: a few system calls. */
PROBE_API int probe_counter_list(struct probe_counter_option *out, int capacity);

#ifdef __cplusplus
}
#endif
#endif
