/* SPDX-License-Identifier: MIT
 * Thunk template for arm64 (AAPCS64). Position-independent; copied as a whole.
 *
 * At a function's entry x0-x8, x18, x30, q0-q7 and the stack belong to the callee; x9-x17 are free.
 * At its return x0, x1 and q0-q3 belong to the caller. Everything here lives in x9-x17, so nothing
 * has to be saved. Indirect jumps go through x16 and x17 and entries begin with `bti c`, as
 * machines with branch protection want it.
 */
#include "hook/thunk.h"

/* A place in the data page, for `ldr` (literal) and `adr`: both reach 1 MiB. */
#define DATA(field) .Lstart + PB_THUNK_SPAN + (field)

/* Between entries: a wild jump traps. */
#define TRAP 0xd4200000 /* brk #0 */

/* bti c, spelt so that every assembler takes it; a nop where there is no branch protection. */
.macro BTI
	hint	#34
.endm

/* The entry \name for calls at `where`, and right behind it \name\()_any for all calls. */
.macro ENTRY name
.L\name:
	BTI
	ldr	x17, DATA(PB_DATA_WHERE)
	cmp	sp, x17
	b.ne	.Lmiss
.L\name\()_any:
	BTI
.endm

/* Starts copy \v of a kind: every copy in its own place within a cache line. */
.macro COPY kind v
	.balignl 64, TRAP
	.fill	(\v * 4), 4, TRAP
	ENTRY	\kind\()_\v
.endm

.macro ONE kind
	.balignl 64, TRAP
	ENTRY	\kind
.endm

.macro ENTRIES kind any
	.quad	.L\kind\()_0\any - .Lstart, .L\kind\()_1\any - .Lstart
	.quad	.L\kind\()_2\any - .Lstart, .L\kind\()_3\any - .Lstart
.endm
.macro ENTRY1 kind
	.quad	.L\kind - .Lstart, .L\kind - .Lstart, .L\kind - .Lstart, .L\kind - .Lstart
.endm

.macro JUMP field
	ldr	x16, DATA(\field)
	br	x16
.endm

	.text
	.balignl 4096, TRAP
	.globl	pb_thunk_template
	.hidden	pb_thunk_template
pb_thunk_template:
.Lstart:

.irp v, 0, 1, 2, 3
	COPY ready \v
	ldr	x0, DATA(PB_DATA_CTX)
	JUMP	PB_DATA_FN

	COPY replay_void \v
	ret

	COPY replay_int \v
	ldr	x0, DATA(PB_DATA_REG_INT0)
	ret

	COPY replay_float \v
	ldr	d0, DATA(PB_DATA_REG_FLOAT0)
	ret

	COPY replay_all \v
	ldr	x0, DATA(PB_DATA_REG_INT0)
	ldr	x1, DATA(PB_DATA_REG_INT1)
	ldr	q0, DATA(PB_DATA_REG_FLOAT0)
	ldr	q1, DATA(PB_DATA_REG_FLOAT1)
	ldr	q2, DATA(PB_DATA_REG_FLOAT2)
	ldr	q3, DATA(PB_DATA_REG_FLOAT3)
	ret

	COPY ffi_8 \v
	ldr	x9, DATA(PB_DATA_REG_INT0)
	str	x9, [x2]
	ret

	COPY ffi_16 \v
	ldr	x9, DATA(PB_DATA_REG_INT0)
	ldr	x10, DATA(PB_DATA_REG_INT1)
	stp	x9, x10, [x2]
	ret
.endr

	ONE with_data
	adr	x4, DATA(0)
	JUMP	PB_DATA_FN

/* Exclusives rather than one atomic add, which ARMv8.0 lacks. */
	ONE count_calls
	adr	x16, DATA(PB_DATA_COUNT)
1:	ldxr	x17, [x16]
	add	x17, x17, #1
	stxr	w9, x17, [x16]
	cbnz	w9, 1b
	JUMP	PB_DATA_TARGET

	ONE delay
	ldr	x16, DATA(PB_DATA_SPIN)
	cbz	x16, 2f
	.p2align 4
1:	subs	x16, x16, #1
	b.ne	1b
2:	JUMP	PB_DATA_TARGET

/* Finds the thread's ring in x16 and moves the return address to its shadow stack, so that stack
 * arguments stay where the target expects them and `blr` pairs with `ret` for the predictor.
 * Jumps to \pass without a ring. Clobbers x9 and x17. */
