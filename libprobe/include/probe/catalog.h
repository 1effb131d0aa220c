/* SPDX-License-Identifier: MIT
 * What there is to measure: workloads, call paths and interpreters.
 */
#ifndef PROBE_CATALOG_H
#define PROBE_CATALOG_H

#include <stddef.h>

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a user weighs besides the figures when choosing a path. */
enum probe_consideration {
	PROBE_CONSIDER_COMPILER,      /* what installing it from source compiles: "no", "C" */
	PROBE_CONSIDER_ONE_BUILD,     /* whether one build serves many versions of Python */
	PROBE_CONSIDER_PYPY,          /* whether it works on PyPy */
	PROBE_CONSIDER_GRAALPY,       /* on GraalPy */
	PROBE_CONSIDER_FREE_THREADED, /* in a free-threaded build */
	PROBE_CONSIDER_ISOLATED,      /* whether it loads in a sub-interpreter with its own GIL */
	PROBE_CONSIDER_WRONG_TYPE,    /* what a wrong argument does: "error", "crash" */
	PROBE_CONSIDER_COUNT,
};

/* Its key in path.json, "compiler_at_install"; "?" when out of range. Threads: safe. */
PROBE_API const char *probe_consideration_key(enum probe_consideration which);

/* How it is known, in a few words; NULL where path.json alone says it. Threads: safe. */
PROBE_API const char *probe_consideration_source(enum probe_consideration which);

/* One workload (with its variants) or one call path. */
struct probe_listed {
	char *name;
	char *summary;  /* one line */
	char *detail;   /* a workload's prototype "int add(int a, int b)"; what a path needs */
	long *variants; /* a workload's sizes; variant_count = 0 where it has none */
	size_t variant_count;
	/* A path's properties in a few words, "yes", "since 3.13"; NULL where it does not say. */
	char *considerations[PROBE_CONSIDER_COUNT];
};

/* Lists in catalog order. *out is the caller's, to be freed with probe_listed_free().
 * Returns 0, -PROBE_ENOENT (probe's data folder isn't found), -PROBE_EFORMAT (one of its files is
 * broken), -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_list_workloads(struct probe_listed **out, size_t *n, struct probe_error *err);
PROBE_API int probe_list_paths(struct probe_listed **out, size_t *n, struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_listed_free(struct probe_listed *listed, size_t n);

/* Appends this machine's interpreters to run->interpreters, ordered by version.
 * @choice  NULL: every CPython from 3.8 that is found; "all": PyPy, GraalPy and builds with the JIT
 *          or GIL that they have switched off, too; else a comma-separated list of versions
 *          ("3.13"), labels, paths and program names, each with switches ("3.14+PYTHON_JIT=1").
 * What was found but can't be used becomes a warning on the run; what was named, an error.
 * Returns 0, -PROBE_ENOENT (no such interpreter), -PROBE_EINVAL (no Python from 3.8),
 * -PROBE_ETIMEOUT, -PROBE_ENOMEM, -PROBE_ESYS. Threads: safe. Cost: a process each. */
PROBE_API int probe_list_interpreters(const char *choice, struct probe_run *run,
				      struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
