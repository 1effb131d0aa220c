/* SPDX-License-Identifier: MIT
 * watch(): hooks put in and taken out in one call each, so that no KeyboardInterrupt comes between.
 */
#include "py/package/watch.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "sys/arch.h"

/* A function of a cffi library that was first asked for while the watch ran. */
struct late {
	struct late *next;
	PyObject *function;
	uint32_t index;
};

/* The one that runs; pointers are the process's, and so is this. */
static struct session {
	struct pb_watch *watch;
	bool phases, held;
	int ending;
	PyObject *kept;  /* list: what owns the replaced pointers */
	PyObject *types; /* list: types whose derived ones have to be looked at in the end */
	PyObject *ended; /* list: receives what was found */
	struct late *late;
	uint32_t next_index;
	uint64_t unhooked; /* functions that came late, and could not be hooked */
	struct timespec began;
	uint64_t began_ticks;
	struct pb_watch_scale scale;
} session;

static int busy; /* a watch or a measurement runs in this process */

PyObject *pb_py_claim(PyObject *module, PyObject *ignored)
{
	int none = 0;
	(void)module, (void)ignored;
	return PyBool_FromLong(__atomic_compare_exchange_n(&busy, &none, 1, false, __ATOMIC_SEQ_CST,
							   __ATOMIC_SEQ_CST));
}

PyObject *pb_py_release(PyObject *module, PyObject *ignored)
{
	(void)module, (void)ignored;
	__atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
	Py_RETURN_NONE;
}

/* --- names --------------------------------------------------------------------------------------
 */

static char *own_name(PyObject *self)
{
	PyObject *name = pb_type_attribute(self, "__name__");
	const char *text = name && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
	char *copy = text ? strdup(text) : NULL;
	Py_XDECREF(name);
	PyErr_Clear();
	return copy;
}

/* In the middle of a call: the exception that may be set is the caller's. */
static void describe(void *self, unsigned group, uint64_t key, char **name, char **library)
{
	PyObject *type, *value, *traceback;
	Dl_info info;
	PyErr_Fetch(&type, &value, &traceback);
	if (group == PB_WATCH_CTYPES)
		*name = own_name(self);
	const void *address = (const void *)(uintptr_t)key;
	if (key && dladdr(address, &info)) {
		if (info.dli_fname)
			*library = strdup(info.dli_fname);
		/* The nearest name before it would be another function's. */
		if (!*name && info.dli_sname && info.dli_saddr == address)
			*name = strdup(info.dli_sname);
	}
	PyErr_Restore(type, value, traceback);
}

/* --- boundaries ---------------------------------------------------------------------------------
 */

static int add_boundary(enum pb_watch_kind kind, enum pb_watch_group group, void **slot,
			void *target, struct probe_error *err)
{
	struct pb_watch_hook *hook;
	int rc = pb_watch_add(session.watch, slot, target, kind, &hook, err);
	if (rc == 0) {
		hook->group = (uint8_t)group;
		pb_watch_place(session.watch, hook);
	}
	return rc < 0 ? rc : 0;
}

/* The thread-state calls of the object that holds this code; false where they can't be reached. */
static bool reach_detach(const void *code, enum pb_watch_group group)
{
	static const char *const save[] = {"PyEval_SaveThread", NULL};
	static const char *const restore[] = {"PyEval_RestoreThread", NULL};
	void **in[PB_MAX_SLOTS], **out[PB_MAX_SLOTS];
	Dl_info info;
	if (!session.phases || !dladdr(code, &info) || !info.dli_fname)
		return false;
	int ins = pb_got_find(info.dli_fname, save, in, PB_MAX_SLOTS, NULL);
	int outs = pb_got_find(info.dli_fname, restore, out, PB_MAX_SLOTS, NULL);
	int rc = ins > 0 && outs > 0 ? 0 : -1;
	/* By their own addresses, as a slot may not be resolved yet. */
	for (int i = 0; !rc && i < ins; i++)
		rc = add_boundary(PB_WATCH_DETACH, group, in[i],
				  (void *)(uintptr_t)PyEval_SaveThread, NULL);
	for (int i = 0; !rc && i < outs; i++)
		rc = add_boundary(PB_WATCH_ATTACH, group, out[i],
				  (void *)(uintptr_t)PyEval_RestoreThread, NULL);
	return rc == 0;
}

