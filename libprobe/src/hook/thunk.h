/* SPDX-License-Identifier: MIT
 * Thunks: small pieces of assembly that stand in for, or around, a layer of a call.
 *
 * All kinds live in one position-independent template (arch/ARCH/thunks.S). Making a thunk maps a
 * private copy of the template (read + execute) with a data page behind it (read + write), so no
 * page is ever writable and executable, and two thunks share nothing.
 *
 * Each kind comes in PB_THUNK_VARIANTS copies at different offsets: the place of a stub in memory
 * alone moves a call by some ticks, and copies turn that bias into a spread that can be stated.
 *
 * A slot is reached by more than the call that is measured: by foreign calls nested in it, of the
 * same function too, and by other threads. What tells the measured one apart is the stack pointer:
 * it comes down the same path from the same loop each time, and what is nested in it lies deeper.
 * So every kind but GUARD has two entries: one for all calls, and one for the calls whose stack
 * pointer is `where`, which sends all others to `target`.
 */
#ifndef PB_HOOK_THUNK_H
#define PB_HOOK_THUNK_H

/* Layout shared with the assembly. */
#define PB_DATA_TARGET     0
#define PB_DATA_CTX        8
#define PB_DATA_FN         16
#define PB_DATA_REG_INT0   24
#define PB_DATA_REG_INT1   32
#define PB_DATA_COUNT      40
#define PB_DATA_SPIN       48
#define PB_DATA_TLS        56
#define PB_DATA_EVENT_IN   64
#define PB_DATA_EVENT_OUT  72
#define PB_DATA_PMC        80
#define PB_DATA_REG_FLOAT0 96
#define PB_DATA_REG_FLOAT1 112
#define PB_DATA_REG_FLOAT2 128
#define PB_DATA_REG_FLOAT3 144
#define PB_DATA_ARG_INTS   160
#define PB_DATA_ARG_FLOATS 240
#define PB_DATA_WHERE      368
#define PB_DATA_THREAD     376
#define PB_DATA_MISSES     384

#define PB_RING_POS     0
#define PB_RING_MASK    8
#define PB_RING_EVENTS  16
#define PB_RING_DEPTH   24
#define PB_RING_LOST    32
#define PB_RING_SAVE0   40
#define PB_RING_SAVE1   48
#define PB_RING_SHADOW  64
#define PB_SHADOW_DEPTH 64

#define PB_THUNK_VARIANTS 4
#define PB_THUNK_KINDS    19
/* Distance from the template copy to its data page; also the limit of the template's size. */
#if defined(__aarch64__)
#define PB_THUNK_SPAN 65536
#else
#define PB_THUNK_SPAN 8192
#endif

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include "probe/error.h"

enum pb_thunk_kind {
	PB_THUNK_READY,          /* ignores the arguments, tail-calls fn(ctx) */
	PB_THUNK_WITH_DATA,      /* tail-calls fn(the first four arguments, data) */
	PB_THUNK_REPLAY_VOID,    /* returns at once */
	PB_THUNK_REPLAY_INT,     /* returns int0 */
	PB_THUNK_REPLAY_FLOAT,   /* returns float0 */
	PB_THUNK_REPLAY_ALL,     /* returns every recorded result register */
	PB_THUNK_FFI_8,          /* ffi_call: writes int0 to *rvalue (third argument), returns */
	PB_THUNK_FFI_16,         /* the same with int0 and int1 */
	PB_THUNK_COUNT_CALLS,    /* counts (atomically), then jumps to target */
	PB_THUNK_DELAY,          /* spins about `spin` dependent cycles, then jumps to target */
	PB_THUNK_RECORD,         /* calls target, records its result registers */
	PB_THUNK_STAMP_TICKS,    /* calls target between two (id, TSC or cntvct) events */
	PB_THUNK_STAMP_PMC,      /* calls target between two (id, performance counter) events */
	PB_THUNK_TRACE,          /* calls target between two (id, stack pointer there) events */
	PB_THUNK_JUMP,           /* jumps to fn */
	PB_THUNK_GUARD,          /* jumps to fn on the thread ctx, to target on any other */
	PB_THUNK_FENCE,          /* calls fn; it overlaps with nothing before or behind it */
	PB_THUNK_REPEAT_WAITING, /* calls fn `spin` times with the same argument registers, */
	PB_THUNK_REPEAT_FREE,    /* each call waiting for the one before; or free to overlap */
};

/* The data page of one thunk. Fields are read by the assembly at every call. */
struct pb_thunk_data {
	void *target;
	void *ctx;
	void *(*fn)(void *ctx);
	uint64_t int0, int1; /* result registers */
	uint64_t count;
	uint64_t spin;
	uint64_t tls_offset; /* of the thread's ring pointer, from the thread pointer */
	uint64_t event_in, event_out;
	uint64_t pmc; /* performance counter number */
	uint64_t reserved;
	uint8_t float_regs[4][16];
	uint64_t arg_ints[10]; /* REPEAT: argument registers, and a register of the caller's */
	uint8_t arg_floats[8][16];
	uint64_t where;  /* the stack pointer at the entry for the measured call; 0 = nowhere */
	void *thread;    /* whose misses are counted, as pb_thunk_thread() names it */
	uint64_t misses; /* its calls through that entry from elsewhere */
};

struct pb_thunk {
	enum pb_thunk_kind kind;
	struct pb_thunk_data *data;
	unsigned char *code;
	size_t mapped_bytes;
};

/* One stamp: which boundary, and the counter there. */
struct pb_event {
	uint64_t ticks;
	uint64_t id;
};

/* A thread's stamps and its shadow stack of return addresses. Written by thunks on its own thread
 * only; a thread without a ring passes through every thunk unstamped. */
struct pb_ring {
	uint64_t pos;  /* bytes written so far */
	uint64_t mask; /* capacity in bytes - 1 */
	struct pb_event *events;
	uint64_t depth;
	uint64_t lost; /* calls passed through because the shadow stack was full */
	uint64_t save[3];
	void *shadow[PB_SHADOW_DEPTH];
};

/* Maps a thunk. Its entry for copy v is pb_thunk_entry(t, v).
 * Returns 0, -PROBE_ESYS. Threads: safe. Cost: mmap and mprotect. */
int pb_thunk_new(struct pb_thunk *t, enum pb_thunk_kind kind, struct probe_error *err);
/* Unmaps; no thread may be inside. NULL data (never made, or freed) is allowed. */
void pb_thunk_free(struct pb_thunk *t);
void *pb_thunk_entry(const struct pb_thunk *t, unsigned variant);
/* The entry for calls at `where` alone. Misses are counted where `thread` is set. */
void *pb_thunk_entry_at(const struct pb_thunk *t, unsigned variant);
/* The calling thread, as a guard's ctx names it. */
void *pb_thunk_thread(void);

/* Gives the calling thread a ring of `events` entries (a power of two); replaces none.
 * RECORD and STAMP thunks need one. Returns 0, -PROBE_EINVAL, -PROBE_ENOMEM. */
int pb_ring_attach(struct pb_ring *ring, size_t events, struct probe_error *err);
/* Takes the calling thread's ring away again; must not be called from inside a thunk. */
void pb_ring_detach(struct pb_ring *ring);

/* An empty function in assembly: the known call that stamps are calibrated on. */
void pb_empty_function(void);

#endif /* __ASSEMBLER__ */
#endif
