/* SPDX-License-Identifier: MIT
 * What a watch's hooks do at a call: count, time, and with phases stamp its boundaries.
 */
#include <string.h>

#include "hook/watch_state.h"
#include "hook/watch_thread.h"
#include "sys/arch.h"

struct pb_watch_state pb_watch_state;

typedef void *entry_type(void *a, void *b, void *c, void *d, void *e);

void pb_watch_target(void);
_Static_assert(offsetof(struct pb_watch_thread, target_fn) == PB_WATCH_TARGET_FN, "moved");
_Static_assert(offsetof(struct pb_watch_thread, stamp_at) == PB_WATCH_STAMP_AT, "moved");

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline __attribute__((always_inline)) void *go_on(const struct pb_watch_hook *h, void *a,
							 void *b, void *c, void *d, void *e)
{
	entry_type *target;
	memcpy(&target, &h->target, sizeof target);
	return target(a, b, c, d, e);
}

static __attribute__((noinline, cold)) void lost(void)
{
	__atomic_fetch_add(&pb_watch_state.lost, 1, __ATOMIC_RELAXED);
}

static __attribute__((noinline, cold)) struct pb_watch_thread *attach(uint64_t epoch)
{
	struct pb_watch_thread *t = pb_watch_attach(epoch);
	if (!t)
		lost();
	return t;
}

/* NULL: this call is not to be counted. */
static inline struct pb_watch_thread *thread_of(const struct pb_watch_hook *h, uint64_t *part)
{
	uint64_t epoch = __atomic_load_n(&pb_watch_state.epoch, __ATOMIC_ACQUIRE);
	struct pb_watch_thread *t = pb_watch_current;
	*part = __atomic_load_n(&h->part, __ATOMIC_ACQUIRE);
	if (UNLIKELY(!pb_watch_part_is_of(*part, epoch)))
		return NULL;
	return LIKELY(t && t->epoch == epoch) ? t : attach(epoch);
}

/* --- a call's frame ----------------------------------------------------------------------------
 */

/* Frames of calls that ended without returning lie no higher than this one's. */
static inline void drop_left(struct pb_watch_thread *t, uintptr_t stack)
{
	while (t->depth && t->frames[t->depth - 1].stack <= stack)
		t->depth--;
}

static inline struct pb_watch_frame *frame_begin(struct pb_watch_thread *t, unsigned group,
						 uintptr_t stack)
{
	drop_left(t, stack);
	if (t->depth == PB_WATCH_DEPTH)
		return NULL;
	struct pb_watch_frame *f = &t->frames[t->depth++];
	f->stack = stack;
	f->serial = t->entered;
	f->state = PB_WATCH_AT_ENTRY;
	f->pattern = 0;
	f->group = group;
	return f;
}

/* The frame that a boundary belongs to. A binding's callbacks may go through another's. */
static inline struct pb_watch_frame *frame_now(struct pb_watch_thread *t, unsigned group,
					       uintptr_t stack)
{
	drop_left(t, stack);
	struct pb_watch_frame *f = t->depth ? &t->frames[t->depth - 1] : NULL;
	return f && f->group == group ? f : NULL;
}

static bool frame_is_whole(const struct pb_watch_frame *f)
{
	switch (f->pattern) {
	case 0:
		return f->state == PB_WATCH_AT_ENTRY;
	case PB_WATCH_INVOKED:
		return f->state == PB_WATCH_AT_INVOKED;
	default:
		return f->state == PB_WATCH_AT_ATTACHED;
	}
}

