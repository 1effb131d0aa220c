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

static int make_entry_stub(struct pb_call *call)
{
	struct probe_error err = {0};
	struct pb_thunk *stub = &call->layers[PB_LAYER_ENTRY].stub;
	if (pb_thunk_new(stub, PB_THUNK_READY, &err))
		return pb_py_raise(&err);
	stub->data->ctx = call->expected;
	stub->data->fn = ready_object;
	return 0;
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
	size_t size; /* 0 void, else what libffi writes: at least one register */
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
	memcpy(rvalue, result->bytes, result->size);
}

static int record_ffi(struct pb_call *call, struct pb_ffi_result *result)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_INVOKE];
	struct probe_error err = {0};
	struct pb_thunk thunk;
	*(void **)(void *)&result->real = layer->base;
	if (pb_thunk_new(&thunk, PB_THUNK_WITH_DATA, &err))
		return pb_py_raise(&err);
	thunk.data->ctx = result;
	*(void **)(void *)&thunk.data->fn = (void *)(uintptr_t)record_ffi_call;
	pb_layer_set(layer, pb_thunk_entry(&thunk, 0));
	PyObject *value = pb_call_once(call);
	pb_layer_set(layer, layer->base);
	pb_thunk_free(&thunk);
	if (!value)
		return -1;
	Py_DECREF(value);
	if (!result->bytes) {
		PyErr_NoMemory();
		return -1;
	}
	return 0;
}

static int make_invoke_stub(struct pb_call *call)
{
	struct pb_thunk *stub = &call->layers[PB_LAYER_INVOKE].stub;
	struct probe_error err = {0};
	struct pb_ffi_result *result = calloc(1, sizeof *result);
	call->ffi_result = result;
	if (!result) {
		PyErr_NoMemory();
		return -1;
	}
	if (record_ffi(call, result))
		return -1;
	enum pb_thunk_kind kind = result->size == 0    ? PB_THUNK_REPLAY_VOID
				  : result->size == 8  ? PB_THUNK_FFI_8
				  : result->size == 16 ? PB_THUNK_FFI_16
						       : PB_THUNK_WITH_DATA;
	if (pb_thunk_new(stub, kind, &err))
		return pb_py_raise(&err);
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

/* Runs the call once with `entry` in the target's place. */
static int call_through(struct pb_call *call, void *entry)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	pb_layer_set(layer, entry);
	PyObject *result = pb_call_once(call);
	pb_layer_set(layer, layer->base);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

/* A generated library replays what registers don't hold: out-parameters, structs, callbacks. */
static int record_replay(struct pb_call *call)
{
	*call->replay->real = call->layers[PB_LAYER_TARGET].base;
	return call_through(call, call->replay->record);
}

/* The result registers of one real call. */
static int make_register_stub(struct pb_call *call, const char *returns)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct probe_error err = {0};
	struct pb_thunk record;
	if (pb_call_attach_ring(call, 2))
		return -1;
	if (pb_replay_record(&record, layer->base, &err))
		return pb_py_raise(&err);
	int rc = call_through(call, pb_thunk_entry(&record, 0));
	if (rc == 0 && pb_replay_recorded(&layer->stub, &record, returns, &err))
		rc = pb_py_raise(&err);
	pb_thunk_free(&record);
	return rc;
}

/* --- which of them are right ------------------------------------------------------------------ */

/* A result as == can compare it; a new reference, or NULL with an exception. */
static PyObject *comparable(const struct pb_call *call, PyObject *result)
{
	if (call->plain)
		return PyObject_CallFunctionObjArgs(call->plain, result, NULL);
	Py_INCREF(result);
	return result;
}

/* Whether the call still returns what it should with this rung in place; -1 on an exception. */
static int rung_gives_expected(struct pb_call *call, enum probe_rung rung)
{
	/* At once, as a result may be read from memory that the next call writes. */
	PyObject *expected = comparable(call, call->expected), *plain = NULL, *result = NULL;
	int same = -1;
	if (expected) {
		pb_call_arm(call, rung, 0);
		call->calls_made++;
		result =
			PyObject_Call(pb_call_callable(call, rung), pb_call_args(call, rung), NULL);
		pb_call_disarm(call);
	}
	if (result)
		plain = comparable(call, result);
	if (plain)
		same = PyObject_RichCompareBool(plain, expected, Py_EQ);
	Py_XDECREF(plain);
	Py_XDECREF(result);
	Py_XDECREF(expected);
	return same;
}

/* The mask of rungs that the call's hooks allow, their stubs made; -1 with an exception. */
static int make_candidates(struct pb_call *call, const char *returns)
{
	struct pb_layer_hooks *l = call->layers;
	unsigned candidates = call->empty_args ? 1u << PROBE_RUNG_CALLBACK_EMPTY : 0;
	bool target = l[PB_LAYER_TARGET].slot_count;
	if (target && (call->replay ? record_replay(call) : make_register_stub(call, returns)))
		return -1;
	if (target || call->twin)
		candidates |= 1u << PROBE_RUNG_TARGET;
	if (target && call->replay && call->replay->callback[0])
		candidates |= 1u << PROBE_RUNG_CALLBACK_STUB;
	if (l[PB_LAYER_INVOKE].slot_count) {
		if (make_invoke_stub(call))
			return -1;
		candidates |= 1u << PROBE_RUNG_INVOKE;
	}
	if (l[PB_LAYER_ENTRY].slot_count) {
		if (make_entry_stub(call))
			return -1;
		candidates |= 1u << PROBE_RUNG_ENTRY;
	}
	if (l[PB_LAYER_DETACH].slot_count && l[PB_LAYER_ATTACH].slot_count && target)
		candidates |=
			1u << PROBE_RUNG_SIDE |
			(candidates & 1u << PROBE_RUNG_INVOKE ? 1u << PROBE_RUNG_SIDE_INVOKE : 0);
	return (int)candidates;
}

int pb_call_make_stubs(struct pb_call *call, const char *returns)
{
	unsigned rungs = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL;
	int candidates = make_candidates(call, returns);
	if (candidates < 0)
		return -1;
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++) {
		if (!((unsigned)candidates & (1u << r)))
			continue;
		int same = rung_gives_expected(call, (enum probe_rung)r);
		if (same < 0)
			return -1;
		if (same)
			rungs |= 1u << r;
	}
	return (int)rungs;
}
