/* SPDX-License-Identifier: MIT
 * A hooked built-in function stays the key that it was: CPython hashes and compares built-in
 * functions by ml_meth, which is what hooks replace. While any is in place, the types of built-in
 * functions hash and compare by what their hooks lead to.
 */
#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "hook/watch.h"
#include "py/py.h"

#define MOST 32 /* slots at once; a measurement replaces one */

/* Types of built-in functions are static, so they are the process's, and so is this. The lock is
 * for coming and going; hashing reads without it. */
static struct {
	pthread_mutex_t mutex;
	unsigned holders;
	hashfunc hash; /* the interpreter's own; never changes once known */
	richcmpfunc compare;
	struct {
		void **slot; /* NULL = free */
		void *original;
		unsigned holders;
	} held[MOST];
} identity = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* What an ml_meth holds but for hooks. */
static void *original_of(void **slot)
{
	for (size_t i = 0; i < MOST; i++) {
		if (__atomic_load_n(&identity.held[i].slot, __ATOMIC_ACQUIRE) != slot)
			continue;
		void *original = __atomic_load_n(&identity.held[i].original, __ATOMIC_ACQUIRE);
		/* Without the GIL, another slot's could be there by now. */
		if (__atomic_load_n(&identity.held[i].slot, __ATOMIC_RELAXED) == slot)
			return original;
	}
	void *there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	const struct pb_watch_hook *hook = pb_watch_hook_of(there);
	return hook ? hook->target : there;
}

struct stand_in {
	PyCFunctionObject function;
	PyMethodDef definition;
};

/* One that differs from the function in its ml_meth alone, if at all; only to be hashed or
 * compared, by the interpreter's own code, whose formula changes with its version. Never the
 * function itself: without the GIL, a hook may be put in place before that code reads its ml_meth.
 */
static PyObject *unhooked(PyObject *function, struct stand_in *in)
{
	PyCFunctionObject *f = (void *)function;
	void **slot = (void **)(void *)&f->m_ml->ml_meth;
	void *original = original_of(slot);
	in->function = *f;
	in->definition = *f->m_ml;
	memcpy(&in->definition.ml_meth, &original, sizeof original);
	in->function.m_ml = &in->definition;
	return (PyObject *)(void *)&in->function;
}

static Py_hash_t hash_unhooked(PyObject *function)
{
	struct stand_in in;
	return identity.hash(unhooked(function, &in));
}

static PyObject *compare_unhooked(PyObject *a, PyObject *b, int how)
{
	struct stand_in in[2];
	if (PyCFunction_Check(a))
		a = unhooked(a, &in[0]);
	if (PyCFunction_Check(b))
		b = unhooked(b, &in[1]);
	return identity.compare(a, b, how);
}

/* --- coming and going ---------------------------------------------------------------------------
 */

static void swap(void *slot, void *from, void *to)
{
	__atomic_compare_exchange_n((void **)slot, &from, to, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
}

/* Where f.__hash__() goes. */
static void swap_wrapper(PyTypeObject *type, const char *name, void *from, void *to)
{
	PyObject *wrapper = pb_type_attribute((PyObject *)type, name);
	if (wrapper && Py_TYPE(wrapper) == &PyWrapperDescr_Type)
		swap(&((PyWrapperDescrObject *)(void *)wrapper)->d_wrapped, from, to);
	Py_XDECREF(wrapper); /* its type's dict holds it */
	PyErr_Clear();
}

/* In the types of built-in functions: PyCMethod, and any that an extension has derived. */
static void swap_type(PyTypeObject *type, bool back)
{
	hashfunc ours = hash_unhooked;
	richcmpfunc our_compare = compare_unhooked;
	void *hash[2], *compare[2];
	memcpy(&hash[back], &identity.hash, sizeof(void *));
	memcpy(&hash[!back], &ours, sizeof(void *));
	memcpy(&compare[back], &identity.compare, sizeof(void *));
	memcpy(&compare[!back], &our_compare, sizeof(void *));
	swap(&type->tp_hash, hash[0], hash[1]);
	swap(&type->tp_richcompare, compare[0], compare[1]);
	swap_wrapper(type, "__hash__", hash[0], hash[1]);
	swap_wrapper(type, "__eq__", compare[0], compare[1]);
	swap_wrapper(type, "__ne__", compare[0], compare[1]);
	PyObject *derived = pb_type_derived(type);
	for (Py_ssize_t i = 0; derived && i < PyList_GET_SIZE(derived); i++)
		swap_type((PyTypeObject *)PyList_GET_ITEM(derived, i), back);
	Py_XDECREF(derived);
	PyErr_Clear();
}

/* With the lock held. -1: full. */
static int hold_slot(void **slot, void *original)
{
	size_t unused = MOST;
	for (size_t i = 0; i < MOST; i++) {
		if (identity.held[i].slot == slot) {
			identity.held[i].holders++;
			return 0;
		}
		if (!identity.held[i].slot)
			unused = i;
	}
	if (unused == MOST)
		return -1;
	identity.held[unused].holders = 1;
	__atomic_store_n(&identity.held[unused].original, original, __ATOMIC_RELEASE);
	__atomic_store_n(&identity.held[unused].slot, slot, __ATOMIC_RELEASE);
	return 0;
}

static void release_slot(void **slot)
{
	for (size_t i = 0; i < MOST; i++)
		if (identity.held[i].slot == slot && --identity.held[i].holders == 0)
			__atomic_store_n(&identity.held[i].slot, NULL, __ATOMIC_RELEASE);
}

int pb_identity_hold(void **slot, void *original)
{
	struct probe_error err = {0};
	pthread_mutex_lock(&identity.mutex);
	bool full = slot && hold_slot(slot, original);
	bool first = !full && identity.holders++ == 0;
	if (first && !identity.hash) {
		identity.hash = PyCFunction_Type.tp_hash;
		identity.compare = PyCFunction_Type.tp_richcompare;
	}
	pthread_mutex_unlock(&identity.mutex);
	if (full) {
		pb_fail(&err, PROBE_EUNHOOKABLE, 0, "more than %d functions are hooked at once",
			MOST);
		return pb_py_raise(&err);
	}
	if (first)
		swap_type(&PyCFunction_Type, false);
	return 0;
}

void pb_identity_release(void **slot)
{
	PyObject *type, *value, *traceback;
	pthread_mutex_lock(&identity.mutex);
	if (slot)
		release_slot(slot);
	bool last = --identity.holders == 0;
	pthread_mutex_unlock(&identity.mutex);
	if (!last)
		return;
	PyErr_Fetch(&type, &value, &traceback);
	swap_type(&PyCFunction_Type, true);
	PyErr_Restore(type, value, traceback);
}

/* --- types --------------------------------------------------------------------------------------
 */

PyObject *pb_type_attribute(PyObject *object, const char *name)
{
	PyObject *text = PyUnicode_InternFromString(name);
	PyObject *found = text ? PyObject_GetAttr(object, text) : NULL;
	Py_XDECREF(text);
	return found;
}

PyObject *pb_type_derived(PyTypeObject *type)
{
	PyObject *method = pb_type_attribute((PyObject *)&PyType_Type, "__subclasses__");
	PyObject *list = method ? PyObject_CallFunctionObjArgs(method, type, NULL) : NULL;
	Py_XDECREF(method);
	return list;
}
