/* SPDX-License-Identifier: MIT
 * The workloads and call paths that probe knows: one folder and one JSON file each.
 */
#ifndef PB_CATALOG_H
#define PB_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "probe/error.h"

/* One workload, one member or one variant of it. */
struct pb_workload {
	char *name;    /* as in results: "add", "sum:1024", "strlen:bytes" */
	char *base;    /* without the variant: the key of its kernel and bindings: "strlen:bytes" */
	char *group;   /* its folder's name: "strlen" */
	char *dir;     /* absolute folder */
	char *summary; /* one line on what it isolates */
	json_t *json;  /* workload.json, with the member's own part; a reference of its own */
	long variant;  /* 1024; 0 without has_variant */
	bool has_variant;
	bool callable; /* an importable callable as it is: no prototype, no kernel, no binding */
	size_t param_count;
	long order;   /* place in lists */
	size_t place; /* and among its group's members */
};

/* One call path (a binding, or pure Python). */
struct pb_path {
	char *name; /* "capi-fastcall", with chosen options "capi-fastcall+nogil" */
	char *dir;
	char *summary;
	json_t *json;     /* path.json, with what the options replace; a reference of its own */
	bool pure;        /* pure Python: no binding, no phases */
	bool compiler;    /* building the binding needs a C compiler and Python's headers */
	bool callables;   /* for callables as they are, and nothing else */
	long only_params; /* applies to functions of exactly so many parameters; -1 = to all */
	long order;
};

/* Loads workloads from home/workloads and the folders in $PROBE_WORKLOADS (separated by colons).
 * @names  NULL-terminated: "add", "sum" (all members and variants), "sum:1024", or a folder that
 *         holds a workload.json ("/tmp/mine/hypot"), or "all" = every one but the members of
 *         sweeps; NULL = every one.
 *         The order typed is kept and doubles are dropped; every one comes in catalog order.
 * @out    *n of them; release with pb_workloads_free().
 * Returns 0, -PROBE_ENOENT (unknown name; err lists the known ones), -PROBE_EFORMAT (a
 * workload.json that is not one), -PROBE_ENOMEM. */
int pb_catalog_workloads(const char *home, const char *const *names, struct pb_workload **out,
			 size_t *n, struct probe_error *err);

/* Loads call paths from home/workloads/bindings and the folders in $PROBE_BINDINGS (separated by
 * colons), always in catalog order.
 * @list   comma-separated names, each with its options ("ctypes,capi-fastcall+nogil"); NULL or
 *         "all" = every one, without options.
 * @out    *n of them; release with pb_paths_free().
 * Returns as pb_catalog_workloads(). */
int pb_catalog_paths(const char *home, const char *list, struct pb_path **out, size_t *n,
		     struct probe_error *err);

/* Whether the two can make a row: callables as they are have a path of their own. */
bool pb_path_fits(const struct pb_path *path, const struct pb_workload *workload);

/* True where the path can call the workload's function; else why not is written to reason. */
bool pb_path_applies(const struct pb_path *path, const struct pb_workload *workload, char *reason,
		     size_t size);

void pb_workloads_free(struct pb_workload *workloads, size_t n);
void pb_paths_free(struct pb_path *paths, size_t n);

#endif
