/* SPDX-License-Identifier: MIT
 * A call with every register set, and a target that notes every register: arm64.
 * Offsets are those of struct hook_frame; ints: x0-x8, x18, then the callee-saved x19-x29, and sp
 * last; the low halves of v8-v15 are callee-saved, too. Written for the assembler alone, as C files
 * include it.
 */
	.set	STACK, 256
	.set	VEC, 288
	.set	SP, 248

/* Loads or stores x0-x8, x18-x29, v0-v15 at the frame in x16. */
	.macro	ARGUMENTS pair one
	\pair	x0, x1, [x16]
	\pair	x2, x3, [x16, #16]
	\pair	x4, x5, [x16, #32]
	\pair	x6, x7, [x16, #48]
	\pair	x8, x18, [x16, #64]
	.endm
	.macro	CALLEE_SAVED pair one
	\pair	x19, x20, [x16, #80]
	\pair	x21, x22, [x16, #96]
	\pair	x23, x24, [x16, #112]
	\pair	x25, x26, [x16, #128]
	\pair	x27, x28, [x16, #144]
	\one	x29, [x16, #160]
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	\one	d\n, [x16, #(VEC + 16 * \n)]
	.endr
	.endm
	.macro	VECTORS one last
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	.if	\n <= \last
	\one	q\n, [x16, #(VEC + 16 * \n)]
	.endif
	.endr
	.endm
	.macro	FRAME name
	adrp	x16, \name
	add	x16, x16, :lo12:\name
	.endm

	.text
/* void hook_call_all(void *fn): calls fn with hook_sent, stores what comes back in hook_got. */
	.globl	hook_call_all
	.hidden	hook_call_all
	.type	hook_call_all, %function
hook_call_all:
	stp	x29, x30, [sp, #-160]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x17, x0
	FRAME	hook_sent
	ldp	x9, x10, [x16, #STACK]
	ldp	x11, x12, [x16, #STACK + 16]
	stp	x11, x12, [sp, #-16]!
	stp	x9, x10, [sp, #-16]!
	mov	x9, sp
	str	x9, [x16, #SP]
	ARGUMENTS ldp ldr
	CALLEE_SAVED ldp ldr
	VECTORS	ldr 7
	blr	x17
	FRAME	hook_got
	stp	x0, x1, [x16]
	CALLEE_SAVED stp str
	VECTORS	str 3
	mov	x9, sp
	str	x9, [x16, #SP]
	add	sp, sp, #32
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #160
	ret
	.size	hook_call_all, . - hook_call_all

/* Stores what it was called with in hook_seen and returns hook_returned, in x0, x1 and v0-v3.
 * Overwrites every other register that a function may. */
	.globl	hook_target_all
	.hidden	hook_target_all
	.type	hook_target_all, %function
hook_target_all:
	hint	#34
	FRAME	hook_seen
	ARGUMENTS stp str
	CALLEE_SAVED stp str
	VECTORS	str 7
	mov	x9, sp
	str	x9, [x16, #SP]
	ldp	x9, x10, [sp]
	stp	x9, x10, [x16, #STACK]
	ldp	x9, x10, [sp, #16]
	stp	x9, x10, [x16, #STACK + 16]
	FRAME	hook_returned
	ldp	x0, x1, [x16]
	VECTORS	ldr 3
	.irp	n, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().2d, #0xffffffffffffffff
	.endr
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
	mov	x\n, #-1
	.endr
	ret
	.size	hook_target_all, . - hook_target_all
