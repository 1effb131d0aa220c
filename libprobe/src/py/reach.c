/* SPDX-License-Identifier: MIT
 * What a callable's call reaches: asked of the object and of one real call, never guessed from a
 * name.
 */
#include "py/py.h"

#include <dlfcn.h>
#include <string.h>

static const char *const layer_names[PB_LAYERS] = {"entry", "detach", "attach", "invoke", "target"};

static int count_at(struct pb_layer_hooks *layer)
{
	struct probe_error err = {0};
	if (!layer->slot_count)
		return 0;
	if (pb_thunk_new(&layer->delay, PB_THUNK_COUNT_CALLS, &err))
		return pb_py_raise(&err);
	layer->delay.data->target = layer->base;
	pb_layer_set(layer, pb_thunk_entry(&layer->delay, 0));
	return 0;
}

static PyObject *counts(const struct pb_call *call)
{
	PyObject *dict = Py_BuildValue("{sK}", "called", (unsigned long long)call->calls_made);
	for (unsigned i = 0; dict && i < PB_LAYERS; i++) {
		if (!call->layers[i].slot_count)
			continue;
		PyObject *n = PyLong_FromUnsignedLongLong(call->layers[i].delay.data->count);
		if (!n || PyDict_SetItemString(dict, layer_names[i], n))
			Py_CLEAR(dict);
		Py_XDECREF(n);
	}
	return dict;
}

PyObject *pb_py_reached(PyObject *module, PyObject *args)
{
	struct pb_call call = {.guarded = true};
	PyObject *callable, *call_args, *hooks, *out = NULL, *result = NULL;
	(void)module;
	if (!PyArg_ParseTuple(args, "OO!O!", &callable, &PyTuple_Type, &call_args, &PyDict_Type,
			      &hooks))
		return NULL;
	int rc = pb_call_init(&call, callable, call_args, hooks, NULL);
	for (unsigned i = 0; !rc && i < PB_LAYERS; i++)
		rc = count_at(&call.layers[i]);
	if (!rc)
		result = pb_call_once(&call);
	if (call.hooked)
		pb_call_disarm(&call);
	if (result)
		out = counts(&call);
	Py_XDECREF(result);
	pb_call_fini(&call);
	return out;
}

PyObject *pb_py_entry_object(PyObject *module, PyObject *callable)
{
	void **slot;
	Dl_info info;
	(void)module;
	if (pb_entry_find(callable, &slot) == PB_ENTRY_NONE || !dladdr(*slot, &info) ||
	    !info.dli_fname)
		Py_RETURN_NONE;
	const char *slash = strrchr(info.dli_fname, '/');
	const char *name = slash ? slash + 1 : info.dli_fname;
	/* The interpreter's own functions call each other without a slot in between. */
	if (!strstr(name, ".so") || !strncmp(name, "libpython", 9))
		Py_RETURN_NONE;
	return PyUnicode_DecodeFSDefault(info.dli_fname);
}

PyObject *pb_py_stored_pointer(PyObject *module, PyObject *args)
{
	PyObject *object, *number;
	size_t found = 0;
	char *at = NULL;
	(void)module;
	if (!PyArg_ParseTuple(args, "OO!", &object, &PyLong_Type, &number))
		return NULL;
	const void *value = PyLong_AsVoidPtr(number);
	if (PyErr_Occurred())
		return NULL;
	for (size_t i = sizeof(PyObject); i + sizeof value <= (size_t)Py_TYPE(object)->tp_basicsize;
	     i += sizeof value) {
		if (memcmp((char *)object + i, &value, sizeof value))
			continue;
		at = (char *)object + i;
		found++;
	}
	return PyLong_FromVoidPtr(found == 1 ? at : NULL);
}
