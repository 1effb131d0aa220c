/* SPDX-License-Identifier: MIT
 * A watch's life: its hooks made, put in place and taken out again, and its counts added up.
 */
#include "hook/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fail.h"
#include "hook/watch_pages.h"
#include "hook/watch_state.h"
#include "hook/watch_thread.h"

_Static_assert(sizeof(struct pb_watch_hook) <= PB_WATCH_HOOK_BYTES, "a hook outgrew its place");
_Static_assert(offsetof(struct pb_watch_hook, handler) == PB_WATCH_HANDLER, "handler moved");

extern const unsigned char pb_watch_stubs[];

struct pool {
	unsigned char *code;
	size_t used;
	struct pool *next;
};

/* All hooks ever made. The lock is for making and placing them, never on the path of a call. */
static struct {
	pthread_once_t once;
	pthread_mutex_t mutex;
	struct pool *pools;
	struct pb_watch_hook *first, *last, *cursor;
} hooks = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER};

struct pb_watch {
	bool phases, running;
	struct pb_watch_hook **placed; /* in the order in which they were added */
	size_t count, room;
	size_t self_count;
	struct pb_watch_pages pages;
	struct pb_watch_cost cost;
};

static void lock(void)
{
	pthread_mutex_lock(&hooks.mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&hooks.mutex);
}

static void prepare(void)
{
	pthread_atfork(lock, unlock, unlock);
}

/* --- hooks --------------------------------------------------------------------------------------
 */

static struct pool *new_pool(struct probe_error *err)
{
	size_t bytes = PB_WATCH_SPAN + PB_WATCH_STUBS * PB_WATCH_HOOK_BYTES;
	struct pool *pool = calloc(1, sizeof *pool);
	if (!pool) {
		pb_fail(err, PROBE_ENOMEM, 0, "no memory for hooks");
		return NULL;
	}
	pool->code = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pool->code == MAP_FAILED) {
		pb_fail(err, PROBE_ESYS, errno, "can't map %zu bytes for hooks", bytes);
		free(pool);
		return NULL;
	}
	memcpy(pool->code, pb_watch_stubs, PB_WATCH_STUBS * PB_WATCH_STUB_BYTES);
	if (mprotect(pool->code, PB_WATCH_SPAN, PROT_READ | PROT_EXEC)) {
		pb_fail(err, PROBE_ESYS, errno,
			"can't make hooks executable (a security policy may forbid it)");
		munmap(pool->code, bytes);
		free(pool);
		return NULL;
	}
	__builtin___clear_cache((char *)pool->code, (char *)pool->code + PB_WATCH_SPAN);
	pool->next = hooks.pools;
	__atomic_store_n(&hooks.pools, pool, __ATOMIC_RELEASE);
	return pool;
}

static struct pb_watch_hook *new_hook(struct probe_error *err)
{
	struct pool *pool = hooks.pools;
	if ((!pool || pool->used == PB_WATCH_STUBS) && !(pool = new_pool(err)))
		return NULL;
	struct pb_watch_hook *h =
		(void *)(pool->code + PB_WATCH_SPAN + pool->used * PB_WATCH_HOOK_BYTES);
	h->stub = pool->code + pool->used * PB_WATCH_STUB_BYTES;
	pool->used++;
	if (hooks.last)
		hooks.last->next = h;
	else
		hooks.first = h;
	hooks.last = h;
	return h;
}

/* The hook of this pointer and target. They mostly come in the order of the watch before. */
static struct pb_watch_hook *hook_for(void **address, void *target, struct probe_error *err)
{
	for (struct pb_watch_hook *h = hooks.cursor; h; h = h->next)
		if (h->address == address && h->target == target)
			return hooks.cursor = h;
	for (struct pb_watch_hook *h = hooks.first; h && h != hooks.cursor; h = h->next)
		if (h->address == address && h->target == target)
			return hooks.cursor = h;
	struct pb_watch_hook *h = new_hook(err);
	if (h) {
		h->address = address;
		h->target = target;
	}
	return h;
}

struct pb_watch_hook *pb_watch_hook_of(const void *pointer)
{
	const unsigned char *p = pointer;
	for (struct pool *pool = __atomic_load_n(&hooks.pools, __ATOMIC_ACQUIRE); pool;
	     pool = pool->next)
		if (p >= pool->code && p < pool->code + PB_WATCH_STUBS * PB_WATCH_STUB_BYTES)
			return (void *)(pool->code + PB_WATCH_SPAN +
					(size_t)(p - pool->code) / PB_WATCH_STUB_BYTES *
						PB_WATCH_HOOK_BYTES);
	return NULL;
}

