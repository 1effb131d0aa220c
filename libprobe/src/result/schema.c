/* SPDX-License-Identifier: MIT
 * The tables of the run model, and releasing a model by them.
 */
#include "result/schema.h"

#include <stdlib.h>

#include "probe/threaded.h"

const char *const pb_cell_status_names[] = {
	[PROBE_CELL_PENDING] = "pending",           [PROBE_CELL_OK] = "ok",
	[PROBE_CELL_UNAVAILABLE] = "unavailable",   [PROBE_CELL_FAILED] = "failed",
	[PROBE_CELL_CRASHED] = "crashed",           [PROBE_CELL_TIMEOUT] = "timeout",
	[PROBE_CELL_INAPPLICABLE] = "inapplicable", NULL,
};

const char *const pb_state_names[] = {
	[PROBE_ABSENT] = "absent",
	[PROBE_EXACT] = "exact",
	[PROBE_SCALED] = "scaled",
	[PROBE_ESTIMATE] = "estimate",
	NULL,
};

#define AT(type, member)  .offset = offsetof(struct type, member)
#define LEN(type, member) .size = sizeof(((struct type *)0)->member)
#define END                                                                                        \
	{                                                                                          \
		.key = NULL                                                                        \
	}

static bool value_absent(const void *object)
{
	return ((const struct probe_value *)object)->state == PROBE_ABSENT;
}

static bool engine_absent(const void *object)
{
	return !((const struct probe_engine *)object)->present;
}

static void engine_loaded(void *object)
{
	((struct probe_engine *)object)->present = true;
}

static const struct pb_field counter_fields[] = {
	{"kind", PB_CHARS, AT(probe_counter_facts, kind), LEN(probe_counter_facts, kind)},
	{"unit", PB_CHARS, AT(probe_counter_facts, unit), LEN(probe_counter_facts, unit)},
	{"why", PB_CHARS, AT(probe_counter_facts, why), LEN(probe_counter_facts, why)},
	{"hz", PB_REAL_0, AT(probe_counter_facts, hz), .range = PB_NOT_NEGATIVE},
	{"granularity_ticks", PB_REAL_0, AT(probe_counter_facts, granularity_ticks),
	 .range = PB_NOT_NEGATIVE},
	{"cycles_per_tick", PB_REAL_0, AT(probe_counter_facts, cycles_per_tick),
	 .range = PB_NOT_NEGATIVE},
	{"cycles_estimated", PB_BOOL, AT(probe_counter_facts, cycles_estimated)},
	END,
};
static const struct pb_schema counter = {sizeof(struct probe_counter_facts), counter_fields, NULL,
					 NULL, NULL};

static const struct pb_field interpreter_fields[] = {
	{"label", PB_CHARS, true, AT(probe_interpreter, label), LEN(probe_interpreter, label)},
	{"executable", PB_TEXT, AT(probe_interpreter, executable)},
	{"program", PB_TEXT, AT(probe_interpreter, program)},
	{"version", PB_CHARS, AT(probe_interpreter, version), LEN(probe_interpreter, version)},
	{"implementation", PB_CHARS, AT(probe_interpreter, implementation),
	 LEN(probe_interpreter, implementation)},
	{"environment", PB_TEXTS, AT(probe_interpreter, environment)},
	{"options", PB_TEXTS, AT(probe_interpreter, options)},
	{"free_threaded", PB_BOOL, AT(probe_interpreter, free_threaded)},
	{"gil_off", PB_BOOL, AT(probe_interpreter, gil_off)},
	{"jit", PB_BOOL, AT(probe_interpreter, jit)},
	{"jit_built", PB_BOOL, AT(probe_interpreter, jit_built)},
	{"debug", PB_BOOL, AT(probe_interpreter, debug)},
	{"tail_call", PB_BOOL, AT(probe_interpreter, tail_call)},
	{"static_libpython", PB_BOOL, AT(probe_interpreter, static_libpython)},
	{"headers", PB_BOOL, AT(probe_interpreter, headers)},
	{"subinterpreters", PB_UNSIGNED, AT(probe_interpreter, subinterpreters)},
	{"optimisation", PB_CHARS, AT(probe_interpreter, optimisation),
	 LEN(probe_interpreter, optimisation)},
	{"compiler", PB_CHARS, AT(probe_interpreter, compiler), LEN(probe_interpreter, compiler)},
	{"libc", PB_CHARS, AT(probe_interpreter, libc), LEN(probe_interpreter, libc)},
	{"config_args", PB_TEXT, AT(probe_interpreter, config_args)},
	{"missing", PB_TEXT, AT(probe_interpreter, missing)},
	END,
};
static const struct pb_schema interpreter = {sizeof(struct probe_interpreter), interpreter_fields,
					     NULL, NULL, NULL};

