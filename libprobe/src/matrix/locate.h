/* SPDX-License-Identifier: MIT
 * Where Python interpreters may lie: a table of folders. Nothing is run here.
 */
#ifndef PB_LOCATE_H
#define PB_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

/* One program that may be an interpreter. */
struct pb_candidate {
	char *path;  /* as found or typed */
	char *real;  /* without symbolic links */
	bool script; /* begins with "#!": a version manager's wrapper */
	bool named;  /* asked for by the user */
};

struct pb_candidates {
	struct pb_candidate *items;
	size_t n, capacity;
};

/* Appends every python3, python3.N and python3.Nt of the known folders, each real path once.
 * Returns 0 or -PROBE_ENOMEM. Reads $PATH, $HOME and the version managers' variables. */
int pb_locate_all(struct pb_candidates *out);

/* Appends one program unless its real path is there already (then that one becomes named too when
 * this one is). Returns its index, -PROBE_ENOENT (no such executable file), -PROBE_ENOMEM. */
int pb_locate_add(struct pb_candidates *out, const char *path, bool named);

/* The program of that name on $PATH, newly allocated; NULL when there is none. */
char *pb_locate_program(const char *name);

void pb_candidates_fini(struct pb_candidates *candidates);

#endif
