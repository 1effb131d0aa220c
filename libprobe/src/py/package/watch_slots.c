/* SPDX-License-Identifier: MIT
 * Where a callable's calls can be counted: the slot that the interpreter reads, asked of the
 * object itself.
 */
#include <string.h>

#include "py/package/watch.h"

const char *const pb_watch_group_names[PB_WATCH_GROUPS] = {"direct", "ctypes", "cffi-abi",
							   "cffi-api"};

/* The slot wrapper `__call__` holds a copy of tp_call: what f.__call__() calls, and what the
 * tp_call of types made later is copied from. NULL where there is none. */
static void **wrapped_call(PyTypeObject *type)
{
	PyObject *descr = pb_type_attribute((PyObject *)type, "__call__");
	void **slot = NULL;
	if (!descr) {
		PyErr_Clear();
		return NULL;
	}
	if (Py_TYPE(descr) == &PyWrapperDescr_Type) {
		PyWrapperDescrObject *wrapper = (void *)descr;
		void *call = (void *)(uintptr_t)type->tp_call;
		struct pb_watch_hook *hook = pb_watch_hook_of(wrapper->d_wrapped);
		if (wrapper->d_wrapped == call || (hook && hook->target == call))
			slot = &wrapper->d_wrapped;
	}
	Py_DECREF(descr); /* its type's dict holds it */
	return slot;
}

/* 0 or 1 as pb_watch_add(), or -1 with an exception. */
static int add(struct pb_watch *w, void **slot, enum pb_watch_kind kind, enum pb_watch_group group,
	       struct pb_watch_hook **hook)
{
	struct probe_error err = {0};
	int rc = pb_watch_add(w, slot, NULL, kind, hook, &err);
	if (rc < 0)
		return pb_py_raise(&err);
	if (rc == 0)
		(*hook)->group = (uint8_t)group;
	return rc;
}

static int add_self(struct pb_watch *w, void **slot, PyObject *self, uint32_t index,
		    enum pb_watch_group group)
{
	struct pb_watch_hook *hook;
	struct probe_error err = {0};
	if (add(w, slot, PB_WATCH_BY_SELF, group, &hook) < 0)
		return -1;
	return pb_watch_add_self(w, hook, self, index, &err) ? pb_py_raise(&err) : 0;
}

static const char *by_type(struct pb_watch *w, PyObject *callable, uint32_t index,
			   enum pb_watch_group group, PyObject *types)
{
	PyTypeObject *type = Py_TYPE(callable);
	void **wrapped = wrapped_call(type);
	if (add_self(w, (void **)(void *)&type->tp_call, callable, index, group) ||
	    (wrapped && add_self(w, wrapped, callable, index, group)) ||
	    PyList_Append(types, (PyObject *)type))
		return NULL;
	return "tp_call";
}

/* Whether other callables share this method table entry, told apart by `self` only. */
static bool is_bound(PyObject *function)
{
	PyObject *self = PyCFunction_GET_SELF(function);
	return self && !PyModule_Check(self);
}

const char *pb_watch_callable(struct pb_watch *w, PyObject *callable, uint32_t index,
			      enum pb_watch_group group, PyObject *types, const char **reason)
{
	void **slot;
	struct pb_watch_hook *hook;
	enum pb_entry_kind kind = pb_entry_find(callable, &slot);
	if (Py_TYPE(callable) == &PyClassMethodDescr_Type) {
		kind = PB_ENTRY_METHOD;
		slot = (void **)(void *)&((PyMethodDescrObject *)(void *)callable)
			       ->d_method->ml_meth;
	}
	switch (kind) {
	case PB_ENTRY_NONE:
		*reason = "it has no native entry";
		return "";
	case PB_ENTRY_TP_CALL:
		return by_type(w, callable, index, group, types);
	case PB_ENTRY_METHOD:
		if (group != PB_WATCH_CFFI_API && PyCFunction_Check(callable) && is_bound(callable))
			return add_self(w, slot, PyCFunction_GET_SELF(callable), index, group)
				       ? NULL
				       : pb_entry_name(kind);
		break;
	case PB_ENTRY_VECTORCALL:
		break;
	}
	int rc = add(w, slot, PB_WATCH_FIXED, group, &hook);
	if (rc < 0)
		return NULL;
	if (hook->index != PB_WATCH_NONE) {
		*reason = "another name for a function that is counted already";
		return "";
	}
	hook->index = index;
	return pb_entry_name(kind);
}

int pb_watch_type(struct pb_watch *w, PyTypeObject *type, uint32_t key_at, bool indirect,
		  enum pb_watch_group group, PyObject *types)
{
	void **slots[2] = {(void **)(void *)&type->tp_call, wrapped_call(type)};
	for (int i = 0; i < 2 && slots[i]; i++) {
		struct pb_watch_hook *hook;
		int rc = add(w, slots[i], PB_WATCH_BY_POINTER, group, &hook);
		if (rc < 0)
			return -1;
		hook->key_at = key_at;
		hook->key_indirect = indirect;
	}
	if (PyList_Append(types, (PyObject *)type))
		return -1;
	PyObject *derived = pb_type_derived(type);
	int rc = derived ? 0 : -1;
	for (Py_ssize_t i = 0; !rc && i < PyList_GET_SIZE(derived); i++) {
		PyTypeObject *sub = (PyTypeObject *)PyList_GET_ITEM(derived, i);
		/* One with a __call__ of its own comes here through that of its base. */
		if (sub->tp_call == type->tp_call)
			rc = pb_watch_type(w, sub, key_at, indirect, group, types);
	}
	Py_XDECREF(derived);
	return rc;
}

static void clean_type(PyTypeObject *type)
{
	struct pb_watch_hook *hook = pb_watch_hook_of((void *)(uintptr_t)type->tp_call);
	if (hook)
		__atomic_store_n((void **)(void *)&type->tp_call, hook->target, __ATOMIC_RELEASE);
	PyObject *derived = pb_type_derived(type);
	if (!derived)
		PyErr_Clear();
	for (Py_ssize_t i = 0; derived && i < PyList_GET_SIZE(derived); i++)
		clean_type((PyTypeObject *)PyList_GET_ITEM(derived, i));
	Py_XDECREF(derived);
}

void pb_watch_clean_types(PyObject *types)
{
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(types); i++)
		clean_type((PyTypeObject *)PyList_GET_ITEM(types, i));
}
