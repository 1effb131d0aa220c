/* SPDX-License-Identifier: MIT
 * The same call from several threads at once, as a Python function: each worker attaches its own
 * thread state for the loops of a window and is detached in between.
 */
#include <string.h>

#include "engine/threads.h"
#include "probe/threaded.h"
#include "py/py.h"

/* What one thread calls. */
struct caller {
	PyObject *callable, *args, *loop;
	PyGILState_STATE gil;
	PyThreadState *state; /* while detached */
	struct pb_slot entry; /* of a callable of its own; address NULL = the shared one's */
};

struct threaded {
	struct pb_call *call;
	PyObject *make; /* make(worker) -> (callable, args, loop) */
	struct caller *callers;
	unsigned entered;
	bool stamped;
	/* The caller of the engine, while it is detached. */
	PyThreadState *state;
};

/* --- on the worker's own thread --------------------------------------------------------------- */

/* The exception that is set, as one line. */
static void say_exception(char *why, size_t size)
{
	PyObject *type, *value, *trace;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	PyObject *text = value ? PyObject_Str(value) : NULL;
	const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
	snprintf(why, size, "%s%s%s", type ? ((PyTypeObject *)(void *)type)->tp_name : "error",
		 utf8 && *utf8 ? ": " : "", utf8 ? utf8 : "");
	Py_XDECREF(text);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	PyErr_Clear();
}

/* A private callable may be reached through a slot of its own. */
static int open_entry(struct threaded *t, struct caller *c)
{
	struct pb_layer_hooks *layer = &t->call->layers[PB_LAYER_ENTRY];
	struct probe_error err = {0};
	void **entry;
	if (!layer->slot_count || pb_entry_find(c->callable, &entry) == PB_ENTRY_NONE)
		return 0;
	if (entry == layer->slots[0].address)
		return 0;
	for (unsigned i = 0; i < t->entered; i++)
		if (t->callers[i].entry.address == entry)
			return 0;
	if (*entry != layer->slots[0].original) {
		PyErr_SetString(PyExc_RuntimeError,
				"the threads' callables are not entered at the same place");
		return -1;
	}
	struct pb_slot slot;
	if (pb_slot_open(&slot, entry, &err))
		return pb_py_raise(&err);
	c->entry = slot;
	return 0;
}

static int make_caller(struct threaded *t, unsigned worker)
{
	struct caller *c = &t->callers[worker];
	PyObject *made = PyObject_CallFunction(t->make, "I", worker);
	int rc = made && PyArg_ParseTuple(made, "OO!O!", &c->callable, &PyTuple_Type, &c->args,
					  &PyFunction_Type, &c->loop)
			 ? 0
			 : -1;
	if (rc == 0) {
		Py_INCREF(c->callable);
		Py_INCREF(c->args);
		Py_INCREF(c->loop);
		rc = open_entry(t, c);
	} else {
		c->callable = c->args = c->loop = NULL;
	}
	Py_XDECREF(made);
	return rc;
}

static int enter(void *ctx, unsigned worker, char *why, size_t size)
{
	struct threaded *t = ctx;
	struct caller *c = &t->callers[worker];
	c->gil = PyGILState_Ensure();
	int rc = make_caller(t, worker);
	if (rc) {
		say_exception(why, size);
		Py_CLEAR(c->callable);
		Py_CLEAR(c->args);
		Py_CLEAR(c->loop);
		PyGILState_Release(c->gil);
		return rc;
	}
	t->entered = worker + 1;
	c->state = PyEval_SaveThread();
	return 0;
}

static void leave(void *ctx, unsigned worker)
{
	struct threaded *t = ctx;
	struct caller *c = &t->callers[worker];
	PyEval_RestoreThread(c->state);
	Py_CLEAR(c->args);
	Py_CLEAR(c->loop);
	PyGILState_Release(c->gil);
}

static void begin(void *ctx, unsigned worker)
{
	struct threaded *t = ctx;
	PyEval_RestoreThread(t->callers[worker].state);
}

static void end(void *ctx, unsigned worker)
{
	struct threaded *t = ctx;
	t->callers[worker].state = PyEval_SaveThread();
}

