/* SPDX-License-Identifier: MIT
 * The target of a call by itself: from within one call, C calls it over and over.
 */
#include "py/py.h"

#include "base/fail.h"
#include "engine/ladder.h"
#include "stats/stats.h"

#define BATCHES      31
#define MOST_TURNS   2000
#define BATCH_US     30.0
#define LOW_QUANTILE 0.25 /* noise only adds */

static bool is_number(PyObject *value)
{
	return PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBool_Check(value) ||
	       PyComplex_CheckExact(value);
}

/* Whether the call takes and gives numbers alone; -1 with an exception. */
static int numbers_only(struct pb_call *call)
{
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(call->args); i++)
		if (!is_number(PyTuple_GET_ITEM(call->args, i)))
			return 0;
	PyObject *result = pb_call_once(call);
	if (!result)
		return -1;
	int fine = result == Py_None || is_number(result);
	Py_DECREF(result);
	return fine;
}

/* One call whose thunk calls target so many times. */
static int run_turns(struct pb_call *call, void *target, uint64_t turns, uint64_t *ticks)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct pb_thunk *repeat = &layer->repeat;
	*(void **)(void *)&repeat->data->fn = target;
	repeat->data->target = layer->base;
	repeat->data->spin = turns;
	pb_call_put(call, PB_LAYER_TARGET, repeat, 0);
	int rc = pb_call_run(call, PROBE_RUNG_REAL, 1, ticks);
	pb_call_disarm(call);
	call->calls_made += turns - 1;
	return rc;
}

/* Ticks a turn; NaN where a batch was disturbed. */
static int time_turns(struct pb_call *call, void *target, uint64_t turns, double *per_turn)
{
	uint64_t one, all;
	if (run_turns(call, target, 1, &one) || run_turns(call, target, turns + 1, &all))
		return -1;
	bool lost = one == PB_TICKS_LOST || all == PB_TICKS_LOST;
	*per_turn = lost ? (double)NAN : ((double)all - (double)one) / (double)turns;
	return 0;
}

static int choose_turns(struct pb_call *call, void *target, uint64_t *turns)
{
	double want = BATCH_US * 1e-6 * probe_counter_facts(call->counter)->hz;
	uint64_t ticks = 0;
	for (*turns = 1; *turns < MOST_TURNS; *turns *= 2) {
		if (run_turns(call, target, *turns, &ticks))
			return -1;
		if (ticks != PB_TICKS_LOST && (double)ticks > want)
			break;
	}
	return 0;
}

/* The target less its stub, which has all of the loop's own cost. */
static int measure(struct pb_call *call, enum pb_thunk_kind kind, double *ticks)
{
	struct probe_error err = {0};
	struct pb_thunk *repeat = &call->layers[PB_LAYER_TARGET].repeat;
	double real[BATCHES], stub[BATCHES];
	size_t n = 0;
	uint64_t turns;
	void *target = call->layers[PB_LAYER_TARGET].base;
	if (pb_thunk_new(repeat, kind, &err))
		return pb_py_raise(&err);
	int rc = choose_turns(call, target, &turns);
	for (unsigned i = 0; rc == 0 && i < BATCHES; i++) {
		rc = time_turns(call, target, turns, &real[n]);
		if (rc == 0)
			rc = time_turns(call, pb_call_target_stub(call, i % PB_THUNK_VARIANTS),
					turns, &stub[n]);
		n += rc == 0 && real[n] == real[n] && stub[n] == stub[n];
	}
	pb_thunk_free(repeat);
	*ticks = n < BATCHES / 2
			 ? (double)NAN
			 : pb_quantile(real, n, LOW_QUANTILE) - pb_quantile(stub, n, LOW_QUANTILE);
	return rc;
}

int pb_call_alone(struct pb_call *call, struct probe_alone_samples *out)
{
	*out = (struct probe_alone_samples){.present = false};
	const struct pb_aim *aim = &call->aims[PB_LOOP_TIMED];
	/* One call of the loop has to reach the target in its place, and the target not itself. */
	if (!call->layers[PB_LAYER_TARGET].fence.data ||
	    !pb_call_has_rung(call, PROBE_RUNG_FENCED) || aim->lead ||
	    aim->places[PB_LAYER_TARGET].inside)
		return 0;
	if (call->gives_object) /* nobody would use these up */
		return 0;
	pb_call_disarm(call);
	int fine = numbers_only(call);
	if (fine <= 0)
		return fine;
	if (measure(call, PB_THUNK_REPEAT_WAITING, &out->waiting) ||
	    measure(call, PB_THUNK_REPEAT_FREE, &out->free))
		return -1;
	out->present = out->waiting == out->waiting && out->free == out->free;
	return 0;
}