static const struct pb_field value_fields[] = {
	{"state", PB_NAME, true, AT(probe_value, state), .names = pb_state_names},
	{"ticks", PB_REAL, AT(probe_value, ticks)},
	{"half", PB_REAL, AT(probe_value, half), .range = PB_NOT_NEGATIVE},
	{"below_floor", PB_BOOL, AT(probe_value, below_floor)},
	END,
};
static const struct pb_schema value = {sizeof(struct probe_value), value_fields, value_absent, NULL,
				       NULL};

/* A few calls on a busy machine can come out below nothing, as the loop's own cost is taken out;
 * they are then below the floor, or their interval reaches nothing. */
static const char *time_wrong(const void *object, const void *engine)
{
	const struct probe_value *v = object;

	(void)engine;
	return v->ticks < 0 && !v->below_floor && !(v->ticks + v->half >= 0) ? "ticks" : NULL;
}
static const struct pb_schema time_value = {sizeof(struct probe_value), value_fields, value_absent,
					    NULL, time_wrong};

static const struct pb_field part_fields[] = {
	{"subphases", PB_MASK, true, AT(probe_part, mask)},
	{"value", PB_OBJECT, AT(probe_part, value), .of = &value},
	END,
};
static const struct pb_schema part = {sizeof(struct probe_part), part_fields, NULL, NULL, NULL};

static const struct pb_field pass_fields[] = {
	{"total", PB_REAL, AT(probe_pass, total)},
	{"bare", PB_REAL, AT(probe_pass, bare)},
	{"parts", PB_PART_REALS, AT(probe_pass, parts), .size = PROBE_MAX_PARTS,
	 .count_offset = offsetof(struct probe_engine, part_count)},
	{"empty_call", PB_REAL, AT(probe_pass, empty_call)},
	{"chain_ticks", PB_REAL, AT(probe_pass, chain_ticks), .range = PB_NOT_NEGATIVE},
	{"wide_ticks", PB_REAL, AT(probe_pass, wide_ticks), .range = PB_NOT_NEGATIVE},
	{"rounds", PB_UNSIGNED, AT(probe_pass, rounds)},
	{"rounds_contended", PB_UNSIGNED, AT(probe_pass, rounds_contended)},
	{"rounds_discarded", PB_UNSIGNED, AT(probe_pass, rounds_discarded)},
	END,
};

/* How many half widths below the mean one of its passes may be; with one pass it is the mean. */
#define PASS_HALVES 32
/* In ticks; for rounding, and for a bare loop's pass that was left out. */
#define PASS_LEAST (-10.0)

static bool is_below(double ticks, const struct probe_value *mean)
{
	return ticks < PASS_LEAST && ticks < mean->ticks - PASS_HALVES * mean->half + PASS_LEAST;
}

static const char *pass_wrong(const void *object, const void *engine)
{
	const struct probe_pass *p = object;
	const struct probe_engine *e = engine;

	return is_below(p->total, &e->total)             ? "total"
	       : is_below(p->bare, &e->bare)             ? "bare"
	       : is_below(p->empty_call, &e->empty_call) ? "empty_call"
							 : NULL;
}
static const struct pb_schema pass = {sizeof(struct probe_pass), pass_fields, NULL, NULL,
				      pass_wrong};

static const struct pb_field quantile_fields[] = {
	{"share", PB_REAL, AT(probe_quantile, share), .range = PB_NOT_NEGATIVE},
	{"ticks", PB_REAL, AT(probe_quantile, ticks)},
	END,
};
static const struct pb_schema quantile = {sizeof(struct probe_quantile), quantile_fields, NULL,
					  NULL, NULL};

static const struct pb_field dist_fields[] = {
	{"subphases", PB_MASK, true, AT(probe_dist, mask)},
	{"calls", PB_U64, AT(probe_dist, calls)},
	{"p50", PB_REAL, AT(probe_dist, p50)},
	{"p90", PB_REAL, AT(probe_dist, p90)},
	{"p99", PB_REAL, AT(probe_dist, p99)},
	{"p999", PB_REAL, AT(probe_dist, p999)},
	{"max", PB_REAL, AT(probe_dist, max)},
	{"curve", PB_OBJECTS, AT(probe_dist, curve), .size = PROBE_MAX_CURVE, .of = &quantile,
	 .count_offset = offsetof(struct probe_dist, curve_count)},
	END,
};
static const struct pb_schema dist = {sizeof(struct probe_dist), dist_fields, NULL, NULL, NULL};

