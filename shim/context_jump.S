/* See context.h. Offsets are those of libc's ucontext_t. */
#define R8_AT 40
#define R9_AT 48
#define R12_AT 72
#define R13_AT 80
#define R14_AT 88
#define R15_AT 96
#define RDI_AT 104
#define RSI_AT 112
#define RBP_AT 120
#define RBX_AT 128
#define RDX_AT 136
#define RCX_AT 152
#define RSP_AT 160
#define RIP_AT 168
#define FPREGS_AT 224
#define FPMEM_AT 424
#define MXCSR_AT 448

	.text

/* Into the context at \to, what the caller will have when this call has returned. */
.macro save_to to
	movq	%rbx, RBX_AT(\to)
	movq	%rbp, RBP_AT(\to)
	movq	%r12, R12_AT(\to)
	movq	%r13, R13_AT(\to)
	movq	%r14, R14_AT(\to)
	movq	%r15, R15_AT(\to)
	movq	(%rsp), %rcx
	movq	%rcx, RIP_AT(\to)
	leaq	8(%rsp), %rcx
	movq	%rcx, RSP_AT(\to)
	leaq	FPMEM_AT(\to), %rcx
	movq	%rcx, FPREGS_AT(\to)
	fnstenv	(%rcx)
	fldenv	(%rcx)			/* storing masks exceptions */
	stmxcsr	MXCSR_AT(\to)
.endm

	.globl	getcontext
	.type	getcontext, @function
getcontext:
	.cfi_startproc
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	call	context_save
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	jne	1f
	save_to	%rdi
	xorl	%eax, %eax
	ret
1:	jmp	*%rax
	.cfi_endproc
	.size	getcontext, .-getcontext

	.globl	setcontext
	.type	setcontext, @function
setcontext:
	.cfi_startproc
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	call	context_load
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	jne	1f
	movq	FPREGS_AT(%rdi), %rcx
	fldenv	(%rcx)
	ldmxcsr	MXCSR_AT(%rdi)
	movq	RBX_AT(%rdi), %rbx
	movq	RBP_AT(%rdi), %rbp
	movq	R12_AT(%rdi), %r12
	movq	R13_AT(%rdi), %r13
	movq	R14_AT(%rdi), %r14
	movq	R15_AT(%rdi), %r15
	movq	RSP_AT(%rdi), %rsp
	pushq	RIP_AT(%rdi)
	movq	RSI_AT(%rdi), %rsi
	movq	RDX_AT(%rdi), %rdx
	movq	RCX_AT(%rdi), %rcx
	movq	R8_AT(%rdi), %r8
	movq	R9_AT(%rdi), %r9
	movq	RDI_AT(%rdi), %rdi
	xorl	%eax, %eax
	ret
1:	jmp	*%rax
	.cfi_endproc
	.size	setcontext, .-setcontext

	.globl	swapcontext
	.type	swapcontext, @function
swapcontext:
	.cfi_startproc
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	context_swap
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	jne	1f
	save_to	%rdi
	movq	%rsi, %rdi
	jmp	setcontext
1:	jmp	*%rax
	.cfi_endproc
	.size	swapcontext, .-swapcontext

	.globl	context_end
	.hidden	context_end
	.type	context_end, @function
context_end:
	.cfi_startproc
	.cfi_undefined rip
	movq	(%rbx), %rdi
	movq	%rbx, %rsp
	andq	$-16, %rsp
	call	context_ended
	hlt
	.cfi_endproc
	.size	context_end, .-context_end

	.section .note.GNU-stack, "", @progbits
