/* SPDX-License-Identifier: MIT
 * Learning where on the stack the measured call reaches its layers, so that hooks meet it and no
 * foreign call that is nested in it; and noticing when that no longer holds.
 */
#include <string.h>

#include "base/fail.h"
#include "engine/timeline.h"
#include "py/py.h"

#define SETTLE_CALLS 16 /* until the loop's call is specialised */
#define TRACE_CALLS  8
#define FEWER_CALLS  2 /* where so many don't fit the ring */
/* A place that strays from so many loops, and so large a share of them, is not to be relied on. */
#define STRAYS_LEAST 8
#define STRAYS_SHARE 8

static unsigned hooked_layers(const struct pb_call *call)
{
	unsigned mask = 0;
	for (unsigned i = 0; i < PB_LAYERS; i++)
		mask |= call->layers[i].slot_count ? 1u << i : 0;
	return mask;
}

void pb_layer_trouble(struct pb_call *call, enum pb_layer which, const char *why)
{
	struct pb_layer_hooks *layer = &call->layers[which];
	if (!layer->trouble)
		layer->trouble = why;
}

/* --- aiming ----------------------------------------------------------------------------------- */

static void aim_thunk(struct pb_thunk *t, uint64_t where)
{
	if (!t->data)
		return;
	t->data->where = where;
	t->data->thread = pb_thunk_thread();
	t->data->misses = 0;
}

void pb_call_aim(struct pb_call *call, enum pb_loop which, uintptr_t frame)
{
	const struct pb_aim *aim = &call->aims[which];
	call->frame = frame;
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		const struct pb_place *place = &aim->places[i];
		/* Nowhere, where no place is known: 0 is no stack pointer. */
		uint64_t where = aim->learnt && place->state == PB_PLACE_FOUND
					 ? place->sp + (frame - aim->frame)
					 : 0;
		struct pb_thunk *const thunks[] = {&layer->stub, &layer->stamp, &layer->record,
						   &layer->gate, &layer->fence, &layer->repeat};
		for (size_t k = 0; k < sizeof thunks / sizeof thunks[0]; k++)
			aim_thunk(thunks[k], where);
		if (layer->guard)
			aim_thunk(pb_guard_place(layer->guard), where);
	}
}

static uint64_t misses_of(const struct pb_layer_hooks *layer)
{
	return (layer->stub.data ? layer->stub.data->misses : 0) +
	       (layer->stamp.data ? layer->stamp.data->misses : 0) +
	       (layer->gate.data ? layer->gate.data->misses : 0) +
	       (layer->fence.data ? layer->fence.data->misses : 0) +
	       (layer->repeat.data ? layer->repeat.data->misses : 0) +
	       (layer->guard ? pb_guard_place(layer->guard)->data->misses : 0);
}

/* How often `calls` calls pass a hook by: what is nested in them, but not in what is left out, and
 * the first calls of a loop, where these are elsewhere. */
static uint64_t expected_misses(const struct pb_call *call, const struct pb_aim *aim,
				const struct pb_place *place, uint64_t calls)
{
	uint64_t lead = aim->lead < calls ? aim->lead : calls;
	uint64_t cut = call->cut == PB_CUT_CALL   ? place->nested
		       : call->cut == PB_CUT_WORK ? place->inside
						  : 0;
	if (place->state != PB_PLACE_FOUND)
		return calls * (place->nested - cut) + lead * cut;
	return calls * (place->nested - cut) + lead * (1 + cut);
}

bool pb_call_strayed(struct pb_call *call, enum pb_loop which, uint64_t calls)
{
	const struct pb_aim *aim = &call->aims[which];
	bool strayed = false;
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct pb_layer_hooks *layer = &call->layers[i];
		const struct pb_place *place = &aim->places[i];
		if (!(call->armed & 1u << i) || !place->steady || layer->trouble)
			continue;
		layer->loops++;
		if (misses_of(layer) == expected_misses(call, aim, place, calls))
			continue;
		strayed = true;
		layer->strays++;
		if (layer->strays >= STRAYS_LEAST && layer->strays * STRAYS_SHARE > layer->loops)
			pb_layer_trouble(call, (enum pb_layer)i, pb_place_trouble(PB_PLACE_MOVING));
	}
	return strayed;
}

/* --- tracing ---------------------------------------------------------------------------------- */

static int put_traces(struct pb_call *call, struct pb_thunk *traces)
{
	for (unsigned i = 0; i < PB_LAYERS; i++) {
		struct probe_error err = {0};
		struct pb_layer_hooks *layer = &call->layers[i];
		if (!layer->slot_count)
			continue;
		if (pb_thunk_new(&traces[i], PB_THUNK_TRACE, &err))
			return pb_py_raise(&err);
		traces[i].data->target = layer->base;
		traces[i].data->event_in = 2 * i;
		traces[i].data->event_out = 2 * i + 1;
		pb_layer_set(layer, pb_thunk_entry(&traces[i], 0));
	}
	return 0;
}

