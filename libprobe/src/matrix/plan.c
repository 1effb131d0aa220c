/* SPDX-License-Identifier: MIT
 * From options to cells: rows of the run, and what each lacks to be measured.
 */
#include "matrix/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "matrix/clean.h"
#include "matrix/implementation.h"

static int out_of_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
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

static int add_sweeps(const struct pb_plan *plan, struct probe_run *run)
{
	for (size_t w = 0; w < plan->workload_count; w++) {
		const struct pb_workload *workload = &plan->workloads[w];
		const json_t *sweep = json_object_get(workload->json, "sweep");
		long long count = json_integer_value(json_object_get(sweep, "count"));
		if (sweep && probe_run_add_sweep(run, workload->name, workload->group,
						 text_at(sweep, "type"), (unsigned)count))
			return -PROBE_ENOMEM;
	}
	return 0;
}

/* Whether any row will go through this path. */
static bool is_used(const struct pb_plan *plan, const struct pb_path *path)
{
	for (size_t w = 0; w < plan->workload_count; w++)
		if (pb_path_fits(path, &plan->workloads[w]))
			return true;
	return false;
}

static int check_paths(const struct pb_plan *plan, const char *paths, struct probe_error *err)
{
	for (size_t p = 0; p < plan->path_count; p++)
		if (is_used(plan, &plan->paths[p]))
			return 0;
	return pb_fail(err, PROBE_EINVAL, 0,
		       "no path of '%s' is for %s: Python callables are measured as they are, "
		       "through the path direct, and nothing else is",
		       paths ? paths : "all",
		       plan->workload_count ? plan->workloads[0].name : "this");
}

int pb_plan_load(struct pb_plan *plan, const char *home, const char *const *workloads,
		 const char *paths, struct probe_run *run, struct probe_error *err)
{
	int rc =
		pb_catalog_workloads(home, workloads, &plan->workloads, &plan->workload_count, err);
	if (!rc)
		rc = pb_catalog_paths(home, paths, &plan->paths, &plan->path_count, err);
	if (!rc)
		rc = check_paths(plan, paths, err);
	if (!rc && (add_claims(plan, run) || add_sweeps(plan, run)))
		rc = out_of_memory(err);
	return rc;
}

