/* SPDX-License-Identifier: MIT
 * Pages that a watch has made writable, as tables of methods and GOTs often are not.
 */
#ifndef PB_HOOK_WATCH_PAGES_H
#define PB_HOOK_WATCH_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "probe/error.h"

struct pb_watch_mapping {
	uintptr_t low, high;
	int prot;
};

struct pb_watch_page {
	uintptr_t at;
	int prot; /* to be restored */
};

/* Zeroed: none. The kernel's table of mappings is read once, and again where it does not know an
 * address: reading it for every one of a thousand pointers would take a tenth of a second. */
struct pb_watch_pages {
	struct pb_watch_mapping *mappings;
	size_t mapping_count;
	struct pb_watch_page *pages;
	size_t page_count;
};

/* Makes the pointer at `address` writable. Returns 0, -PROBE_EINVAL (nothing readable there, or
 * code), -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_watch_pages_open(struct pb_watch_pages *p, void **address, struct probe_error *err);
/* Restores every page, and forgets all. */
void pb_watch_pages_close(struct pb_watch_pages *p);

#endif
