/* SPDX-License-Identifier: MIT
 * What the user asks for with -i: versions, labels, programs and paths, each with switches.
 */
#ifndef PB_INTERP_WISH_H
#define PB_INTERP_WISH_H

#include <stdbool.h>

#include "matrix/locate.h"
#include "matrix/switches.h"

/* One part of the user's list. */
struct pb_wish {
	char text[256]; /* as typed */
	char base[256]; /* without its switches */
	struct pb_switches switches;
	int candidate; /* index of the program that it names; -1: it is a version or label */
};

struct pb_wishes {
	struct pb_wish *items;
	size_t n;
	unsigned kinds; /* to be looked for: enum pb_kind_of_python; 0 = programs alone are named */
	bool variants;  /* a label of an automatic variant is among them: "3.14-jit" */
};

/* Parses the list and adds the programs that it names to candidates.
 * Returns 0, -PROBE_EINVAL (an empty or too long part, a bad switch), -PROBE_ENOENT (no such
 * program), -PROBE_ENOMEM. Release with pb_wishes_fini(), also after an error. */
int pb_wishes_parse(const char *choice, struct pb_wishes *out, struct pb_candidates *candidates,
		    struct probe_error *err);
void pb_wishes_fini(struct pb_wishes *wishes);

bool pb_wish_has_switches(const struct pb_wish *wish);

/* Whether "3.13" (every 3.13.N of the default kind), "3.13t" (the free-threaded ones), "pypy-8",
 * "graalpy" or a whole label means this one. */
bool pb_wish_means(const char *wish, const char *label);

#endif
