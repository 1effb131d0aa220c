/* SPDX-License-Identifier: MIT
 * One callable under hooks: opening its slots and arming its stubs.
 */
#include <string.h>

#include "base/fail.h"
#include "sys/counter.h"
#include "py/py.h"
#ifdef PROBE_PACKAGE
#include "py/package/package.h"
#endif

static const char *const layer_names[PB_LAYERS] = {"entry", "detach", "attach", "invoke", "target"};

int pb_py_raise(const struct probe_error *err)
{
#ifdef PROBE_PACKAGE
	pb_package_fail(err);
#endif
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
		else if (PyTuple_Check(addresses) && i == 1)
			layer->base = address; /* a veneer's (slot, real function) */
		else
			rc = open_slot(layer, address);
	}
	Py_DECREF(sequence);
	return rc;
}

static void set_slots(const struct pb_layer_hooks *layer, void *value)
{
	for (size_t i = 0; i < layer->slot_count; i++)
		pb_slot_set(&layer->slots[i], value);
}

void pb_layer_set(struct pb_layer_hooks *layer, void *value)
{
	if (layer->guard && value != layer->base)
		value = pb_guard_entry(layer->guard, value);
	set_slots(layer, value);
}

PyObject *pb_call_once(struct pb_call *call)
{
	call->calls_made++;
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

static int take_guards(struct pb_call *call)
{
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		if (layer->slot_count && !(layer->guard = pb_guard_take(layer->base)))
			return -1;
	}
	return 0;
}

/* An ml_meth says who a built-in function is, so hashing has to know of this one. */
static int open_entry(struct pb_call *call)
{
	struct pb_layer_hooks *layer = &call->layers[PB_LAYER_ENTRY];
	void **entry;
	enum pb_entry_kind kind = pb_entry_find(call->callable, &entry);
	if (kind == PB_ENTRY_NONE)
		return 0;
	if (open_slot(layer, entry))
		return -1;
	if (kind != PB_ENTRY_METHOD)
		return 0;
	if (pb_identity_hold(entry, layer->base))
		return -1;
	call->held = entry;
	return 0;
}

/* Of a real call, before anything is timed. It must not outlive this. */
static int take_result(struct pb_call *call, PyObject *result)
{
	call->ready = pb_ready_of(result);
	if (!call->check)
		return 0;
	PyObject *fine = PyObject_CallFunctionObjArgs(call->check, result, NULL);
	Py_XDECREF(fine);
	return fine ? 0 : -1;
}

int pb_call_open(struct pb_call *call)
{
	struct probe_error err = {0};
	PyObject *itertools = PyImport_ImportModule("itertools");
	call->repeat = itertools ? PyObject_GetAttrString(itertools, "repeat") : NULL;
	Py_XDECREF(itertools);
	if (!call->repeat)
		return -1;
	if (probe_counter_open(&call->counter, NULL, &err))
		return pb_py_raise(&err);
	return 0;
}

int pb_call_init(struct pb_call *call, PyObject *callable, PyObject *args, PyObject *hooks,
		 PyObject *delays)
{
	Py_INCREF(callable);
	call->callable = callable;
	Py_INCREF(args);
	call->args = args;
	if (pb_call_open(call))
		return -1;

	PyObject *target = hooks ? PyDict_GetItemString(hooks, "target") : NULL;
	bool veneer = target && PyTuple_Check(target);
	if (veneer && open_layer(call, PB_LAYER_TARGET, target))
		return -1;
	pb_layer_set(&call->layers[PB_LAYER_TARGET], call->layers[PB_LAYER_TARGET].base);
	/* Before the other slots are read: the first calls resolve lazily bound GOT slots, which
	 * would otherwise overwrite a hook later. */
	PyObject *result = pb_call_once(call);
	Py_XDECREF(result);
	result = result ? pb_call_once(call) : NULL;
	int rc = result ? take_result(call, result) : -1;
	Py_XDECREF(result);
	if (rc)
		return -1;
	if (!hooks)
		return 0;
	call->hooked = true;
	if (target && !veneer && open_layer(call, PB_LAYER_TARGET, target))
		return -1;
	if (PyDict_GetItemString(hooks, "entry") && open_entry(call))
		return -1;
	for (enum pb_layer i = PB_LAYER_DETACH; i <= PB_LAYER_INVOKE; i++) {
		PyObject *addresses = PyDict_GetItemString(hooks, layer_names[i]);
		if (addresses && open_layer(call, i, addresses))
			return -1;
	}
	if (put_delays(call, delays) || (call->guarded && take_guards(call)))
		return -1;
	pb_call_disarm(call);
	return 0;
}

void pb_call_disarm(struct pb_call *call)
{
	call->armed = 0;
	call->cut = PB_CUT_NOTHING;
	if (!call->hooked)
		return;
	for (unsigned i = 0; i < PB_LAYERS; i++)
		pb_layer_set(&call->layers[i], call->layers[i].base);
}

