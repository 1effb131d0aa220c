/* SPDX-License-Identifier: MIT
 * Counter reads on x86-64: the time stamp counter and the performance counters.
 */
#ifndef PB_SYS_COUNTER_ARCH_H
#define PB_SYS_COUNTER_ARCH_H

#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PB_ARCH_TICKS_UNIT "TSC ticks"
/* Where Debian and its kin keep headers that differ between CPUs. */
#define PB_ARCH_TRIPLE "x86_64-linux-gnu"

/* perf_event_attr.config1 that asks for user-space reads: x86 needs only the mapped page. */
#define PB_ARCH_USER_ACCESS_CYCLES       0u
#define PB_ARCH_USER_ACCESS_INSTRUCTIONS 0u

/* May be executed early or late by an out-of-order core: for stamps whose bias cancels. */
static inline uint64_t pb_arch_ticks(void)
{
	uint32_t lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* Waits for everything before it, and holds back everything after it. */
static inline uint64_t pb_arch_ticks_ordered(void)
{
	uint32_t lo, hi;
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* Faults unless the kernel granted user reads to this thread: ask the perf page first. */
static inline uint64_t pb_arch_rdpmc(uint32_t index)
{
	uint32_t lo, hi;
	__asm__ volatile("lfence\n\trdpmc" : "=a"(lo), "=d"(hi) : "c"(index) : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* Whether the counter runs at one rate in every power state. */
static inline bool pb_arch_ticks_invariant(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & 1u << 8);
}

/* Writes the hypervisor's own signature ("KVMKVMKVM"); "" on bare metal. */
static inline void pb_arch_hypervisor(char *buf, size_t size)
{
	unsigned a, words[3], d;
	buf[0] = '\0';
	if (!__get_cpuid(1, &a, &words[0], &words[1], &d) || !(words[1] & 1u << 31) || size < 13)
		return;
	/* Leaf 0x40000000 lies outside the range that __get_cpuid() checks. */
	__cpuid(0x40000000u, a, words[0], words[1], words[2]);
	memcpy(buf, words, sizeof words);
	buf[12] = '\0';
	if (!buf[0])
		memcpy(buf, "unnamed", 8);
}

#endif
