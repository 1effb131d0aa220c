/* SPDX-License-Identifier: MIT
 * The plan of a run: which cells there are, which can be measured, in which order.
 */
#ifndef PB_PLAN_H
#define PB_PLAN_H

#include "matrix/cell.h"

struct pb_plan {
	struct pb_workload *workloads;
	struct pb_path *paths;
	size_t workload_count, path_count;
	struct pb_prepared *prepared; /* one for each interpreter of the run */
	size_t prepared_count;
	struct pb_cell *cells; /* one for each row of the run, in its order */
	size_t cell_count;
};

/* Loads the catalog's part of the options and adds the claims to the run. Nothing is built.
 * Returns as pb_catalog_workloads(). Release with pb_plan_fini(), also after an error. */
int pb_plan_load(struct pb_plan *plan, const char *home, const char *const *workloads,
		 const char *paths, struct probe_run *run, struct probe_error *err);

/* Builds what each interpreter needs, adds a row for every cell, and settles those that can't be
 * measured. @engines  PROBE_ENGINE_* asked for.   @settings  the numbers of threads.
 * Returns as pb_prepare(); rows are there also after -PROBE_EINTR. */
int pb_plan_prepare(struct pb_plan *plan, const struct pb_places *places, unsigned engines,
		    const struct pb_cell_settings *settings,
		    const struct pb_prepare_options *options, struct probe_run *run,
		    struct probe_error *err);

/* A random order of n cells for one pass: order[i] is an index; the same for the same seed. */
void pb_plan_shuffle(size_t *order, size_t n, uint64_t seed, unsigned pass);

void pb_plan_fini(struct pb_plan *plan);

#endif
