/* SPDX-License-Identifier: MIT
 * What a watch's hooks read at every call: one for the process, as the replaced pointers are.
 */
#ifndef PB_HOOK_WATCH_STATE_H
#define PB_HOOK_WATCH_STATE_H

#include "hook/watch.h"

/* A hook's part: the watch's epoch, the group, and the index, which has 24 bits. */
#define PB_WATCH_NO_INDEX 0xffffffu
static inline uint64_t pb_watch_part(uint64_t epoch, const struct pb_watch_hook *h)
{
	return epoch << 32 | (uint64_t)h->group << 24 | (h->index & PB_WATCH_NO_INDEX);
}
static inline bool pb_watch_part_is_of(uint64_t part, uint64_t epoch)
{
	return (uint32_t)(part >> 32) == (uint32_t)epoch;
}
static inline unsigned pb_watch_part_group(uint64_t part)
{
	return (unsigned)(part >> 24) & 0xff;
}
static inline uint32_t pb_watch_part_index(uint64_t part)
{
	uint32_t index = (uint32_t)part & PB_WATCH_NO_INDEX;
	return index == PB_WATCH_NO_INDEX ? PB_WATCH_NONE : index;
}

/* Written between watches, when a call of the last one may still be reading. */
struct pb_watch_self {
	const struct pb_watch_hook *hook; /* NULL = empty */
	const void *self;
	uint32_t index;
};

static inline void pb_watch_self_set(struct pb_watch_self *at, const struct pb_watch_hook *hook,
				     const void *self, uint32_t index)
{
	__atomic_store_n(&at->hook, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&at->self, self, __ATOMIC_RELAXED);
	__atomic_store_n(&at->index, index, __ATOMIC_RELAXED);
	__atomic_store_n(&at->hook, hook, __ATOMIC_RELEASE);
}

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
	uint64_t long_ticks; /* a call beyond them may have been preempted */
	double ticks_per_ns;
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
