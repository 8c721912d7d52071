/* See jump.h: rdi the buffer, esi whether to save the mask. */
	.text

/* Calls a function that returns nothing, the two arguments kept. */
.macro call_keeping function
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	\function
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
.endm

	.globl	setjmp
	.type	setjmp, @function
setjmp:
	movl	$1, %esi
	jmp	__sigsetjmp
	.size	setjmp, .-setjmp

	.globl	__sigsetjmp
	.type	__sigsetjmp, @function
__sigsetjmp:
	.cfi_startproc
	testl	%esi, %esi
	je	1f
	call_keeping sigsetjmp_note
1:	jmp	*sigsetjmp_target(%rip)
	.cfi_endproc
	.size	__sigsetjmp, .-__sigsetjmp

	.globl	sigsetjmp_first
	.hidden	sigsetjmp_first
	.type	sigsetjmp_first, @function
sigsetjmp_first:
	.cfi_startproc
	call_keeping sigsetjmp_bind
	jmp	*sigsetjmp_target(%rip)
	.cfi_endproc
	.size	sigsetjmp_first, .-sigsetjmp_first

	.section .note.GNU-stack, "", @progbits
