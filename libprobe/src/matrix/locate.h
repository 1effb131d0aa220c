/* SPDX-License-Identifier: MIT
 * Where Python interpreters may lie: a table of folders. Nothing is run here.
 */
#ifndef PB_LOCATE_H
#define PB_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

/* Implementations, by the names of their programs. */
enum pb_kind_of_python {
	PB_CPYTHON = 1 << 0,
	PB_PYPY = 1 << 1,
	PB_GRAALPY = 1 << 2,
	PB_EVERY_PYTHON = PB_CPYTHON | PB_PYPY | PB_GRAALPY,
};

/* One program that may be an interpreter. */
struct pb_candidate {
	char *path;     /* as found or typed */
	char *real;     /* without symbolic links */
	bool named;     /* by its user, so that a virtual environment is not its interpreter */
	bool script;    /* begins with "#!": a version manager's wrapper, say */
	unsigned kind;  /* enum pb_kind_of_python that its name tells; 0 = none */
	char other[24]; /* a program for another processor: its name; "" = for this one */
};

struct pb_candidates {
	struct pb_candidate *items;
	size_t n, capacity;
};

/* The implementation that a program's name, or the beginning of a label, tells; 0 = none. */
unsigned pb_kind_of(const char *name);

/* Appends every python3, python3.N, python3.Nt, pypy3 and graalpy of the known folders, as far as
 * kinds asks for them, each real path once.
 * Returns 0 or -PROBE_ENOMEM. Reads $PATH, $HOME and the version managers' variables. */
int pb_locate_all(struct pb_candidates *out, unsigned kinds);

/* Appends one program that its user named, unless it is there already.
 * Returns its index, -PROBE_ENOENT (no such executable file), -PROBE_ENOMEM. */
int pb_locate_add(struct pb_candidates *out, const char *path);

/* The program of that name on $PATH, newly allocated; NULL when there is none. */
char *pb_locate_program(const char *name);

void pb_candidates_fini(struct pb_candidates *candidates);

#endif
