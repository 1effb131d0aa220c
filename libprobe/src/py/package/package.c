/* SPDX-License-Identifier: MIT
 * The package's functions, and how libprobe's errors become Python's.
 */
#include "py/package/package.h"

#include <dlfcn.h>

#include "probe/probe.h"

static PyObject *is_interpreters(PyObject *module, PyObject *type)
{
	Dl_info interpreter, its;
	(void)module;
	return PyBool_FromLong(dladdr(&PyBaseObject_Type, &interpreter) && dladdr(type, &its) &&
			       its.dli_fbase == interpreter.dli_fbase);
}

static PyMethodDef methods[] = {
	{"analyse", pb_py_analyse, METH_VARARGS,
	 "analyse(run, answers) -> str\n\nA run whose cells hold the figures of these samples. "
	 "answers: JSON, for each cell {pure, answers: [[engine, samples], ...]}."},
	{"load", pb_py_load, METH_VARARGS,
	 "load(path) -> str\n\nThe run of a run file. FileNotFound, BadFile."},
	{"save", pb_py_save, METH_VARARGS,
	 "save(run, path)\n\nWrites a run file, atomically. OSError."},
	{"quiet_ratio", pb_py_quiet_ratio, METH_NOARGS,
	 "quiet_ratio() -> float\n\nHow quiet this CPU is known to be; 0 = not known."},
	{"view", pb_py_view, METH_VARARGS,
	 "view(run) -> str\n\nThe run's figures in nanoseconds and as text, as JSON."},
	{"export", pb_py_export, METH_VARARGS,
	 "export(run, format) -> str\n\nThe run as the command exports it: 'csv', 'markdown', ..."},
	{"is_interpreters", is_interpreters, METH_O,
	 "is_interpreters(type) -> bool\n\nWhether a static type is part of the interpreter "
	 "itself."},
	{"doctor", pb_py_doctor, METH_VARARGS,
	 "doctor(seconds) -> str\n\nCounter, machine and noise, as JSON."},
	{"watch_begin", pb_py_watch_begin, METH_VARARGS,
	 "watch_begin(callables, types, lib, boundaries, ended, phases) -> "
	 "list\n\nPuts "
	 "hooks in; gives for each callable how, or '-' and why not."},
	{"watch_now", pb_py_watch_now, METH_NOARGS,
	 "watch_now() -> dict or None\n\nWhat the watch that runs has counted so far."},
	{"watch_end", pb_py_watch_end, METH_VARARGS,
	 "watch_end(ended=...)\n\nTakes every hook out; what was counted is appended to `ended`."},
	{"claim", pb_py_claim, METH_NOARGS,
	 "claim() -> bool\n\nTakes the one measurement or watch that a process may run."},
	{"release", pb_py_release, METH_NOARGS, "release()\n\nLets the next one run."},
	{NULL, NULL, 0, NULL},
};

int pb_package_exec(PyObject *module)
{
	if (PyModule_AddStringConstant(module, "version", PROBE_VERSION))
		return -1;
	if (PyModule_AddFunctions(module, methods))
		return -1;
	/* An __exit__ that is bound as a method is, and has no line of Python to be interrupted in.
	 */
	PyObject *end = PyObject_GetAttrString(module, "watch_end");
	PyObject *bound = end ? PyInstanceMethod_New(end) : NULL;
	int rc = bound ? PyObject_SetAttrString(module, "watch_exit", bound) : -1;
	Py_XDECREF(bound);
	Py_XDECREF(end);
	return rc;
}

PyObject *pb_package_fail(const struct probe_error *err)
{
	if (PyErr_Occurred())
		return NULL;
	PyObject *errors = PyImport_ImportModule("probe._api_errors");
	PyObject *type =
		errors ? PyObject_CallMethod(errors, "of_code", "s", probe_code_name(err->code))
		       : NULL;
	if (type)
		PyErr_SetString(type, err->msg);
	Py_XDECREF(type);
	Py_XDECREF(errors);
	return NULL;
}