/* parts before passes: a pass has as many figures as the engine has parts. */
static const struct pb_field engine_fields[] = {
	{"total", PB_OBJECT, AT(probe_engine, total), .of = &time_value},
	{"bare", PB_OBJECT, AT(probe_engine, bare), .of = &time_value},
	{"closure", PB_OBJECT, AT(probe_engine, closure), .of = &value},
	{"empty_call", PB_OBJECT, AT(probe_engine, empty_call), .of = &time_value},
	{"overlap", PB_OBJECT, AT(probe_engine, overlap), .of = &value},
	{"alone", PB_OBJECT, AT(probe_engine, alone), .of = &value},
	{"alone_free", PB_OBJECT, AT(probe_engine, alone_free), .of = &value},
	{"parts", PB_OBJECTS, AT(probe_engine, parts), .size = PROBE_MAX_PARTS, .of = &part,
	 .count_offset = offsetof(struct probe_engine, part_count)},
	{"folded", PB_OBJECTS, AT(probe_engine, folded), .size = 3, .of = &part,
	 .count_offset = offsetof(struct probe_engine, folded_count)},
	{"passes", PB_LIST, AT(probe_engine, passes), .of = &pass,
	 .count_offset = offsetof(struct probe_engine, pass_count)},
	{"rounds", PB_U64, AT(probe_engine, rounds)},
	{"rounds_contended", PB_U64, AT(probe_engine, rounds_contended)},
	{"rounds_discarded", PB_U64, AT(probe_engine, rounds_discarded)},
	{"calls_per_round", PB_U64, AT(probe_engine, calls_per_round)},
	{"floor_ticks", PB_REAL_0, AT(probe_engine, floor_ticks), .range = PB_NOT_NEGATIVE},
	{"subtracted_ticks", PB_REAL_0, AT(probe_engine, subtracted_ticks)},
	{"contended", PB_BOOL, AT(probe_engine, contended)},
	{"dists", PB_LIST, AT(probe_engine, dists), .of = &dist,
	 .count_offset = offsetof(struct probe_engine, dist_count)},
	END,
};
static const struct pb_schema engine = {sizeof(struct probe_engine), engine_fields, engine_absent,
					engine_loaded, NULL};

static bool warmup_absent(const void *object)
{
	return !((const struct probe_warmup *)object)->point_count;
}

#define WARMUP_REALS(member)                                                                       \
	{                                                                                          \
#member, PB_REALS, true, AT(probe_warmup, member),                                 \
			.size = PROBE_MAX_WARMUP, .range = PB_NOT_NEGATIVE,                        \
			.count_offset = offsetof(struct probe_warmup, point_count)                 \
	}

static const struct pb_field warmup_fields[] = {
	WARMUP_REALS(calls),
	WARMUP_REALS(ticks),
	WARMUP_REALS(contended),
	{"call_count", PB_U64, AT(probe_warmup, call_count)},
	{"steady_from", PB_REAL, AT(probe_warmup, steady_from), .range = PB_NOT_NEGATIVE},
	{"processes", PB_UNSIGNED, AT(probe_warmup, processes)},
	{"processes_unsteady", PB_UNSIGNED, AT(probe_warmup, processes_unsteady)},
	{"change", PB_REAL_0, AT(probe_warmup, change), .range = PB_NOT_NEGATIVE},
	END,
};
static const struct pb_schema warmup = {sizeof(struct probe_warmup), warmup_fields, warmup_absent,
					NULL, NULL};

