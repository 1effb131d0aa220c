/* SPDX-License-Identifier: MIT
 * Reading and checking workload.json and path.json.
 */
#ifndef PB_CATALOG_LOAD_H
#define PB_CATALOG_LOAD_H

#include "matrix/catalog.h"

/* Every workload below home/workloads and extra (folders separated by colons, or NULL), in catalog
 * order; variants not yet split (name == base). Two of the same name are an error.
 * Returns 0, -PROBE_EFORMAT (which file, where, what is wrong), -PROBE_ENOENT (a folder of extra),
 * -PROBE_ESYS, -PROBE_ENOMEM. */
int pb_load_workloads(const char *home, const char *extra, struct pb_workload **out, size_t *n,
		      struct probe_error *err);

/* The workload in one folder, with its members. Returns as above; *n is at least 1 on success. */
int pb_load_workload(const char *folder, struct pb_workload **out, size_t *n,
		     struct probe_error *err);

/* Every call path below home/workloads/bindings and extra (folders separated by colons, or NULL),
 * in catalog order. Two of the same name are an error. Returns as above. */
int pb_load_paths(const char *home, const char *extra, struct pb_path **out, size_t *n,
		  struct probe_error *err);

#endif
