/* SPDX-License-Identifier: MIT
 * Thunk template for x86-64 (System V ABI). Position-independent; copied as a whole.
 *
 * At a function's entry rdi rsi rdx rcx r8 r9, xmm0-7, the stack, rax (vector count of variadic
 * calls) and r10 (static chain) belong to the callee; only r11 is free. At its return rax, rdx,
 * xmm0-1 and st0-1 belong to the caller.
 */
#include "hook/thunk.h"

#define DATA(field) (.Lstart + PB_THUNK_SPAN + (field))(%rip)

/* The entry \name for calls at `where`, and right behind it \name\()_any for all calls. */
.macro ENTRY name
.L\name:
	cmp	%rsp, DATA(PB_DATA_WHERE)
	jne	.Lmiss
.L\name\()_any:
.endm

/* Starts copy \v of a kind: every copy in its own place within a cache line. */
.macro COPY kind v
	.p2align 6, 0xcc
	.fill	(\v * 16), 1, 0xcc
	ENTRY	\kind\()_\v
.endm

.macro ONE kind
	.p2align 6, 0xcc
	ENTRY	\kind
.endm

.macro ENTRIES kind any
	.quad	.L\kind\()_0\any - .Lstart, .L\kind\()_1\any - .Lstart
	.quad	.L\kind\()_2\any - .Lstart, .L\kind\()_3\any - .Lstart
.endm
.macro ENTRY1 kind
	.quad	.L\kind - .Lstart, .L\kind - .Lstart, .L\kind - .Lstart, .L\kind - .Lstart
.endm

	.text
	.p2align 12, 0xcc
	.globl	pb_thunk_template
	.hidden	pb_thunk_template
pb_thunk_template:
.Lstart:

.irp v, 0, 1, 2, 3
	COPY ready \v
	mov	DATA(PB_DATA_CTX), %rdi
	jmp	*DATA(PB_DATA_FN)

	COPY replay_void \v
	ret

	COPY replay_int \v
	mov	DATA(PB_DATA_REG_INT0), %rax
	ret

	COPY replay_float \v
	movsd	DATA(PB_DATA_REG_FLOAT0), %xmm0
	ret

	COPY replay_all \v
	mov	DATA(PB_DATA_REG_INT0), %rax
	mov	DATA(PB_DATA_REG_INT1), %rdx
	movups	DATA(PB_DATA_REG_FLOAT0), %xmm0
	movups	DATA(PB_DATA_REG_FLOAT1), %xmm1
	ret

	COPY ffi_8 \v
	mov	DATA(PB_DATA_REG_INT0), %rax
	mov	%rax, (%rdx)
	ret

	COPY ffi_16 \v
	mov	DATA(PB_DATA_REG_INT0), %rax
	mov	%rax, (%rdx)
	mov	DATA(PB_DATA_REG_INT1), %rax
	mov	%rax, 8(%rdx)
	ret
.endr

	ONE	with_data
	lea	DATA(0), %r8
	jmp	*DATA(PB_DATA_FN)

	ONE	count_calls
	lock incq DATA(PB_DATA_COUNT)
	jmp	*DATA(PB_DATA_TARGET)

	ONE	delay
	mov	DATA(PB_DATA_SPIN), %r11
	test	%r11, %r11
	jz	2f
	/* Sixteen steps a turn, in one dependency chain (an even number of nots changes nothing), so
	 * that what the loop's branch costs is hidden behind it. */
	.p2align 6
1:
	.rept	14
	not	%r11
	.endr
	sub	$16, %r11
	jg	1b
2:	jmp	*DATA(PB_DATA_TARGET)

/* Finds the thread's ring in r11 and moves the return address to its shadow stack, so that stack
 * arguments stay where the target expects them and `call` pairs with `ret` for the predictor.
 * Leaves rax and rdx saved in the ring. Jumps to \pass without a ring. */
