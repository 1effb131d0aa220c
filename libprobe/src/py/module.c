/* SPDX-License-Identifier: MIT
 * The extension module `_probe`: its method table and the small functions.
 */
#include "py/py.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "probe/machine.h"
#ifdef PROBE_PACKAGE
#include "py/package/package.h"
#endif
#include "stack/backtrace.h"
#include "sys/counter.h"
#include "sys/reference.h"

PyObject *pb_py_facts(struct probe_counter *counter)
{
	const struct probe_counter_facts *f = probe_counter_facts(counter);
	/* For the TSC a model: one dependent add a core cycle. */
	double cycles =
		f->cycles_per_tick > 0 ? f->cycles_per_tick : pb_reference_cycles_per_tick(counter);
	bool estimated = f->cycles_per_tick > 0 ? f->cycles_estimated : true;
	return Py_BuildValue("{sssssssdsdsdsO}", "kind", f->kind, "unit", f->unit, "why", f->why,
			     "hz", f->hz, "granularity_ticks", f->granularity_ticks,
			     "cycles_per_tick", cycles, "cycles_estimated",
			     estimated ? Py_True : Py_False);
}

static PyObject *py_counter(PyObject *module, PyObject *ignored)
{
	struct probe_counter *counter;
	struct probe_error err = {0};
	(void)module, (void)ignored;
	if (probe_counter_open(&counter, NULL, &err)) {
		pb_py_raise(&err);
		return NULL;
	}
	PyObject *facts = pb_py_facts(counter);
	probe_counter_close(counter);
	return facts;
}

static PyObject *py_open_library(PyObject *module, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"path", "local", NULL};
	const char *path;
	int local = 0;
	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$p", names, &path, &local))
		return NULL;
	void *handle = dlopen(path, RTLD_NOW | (local ? RTLD_LOCAL : RTLD_GLOBAL));
	if (!handle)
		return PyErr_Format(PyExc_OSError, "%s", dlerror());
	return PyLong_FromVoidPtr(handle);
}

static PyObject *py_symbol(PyObject *module, PyObject *args)
{
	PyObject *handle;
	const char *name;
	(void)module;
	if (!PyArg_ParseTuple(args, "O!s", &PyLong_Type, &handle, &name))
		return NULL;
	void *address = dlsym(PyLong_AsVoidPtr(handle), name);
	if (!address && !PyErr_Occurred())
		PyErr_Format(PyExc_OSError, "no symbol %s: %s", name, dlerror());
	return PyErr_Occurred() ? NULL : PyLong_FromVoidPtr(address);
}

static PyObject *py_veneer_slot(PyObject *module, PyObject *args)
{
	PyObject *handle;
	(void)module;
	if (!PyArg_ParseTuple(args, "O!", &PyLong_Type, &handle))
		return NULL;
	void **(*slot)(void);
	*(void **)(void *)&slot = dlsym(PyLong_AsVoidPtr(handle), "probe_veneer_slot");
	if (!slot)
		return PyErr_Format(PyExc_OSError, "the library is not a veneer");
	return PyLong_FromVoidPtr(slot());
}

static PyObject *py_got_slots(PyObject *module, PyObject *args)
{
	const char *object;
	PyObject *symbols;
	const char *names[8] = {NULL};
	void **slots[PB_MAX_SLOTS];
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "sO!", &object, &PyTuple_Type, &symbols))
		return NULL;
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(symbols) && i < 7; i++) {
		names[i] = PyUnicode_AsUTF8(PyTuple_GET_ITEM(symbols, i));
		if (!names[i])
			return NULL;
	}
	int n = pb_got_find(object, names, slots, PB_MAX_SLOTS, &err);
	if (n < 0)
		return PyErr_Format(PyExc_LookupError, "%s", err.msg);
	PyObject *list = PyList_New(0);
	for (int i = 0; list && i < n; i++) {
		PyObject *address = PyLong_FromVoidPtr(slots[i]);
		if (!address || PyList_Append(list, address))
			Py_CLEAR(list);
		Py_XDECREF(address);
	}
	return list;
}

static PyObject *py_entry_kind(PyObject *module, PyObject *callable)
{
	void **slot;
	(void)module;
	return PyUnicode_FromString(pb_entry_name(pb_entry_find(callable, &slot)));
}

