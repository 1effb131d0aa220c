/* SPDX-License-Identifier: MIT
 * Stubs of one callable's layers: each gives back what the real layer gave for this call.
 */
#include <stdlib.h>
#include <string.h>

#include "py/py.h"

/* --- the entry -------------------------------------------------------------------------------- */

static void *ready_object(void *ctx)
{
	Py_INCREF((PyObject *)ctx);
	return ctx;
}

static int make_ready_stub(struct pb_call *call, enum pb_layer which)
{
	struct probe_error err = {0};
	struct pb_thunk *stub = &call->layers[which].stub;
	if (pb_thunk_new(stub, PB_THUNK_READY, &err))
		return pb_py_raise(&err);
	stub->data->ctx = call->ready;
	stub->data->fn = ready_object;
	stub->data->target = call->layers[which].base;
	return 0;
}

/* An object comes with a reference, which is used up: a stub has to take one, too, and of an equal,
 * as the call's own is not to be kept alive. Whether there is one for a layer that gives an object.
 * @word  what the layer gave: the result itself, or else nothing that is known here. */
static bool has_equal(struct pb_call *call, enum pb_layer which, uintptr_t word)
{
	if (word == call->result_id &&
	    (call->ready != Py_None || call->result_id == (uintptr_t)Py_None))
		return true;
	pb_layer_trouble(call, which, "it gives an object, which a stub would have to keep alive");
	return false;
}

static bool gives_object(const struct pb_call *call, const char *returns, uintptr_t word)
{
	return word == call->result_id || strcmp(returns, "object") == 0;
}

/* --- recording -------------------------------------------------------------------------------- */

/* A result as == can compare it; a new reference, or NULL with an exception. */
static PyObject *comparable(const struct pb_call *call, PyObject *result)
{
	if (call->plain)
		return PyObject_CallFunctionObjArgs(call->plain, result, NULL);
	Py_INCREF(result);
	return result;
}

/* Runs the call once with `entry` in a layer's place. *value is what it gave, as == can compare it:
 * at once, as a result may be read from memory that the next call writes. */
static int record_through(struct pb_call *call, struct pb_layer_hooks *layer, void *entry,
			  PyObject **value)
{
	pb_layer_set(layer, entry);
	PyObject *result = pb_call_last(call, PROBE_RUNG_REAL, 1);
	pb_layer_set(layer, layer->base);
	*value = result ? comparable(call, result) : NULL;
	call->result_id = (uintptr_t)result;
	Py_XDECREF(result);
	return *value ? 0 : -1;
}

/* --- ffi_call --------------------------------------------------------------------------------- */

/* The stable beginning of libffi's call description, so that its header is not needed. */
struct ffi_type_head {
	size_t size;
	unsigned short alignment, type; /* type 0 = void */
};
struct ffi_cif_head {
	int abi;
	unsigned nargs;
	void **arg_types;
	const struct ffi_type_head *rtype;
};
typedef void ffi_call_type(const struct ffi_cif_head *cif, void *fn, void *rvalue, void **avalue);

/* What ffi_call wrote for this call. */
struct pb_ffi_result {
	ffi_call_type *real;
	unsigned char *bytes;
	size_t size;      /* 0 void, else what libffi writes: at least one register */
	PyObject *object; /* given instead, with a reference of its own; borrowed, or NULL */
};

static void record_ffi_call(const struct ffi_cif_head *cif, void *fn, void *rvalue, void **avalue,
			    struct pb_thunk_data *data)
{
	struct pb_ffi_result *result = data->ctx;
	result->real(cif, fn, rvalue, avalue);
	result->size = cif->rtype->type == 0 ? 0 : cif->rtype->size < 8 ? 8 : cif->rtype->size;
	result->bytes = malloc(result->size ? result->size : 1);
	if (result->bytes && result->size)
		memcpy(result->bytes, rvalue, result->size);
}

/* For results that no thunk holds. */
static void replay_ffi_call(const struct ffi_cif_head *cif, void *fn, void *rvalue, void **avalue,
			    struct pb_thunk_data *data)
{
	const struct pb_ffi_result *result = data->ctx;
	(void)cif, (void)fn, (void)avalue;
	Py_XINCREF(result->object);
	memcpy(rvalue, result->object ? (const void *)&result->object : result->bytes,
	       result->size);
}

