/* SPDX-License-Identifier: MIT
 * Few calls, each timed alone: for functions that may be called a few times only, or that take
 * long.
 */
#include "py/py.h"

#include <math.h>
#include <stdlib.h>

#include "engine/rounds.h"
#include "stats/stats.h"

#define EMPTY_CALLS   1000
#define OVERHEAD_RUNS 31

/* Room for one call's loop, without the calls that pb_call_init() makes. */
static int prepare(struct pb_call *call, PyObject *args)
{
	unsigned calls;
	if (!PyArg_ParseTuple(args, "OO!O!O!I", &call->callable, &PyTuple_Type, &call->args,
			      &PyFunction_Type, &call->loop, &PyFunction_Type, &call->empty_loop,
			      &calls)) {
		*call = (struct pb_call){0};
		return -1;
	}
	Py_INCREF(call->callable);
	Py_INCREF(call->args);
	Py_INCREF(call->loop);
	Py_INCREF(call->empty_loop);
	Py_INCREF(Py_None);
	call->ready = Py_None;
	return pb_call_open(call) ? -1 : (int)calls;
}

static int overhead(struct pb_call *call, double *ticks)
{
	double runs[OVERHEAD_RUNS];
	for (size_t i = 0; i < OVERHEAD_RUNS; i++) {
		uint64_t run;
		if (pb_call_run(call, PROBE_RUNG_REAL, 0, &run))
			return -1;
		runs[i] = (double)run;
	}
	*ticks = pb_median(runs, OVERHEAD_RUNS);
	return 0;
}

/* A context switch discards no round here: a call that takes long, or waits, has them all. */
static int one(struct pb_call *call, double overhead_ticks, struct probe_round *round)
{
	struct pb_round_frame frame;
	uint64_t empty, real;
	pb_round_begin(call->counter, &frame, round);
	if (pb_call_run(call, PROBE_RUNG_EMPTY, EMPTY_CALLS, &empty) ||
	    pb_call_run(call, PROBE_RUNG_REAL, 1, &real))
		return -1;
	pb_round_end(call->counter, &frame, round);
	round->discarded = empty == PB_TICKS_LOST || real == PB_TICKS_LOST;
	round->ticks[PROBE_RUNG_EMPTY] = (double)empty / EMPTY_CALLS;
	round->ticks[PROBE_RUNG_REAL] = (double)real - overhead_ticks;
	return PyErr_CheckSignals();
}

PyObject *pb_py_singles(PyObject *module, PyObject *args)
{
	struct pb_call call = {0};
	struct probe_process_samples samples = {.rungs = 1u << PROBE_RUNG_EMPTY |
							 1u << PROBE_RUNG_REAL,
						.subphases = PROBE_MASK_ALL,
						.calls_per_round = 1};
	PyObject *out = NULL;
	double overhead_ticks;
	int calls = prepare(&call, args);
	(void)module;
	if (calls == 0)
		PyErr_SetString(PyExc_ValueError, "calls must be 1 or more");
	if (calls > 0)
		samples.rounds = calloc((size_t)calls, sizeof *samples.rounds);
	if (calls > 0 && !samples.rounds)
		PyErr_NoMemory();
	if (samples.rounds && overhead(&call, &overhead_ticks) == 0) {
		int rc = 0;
		while (!rc && samples.round_count < (size_t)calls)
			rc = one(&call, overhead_ticks, &samples.rounds[samples.round_count++]);
		out = rc ? NULL : pb_py_samples(&call, &samples);
	}
	free(samples.rounds);
	pb_call_fini(&call);
	return out;
}
