/* SPDX-License-Identifier: MIT
 * The ladder for interpreters whose objects are not CPython's: a plain shared library that a driver
 * in Python (ext/probe/_portable.py) calls through ctypes or cffi.
 *
 * portable.c  one measurement: its counter, its target's seam, its rounds
 * answer.c    the samples as the JSON that a cell's process answers with
 *
 * The loops are Python's; everything else is what the extension module uses too. Two seams are left
 * where a call can't be hooked: the target, and the loop itself.
 *
 * Addresses and handles are 64-bit integers, which every interpreter's ctypes takes and gives
 * alike. Functions that return int return 0, or -1 with pb_portable_error() saying why. Threads:
 * one object a thread, the one that opened it.
 */
#ifndef PB_PORTABLE_H
#define PB_PORTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/patch.h"
#include "hook/replay.h"
#include "probe/analysis.h"
#include "probe/counter.h"

/* Runs a rung's loop, so many iterations of it between pb_portable_begin() and pb_portable_end().
 * 0, or -1 when it raised. */
typedef int pb_portable_run(int rung, unsigned long long calls);

struct pb_portable {
	struct probe_counter *counter;
	struct pb_slot slot; /* the veneer's; address NULL = there is no seam */
	void *base;          /* the target in full */
	struct pb_thunk delay, record, stub, count, fence;
	const struct pb_replay *replay; /* NULL = the result is in registers */
	struct pb_ring ring;
	bool ring_attached;
	struct probe_reading begin;
	uint64_t ticks;         /* of the last span */
	uint64_t least;         /* of a series of them */
	bool compiling;         /* at the last look */
	double own_s, others_s; /* CPU time of this thread, and of all others, at the last look */
	pb_portable_run *run;
	struct probe_process_samples samples;
	char *answer;
	struct probe_error err;
};

/* NULL when out of memory. Close with pb_portable_close(), which puts everything back. */
struct pb_portable *pb_portable_open(void);
void pb_portable_close(struct pb_portable *p);
const char *pb_portable_error(const struct pb_portable *p);

int pb_portable_pin(struct pb_portable *p, int cpu);
int pb_portable_catch_crashes(struct pb_portable *p, int fd);

/* dlopen(), dlsym() and a veneer's slot; 0 = failed. */
unsigned long long pb_portable_library(struct pb_portable *p, const char *path, int local);
unsigned long long pb_portable_symbol(struct pb_portable *p, unsigned long long library,
				      const char *name);
unsigned long long pb_portable_veneer_slot(struct pb_portable *p, unsigned long long library);

/* The timed span. Nothing but two readings, and the driver subtracts what they cost. */
void pb_portable_begin(struct pb_portable *p);
void pb_portable_end(struct pb_portable *p);

/* The seam: a veneer's slot, and the function that belongs there. */
int pb_portable_target(struct pb_portable *p, unsigned long long slot, unsigned long long real);
/* Truth tests: a delay of so many dependent steps in front of the target. */
int pb_portable_delay(struct pb_portable *p, unsigned long long steps);
/* What that delay takes by itself, in ticks; below 0 = failed. */
double pb_portable_spin_ticks(struct pb_portable *p, unsigned long long steps);
/* The pb_replay of a library made by _replay.py. */
int pb_portable_replay(struct pb_portable *p, unsigned long long table);
/* Whether that stands in for callbacks, too: 1 or 0. */
int pb_portable_has_callbacks(const struct pb_portable *p);
/* Between these two the driver makes the call once; then there is a stub.
 * @returns  as pb_replay_recorded() takes it. */
int pb_portable_record_begin(struct pb_portable *p);
int pb_portable_record_end(struct pb_portable *p, const char *returns);
/* Between these two every call that reaches the target is counted. */
int pb_portable_count_begin(struct pb_portable *p);
unsigned long long pb_portable_count_end(struct pb_portable *p);

/* Puts a rung's stub in place, or nothing where it has none; EMPTY and REAL put all back. */
int pb_portable_arm(struct pb_portable *p, int rung, unsigned variant);

/* Warming up and the rounds, as struct pb_ladder_config describes them.
 * @own_loops       rungs besides EMPTY and PYCALL that have a loop of their own.
 * @least_s,most_s  of warming up: the time that compilers take to start, and to give up on. */
int pb_portable_ladder(struct pb_portable *p, unsigned rungs, unsigned own_loops,
		       unsigned subphases, unsigned rounds, double round_us, unsigned calls,
		       double least_s, double most_s, double wait_s, double quiet_ratio,
		       unsigned long long seed, pb_portable_run *run);
/* Their samples as JSON, valid until the next call; NULL when out of memory. */
const char *pb_portable_answer(struct pb_portable *p);

#endif
