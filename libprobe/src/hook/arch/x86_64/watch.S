/* SPDX-License-Identifier: MIT
 * A watch's stubs for x86-64 (System V ABI): each hands its hook's data on as the sixth argument.
 */
#include "hook/watch.h"

	.text
	.p2align 12, 0xcc
	.globl	pb_watch_stubs
	.hidden	pb_watch_stubs
pb_watch_stubs:
	.set	i, 0
	.rept	PB_WATCH_STUBS
	.p2align 4, 0xcc
	lea	pb_watch_stubs + PB_WATCH_SPAN + i * PB_WATCH_HOOK_BYTES(%rip), %r9
	jmp	*PB_WATCH_HANDLER(%r9)
	.set	i, i + 1
	.endr
	/* Fails to assemble when the stubs outgrow their page. */
	.org	pb_watch_stubs + PB_WATCH_SPAN, 0xcc

/* Stands before the function that ffi_call calls: a stamp, then on to the function with all that it
 * was given. rax and rdx are the function's (vector count, third argument); r11 is free. */
	.globl	pb_watch_target
	.hidden	pb_watch_target
	.type	pb_watch_target, @function
	.p2align 6, 0xcc
pb_watch_target:
	.cfi_startproc
	mov	pb_watch_current@GOTTPOFF(%rip), %r11
	mov	%fs:(%r11), %r11
	push	%rax
	.cfi_adjust_cfa_offset 8
	push	%rdx
	.cfi_adjust_cfa_offset 8
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	PB_WATCH_STAMP_AT(%r11), %rdx
	mov	%rax, (%rdx)
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	pop	%rax
	.cfi_adjust_cfa_offset -8
	jmp	*PB_WATCH_TARGET_FN(%r11)
	.cfi_endproc
	.size	pb_watch_target, . - pb_watch_target
	.section .note.GNU-stack, "", @progbits