static const struct pb_field cell_fields[] = {
	{"workload", PB_TEXT, true, AT(probe_cell, workload)},
	{"path", PB_TEXT, true, AT(probe_cell, path)},
	{"interpreter", PB_TEXT, true, AT(probe_cell, interpreter)},
	{"binding", PB_TEXT, AT(probe_cell, binding)},
	{"prepared", PB_TEXT, AT(probe_cell, prepared)},
	{"status", PB_NAME, true, AT(probe_cell, status), .names = pb_cell_status_names},
	{"reason", PB_TEXT, AT(probe_cell, reason)},
	{"backtrace", PB_TEXT, AT(probe_cell, backtrace), .lines = true},
	{"warnings", PB_TEXTS, AT(probe_cell, warnings)},
	{"ladder", PB_OBJECT, AT(probe_cell, ladder), .of = &engine},
	{"timeline", PB_OBJECT, AT(probe_cell, timeline), .of = &engine},
	{"warmup", PB_OBJECT, AT(probe_cell, warmup), .of = &warmup},
	END,
};
static const struct pb_schema cell = {sizeof(struct probe_cell), cell_fields, NULL, NULL, NULL};

static const struct pb_field fact_fields[] = {
	{"key", PB_TEXT, true, AT(probe_fact, key)},
	{"value", PB_TEXT, true, AT(probe_fact, value)},
	END,
};
static const struct pb_schema fact = {sizeof(struct probe_fact), fact_fields, NULL, NULL, NULL};

static const struct pb_field claim_fields[] = {
	{"workload", PB_TEXT, true, AT(probe_claim, workload)},
	{"numerator", PB_TEXT, true, AT(probe_claim, numerator)},
	{"denominator", PB_TEXT, true, AT(probe_claim, denominator)},
	{"published", PB_REAL, AT(probe_claim, published), .range = PB_NOT_NEGATIVE},
	{"source", PB_TEXT, true, AT(probe_claim, source)},
	END,
};
static const struct pb_schema claim = {sizeof(struct probe_claim), claim_fields, NULL, NULL, NULL};

static const struct pb_field sweep_fields[] = {
	{"workload", PB_TEXT, true, AT(probe_sweep, workload)},
	{"family", PB_TEXT, true, AT(probe_sweep, family)},
	{"type", PB_TEXT, true, AT(probe_sweep, type)},
	{"count", PB_UNSIGNED, true, AT(probe_sweep, count)},
	END,
};
static const struct pb_schema sweep = {sizeof(struct probe_sweep), sweep_fields, NULL, NULL, NULL};

static const char *const callables_names[] = {"private", "shared", NULL};

static const struct pb_field threaded_phase_fields[] = {
	{"subphases", PB_MASK, true, AT(probe_threaded_phase, mask)},
	{"ns", PB_REAL, AT(probe_threaded_phase, ns)},
	{"half_ns", PB_REAL, AT(probe_threaded_phase, half_ns), .range = PB_NOT_NEGATIVE},
	{"grown_ns", PB_REAL, AT(probe_threaded_phase, grown_ns)},
	{"grown_half_ns", PB_REAL, AT(probe_threaded_phase, grown_half_ns),
	 .range = PB_NOT_NEGATIVE},
	END,
};
static const struct pb_schema threaded_phase = {sizeof(struct probe_threaded_phase),
						threaded_phase_fields, NULL, NULL, NULL};

static const struct pb_field threaded_pass_fields[] = {
	{"calls_per_s", PB_REAL, AT(probe_threaded_pass, calls_per_s), .range = PB_NOT_NEGATIVE},
	{"scaling", PB_REAL, AT(probe_threaded_pass, scaling), .range = PB_NOT_NEGATIVE},
	{"cores", PB_REAL, AT(probe_threaded_pass, cores), .range = PB_NOT_NEGATIVE},
	END,
};
static const struct pb_schema threaded_pass = {sizeof(struct probe_threaded_pass),
					       threaded_pass_fields, NULL, NULL, NULL};

