/* SPDX-License-Identifier: MIT
 * One callable under hooks: opening its slots, making stubs that give back what the real layer
 * gave, and the timed loop.
 */
#include <string.h>

#include "base/fail.h"
#include "engine/ladder.h"
#include "sys/counter.h"
#include "py/py.h"

static const char *const layer_names[PB_LAYERS] = {"entry", "detach", "attach", "invoke", "target"};

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

/* What ffi_call wrote for this call. */
struct ffi_record {
	void (*real)(const struct ffi_cif_head *cif, void *fn, void *rvalue, void **avalue);
	unsigned char bytes[16];
	size_t size; /* 0 void, else what libffi writes: at least one register */
	bool too_big;
};

static void record_ffi_call(const struct ffi_cif_head *cif, void *fn, void *rvalue, void **avalue,
			    struct pb_thunk_data *data)
{
	struct ffi_record *record = data->ctx;
	record->real(cif, fn, rvalue, avalue);
	record->size = cif->rtype->type == 0 ? 0 : cif->rtype->size < 8 ? 8 : cif->rtype->size;
	record->too_big = record->size > sizeof record->bytes;
	if (record->size && !record->too_big)
		memcpy(record->bytes, rvalue, record->size);
}

static void *ready_object(void *ctx)
{
	Py_INCREF((PyObject *)ctx);
	return ctx;
}

static void *function_pointer(void *(*fn)(void *))
{
	return (void *)(uintptr_t)fn;
}

int pb_py_raise(const struct probe_error *err)
{
	if (!PyErr_Occurred())
		PyErr_Format(PyExc_RuntimeError, "%s", err->msg);
	return -1;
}

static int open_slot(struct pb_layer_hooks *layer, void **address)
{
	struct probe_error err = {0};
	if (layer->slot_count == PB_MAX_SLOTS) {
		PyErr_Format(PyExc_ValueError, "more than %d slots for one layer", PB_MAX_SLOTS);
		return -1;
	}
	struct pb_slot *slot = &layer->slots[layer->slot_count];
	if (pb_slot_open(slot, address, &err))
		return pb_py_raise(&err);
	layer->slot_count++;
	layer->base = slot->original;
	return 0;
}

/* Slots come as integers from Python: the driver finds them, this end opens them. */
static int open_layer(struct pb_call *call, enum pb_layer which, PyObject *addresses)
{
	struct pb_layer_hooks *layer = &call->layers[which];
	PyObject *sequence = PySequence_Fast(addresses, "a layer's hooks must be a sequence");
	if (!sequence)
		return -1;
	Py_ssize_t n = PySequence_Fast_GET_SIZE(sequence);
	int rc = 0;
	for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
		void *address = PyLong_AsVoidPtr(PySequence_Fast_GET_ITEM(sequence, i));
		if (!address && PyErr_Occurred())
			rc = -1;
		else if (which == PB_LAYER_TARGET && i == 1)
			layer->base = address; /* (slot, real function) */
		else
			rc = open_slot(layer, address);
	}
	Py_DECREF(sequence);
	return rc;
}

static void set_layer(struct pb_layer_hooks *layer, void *value)
{
	for (size_t i = 0; i < layer->slot_count; i++)
		pb_slot_set(&layer->slots[i], value);
}

static PyObject *call_once(struct pb_call *call)
{
	return PyObject_Call(call->callable, call->args, NULL);
}

static int put_delays(struct pb_call *call, PyObject *delays)
{
	for (unsigned i = 0; delays && i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		struct probe_error err = {0};
		PyObject *steps = PyDict_GetItemString(delays, layer_names[i]);
		if (!steps)
			continue;
		if (!layer->slot_count) {
			PyErr_Format(PyExc_ValueError, "no hook to put a delay at %s",
				     layer_names[i]);
			return -1;
		}
		if (pb_thunk_new(&layer->delay, PB_THUNK_DELAY, &err))
			return pb_py_raise(&err);
		layer->delay.data->target = layer->base;
		layer->delay.data->spin = PyLong_AsUnsignedLongLong(steps);
		if (PyErr_Occurred())
			return -1;
		layer->base = pb_thunk_entry(&layer->delay, 0);
	}
	return 0;
}

