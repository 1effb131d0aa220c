/* SPDX-License-Identifier: MIT
 * Reading the small text files of /proc and /sys, and the CPU lists in them.
 */
#ifndef PB_SYS_TEXT_H
#define PB_SYS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads up to size - 1 bytes, cuts trailing white space, ends with NUL.
 * Returns the length, or -errno with buf = "". */
int pb_slurp(const char *path, char *buf, size_t size);

/* Whether a list such as "0-3,8,10-11" names the CPU. */
bool pb_cpulist_has(const char *list, int cpu);
/* How many CPUs the list names. */
int pb_cpulist_count(const char *list);

#endif
