/* SPDX-License-Identifier: MIT
 * Internals of the extension module `_probe`: the only part of libprobe that knows CPython.
 *
 * module.c    the module: methods, state, exceptions
 * entry.c     where a callable's native entry is stored
 * reach.c     what a callable's call goes through
 * call.c      one callable under hooks: slots, stubs
 * loop.c      the timed loop
 * measure.c   ladder and timeline as Python functions
 * alone.c     its target called over and over by itself
 * threads.c   the same call from several threads, as a Python function
 * guard.c     keeping other threads out of what is put into a slot
 * identity.c  hash() and == of built-in functions, as they are without hooks
 * learn.c     keeping foreign calls out that are nested in the measured one
 * ready.c     a result's equal, that keeps nothing of it alive
 * package/    what only the package `probe` has: the analysis, watch()
 *
 * Compiled once per interpreter (3.8 to 3.15, free-threaded too) and linked with libprobe.a.
 * Every function here needs the GIL (or an attached thread state) unless it says otherwise.
 */
#ifndef PB_PY_H
#define PB_PY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "engine/places.h"
#include "hook/patch.h"
#include "hook/replay.h"
#include "probe/analysis.h"
#include "probe/counter.h"

/* How an interpreter reaches a callable's native code. */
enum pb_entry_kind {
	PB_ENTRY_NONE,       /* Python code, or nothing known */
	PB_ENTRY_METHOD,     /* PyMethodDef.ml_meth of a built-in function or method descriptor */
	PB_ENTRY_VECTORCALL, /* the object's own vectorcall pointer */
	PB_ENTRY_TP_CALL,    /* its type's tp_call */
};

/* The slot that the interpreter reads on every call of `callable`, or of the function of a bound
 * method; asked of the object itself, so a binding that changes its protocol between versions needs
 * no new code. *slot is NULL for NONE. */
enum pb_entry_kind pb_entry_find(PyObject *callable, void ***slot);
const char *pb_entry_name(enum pb_entry_kind kind);

enum pb_layer {
	PB_LAYER_ENTRY,
	PB_LAYER_DETACH,
	PB_LAYER_ATTACH,
	PB_LAYER_INVOKE,
	PB_LAYER_TARGET,
	PB_LAYERS
};
#define PB_MAX_SLOTS 4

/* The places where one layer can be reached. */
struct pb_layer_hooks {
	struct pb_slot slots[PB_MAX_SLOTS];
	size_t slot_count;
	void *base;             /* what the slots hold when the layer runs in full */
	struct pb_thunk delay;  /* truth tests: a known delay in front of the layer */
	struct pb_thunk stub;   /* ladder */
	struct pb_thunk stamp;  /* timeline */
	struct pb_thunk record; /* while a stub is made */
	struct pb_thunk gate;   /* in front of a stub that is no thunk */
	struct pb_thunk fence;  /* ladder: the target, kept from overlapping */
	struct pb_thunk repeat; /* while the target is called by itself */
	struct pb_guard *guard; /* NULL = no other thread reads these slots */
	const char *trouble;    /* why it can't be replaced; NULL = it can */
	uint64_t loops, strays; /* timed with a stub here; in how many the call went elsewhere */
};

/* The loops that make the measured call. */
enum pb_loop {
	PB_LOOP_TIMED, /* what is measured */
	PB_LOOP_LAST,  /* the same call, and the last result comes out */
	PB_LOOPS
};

/* How much of the call does not run as it is armed, and with it what is nested there. */
enum pb_cut {
	PB_CUT_NOTHING,
	PB_CUT_WORK, /* the native code */
	PB_CUT_CALL, /* all of it */
};

/* Where a loop's call reaches its layers, counted from the frame that runs the loop. */
struct pb_aim {
	struct pb_place places[PB_LAYERS];
	uintptr_t frame;
	uint64_t lead; /* so many calls of a loop come first that are elsewhere */
	bool learnt;
};

struct pb_ffi_result;

/* A thunk that lets only this thread through to what is put into a slot. */
struct pb_guard;
/* NULL with an exception. Threads: safe. */
struct pb_guard *pb_guard_take(void *target);
void pb_guard_give_back(struct pb_guard *guard);
/* What a slot has to hold so that this thread reaches `entry`. */
void *pb_guard_entry(struct pb_guard *guard, void *entry);
/* The JUMP thunk that a slot has to hold where the call at one place alone is to be let through. */
struct pb_thunk *pb_guard_place(struct pb_guard *guard);

