/* SPDX-License-Identifier: MIT
 * Watching calls: every call that goes through a replaced pointer is counted and timed, on whatever
 * thread, while the program runs as it did.
 *
 * Unlike a thunk's, a watch's hooks are C functions with a frame of their own on the machine's
 * stack: an exception of C++ and a longjmp() go through them as through any function, and no
 * shadow stack can be left behind. A hook is reached through a stub of a few bytes that names its
 * data in the sixth argument, which no entry of CPython has, so that its first five pass unseen.
 *
 * Counts are per thread: no lock and no atomic operation is on the path of a call. Only one watch
 * runs in a process at a time, as the pointers are the process's.
 */
#ifndef PB_HOOK_WATCH_H
#define PB_HOOK_WATCH_H

/* Layout shared with the assembly. */
#define PB_WATCH_HANDLER    0
#define PB_WATCH_HOOK_BYTES 128
#define PB_WATCH_STUB_BYTES 16
#define PB_WATCH_STUBS      256
#define PB_WATCH_TARGET_FN  0
#define PB_WATCH_STAMP_AT   8
/* Distance from a copy of the stubs to their data: a page of any size. */
#if defined(__aarch64__)
#define PB_WATCH_SPAN 65536
#else
#define PB_WATCH_SPAN 4096
#endif

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/watch_bins.h"
#include "probe/error.h"

struct pb_watch_hook;
/* What stands in for a function: its first five arguments, and the hook. */
typedef void *pb_watch_handler(void *a, void *b, void *c, void *d, void *e,
			       struct pb_watch_hook *hook);

/* How a hook tells what is called. */
enum pb_watch_kind {
	PB_WATCH_FIXED,      /* one function: the hook's own index */
	PB_WATCH_BY_SELF,    /* the first argument, if it is one of those added; else the index */
	PB_WATCH_BY_POINTER, /* a code pointer that the first argument holds */
	PB_WATCH_DETACH,     /* boundaries within a call, for its phases */
	PB_WATCH_ATTACH,
	PB_WATCH_INVOKE, /* ffi_call */
	PB_WATCH_CUSTOM, /* a handler of the caller's */
};

#define PB_WATCH_NONE UINT32_MAX
/* Index 0 is the watch's own. */
#define PB_WATCH_FIRST 1
#define PB_WATCH_MOST  65536

/* One replaced pointer. Never freed and never made to lead elsewhere, as a thread may have read the
 * pointer and not yet have jumped; the same pointer gets the same hook again. */
struct pb_watch_hook {
	pb_watch_handler *handler;
	void *target; /* what the pointer led to */
	void **address;
	void *stub;
	struct pb_watch_hook *next;
	/* What a call reads, each in one load, as the hook may be given to the next watch
	 * meanwhile: the watch that it is part of with what this calls it, and where a key is. */
	uint64_t part, where;
	/* The caller's, to be set before it is placed. */
	uint32_t index;    /* PB_WATCH_NONE: nothing of its own */
	uint32_t key_at;   /* BY_POINTER: where in the first argument ... */
	bool key_indirect; /* ... the code pointer is, or a pointer to it */
	bool placed;
	uint8_t kind;
	uint8_t group; /* what kind of function this is, or a boundary is of */
};

/* The stretches that a call's boundaries cut it into. */
enum pb_watch_part {
	PB_WATCH_PART_IN,
	PB_WATCH_PART_DETACH,
	PB_WATCH_PART_INVOKE,
	PB_WATCH_PART_COMPUTE,
	PB_WATCH_PART_ATTACH,
	PB_WATCH_PART_OUT,
	PB_WATCH_PARTS
};
/* Which boundaries a call went through. */
#define PB_WATCH_DETACHED 1u
#define PB_WATCH_INVOKED  2u
#define PB_WATCH_PATTERNS 4