static int record_ffi(struct pb_call *call, struct pb_ffi_result *result, PyObject **value)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_INVOKE];
	struct probe_error err = {0};
	*(void **)(void *)&result->real = layer->base;
	if (pb_thunk_new(&layer->record, PB_THUNK_WITH_DATA, &err))
		return pb_py_raise(&err);
	layer->record.data->ctx = result;
	layer->record.data->target = layer->base;
	*(void **)(void *)&layer->record.data->fn = (void *)(uintptr_t)record_ffi_call;
	return record_through(call, layer, pb_thunk_entry_at(&layer->record, 0), value);
}

/* Whether a stub can give what ffi_call did. */
static bool take_object(struct pb_call *call, struct pb_ffi_result *result, const char *returns)
{
	uintptr_t word = 0;
	if (result->size != sizeof word)
		return true;
	memcpy(&word, result->bytes, sizeof word);
	if (!gives_object(call, returns, word))
		return true;
	if (!has_equal(call, PB_LAYER_INVOKE, word))
		return false;
	result->object = call->ready;
	return true;
}

static int make_invoke_stub(struct pb_call *call, const char *returns, PyObject **value)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_INVOKE];
	struct pb_thunk *stub = &layer->stub;
	struct probe_error err = {0};
	struct pb_ffi_result *result = calloc(1, sizeof *result);
	call->ffi_result = result;
	if (!result) {
		PyErr_NoMemory();
		return -1;
	}
	if (record_ffi(call, result, value))
		return -1;
	if (!result->bytes) {
		pb_layer_trouble(call, PB_LAYER_INVOKE, pb_place_trouble(PB_PLACE_MOVING));
		return 0;
	}
	if (!take_object(call, result, returns))
		return 0;
	enum pb_thunk_kind kind = result->object       ? PB_THUNK_WITH_DATA
				  : result->size == 0  ? PB_THUNK_REPLAY_VOID
				  : result->size == 8  ? PB_THUNK_FFI_8
				  : result->size == 16 ? PB_THUNK_FFI_16
						       : PB_THUNK_WITH_DATA;
	if (pb_thunk_new(stub, kind, &err))
		return pb_py_raise(&err);
	stub->data->target = layer->base;
	if (kind == PB_THUNK_WITH_DATA) {
		stub->data->ctx = result;
		*(void **)(void *)&stub->data->fn = (void *)(uintptr_t)replay_ffi_call;
		return 0;
	}
	if (result->size >= 8)
		memcpy(&stub->data->int0, result->bytes, 8);
	if (result->size == 16)
		memcpy(&stub->data->int1, result->bytes + 8, 8);
	return 0;
}

void pb_stubs_free(struct pb_call *call)
{
	if (call->ffi_result)
		free(call->ffi_result->bytes);
	free(call->ffi_result);
	call->ffi_result = NULL;
}

/* --- the target ------------------------------------------------------------------------------- */

/* A generated library replays what registers don't hold: out-parameters, structs, callbacks. */
static int record_replay(struct pb_call *call, PyObject **value)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct probe_error err = {0};
	if (pb_thunk_new(&layer->gate, PB_THUNK_JUMP, &err))
		return pb_py_raise(&err);
	layer->gate.data->target = layer->base;
	*(void **)(void *)&layer->gate.data->fn = call->replay->record;
	*call->replay->real = layer->base;
	return record_through(call, layer, pb_thunk_entry_at(&layer->gate, 0), value);
}

/* The result registers of one real call. */
static int make_register_stub(struct pb_call *call, const char *returns, PyObject **value)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct probe_error err = {0};
	if (pb_replay_record(&layer->record, layer->base, &err))
		return pb_py_raise(&err);
	if (record_through(call, layer, pb_thunk_entry_at(&layer->record, 0), value))
		return -1;
	uintptr_t word = (uintptr_t)layer->record.data->int0;
	call->gives_object = gives_object(call, returns, word);
	if (call->gives_object)
		return has_equal(call, PB_LAYER_TARGET, word)
			       ? make_ready_stub(call, PB_LAYER_TARGET)
			       : 0;
	if (pb_replay_recorded(&layer->stub, &layer->record, returns, &err))
		return pb_py_raise(&err);
	layer->stub.data->target = layer->base;
	return 0;
}

/* Stands around the target and its stub alike. Callbacks would be fenced too: none around these. */
static int make_fence(struct pb_call *call)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct probe_error err = {0};
	if (call->replay && call->replay->callback[0])
		return 0;
	if (!call->ring_attached && pb_call_attach_ring(call, 2))
		return -1;
	if (pb_thunk_new(&layer->fence, PB_THUNK_FENCE, &err))
		return pb_py_raise(&err);
	layer->fence.data->target = layer->base;
	return 0;
}