static uint8_t kind_of(const void *code, enum pb_watch_group group)
{
	return (uint8_t)((unsigned)group | (reach_detach(code, group) ? PB_WATCH_REACHED : 0));
}

/* --- functions of cffi libraries that come late -------------------------------------------------
 */

static void hook_late(PyObject *function)
{
	struct pb_watch_hook *hook;
	void **slot = (void **)(void *)&((PyCFunctionObject *)(void *)function)->m_ml->ml_meth;
	if (pb_watch_hook_of(__atomic_load_n(slot, __ATOMIC_ACQUIRE)))
		return;
	uint32_t index = __atomic_fetch_add(&session.next_index, 1, __ATOMIC_RELAXED);
	struct late *late = index < PB_WATCH_MOST ? malloc(sizeof *late) : NULL;
	int rc = late ? pb_watch_add(session.watch, slot, NULL, PB_WATCH_FIXED, &hook, NULL) : -1;
	if (rc) {
		free(late);
		if (rc < 0)
			__atomic_fetch_add(&session.unhooked, 1, __ATOMIC_RELAXED);
		return;
	}
	Py_INCREF(function);
	late->function = function;
	late->index = index;
	late->next = __atomic_load_n(&session.late, __ATOMIC_ACQUIRE);
	while (!__atomic_compare_exchange_n(&session.late, &late->next, late, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	hook->group = PB_WATCH_CFFI_API;
	hook->index = index;
	session.scale.kind_of[index] = kind_of(hook->target, PB_WATCH_CFFI_API);
	pb_watch_place(session.watch, hook);
}

static void hook_if_late(PyObject *lib, PyObject *found)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;
	if (PyCFunction_Check(found) && PyCFunction_GET_SELF(found) == lib)
		hook_late(found);
	else if (PyDict_Check(found)) /* lib.__dict__ */
		while (PyDict_Next(found, &at, &key, &value))
			if (PyCFunction_Check(value) && PyCFunction_GET_SELF(value) == lib)
				hook_late(value);
}

/* tp_getattro of _cffi_backend.Lib: the functions of a library are made when first asked for. */
static void *lib_getattro(void *lib, void *name, void *c, void *d, void *e,
			  struct pb_watch_hook *hook)
{
	getattrofunc target;
	(void)c, (void)d, (void)e;
	memcpy(&target, &hook->target, sizeof target);
	PyObject *found = target(lib, name);
	if (found && session.watch)
		hook_if_late(lib, found);
	return found;
}

/* --- putting in ---------------------------------------------------------------------------------
 */

static int add_lib_type(PyObject *type)
{
	struct pb_watch_hook *hook;
	struct probe_error err = {0};
	if (!PyType_Check(type))
		return 0;
	int rc = pb_watch_add(session.watch, (void **)(void *)&((PyTypeObject *)type)->tp_getattro,
			      NULL, PB_WATCH_CUSTOM, &hook, &err);
	if (rc < 0)
		return pb_py_raise(&err);
	hook->handler = lib_getattro;
	return 0;
}

/* [(type, key_at, indirect, group), ...] */
static int add_types(PyObject *types)
{
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(types); i++) {
		PyObject *type;
		unsigned key_at, group;
		int indirect;
		if (!PyArg_ParseTuple(PyList_GET_ITEM(types, i), "O!IpI", &PyType_Type, &type,
				      &key_at, &indirect, &group))
			return -1;
		if (pb_watch_type(session.watch, (PyTypeObject *)type, key_at, indirect,
				  group % PB_WATCH_GROUPS, session.types))
			return -1;
	}
	return 0;
}