/* Lets built-in functions hash and compare as if no ml_meth were replaced, until each hold was
 * released. @slot  an ml_meth that will be replaced, and what it holds now; NULL: those of a watch.
 * Returns 0, or -1 with an exception. */
int pb_identity_hold(void **slot, void *original);
void pb_identity_release(void **slot);

/* By a name that is always the same object: the cache of types keeps every name it has seen. A new
 * reference, or NULL with an exception. */
PyObject *pb_type_attribute(PyObject *object, const char *name);
/* What type.__subclasses__() gives; NULL with an exception. */
PyObject *pb_type_derived(PyTypeObject *type);

/* One callable, its arguments and every hook on its path. */
struct pb_call {
	PyObject *callable, *args;      /* args: a tuple */
	PyObject *loop, *empty_loop;    /* loop(it, f, *args), empty_loop(it) */
	PyObject *pycall, *pycall_loop; /* pure Python: an empty function and its own loop */
	PyObject *repeat;               /* itertools.repeat */
	PyObject *last;                 /* last(it, f, *args): loop, returning the last result */
	PyObject *ready;                /* what a stub of the entry returns */
	uintptr_t result_id;            /* of the result that was recorded last; it may be gone */
	PyObject *plain;                /* result -> a value that == can compare; NULL = as it is */
	PyObject *check;                /* called with one real result before anything is timed */
	PyObject *twin;                 /* called where the target should be stubbed; or NULL */
	PyObject *empty_args;           /* args whose callbacks return at once; or NULL */
	const struct pb_replay *replay; /* NULL = the result is in registers */
	struct pb_ffi_result *ffi_result;
	struct probe_counter *counter;
	struct pb_layer_hooks layers[PB_LAYERS];
	struct pb_aim aims[PB_LOOPS];
	uintptr_t frame; /* of the loop that ran last */
	unsigned armed;  /* mask of the layers with a hook in place that tells calls apart */
	enum pb_cut cut; /* what these leave out */
	struct pb_ring ring;
	bool ring_attached;
	bool gives_object;   /* the target does: each call's is to be used up by what called it */
	bool hooked;         /* false: no slot is ever touched */
	bool guarded;        /* other threads may call through the same slots meanwhile */
	void **held;         /* the ml_meth whose function stays the key that it was */
	bool anywhere;       /* stamps are for all threads and calls */
	uint64_t calls_made; /* of the callable, on any rung */
};

/* Gives a call what its timed loops need: itertools.repeat and the counter. 0 or -1 + exception;
 * pb_call_fini() is due in both cases. */
int pb_call_open(struct pb_call *call);
/* The timed loop's arguments: loop(it, callable, *args), or loop(it) without a callable. A new
 * tuple, or NULL with an exception. */
PyObject *pb_loop_arguments(const struct pb_call *call, uint64_t calls, PyObject *callable,
			    PyObject *args);

/* Takes the callable and, from `hooks` (a dict: layer name -> list of slot addresses, or for
 * "target" a veneer's tuple (slot address, real function address)), opens every slot; `delays`
 * (dict or NULL) maps layer names to spin steps.
 * Returns 0, or -1 with a Python exception set; pb_call_fini() is due in both cases. */
int pb_call_init(struct pb_call *call, PyObject *callable, PyObject *args, PyObject *hooks,
		 PyObject *delays);
/* Restores every slot, frees every thunk. Safe on a zeroed or half-made call. */
void pb_call_fini(struct pb_call *call);

/* Makes the ladder's stubs; returns the mask of rungs that give back what the real layer gave, or
 * -1 with an exception. @returns  where the target's result comes: "void", "int" (an integer
 * register), "float" (a vector register), "object" (a reference that the layer above uses up), or
 * "" (any of those that a result can be in). */
