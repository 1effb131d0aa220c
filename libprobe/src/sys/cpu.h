/* SPDX-License-Identifier: MIT
 * CPUs: affinity, and the name under which what is known of a CPU is remembered.
 */
#ifndef PB_SYS_CPU_H
#define PB_SYS_CPU_H

#include <stddef.h>

/* Model, family, model number and stepping, and the kind of core on a hybrid CPU: machines of one
 * key have the same execution units. Hypervisors often hide the model's name, hence the numbers.
 * Returns buf. Threads: safe, speaks of the CPU that the caller runs on. */
const char *pb_cpu_key(char *buf, size_t size);

/* The same from the text of /proc/cpuinfo; kind is "" where there is one kind of core. Pure. */
const char *pb_cpu_key_from(const char *cpuinfo, const char *kind, char *buf, size_t size);

/* The value of a "name : value" line of /proc/cpuinfo, first CPU; returns buf, "" when absent. */
const char *pb_cpuinfo_get(const char *cpuinfo, const char *name, char *buf, size_t size);

#endif