/* --- a watch ------------------------------------------------------------------------------------
 */

int pb_watch_new(struct pb_watch **out, bool phases, pb_watch_describer *describe,
		 struct probe_error *err)
{
	struct pb_watch *w = calloc(1, sizeof *w), *none = NULL;
	pthread_once(&hooks.once, prepare);
	if (!w)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for a watch");
	w->phases = phases;
	if (!__atomic_compare_exchange_n(&pb_watch_state.active, &none, w, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		free(w);
		return pb_fail(err, PROBE_EUNHOOKABLE, 0,
			       "another watch runs in this process: it has to end first");
	}
	__atomic_store_n(&pb_watch_state.describe, describe, __ATOMIC_RELAXED);
	__atomic_store_n(&pb_watch_state.lost, 0, __ATOMIC_RELAXED);
	struct pb_watch_selves *s = pb_watch_state.selves;
	for (size_t i = 0; s && i <= s->mask; i++)
		pb_watch_self_set(&s->of[i], NULL, NULL, 0);
	*out = w;
	return 0;
}

static void place(struct pb_watch *w, struct pb_watch_hook *h)
{
	(void)w;
	__atomic_store_n(&h->where, (uint64_t)h->key_at << 1 | h->key_indirect, __ATOMIC_RELAXED);
	__atomic_store_n(&h->part, pb_watch_part(pb_watch_state.epoch, h), __ATOMIC_RELEASE);
	__atomic_store_n(h->address, h->stub, __ATOMIC_RELEASE);
	h->placed = true;
}

/* A call may be on its way through the stub. */
static void set_handler(struct pb_watch_hook *h, pb_watch_handler *handler)
{
	__atomic_store_n(&h->handler, handler, __ATOMIC_RELEASE);
}

static int add(struct pb_watch *w, void **address, void *target, enum pb_watch_kind kind,
	       struct pb_watch_hook **out, struct probe_error *err)
{
	if (w->count == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		struct pb_watch_hook **more = realloc(w->placed, room * sizeof(void *));
		if (!more)
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory for %zu hooks", room);
		w->placed = more;
		w->room = room;
	}
	int rc = pb_watch_pages_open(&w->pages, address, err);
	if (rc)
		return rc;
	void *held = __atomic_load_n(address, __ATOMIC_ACQUIRE);
	struct pb_watch_hook *there = pb_watch_hook_of(held);
	/* Kinds before this one's start are not placed yet: look among those added. */
	for (size_t i = w->count; !there && !w->running && i-- > 0;)
		if (w->placed[i]->address == address)
			there = w->placed[i];
	if (there && there->address == address) {
		/* Tells its first arguments apart from now on, and keeps its index for the rest. */
		if (kind == PB_WATCH_BY_SELF && there->kind == PB_WATCH_FIXED) {
			there->kind = PB_WATCH_BY_SELF;
			set_handler(there, pb_watch_handler_of(kind, w->phases));
		}
		*out = there;
		return 1;
	}
	struct pb_watch_hook *h = hook_for(address, target ? target : held, err);
	if (!h)
		return -PROBE_ENOMEM;
	__atomic_store_n(&h->part, 0, __ATOMIC_RELEASE); /* no watch runs in epoch 0 */
	h->kind = (uint8_t)kind;
	h->index = PB_WATCH_NONE;
	h->group = 0;
	h->key_at = 0;
	h->key_indirect = false;
	h->placed = false;
	if (kind != PB_WATCH_CUSTOM)
		set_handler(h, pb_watch_handler_of(kind, w->phases));
	w->placed[w->count++] = h;
	*out = h;
	return 0;
}

int pb_watch_add(struct pb_watch *w, void **address, void *target, enum pb_watch_kind kind,
		 struct pb_watch_hook **out, struct probe_error *err)
{
	lock();
	int rc = add(w, address, target, kind, out, err);
	unlock();
	return rc;
}

void pb_watch_place(struct pb_watch *w, struct pb_watch_hook *hook)
{
	lock();
	if (w->running)
		place(w, hook);
	unlock();
}

static void put_self(struct pb_watch *w, struct pb_watch_selves *s, struct pb_watch_self entry)
{
	size_t at = pb_watch_self_hash(entry.hook, entry.self) & s->mask;
	while (s->of[at].hook && (s->of[at].hook != entry.hook || s->of[at].self != entry.self))
		at = (at + 1) & s->mask;
	if (!s->of[at].hook)
		w->self_count++;
	pb_watch_self_set(&s->of[at], entry.hook, entry.self, entry.index);
}

int pb_watch_add_self(struct pb_watch *w, struct pb_watch_hook *hook, const void *self,
		      uint32_t index, struct probe_error *err)
{
	struct pb_watch_selves *s = pb_watch_state.selves;
	if (!s || 2 * (w->self_count + 1) > s->mask) {
		size_t size = s ? 2 * (s->mask + 1) : 256;
		struct pb_watch_selves *bigger = calloc(1, sizeof *bigger + size * sizeof *s->of);
		if (!bigger)
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory for %zu callables", size);
		bigger->outgrown = s;
		bigger->mask = size - 1;
		w->self_count = 0;
		for (size_t i = 0; s && i <= s->mask; i++)
			if (s->of[i].hook)
				put_self(w, bigger, s->of[i]);
		__atomic_store_n(&pb_watch_state.selves, s = bigger, __ATOMIC_RELEASE);
	}
	put_self(w, s, (struct pb_watch_self){hook, self, index});
	return 0;
}

/* Measured with hooks of its own, before any other is in place. */
static int calibrate(struct pb_watch *w, struct probe_error *err)
{
	static void *places[4];
	static const enum pb_watch_kind kinds[4] = {PB_WATCH_FIXED, PB_WATCH_DETACH,
						    PB_WATCH_ATTACH, PB_WATCH_INVOKE};
	struct pb_watch_hook *own[4];
	for (size_t i = 0; i < 4; i++) {
		own[i] = hook_for(&places[i], pb_watch_calibrated[i], err);
		if (!own[i])
			return -PROBE_ENOMEM;
		own[i]->kind = (uint8_t)kinds[i];
		set_handler(own[i], pb_watch_handler_of(kinds[i], w->phases));
		own[i]->index = 0;
		__atomic_store_n(&own[i]->part, pb_watch_part(pb_watch_state.epoch, own[i]),
				 __ATOMIC_RELEASE);
	}
	return pb_watch_calibrate(own, w->phases, &w->cost, err);
}

int pb_watch_start(struct pb_watch *w, struct probe_error *err)
{
	lock();
	__atomic_store_n(&pb_watch_state.epoch, pb_watch_state.epoch + 1, __ATOMIC_RELEASE);
	int rc = calibrate(w, err);
	w->running = true;
	for (size_t i = 0; !rc && i < w->count; i++)
		place(w, w->placed[i]);
	unlock();
	return rc;
}

size_t pb_watch_stop(struct pb_watch *w)
{
	size_t left = 0;
	lock();
	if (w->running)
		__atomic_store_n(&pb_watch_state.epoch, pb_watch_state.epoch + 1, __ATOMIC_RELEASE);
	w->running = false;
	for (size_t i = w->count; i-- > 0;) {
		struct pb_watch_hook *h = w->placed[i];
		void *expected = h->stub;
		if (h->placed &&
		    !__atomic_compare_exchange_n(h->address, &expected, h->target, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			left++;
		h->placed = false;
	}
	w->count = 0;
	pb_watch_pages_close(&w->pages);
	unlock();
	return left;
}

void pb_watch_free(struct pb_watch *w)
{
	if (!w)
		return;
	pb_watch_stop(w);
	free(w->placed);
	__atomic_store_n(&pb_watch_state.active, NULL, __ATOMIC_SEQ_CST);
	free(w);
}

const struct pb_watch_cost *pb_watch_costs(const struct pb_watch *w)
{
	return &w->cost;
}

uint64_t pb_watch_lost(void)
{
	return __atomic_load_n(&pb_watch_state.lost, __ATOMIC_RELAXED);
}

/* --- adding up ----------------------------------------------------------------------------------
 */

struct sum {
	struct pb_watch_row *rows;
	size_t count, room;
	uint32_t by_index[PB_WATCH_MOST]; /* row + 1 */
};

static struct pb_watch_row *new_row(struct sum *s)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct pb_watch_row *more = realloc(s->rows, room * sizeof *more);
		if (!more)
			return NULL;
		s->rows = more;
		s->room = room;
	}
	struct pb_watch_row *row = &s->rows[s->count++];
	*row = (struct pb_watch_row){.index = PB_WATCH_NONE};
	return row;
}

static struct pb_watch_row *row_of_key(struct sum *s, const struct pb_watch_record *r)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i].hook && s->rows[i].key == r->key &&
		    s->rows[i].hook->group == r->hook->group)
			return &s->rows[i];
	struct pb_watch_row *row = new_row(s);
	if (row) {
		row->hook = r->hook;
		row->key = r->key;
	}
	return row;
}