void pb_call_fini(struct pb_call *call)
{
	for (int i = PB_LAYERS - 1; i >= 0; i--) {
		struct pb_layer_hooks *layer = &call->layers[i];
		while (layer->slot_count)
			pb_slot_close(&layer->slots[--layer->slot_count]);
		pb_guard_give_back(layer->guard);
	}
	if (call->held)
		pb_identity_release(call->held);
	pb_stubs_free(call);
	/* The target's slot is the veneer's: what it held before may be nothing at all. */
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		pb_thunk_free(&call->layers[i].delay);
		pb_thunk_free(&call->layers[i].stub);
		pb_thunk_free(&call->layers[i].stamp);
		pb_thunk_free(&call->layers[i].record);
		pb_thunk_free(&call->layers[i].gate);
		pb_thunk_free(&call->layers[i].fence);
		pb_thunk_free(&call->layers[i].repeat);
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
	Py_CLEAR(call->last);
	Py_CLEAR(call->ready);
	Py_CLEAR(call->plain);
	Py_CLEAR(call->twin);
	Py_CLEAR(call->check);
	Py_CLEAR(call->empty_args);
	memset(call, 0, sizeof *call);
}

int pb_call_attach_ring(struct pb_call *call, size_t events)
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

void pb_call_put(struct pb_call *call, enum pb_layer which, const struct pb_thunk *t,
		 unsigned variant)
{
	struct pb_layer_hooks *layer = &call->layers[which];
	void *entry = pb_thunk_entry_at(t, variant);
	if (layer->guard) {
		struct pb_thunk *place = pb_guard_place(layer->guard);
		void *any = pb_thunk_entry(t, variant);
		__atomic_store((void **)(void *)&place->data->fn, &any, __ATOMIC_RELEASE);
		entry = pb_thunk_entry_at(place, 0);
	}
	set_slots(layer, entry);
	call->armed |= 1u << which;
}

static void put_stub(struct pb_call *call, enum pb_layer which, unsigned variant)
{
	pb_call_put(call, which, &call->layers[which].stub, variant);
}

static void stub_thread_state(struct pb_call *call, unsigned variant)
{
	put_stub(call, PB_LAYER_DETACH, variant);
	put_stub(call, PB_LAYER_ATTACH, variant);
}

/* What a generated library has for the target: behind a jump, which tells calls apart. */
static void put_replay(struct pb_call *call, void *function)
{
	struct pb_thunk *gate = &call->layers[PB_LAYER_TARGET].gate;
	*(void **)(void *)&gate->data->fn = function;
	pb_call_put(call, PB_LAYER_TARGET, gate, 0);
}

static void stub_target(struct pb_call *call, unsigned variant)
{
	if (call->replay)
		put_replay(call, call->replay->target[variant % PB_THUNK_VARIANTS]);
	else if (call->layers[PB_LAYER_TARGET].slot_count)
		put_stub(call, PB_LAYER_TARGET, variant);
}

void *pb_call_target_stub(const struct pb_call *call, unsigned variant)
{
	if (call->replay)
		return call->replay->target[variant % PB_THUNK_VARIANTS];
	return pb_thunk_entry(&call->layers[PB_LAYER_TARGET].stub, variant);
}

static void put_fence(struct pb_call *call, void *function)
{
	struct pb_thunk *fence = &call->layers[PB_LAYER_TARGET].fence;
	*(void **)(void *)&fence->data->fn = function;
	pb_call_put(call, PB_LAYER_TARGET, fence, 0);
}

void pb_call_arm(struct pb_call *call, enum probe_rung rung, unsigned variant)
{
	if (!call->hooked)
		return;
	pb_call_disarm(call);
	if (!pb_call_has_rung(call, rung))
		return;
	call->cut = rung == PROBE_RUNG_REAL || rung == PROBE_RUNG_FENCED ? PB_CUT_NOTHING
		    : rung == PROBE_RUNG_ENTRY                           ? PB_CUT_CALL
									 : PB_CUT_WORK;
	switch (rung) {
	case PROBE_RUNG_ENTRY:
		put_stub(call, PB_LAYER_ENTRY, variant);
		break;
	case PROBE_RUNG_SIDE_INVOKE:
		stub_thread_state(call, variant);
		/* fall through */
	case PROBE_RUNG_INVOKE:
		put_stub(call, PB_LAYER_INVOKE, variant);
		break;
	case PROBE_RUNG_SIDE:
		stub_thread_state(call, variant);
		/* fall through */
	case PROBE_RUNG_TARGET:
		stub_target(call, variant);
		break;
	case PROBE_RUNG_FENCED:
		put_fence(call, call->layers[PB_LAYER_TARGET].base);
		break;
	case PROBE_RUNG_FENCED_TARGET:
		put_fence(call, pb_call_target_stub(call, variant));
		break;
	case PROBE_RUNG_CALLBACK_STUB:
		put_replay(call, call->replay->callback[variant % PB_THUNK_VARIANTS]);
		break;
	default:
		/* The same jump as before the stub, so that it cancels. */
		if (call->replay && call->layers[PB_LAYER_TARGET].gate.data)
			put_replay(call, call->layers[PB_LAYER_TARGET].base);
		break;
	}
}

int pb_call_make_stamps(struct pb_call *call, size_t ring_events)
{
	struct pb_thunk_counter how;
	if (pb_call_attach_ring(call, ring_events))
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
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		if (!layer->stamp.data)
			continue;
		if (call->anywhere)
			pb_layer_set(layer, pb_thunk_entry(&layer->stamp, 0));
		else if (!layer->trouble)
			pb_call_put(call, (enum pb_layer)i, &layer->stamp, 0);
	}
}
