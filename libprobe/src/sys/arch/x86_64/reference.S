/* SPDX-License-Identifier: MIT
 * The two reference loops: a chain of dependent adds (core clock) and a wide block of independent
 * adds (share of the core's execution units that this thread gets).
 *
 * Register to register on purpose: recent cores fold chains of add-immediate away when renaming
 * (zero latency), but an add of two registers costs one cycle on all of them.
 */
	.text

/* void pb_ref_chain(uint64_t blocks): 16 adds a block, each waits for the one before. */
	.globl	pb_ref_chain
	.hidden	pb_ref_chain
	.type	pb_ref_chain, @function
	.p2align 6
pb_ref_chain:
	.cfi_startproc
	endbr64
	movl	$1, %ecx
	xorl	%eax, %eax
	testq	%rdi, %rdi
	jz	2f
	.p2align 6
1:
	.rept	16
	addq	%rcx, %rax
	.endr
	decq	%rdi
	jnz	1b
2:
	ret
	.cfi_endproc
	.size	pb_ref_chain, . - pb_ref_chain

/* void pb_ref_wide(uint64_t blocks): 16 adds a block over eight registers, so that two adds in a
 * row depend on each other and a core of up to eight units is not held back by that. */
	.globl	pb_ref_wide
	.hidden	pb_ref_wide
	.type	pb_ref_wide, @function
	.p2align 6
pb_ref_wide:
	.cfi_startproc
	endbr64
	testq	%rdi, %rdi
	jz	2f
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	movl	$1, %ecx
	.p2align 6
1:
	.rept	2
	addq	%rcx, %rax
	addq	%rcx, %rdx
	addq	%rcx, %rsi
	addq	%rcx, %r8
	addq	%rcx, %r9
	addq	%rcx, %r10
	addq	%rcx, %r11
	addq	%rcx, %rbx
	.endr
	decq	%rdi
	jnz	1b
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
2:
	ret
	.cfi_endproc
	.size	pb_ref_wide, . - pb_ref_wide

	.section .note.GNU-stack, "", @progbits
