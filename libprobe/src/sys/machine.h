/* SPDX-License-Identifier: MIT
 * Reading machine facts from any tree that looks like / (tests make small ones).
 */
#ifndef PB_SYS_MACHINE_H
#define PB_SYS_MACHINE_H

#include "probe/machine.h"

/* Where facts come from: root is "" for the real machine; search_path is a PATH under root. */
struct pb_machine_source {
	const char *root;
	const char *search_path;
};

/* Fills what files tell. kernel, hypervisor, affinity and memory come from the kernel itself and
 * are filled only by probe_machine_read(). */
void pb_machine_read_files(const struct pb_machine_source *source, int cpu,
			   struct probe_machine *out);

#endif
