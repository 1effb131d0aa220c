/* SPDX-License-Identifier: MIT */
#include "engine/places.h"

#include <string.h>

#define NONE SIZE_MAX

struct trace {
	const struct pb_event *events;
	size_t n;
	uint64_t calls;
	/* The layer that tells where a call begins, and its place; PB_TL_LAYERS = none does. */
	unsigned anchor;
	uint64_t sp;
};

/* The stretch of one call: events from..to - 1. */
struct span {
	size_t from, to;
};

static bool is_in(const struct trace *t, size_t i, unsigned layer)
{
	return t->events[i].id == 2 * layer;
}

static bool is_out(const struct trace *t, size_t i, unsigned layer)
{
	return t->events[i].id == 2 * layer + 1;
}

/* The event with which an activation ends. What is nested in it lies deeper on the stack. */
static size_t end_of(const struct trace *t, size_t in, size_t to)
{
	for (size_t i = in + 1; i < to; i++)
		if (t->events[i].id == t->events[in].id + 1 &&
		    t->events[i].ticks == t->events[in].ticks)
			return i;
	return NONE;
}

static size_t next_in(const struct trace *t, unsigned layer, size_t from, size_t to)
{
	while (from < to && !is_in(t, from, layer))
		from++;
	return from < to ? from : NONE;
}

/* The next activation from `from` on that lies in no call nested in this one. */
static size_t next_own(const struct trace *t, unsigned layer, size_t from, struct span s)
{
	for (size_t i = from; i < s.to; i++) {
		if (is_in(t, i, layer))
			return i;
		if (t->anchor != PB_TL_ENTRY || i == s.from || !is_in(t, i, PB_TL_ENTRY))
			continue;
		size_t end = end_of(t, i, s.to);
		if (end != NONE)
			i = end;
	}
	return NONE;
}

/* The only activation of a layer within a span that lies in no other of it; NONE sets the state. */
static size_t the_only(const struct trace *t, unsigned layer, struct span s,
		       enum pb_place_state *state)
{
	size_t found = next_own(t, layer, s.from, s);
	size_t end = found == NONE ? NONE : end_of(t, found, s.to);
	*state = found == NONE ? PB_PLACE_SKIPPED : PB_PLACE_TWICE;
	return end == NONE || next_own(t, layer, end, s) != NONE ? NONE : found;
}

/* The one at the place by which the calls were told apart. */
static size_t anchored(const struct trace *t, unsigned layer, struct span s)
{
	size_t in = s.from;
	while ((in = next_in(t, layer, in, s.to)) != NONE && t->events[in].ticks != t->sp)
		in++;
	return in;
}

/* The innermost activation of a layer that is open at event `at`. */
static size_t around(const struct trace *t, unsigned layer, size_t at, size_t from, size_t to)
{
	for (size_t i = at; i-- > from;) {
		if (!is_in(t, i, layer))
			continue;
		size_t end = end_of(t, i, to);
		if (end != NONE && end > at)
			return i;
	}
	return NONE;
}

/* Takes the activation that begins at `at` as the call's own. */
static void take(const struct trace *t, size_t at, enum pb_place_state missing, uint64_t call,
		 struct pb_place *place)
{
	if (place->state != PB_PLACE_FOUND)
		return;
	if (at == NONE)
		place->state = missing;
	else if (call && place->sp != t->events[at].ticks)
		place->state = PB_PLACE_MOVING;
	else
		place->sp = t->events[at].ticks;
}

/* Detaches last before the native code and attaches first after it; not where what is found there
 * is not a pair of these two. */
static void take_thread_state(const struct trace *t, struct span s, struct span native,
			      uint64_t call, struct pb_place *places)
{
	size_t detach = NONE, attach = NONE;
	for (size_t i = native.from; i-- > s.from && detach == NONE;) {
		if (is_out(t, i, PB_TL_ATTACH))
			break;
		if (is_in(t, i, PB_TL_DETACH))
			detach = i;
	}
	for (size_t i = native.to; i < s.to && attach == NONE; i++) {
		if (is_in(t, i, PB_TL_DETACH))
			break;
		if (is_in(t, i, PB_TL_ATTACH))
			attach = i;
	}
	if (detach == NONE || attach == NONE)
		detach = attach = NONE;
	take(t, detach, PB_PLACE_SKIPPED, call, &places[PB_TL_DETACH]);
	take(t, attach, PB_PLACE_SKIPPED, call, &places[PB_TL_ATTACH]);
}