/* Runs the loop over so many iterations; callable NULL: the empty one. */
static int run_loop(struct threaded *t, PyObject *loop, PyObject *callable, PyObject *args,
		    uint64_t calls)
{
	PyObject *argv = pb_loop_arguments(t->call, calls, callable, args);
	PyObject *result = argv ? PyObject_Call(loop, argv, NULL) : NULL;
	Py_XDECREF(argv);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

static int run(void *ctx, unsigned worker, uint64_t calls)
{
	struct threaded *t = ctx;
	const struct caller *c = &t->callers[worker];
	if (run_loop(t, c->loop, c->callable, c->args, calls) == 0)
		return 0;
	PyErr_Clear();
	return -1;
}

static int run_empty(void *ctx, unsigned worker, uint64_t calls)
{
	struct threaded *t = ctx;
	(void)worker;
	if (run_loop(t, t->call->empty_loop, NULL, NULL, calls) == 0)
		return 0;
	PyErr_Clear();
	return -1;
}

/* --- between windows -------------------------------------------------------------------------- */

static void arm(void *ctx, bool stamped)
{
	struct threaded *t = ctx;
	struct pb_layer_hooks *layer = &t->call->layers[PB_LAYER_ENTRY];
	void *entry = layer->base;
	if (!t->stamped)
		return;
	if (stamped && layer->stamp.data)
		entry = pb_thunk_entry(&layer->stamp, 0);
	if (stamped)
		pb_call_arm_stamps(t->call);
	else
		pb_call_disarm(t->call);
	for (unsigned i = 0; i < t->entered; i++)
		if (t->callers[i].entry.address)
			pb_slot_set(&t->callers[i].entry, entry);
}

static int pause_between(void *ctx)
{
	struct threaded *t = ctx;
	PyEval_RestoreThread(t->state);
	int rc = PyErr_CheckSignals();
	t->state = PyEval_SaveThread();
	return rc;
}

/* --- the function ----------------------------------------------------------------------------- */

static PyObject *reals(const double *values, size_t n)
{
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < n; i++) {
		PyObject *value = Py_None;
		if (values[i] == values[i])
			value = PyFloat_FromDouble(values[i]);
		else
			Py_INCREF(value);
		if (!value || PyList_Append(list, value))
			Py_CLEAR(list);
		Py_XDECREF(value);
	}
	return list;
}

static int append_new(PyObject *list, PyObject *item)
{
	int rc = item ? PyList_Append(list, item) : -1;
	Py_XDECREF(item);
	return rc;
}

/* One list a round: the empty loop, then of each number of threads its calls per second, the
 * control's, and the parts. */
static PyObject *rounds_list(const struct pb_threads_samples *s)
{
	PyObject *rounds = PyList_New(0);
	for (size_t r = 0; rounds && r < s->round_count; r++) {
		double row[1 + (PROBE_MAX_THREAD_COUNTS + 1) * (2 + PB_DELAYS + PROBE_MAX_PARTS)];
		size_t n = 0;
		row[n++] = s->rounds[r].empty_ns;
		for (size_t k = 0; k < s->count_count; k++) {
			const struct pb_threads_window *at = &s->rounds[r].at[k];
			row[n++] = at->calls_per_s;
			row[n++] = at->control_per_s;
			for (size_t d = 0; d < PB_DELAYS; d++)
				row[n++] = at->delayed[d];
			for (size_t p = 0; p < s->shape.part_count; p++)
				row[n++] = at->parts_ns[p];
		}
		if (append_new(rounds, reals(row, n)))
			Py_CLEAR(rounds);
	}
	return rounds;
}

static PyObject *samples_dict(const struct pb_threads_samples *s)
{
	PyObject *counts = PyList_New(0), *parts = PyList_New(0), *rounds = rounds_list(s);
	PyObject *dict = NULL;
	for (size_t k = 0; counts && k < s->count_count; k++)
		if (append_new(counts, PyLong_FromUnsignedLong(s->counts[k])))
			Py_CLEAR(counts);
	for (size_t p = 0; parts && p < s->shape.part_count; p++)
		if (append_new(parts, Py_BuildValue("Id", s->shape.masks[p], s->shape.weights[p])))
			Py_CLEAR(parts);
	if (counts && parts && rounds)
		dict = Py_BuildValue("{sOsOsOsnsK}", "counts", counts, "parts", parts, "rounds",
				     rounds, "stamps", (Py_ssize_t)s->shape.stretch_count, "calls",
				     (unsigned long long)s->calls);
	Py_XDECREF(counts);
	Py_XDECREF(parts);
	Py_XDECREF(rounds);
	return dict;
}

/* Stamps are the TSC's in every thread, as a cycle counter counts one thread only. */
static int use_tsc(struct pb_call *call)
{
	struct probe_counter *tsc;
	struct probe_error err = {0};
	if (probe_counter_open(&tsc, "tsc", &err))
		return pb_py_raise(&err);
	probe_counter_close(call->counter);
	call->counter = tsc;
	return 0;
}

/* The order of stamps, from some calls of this thread. */
static int learn_stamps(struct pb_call *call, unsigned subphases, struct pb_timeline *out)
{
	struct pb_stamp_cost cost;
	struct probe_error err = {0};
	uint64_t ticks;
	call->anywhere = true;
	if (pb_call_make_stamps(call, PB_TIMELINE_RING_EVENTS))
		return -1;
	if (pb_stamp_calibrate(call->counter, &call->ring, &cost, &err))
		return pb_py_raise(&err);
	call->ring.pos = 0;
	pb_call_arm_stamps(call);
	int rc = pb_call_run(call, PROBE_RUNG_REAL, 4, &ticks);
	pb_call_disarm(call);
	if (rc)
		return -1;
	if (pb_timeline_learn(out, call->ring.events, call->ring.pos / sizeof(struct pb_event),
			      subphases, &cost, &err))
		return pb_py_raise(&err);
	return 0;
}

struct request {
	PyObject *callable, *args, *loop, *empty_loop, *make, *counts, *hooks, *delays;
	unsigned subphases, rounds;
	double window_s, wait_s;
	unsigned long long seed;
	int cpu;
	unsigned numbers[PROBE_MAX_THREAD_COUNTS];
};

