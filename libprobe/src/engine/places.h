/* SPDX-License-Identifier: MIT
 * Where on the stack the measured call reaches its layers, found in the trace of some calls: the
 * same slots are reached by foreign calls nested in it, too. Pure: no measuring.
 */
#ifndef PB_ENGINE_PLACES_H
#define PB_ENGINE_PLACES_H

#include "engine/timeline.h"

enum pb_place_state {
	PB_PLACE_ABSENT,  /* no hook */
	PB_PLACE_FOUND,   /* once in each call, at one place */
	PB_PLACE_SKIPPED, /* not in each call */
	PB_PLACE_TWICE,   /* more than once in a call, and which of them counts is not known */
	PB_PLACE_MOVING,  /* at another stack pointer from call to call */
	PB_PLACE_DEEP,    /* so much is nested in one call that the trace does not hold it */
};

struct pb_place {
	enum pb_place_state state;
	uint64_t sp;     /* the stack pointer at the entry */
	uint64_t nested; /* reached so often besides in each call */
	uint64_t inside; /* of these, within the call's native code: by its callbacks */
	bool steady;     /* both are the same for all calls */
};

/* Takes the events of TRACE thunks around `hooked` layers (a mask of 1 << enum pb_timeline_layer)
 * over `calls` calls.
 * @places  one for each layer; overwritten.
 * The measured call is the one that the outermost entry holds; its target is the outermost one in
 * it; its invoke is what surrounds the target; it detaches last before, and attaches first after,
 * these two. */
void pb_places_find(const struct pb_event *events, size_t n, unsigned hooked, uint64_t calls,
		    struct pb_place places[PB_TL_LAYERS]);

/* Whether a later trace found the same: `moved_bytes` is what both stacks differ by. */
bool pb_place_same(const struct pb_place *a, const struct pb_place *b, uint64_t moved_bytes);

/* What keeps a layer from being replaced, as a clause: "this call goes past it"; NULL = nothing. */
const char *pb_place_trouble(enum pb_place_state state);

#endif
