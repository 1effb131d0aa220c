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
	uint64_t calls, raised, nested, within, direct, preempted, off;
	uint64_t slow;              /* its thread's own: long calls that nobody disturbed */
	struct pb_watch_bins *bins; /* those that returned, and their ticks; NULL: none yet */
	uint64_t pattern, split, parts[PB_WATCH_PARTS], parts_nested[PB_WATCH_PARTS];
};

/* What the system says of a thread. */
struct pb_watch_look {
	uint64_t preemptions, waits;
	double cpu_ns;
};

/* A thread's sums when a call began. */
struct pb_watch_before {
	uint64_t serial, attributed, covered, off;
	bool looked; /* at the system, just before */
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
	uint64_t entered[PB_WATCH_STAMPS]; /* hooked calls up to these */
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
	/* Ticks of calls, and hooked calls within calls, each once; what a call adds to them is its
	 * own. Monotonic, so that a call that is left otherwise leaves nothing to be undone. */
	uint64_t attributed, covered;
	uint64_t off; /* ticks off the CPU; each preemption adds one at least */
	struct pb_watch_look look;
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

/* Gives this thread its counts for a new epoch. NULL: out of memory. */
struct pb_watch_thread *pb_watch_attach(uint64_t epoch);
/* Makes the record of an index, or of a key; NULL: out of memory. */
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

void pb_watch_look_now(struct pb_watch_thread *t);
/* Looks if this function's calls are mostly long. */
bool pb_watch_look_before(struct pb_watch_thread *t, const struct pb_watch_record *r);
/* What a call took that was long, or had one within that was preempted, without what it waited for
 * the CPU. */
uint64_t pb_watch_disturbed(struct pb_watch_thread *t, struct pb_watch_record *r, uint64_t ticks,
			    const struct pb_watch_before *before);
/* false: out of memory. */
bool pb_watch_make_bins(struct pb_watch_record *r);
/* What its bins hold. */
void pb_watch_returned(const struct pb_watch_record *r, uint64_t *calls, uint64_t *ticks);

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