static int add_record(struct sum *s, const struct pb_watch_record *r, uint32_t index)
{
	uint64_t calls = pb_watch_read(&r->calls);
	if (!calls)
		return 0;
	struct pb_watch_row *row;
	if (index == PB_WATCH_NONE) {
		row = row_of_key(s, r);
	} else if (s->by_index[index]) {
		row = &s->rows[s->by_index[index] - 1];
	} else if ((row = new_row(s))) {
		row->index = index;
		s->by_index[index] = (uint32_t)s->count;
	}
	if (!row)
		return -1;
	if (!row->name)
		row->name = __atomic_load_n(&r->name, __ATOMIC_ACQUIRE);
	if (!row->library)
		row->library = __atomic_load_n(&r->library, __ATOMIC_ACQUIRE);
	row->raised += pb_watch_read(&r->raised);
	row->calls += calls;
	row->nested += pb_watch_read(&r->nested);
	row->within += pb_watch_read(&r->within);
	row->direct += pb_watch_read(&r->direct);
	row->preempted += pb_watch_read(&r->preempted);
	row->off += pb_watch_read(&r->off);
	const struct pb_watch_bins *bins = __atomic_load_n(&r->bins, __ATOMIC_ACQUIRE);
	for (size_t i = 0; bins && i < PB_WATCH_BINS; i++) {
		uint64_t n = pb_watch_read(&bins->of[i].calls);
		uint64_t ticks = pb_watch_read(&bins->of[i].ticks);
		row->bins.of[i].calls += n;
		row->bins.of[i].ticks += ticks;
		row->returned += n;
		row->ticks += ticks;
	}
	/* Calls have gone on since they were counted above. */
	row->returned = row->returned < row->calls ? row->returned : row->calls;
	uint64_t split = pb_watch_read(&r->split);
	unsigned pattern = (unsigned)pb_watch_read(&r->pattern);
	if (!row->split)
		row->pattern = pattern;
	if (split && row->pattern == pattern) {
		row->split += split;
		for (unsigned i = 0; i < PB_WATCH_PARTS; i++) {
			row->parts[i] += pb_watch_read(&r->parts[i]);
			row->parts_nested[i] += pb_watch_read(&r->parts_nested[i]);
		}
	}
	return 0;
}

