/* SPDX-License-Identifier: MIT
 * From options to cells: rows of the run, and what each lacks to be measured.
 */
#include "matrix/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "matrix/clean.h"

static int out_of_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A claim holds for the workload as a whole: its variants share it. */
static int add_claims(const struct pb_plan *plan, struct probe_run *run)
{
	for (size_t w = 0; w < plan->workload_count; w++) {
		const struct pb_workload *workload = &plan->workloads[w];
		size_t i;
		json_t *claim;
		json_array_foreach(json_object_get(workload->json, "claims"), i, claim)
		{
			const char *numerator = text_at(claim, "numerator");
			const char *denominator = text_at(claim, "denominator");
			const char *source = text_at(claim, "source");
			double published = json_number_value(json_object_get(claim, "published"));
			if (numerator && denominator && published > 0 &&
			    probe_run_add_claim(run, workload->name, numerator, denominator,
						published, source ? source : ""))
				return -PROBE_ENOMEM;
		}
	}
	return 0;
}

int pb_plan_load(struct pb_plan *plan, const char *home, const char *const *workloads,
		 const char *paths, struct probe_run *run, struct probe_error *err)
{
	int rc =
		pb_catalog_workloads(home, workloads, &plan->workloads, &plan->workload_count, err);
	if (!rc)
		rc = pb_catalog_paths(home, paths, &plan->paths, &plan->path_count, err);
	if (!rc && add_claims(plan, run))
		rc = out_of_memory(err);
	return rc;
}

static int set_unavailable(struct probe_cell *row, const char *reason)
{
	char line[500];
	row->status = PROBE_CELL_UNAVAILABLE;
	row->reason = strdup(pb_clean_line(reason, line, sizeof line));
	return row->reason ? 0 : -PROBE_ENOMEM;
}

/* What the build said of one thing: NULL when it is there, else why it is not. */
static const char *build_error(const json_t *built, const char *what)
{
	const char *error = text_at(built, "error");
	if (error)
		return error;
	return json_is_object(built) ? NULL : what;
}

static unsigned engine_bits(unsigned engines, bool pure)
{
	unsigned bits = 0;
	/* Pure Python has no boundary to stamp: its total comes from the ladder always. */
	if (pure || engines & PROBE_ENGINE_LADDER)
		bits |= 1u << PB_ENGINE_LADDER | 1u << PB_ENGINE_BARE;
	if (!pure && engines & PROBE_ENGINE_TIMELINE)
		bits |= 1u << PB_ENGINE_TIMELINE;
	return bits;
}

/* Finds what the cell needs, or settles its row as unavailable. */
static int resolve(struct pb_cell *cell, unsigned engines, struct probe_cell *row)
{
	const struct pb_prepared *prepared = cell->prepared;
	char reason[256];
	if (!pb_path_applies(cell->path, cell->workload, reason, sizeof reason))
		return set_unavailable(row, reason);
	if (prepared->error)
		return set_unavailable(row, prepared->error);
	if (!cell->path->pure) {
		const char *base = cell->workload->base;
		const json_t *of_path = json_object_get(prepared->bindings, cell->path->name);
		const json_t *binding = json_object_get(of_path, base);
		const char *error = text_at(of_path, "error");
		cell->kernel = json_object_get(prepared->kernels, base);
		if (!error)
			error = build_error(cell->kernel, "its kernel was not built");
		if (!error)
			error = build_error(binding, "its binding was not built");
		if (error)
			return set_unavailable(row, error);
		cell->artifact = text_at(binding, "dir");
	}
	cell->engines = engine_bits(engines, cell->path->pure);
	return 0;
}