/* Runs so many calls; *n is how many events they left, 0 when they did not fit. */
static int run_traced(struct pb_call *call, enum pb_loop which, uint64_t calls, size_t *n)
{
	call->ring.pos = call->ring.lost = 0;
	if (pb_call_loop(call, which, calls))
		return -1;
	size_t most = (size_t)(call->ring.mask + 1);
	bool fits = call->ring.pos <= most && !call->ring.lost;
	*n = fits ? (size_t)call->ring.pos / sizeof(struct pb_event) : 0;
	return 0;
}

static bool any_is(const struct pb_place *places, enum pb_place_state state)
{
	for (unsigned i = 0; i < PB_LAYERS; i++)
		if (places[i].state == state)
			return true;
	return false;
}

static void are_deep(const struct pb_call *call, struct pb_aim *aim)
{
	for (unsigned i = 0; i < PB_LAYERS; i++)
		aim->places[i] = (struct pb_place){
			.state = call->layers[i].slot_count ? PB_PLACE_DEEP : PB_PLACE_ABSENT};
}

static int find_places(struct pb_call *call, enum pb_loop which, struct pb_aim *aim)
{
	unsigned hooked = hooked_layers(call);
	uint64_t calls = TRACE_CALLS;
	size_t first, n;
	/* Compiled loops run their first call uncompiled, and so at another place. */
	if (run_traced(call, which, 1, &first) || run_traced(call, which, calls, &n))
		return -1;
	if (first && !n) {
		calls = FEWER_CALLS;
		if (run_traced(call, which, calls, &n))
			return -1;
	}
	aim->frame = call->frame;
	aim->lead = 0;
	aim->learnt = true;
	if (!n && first) {
		are_deep(call, aim);
		return 0;
	}
	pb_places_find(call->ring.events, n, hooked, calls, aim->places);
	if (any_is(aim->places, PB_PLACE_MOVING) && first && first < n) {
		pb_places_find(call->ring.events + first, n - first, hooked, calls - 1,
			       aim->places);
		aim->lead = 1;
	}
	return 0;
}

static int trace(struct pb_call *call, enum pb_loop which, struct pb_aim *aim)
{
	struct pb_thunk traces[PB_LAYERS] = {{0}};
	if (!call->ring_attached && pb_call_attach_ring(call, PB_TIMELINE_RING_EVENTS))
		return -1;
	int rc = put_traces(call, traces);
	if (!rc)
		rc = find_places(call, which, aim);
	pb_call_disarm(call);
	for (unsigned i = 0; i < PB_LAYERS; i++)
		pb_thunk_free(&traces[i]);
	call->ring.pos = call->ring.lost = 0;
	return rc;
}

/* A call that keeps the GIL has no layer there, which is nothing to complain of. */
static bool may_be_skipped(unsigned layer)
{
	return layer == PB_LAYER_DETACH || layer == PB_LAYER_ATTACH;
}

static void note_troubles(struct pb_call *call, const struct pb_aim *aim)
{
	for (unsigned i = 0; i < PB_LAYERS; i++)
		if (aim->places[i].state != PB_PLACE_SKIPPED || !may_be_skipped(i))
			pb_layer_trouble(call, (enum pb_layer)i,
					 pb_place_trouble(aim->places[i].state));
}

int pb_call_learn(struct pb_call *call, enum pb_loop which)
{
	struct pb_aim *aim = &call->aims[which];
	if (aim->learnt || !call->hooked || !hooked_layers(call))
		return 0;
	if (pb_call_loop(call, which, SETTLE_CALLS) || trace(call, which, aim))
		return -1;
	note_troubles(call, aim);
	return 0;
}

int pb_call_learn_again(struct pb_call *call, enum pb_loop which)
{
	const struct pb_aim *before = &call->aims[which];
	struct pb_aim now = {0};
	if (!before->learnt)
		return 0;
	if (trace(call, which, &now))
		return -1;
	note_troubles(call, &now);
	for (unsigned i = 0; i < PB_LAYERS; i++)
		if (!pb_place_same(&before->places[i], &now.places[i], before->frame - now.frame))
			pb_layer_trouble(call, (enum pb_layer)i,
					 "its place on the stack changed "
					 "during the measurement");
	return 0;
}

/* --- what is said of it ----------------------------------------------------------------------- */

static int say(PyObject *list, const char *what, const char *why)
{
	PyObject *line = PyUnicode_FromFormat("%s can't be told apart: %s", what, why);
	int rc = line ? PyList_Append(list, line) : -1;
	Py_XDECREF(line);
	return rc;
}

PyObject *pb_call_reasons(const struct pb_call *call)
{
	static const struct {
		enum pb_layer layer;
		const char *name;
	} told[] = {{PB_LAYER_ENTRY, "entry"},
		    {PB_LAYER_INVOKE, "invoke"},
		    {PB_LAYER_TARGET, "target"}};
	const char *pair = call->layers[PB_LAYER_DETACH].trouble;
	pair = pair ? pair : call->layers[PB_LAYER_ATTACH].trouble;
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < sizeof told / sizeof told[0]; i++) {
		const char *why = call->layers[told[i].layer].trouble;
		if (why && say(list, told[i].name, why))
			Py_CLEAR(list);
	}
	if (list && pair && say(list, "detach and attach", pair))
		Py_CLEAR(list);
	return list;
}
