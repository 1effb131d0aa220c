/* SPDX-License-Identifier: MIT
 * The phases of one call from Python into native code, and how they fold.
 *
 * A call has eight sub-phases in order (DESIGN's definition):
 *   call         caller's CALL -> first instruction of the binding's native entry
 *   marshal_in   binding entry -> every argument is a machine value
 *   detach       giving up the GIL or thread state, saving errno
 *   invoke       libffi or a thunk -> the target's first instruction (and back)
 *   compute      the target's first instruction -> its return
 *   attach       taking the GIL or thread state back, restoring errno
 *   marshal_out  the target's result -> a Python object, error checks
 *   return       the binding's return -> the value on the caller's stack
 * Where native code calls Python back, two more are taken out of compute, which is then the native
 * code's own:
 *   callback     native code -> the Python function -> native code: the binding's trampoline, its
 *                dispatch and marshalling in one
 *   python       what the Python function itself takes
 * A part is a set of sub-phases that one engine can't tell apart: a bit mask with one value.
 */
#ifndef PROBE_PHASE_H
#define PROBE_PHASE_H

#include <stdbool.h>
#include <stddef.h>

#include "probe/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum probe_subphase {
	PROBE_SUB_CALL,
	PROBE_SUB_MARSHAL_IN,
	PROBE_SUB_DETACH,
	PROBE_SUB_INVOKE,
	PROBE_SUB_COMPUTE,
	PROBE_SUB_ATTACH,
	PROBE_SUB_MARSHAL_OUT,
	PROBE_SUB_RETURN,
	PROBE_SUB_CALLBACK, /* of calls with a callback only */
	PROBE_SUB_PYTHON,   /* the same */
	PROBE_SUB_COUNT,
};

#define PROBE_BIT(sub) (1u << (sub))

/* The three phases as sets of sub-phases; as the masks of folded parts, see probe_fold_members().
 */
#define PROBE_MASK_DISPATCH                                                                        \
	(PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN) | PROBE_BIT(PROBE_SUB_DETACH) |   \
	 PROBE_BIT(PROBE_SUB_ATTACH) | PROBE_BIT(PROBE_SUB_INVOKE))
#define PROBE_MASK_MARSHALLING (PROBE_BIT(PROBE_SUB_MARSHAL_IN) | PROBE_BIT(PROBE_SUB_MARSHAL_OUT))
#define PROBE_MASK_COMPUTE     PROBE_BIT(PROBE_SUB_COMPUTE)
/* A whole call. */
#define PROBE_MASK_ALL (PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING | PROBE_MASK_COMPUTE)
/* What a callback adds. */
#define PROBE_MASK_CALLBACK (PROBE_BIT(PROBE_SUB_CALLBACK) | PROBE_BIT(PROBE_SUB_PYTHON))
/* Every sub-phase that there is. */
#define PROBE_MASK_EVERY ((1u << PROBE_SUB_COUNT) - 1u)

enum probe_state {
	PROBE_ABSENT,   /* not measured: never printed or exported as a number */
	PROBE_EXACT,    /* measured */
	PROBE_SCALED,   /* extrapolated from a multiplexed counter */
	PROBE_ESTIMATE, /* derived through a model, such as core cycles from the TSC */
};

/* A reading with its uncertainty. Units: counter ticks per call (see struct probe_counter_info for
 * ticks per second), value and half alike. */
struct probe_value {
	enum probe_state state;
	double ticks;     /* estimate, ticks per call; may be negative within its interval */
	double half;      /* half width of the 95 % interval, >= 0 */
	bool below_floor; /* |ticks| is below what this cell could resolve */
};

/* What a value can be at most, in ticks: its interval's upper end; below the floor that of its
 * magnitude, or the floor where that is higher: an instrument that finds less than nothing is off
 * by as much.
 * @floor_ticks  what the cell of this value could resolve (struct probe_engine).
 * Returns: NaN where the value is absent. Threads: safe. */
PROBE_API double probe_value_most(const struct probe_value *value, double floor_ticks);

/* One measured set of sub-phases. */
struct probe_part {
	unsigned mask; /* PROBE_BIT()s, never 0 */
	struct probe_value value;
};

/* Writes the name of a part: a phase's name where the mask is one ("compute", "marshalling",
 * "dispatch"), else its members joined by '+' ("call+return", "dispatch+marshalling").
 * Returns buf. Threads: safe. */
PROBE_API const char *probe_part_name(unsigned mask, char *buf, size_t size);

/* Writes the run file's name of a part: "dispatch.call", "marshalling.in",
 * "dispatch.detach+attach", "compute", "compute.callback"; parts that cross phases keep
 * probe_part_name()'s form.
 * Returns buf. Threads: safe. */
PROBE_API const char *probe_part_id(unsigned mask, char *buf, size_t size);

/* The same for part i of an engine's n parts: where a callback was taken out of compute, what is
 * left goes by "compute.native", as "compute" is the phase that holds them all. Returns buf. */
PROBE_API const char *probe_part_id_among(const struct probe_part *parts, size_t n, size_t i,
					  char *buf, size_t size);

/* Name of one sub-phase, "call" ... "python"; "?" when out of range. */
PROBE_API const char *probe_subphase_name(enum probe_subphase sub);

/* The sub-phases that a folded part of this mask holds: compute holds what a callback adds.
 * Threads: safe. */
PROBE_API unsigned probe_fold_members(unsigned folded_mask);

/* Folds parts to the three phases. Parts that cross phases merge the phases they touch.
 * @out receives 1 to 3 folded parts in the order dispatch, marshalling, compute (a merged one
 * stands at its first member); intervals add in quadrature unless the caller refines them.
 * Returns the number written (<= 3). Threads: safe. */
PROBE_API size_t probe_parts_fold(const struct probe_part *parts, size_t n,
				  struct probe_part out[3]);

#ifdef __cplusplus
}
#endif
#endif
