/* SPDX-License-Identifier: MIT */
#include "matrix/implementation.h"

#include <stddef.h>
#include <string.h>

static const char *const none[] = {NULL};
/* A C extension that is loaded as a copy of its own finds another target than the measured one. */
static const char *const graalpy_options[] = {"--experimental-options",
					      "--python.IsolateNativeModules=false", NULL};

static const struct pb_implementation implementations[] = {
	{"cpython", true, 1, none},
	{"pypy", false, 1, none},
	{"graalpy", false, 6, graalpy_options},
};

const struct pb_implementation *pb_implementation_of(const char *name)
{
	for (size_t i = 0; i < sizeof implementations / sizeof implementations[0]; i++)
		if (!strcmp(implementations[i].name, name))
			return &implementations[i];
	return &implementations[0];
}