/* What was counted of one function. */
struct pb_watch_row {
	uint32_t index;                   /* PB_WATCH_NONE: found by pointer */
	const struct pb_watch_hook *hook; /* by pointer: where */
	uint64_t key;                     /* by pointer: the function's address */
	const char *name, *library;       /* by pointer: what it was described as; may be NULL */
	uint64_t calls;                   /* begun */
	uint64_t returned;                /* the others were left otherwise, or run on */
	uint64_t raised;                  /* of those that returned: returned NULL */
	uint64_t nested;                  /* hooked calls within them */
	uint64_t ticks;                   /* of those that returned, with the hooks' own cost */
	uint64_t within;                  /* of these, in hooked calls within */
	uint64_t direct;                  /* hooked calls within, but not within one another */
	uint64_t preempted;               /* of those that returned: cut in two by others */
	uint64_t off;                     /* ticks off the CPU, which `ticks` does not hold */
	struct pb_watch_bins bins;
	unsigned pattern;
	uint64_t split; /* how many were split that way */
	uint64_t parts[PB_WATCH_PARTS];
	uint64_t parts_nested[PB_WATCH_PARTS]; /* hooked calls within each */
};

/* What hooks cost, in ticks. */
struct pb_watch_cost {
	double inner;  /* of a hooked call, between its stamps */
	double outer;  /* around them */
	double spread; /* of inner, between the quartiles of what was measured */
	double parts[PB_WATCH_PATTERNS][PB_WATCH_PARTS];
};

struct pb_watch;

/* Names a function found by pointer; called once a thread for each, in the middle of its first
 * call. Strings are malloc()ed; NULL = nothing known. */
typedef void pb_watch_describer(void *self, unsigned group, uint64_t key, char **name,
				char **library);

/* A watch without hooks. @phases  split calls at their boundaries.
 * Returns 0; -PROBE_EUNHOOKABLE if another one is there; -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_watch_new(struct pb_watch **out, bool phases, pb_watch_describer *describe,
		 struct probe_error *err);

/* Adds a pointer to be replaced. @target NULL: what it holds now. *out is the hook, whose fields
 * from `index` on are the caller's to set; of a pointer that was added before (then it returns 1),
 * the hook that it has.
 * Returns 0; -PROBE_EINVAL (no pointer there, or code), -PROBE_ENOMEM, -PROBE_ESYS.
 * Threads: one at a time before pb_watch_start(), safe after it. */
int pb_watch_add(struct pb_watch *w, void **address, void *target, enum pb_watch_kind kind,
		 struct pb_watch_hook **out, struct probe_error *err);
/* Puts a hook in place that was added while the watch runs. */
void pb_watch_place(struct pb_watch *w, struct pb_watch_hook *hook);
/* BY_SELF: counts calls with this first argument as calls of `index`. Before pb_watch_start(). */
int pb_watch_add_self(struct pb_watch *w, struct pb_watch_hook *hook, const void *self,
		      uint32_t index, struct probe_error *err);

/* Replaces the pointers. Returns 0, -PROBE_ENOMEM. */
int pb_watch_start(struct pb_watch *w, struct probe_error *err);
/* Puts every pointer back; returns how many were left, as somebody else had replaced them. */
size_t pb_watch_stop(struct pb_watch *w);
/* What was counted so far; *rows is the caller's, to be freed. Calls still running on other threads
 * have begun and not returned. Strings live until the next pb_watch_start().
 * Returns the number of rows, -PROBE_ENOMEM. */
long pb_watch_take(struct pb_watch *w, struct pb_watch_row **rows, struct probe_error *err);
const struct pb_watch_cost *pb_watch_costs(const struct pb_watch *w);
/* Calls that went uncounted for want of memory. */
uint64_t pb_watch_lost(void);
/* Stops, and frees; NULL is allowed. */
void pb_watch_free(struct pb_watch *w);

/* The hook that `pointer` leads to; NULL = it leads to none. */
struct pb_watch_hook *pb_watch_hook_of(const void *pointer);
/* Counts a call made by the caller itself, as a hook would: a target of five arguments. */
void *pb_watch_call(struct pb_watch_hook *hook, void *a, void *b, void *c, void *d, void *e);

#endif /* __ASSEMBLER__ */
#endif