/* Takes what one call has in span `s`; returns where its native code is, empty if that is not
 * known. */
static struct span take_call(const struct trace *t, struct span s, unsigned hooked, uint64_t call,
			     struct pb_place *places)
{
	enum pb_place_state state = PB_PLACE_SKIPPED;
	size_t target = NONE, invoke = NONE, native;
	if (hooked & 1u << PB_TL_TARGET) {
		target = t->anchor == PB_TL_TARGET ? anchored(t, PB_TL_TARGET, s)
						   : the_only(t, PB_TL_TARGET, s, &state);
		take(t, target, state, call, &places[PB_TL_TARGET]);
	}
	if (hooked & 1u << PB_TL_INVOKE) {
		invoke = target == NONE ? the_only(t, PB_TL_INVOKE, s, &state)
					: around(t, PB_TL_INVOKE, target, s.from, s.to);
		take(t, invoke, target == NONE ? state : PB_PLACE_SKIPPED, call,
		     &places[PB_TL_INVOKE]);
	}
	native = invoke != NONE ? invoke : target;
	if (native == NONE && !(hooked & (1u << PB_TL_TARGET | 1u << PB_TL_INVOKE)))
		native = the_only(t, PB_TL_DETACH, s, &state);
	if (native == NONE) {
		take(t, NONE, state, call, &places[PB_TL_DETACH]);
		take(t, NONE, state, call, &places[PB_TL_ATTACH]);
		return (struct span){0, 0};
	}
	struct span work = {native, end_of(t, native, s.to)};
	work.from += is_in(t, native, PB_TL_DETACH); /* with nothing between, the pair itself */
	take_thread_state(t, s, work, call, places);
	size_t inner = target != NONE ? target : native;
	return (struct span){inner + 1, end_of(t, inner, s.to)};
}

/* The next call from event *from on: what the next outermost entry holds or, without an entry, all
 * between the native code before and the one after. *from is where the one after it begins. */
static bool next_call(const struct trace *t, size_t *from, struct span *out)
{
	struct span rest = {*from, t->n};
	size_t in = anchored(t, t->anchor, rest);
	size_t end = in == NONE ? NONE : end_of(t, in, t->n);
	if (end == NONE)
		return false;
	*out = (struct span){in, end + 1};
	if (t->anchor != PB_TL_ENTRY) {
		size_t after = anchored(t, t->anchor, (struct span){end, t->n});
		*out = (struct span){*from, after == NONE ? t->n : after};
	}
	*from = end + 1;
	return true;
}

/* The outermost activations of a layer: at the highest place. */
static uint64_t outermost(const struct trace *t, unsigned layer, uint64_t *sp)
{
	uint64_t count = 0;
	*sp = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (!is_in(t, i, layer))
			continue;
		if (t->events[i].ticks > *sp)
			count = 0;
		*sp = t->events[i].ticks > *sp ? t->events[i].ticks : *sp;
		count += t->events[i].ticks == *sp;
	}
	return count;
}

static void choose_anchor(struct trace *t, unsigned hooked)
{
	static const unsigned order[] = {PB_TL_ENTRY, PB_TL_TARGET, PB_TL_INVOKE, PB_TL_DETACH};
	for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
		t->anchor = order[k];
		if (hooked & 1u << order[k] && outermost(t, order[k], &t->sp) == t->calls)
			return;
	}
	t->anchor = PB_TL_LAYERS;
}

/* How often a layer is reached within a span, at `sp` or elsewhere. */
static uint64_t count_in(const struct trace *t, unsigned layer, struct span s)
{
	uint64_t count = 0;
	for (size_t i = s.from; i < s.to; i++)
		count += is_in(t, i, layer);
	return count;
}

