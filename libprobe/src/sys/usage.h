/* SPDX-License-Identifier: MIT
 * What the scheduler did to this thread: the reason to throw a reading away.
 */
#ifndef PB_SYS_USAGE_H
#define PB_SYS_USAGE_H

#include <stdbool.h>

struct pb_usage {
	long voluntary, involuntary; /* context switches of this thread so far */
	int cpu;                     /* where it runs just now; -1 = unknown */
};

/* Threads: safe, of the calling thread. GIL: not needed. Cost: one getrusage(2) and a vDSO call. */
struct pb_usage pb_usage_now(void);

/* Opens what tells how long the calling thread was ready to run and others had the CPUs; any thread
 * may read it. Returns a file descriptor for close(2), -1 where the kernel does not tell. */
int pb_run_delay_open(void);
/* Seconds since the thread began; NaN when fd is -1. Cost: one pread(2). */
double pb_run_delay_s(int fd);

/* Whether a context switch or a migration lies between two snapshots. */
bool pb_usage_disturbed(const struct pb_usage *begin, const struct pb_usage *end);

#endif
