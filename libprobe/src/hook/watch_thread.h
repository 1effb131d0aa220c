/* SPDX-License-Identifier: MIT
 * What a watch keeps of each thread: counts that only this thread writes.
 */
#ifndef PB_HOOK_WATCH_THREAD_H
#define PB_HOOK_WATCH_THREAD_H

#include "hook/watch.h"

#define PB_WATCH_CHUNK  256
#define PB_WATCH_CHUNKS (PB_WATCH_MOST / PB_WATCH_CHUNK)
#define PB_WATCH_DEPTH  64

/* Written by its thread, read by the one that adds up. */
struct pb_watch_record {
	uint64_t key;
	const struct pb_watch_hook *hook;
	char *name, *library;
	uint64_t calls, returned, raised, nested, ticks;
	uint64_t pattern, split, split_nested, parts[PB_WATCH_PARTS];
};

enum pb_watch_place {
	PB_WATCH_AT_ENTRY,
	PB_WATCH_AT_DETACHED,
	PB_WATCH_AT_TARGET, /* in ffi_call */
	PB_WATCH_AT_INVOKED,
	PB_WATCH_AT_ATTACHED,
	PB_WATCH_AT_ODD, /* boundaries in an order that no binding has */
};

enum pb_watch_stamp {
	PB_WATCH_DETACH_IN,
	PB_WATCH_DETACH_OUT,
	PB_WATCH_INVOKE_IN,
	PB_WATCH_TARGET_IN,
	PB_WATCH_INVOKE_OUT,
	PB_WATCH_ATTACH_IN,
	PB_WATCH_ATTACH_OUT,
	PB_WATCH_STAMPS
};

/* A call that is being split. In heap memory, with the place of its frame on the stack: a frame
 * that was left by an exception or a longjmp() is known by a later one that lies no deeper. */
struct pb_watch_frame {
	uintptr_t stack;
	uint64_t serial;
	unsigned state, pattern, group;
	uint64_t stamps[PB_WATCH_STAMPS];
};

struct pb_watch_keyed {
	struct pb_watch_keyed *next;
	uint32_t count;
	struct pb_watch_record records[32];
};

struct pb_watch_thread {
	void *target_fn;    /* where pb_watch_target goes on ... */
	uint64_t *stamp_at; /* ... after its stamp */
	uint64_t epoch;     /* of the watch that the counts belong to */
	uint64_t entered;   /* hooked calls */
	struct pb_watch_record *chunks[PB_WATCH_CHUNKS]; /* by index */
	struct pb_watch_keyed *keyed;                    /* by pointer; newest chunk first */
	struct pb_watch_record **table;                  /* open addressing over these */
	size_t table_mask, table_used;
	unsigned depth;
	struct pb_watch_frame frames[PB_WATCH_DEPTH];
	struct pb_watch_thread *next; /* all there are */
	bool owned;                   /* false: its thread has ended */
};

/* This thread's; static TLS, so that assembly reaches it too. */
extern __thread struct pb_watch_thread *pb_watch_current
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Gives this thread its counts for a new epoch. NULL: memory is out. */
struct pb_watch_thread *pb_watch_attach(uint64_t epoch);
/* Makes the record of an index, or of a key; NULL: memory is out. */
struct pb_watch_record *pb_watch_make_indexed(struct pb_watch_thread *t, uint32_t index);
struct pb_watch_record *pb_watch_find_keyed(struct pb_watch_thread *t,
					    const struct pb_watch_hook *hook, uint64_t key,
					    bool *fresh);

static inline size_t pb_watch_hash(const struct pb_watch_hook *hook, uint64_t key)
{
	uint64_t mixed = (key ^ (uint64_t)(uintptr_t)hook) * 0x9e3779b97f4a7c15u;
	return (size_t)(mixed >> 20);
}

static inline struct pb_watch_record *pb_watch_indexed(struct pb_watch_thread *t, uint32_t index)
{
	struct pb_watch_record *chunk = t->chunks[index / PB_WATCH_CHUNK];
	return __builtin_expect(chunk != NULL, 1) ? &chunk[index % PB_WATCH_CHUNK]
						  : pb_watch_make_indexed(t, index);
}

/* The list of threads, to be walked with the lock held. */
struct pb_watch_thread *pb_watch_threads_lock(void);
void pb_watch_threads_unlock(void);

/* Others may read it meanwhile: whole words, in any order. */
static inline void pb_watch_count(uint64_t *at, uint64_t n)
{
	__atomic_store_n(at, *at + n, __ATOMIC_RELAXED);
}
static inline uint64_t pb_watch_read(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

#endif
