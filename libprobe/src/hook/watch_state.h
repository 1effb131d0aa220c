/* SPDX-License-Identifier: MIT
 * What a watch's hooks read at every call: one for the process, as the replaced pointers are.
 */
#ifndef PB_HOOK_WATCH_STATE_H
#define PB_HOOK_WATCH_STATE_H

#include "hook/watch.h"

struct pb_watch_self {
	const struct pb_watch_hook *hook; /* NULL = empty */
	const void *self;
	uint32_t index;
};

/* Open addressing. Grown only between watches; what was outgrown stays, as a thread may have been
 * reading it. */
struct pb_watch_selves {
	struct pb_watch_selves *outgrown;
	size_t mask;
	struct pb_watch_self of[];
};

struct pb_watch_state {
	uint64_t epoch; /* odd while a watch runs; a hook of another epoch lets calls through */
	struct pb_watch *active;
	pb_watch_describer *describe;
	uint64_t lost;
	struct pb_watch_selves *selves;
};

extern struct pb_watch_state pb_watch_state __attribute__((visibility("hidden")));

static inline size_t pb_watch_self_hash(const struct pb_watch_hook *hook, const void *self)
{
	uint64_t mixed =
		((uint64_t)(uintptr_t)self ^ (uint64_t)(uintptr_t)hook >> 3) * 0x9e3779b97f4a7c15u;
	return (size_t)(mixed >> 20);
}

/* The handler of a kind of hook. */
pb_watch_handler *pb_watch_handler_of(enum pb_watch_kind kind, bool phases);
/* Measures what hooks cost, in the running epoch. @hooks  entry, detach, attach and invoke. */
int pb_watch_calibrate(struct pb_watch_hook *const hooks[4], bool phases,
		       struct pb_watch_cost *cost, struct probe_error *err);
/* What the calibration's hooks stand in for, in that order. */
extern void *const pb_watch_calibrated[4];

#endif