static int add_rows(struct pb_plan *plan, unsigned engines, bool prepared, struct probe_run *run)
{
	size_t n = run->interpreter_count * plan->workload_count * plan->path_count;
	plan->cells = calloc(n + 1, sizeof *plan->cells);
	if (!plan->cells)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t p = i % plan->path_count, w = i / plan->path_count % plan->workload_count;
		size_t k = i / plan->path_count / plan->workload_count;
		struct pb_cell *cell = &plan->cells[plan->cell_count];
		struct probe_cell *row =
			probe_run_add_cell(run, plan->workloads[w].name, plan->paths[p].name,
					   run->interpreters[k].label);
		if (!row)
			return -PROBE_ENOMEM;
		*cell = (struct pb_cell){.row = plan->cell_count++,
					 .workload = &plan->workloads[w],
					 .path = &plan->paths[p],
					 .prepared = &plan->prepared[k]};
		if (prepared && resolve(cell, engines, row))
			return -PROBE_ENOMEM;
	}
	return 0;
}

/* Which packages the bindings were built with, "cffi 2.1.1". */
static int add_package_facts(const struct pb_plan *plan, struct probe_run *run)
{
	for (size_t k = 0; k < plan->prepared_count; k++) {
		json_t *packages = plan->prepared[k].packages, *version;
		const char *name;
		json_object_foreach(packages, name, version)
		{
			char key[160];
			snprintf(key, sizeof key, "package.%s.%s", run->interpreters[k].label,
				 name);
			if (json_is_string(version) &&
			    probe_run_add_fact(run, key, json_string_value(version)))
				return -PROBE_ENOMEM;
		}
	}
	return 0;
}

static void collect_dirs(const struct pb_plan *plan, const char **path_dirs,
			 const char **workload_dirs, struct pb_prepare_options *options)
{
	size_t paths = 0, workloads = 0;
	for (size_t i = 0; i < plan->path_count; i++)
		path_dirs[paths++] = plan->paths[i].dir;
	/* The variants of a workload share its folder: it is built once. */
	for (size_t i = 0; i < plan->workload_count; i++) {
		bool seen = false;
		for (size_t k = 0; k < workloads && !seen; k++)
			seen = !strcmp(workload_dirs[k], plan->workloads[i].dir);
		if (!seen)
			workload_dirs[workloads++] = plan->workloads[i].dir;
	}
	options->path_dirs = path_dirs;
	options->path_dir_count = paths;
	options->workload_dirs = workload_dirs;
	options->workload_dir_count = workloads;
}

int pb_plan_prepare(struct pb_plan *plan, const struct pb_places *places, unsigned engines,
		    const struct pb_prepare_options *given, struct probe_run *run,
		    struct probe_error *err)
{
	struct pb_prepare_options options = *given;
	const char **path_dirs = calloc(plan->path_count + 1, sizeof *path_dirs);
	const char **workload_dirs = calloc(plan->workload_count + 1, sizeof *workload_dirs);
	int rc = -PROBE_ENOMEM;
	plan->prepared = calloc(run->interpreter_count + 1, sizeof *plan->prepared);
	if (path_dirs && workload_dirs && plan->prepared) {
		collect_dirs(plan, path_dirs, workload_dirs, &options);
		plan->prepared_count = run->interpreter_count;
		rc = pb_prepare(places, run, &options, plan->prepared, err);
	}
	free(path_dirs);
	free(workload_dirs);
	if (rc && rc != -PROBE_EINTR)
		return rc == -PROBE_ENOMEM ? out_of_memory(err) : rc;
	if (add_rows(plan, engines, !rc, run) || add_package_facts(plan, run))
		return out_of_memory(err);
	return rc;
}

/* Fisher and Yates; the bias of the remainder is below n / 2^64. */
void pb_plan_shuffle(size_t *order, size_t n, uint64_t seed, unsigned pass)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)(pb_mix(seed, pass, i, 4) % i);
		size_t swap = order[i - 1];
		order[i - 1] = order[k];
		order[k] = swap;
	}
}

void pb_plan_fini(struct pb_plan *plan)
{
	for (size_t i = 0; i < plan->cell_count; i++)
		pb_cell_fini(&plan->cells[i]);
	for (size_t i = 0; i < plan->prepared_count; i++)
		pb_prepared_fini(&plan->prepared[i]);
	free(plan->cells);
	free(plan->prepared);
	pb_workloads_free(plan->workloads, plan->workload_count);
	pb_paths_free(plan->paths, plan->path_count);
	*plan = (struct pb_plan){0};
}
