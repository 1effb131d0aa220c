/* SPDX-License-Identifier: MIT
 * Stubs of a target: what gives back at once what one recorded call of it gave.
 */
#ifndef PB_HOOK_REPLAY_H
#define PB_HOOK_REPLAY_H

#include "hook/thunk.h"

/* What a library made by _replay.py exports as pb_replay: its struct must be the same. It replays
 * what no register holds. */
struct pb_replay {
	uint64_t copies; /* PB_THUNK_VARIANTS */
	void **real;     /* the target that record and callback call: to be set before */
	void *record;    /* target that keeps its result, out-parameters and callbacks' results */
	void *target[PB_THUNK_VARIANTS];   /* gives them back at once */
	void *callback[PB_THUNK_VARIANTS]; /* the real target, its callbacks returning at once; or
					    * NULL where it has none */
};

/* Prepares a RECORD thunk of a target, so that pb_replay_recorded() can tell whether it ran. */
int pb_replay_record(struct pb_thunk *record, void *target, struct probe_error *err);

/* Makes the stub from a RECORD thunk that has run.
 * @returns  where the result comes: "void", "int" (an integer register), "float" (a vector
 *           register), "" (any of those that a result can be in). The smallest stub that it
 *           allows, so that an empty target and its stub cost the same.
 * Returns 0, -PROBE_EUNHOOKABLE (the target was never called), -PROBE_ESYS. */
int pb_replay_recorded(struct pb_thunk *stub, const struct pb_thunk *record, const char *returns,
		       struct probe_error *err);

#endif