.macro ENTER pass lost
	mov	DATA(PB_DATA_TLS), %r11
	mov	%fs:(%r11), %r11
	test	%r11, %r11
	jz	\pass
	cmpq	$PB_SHADOW_DEPTH, PB_RING_DEPTH(%r11)
	jae	\lost
	mov	%rax, PB_RING_SAVE0(%r11)
	mov	%rdx, PB_RING_SAVE1(%r11)
	mov	PB_RING_DEPTH(%r11), %rax
	pop	%rdx
	mov	%rdx, PB_RING_SHADOW(%r11, %rax, 8)
	inc	%rax
	mov	%rax, PB_RING_DEPTH(%r11)
.endm

/* Appends (rax, event \id); clobbers rax and rdx. */
.macro APPEND id
	mov	PB_RING_POS(%r11), %rdx
	and	PB_RING_MASK(%r11), %rdx
	add	PB_RING_EVENTS(%r11), %rdx
	mov	%rax, (%rdx)
	mov	DATA(\id), %rax
	mov	%rax, 8(%rdx)
	addq	$16, PB_RING_POS(%r11)
.endm

.macro RESTORE_ARGS
	mov	PB_RING_SAVE0(%r11), %rax
	mov	PB_RING_SAVE1(%r11), %rdx
.endm

/* After the target: the ring again in r11. */
.macro RING_AGAIN
	mov	DATA(PB_DATA_TLS), %r11
	mov	%fs:(%r11), %r11
.endm

/* Puts the caller's return address back; clobbers rcx. */
.macro LEAVE
	mov	PB_RING_DEPTH(%r11), %rcx
	dec	%rcx
	mov	%rcx, PB_RING_DEPTH(%r11)
	push	PB_RING_SHADOW(%r11, %rcx, 8)
.endm

/* Ordered after everything before it: otherwise the atomics of a thread-state call would retire
 * in the next stretch. Not fenced behind: that would double what a stamp costs. */
.macro READ_TICKS
	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
.endm

	.p2align 6, 0xcc
.Lmiss:
	mov	%fs:0, %r11
	cmp	%r11, DATA(PB_DATA_THREAD)
	jne	.Lpass
	incq	DATA(PB_DATA_MISSES)
	jmp	.Lpass
.Llost:
	incq	PB_RING_LOST(%r11)
.Lpass:
	jmp	*DATA(PB_DATA_TARGET)

	ONE	record
	ENTER	.Lpass .Llost
	RESTORE_ARGS
	call	*DATA(PB_DATA_TARGET)
	RING_AGAIN
	mov	%rax, DATA(PB_DATA_REG_INT0)
	mov	%rdx, DATA(PB_DATA_REG_INT1)
	movups	%xmm0, DATA(PB_DATA_REG_FLOAT0)
	movups	%xmm1, DATA(PB_DATA_REG_FLOAT1)
	LEAVE
	ret

	ONE	stamp_ticks
	ENTER	.Lpass .Llost
	READ_TICKS
	APPEND	PB_DATA_EVENT_IN
	RESTORE_ARGS
	call	*DATA(PB_DATA_TARGET)
	mov	%rax, %r8
	mov	%rdx, %r9
	READ_TICKS
	RING_AGAIN
	APPEND	PB_DATA_EVENT_OUT
	mov	%r8, %rax
	mov	%r9, %rdx
	LEAVE
	ret

/* rdpmc wants the counter number in ecx, an argument register: r10 can't hold it (static chain), so
 * it waits on the stack, where the return address was that ENTER has just popped. Fenced as
 * READ_TICKS is. */
	ONE	stamp_pmc
	ENTER	.Lpass .Llost
	push	%rcx
	mov	DATA(PB_DATA_PMC), %rcx
	lfence
	rdpmc
	pop	%rcx
	shl	$32, %rdx
	or	%rdx, %rax
	APPEND	PB_DATA_EVENT_IN
	RESTORE_ARGS
	call	*DATA(PB_DATA_TARGET)
	mov	%rax, %r8
	mov	%rdx, %r9
	mov	DATA(PB_DATA_PMC), %rcx
	lfence
	rdpmc
	shl	$32, %rdx
	or	%rdx, %rax
	RING_AGAIN
	APPEND	PB_DATA_EVENT_OUT
	mov	%r8, %rax
	mov	%r9, %rdx
	LEAVE
	ret