int pb_call_make_stubs(struct pb_call *call, const char *returns);
/* Whether all layers that a rung needs can be replaced, as far as is known by now. */
bool pb_call_has_rung(const struct pb_call *call, enum probe_rung rung);
/* Puts a rung's stubs in place. */
void pb_call_arm(struct pb_call *call, enum probe_rung rung, unsigned variant);
/* What is called on a rung, and with what; borrowed. */
PyObject *pb_call_callable(const struct pb_call *call, enum probe_rung rung);
PyObject *pb_call_args(const struct pb_call *call, enum probe_rung rung);
/* Everything back to the full call. */
void pb_call_disarm(struct pb_call *call);
/* Makes stamp thunks; event ids are 2 * layer (in) and 2 * layer + 1 (out). 0 or -1 + exception. */
int pb_call_make_stamps(struct pb_call *call, size_t ring_events);
void pb_call_arm_stamps(struct pb_call *call);

/* One timed loop. 0, or -1 with an exception set. */
int pb_call_run(struct pb_call *call, enum probe_rung rung, uint64_t calls, uint64_t *ticks);
/* The last of so many calls, as they are armed now; a new reference or NULL. */
PyObject *pb_call_last(struct pb_call *call, enum probe_rung rung, uint64_t calls);
/* So many real calls in either loop, as they are armed now. */
int pb_call_loop(struct pb_call *call, enum pb_loop which, uint64_t calls);

/* One call, through none of the loops and before anything is in place; a new reference or NULL. */
PyObject *pb_call_once(struct pb_call *call);

/* Learns a loop's places, if they are not known; makes calls. 0, or -1 with an exception. */
int pb_call_learn(struct pb_call *call, enum pb_loop which);
/* Whether they still hold, as the call may be specialised late. What does not is a trouble then. */
int pb_call_learn_again(struct pb_call *call, enum pb_loop which);
/* Aims every hook at the places of a loop that the frame at `frame` is about to run. */
void pb_call_aim(struct pb_call *call, enum pb_loop which, uintptr_t frame);
/* Whether any hook was reached by other calls of this thread than by those nested in `calls`. */
bool pb_call_strayed(struct pb_call *call, enum pb_loop which, uint64_t calls);
/* Notes why a layer can't be replaced: a clause of static storage, or NULL. The first one stays. */
void pb_layer_trouble(struct pb_call *call, enum pb_layer which, const char *why);
/* These as a list of sentences. */
PyObject *pb_call_reasons(const struct pb_call *call);

/* An equal of a plain result (numbers, text, bytes, tuples of them) that is not the result itself,
 * else None: what a stub may return without keeping alive what the call itself could use again. */
PyObject *pb_ready_of(PyObject *result);
/* Gives this thread a ring in place of the one it had. 0 or -1 + exception. */
int pb_call_attach_ring(struct pb_call *call, size_t events);
/* A stub of the target, once pb_call_make_stubs() has made it. */
void *pb_call_target_stub(const struct pb_call *call, unsigned variant);

/* What the target takes where C calls it over and over with this call's arguments, ticks. Only
 * where arguments and result are numbers: anything else might be used up by the first call. present
 * is false where it can't be told. 0 or -1 + exception. */
int pb_call_alone(struct pb_call *call, struct probe_alone_samples *out);
void pb_layer_set(struct pb_layer_hooks *layer, void *value);
/* Puts a thunk where only the measured call meets it. A guard compares in its place. */
void pb_call_put(struct pb_call *call, enum pb_layer which, const struct pb_thunk *t,
		 unsigned variant);
void pb_stubs_free(struct pb_call *call);

/* Sets a Python exception from err; always -1. */
int pb_py_raise(const struct probe_error *err);

/* Samples as a dict of plain objects, for the analysis; NULL with an exception. */
PyObject *pb_py_samples(struct pb_call *call, const struct probe_process_samples *samples);
PyObject *pb_py_singles(PyObject *module, PyObject *args);
PyObject *pb_py_ladder(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *pb_py_timeline(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *pb_py_threads(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *pb_py_ready_callback(PyObject *module, PyObject *state);
PyObject *pb_py_reached(PyObject *module, PyObject *args);
PyObject *pb_py_entry_object(PyObject *module, PyObject *callable);
PyObject *pb_py_stored_pointer(PyObject *module, PyObject *args);
PyObject *pb_py_facts(struct probe_counter *counter); /* dict of probe_counter_facts */

#endif