int pb_call_init(struct pb_call *call, PyObject *callable, PyObject *args, PyObject *hooks,
		 PyObject *delays, const char *returns)
{
	struct probe_error err = {0};
	(void)returns;
	Py_INCREF(callable);
	call->callable = callable;
	Py_INCREF(args);
	call->args = args;
	PyObject *itertools = PyImport_ImportModule("itertools");
	call->repeat = itertools ? PyObject_GetAttrString(itertools, "repeat") : NULL;
	Py_XDECREF(itertools);
	if (!call->repeat)
		return -1;
	if (probe_counter_open(&call->counter, NULL, &err))
		return pb_py_raise(&err);

	PyObject *target = hooks ? PyDict_GetItemString(hooks, "target") : NULL;
	if (target && open_layer(call, PB_LAYER_TARGET, target))
		return -1;
	set_layer(&call->layers[PB_LAYER_TARGET], call->layers[PB_LAYER_TARGET].base);
	/* Before the other slots are read: the first calls resolve lazily bound GOT slots, which
	 * would otherwise overwrite a hook later. */
	for (int i = 0; i < 2; i++) {
		Py_XDECREF(call->expected);
		call->expected = call_once(call);
		if (!call->expected)
			return -1;
	}
	if (!hooks)
		return 0;
	call->hooked = true;
	void **entry;
	if (PyDict_GetItemString(hooks, "entry") &&
	    pb_entry_find(callable, &entry) != PB_ENTRY_NONE &&
	    open_slot(&call->layers[PB_LAYER_ENTRY], entry))
		return -1;
	for (enum pb_layer i = PB_LAYER_DETACH; i <= PB_LAYER_INVOKE; i++) {
		PyObject *addresses = PyDict_GetItemString(hooks, layer_names[i]);
		if (addresses && open_layer(call, i, addresses))
			return -1;
	}
	if (put_delays(call, delays))
		return -1;
	pb_call_disarm(call);
	return 0;
}

void pb_call_disarm(struct pb_call *call)
{
	if (!call->hooked)
		return;
	for (unsigned i = 0; i < PB_LAYERS; i++)
		set_layer(&call->layers[i], call->layers[i].base);
}

void pb_call_fini(struct pb_call *call)
{
	for (int i = PB_LAYERS - 1; i >= 0; i--) {
		struct pb_layer_hooks *layer = &call->layers[i];
		while (layer->slot_count)
			pb_slot_close(&layer->slots[--layer->slot_count]);
	}
	/* The target's slot is the veneer's: what it held before may be nothing at all. */
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		pb_thunk_free(&call->layers[i].delay);
		pb_thunk_free(&call->layers[i].stub);
		pb_thunk_free(&call->layers[i].stamp);
	}
	if (call->ring_attached)
		pb_ring_detach(&call->ring);
	probe_counter_close(call->counter);
	Py_CLEAR(call->callable);
	Py_CLEAR(call->args);
	Py_CLEAR(call->loop);
	Py_CLEAR(call->empty_loop);
	Py_CLEAR(call->pycall);
	Py_CLEAR(call->pycall_loop);
	Py_CLEAR(call->repeat);
	Py_CLEAR(call->expected);
	memset(call, 0, sizeof *call);
}

static int attach_ring(struct pb_call *call, size_t events)
{
	struct probe_error err = {0};
	if (call->ring_attached)
		pb_ring_detach(&call->ring);
	call->ring_attached = false;
	if (pb_ring_attach(&call->ring, events, &err))
		return pb_py_raise(&err);
	call->ring_attached = true;
	return 0;
}

/* The target's stub replays the result registers of one real call; the smallest variant that the
 * return type allows, so that an empty target and its stub cost the same. */
static int make_target_stub(struct pb_call *call, const char *returns)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_TARGET];
	struct probe_error err = {0};
	struct pb_thunk record;
	if (attach_ring(call, 2))
		return -1;
	if (pb_thunk_new(&record, PB_THUNK_RECORD, &err))
		return pb_py_raise(&err);
	record.data->target = layer->base;
	set_layer(layer, pb_thunk_entry(&record, 0));
	PyObject *result = call_once(call);
	set_layer(layer, layer->base);
	Py_XDECREF(result);

	enum pb_thunk_kind kind = PB_THUNK_REPLAY_ALL;
	if (strcmp(returns, "void") == 0)
		kind = PB_THUNK_REPLAY_VOID;
	else if (strcmp(returns, "double") == 0 || strcmp(returns, "float") == 0)
		kind = PB_THUNK_REPLAY_FLOAT;
	else if (strcmp(returns, "int") == 0 || strcmp(returns, "long") == 0 ||
		 strcmp(returns, "size_t") == 0)
		kind = PB_THUNK_REPLAY_INT;
	int rc = result ? 0 : -1;
	if (rc == 0 && pb_thunk_new(&layer->stub, kind, &err))
		rc = pb_py_raise(&err);
	if (rc == 0) {
		layer->stub.data->int0 = record.data->int0;
		layer->stub.data->int1 = record.data->int1;
		memcpy(layer->stub.data->float_regs, record.data->float_regs,
		       sizeof record.data->float_regs);
	}
	pb_thunk_free(&record);
	return rc;
}

