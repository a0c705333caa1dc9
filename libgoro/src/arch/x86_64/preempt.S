/* SPDX-License-Identifier: MIT */
/*
 * preempt.S - the call that a preempted goroutine did not make
 *
 * Entered with the stack as the signal handler left it: the interrupted PC
 * pushed below the red zone, everything else as it was at that instruction.
 * Saves the flags, the general registers and, by xsavec, all that the
 * processor has beyond them; clears the x87 stack and the upper halves, which
 * xsave does not, so that who runs next finds them as at a call; parks; and
 * puts everything back. `ret $128` leaves past the red zone.
 *
 * The frame, from rbp upwards:
 *    0 rbp   8 flags   16 interrupted PC   24.. red zone (128)
 * It is a signal frame: its caller was interrupted, not calling, so its PC is
 * looked up as it is.
 */
	.text

	.globl	gr_preempt_entry
	.hidden	gr_preempt_entry
	.type	gr_preempt_entry, @function
	.p2align 5
gr_preempt_entry:
	.cfi_startproc
	.cfi_signal_frame
	/* The interrupted stack pointer is the CFA: past PC and red zone. */
	.cfi_def_cfa rsp, 136
	.cfi_offset rip, -136
	pushfq
	.cfi_adjust_cfa_offset 8
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbp, -152
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	cld
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	.cfi_offset rbx, -184
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	.cfi_offset r12, -240
	pushq	%r13
	.cfi_offset r13, -248
	pushq	%r14
	.cfi_offset r14, -256
	pushq	%r15
	.cfi_offset r15, -264
	subq	gr_preempt_xsave_bytes(%rip), %rsp
	andq	$-64, %rsp
	/* xrstor wants the header's unused words to be zero. */
	xorl	%eax, %eax
	movq	%rax, 512(%rsp)
	movq	%rax, 520(%rsp)
	movq	%rax, 528(%rsp)
	movq	%rax, 536(%rsp)
	movq	%rax, 544(%rsp)
	movq	%rax, 552(%rsp)
	movq	%rax, 560(%rsp)
	movq	%rax, 568(%rsp)
	movl	gr_preempt_xsave_mask(%rip), %eax
	movl	gr_preempt_xsave_mask+4(%rip), %edx
	xsavec	(%rsp)
	emms
	vzeroupper
	call	gr_preempt_park
	movl	gr_preempt_xsave_mask(%rip), %eax
	movl	gr_preempt_xsave_mask+4(%rip), %edx
	xrstor	(%rsp)
	leaq	-112(%rbp), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	popq	%rbp
	.cfi_def_cfa rsp, 144
	.cfi_restore rbp
	.cfi_restore rbx
	.cfi_restore r12
	.cfi_restore r13
	.cfi_restore r14
	.cfi_restore r15
	popfq
	.cfi_def_cfa rsp, 136
	ret	$128
	.cfi_endproc
	.size	gr_preempt_entry, . - gr_preempt_entry

	.section .note.GNU-stack, "", @progbits