/* Hooked calls within each stretch, the boundaries' own not counted. */
static void frame_nested(const struct pb_watch_frame *f, uint64_t entered,
			 uint64_t nested[PB_WATCH_PARTS])
{
	const uint64_t *e = f->entered;
	uint64_t at = f->serial;
	bool detached = f->pattern & PB_WATCH_DETACHED, invoked = f->pattern & PB_WATCH_INVOKED;
	if (detached) {
		nested[PB_WATCH_PART_IN] = e[PB_WATCH_DETACH_IN] - at - 1;
		at = e[PB_WATCH_DETACH_IN];
	}
	if (invoked) {
		nested[detached ? PB_WATCH_PART_DETACH : PB_WATCH_PART_IN] +=
			e[PB_WATCH_INVOKE_IN] - at - 1;
		nested[PB_WATCH_PART_COMPUTE] = e[PB_WATCH_INVOKE_OUT] - e[PB_WATCH_INVOKE_IN];
		at = e[PB_WATCH_INVOKE_OUT];
	}
	if (detached) {
		nested[invoked ? PB_WATCH_PART_ATTACH : PB_WATCH_PART_COMPUTE] +=
			e[PB_WATCH_ATTACH_IN] - at - 1;
		at = e[PB_WATCH_ATTACH_IN];
	}
	nested[PB_WATCH_PART_OUT] = entered - at;
}

static void frame_add(const struct pb_watch_frame *f, struct pb_watch_record *r, uint64_t begin,
		      uint64_t end, uint64_t entered)
{
	const uint64_t *s = f->stamps;
	uint64_t parts[PB_WATCH_PARTS] = {0}, nested[PB_WATCH_PARTS] = {0}, at = begin;
	frame_nested(f, entered, nested);
	if (f->pattern & PB_WATCH_DETACHED) {
		parts[PB_WATCH_PART_IN] = s[PB_WATCH_DETACH_IN] - at;
		at = s[PB_WATCH_DETACH_OUT];
		parts[PB_WATCH_PART_DETACH] = at - s[PB_WATCH_DETACH_IN];
	}
	if (f->pattern & PB_WATCH_INVOKED) {
		/* What lies between giving up the GIL and ffi_call belongs to giving it up. */
		parts[f->pattern & PB_WATCH_DETACHED ? PB_WATCH_PART_DETACH : PB_WATCH_PART_IN] +=
			s[PB_WATCH_INVOKE_IN] - at;
		parts[PB_WATCH_PART_INVOKE] = s[PB_WATCH_TARGET_IN] - s[PB_WATCH_INVOKE_IN];
		parts[PB_WATCH_PART_COMPUTE] = s[PB_WATCH_INVOKE_OUT] - s[PB_WATCH_TARGET_IN];
		at = s[PB_WATCH_INVOKE_OUT];
	}
	if (f->pattern & PB_WATCH_DETACHED) {
		parts[f->pattern & PB_WATCH_INVOKED ? PB_WATCH_PART_ATTACH
						    : PB_WATCH_PART_COMPUTE] +=
			s[PB_WATCH_ATTACH_IN] - at;
		at = s[PB_WATCH_ATTACH_OUT];
		parts[PB_WATCH_PART_ATTACH] += at - s[PB_WATCH_ATTACH_IN];
	}
	parts[PB_WATCH_PART_OUT] = end - at;
	if (!r->split)
		__atomic_store_n(&r->pattern, f->pattern, __ATOMIC_RELAXED);
	if (r->pattern != f->pattern)
		return; /* one way only, the first: the others are not split */
	for (unsigned i = 0; i < PB_WATCH_PARTS; i++) {
		pb_watch_count(&r->parts[i], parts[i]);
		pb_watch_count(&r->parts_nested[i], nested[i]);
	}
	pb_watch_count(&r->split, 1);
}

static unsigned boundaries(unsigned pattern)
{
	return (pattern & PB_WATCH_DETACHED ? 2u : 0) + (pattern & PB_WATCH_INVOKED ? 1u : 0);
}

/* Within the call, none of them counted twice: calls that were covered by one within are not this
 * one's own. */
static inline void add_nested(struct pb_watch_thread *t, struct pb_watch_record *r,
			      const struct pb_watch_before *before, uint64_t own_boundaries)
{
	uint64_t all = t->entered - before->serial, covered = t->covered - before->covered;
	pb_watch_count(&r->nested, all - own_boundaries);
	pb_watch_count(&r->direct,
		       all > covered + own_boundaries ? all - covered - own_boundaries : 0);
	t->covered = before->covered + all;
	pb_watch_count(&r->within, t->attributed - before->attributed);
}

