/* SPDX-License-Identifier: MIT
 * Counter reads on arm64: the virtual count register and the PMU's user-access registers.
 */
#ifndef PB_SYS_COUNTER_ARCH_H
#define PB_SYS_COUNTER_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_ARCH_TICKS_UNIT "cntvct ticks"
/* Where Debian and its kin keep headers that differ between CPUs. */
#define PB_ARCH_TRIPLE "aarch64-linux-gnu"

/* perf_event_attr.config1: bit 1 asks for user-space reads, bit 0 for a 64-bit counter. Only the
 * cycle counter is 64 bits wide without chaining, and chained counters have no user access. */
#define PB_ARCH_USER_ACCESS_CYCLES       3u
#define PB_ARCH_USER_ACCESS_INSTRUCTIONS 2u

static inline uint64_t pb_arch_ticks(void)
{
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

/* Waits for everything before it, and holds back everything after it. */
static inline uint64_t pb_arch_ticks_ordered(void)
{
	uint64_t ticks;
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(ticks) : : "memory");
	return ticks;
}

#define PB_EVCNTR(n)                                                                               \
	case n:                                                                                    \
		__asm__ volatile("mrs %0, pmevcntr" #n "_el0" : "=r"(count));                      \
		break

/* Reads a counter by the perf page's index less one: 0 to 30 are event counters, 31 the cycle
 * counter. The register's number is part of the instruction, hence the switch. Traps unless the
 * kernel granted user reads to this thread: ask the perf page first. */
static inline uint64_t pb_arch_rdpmc(uint32_t index)
{
	uint64_t count = 0;
	__asm__ volatile("isb" : : : "memory");
	switch (index) {
		PB_EVCNTR(0);
		PB_EVCNTR(1);
		PB_EVCNTR(2);
		PB_EVCNTR(3);
		PB_EVCNTR(4);
		PB_EVCNTR(5);
		PB_EVCNTR(6);
		PB_EVCNTR(7);
		PB_EVCNTR(8);
		PB_EVCNTR(9);
		PB_EVCNTR(10);
		PB_EVCNTR(11);
		PB_EVCNTR(12);
		PB_EVCNTR(13);
		PB_EVCNTR(14);
		PB_EVCNTR(15);
		PB_EVCNTR(16);
		PB_EVCNTR(17);
		PB_EVCNTR(18);
		PB_EVCNTR(19);
		PB_EVCNTR(20);
		PB_EVCNTR(21);
		PB_EVCNTR(22);
		PB_EVCNTR(23);
		PB_EVCNTR(24);
		PB_EVCNTR(25);
		PB_EVCNTR(26);
		PB_EVCNTR(27);
		PB_EVCNTR(28);
		PB_EVCNTR(29);
		PB_EVCNTR(30);
	default:
		__asm__ volatile("mrs %0, pmccntr_el0" : "=r"(count));
		break;
	}
	return count;
}
#undef PB_EVCNTR

/* The architecture promises a constant rate. */
static inline bool pb_arch_ticks_invariant(void)
{
	return true;
}

/* arm64 has no instruction for this; sysfs may know. */
static inline void pb_arch_hypervisor(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
}

#endif