/* --- the thread state ------------------------------------------------------------------------- */

/* Still attached, so what detaching gave is this thread's state. */
static int make_state_stubs(struct pb_call *call)
{
	struct pb_layer_hooks *detach = &call->layers[PB_LAYER_DETACH],
			      *attach = &call->layers[PB_LAYER_ATTACH];
	struct probe_error err = {0};
	if (pb_thunk_new(&detach->stub, PB_THUNK_REPLAY_INT, &err) ||
	    pb_thunk_new(&attach->stub, PB_THUNK_REPLAY_VOID, &err))
		return pb_py_raise(&err);
	detach->stub.data->int0 = (uintptr_t)PyThreadState_Get();
	detach->stub.data->target = detach->base;
	attach->stub.data->target = attach->base;
	return 0;
}

/* --- which of them are right ------------------------------------------------------------------ */

#define CHECK_CALLS 4

/* What the call gave when each of these was recorded; NULL = it was not. */
struct recorded {
	PyObject *real, *invoke, *target;
};

/* What a rung has to give; borrowed. */
static PyObject *expected_of(const struct recorded *r, enum probe_rung rung)
{
	switch (rung) {
	case PROBE_RUNG_INVOKE:
	case PROBE_RUNG_SIDE_INVOKE:
		return r->invoke;
	case PROBE_RUNG_TARGET:
	case PROBE_RUNG_FENCED_TARGET:
	case PROBE_RUNG_SIDE:
	case PROBE_RUNG_CALLBACK_STUB:
		return r->target ? r->target : r->real;
	default:
		return r->real;
	}
}

/* Whether it is this call's entry that is replaced, and not one of the same function nested in it:
 * then what the stub gives comes out, and so an object that nothing else can give. */
static int entry_gives_its_own(struct pb_call *call)
{
	struct pb_thunk *stub = &call->layers[PB_LAYER_ENTRY].stub;
	PyObject *own = PyLong_FromLongLong(0x5ca1ab1e0ddba11);
	if (!own)
		return -1;
	stub->data->ctx = own;
	pb_call_arm(call, PROBE_RUNG_ENTRY, 0);
	PyObject *result = pb_call_last(call, PROBE_RUNG_ENTRY, CHECK_CALLS);
	pb_call_disarm(call);
	stub->data->ctx = call->ready;
	int same = result == own;
	/* The function itself was not to run; what it makes of a stub's result is not its fault. */
	if (!result && PyErr_ExceptionMatches(PyExc_Exception))
		PyErr_Clear();
	else if (!result)
		same = -1;
	Py_XDECREF(result);
	Py_DECREF(own);
	return same;
}

/* Whether the call still returns what it should with this rung in place; -1 on an exception. */
static int rung_gives_expected(struct pb_call *call, enum probe_rung rung,
			       const struct recorded *recorded)
{
	PyObject *expected = expected_of(recorded, rung), *plain = NULL;
	int same = -1;
	if (rung == PROBE_RUNG_ENTRY)
		return entry_gives_its_own(call);
	pb_call_arm(call, rung, 0);
	PyObject *result = pb_call_last(call, rung, CHECK_CALLS);
	pb_call_disarm(call);
	if (result)
		plain = comparable(call, result);
	if (plain)
		same = PyObject_RichCompareBool(plain, expected, Py_EQ);
	Py_XDECREF(plain);
	Py_XDECREF(result);
	return same;
}

/* The layers that a rung replaces. */
static unsigned layers_of(const struct pb_call *call, enum probe_rung rung)
{
	const unsigned state = 1u << PB_LAYER_DETACH | 1u << PB_LAYER_ATTACH;
	switch (rung) {
	case PROBE_RUNG_ENTRY:
		return 1u << PB_LAYER_ENTRY;
	case PROBE_RUNG_SIDE_INVOKE:
		return state | 1u << PB_LAYER_INVOKE;
	case PROBE_RUNG_INVOKE:
		return 1u << PB_LAYER_INVOKE;
	case PROBE_RUNG_SIDE:
		return state | 1u << PB_LAYER_TARGET;
	case PROBE_RUNG_TARGET:
		return call->twin ? 0 : 1u << PB_LAYER_TARGET;
	case PROBE_RUNG_CALLBACK_STUB:
	case PROBE_RUNG_FENCED:
	case PROBE_RUNG_FENCED_TARGET:
		return 1u << PB_LAYER_TARGET;
	default:
		return 0;
	}
}

