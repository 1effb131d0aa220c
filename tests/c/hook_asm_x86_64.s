/* SPDX-License-Identifier: MIT
 * A call with every register set, and a target that notes every register: x86-64.
 * Offsets are those of struct hook_frame; ints: rdi rsi rdx rcx r8 r9 rax r10, then the callee-saved
 * rbx rbp r12-r15, and rsp last. Written for the assembler alone, as C files include it.
 */
	.set	STACK, 256
	.set	VEC, 288
	.set	SP, 248

	.text
/* void hook_call_all(void *fn): calls fn with hook_sent, stores what comes back in hook_got. */
	.globl	hook_call_all
	.hidden	hook_call_all
	.type	hook_call_all, @function
hook_call_all:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	movq	%rdi, .Lfn(%rip)
	leaq	hook_sent(%rip), %r11
	pushq	STACK+24(%r11)
	pushq	STACK+16(%r11)
	pushq	STACK+8(%r11)
	pushq	STACK(%r11)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	VEC+16*\n(%r11), %xmm\n
	.endr
	movq	%rsp, SP(%r11)
	movq	0(%r11), %rdi
	movq	8(%r11), %rsi
	movq	16(%r11), %rdx
	movq	24(%r11), %rcx
	movq	32(%r11), %r8
	movq	40(%r11), %r9
	movq	48(%r11), %rax
	movq	56(%r11), %r10
	movq	64(%r11), %rbx
	movq	72(%r11), %rbp
	movq	80(%r11), %r12
	movq	88(%r11), %r13
	movq	96(%r11), %r14
	movq	104(%r11), %r15
	call	*.Lfn(%rip)
	leaq	hook_got(%rip), %r11
	movq	%rax, 0(%r11)
	movq	%rdx, 8(%r11)
	movq	%rbx, 64(%r11)
	movq	%rbp, 72(%r11)
	movq	%r12, 80(%r11)
	movq	%r13, 88(%r11)
	movq	%r14, 96(%r11)
	movq	%r15, 104(%r11)
	movq	%rsp, SP(%r11)
	movups	%xmm0, VEC(%r11)
	movups	%xmm1, VEC+16(%r11)
	fstpt	VEC+32(%r11)
	fstpt	VEC+48(%r11)
	addq	$40, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.size	hook_call_all, . - hook_call_all

/* Stores what it was called with in hook_seen and returns hook_returned, in rax, rdx, xmm0, xmm1,
 * st0 and st1. Overwrites every other register that a function may. */
	.globl	hook_target_all
	.hidden	hook_target_all
	.type	hook_target_all, @function
hook_target_all:
	leaq	hook_seen(%rip), %r11
	movq	%rdi, 0(%r11)
	movq	%rsi, 8(%r11)
	movq	%rdx, 16(%r11)
	movq	%rcx, 24(%r11)
	movq	%r8, 32(%r11)
	movq	%r9, 40(%r11)
	movq	%rax, 48(%r11)
	movq	%r10, 56(%r11)
	movq	%rbx, 64(%r11)
	movq	%rbp, 72(%r11)
	movq	%r12, 80(%r11)
	movq	%r13, 88(%r11)
	movq	%r14, 96(%r11)
	movq	%r15, 104(%r11)
	movq	%rsp, SP(%r11)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	%xmm\n, VEC+16*\n(%r11)
	.endr
	.irp	n, 0, 8, 16, 24
	movq	8+\n(%rsp), %rax
	movq	%rax, STACK+\n(%r11)
	.endr
	leaq	hook_returned(%rip), %r11
	fldt	VEC+48(%r11)
	fldt	VEC+32(%r11)
	movups	VEC(%r11), %xmm0
	movups	VEC+16(%r11), %xmm1
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	pcmpeqd	%xmm\n, %xmm\n
	.endr
	movq	0(%r11), %rax
	movq	8(%r11), %rdx
	movq	$-1, %rcx
	movq	%rcx, %rsi
	movq	%rcx, %rdi
	movq	%rcx, %r8
	movq	%rcx, %r9
	movq	%rcx, %r10
	movq	%rcx, %r11
	ret
	.size	hook_target_all, . - hook_target_all

	.bss
	.p2align 3
.Lfn:	.quad	0
	.text
