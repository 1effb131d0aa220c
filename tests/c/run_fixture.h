/* SPDX-License-Identifier: MIT
 * A small made-up run with every kind of row, for the tests of run file, exports and table.
 */
#ifndef RUN_FIXTURE_H
#define RUN_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/run.h"

#define FIXTURE_PASSES 3

static inline struct probe_value fixture_value(double ticks, double half)
{
	return (struct probe_value){.state = PROBE_EXACT, .ticks = ticks, .half = half};
}

/* An engine with the given parts; each pass lies one tick beside the estimate. */
static inline void fixture_engine(struct probe_engine *e, const struct probe_part *parts, size_t n)
{
	double total = 0;

	e->present = true;
	for (size_t i = 0; i < n; i++) {
		e->parts[i] = parts[i];
		total += parts[i].value.ticks;
	}
	e->part_count = n;
	e->folded_count = probe_parts_fold(parts, n, e->folded);
	e->total = fixture_value(total, 2);
	e->bare = fixture_value(total + 1, 2);
	e->closure = fixture_value(1, 3);
	e->passes = calloc(FIXTURE_PASSES, sizeof *e->passes);
	e->pass_count = e->passes ? FIXTURE_PASSES : 0;
	for (size_t p = 0; p < e->pass_count; p++) {
		struct probe_pass *pass = &e->passes[p];
		double shift = (double)p - 1;

		*pass = (struct probe_pass){.total = total + shift * (double)n,
					    .bare = total + 1 + shift,
					    .empty_call = NAN,
					    .chain_ticks = 0.71,
					    .wide_ticks = 0.203,
					    .rounds = 120,
					    .rounds_contended = 4,
					    .rounds_discarded = 1};
		for (size_t i = 0; i < n; i++)
			pass->parts[i] = parts[i].value.ticks + shift;
	}
	e->rounds = 360;
	e->rounds_contended = 12;
	e->rounds_discarded = 3;
	e->calls_per_round = 400;
	e->floor_ticks = 1.2;
}

static inline struct probe_cell *fixture_cell(struct probe_run *run, const char *workload,
					      const char *path, const char *interpreter)
{
	struct probe_cell *cell = probe_run_add_cell(run, workload, path, interpreter);

	cell->status = PROBE_CELL_OK;
	return cell;
}

static inline void fixture_python(struct probe_run *run, const char *workload,
				  const char *interpreter, double ticks)
{
	struct probe_engine *e = &fixture_cell(run, workload, "python", interpreter)->ladder;

	fixture_engine(e, NULL, 0);
	e->total = fixture_value(ticks, ticks / 200);
	e->bare = e->closure = (struct probe_value){.state = PROBE_ABSENT};
	e->empty_call = fixture_value(75, 0.6);
	for (size_t p = 0; p < e->pass_count; p++) {
		e->passes[p].total = ticks;
		e->passes[p].bare = NAN;
		e->passes[p].empty_call = 75;
	}
}

static inline void fixture_ctypes(struct probe_run *run, const char *workload,
				  const char *interpreter, double compute)
{
	const struct probe_part parts[] = {
		{PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN), fixture_value(120, 1)},
		{PROBE_MASK_MARSHALLING, fixture_value(640, 3)},
		{PROBE_BIT(PROBE_SUB_DETACH) | PROBE_BIT(PROBE_SUB_ATTACH), fixture_value(90, 1)},
		{PROBE_BIT(PROBE_SUB_INVOKE), fixture_value(60, 1)},
		{PROBE_MASK_COMPUTE, fixture_value(compute, 0.8)},
	};
	struct probe_cell *cell = fixture_cell(run, workload, "ctypes", interpreter);

	fixture_engine(&cell->ladder, parts, 5);
	if (compute < 1.2) {
		cell->ladder.parts[4].value.below_floor = true;
		cell->ladder.folded[2].value.below_floor = true;
	}
}