/* Returns 0 and makes the stub, 1 where the result is too big to replay, -1 with an exception. */
static int make_invoke_stub(struct pb_call *call)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_INVOKE];
	struct probe_error err = {0};
	struct pb_thunk thunk;
	struct ffi_record record = {0};
	*(void **)(void *)&record.real = layer->base;
	if (pb_thunk_new(&thunk, PB_THUNK_WITH_DATA, &err))
		return pb_py_raise(&err);
	thunk.data->ctx = &record;
	*(void **)(void *)&thunk.data->fn = (void *)(uintptr_t)record_ffi_call;
	set_layer(layer, pb_thunk_entry(&thunk, 0));
	PyObject *result = call_once(call);
	set_layer(layer, layer->base);
	pb_thunk_free(&thunk);
	if (!result)
		return -1;
	Py_DECREF(result);
	if (record.too_big)
		return 1;
	enum pb_thunk_kind kind = record.size == 0   ? PB_THUNK_REPLAY_VOID
				  : record.size <= 8 ? PB_THUNK_FFI_8
						     : PB_THUNK_FFI_16;
	if (pb_thunk_new(&layer->stub, kind, &err))
		return pb_py_raise(&err);
	memcpy(&layer->stub.data->int0, record.bytes, 8);
	memcpy(&layer->stub.data->int1, record.bytes + 8, 8);
	return 0;
}

static int make_entry_stub(struct pb_call *call)
{
	struct probe_error err = {0};
	struct pb_thunk *stub = &call->layers[PB_LAYER_ENTRY].stub;
	if (pb_thunk_new(stub, PB_THUNK_READY, &err))
		return pb_py_raise(&err);
	stub->data->ctx = call->expected;
	*(void **)(void *)&stub->data->fn = function_pointer(ready_object);
	return 0;
}

/* Whether the call still returns what it should with this rung in place; -1 on an exception. */
static int rung_gives_expected(struct pb_call *call, enum probe_rung rung)
{
	pb_call_arm(call, rung, 0);
	PyObject *result = call_once(call);
	pb_call_disarm(call);
	if (!result)
		return -1;
	int same = PyObject_RichCompareBool(result, call->expected, Py_EQ);
	Py_DECREF(result);
	return same;
}

int pb_call_make_stubs(struct pb_call *call, const char *returns)
{
	struct pb_layer_hooks *l = call->layers;
	unsigned rungs = 1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL;
	unsigned candidates = 0;
	if (l[PB_LAYER_TARGET].slot_count) {
		if (make_target_stub(call, returns))
			return -1;
		candidates |= 1u << PROBE_RUNG_TARGET;
	}
	if (l[PB_LAYER_INVOKE].slot_count) {
		int rc = make_invoke_stub(call);
		if (rc < 0)
			return -1;
		if (rc == 0)
			candidates |= 1u << PROBE_RUNG_INVOKE;
	}
	if (l[PB_LAYER_ENTRY].slot_count) {
		if (make_entry_stub(call))
			return -1;
		candidates |= 1u << PROBE_RUNG_ENTRY;
	}
	if (l[PB_LAYER_DETACH].slot_count && l[PB_LAYER_ATTACH].slot_count &&
	    l[PB_LAYER_TARGET].slot_count)
		candidates |=
			1u << PROBE_RUNG_SIDE |
			(candidates & 1u << PROBE_RUNG_INVOKE ? 1u << PROBE_RUNG_SIDE_INVOKE : 0);
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++) {
		if (!(candidates & (1u << r)))
			continue;
		int same = rung_gives_expected(call, (enum probe_rung)r);
		if (same < 0)
			return -1;
		if (same)
			rungs |= 1u << r;
	}
	return (int)rungs;
}

