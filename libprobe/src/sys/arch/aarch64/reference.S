/* SPDX-License-Identifier: MIT
 * The two reference loops: a chain of dependent adds (core clock) and a wide block of independent
 * adds (share of the core's execution units that this thread gets).
 *
 * Register to register on purpose: an add of two registers costs one cycle on every core.
 */
	.text

/* void pb_ref_chain(uint64_t blocks): 16 adds a block, each waits for the one before. */
	.globl	pb_ref_chain
	.hidden	pb_ref_chain
	.type	pb_ref_chain, %function
	.p2align 6
pb_ref_chain:
	.cfi_startproc
	hint	#34			/* bti c */
	mov	x1, #1
	cbz	x0, 2f
	.p2align 6
1:
	.rept	16
	add	x2, x2, x1
	.endr
	subs	x0, x0, #1
	b.ne	1b
2:
	ret
	.cfi_endproc
	.size	pb_ref_chain, . - pb_ref_chain

/* void pb_ref_wide(uint64_t blocks): 16 adds a block, each to a register of its own. */
	.globl	pb_ref_wide
	.hidden	pb_ref_wide
	.type	pb_ref_wide, %function
	.p2align 6
pb_ref_wide:
	.cfi_startproc
	hint	#34			/* bti c */
	mov	x1, #1
	cbz	x0, 2f
	.p2align 6
1:
	add	x2, x2, x1
	add	x3, x3, x1
	add	x4, x4, x1
	add	x5, x5, x1
	add	x6, x6, x1
	add	x7, x7, x1
	add	x8, x8, x1
	add	x9, x9, x1
	add	x10, x10, x1
	add	x11, x11, x1
	add	x12, x12, x1
	add	x13, x13, x1
	add	x14, x14, x1
	add	x15, x15, x1
	add	x16, x16, x1
	add	x17, x17, x1
	subs	x0, x0, #1
	b.ne	1b
2:
	ret
	.cfi_endproc
	.size	pb_ref_wide, . - pb_ref_wide

	.section .note.GNU-stack, "", %progbits