static int add_thread(struct sum *s, const struct pb_watch_thread *t)
{
	for (uint32_t i = 0; i < PB_WATCH_CHUNKS; i++) {
		const struct pb_watch_record *chunk =
			__atomic_load_n(&t->chunks[i], __ATOMIC_ACQUIRE);
		for (uint32_t k = 0; chunk && k < PB_WATCH_CHUNK; k++)
			if (i * PB_WATCH_CHUNK + k >= PB_WATCH_FIRST &&
			    add_record(s, &chunk[k], i * PB_WATCH_CHUNK + k))
				return -1;
	}
	for (const struct pb_watch_keyed *chunk = __atomic_load_n(&t->keyed, __ATOMIC_ACQUIRE);
	     chunk; chunk = chunk->next)
		for (uint32_t k = 0; k < __atomic_load_n(&chunk->count, __ATOMIC_ACQUIRE); k++)
			if (add_record(s, &chunk->records[k], PB_WATCH_NONE))
				return -1;
	return 0;
}

long pb_watch_take(struct pb_watch *w, struct pb_watch_row **rows, struct probe_error *err)
{
	/* Running, the epoch is odd; stopped, one more than it was. */
	uint64_t epoch = pb_watch_state.epoch - (w->running ? 0 : 1);
	struct sum *s = calloc(1, sizeof *s);
	int rc = s ? 0 : -1;
	struct pb_watch_thread *t = pb_watch_threads_lock();
	for (; !rc && t; t = t->next)
		if (__atomic_load_n(&t->epoch, __ATOMIC_ACQUIRE) == epoch)
			rc = add_thread(s, t);
	pb_watch_threads_unlock();
	if (rc) {
		free(s ? s->rows : NULL);
		free(s);
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory to add up what was watched");
	}
	long count = (long)s->count;
	*rows = s->rows;
	free(s);
	return count;
}
