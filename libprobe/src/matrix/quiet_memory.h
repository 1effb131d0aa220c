/* SPDX-License-Identifier: MIT
 * What a run knows of how quiet its CPU can be: remembered from earlier runs, learnt on the way.
 */
#ifndef PB_QUIET_MEMORY_H
#define PB_QUIET_MEMORY_H

#include "probe/analysis.h"

struct pb_quiet_memory {
	double known;      /* wide/chain of a quiet core, to judge by; 0 = not known */
	double remembered; /* from earlier runs; 0 = nothing */
	double lowest;     /* the quietest that any process has shown; 0 = none */
	double found; /* the quietest that this run has shown well enough to remember; 0 = none */
	size_t support;
	char path[4096], key[256]; /* "" = nowhere to remember */
};

/* Starts from what earlier runs remembered of this CPU, if anything. */
void pb_quiet_memory_load(struct pb_quiet_memory *memory);
/* Learns from one process's rounds. Returns 0 or -PROBE_ENOMEM. */
int pb_quiet_memory_learn(struct pb_quiet_memory *memory, const struct probe_round *rounds,
			  size_t n);
/* Remembers for later runs; that it can't be written is no failure, as it's a cache. */
void pb_quiet_memory_save(const struct pb_quiet_memory *memory);

#endif