/* Still attached, so asking for the thread state gives what detaching gave. */
static void stub_thread_state(struct pb_layer_hooks *l)
{
	set_layer(&l[PB_LAYER_DETACH], (void *)(uintptr_t)PyThreadState_Get);
	set_layer(&l[PB_LAYER_ATTACH], (void *)(uintptr_t)pb_empty_function);
}

void pb_call_arm(struct pb_call *call, enum probe_rung rung, unsigned variant)
{
	struct pb_layer_hooks *l = call->layers;
	if (!call->hooked)
		return;
	pb_call_disarm(call);
	switch (rung) {
	case PROBE_RUNG_ENTRY:
		set_layer(&l[PB_LAYER_ENTRY], pb_thunk_entry(&l[PB_LAYER_ENTRY].stub, variant));
		break;
	case PROBE_RUNG_SIDE_INVOKE:
		stub_thread_state(l);
		/* fall through */
	case PROBE_RUNG_INVOKE:
		set_layer(&l[PB_LAYER_INVOKE], pb_thunk_entry(&l[PB_LAYER_INVOKE].stub, variant));
		break;
	case PROBE_RUNG_SIDE:
		stub_thread_state(l);
		/* fall through */
	case PROBE_RUNG_TARGET:
		set_layer(&l[PB_LAYER_TARGET], pb_thunk_entry(&l[PB_LAYER_TARGET].stub, variant));
		break;
	default:
		break;
	}
}

int pb_call_make_stamps(struct pb_call *call, size_t ring_events)
{
	struct pb_thunk_counter how;
	if (attach_ring(call, ring_events))
		return -1;
	pb_counter_thunk_kind(call->counter, &how);
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		struct probe_error err = {0};
		if (!layer->slot_count)
			continue;
		if (pb_thunk_new(&layer->stamp,
				 how.source == PB_THUNK_RDPMC ? PB_THUNK_STAMP_PMC
							      : PB_THUNK_STAMP_TICKS,
				 &err))
			return pb_py_raise(&err);
		layer->stamp.data->target = layer->base;
		layer->stamp.data->pmc = how.rdpmc_index;
		layer->stamp.data->event_in = 2 * i;
		layer->stamp.data->event_out = 2 * i + 1;
	}
	return 0;
}

void pb_call_arm_stamps(struct pb_call *call)
{
	for (unsigned i = 0; i < PB_LAYERS; i++)
		if (call->layers[i].stamp.data)
			set_layer(&call->layers[i], pb_thunk_entry(&call->layers[i].stamp, 0));
}

int pb_call_run(struct pb_call *call, enum probe_rung rung, uint64_t calls, uint64_t *ticks)
{
	PyObject *loop = rung == PROBE_RUNG_EMPTY    ? call->empty_loop
			 : rung == PROBE_RUNG_PYCALL ? call->pycall_loop
						     : call->loop;
	PyObject *callable = rung == PROBE_RUNG_PYCALL ? call->pycall : call->callable;
	Py_ssize_t extra = rung == PROBE_RUNG_EMPTY ? 0 : PyTuple_GET_SIZE(call->args);
	PyObject *it = PyObject_CallFunction(call->repeat, "On", Py_None, (Py_ssize_t)calls);
	PyObject *argv = PyTuple_New(rung == PROBE_RUNG_EMPTY ? 1 : 2 + extra);
	if (!it || !argv) {
		Py_XDECREF(it);
		Py_XDECREF(argv);
		return -1;
	}
	PyTuple_SET_ITEM(argv, 0, it);
	if (rung != PROBE_RUNG_EMPTY) {
		Py_INCREF(callable);
		PyTuple_SET_ITEM(argv, 1, callable);
	}
	for (Py_ssize_t i = 0; i < extra; i++) {
		PyObject *arg = PyTuple_GET_ITEM(call->args, i);
		Py_INCREF(arg);
		PyTuple_SET_ITEM(argv, 2 + i, arg);
	}
	struct probe_reading before, after;
	probe_counter_read(call->counter, &before);
	PyObject *result = PyObject_Call(loop, argv, NULL);
	probe_counter_read(call->counter, &after);
	Py_DECREF(argv);
	if (!result)
		return -1;
	Py_DECREF(result);
	struct probe_delta delta = probe_reading_delta(&before, &after);
	*ticks = delta.state == PROBE_EXACT ? (uint64_t)delta.ticks : PB_TICKS_LOST;
	return 0;
}