static int parse(PyObject *args, PyObject *kwargs, struct request *r)
{
	static char *names[] = {"callable", "args",   "loop",   "empty_loop", "make",
				"counts",   "hooks",  "delays", "subphases",  "rounds",
				"window_s", "wait_s", "seed",   "cpu",        NULL};
	*r = (struct request){.subphases = PROBE_MASK_ALL, .rounds = 10, .window_s = 0.02};
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!O!O!OO!|$OOIIddKi", names, &r->callable,
					 &PyTuple_Type, &r->args, &PyFunction_Type, &r->loop,
					 &PyFunction_Type, &r->empty_loop, &r->make, &PyTuple_Type,
					 &r->counts, &r->hooks, &r->delays, &r->subphases,
					 &r->rounds, &r->window_s, &r->wait_s, &r->seed, &r->cpu))
		return -1;
	r->hooks = r->hooks == Py_None ? NULL : r->hooks;
	r->delays = r->delays == Py_None ? NULL : r->delays;
	if ((r->hooks && !PyDict_Check(r->hooks)) || (r->delays && !PyDict_Check(r->delays))) {
		PyErr_SetString(PyExc_TypeError, "hooks and delays must be dicts or None");
		return -1;
	}
	Py_ssize_t n = PyTuple_GET_SIZE(r->counts);
	bool fine = n > 0 && n <= PROBE_MAX_THREAD_COUNTS && r->rounds > 0 && r->window_s > 0;
	for (Py_ssize_t i = 0; fine && i < n; i++) {
		unsigned long count = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(r->counts, i));
		fine = !PyErr_Occurred() && count > 0 && count <= PROBE_MAX_THREADS &&
		       (i == 0 || count > r->numbers[i - 1]);
		r->numbers[i] = (unsigned)count;
	}
	if (!fine && !PyErr_Occurred())
		PyErr_SetString(PyExc_ValueError,
				"counts must ascend, rounds and window_s be above 0");
	return fine ? 0 : -1;
}

static int start(struct pb_call *call, const struct request *r, struct pb_timeline *stamps)
{
	Py_INCREF(r->loop);
	call->loop = r->loop;
	Py_INCREF(r->empty_loop);
	call->empty_loop = r->empty_loop;
	if (pb_call_init(call, r->callable, r->args, r->hooks, r->delays) || use_tsc(call))
		return -1;
	bool any = false;
	for (unsigned i = 0; i < PB_LAYERS; i++)
		any = any || call->layers[i].slot_count;
	return any ? learn_stamps(call, r->subphases, stamps) : 0;
}

static PyObject *measure(struct threaded *t, const struct request *r,
			 const struct pb_timeline *stamps)
{
	static const struct pb_threads_ops ops = {enter, leave,     begin, end,
						  run,   run_empty, arm,   pause_between};
	const struct pb_threads_config config = {
		.counts = r->numbers,
		.count_count = (size_t)PyTuple_GET_SIZE(r->counts),
		.rounds = r->rounds,
		.window_s = r->window_s,
		.wait_s = r->wait_s,
		.stamp_hz = probe_counter_facts(t->call->counter)->hz,
		.stamps = t->stamped ? stamps : NULL,
		.seed = r->seed,
		.first_cpu = r->cpu,
	};
	struct pb_threads_samples samples;
	struct probe_error err = {0};
	PyObject *dict = NULL;
	t->state = PyEval_SaveThread();
	int rc = pb_threads_run(&ops, t, &config, &samples, &err);
	PyEval_RestoreThread(t->state);
	if (rc == 0)
		dict = samples_dict(&samples);
	else if (!PyErr_Occurred())
		pb_py_raise(&err);
	free(samples.rounds);
	return dict;
}

PyObject *pb_py_threads(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct request r;
	struct pb_call call = {0};
	struct pb_timeline stamps = {0};
	PyObject *dict = NULL;
	(void)module;
	if (parse(args, kwargs, &r))
		return NULL;
	struct threaded t = {.call = &call, .make = r.make};
	t.callers = PyMem_Calloc(PROBE_MAX_THREADS, sizeof *t.callers);
	if (!t.callers)
		return PyErr_NoMemory();
	if (start(&call, &r, &stamps) == 0) {
		t.stamped = stamps.shape.part_count > 0;
		dict = measure(&t, &r, &stamps);
	}
	/* In the reverse order, as slots may share a page. */
	for (unsigned i = t.entered; i-- > 0;) {
		if (t.callers[i].entry.address)
			pb_slot_close(&t.callers[i].entry);
		Py_CLEAR(t.callers[i].callable);
	}
	PyMem_Free(t.callers);
	pb_timeline_fini(&stamps);
	PyObject *facts = dict ? pb_py_facts(call.counter) : NULL;
	PyObject *out = facts ? Py_BuildValue("{sOsO}", "counter", facts, "threads", dict) : NULL;
	Py_XDECREF(facts);
	Py_XDECREF(dict);
	pb_call_fini(&call);
	return out;
}