static __attribute__((noinline)) void frame_end(struct pb_watch_thread *t, struct pb_watch_frame *f,
						struct pb_watch_record *r,
						const struct pb_watch_before *before,
						uint64_t begin, uint64_t end)
{
	uint64_t nested = t->entered - before->serial, serial = before->serial, own = 0;
	/* Another stack may have been switched in and out meanwhile, and have used the frame. */
	if (f && f->serial == serial) {
		t->depth = (unsigned)(f - t->frames);
		if (frame_is_whole(f) && nested >= boundaries(f->pattern)) {
			own = boundaries(f->pattern);
			if (t->off == before->off)
				frame_add(f, r, begin, end, t->entered);
		}
		f->serial = 0;
	}
	add_nested(t, r, before, own);
}

/* --- entries -----------------------------------------------------------------------------------
 */

/* Counted before it runs, so that one that never returns is not missed. */
static inline __attribute__((always_inline)) void *counted(struct pb_watch_hook *h,
							   struct pb_watch_thread *t,
							   struct pb_watch_record *r,
							   unsigned group, bool phases, void *a,
							   void *b, void *c, void *d, void *e)
{
	if (UNLIKELY(!r || (!r->bins && !pb_watch_make_bins(r)))) {
		lost();
		return go_on(h, a, b, c, d, e);
	}
	uint64_t epoch = t->epoch;
	struct pb_watch_before before = {++t->entered, t->attributed, t->covered, t->off, false};
	struct pb_watch_frame *f = NULL;
	if (UNLIKELY(r->slow))
		before.looked = pb_watch_look_before(t, r);
	pb_watch_count(&r->calls, 1);
	if (phases)
		f = frame_begin(t, group, (uintptr_t)__builtin_frame_address(0));
	uint64_t begin = pb_arch_ticks();
	void *result = go_on(h, a, b, c, d, e);
	uint64_t end = pb_arch_ticks();
	/* The watch that this call began in may be over, and its counts cleared. */
	if (UNLIKELY(t->epoch != epoch))
		return result;
	uint64_t ticks = end - begin;
	if (UNLIKELY(ticks > __atomic_load_n(&pb_watch_state.long_ticks, __ATOMIC_RELAXED)))
		ticks = pb_watch_disturbed(t, r, ticks, &before);
	if (phases)
		frame_end(t, f, r, &before, begin, end);
	else if (UNLIKELY(t->entered != before.serial))
		add_nested(t, r, &before, 0);
	t->attributed = before.attributed + ticks;
	size_t bin = pb_watch_bin(ticks);
	pb_watch_count(&r->bins->of[bin].calls, 1);
	pb_watch_count(&r->bins->of[bin].ticks, ticks);
	if (UNLIKELY(!result))
		pb_watch_count(&r->raised, 1);
	return result;
}

static inline __attribute__((always_inline)) void *fixed(struct pb_watch_hook *h, bool phases,
							 void *a, void *b, void *c, void *d,
							 void *e)
{
	uint64_t part;
	struct pb_watch_thread *t = thread_of(h, &part);
	uint32_t index = pb_watch_part_index(part);
	if (UNLIKELY(!t || index == PB_WATCH_NONE))
		return go_on(h, a, b, c, d, e);
	return counted(h, t, pb_watch_indexed(t, index), pb_watch_part_group(part), phases, a, b, c,
		       d, e);
}

static inline uint32_t index_of(const struct pb_watch_hook *h, uint64_t part, const void *self)
{
	const struct pb_watch_selves *s = __atomic_load_n(&pb_watch_state.selves, __ATOMIC_ACQUIRE);
	const struct pb_watch_hook *there;
	for (size_t at = s ? pb_watch_self_hash(h, self) & s->mask : 0;
	     s && (there = __atomic_load_n(&s->of[at].hook, __ATOMIC_ACQUIRE));
	     at = (at + 1) & s->mask)
		if (there == h && __atomic_load_n(&s->of[at].self, __ATOMIC_RELAXED) == self)
			return __atomic_load_n(&s->of[at].index, __ATOMIC_RELAXED);
	return pb_watch_part_index(part);
}