.macro ENTER pass lost
	mrs	x16, tpidr_el0
	ldr	x17, DATA(PB_DATA_TLS)
	ldr	x16, [x16, x17]
	cbz	x16, \pass
	ldr	x17, [x16, #PB_RING_DEPTH]
	cmp	x17, #PB_SHADOW_DEPTH
	b.hs	\lost
	add	x9, x16, x17, lsl #3
	str	x30, [x9, #PB_RING_SHADOW]
	add	x17, x17, #1
	str	x17, [x16, #PB_RING_DEPTH]
.endm

/* Appends (x17, event \id); clobbers x9-x12. */
.macro APPEND id
	ldp	x9, x10, [x16, #PB_RING_POS]	/* pos and mask */
	ldr	x11, [x16, #PB_RING_EVENTS]
	ldr	x12, DATA(\id)
	and	x10, x10, x9
	add	x11, x11, x10
	stp	x17, x12, [x11]
	add	x9, x9, #16
	str	x9, [x16, #PB_RING_POS]
.endm

.macro CALL field
	ldr	x17, DATA(\field)
	blr	x17
.endm

/* After the target: the ring again in x16. Clobbers x9. */
.macro RING_AGAIN
	mrs	x16, tpidr_el0
	ldr	x9, DATA(PB_DATA_TLS)
	ldr	x16, [x16, x9]
.endm

/* Returns to the caller. */
.macro LEAVE
	ldr	x17, [x16, #PB_RING_DEPTH]
	sub	x17, x17, #1
	str	x17, [x16, #PB_RING_DEPTH]
	add	x9, x16, x17, lsl #3
	ldr	x30, [x9, #PB_RING_SHADOW]
	ret
.endm

/* Ordered after everything before it: otherwise the atomics of a thread-state call would retire
 * in the next stretch. Not fenced behind: that would double what a stamp costs. */
.macro READ_TICKS
	isb
	mrs	x17, cntvct_el0
.endm

.macro EVENT_ROW n
	BTI
	mrs	x17, pmevcntr\n\()_el0
	b	8f
	.inst	TRAP
.endm

/* Reads the performance counter of the thunk's number into x17: 0 to 30 are event counters, from 31
 * on the cycle counter (as sys/arch/aarch64/counter_arch.h reads them). A counter's number is part
 * of the instruction and is known only once the thunk exists, so the read jumps into a table of
 * one read a row. The jump always goes the same way, and so is predicted; each thunk has its own
 * copy of it. Clobbers x9 and the flags. */
.macro READ_PMC
	ldr	x9, DATA(PB_DATA_PMC)
	mov	x17, #31
	cmp	x9, x17
	csel	x9, x9, x17, lo
	adr	x17, 7f
	add	x17, x17, x9, lsl #4	/* a row is four instructions */
	isb
	br	x17
7:
.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	EVENT_ROW \n
.endr
	BTI
	mrs	x17, pmccntr_el0
8:
.endm

	.balignl 64, TRAP
.Lmiss:
	mrs	x16, tpidr_el0
	ldr	x17, DATA(PB_DATA_THREAD)
	cmp	x16, x17
	b.ne	.Lpass
	adr	x17, DATA(PB_DATA_MISSES)
	ldr	x16, [x17]
	add	x16, x16, #1
	str	x16, [x17]
	b	.Lpass
.Llost:
	ldr	x17, [x16, #PB_RING_LOST]
	add	x17, x17, #1
	str	x17, [x16, #PB_RING_LOST]
.Lpass:
	JUMP	PB_DATA_TARGET

	ONE record
	ENTER	.Lpass .Llost
	CALL	PB_DATA_TARGET
	RING_AGAIN
	adr	x17, DATA(0)
	stp	x0, x1, [x17, #PB_DATA_REG_INT0]
	stp	q0, q1, [x17, #PB_DATA_REG_FLOAT0]
	stp	q2, q3, [x17, #PB_DATA_REG_FLOAT2]
	LEAVE

	ONE stamp_ticks
	ENTER	.Lpass .Llost
	READ_TICKS
	APPEND	PB_DATA_EVENT_IN
	CALL	PB_DATA_TARGET
	READ_TICKS
	RING_AGAIN
	APPEND	PB_DATA_EVENT_OUT
	LEAVE

	ONE stamp_pmc
	ENTER	.Lpass .Llost
	READ_PMC
	APPEND	PB_DATA_EVENT_IN
	CALL	PB_DATA_TARGET
	READ_PMC
	RING_AGAIN
	APPEND	PB_DATA_EVENT_OUT
	LEAVE

/* All before the target is done before it begins, and it is done before anything behind it begins:
 * what it takes by itself, overlapping with nothing. */
	ONE fence
	ENTER	.Lpass .Llost
	isb
	CALL	PB_DATA_FN
	isb
	RING_AGAIN
	LEAVE

/* Calls fn `spin` times with the same argument registers. Where it reaches its own slot again, that
 * call goes to the target: `count` says that the loop is on. */
.macro REPEAT kind wait
	ONE \kind
	ldr	x16, DATA(PB_DATA_COUNT)
	cbnz	x16, .Lpass
	ENTER	.Lpass .Llost
	adr	x17, DATA(0)
	mov	x9, #1
	str	x9, [x17, #PB_DATA_COUNT]
	stp	x0, x1, [x17, #PB_DATA_ARG_INTS]
	stp	x2, x3, [x17, #PB_DATA_ARG_INTS + 16]
	stp	x4, x5, [x17, #PB_DATA_ARG_INTS + 32]
	stp	x6, x7, [x17, #PB_DATA_ARG_INTS + 48]
	stp	x8, x19, [x17, #PB_DATA_ARG_INTS + 64]
	stp	q0, q1, [x17, #PB_DATA_ARG_FLOATS]
	stp	q2, q3, [x17, #PB_DATA_ARG_FLOATS + 32]
	stp	q4, q5, [x17, #PB_DATA_ARG_FLOATS + 64]
	stp	q6, q7, [x17, #PB_DATA_ARG_FLOATS + 96]
	ldr	x19, [x17, #PB_DATA_SPIN]
1:
.if \wait
	isb
.endif
	adr	x17, DATA(0)
	ldp	x0, x1, [x17, #PB_DATA_ARG_INTS]
	ldp	x2, x3, [x17, #PB_DATA_ARG_INTS + 16]
	ldp	x4, x5, [x17, #PB_DATA_ARG_INTS + 32]
	ldp	x6, x7, [x17, #PB_DATA_ARG_INTS + 48]
	ldr	x8, [x17, #PB_DATA_ARG_INTS + 64]
	ldp	q0, q1, [x17, #PB_DATA_ARG_FLOATS]
	ldp	q2, q3, [x17, #PB_DATA_ARG_FLOATS + 32]
	ldp	q4, q5, [x17, #PB_DATA_ARG_FLOATS + 64]
	ldp	q6, q7, [x17, #PB_DATA_ARG_FLOATS + 96]
	CALL	PB_DATA_FN
	subs	x19, x19, #1
	b.gt	1b
	adr	x17, DATA(0)
	ldr	x19, [x17, #PB_DATA_ARG_INTS + 72]
	str	xzr, [x17, #PB_DATA_COUNT]
	RING_AGAIN
	LEAVE
.endm
	REPEAT repeat_waiting 1
	REPEAT repeat_free 0

	ONE trace
	ENTER	.Lpass .Llost
	mov	x17, sp
	APPEND	PB_DATA_EVENT_IN
	CALL	PB_DATA_TARGET
	mov	x17, sp
	RING_AGAIN
	APPEND	PB_DATA_EVENT_OUT
	LEAVE

	ONE jump
	JUMP	PB_DATA_FN

/* For slots that other threads read, too: they go where they went before. */
	.balignl 64, TRAP
.Lguard:
	BTI
	mrs	x16, tpidr_el0
	ldr	x17, DATA(PB_DATA_CTX)
	cmp	x16, x17
	b.ne	.Lpass
	JUMP	PB_DATA_FN

.Lend:
	.globl	pb_empty_function
	.hidden	pb_empty_function
	.type	pb_empty_function, %function
	.balignl 64, TRAP
pb_empty_function:
	BTI
	ret
	.size	pb_empty_function, . - pb_empty_function

	/* Fails to assemble when the template outgrows its span; the linker drops it. */
	.section .probe_span, "e"
	.skip	PB_THUNK_SPAN - (.Lend - .Lstart)

	.section .rodata
	.p2align 3
	.globl	pb_thunk_template_size
	.hidden	pb_thunk_template_size
pb_thunk_template_size:
	.quad	.Lend - .Lstart
/* Offsets of the entries: [kind][copy], in the order of enum pb_thunk_kind. */
.macro OFFSETS any
	ENTRIES	ready \any
	ENTRY1	with_data\any
	ENTRIES	replay_void \any
	ENTRIES	replay_int \any
	ENTRIES	replay_float \any
	ENTRIES	replay_all \any
	ENTRIES	ffi_8 \any
	ENTRIES	ffi_16 \any
	ENTRY1	count_calls\any
	ENTRY1	delay\any
	ENTRY1	record\any
	ENTRY1	stamp_ticks\any
	ENTRY1	stamp_pmc\any
	ENTRY1	trace\any
	ENTRY1	jump\any
	ENTRY1	guard
	ENTRY1	fence\any
	ENTRY1	repeat_waiting\any
	ENTRY1	repeat_free\any
.endm
	.globl	pb_thunk_offsets
	.hidden	pb_thunk_offsets
pb_thunk_offsets:
	OFFSETS	_any
	.globl	pb_thunk_offsets_at
	.hidden	pb_thunk_offsets_at
pb_thunk_offsets_at:
	OFFSETS
	.section .note.GNU-stack, "", %progbits