static const struct pb_field threaded_fields[] = {
	{"workload", PB_TEXT, true, AT(probe_threaded, workload)},
	{"path", PB_TEXT, true, AT(probe_threaded, path)},
	{"interpreter", PB_TEXT, true, AT(probe_threaded, interpreter)},
	{"callables", PB_NAME, true, AT(probe_threaded, callables), .names = callables_names},
	{"threads", PB_UNSIGNED, true, AT(probe_threaded, threads)},
	{"status", PB_NAME, true, AT(probe_threaded, status), .names = pb_cell_status_names},
	{"reason", PB_TEXT, AT(probe_threaded, reason)},
	{"backtrace", PB_TEXT, AT(probe_threaded, backtrace), .lines = true},
	{"calls_per_s", PB_REAL, AT(probe_threaded, calls_per_s), .range = PB_NOT_NEGATIVE},
	{"calls_per_s_half", PB_REAL, AT(probe_threaded, calls_per_s_half),
	 .range = PB_NOT_NEGATIVE},
	{"scaling", PB_REAL, AT(probe_threaded, scaling), .range = PB_NOT_NEGATIVE},
	{"scaling_half", PB_REAL, AT(probe_threaded, scaling_half), .range = PB_NOT_NEGATIVE},
	{"cores", PB_REAL, AT(probe_threaded, cores), .range = PB_NOT_NEGATIVE},
	{"cores_half", PB_REAL, AT(probe_threaded, cores_half), .range = PB_NOT_NEGATIVE},
	{"call_ns", PB_REAL, AT(probe_threaded, call_ns), .range = PB_NOT_NEGATIVE},
	{"call_ns_half", PB_REAL, AT(probe_threaded, call_ns_half), .range = PB_NOT_NEGATIVE},
	{"phases", PB_OBJECTS, AT(probe_threaded, phases), .size = PROBE_MAX_THREAD_PHASES,
	 .of = &threaded_phase, .count_offset = offsetof(struct probe_threaded, phase_count)},
	{"stamps_ns", PB_REAL, AT(probe_threaded, stamps_ns)},
	{"passes", PB_LIST, AT(probe_threaded, passes), .of = &threaded_pass,
	 .count_offset = offsetof(struct probe_threaded, pass_count)},
	{"cpus", PB_UNSIGNED, AT(probe_threaded, cpus)},
	{"contended", PB_BOOL, AT(probe_threaded, contended)},
	END,
};
static const struct pb_schema threaded = {sizeof(struct probe_threaded), threaded_fields, NULL,
					  NULL, NULL};

static const struct pb_field run_fields[] = {
	{"schema_version", PB_INT, true, AT(probe_run, schema_version)},
	{"probe_version", PB_CHARS, AT(probe_run, probe_version), LEN(probe_run, probe_version)},
	{"started", PB_CHARS, AT(probe_run, started), LEN(probe_run, started)},
	{"duration_s", PB_REAL, AT(probe_run, duration_s), .range = PB_NOT_NEGATIVE},
	{"seed", PB_U64, AT(probe_run, seed)},
	{"passes", PB_UNSIGNED, AT(probe_run, passes)},
	{"interrupted", PB_BOOL, AT(probe_run, interrupted)},
	{"command", PB_TEXT, AT(probe_run, command)},
	{"counter", PB_OBJECT, AT(probe_run, counter), .of = &counter},
	{"interpreters", PB_LIST, AT(probe_run, interpreters), .of = &interpreter,
	 .count_offset = offsetof(struct probe_run, interpreter_count)},
	{"cells", PB_LIST, true, AT(probe_run, cells), .of = &cell,
	 .count_offset = offsetof(struct probe_run, cell_count)},
	{"facts", PB_LIST, AT(probe_run, facts), .of = &fact,
	 .count_offset = offsetof(struct probe_run, fact_count)},
	{"claims", PB_LIST, AT(probe_run, claims), .of = &claim,
	 .count_offset = offsetof(struct probe_run, claim_count)},
	{"sweeps", PB_LIST, AT(probe_run, sweeps), .of = &sweep,
	 .count_offset = offsetof(struct probe_run, sweep_count)},
	{"threaded", PB_LIST, AT(probe_run, threaded), .of = &threaded,
	 .count_offset = offsetof(struct probe_run, threaded_count)},
	{"warnings", PB_TEXTS, AT(probe_run, warnings)},
	END,
};
const struct pb_schema pb_schema_run = {sizeof(struct probe_run), run_fields, NULL, NULL, NULL};

static void texts_free(char **texts)
{
	for (char **t = texts; t && *t; t++)
		free(*t);
	free(texts);
}

void pb_schema_fini(const struct pb_schema *schema, void *object)
{
	for (const struct pb_field *f = schema->fields; f->key; f++) {
		char *at = (char *)object + f->offset;
		size_t count = 0;

		switch (f->kind) {
		case PB_TEXT:
			free(*(char **)at);
			break;
		case PB_TEXTS:
			texts_free(*(char ***)at);
			break;
		case PB_OBJECT:
			pb_schema_fini(f->of, at);
			break;
		case PB_LIST:
			count = *(size_t *)((char *)object + f->count_offset);
			for (size_t i = 0; i < count; i++)
				pb_schema_fini(f->of, *(char **)at + i * f->of->size);
			free(*(void **)at);
			break;
		default: /* holds nothing of its own; the structs inside arrays are plain figures */
			break;
		}
	}
}
