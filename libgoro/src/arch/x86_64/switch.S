/* SPDX-License-Identifier: MIT */
/*
 * switch.S - the context switch, and the two ends of a goroutine
 *
 * Frame      Seven words and the return address, see struct gr_context.
 *            Both stacks hold the same layout at the moment of the change, so
 *            one set of CFI is right before and after it, at every
 *            instruction: a thread stopped anywhere in here unwinds.
 * Fresh      A goroutine that has never run has no frame to restore: its sp
 *            is the top of its stack with the lowest bit set.
 * Control    mxcsr and the x87 control word belong to the callee-saved state
 * words      (System V ABI 3.2.1). They are loaded only when they differ:
 *            2.5 ns a switch instead of 3.9.
 * Returns    The processor predicts a `ret` by the calls before it, on
 *            whichever stack. All parking goes through one call in
 *            sched.c (or, while it is recorded, another), so the goroutine that is resumed mostly returns to where
 *            the one that left would have: predicted. A fresh goroutine is
 *            entered by falling through, and leaves by returning to here, so
 *            that calls and returns stay paired over its whole life.
 */
	.text

/* struct gr_m *gr_context_switch(void **save_sp, void *to_sp, struct gr_m *m)
 *                                rdi             rsi          rdx          */
	.globl	gr_context_switch
	.hidden	gr_context_switch
	.type	gr_context_switch, @function
	.p2align 5
gr_context_switch:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %r8d
	movzwl	4(%rsp), %r9d
	movq	%rsp, (%rdi)
	testb	$1, %sil
	jnz	gr_context_entry
	movq	%rsi, %rsp
.Lrestore:
	cmpl	%r8d, (%rsp)
	jne	.Lload_control
	cmpw	%r9w, 4(%rsp)
	jne	.Lload_control
.Lpop:
	.cfi_remember_state
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	movq	%rdx, %rax
	ret

	/* Out of line: the frame is as it was at .Lpop. */
.Lload_control:
	.cfi_restore_state
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	.Lpop
	.cfi_endproc
	.size	gr_context_switch, . - gr_context_switch

/*
 * The outermost frame of every goroutine: there is nothing to return to. Jumped
 * to with a tagged sp in rsi, the thread in rdx and the present control words
 * in r8d and r9d.
 */
	.globl	gr_context_entry
	.hidden	gr_context_entry
	.type	gr_context_entry, @function
	.p2align 5
gr_context_entry:
	.cfi_startproc
	.cfi_undefined rip
	.cfi_def_cfa rsp, 0
	leaq	-1(%rsi), %rsp
	/* Nothing of the last one: its addresses would look like ours. */
	xorl	%ebp, %ebp
	xorl	%ebx, %ebx
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	cmpl	$0x1f80, %r8d
	jne	.Ldefault_control
	cmpl	$0x037f, %r9d
	jne	.Ldefault_control
.Lmain:
	movq	%rdx, %rdi
	call	gr_g_main	/* returns who is next: sp in rax, thread in rdx */
	movq	%rax, %rsi
	stmxcsr	-8(%rsp)
	fnstcw	-4(%rsp)
	movl	-8(%rsp), %r8d
	movzwl	-4(%rsp), %r9d
	testb	$1, %sil
	jnz	gr_context_entry
	movq	%rsi, %rsp
	jmp	.Lrestore

	/* Round to nearest, all exceptions masked: the ABI's initial values. */
.Ldefault_control:
	movl	$0x1f80, -8(%rsp)
	movl	$0x037f, -4(%rsp)
	ldmxcsr	-8(%rsp)
	fldcw	-4(%rsp)
	jmp	.Lmain
	.cfi_endproc
	.size	gr_context_entry, . - gr_context_entry

	.section .note.GNU-stack, "", @progbits
