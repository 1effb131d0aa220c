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
	.type	PROBE_VENEER_NAME, %function
	.p2align 6
PROBE_VENEER_NAME:
	hint	#34			/* bti c */
	adrp	x16, .Lslot
	ldr	x16, [x16, :lo12:.Lslot]
	br	x16
	.size	PROBE_VENEER_NAME, . - PROBE_VENEER_NAME

/* void *probe_veneer_set(void *target): atomic; returns the previous target. A loop of exclusives,
 * as the single swap instruction is missing before ARMv8.1. */
	.globl	probe_veneer_set
	.type	probe_veneer_set, %function
	.p2align 6
probe_veneer_set:
	hint	#34			/* bti c */
	mov	x9, x0
	adrp	x10, .Lslot
	add	x10, x10, :lo12:.Lslot
1:	ldaxr	x0, [x10]
	stlxr	w11, x9, [x10]
	cbnz	w11, 1b
	ret
	.size	probe_veneer_set, . - probe_veneer_set

/* void **probe_veneer_slot(void): where the slot is, for a caller that swaps it often. */
	.globl	probe_veneer_slot
	.type	probe_veneer_slot, %function
	.p2align 6
probe_veneer_slot:
	hint	#34			/* bti c */
	adrp	x0, .Lslot
	add	x0, x0, :lo12:.Lslot
	ret
	.size	probe_veneer_slot, . - probe_veneer_slot

	.data
	.p2align 6
.Lslot:	.quad	0
	.skip	56	/* a cache line of its own */
	.section .note.GNU-stack, "", %progbits