static inline __attribute__((always_inline)) void *by_self(struct pb_watch_hook *h, bool phases,
							   void *a, void *b, void *c, void *d,
							   void *e)
{
	uint64_t part;
	struct pb_watch_thread *t = thread_of(h, &part);
	uint32_t index = t ? index_of(h, part, a) : PB_WATCH_NONE;
	if (index == PB_WATCH_NONE)
		return go_on(h, a, b, c, d, e);
	return counted(h, t, pb_watch_indexed(t, index), pb_watch_part_group(part), phases, a, b, c,
		       d, e);
}

static __attribute__((noinline)) struct pb_watch_record *keyed(struct pb_watch_thread *t,
							       const struct pb_watch_hook *h,
							       unsigned group, void *self,
							       uint64_t key)
{
	bool fresh = false;
	struct pb_watch_record *r = pb_watch_find_keyed(t, h, key, &fresh);
	pb_watch_describer *describe =
		UNLIKELY(fresh) ? __atomic_load_n(&pb_watch_state.describe, __ATOMIC_RELAXED)
				: NULL;
	if (describe) {
		char *name = NULL, *library = NULL;
		describe(self, group, key, &name, &library);
		__atomic_store_n(&r->name, name, __ATOMIC_RELEASE);
		__atomic_store_n(&r->library, library, __ATOMIC_RELEASE);
	}
	return r;
}

static inline __attribute__((always_inline)) void *by_pointer(struct pb_watch_hook *h, bool phases,
							      void *a, void *b, void *c, void *d,
							      void *e)
{
	uint64_t part, where = __atomic_load_n(&h->where, __ATOMIC_RELAXED);
	struct pb_watch_thread *t = thread_of(h, &part);
	if (UNLIKELY(!t))
		return go_on(h, a, b, c, d, e);
	void *key;
	memcpy(&key, (char *)a + (where >> 1), sizeof key);
	if (where & 1 && key)
		memcpy(&key, key, sizeof key);
	struct pb_watch_record *r = NULL;
	if (LIKELY(t->table)) {
		r = t->table[pb_watch_hash(h, (uint64_t)(uintptr_t)key) & t->table_mask];
		if (UNLIKELY(r && (r->key != (uint64_t)(uintptr_t)key || r->hook != h)))
			r = NULL;
	}
	if (UNLIKELY(!r))
		r = keyed(t, h, pb_watch_part_group(part), a, (uint64_t)(uintptr_t)key);
	return counted(h, t, r, pb_watch_part_group(part), phases, a, b, c, d, e);
}

#define ENTRY(name, how, phases)                                                                   \
	static void *name(void *a, void *b, void *c, void *d, void *e, struct pb_watch_hook *h)    \
	{                                                                                          \
		return how(h, phases, a, b, c, d, e);                                              \
	}
ENTRY(fixed_total, fixed, false)
ENTRY(fixed_phases, fixed, true)
ENTRY(by_self_total, by_self, false)
ENTRY(by_self_phases, by_self, true)
ENTRY(by_pointer_total, by_pointer, false)
ENTRY(by_pointer_phases, by_pointer, true)

/* --- boundaries --------------------------------------------------------------------------------
 */

static inline struct pb_watch_frame *boundary_frame(const struct pb_watch_hook *h, void *stack,
						    const uint64_t **entered)
{
	uint64_t part;
	struct pb_watch_thread *t = thread_of(h, &part);
	if (!t)
		return NULL;
	t->entered++; /* costs what a hooked call costs */
	*entered = &t->entered;
	return frame_now(t, pb_watch_part_group(part), (uintptr_t)stack);
}

