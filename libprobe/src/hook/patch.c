/* SPDX-License-Identifier: MIT
 * Opening and closing pointer slots, with the page protection that RELRO needs.
 */
#include "hook/patch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"

/* Protection of the mapping that holds `address`, from the kernel; -1 if there is none. */
static int protection_at(uintptr_t address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return -1;
	int prot = -1;
	char line[512];
	while (fgets(line, sizeof line, maps)) {
		unsigned long low, high;
		char perms[5];
		if (sscanf(line, "%lx-%lx %4s", &low, &high, perms) != 3 || address < low ||
		    address >= high)
			continue;
		prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
		       (perms[2] == 'x' ? PROT_EXEC : 0);
		break;
	}
	fclose(maps);
	return prot;
}

static int protect_word(void **address, int prot)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	return mprotect((void *)((uintptr_t)address & ~(page - 1)), page, prot);
}

int pb_slot_open(struct pb_slot *slot, void **address, struct probe_error *err)
{
	*slot = (struct pb_slot){.original_prot = -1};
	int prot = protection_at((uintptr_t)address);
	if (prot < 0 || !(prot & PROT_READ))
		return pb_fail(err, PROBE_EINVAL, 0, "no readable memory at the hook's address %p",
			       (void *)address);
	if (prot & PROT_EXEC)
		return pb_fail(err, PROBE_EINVAL, 0, "refusing to hook %p: it lies in code",
			       (void *)address);
	if (!(prot & PROT_WRITE)) {
		if (protect_word(address, PROT_READ | PROT_WRITE))
			return pb_fail(err, PROBE_ESYS, errno, "can't make the slot at %p writable",
				       (void *)address);
		slot->original_prot = prot;
	}
	slot->original = __atomic_load_n(address, __ATOMIC_ACQUIRE);
	slot->address = address;
	return 0;
}

void pb_slot_close(struct pb_slot *slot)
{
	if (!slot->address)
		return;
	pb_slot_set(slot, slot->original);
	if (slot->original_prot >= 0)
		protect_word(slot->address, slot->original_prot);
	*slot = (struct pb_slot){.original_prot = -1};
}