/* All before the target is done before it begins, and it is done before anything behind it begins:
 * what it takes by itself, overlapping with nothing. */
	ONE	fence
	ENTER	.Lpass .Llost
	RESTORE_ARGS
	lfence
	call	*DATA(PB_DATA_FN)
	lfence
	RING_AGAIN
	LEAVE
	ret

/* Calls fn `spin` times with the same argument registers. Where it reaches its own slot again, that
 * call goes to the target: `count` says that the loop is on. */
.macro REPEAT kind wait
	ONE	\kind
	cmpq	$0, DATA(PB_DATA_COUNT)
	jne	.Lpass
	ENTER	.Lpass .Llost
	RESTORE_ARGS
	movq	$1, DATA(PB_DATA_COUNT)
	mov	%rdi, DATA(PB_DATA_ARG_INTS)
	mov	%rsi, DATA(PB_DATA_ARG_INTS + 8)
	mov	%rdx, DATA(PB_DATA_ARG_INTS + 16)
	mov	%rcx, DATA(PB_DATA_ARG_INTS + 24)
	mov	%r8, DATA(PB_DATA_ARG_INTS + 32)
	mov	%r9, DATA(PB_DATA_ARG_INTS + 40)
	mov	%rax, DATA(PB_DATA_ARG_INTS + 48)
	mov	%rbx, DATA(PB_DATA_ARG_INTS + 56)
	mov	%r10, DATA(PB_DATA_ARG_INTS + 64)
.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	%xmm\n, DATA(PB_DATA_ARG_FLOATS + 16 * \n)
.endr
	mov	DATA(PB_DATA_SPIN), %rbx
	.p2align 6
1:
	emms	/* a long double that the last call left */
.if \wait
	lfence
.endif
	mov	DATA(PB_DATA_ARG_INTS), %rdi
	mov	DATA(PB_DATA_ARG_INTS + 8), %rsi
	mov	DATA(PB_DATA_ARG_INTS + 16), %rdx
	mov	DATA(PB_DATA_ARG_INTS + 24), %rcx
	mov	DATA(PB_DATA_ARG_INTS + 32), %r8
	mov	DATA(PB_DATA_ARG_INTS + 40), %r9
	mov	DATA(PB_DATA_ARG_INTS + 48), %rax
	mov	DATA(PB_DATA_ARG_INTS + 64), %r10
.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	DATA(PB_DATA_ARG_FLOATS + 16 * \n), %xmm\n
.endr
	call	*DATA(PB_DATA_FN)
	dec	%rbx
	jg	1b
	mov	DATA(PB_DATA_ARG_INTS + 56), %rbx
	movq	$0, DATA(PB_DATA_COUNT)
	RING_AGAIN
	LEAVE
	ret
.endm
	REPEAT repeat_waiting 1
	REPEAT repeat_free 0

/* ENTER has popped the return address, which the stack pointer at the entry is below. */
	ONE	trace
	ENTER	.Lpass .Llost
	lea	-8(%rsp), %rax
	APPEND	PB_DATA_EVENT_IN
	RESTORE_ARGS
	call	*DATA(PB_DATA_TARGET)
	mov	%rax, %r8
	mov	%rdx, %r9
	RING_AGAIN
	lea	-8(%rsp), %rax
	APPEND	PB_DATA_EVENT_OUT
	mov	%r8, %rax
	mov	%r9, %rdx
	LEAVE
	ret

	ONE	jump
	jmp	*DATA(PB_DATA_FN)

/* For slots that other threads read, too: they go where they went before. */
	.p2align 6, 0xcc
.Lguard:
	mov	%fs:0, %r11
	cmp	%r11, DATA(PB_DATA_CTX)
	jne	.Lpass
	jmp	*DATA(PB_DATA_FN)

.Lend:
	/* Fails to assemble when the template outgrows its span. */
	.org	.Lstart + PB_THUNK_SPAN

	.globl	pb_empty_function
	.hidden	pb_empty_function
	.type	pb_empty_function, @function
	.p2align 6, 0xcc
pb_empty_function:
	ret
	.size	pb_empty_function, . - pb_empty_function

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
	.section .note.GNU-stack, "", @progbits