static PyObject *py_pin(PyObject *module, PyObject *args)
{
	int cpu;
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "i", &cpu))
		return NULL;
	int rc = probe_machine_pin(cpu, &err);
	if (rc == -PROBE_ESYS) /* a sandbox forbids it: that is no reason not to measure */
		return PyUnicode_FromString(err.msg);
	if (rc)
		return PyErr_Format(PyExc_OSError, "%s", err.msg);
	Py_RETURN_NONE;
}

static PyObject *py_catch_crashes(PyObject *module, PyObject *args)
{
	int fd;
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	if (pb_backtrace_on_crash(fd, &err))
		return PyErr_Format(PyExc_OSError, "%s", err.msg);
	Py_RETURN_NONE;
}

/* Dependent steps without a thunk: the reference chain, for delays that Python code makes. */
static PyObject *py_spin(PyObject *module, PyObject *args)
{
	unsigned long long steps;
	(void)module;
	if (!PyArg_ParseTuple(args, "K", &steps))
		return NULL;
	if (steps)
		pb_ref_chain(steps / PB_REF_ADDS_PER_BLOCK);
	Py_RETURN_NONE;
}

/* Times a delay by itself, so that a truth test knows what it put there. */
static PyObject *py_spin_ticks(PyObject *module, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"steps", "repeats", "thunk", NULL};
	unsigned long long steps;
	unsigned repeats;
	int with_thunk = 0;
	struct pb_thunk thunk;
	struct probe_counter *counter;
	struct probe_error err = {0};
	void (*fn)(void);
	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KI|$p", names, &steps, &repeats,
					 &with_thunk))
		return NULL;
	if (probe_counter_open(&counter, NULL, &err)) {
		pb_py_raise(&err);
		return NULL;
	}
	if (pb_thunk_new(&thunk, PB_THUNK_DELAY, &err)) {
		probe_counter_close(counter);
		pb_py_raise(&err);
		return NULL;
	}
	thunk.data->target = (void *)(uintptr_t)pb_empty_function;
	thunk.data->spin = steps;
	*(void **)(void *)&fn = pb_thunk_entry(&thunk, 0);
	PyObject *list = PyList_New(0);
	for (unsigned i = 0; list && i < repeats; i++) {
		struct probe_reading a, b;
		probe_counter_read(counter, &a);
		if (with_thunk)
			fn();
		else
			pb_ref_chain(steps / PB_REF_ADDS_PER_BLOCK);
		probe_counter_read(counter, &b);
		PyObject *ticks = PyFloat_FromDouble(probe_reading_delta(&a, &b).ticks -
						     pb_counter_overhead_ticks(counter));
		if (!ticks || PyList_Append(list, ticks))
			Py_CLEAR(list);
		Py_XDECREF(ticks);
	}
	probe_counter_close(counter);
	pb_thunk_free(&thunk);
	return list;
}

static void close_counter(PyObject *capsule)
{
	probe_counter_close(PyCapsule_GetPointer(capsule, NULL));
}

static PyObject *measure_reference(PyObject *capsule, PyObject *ignored)
{
	struct pb_reference found;
	(void)ignored;
	if (pb_reference_measure(PyCapsule_GetPointer(capsule, NULL), &found))
		Py_RETURN_NONE;
	return Py_BuildValue("dd", found.chain_ticks, found.wide_ticks);
}

/* A function, as opening a counter takes longer than what is measured beside it. */
static PyObject *py_noise_reference(PyObject *module, PyObject *ignored)
{
	static PyMethodDef measure = {"measure", measure_reference, METH_NOARGS, NULL};
	struct probe_counter *counter;
	struct probe_error err = {0};
	(void)module, (void)ignored;
	if (probe_counter_open(&counter, NULL, &err)) {
		pb_py_raise(&err);
		return NULL;
	}
	PyObject *capsule = PyCapsule_New(counter, NULL, close_counter);
	if (!capsule) {
		probe_counter_close(counter);
		return NULL;
	}
	PyObject *function = PyCFunction_New(&measure, capsule);
	Py_DECREF(capsule);
	return function;
}

#define KEYWORDS(f) ((PyCFunction)(void (*)(void))(f))