/* [(kind, address, group), ...]: GOT slots that are resolved. */
static int add_boundaries(PyObject *boundaries)
{
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(boundaries); i++) {
		const char *kind;
		unsigned long long address;
		unsigned group;
		struct probe_error err = {0};
		if (!PyArg_ParseTuple(PyList_GET_ITEM(boundaries, i), "sKI", &kind, &address,
				      &group))
			return -1;
		bool invoke = !strcmp(kind, "invoke");
		enum pb_watch_kind what = invoke                    ? PB_WATCH_INVOKE
					  : !strcmp(kind, "detach") ? PB_WATCH_DETACH
								    : PB_WATCH_ATTACH;
		if (add_boundary(what, group % PB_WATCH_GROUPS, (void **)(uintptr_t)address, NULL,
				 &err))
			return pb_py_raise(&err);
		session.scale.reached[group % PB_WATCH_GROUPS] |=
			invoke ? PB_WATCH_INVOKED : PB_WATCH_DETACHED;
	}
	return 0;
}

/* Where a callable's native code begins; NULL = not known. */
static const void *entry_code(PyObject *callable)
{
	void **slot;
	if (pb_entry_find(callable, &slot) == PB_ENTRY_NONE)
		return NULL;
	return *slot;
}

/* [(callable, group), ...] -> how, or a reason after a '-' */
static PyObject *add_callables(PyObject *callables)
{
	PyObject *hows = PyList_New(0);
	for (Py_ssize_t i = 0; hows && i < PyList_GET_SIZE(callables); i++) {
		PyObject *callable, *text = NULL;
		unsigned group;
		const char *reason = "", *how = NULL;
		if (PyArg_ParseTuple(PyList_GET_ITEM(callables, i), "OI", &callable, &group))
			how = pb_watch_callable(session.watch, callable, session.next_index,
						group % PB_WATCH_GROUPS, session.types, &reason);
		if (how)
			text = PyUnicode_FromFormat("%s%s", *how ? how : "-", *how ? "" : reason);
		if (!text || PyList_Append(hows, text))
			Py_CLEAR(hows);
		else
			session.scale.kind_of[session.next_index++] =
				kind_of(entry_code(callable), group % PB_WATCH_GROUPS);
		Py_XDECREF(text);
	}
	return hows;
}

static void session_end(void)
{
	struct session *s = &session;
	pb_watch_stop(s->watch);
	if (s->held)
		pb_identity_release(NULL);
	s->held = false;
	Py_CLEAR(s->kept);
	Py_CLEAR(s->types);
	Py_CLEAR(s->ended);
	while (s->late) {
		struct late *late = s->late;
		s->late = late->next;
		Py_DECREF(late->function);
		free(late);
	}
	struct pb_watch *w = s->watch;
	s->watch = NULL;
	pb_watch_free(w);
}

PyObject *pb_py_watch_begin(PyObject *module, PyObject *args)
{
	PyObject *callables, *types, *lib, *boundaries, *ended;
	int phases;
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "O!O!OO!O!p", &PyList_Type, &callables, &PyList_Type, &types,
			      &lib, &PyList_Type, &boundaries, &PyList_Type, &ended, &phases))
		return NULL;
	if (PyList_GET_SIZE(callables) >= PB_WATCH_MOST / 2) {
		pb_fail(&err, PROBE_EINVAL, 0,
			"more than %d callables to watch: name fewer modules", PB_WATCH_MOST / 2);
		return pb_package_fail(&err);
	}
	struct pb_watch *w;
	if (pb_watch_new(&w, phases, describe, &err))
		return pb_package_fail(&err);
	session = (struct session){.next_index = PB_WATCH_FIRST};
	session.kept = PyList_GetSlice(callables, 0, PyList_GET_SIZE(callables));
	session.types = PyList_New(0);
	Py_INCREF(ended);
	session.ended = ended;
	session.phases = phases;
	session.watch = w;
	session.scale.cost = pb_watch_costs(w);
	PyObject *hows = NULL;
	session.held = !pb_identity_hold(NULL, NULL);
	if (session.held && session.kept && session.types && !add_types(types) &&
	    !add_lib_type(lib) && !add_boundaries(boundaries))
		hows = add_callables(callables);
	if (hows && pb_watch_start(w, &err)) {
		Py_CLEAR(hows);
		pb_package_fail(&err);
	}
	if (!hows) {
		session_end();
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &session.began);
	session.began_ticks = pb_arch_ticks();
	return hows;
}

