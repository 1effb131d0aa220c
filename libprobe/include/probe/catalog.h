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

/* One workload (with its variants) or one call path. */
struct probe_listed {
	char *name;
	char *summary;  /* one line */
	char *detail;   /* a workload's prototype "int add(int a, int b)"; what a path needs */
	long *variants; /* a workload's sizes; variant_count = 0 where it has none */
	size_t variant_count;
};

/* Lists in catalog order. *out is the caller's, to be freed with probe_listed_free().
 * Returns 0, -PROBE_ENOENT (probe's data folder isn't found), -PROBE_EFORMAT (one of its files is
 * broken), -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_list_workloads(struct probe_listed **out, size_t *n, struct probe_error *err);
PROBE_API int probe_list_paths(struct probe_listed **out, size_t *n, struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_listed_free(struct probe_listed *listed, size_t n);

/* Appends this machine's interpreters to run->interpreters, ordered by version.
 * @choice  NULL or "all": every CPython from 3.8 that is found; else a comma-separated list of
 *          versions ("3.13"), labels, paths and program names.
 * What was found but can't be used becomes a warning on the run; what was named, an error.
 * Returns 0, -PROBE_ENOENT (no such interpreter), -PROBE_EINVAL (not a CPython from 3.8),
 * -PROBE_ETIMEOUT, -PROBE_ENOMEM, -PROBE_ESYS. Threads: safe. Cost: a process each. */
PROBE_API int probe_list_interpreters(const char *choice, struct probe_run *run,
				      struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