static inline void fixture_timeline(struct probe_cell *cell)
{
	struct probe_part parts[PROBE_SUB_CALLBACK];
	struct probe_dist *dist = calloc(2, sizeof *dist);

	for (unsigned s = 0; s < PROBE_SUB_CALLBACK; s++)
		parts[s] = (struct probe_part){PROBE_BIT(s), fixture_value(100 + s, 2)};
	fixture_engine(&cell->timeline, parts, PROBE_SUB_CALLBACK);
	cell->timeline.subtracted_ticks = 55;
	cell->timeline.dists = dist;
	cell->timeline.dist_count = dist ? 2 : 0;
	if (!dist)
		return;
	dist[0] = (struct probe_dist){.mask = PROBE_MASK_ALL,
				      .calls = 20000,
				      .p50 = 820,
				      .p90 = 900,
				      .p99 = 1100,
				      .p999 = 2400,
				      .max = 51000,
				      .curve = {{0.01, 790}, {0.5, 820}, {0.99, 1100}},
				      .curve_count = 3};
	dist[1] = (struct probe_dist){.mask = PROBE_BIT(PROBE_SUB_MARSHAL_IN),
				      .calls = 20000,
				      .p50 = 101,
				      .p90 = 110,
				      .p99 = 130,
				      .p999 = NAN,
				      .max = 4000};
}

/* Two interpreters, two workloads, 2 GHz counter: 1 tick is 0.5 ns. */
static inline struct probe_run *fixture_run(void)
{
	struct probe_run *run = probe_run_new();
	struct probe_interpreter *py;
	struct probe_cell *cell;
	const struct probe_part merged[] = {
		{PROBE_MASK_DISPATCH | PROBE_MASK_MARSHALLING, fixture_value(300, 2)},
		{PROBE_MASK_COMPUTE, fixture_value(0.4, 0.9)},
	};

	snprintf(run->probe_version, sizeof run->probe_version, "0.1.0");
	snprintf(run->started, sizeof run->started, "2025-01-01T12:00:00Z");
	run->duration_s = 12.25;
	run->seed = UINT64_MAX; /* past what a JSON integer of jansson holds */
	run->passes = FIXTURE_PASSES;
	run->command = strdup("probe run add fib");
	run->counter = (struct probe_counter_facts){.kind = "tsc",
						    .unit = "TSC ticks",
						    .why = "no PMU here: made-up data",
						    .hz = 2e9,
						    .granularity_ticks = 26,
						    .cycles_per_tick = 1.5,
						    .cycles_estimated = true};
	probe_run_add_fact(run, "cpu_model", "Example CPU | 2.00 GHz");
	probe_run_add_fact(run, "governor", "performance");
	probe_run_add_claim(run, "fib", "python", "ctypes", 27.2, "an article");
	probe_run_add_warning(run, "the machine was busy");
	for (int i = 0; i < 2; i++) {
		py = probe_run_add_interpreter(run);
		snprintf(py->label, sizeof py->label, i ? "cpython-3.13.0" : "cpython-3.8.18");
		snprintf(py->version, sizeof py->version, i ? "3.13.0" : "3.8.18");
		snprintf(py->implementation, sizeof py->implementation, "cpython");
		snprintf(py->optimisation, sizeof py->optimisation, i ? "-O3, PGO, LTO" : "-O2");
		snprintf(py->compiler, sizeof py->compiler, "GCC 12.2.0");
		py->executable = strdup("python3");
		py->headers = true;
	}

	fixture_python(run, "add", "cpython-3.8.18", 134);
	fixture_ctypes(run, "add", "cpython-3.8.18", 0.4);
	cell = fixture_cell(run, "add", "cffi-abi", "cpython-3.8.18");
	fixture_engine(&cell->ladder, merged, 2);
	cell->ladder.contended = true;
	probe_cell_add_warning(cell, "detach can't be reached, \"quoted\", with a comma");
	cell = fixture_cell(run, "add", "cffi-api", "cpython-3.8.18");
	cell->status = PROBE_CELL_UNAVAILABLE;
	cell->reason = strdup("Python.h is missing | apt-get install python3-dev");
	fixture_python(run, "fib", "cpython-3.13.0", 60000);
	fixture_ctypes(run, "fib", "cpython-3.13.0", 1400);
	cell = &run->cells[run->cell_count - 1];
	fixture_timeline(cell);
	cell->ladder.closure = fixture_value(120, 8);
	probe_cell_add_warning(cell, "ladder and timeline differ in marshalling");
	cell = fixture_cell(run, "fib", "capi-o", "cpython-3.13.0");
	cell->status = PROBE_CELL_CRASHED;
	cell->reason = strdup("died by signal 11\n(\033[31mSegmentation fault\033[0m)");
	cell->backtrace = strdup("#0 fib\n#1 call");
	cell = fixture_cell(run, "fib", "capi-fastcall", "cpython-3.13.0");
	cell->status = PROBE_CELL_PENDING;
	return run;
}

#endif
