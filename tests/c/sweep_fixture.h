/* SPDX-License-Identifier: MIT
 * A small made-up sweep with every kind of slope, for the tests of its table, exports and plot.
 */
#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

#include "run_fixture.h"

#define SWEEP_PYTHON "cpython-3.13.0"

/* A cell of "args:TYPE:COUNT" with a total and, if not NaN, marshalling. */
static inline struct probe_cell *sweep_cell(struct probe_run *run, const char *path,
					    const char *type, unsigned count, double total,
					    double marshalling, double half)
{
	const struct probe_part parts[] = {
		{PROBE_MASK_DISPATCH, fixture_value(total - marshalling, half)},
		{PROBE_MASK_MARSHALLING, fixture_value(marshalling, half)},
	};
	const struct probe_part whole = {PROBE_MASK_ALL, fixture_value(total, half)};
	struct probe_cell *cell;
	char name[64];

	snprintf(name, sizeof name, "args:%s:%u", type, count);
	if (!probe_run_find_sweep(run, name))
		probe_run_add_sweep(run, name, "args", type, count);
	cell = fixture_cell(run, name, path, SWEEP_PYTHON);
	fixture_engine(&cell->ladder, isfinite(marshalling) ? parts : &whole,
		       isfinite(marshalling) ? 2 : 1);
	cell->ladder.total.half = half;
	return cell;
}

static inline void sweep_missing(struct probe_cell *cell, enum probe_cell_status status,
				 const char *reason)
{
	cell->status = status;
	cell->reason = strdup(reason);
}

/* Two types, six paths; 1 tick is 0.5 ns. */
static inline struct probe_run *fixture_sweep(void)
{
	static const char *const types[] = {"int", "str"};
	static const unsigned counts[] = {0, 1, 2, 4};
	struct probe_run *run = probe_run_new();
	struct probe_interpreter *py = probe_run_add_interpreter(run);

	snprintf(py->label, sizeof py->label, SWEEP_PYTHON);
	snprintf(py->optimisation, sizeof py->optimisation, "-O3, PGO, LTO");
	run->passes = FIXTURE_PASSES;
	run->counter.hz = 2e9;
	snprintf(run->counter.unit, sizeof run->counter.unit, "TSC ticks");
	probe_run_add_fact(run, "cpu_model", "Example CPU");
	for (size_t k = 0; k < 8; k++) {
		const char *type = types[k / 4];
		unsigned n = counts[k % 4];
		bool str = k >= 4;
		struct probe_cell *cell;

		sweep_cell(run, "python", type, n, 50 + 0.1 * n, NAN, 1);
		sweep_cell(run, "ctypes", type, n, (n ? 300 : 200) + 80.0 * n, 80.0 * n, 4);
		/* A bend in int; str can't be expressed. */
		cell = sweep_cell(run, "cffi-abi", type, n, n == 4 ? 500 : 200 + 20.0 * n, NAN, 3);
		if (str && n)
			sweep_missing(cell, PROBE_CELL_INAPPLICABLE, "cffi takes bytes, not str");
		cell = sweep_cell(run, "capi-fastcall", type, n, 40 + 6.5 * n, 6.5 * n, 1);
		cell->ladder.contended = str;
		cell = sweep_cell(run, "capi-o", type, n, 45, 5, 1);
		if (n != 1)
			sweep_missing(cell, PROBE_CELL_CRASHED, "died by \"signal\" 11");
		cell = sweep_cell(run, "hpy", type, n, 45, 5, 1);
		sweep_missing(cell, PROBE_CELL_UNAVAILABLE, "no HPy for Python 3.13 | use 3.12");
	}
	return run;
}

#endif