/* A nested call at the very place of the measured one would be taken for it. */
static void settle(const struct trace *t, unsigned layer, struct pb_place *place)
{
	uint64_t here = 0, all = 0;
	for (size_t i = 0; i < t->n; i++) {
		all += is_in(t, i, layer);
		here += is_in(t, i, layer) && t->events[i].ticks == place->sp;
	}
	if (place->state == PB_PLACE_FOUND && here != t->calls)
		place->state = PB_PLACE_TWICE;
	uint64_t nested = place->state == PB_PLACE_FOUND ? all - t->calls : all;
	place->nested = nested / t->calls;
	place->steady = place->steady && nested % t->calls == 0;
	if (place->state != PB_PLACE_FOUND)
		place->sp = 0;
}

static void all_are(struct pb_place *places, unsigned hooked, enum pb_place_state state)
{
	for (unsigned l = 0; l < PB_TL_LAYERS; l++)
		places[l] = (struct pb_place){
			.state = hooked & 1u << l ? state : PB_PLACE_ABSENT,
			.steady = true,
		};
}

/* Without a place where calls begin: which layers were reached at all. */
static void none_found(const struct trace *t, unsigned hooked, struct pb_place *places)
{
	struct span all = {0, t->n};
	all_are(places, hooked, PB_PLACE_SKIPPED);
	for (unsigned l = 0; l < PB_TL_LAYERS; l++) {
		if (places[l].state == PB_PLACE_ABSENT)
			continue;
		if (count_in(t, l, all) >= t->calls)
			places[l].state = PB_PLACE_MOVING;
		settle(t, l, &places[l]);
	}
}

static void take_entry(const struct trace *t, struct pb_place *entry)
{
	if (entry->state == PB_PLACE_ABSENT)
		return;
	uint64_t count = outermost(t, PB_TL_ENTRY, &entry->sp);
	if (t->anchor != PB_TL_ENTRY)
		entry->state = count > t->calls ? PB_PLACE_TWICE : PB_PLACE_SKIPPED;
}

void pb_places_find(const struct pb_event *events, size_t n, unsigned hooked, uint64_t calls,
		    struct pb_place places[PB_TL_LAYERS])
{
	struct trace t = {.events = events, .n = n, .calls = calls};
	uint64_t first[PB_TL_LAYERS] = {0};
	size_t from = 0;
	choose_anchor(&t, hooked);
	if (t.anchor == PB_TL_LAYERS) {
		none_found(&t, hooked, places);
		return;
	}
	all_are(places, hooked, PB_PLACE_FOUND);
	take_entry(&t, &places[PB_TL_ENTRY]);
	for (uint64_t call = 0; call < calls; call++) {
		struct span s, own = {from, 0};
		if (!next_call(&t, &from, &s)) {
			all_are(places, hooked, PB_PLACE_MOVING);
			return;
		}
		own.to = from;
		struct span work = take_call(&t, s, hooked, call, places);
		for (unsigned l = 0; l < PB_TL_LAYERS; l++) {
			uint64_t count = count_in(&t, l, own), inside = count_in(&t, l, work);
			first[l] = call ? first[l] : count;
			places[l].inside = call ? places[l].inside : inside;
			places[l].steady =
				places[l].steady && count == first[l] && inside == places[l].inside;
		}
	}
	for (unsigned l = 0; l < PB_TL_LAYERS; l++)
		if (places[l].state != PB_PLACE_ABSENT)
			settle(&t, l, &places[l]);
}

bool pb_place_same(const struct pb_place *a, const struct pb_place *b, uint64_t moved_bytes)
{
	if (a->state != b->state)
		return false;
	return a->state != PB_PLACE_FOUND || a->sp == b->sp + moved_bytes;
}

const char *pb_place_trouble(enum pb_place_state state)
{
	switch (state) {
	case PB_PLACE_SKIPPED:
		return "this call goes past it";
	case PB_PLACE_TWICE:
		return "one call goes through it more than once";
	case PB_PLACE_MOVING:
		return "it is reached at another place on the stack from call to call";
	case PB_PLACE_DEEP:
		return "too many calls are nested in one";
	case PB_PLACE_ABSENT:
	case PB_PLACE_FOUND:
		break;
	}
	return NULL;
}
