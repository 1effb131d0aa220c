/* SPDX-License-Identifier: MIT
 * What differs between implementations of Python for whoever runs their processes.
 */
#ifndef PB_IMPLEMENTATION_H
#define PB_IMPLEMENTATION_H

#include <stdbool.h>

struct pb_implementation {
	const char *name;
	/* Its calls go through objects that can be hooked; elsewhere the target alone can. */
	bool hooks;
	/* How much longer than CPython it may take to start and to compile what it runs. */
	double patience;
	/* Options of every cell's process, NULL-terminated; they change nothing of the calls. */
	const char *const *cell_options;
};

/* By sys.implementation.name; one that is not known is as CPython. Never NULL. */
const struct pb_implementation *pb_implementation_of(const char *name);

#endif
