/* SPDX-License-Identifier: MIT
 * The made-up run with rows under threads, of every kind.
 */
#ifndef THREADS_FIXTURE_H
#define THREADS_FIXTURE_H

#include "probe/threaded.h"
#include "run_fixture.h"

static inline void fixture_threaded(struct probe_run *run, size_t cell,
				    enum probe_callables callables, unsigned threads,
				    double scaling)
{
	struct probe_threaded *row =
		probe_run_add_threaded(run, &run->cells[cell], callables, threads);

	row->status = PROBE_CELL_OK;
	row->calls_per_s = 2e6 * scaling;
	row->calls_per_s_half = 3e4;
	row->scaling = scaling;
	row->scaling_half = threads > 1 ? 0.02 : 0;
	row->cores = threads > 2 ? 2 : threads;
	row->cores_half = 0.01;
	row->call_ns = 500 * threads / scaling;
	row->call_ns_half = 4;
	row->cpus = 2;
	row->stamps_ns = 40;
	row->phases[0] = (struct probe_threaded_phase){PROBE_MASK_COMPUTE, 100, 2, 0, 3};
	row->phases[1] = (struct probe_threaded_phase){
		PROBE_BIT(PROBE_SUB_ATTACH), row->call_ns - 400, 5, row->call_ns - 500, 6};
	row->phases[2] = (struct probe_threaded_phase){
		PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN) | PROBE_MASK_MARSHALLING,
		300, 7, 1, 9};
	row->phase_count = 3;
	row->passes = calloc(2, sizeof *row->passes);
	row->pass_count = 2;
	row->passes[0] = row->passes[1] =
		(struct probe_threaded_pass){row->calls_per_s, scaling, row->cores};
}

/* ctypes on 3.8 and 3.13; a path that has no callables of their own, and one that crashed. */
static inline struct probe_run *threaded_run(void)
{
	struct probe_run *run = fixture_run();
	struct probe_threaded *row;

	for (unsigned c = 0; c < 2; c++)
		for (unsigned n = 1; n <= 4; n *= 2)
			fixture_threaded(run, 1, (enum probe_callables)c, n,
					 c ? 1 / (1 + 0.1 * n) : n);
	row = probe_run_add_threaded(run, &run->cells[2], PROBE_CALLABLES_PRIVATE, 1);
	row->status = PROBE_CELL_INAPPLICABLE;
	row->reason = strdup("cffi-abi has one callable for all threads");
	row = probe_run_add_threaded(run, &run->cells[2], PROBE_CALLABLES_SHARED, 1);
	row->status = PROBE_CELL_CRASHED;
	row->reason = strdup("killed by signal 11");
	row->backtrace = strdup("#0 here");
	for (unsigned n = 1; n <= 2; n++)
		fixture_threaded(run, 5, PROBE_CALLABLES_PRIVATE, n, n);
	run->threaded[run->threaded_count - 1].contended = true;
	return run;
}

#endif