bool pb_call_has_rung(const struct pb_call *call, enum probe_rung rung)
{
	unsigned needed = layers_of(call, rung);
	for (unsigned i = 0; i < PB_LAYERS; i++)
		if (needed & 1u << i && (!call->layers[i].slot_count || call->layers[i].trouble))
			return false;
	return true;
}

static bool is_fine(const struct pb_call *call, enum pb_layer which)
{
	return call->layers[which].slot_count && !call->layers[which].trouble;
}

/* Makes the stubs of all layers that are there and fine. */
static int make_all(struct pb_call *call, const char *returns, struct recorded *r)
{
	PyObject *result = pb_call_last(call, PROBE_RUNG_REAL, 1);
	r->real = result ? comparable(call, result) : NULL;
	Py_XDECREF(result);
	if (!r->real)
		return -1;
	if (is_fine(call, PB_LAYER_TARGET) &&
	    (call->replay ? record_replay(call, &r->target)
			  : make_register_stub(call, returns, &r->target)))
		return -1;
	if (is_fine(call, PB_LAYER_TARGET) && make_fence(call))
		return -1;
	if (is_fine(call, PB_LAYER_INVOKE) && make_invoke_stub(call, returns, &r->invoke))
		return -1;
	if (is_fine(call, PB_LAYER_ENTRY) && make_ready_stub(call, PB_LAYER_ENTRY))
		return -1;
	if (is_fine(call, PB_LAYER_DETACH) && is_fine(call, PB_LAYER_ATTACH))
		return make_state_stubs(call);
	return 0;
}

/* The mask of rungs that the call's hooks allow. */
static unsigned candidates_of(const struct pb_call *call)
{
	unsigned candidates = call->empty_args ? 1u << PROBE_RUNG_CALLBACK_EMPTY : 0;
	bool target = is_fine(call, PB_LAYER_TARGET);
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		if (layers_of(call, (enum probe_rung)r) &&
		    pb_call_has_rung(call, (enum probe_rung)r))
			candidates |= 1u << r;
	if (call->twin)
		candidates |= 1u << PROBE_RUNG_TARGET;
	if (!call->replay || !call->replay->callback[0])
		candidates &= ~(1u << PROBE_RUNG_CALLBACK_STUB);
	if (!call->layers[PB_LAYER_TARGET].fence.data)
		candidates &= ~(1u << PROBE_RUNG_FENCED | 1u << PROBE_RUNG_FENCED_TARGET);
	/* Without the target there is nothing that side rungs are compared with. */
	if (!target)
		candidates &= ~(1u << PROBE_RUNG_SIDE | 1u << PROBE_RUNG_SIDE_INVOKE);
	return candidates;
}

static void note_other_result(struct pb_call *call, enum probe_rung rung)
{
	const char *why = "with it replaced the call gives another result";
	if (rung == PROBE_RUNG_ENTRY)
		pb_layer_trouble(call, PB_LAYER_ENTRY, pb_place_trouble(PB_PLACE_SKIPPED));
	else if (rung == PROBE_RUNG_INVOKE)
		pb_layer_trouble(call, PB_LAYER_INVOKE, why);
	else if (rung == PROBE_RUNG_TARGET && !call->twin)
		pb_layer_trouble(call, PB_LAYER_TARGET, why);
}

static int check_rungs(struct pb_call *call, const struct recorded *recorded)
{
	unsigned rungs = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL;
	unsigned candidates = candidates_of(call);
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++) {
		if (!(candidates & (1u << r)) || !pb_call_has_rung(call, (enum probe_rung)r))
			continue;
		int same = rung_gives_expected(call, (enum probe_rung)r, recorded);
		if (same < 0)
			return -1;
		if (same)
			rungs |= 1u << r;
		else
			note_other_result(call, (enum probe_rung)r);
	}
	return (int)rungs;
}

int pb_call_make_stubs(struct pb_call *call, const char *returns)
{
	struct recorded recorded = {0};
	int rungs = -1;
	if (pb_call_learn(call, PB_LOOP_LAST) == 0 && make_all(call, returns, &recorded) == 0)
		rungs = check_rungs(call, &recorded);
	/* Nothing that the call gave lives on while it is timed. */
	Py_XDECREF(recorded.real);
	Py_XDECREF(recorded.invoke);
	Py_XDECREF(recorded.target);
	return rungs;
}
