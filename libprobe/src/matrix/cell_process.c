/* SPDX-License-Identifier: MIT
 * One process of one cell: its spec file, its environment, its end.
 */
#include "matrix/cell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "matrix/clean.h"
#include "matrix/implementation.h"
#include "matrix/switches.h"

enum { PAD_MAX_BYTES = 4096, HASH_SEED_MAX = 0xffffffff, MAX_OPTIONS = 4 };

const char *pb_engine_name(enum pb_engine engine)
{
	static const char *const names[] = {
		[PB_ENGINE_LADDER] = "ladder",         [PB_ENGINE_BARE] = "bare",
		[PB_ENGINE_TIMELINE] = "timeline",     [PB_ENGINE_PRIVATE] = "threads-private",
		[PB_ENGINE_SHARED] = "threads-shared",
	};
	return engine < PB_ENGINE_COUNT ? names[engine] : "?";
}

/* splitmix64's finaliser (Steele, Lea, Flood 2014) over each part in turn. */
uint64_t pb_mix(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t parts[] = {a, b, c};
	uint64_t z = seed;
	for (int i = 0; i < 3; i++) {
		z += 0x9e3779b97f4a7c15 + parts[i];
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		z ^= z >> 31;
	}
	return z;
}

static json_t *numbers(const unsigned *values, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++)
		if (json_array_append_new(list, json_integer(values[i]))) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

static json_t *make_spec(const struct pb_places *places, const struct pb_cell *cell,
			 enum pb_engine engine, unsigned pass,
			 const struct pb_cell_settings *settings)
{
	/* Below 2^53, so that every JSON reader keeps it whole. */
	uint64_t seed = pb_mix(settings->seed, pass, cell->row, (uint64_t)engine) >> 11;
	const struct pb_workload *workload = cell->workload;
	json_t *spec =
		json_pack("{s:s, s:s, s:s, s:O, s:s, s:s, s:O, s:s, s:s?, s:s?, s:O?, s:i, s:f, "
			  "s:f, s:f, s:I, "
			  "s:i}",
			  "home", places->home, "ext", cell->prepared->ext, "engine",
			  pb_engine_name(engine), "workload", workload->json, "workload_name",
			  workload->name, "workload_dir", workload->dir, "path", cell->path->json,
			  "path_dir", cell->path->dir, "artifact", cell->artifact, "twin",
			  cell->twin, "kernel", cell->kernel, "rounds", (int)settings->rounds,
			  "round_us", settings->round_us, "wait_s", settings->wait_s, "quiet_ratio",
			  settings->quiet_ratio, "seed", (json_int_t)seed, "cpu", settings->cpu);
	unsigned subinterpreters = cell->prepared->interpreter->subinterpreters;
	if (spec &&
	    (json_object_set_new(spec, "max_calls", json_integer((json_int_t)settings->max_calls)) |
	     json_object_set_new(spec, "subinterpreters", json_integer(subinterpreters)) |
	     json_object_set_new(spec, "variant",
				 workload->has_variant ? json_integer(workload->variant)
						       : json_null()) |
	     json_object_set_new(spec, "threads",
				 numbers(settings->thread_counts, settings->thread_count_count)))) {
		json_decref(spec);
		spec = NULL;
	}
	return spec;
}

/* Hash seed and the height of the stack move a call's cost by more than its spread: each pass draws
 * new ones, and a process and its twin share them. */
static int make_environment(uint64_t seed, unsigned pass, size_t row, char **hash_seed, char **pad)
{
	uint64_t hash = 1 + pb_mix(seed, pass, 0, 1) % HASH_SEED_MAX;
	int length = (int)(pb_mix(seed, pass, row, 2) % PAD_MAX_BYTES);
	*hash_seed = *pad = NULL;
	if (asprintf(hash_seed, "PYTHONHASHSEED=%llu", (unsigned long long)hash) < 0)
		*hash_seed = NULL;
	if (asprintf(pad, "PROBE_PAD=%0*d", length + 1, 0) < 0)
		*pad = NULL;
	return *hash_seed && *pad ? 0 : -PROBE_ENOMEM;
}

static int run_child(const struct pb_prepared *prepared, const char *script, const char *spec_path,
		     const char *const *extra_env, const struct pb_cell_settings *settings,
		     const struct pb_children_options *children, struct pb_cell_result *out,
		     char **crash, struct probe_error *err)
{
	const struct pb_implementation *of =
		pb_implementation_of(prepared->interpreter->implementation);
	const char *rest[MAX_OPTIONS + 3];
	size_t n = 0;
	while (n < MAX_OPTIONS && of->cell_options[n]) {
		rest[n] = of->cell_options[n];
		n++;
	}
	rest[n++] = script;
	rest[n++] = spec_path;
	rest[n] = NULL;
	double timeout_s = settings->timeout_s * of->patience;
	const char **argv = pb_interpreter_argv(prepared->python, prepared->interpreter, rest);
	const char **env = pb_interpreter_env(prepared->interpreter, extra_env);
	if (!argv || !env) {
		free(argv);
		free(env);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	const struct pb_child_spec child = {.argv = argv, .env = env, .timeout_s = timeout_s};
	struct pb_child_outcome outcome;
	int rc = pb_children_run(&child, 1, children, &outcome, err);
	if (!rc) {
		pb_cell_result_take(&outcome, timeout_s, out);
		*crash = outcome.crash.length ? pb_clean_lines(outcome.crash.bytes) : NULL;
	}
	pb_child_outcome_fini(&outcome);
	free(argv);
	free(env);
	return rc;
}

int pb_cell_process(const struct pb_places *places, const struct pb_cell *cell,
		    enum pb_engine engine, unsigned pass, const struct pb_cell_settings *settings,
		    const struct pb_children_options *children, struct pb_cell_result *out,
		    char **crash, struct probe_error *err)
{
	char *script = NULL, *spec_path = NULL, *hash_seed = NULL, *pad = NULL;
	json_t *spec = make_spec(places, cell, engine, pass, settings);
	int rc = -PROBE_ENOMEM;
	*crash = NULL;
	if (asprintf(&script, "%s/ext/probe/_cell.py", places->home) < 0)
		script = NULL;
	if (!spec || !script ||
	    make_environment(settings->seed, pass, cell->row, &hash_seed, &pad)) {
		pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
		goto out;
	}
	rc = pb_write_spec(places->scratch, "cell.json", spec, &spec_path, err);
	if (rc)
		goto out;
	const char *extra_env[] = {hash_seed, pad, NULL};
	rc = run_child(cell->prepared, script, spec_path, extra_env, settings, children, out, crash,
		       err);
	unlink(spec_path);
out:
	json_decref(spec);
	free(spec_path);
	free(script);
	free(hash_seed);
	free(pad);
	return rc;
}
