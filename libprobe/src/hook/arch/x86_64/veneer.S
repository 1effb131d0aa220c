/* SPDX-License-Identifier: MIT
 * The target veneer: a library that exports the target's own name as one indirect jump through a
 * slot. Bindings link against it, so one seam serves every binding and every interpreter.
 * Build with -DPROBE_VENEER_NAME=<function> into a library of its own.
 */
#ifndef PROBE_VENEER_NAME
#error "compile with -DPROBE_VENEER_NAME=<the target's name>"
#endif

	.text
	.globl	PROBE_VENEER_NAME
	.type	PROBE_VENEER_NAME, @function
	.p2align 6
PROBE_VENEER_NAME:
	jmp	*.Lslot(%rip)
	.size	PROBE_VENEER_NAME, . - PROBE_VENEER_NAME

/* void *probe_veneer_set(void *target): atomic; returns the previous target. */
	.globl	probe_veneer_set
	.type	probe_veneer_set, @function
	.p2align 6
probe_veneer_set:
	mov	%rdi, %rax
	xchg	%rax, .Lslot(%rip)
	ret
	.size	probe_veneer_set, . - probe_veneer_set

/* void **probe_veneer_slot(void): where the slot is, for a caller that swaps it often. */
	.globl	probe_veneer_slot
	.type	probe_veneer_slot, @function
	.p2align 6
probe_veneer_slot:
	lea	.Lslot(%rip), %rax
	ret
	.size	probe_veneer_slot, . - probe_veneer_slot

	.data
	.p2align 6
.Lslot:	.quad	0
	.skip	56	/* a cache line of its own */
	.section .note.GNU-stack, "", @progbits