static PyMethodDef methods[] = {
	{"counter", py_counter, METH_NOARGS,
	 "counter() -> dict\n\nThe counter that would be used, its unit, frequency and why."},
	{"open_library", KEYWORDS(py_open_library), METH_VARARGS | METH_KEYWORDS,
	 "open_library(path, *, local=False) -> int\n\ndlopen(); the handle stays open. OSError."},
	{"symbol", py_symbol, METH_VARARGS, "symbol(handle, name) -> int\n\nAddress. OSError."},
	{"veneer_slot", py_veneer_slot, METH_VARARGS,
	 "veneer_slot(handle) -> int\n\nAddress of a veneer library's slot. OSError."},
	{"got_slots", py_got_slots, METH_VARARGS,
	 "got_slots(object, symbols) -> list[int]\n\nGOT slots through which a loaded object calls "
	 "the first of the symbols that it imports. LookupError."},
	{"entry_kind", py_entry_kind, METH_O,
	 "entry_kind(callable) -> str\n\n'ml_meth', 'vectorcall', 'tp_call' or 'none'."},
	{"reached", pb_py_reached, METH_VARARGS,
	 "reached(callable, args, hooks) -> dict\n\nHow often one call goes "
	 "through each layer; and 'called'."},
	{"entry_object", pb_py_entry_object, METH_O,
	 "entry_object(callable) -> str or None\n\nThe file that holds its native entry."},
	{"stored_pointer", pb_py_stored_pointer, METH_VARARGS,
	 "stored_pointer(object, value) -> int\n\nThe address in the object's own memory that "
	 "holds this pointer; 0 where none or several do."},
	{"pin", py_pin, METH_VARARGS,
	 "pin(cpu)\n\nPins this thread; returns why not where the system refuses. OSError."},
	{"catch_crashes", py_catch_crashes, METH_VARARGS,
	 "catch_crashes(fd)\n\nWrites a native backtrace to fd when the process crashes."},
	{"noise_reference", py_noise_reference, METH_NOARGS,
	 "noise_reference() -> callable\n\nThat takes nothing and gives (chain, wide): ticks per "
	 "dependent and per independent add, as beside every round; None when interrupted."},
	{"singles", pb_py_singles, METH_VARARGS,
	 "singles(callable, args, loop, empty_loop, calls) -> dict\n\nSamples of so many calls, "
	 "each timed alone, as ladder() gives them."},
	{"ready_callback", pb_py_ready_callback, METH_O,
	 "ready_callback(state) -> callable\n\nA built-in that returns next(state[0]) at once, or "
	 "what state[1] returns where the list has two items."},
	{"spin", py_spin, METH_VARARGS, "spin(steps)\n\nA delay of that many dependent steps."},
	{"spin_ticks", KEYWORDS(py_spin_ticks), METH_VARARGS | METH_KEYWORDS,
	 "spin_ticks(steps, repeats, *, thunk=False) -> list[float]\n\nTicks that spin(), or with "
	 "thunk a delay put in front of a layer, takes by itself."},
	{"ladder", KEYWORDS(pb_py_ladder), METH_VARARGS | METH_KEYWORDS,
	 "ladder(callable, args, loop, empty_loop, *, ...) -> dict\n\nSamples of the ladder."},
	{"timeline", KEYWORDS(pb_py_timeline), METH_VARARGS | METH_KEYWORDS,
	 "timeline(callable, args, loop, empty_loop, *, ...) -> dict\n\nSamples of the timeline."},
	{"threads", KEYWORDS(pb_py_threads), METH_VARARGS | METH_KEYWORDS,
	 "threads(callable, args, loop, empty_loop, make, counts, *, ...) -> dict\n\nSamples of "
	 "the "
	 "call from several threads at once; make(worker) gives each its own."},
	{NULL, NULL, 0, NULL},
};

/* No state of its own: every measurement owns its hooks, so any interpreter or thread may have its
 * own, and a free-threaded build keeps its GIL off. */
static PyModuleDef_Slot slots[] = {
#ifdef PROBE_PACKAGE
	{Py_mod_exec, (void *)(uintptr_t)pb_package_exec},
#endif
#if PY_VERSION_HEX >= 0x030c0000
	{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
	{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
	{0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_probe",
	.m_doc = "The measuring core of probe: libprobe's engines for this interpreter.",
	.m_methods = methods,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__probe(void);
PyMODINIT_FUNC PyInit__probe(void)
{
	return PyModuleDef_Init(&definition);
}
