/* SPDX-License-Identifier: MIT
 * Replacing pointers that a call path reads anyway: GOT slots, type slots, ml_meth, code pointers.
 */
#ifndef PB_HOOK_PATCH_H
#define PB_HOOK_PATCH_H

#include <stddef.h>

#include "probe/error.h"

/* One pointer in this process that probe may swap. While open, its page is writable (never
 * executable: data pages only); closing restores the first value and the page's protection. */
struct pb_slot {
	void **address;
	void *original;
	int original_prot; /* PROT_* to restore, or -1: the page was writable anyway */
};

/* Returns 0, -PROBE_EINVAL (not mapped, or an executable page), -PROBE_ESYS.
 * Slots that share a page must be closed in the reverse order of opening. */
int pb_slot_open(struct pb_slot *slot, void **address, struct probe_error *err);
/* Atomic; other threads see the old or the new pointer. */
static inline void pb_slot_set(const struct pb_slot *slot, void *value)
{
	__atomic_store_n(slot->address, value, __ATOMIC_RELEASE);
}
/* Restores value and protection; a slot that was never opened is allowed. */
void pb_slot_close(struct pb_slot *slot);

/* Finds the GOT slots (JUMP_SLOT and GLOB_DAT) of the first of `symbols` (NULL-terminated) that the
 * loaded object imports. `object` is its path as loaded, compared by real path.
 * @out receives at most `max` addresses. Returns their number (>= 1),
 * -PROBE_ENOENT (object not loaded), -PROBE_EUNHOOKABLE (it imports none of the symbols). */
int pb_got_find(const char *object, const char *const *symbols, void **out[], size_t max,
		struct probe_error *err);

#endif