static int settle(struct probe_cell *row, enum probe_cell_status status, const char *reason)
{
	char line[500];
	row->status = status;
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

/* Stamps are put into the objects that a call goes through, and not every interpreter has them. */
static int choose_engines(struct pb_cell *cell, unsigned engines, struct probe_cell *row)
{
	const char *implementation = cell->prepared->interpreter->implementation;
	bool pure = cell->path->pure;
	if (!pure && engines & PROBE_ENGINE_TIMELINE &&
	    !pb_implementation_of(implementation)->hooks) {
		char reason[160];
		snprintf(reason, sizeof reason,
			 "no timeline: %s has none of the objects that CPython's calls go through",
			 implementation);
		engines &= ~(unsigned)PROBE_ENGINE_TIMELINE;
		if (!engines)
			return settle(row, PROBE_CELL_UNAVAILABLE, reason);
		if (probe_cell_add_warning(row, reason))
			return -PROBE_ENOMEM;
	}
	cell->engines = engine_bits(engines, pure);
	return 0;
}

/* Finds what the cell needs, or settles its row as unavailable. */
static int resolve(struct pb_cell *cell, unsigned engines, struct probe_cell *row)
{
	const struct pb_prepared *prepared = cell->prepared;
	char reason[256];
	if (!pb_path_applies(cell->path, cell->workload, reason, sizeof reason))
		return settle(row, PROBE_CELL_INAPPLICABLE, reason);
	if (prepared->error)
		return settle(row, PROBE_CELL_UNAVAILABLE, prepared->error);
	if (!cell->path->pure && !cell->workload->callable) {
		const char *base = cell->workload->base;
		const json_t *of_path = json_object_get(prepared->bindings, cell->path->name);
		const json_t *binding = json_object_get(of_path, base);
		const char *error = text_at(of_path, "error");
		cell->kernel = json_object_get(prepared->kernels, base);
		if (!error)
			error = build_error(cell->kernel, "its kernel was not built");
		if (!error)
			error = build_error(binding, "its binding was not built");
		const char *inexpressible = text_at(binding, "inexpressible");
		if (error)
			return settle(row, PROBE_CELL_UNAVAILABLE, error);
		if (inexpressible)
			return settle(row, PROBE_CELL_INAPPLICABLE, inexpressible);
		cell->artifact = text_at(binding, "dir");
		cell->twin = text_at(binding, "twin");
	}
	return choose_engines(cell, engines, row);
}

static const char no_threads[] = "no threads: only CPython's calls are made from several at once";

static int add_rows(struct pb_plan *plan, unsigned engines, const struct pb_cell_settings *settings,
		    bool prepared, struct probe_run *run)
{
	size_t n = run->interpreter_count * plan->workload_count * plan->path_count;
	plan->cells = calloc(n + 1, sizeof *plan->cells);
	if (!plan->cells)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t p = i % plan->path_count, w = i / plan->path_count % plan->workload_count;
		size_t k = i / plan->path_count / plan->workload_count;
		if (!pb_path_fits(&plan->paths[p], &plan->workloads[w]))
			continue;
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
		if (settings->max_calls)
			cell->engines &= ~(1u << PB_ENGINE_BARE);
		if (!cell->engines || !settings->thread_count_count)
			continue;
		if (!pb_implementation_of(run->interpreters[k].implementation)->hooks) {
			if (probe_cell_add_warning(row, no_threads))
				return -PROBE_ENOMEM;
			continue;
		}
		cell->engines |= PB_ENGINES_THREADED;
		if (pb_cell_add_threaded(cell, settings, run))
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

/* What the build driver is told of a workload or path: its JSON and its folder. */
static int append_described(json_t *list, const json_t *json, const char *dir)
{
	json_t *whole = json_copy((json_t *)(uintptr_t)json);
	if (!whole || json_object_set_new(whole, "dir", json_string(dir))) {
		json_decref(whole);
		return -PROBE_ENOMEM;
	}
	return json_array_append_new(list, whole) ? -PROBE_ENOMEM : 0;
}

static int describe(const struct pb_plan *plan, json_t *paths, json_t *workloads)
{
	int rc = paths && workloads ? 0 : -PROBE_ENOMEM;
	/* What no row goes through would bring its packages into the environment all the same. */
	for (size_t i = 0; i < plan->path_count && !rc; i++)
		if (is_used(plan, &plan->paths[i]))
			rc = append_described(paths, plan->paths[i].json, plan->paths[i].dir);
	/* The variants of a workload share kernel and bindings: they are built once. */
	for (size_t i = 0; i < plan->workload_count && !rc; i++) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(plan->workloads[k].base, plan->workloads[i].base);
		if (!seen)
			rc = append_described(workloads, plan->workloads[i].json,
					      plan->workloads[i].dir);
	}
	return rc;
}

/* What a build repaired, or did without. */
static int add_notes(const struct pb_plan *plan, struct probe_run *run)
{
	for (size_t k = 0; k < run->interpreter_count; k++) {
		size_t i;
		json_t *note;
		if (run->interpreters[k].subinterpreters)
			continue; /* the same build again */
		json_array_foreach(plan->prepared[k].notes, i, note)
		{
			char *text = NULL;
			const char *said = json_string_value(note);
			if (!said)
				continue;
			if (asprintf(&text, "%s: %s", run->interpreters[k].label, said) < 0)
				return -PROBE_ENOMEM;
			int rc = probe_run_add_warning(run, text);
			free(text);
			if (rc)
				return rc;
		}
	}
	return 0;
}

int pb_plan_prepare(struct pb_plan *plan, const struct pb_places *places, unsigned engines,
		    const struct pb_cell_settings *settings, const struct pb_prepare_options *given,
		    struct probe_run *run, struct probe_error *err)
{
	struct pb_prepare_options options = *given;
	int rc = -PROBE_ENOMEM;
	options.paths = json_array();
	options.workloads = json_array();
	plan->prepared = calloc(run->interpreter_count + 1, sizeof *plan->prepared);
	if (plan->prepared && !describe(plan, options.paths, options.workloads)) {
		plan->prepared_count = run->interpreter_count;
		rc = pb_prepare(places, run, &options, plan->prepared, err);
	}
	json_decref(options.paths);
	json_decref(options.workloads);
	if (rc && rc != -PROBE_EINTR)
		return rc == -PROBE_ENOMEM ? out_of_memory(err) : rc;
	if (add_rows(plan, engines, settings, !rc, run) || add_package_facts(plan, run) ||
	    add_notes(plan, run))
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