/* --- taking out ---------------------------------------------------------------------------------
 */

/* From the watch's own length where that is long enough to tell, else measured. 0: unknown. */
static double ns_per_tick(double *length_ns)
{
	struct timespec now;
	struct probe_counter *counter;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double ticks = (double)(pb_arch_ticks() - session.began_ticks);
	*length_ns = (double)(now.tv_sec - session.began.tv_sec) * 1e9 +
		     (double)(now.tv_nsec - session.began.tv_nsec);
	if (*length_ns >= 20e6)
		return *length_ns / ticks;
	if (probe_counter_open(&counter, "tsc", NULL))
		return *length_ns / ticks;
	double hz = probe_counter_facts(counter)->hz;
	probe_counter_close(counter);
	return hz > 0 ? 1e9 / hz : *length_ns / ticks;
}

static PyObject *late_list(void)
{
	PyObject *list = PyList_New(0);
	for (struct late *l = __atomic_load_n(&session.late, __ATOMIC_ACQUIRE); list && l;
	     l = l->next) {
		PyObject *pair = Py_BuildValue("IO", l->index, l->function);
		if (!pair || PyList_Append(list, pair))
			Py_CLEAR(list);
		Py_XDECREF(pair);
	}
	return list;
}

/* What was found so far; left: slots that somebody else had replaced. */
static PyObject *found(size_t left)
{
	struct pb_watch_row *rows = NULL;
	struct probe_error err = {0};
	double length_ns;
	long count = pb_watch_take(session.watch, &rows, &err);
	if (count < 0) {
		pb_package_fail(&err);
		return NULL;
	}
	session.scale.ns_per_tick = ns_per_tick(&length_ns);
	double k = session.scale.ns_per_tick;
	PyObject *list = pb_watch_rows(rows, (size_t)count, &session.scale), *late = late_list();
	PyObject *modules = PyMapping_Keys(PyImport_GetModuleDict()), *dict = NULL;
	if (list && late && modules)
		dict = Py_BuildValue(
			"{sOsOsOsdsdsdsKsKsn}", "rows", list, "late", late, "modules", modules,
			"wall_ns", length_ns, "inner_ns", session.scale.cost->inner * k, "outer_ns",
			session.scale.cost->outer * k, "lost", (unsigned long long)pb_watch_lost(),
			"unhooked", (unsigned long long)session.unhooked, "left", (Py_ssize_t)left);
	free(rows);
	Py_XDECREF(modules);
	Py_XDECREF(list);
	Py_XDECREF(late);
	return dict;
}

PyObject *pb_py_watch_now(PyObject *module, PyObject *ignored)
{
	(void)module, (void)ignored;
	if (!session.watch)
		Py_RETURN_NONE;
	return found(0);
}

/* watch_end(), watch_end(ended): the latter only the watch that has this list. Also as __exit__,
 * whose arguments don't matter: what was raised goes on. */
PyObject *pb_py_watch_end(PyObject *module, PyObject *args)
{
	PyObject *first = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;
	(void)module;
	if (!session.watch || (first && first != session.ended) ||
	    __atomic_exchange_n(&session.ending, 1, __ATOMIC_SEQ_CST))
		Py_RETURN_NONE;
	size_t left = pb_watch_stop(session.watch);
	pb_watch_clean_types(session.types);
	PyObject *dict = found(left);
	int rc = dict ? PyList_Append(session.ended, dict) : -1;
	Py_XDECREF(dict);
	session_end();
	__atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
	if (rc)
		return NULL;
	Py_RETURN_NONE;
}
