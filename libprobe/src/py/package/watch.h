/* SPDX-License-Identifier: MIT
 * What the two halves of watch() share: hooking callables, and counts as Python's objects.
 */
#ifndef PB_PACKAGE_WATCH_H
#define PB_PACKAGE_WATCH_H

#include "hook/watch.h"
#include "py/package/package.h"

/* Kinds of functions: a hook's group. The names are the call paths'. */
enum pb_watch_group {
	PB_WATCH_DIRECT,
	PB_WATCH_CTYPES,
	PB_WATCH_CFFI_ABI,
	PB_WATCH_CFFI_API,
	PB_WATCH_GROUPS
};
/* The thread-state calls of the function's object are hooked. */
#define PB_WATCH_REACHED 0x80u
extern const char *const pb_watch_group_names[PB_WATCH_GROUPS];

/* What turns ticks into figures. */
struct pb_watch_scale {
	double ns_per_tick;
	const struct pb_watch_cost *cost;
	/* Whether boundaries of the group can be reached here: PB_WATCH_DETACHED, _INVOKED. */
	unsigned reached[PB_WATCH_GROUPS];
	uint8_t kind_of[PB_WATCH_MOST]; /* of an index: its group, and PB_WATCH_REACHED */
};

/* A list of dicts, one for each function that was called; NULL with an exception. */
PyObject *pb_watch_rows(const struct pb_watch_row *rows, size_t count,
			const struct pb_watch_scale *scale);

/* Hooks one callable; its calls are counted under `index`. Returns how ("ml_meth", "vectorcall",
 * "tp_call"), or with *reason set why not; NULL with an exception. Appends to `types` those whose
 * slots it replaced. */
const char *pb_watch_callable(struct pb_watch *w, PyObject *callable, uint32_t index,
			      enum pb_watch_group group, PyObject *types, const char **reason);
/* Hooks the tp_call of a type and of what is derived from it; functions are told apart by the
 * pointer at `key_at` of the object. 0 or -1 with an exception. */
int pb_watch_type(struct pb_watch *w, PyTypeObject *type, uint32_t key_at, bool indirect,
		  enum pb_watch_group group, PyObject *types);
/* Takes hooks out of the tp_call of types that were derived from these meanwhile. */
void pb_watch_clean_types(PyObject *types);

#endif
