/* SPDX-License-Identifier: MIT
 * Guards: a slot is the whole process's, and a measurement only its own thread's. Whatever stands
 * in a guarded slot is reached by the measuring thread alone; every other thread goes where it
 * went before, at the price of one compare. Where the measured call alone is meant, that compare is
 * of the stack pointer, which tells threads apart, too.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/fail.h"
#include "py/py.h"

struct pb_guard {
	struct pb_thunk thunk; /* for all calls of the thread */
	struct pb_thunk place; /* for the calls at one place */
	struct pb_guard *next;
	bool taken;
};

/* Never unmapped, as another thread may have read the slot and not yet jumped; and for the same
 * reason a guard only ever leads to the one target that it was made for. So there are as many as
 * functions were hooked at once. Threads and slots are the process's, and so is this list. */
static struct pb_guard *guards;
static pthread_mutex_t guards_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct pb_guard *find_or_make(void *target, struct probe_error *err)
{
	for (struct pb_guard *g = guards; g; g = g->next)
		if (!g->taken && g->thunk.data->target == target)
			return g;
	struct pb_guard *g = calloc(1, sizeof *g);
	if (!g) {
		pb_fail(err, PROBE_ENOMEM, 0, "no memory for a guard");
		return NULL;
	}
	if (pb_thunk_new(&g->thunk, PB_THUNK_GUARD, err) ||
	    pb_thunk_new(&g->place, PB_THUNK_JUMP, err)) {
		pb_thunk_free(&g->thunk);
		free(g);
		return NULL;
	}
	g->thunk.data->target = target;
	g->place.data->target = target;
	g->next = guards;
	guards = g;
	return g;
}

struct pb_guard *pb_guard_take(void *target)
{
	struct probe_error err = {0};
	pthread_mutex_lock(&guards_mutex);
	struct pb_guard *g = find_or_make(target, &err);
	if (g) {
		g->taken = true;
		g->thunk.data->ctx = pb_thunk_thread();
	}
	pthread_mutex_unlock(&guards_mutex);
	if (!g)
		pb_py_raise(&err);
	return g;
}

void pb_guard_give_back(struct pb_guard *guard)
{
	if (!guard)
		return;
	/* No thread is 0: the measuring one, too, now goes to the target. */
	__atomic_store_n(&guard->thunk.data->ctx, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&guard->place.data->where, 0, __ATOMIC_RELEASE);
	pthread_mutex_lock(&guards_mutex);
	guard->taken = false;
	pthread_mutex_unlock(&guards_mutex);
}

void *pb_guard_entry(struct pb_guard *guard, void *entry)
{
	__atomic_store((void **)(void *)&guard->thunk.data->fn, &entry, __ATOMIC_RELEASE);
	return pb_thunk_entry(&guard->thunk, 0);
}

struct pb_thunk *pb_guard_place(struct pb_guard *guard)
{
	return &guard->place;
}
