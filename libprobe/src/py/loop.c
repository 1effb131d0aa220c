/* SPDX-License-Identifier: MIT
 * The loops that make the measured call: the timed one, and one that gives the last result.
 */
#include "engine/ladder.h"
#include "sys/counter.h"
#include "py/py.h"

PyObject *pb_call_callable(const struct pb_call *call, enum probe_rung rung)
{
	if (rung == PROBE_RUNG_PYCALL)
		return call->pycall;
	return rung == PROBE_RUNG_TARGET && call->twin ? call->twin : call->callable;
}

PyObject *pb_call_args(const struct pb_call *call, enum probe_rung rung)
{
	return rung == PROBE_RUNG_CALLBACK_EMPTY ? call->empty_args : call->args;
}

PyObject *pb_loop_arguments(const struct pb_call *call, uint64_t calls, PyObject *callable,
			    PyObject *args)
{
	Py_ssize_t extra = callable ? PyTuple_GET_SIZE(args) : 0;
	PyObject *it = PyObject_CallFunction(call->repeat, "On", Py_None, (Py_ssize_t)calls);
	PyObject *argv = PyTuple_New(callable ? 2 + extra : 1);
	if (!it || !argv) {
		Py_XDECREF(it);
		Py_XDECREF(argv);
		return NULL;
	}
	PyTuple_SET_ITEM(argv, 0, it);
	if (callable) {
		Py_INCREF(callable);
		PyTuple_SET_ITEM(argv, 1, callable);
	}
	for (Py_ssize_t i = 0; i < extra; i++) {
		PyObject *arg = PyTuple_GET_ITEM(args, i);
		Py_INCREF(arg);
		PyTuple_SET_ITEM(argv, 2 + i, arg);
	}
	return argv;
}

/* One copy of it, as places on the stack are counted from its frame. */
#if __has_attribute(noclone)
#define ONE_COPY __attribute__((noinline, noclone))
#else
#define ONE_COPY __attribute__((noinline))
#endif
static ONE_COPY PyObject *enter(struct pb_call *call, enum pb_loop which, PyObject *loop,
				PyObject *argv, struct probe_delta *delta)
{
	struct probe_reading before, after;
	pb_call_aim(call, which, (uintptr_t)__builtin_frame_address(0));
	probe_counter_read(call->counter, &before);
	PyObject *result = PyObject_Call(loop, argv, NULL);
	probe_counter_read(call->counter, &after);
	*delta = probe_reading_delta(&before, &after);
	return result;
}

int pb_call_run(struct pb_call *call, enum probe_rung rung, uint64_t calls, uint64_t *ticks)
{
	bool empty = rung == PROBE_RUNG_EMPTY;
	PyObject *loop = empty                       ? call->empty_loop
			 : rung == PROBE_RUNG_PYCALL ? call->pycall_loop
						     : call->loop;
	PyObject *argv = pb_loop_arguments(call, calls, empty ? NULL : pb_call_callable(call, rung),
					   pb_call_args(call, rung));
	struct probe_delta delta;
	if (!argv)
		return -1;
	if (!empty && rung != PROBE_RUNG_PYCALL)
		call->calls_made += calls;
	PyObject *result = enter(call, PB_LOOP_TIMED, loop, argv, &delta);
	Py_DECREF(argv);
	if (!result)
		return -1;
	Py_DECREF(result);
	bool strayed = call->armed && !empty && pb_call_strayed(call, PB_LOOP_TIMED, calls);
	*ticks = delta.state == PROBE_EXACT && !strayed ? (uint64_t)delta.ticks : PB_TICKS_LOST;
	return 0;
}

/* The timed loop's call once more, in a loop that returns the last result. */
static PyObject *make_last(Py_ssize_t arity)
{
	PyObject *names = PyUnicode_FromString(""), *scope = PyDict_New(), *last = NULL;
	for (Py_ssize_t i = 0; names && i < arity; i++) {
		PyObject *more = PyUnicode_FromFormat("%Ua%zd, ", names, i);
		Py_DECREF(names);
		names = more;
	}
	PyObject *source = names ? PyUnicode_FromFormat("def last(it, f, %U):\n"
							"    r = None\n"
							"    for _ in it:\n"
							"        r = f(%U)\n"
							"    return r\n",
							names, names)
				 : NULL;
	const char *text = source ? PyUnicode_AsUTF8(source) : NULL;
	if (text && scope &&
	    PyDict_SetItemString(scope, "__builtins__", PyEval_GetBuiltins()) == 0) {
		PyObject *none = PyRun_String(text, Py_file_input, scope, scope);
		last = none ? PyDict_GetItemString(scope, "last") : NULL;
		Py_XINCREF(last);
		Py_XDECREF(none);
	}
	Py_XDECREF(source);
	Py_XDECREF(names);
	Py_XDECREF(scope);
	return last;
}

PyObject *pb_call_last(struct pb_call *call, enum probe_rung rung, uint64_t calls)
{
	struct probe_delta delta;
	if (!call->last && !(call->last = make_last(PyTuple_GET_SIZE(call->args))))
		return NULL;
	PyObject *argv = pb_loop_arguments(call, calls, pb_call_callable(call, rung),
					   pb_call_args(call, rung));
	if (!argv)
		return NULL;
	call->calls_made += calls;
	PyObject *result = enter(call, PB_LOOP_LAST, call->last, argv, &delta);
	Py_DECREF(argv);
	return result;
}

int pb_call_loop(struct pb_call *call, enum pb_loop which, uint64_t calls)
{
	uint64_t ticks;
	if (which == PB_LOOP_TIMED)
		return pb_call_run(call, PROBE_RUNG_REAL, calls, &ticks);
	PyObject *result = pb_call_last(call, PROBE_RUNG_REAL, calls);
	Py_XDECREF(result);
	return result ? 0 : -1;
}