static void *detach(void *a, void *b, void *c, void *d, void *e, struct pb_watch_hook *h)
{
	const uint64_t *at = NULL;
	struct pb_watch_frame *f = boundary_frame(h, __builtin_frame_address(0), &at);
	if (!f || f->state == PB_WATCH_AT_TARGET)
		return go_on(h, a, b, c, d, e);
	bool odd = f->state != PB_WATCH_AT_ENTRY;
	f->state = odd ? PB_WATCH_AT_ODD : PB_WATCH_AT_DETACHED;
	f->pattern |= PB_WATCH_DETACHED;
	f->entered[PB_WATCH_DETACH_IN] = *at;
	f->stamps[PB_WATCH_DETACH_IN] = pb_arch_ticks();
	void *result = go_on(h, a, b, c, d, e);
	f->stamps[PB_WATCH_DETACH_OUT] = pb_arch_ticks();
	return result;
}

static void *attach_again(void *a, void *b, void *c, void *d, void *e, struct pb_watch_hook *h)
{
	const uint64_t *at = NULL;
	struct pb_watch_frame *f = boundary_frame(h, __builtin_frame_address(0), &at);
	if (!f || f->state == PB_WATCH_AT_TARGET)
		return go_on(h, a, b, c, d, e);
	bool odd = !(f->pattern & PB_WATCH_DETACHED) ||
		   (f->state != PB_WATCH_AT_DETACHED && f->state != PB_WATCH_AT_INVOKED);
	f->state = odd ? PB_WATCH_AT_ODD : PB_WATCH_AT_ATTACHED;
	f->entered[PB_WATCH_ATTACH_IN] = *at;
	f->stamps[PB_WATCH_ATTACH_IN] = pb_arch_ticks();
	void *result = go_on(h, a, b, c, d, e);
	f->stamps[PB_WATCH_ATTACH_OUT] = pb_arch_ticks();
	return result;
}

/* ffi_call(cif, function, ...): the function gets a stamp in front of it, and nothing behind it, so
 * that it returns to libffi as it always did. */
static void *invoke(void *a, void *b, void *c, void *d, void *e, struct pb_watch_hook *h)
{
	const uint64_t *at = NULL;
	struct pb_watch_frame *f = boundary_frame(h, __builtin_frame_address(0), &at);
	struct pb_watch_thread *t = pb_watch_current;
	if (!f || (f->state != PB_WATCH_AT_ENTRY && f->state != PB_WATCH_AT_DETACHED)) {
		if (f && f->state != PB_WATCH_AT_TARGET)
			f->state = PB_WATCH_AT_ODD;
		return go_on(h, a, b, c, d, e);
	}
	uint64_t serial = f->serial;
	f->state = PB_WATCH_AT_TARGET;
	f->pattern |= PB_WATCH_INVOKED;
	f->entered[PB_WATCH_INVOKE_IN] = *at;
	t->target_fn = b;
	t->stamp_at = &f->stamps[PB_WATCH_TARGET_IN];
	void *target;
	void (*stamp)(void) = pb_watch_target;
	memcpy(&target, &stamp, sizeof target);
	f->stamps[PB_WATCH_INVOKE_IN] = pb_arch_ticks();
	void *result = go_on(h, a, target, c, d, e);
	uint64_t out = pb_arch_ticks();
	if (f->serial == serial && f->state == PB_WATCH_AT_TARGET) {
		f->stamps[PB_WATCH_INVOKE_OUT] = out;
		f->entered[PB_WATCH_INVOKE_OUT] = t->entered;
		f->state = PB_WATCH_AT_INVOKED;
	}
	return result;
}

pb_watch_handler *pb_watch_handler_of(enum pb_watch_kind kind, bool phases)
{
	static pb_watch_handler *const handlers[][2] = {
		[PB_WATCH_FIXED] = {fixed_total, fixed_phases},
		[PB_WATCH_BY_SELF] = {by_self_total, by_self_phases},
		[PB_WATCH_BY_POINTER] = {by_pointer_total, by_pointer_phases},
		[PB_WATCH_DETACH] = {detach, detach},
		[PB_WATCH_ATTACH] = {attach_again, attach_again},
		[PB_WATCH_INVOKE] = {invoke, invoke},
		[PB_WATCH_CUSTOM] = {NULL, NULL},
	};
	return handlers[kind][phases];
}

void *pb_watch_call(struct pb_watch_hook *hook, void *a, void *b, void *c, void *d, void *e)
{
	return hook->handler(a, b, c, d, e, hook);
}
