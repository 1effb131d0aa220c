/* SPDX-License-Identifier: MIT
 * A watch's stubs for arm64 (AAPCS64): each hands its hook's data on as the sixth argument.
 */
#include "hook/watch.h"

	.text
	.p2align 12
	.globl	pb_watch_stubs
	.hidden	pb_watch_stubs
pb_watch_stubs:
	.set	i, 0
	.rept	PB_WATCH_STUBS
	hint	#34 /* bti c */
	adr	x5, pb_watch_stubs + PB_WATCH_SPAN + i * PB_WATCH_HOOK_BYTES
	ldr	x16, [x5, #PB_WATCH_HANDLER]
	br	x16
	.set	i, i + 1
	.endr

/* Stands before the function that ffi_call calls: a stamp, then on to the function with all that it
 * was given. x9, x16 and x17 are free. */
	.globl	pb_watch_target
	.hidden	pb_watch_target
	.type	pb_watch_target, %function
	.p2align 6
pb_watch_target:
	hint	#34
	mrs	x17, tpidr_el0
	adrp	x16, :gottprel:pb_watch_current
	ldr	x16, [x16, #:gottprel_lo12:pb_watch_current]
	ldr	x16, [x17, x16]
	mrs	x17, cntvct_el0
	ldr	x9, [x16, #PB_WATCH_STAMP_AT]
	str	x17, [x9]
	ldr	x16, [x16, #PB_WATCH_TARGET_FN]
	br	x16
	.size	pb_watch_target, . - pb_watch_target
	.section .note.GNU-stack, "", %progbits
