/* See switch.h. Layout of a saved context, upwards from sp: mxcsr and x87 control word, r15..r12, rbx, rbp, rip. */
#include <sys/syscall.h>

	.text

.macro save_context
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rsp, (%rdi)
.endm

.macro load_context
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
.endm

	.globl	switch_wrfsbase
	.hidden	switch_wrfsbase
	.type	switch_wrfsbase, @function
switch_wrfsbase:
	save_context
	wrfsbase %rdx
	load_context
	.size	switch_wrfsbase, .-switch_wrfsbase

	.globl	switch_syscall
	.hidden	switch_syscall
	.type	switch_syscall, @function
switch_syscall:
	save_context
	movq	%rsi, %r8		/* survives the system call */
	movq	%rdx, %rsi
	movl	$0x1002, %edi		/* ARCH_SET_FS */
	movl	$__NR_arch_prctl, %eax
	syscall
	movq	%r8, %rsi
	load_context
	.size	switch_syscall, .-switch_syscall

/* Calls a function on another stack, with the thread pointer as it is: rdi its top, rsi the function, rdx its argument. */
	.globl	switch_call
	.hidden	switch_call
	.type	switch_call, @function
switch_call:
	.cfi_startproc
	.cfi_signal_frame		/* the caller's frame is on another stack: else a debugger ends here */
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	call	*%rsi
	leave
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	switch_call, .-switch_call

/* Offsets in ucontext_t: general registers, pointer to and place of the floating-point ones. */
#define GREG(n)	(40 + 8 * n)(%rdi)
#define FPREGS	224(%rdi)
#define FPSTATE	424

	.globl	switch_capture
	.hidden	switch_capture
	.type	switch_capture, @function
switch_capture:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	%r12, GREG(4)
	movq	%r13, GREG(5)
	movq	%r14, GREG(6)
	movq	%r15, GREG(7)
	movq	%rbp, GREG(10)
	movq	%rbx, GREG(11)
	movq	%rsp, GREG(15)
	leaq	captured(%rip), %rax
	movq	%rax, GREG(16)
	pushfq
	popq	GREG(17)
	leaq	FPSTATE(%rdi), %rax
	movq	%rax, FPREGS
	fnstenv	(%rax)
	fldenv	(%rax)
	stmxcsr	24(%rax)
	movq	%rdx, %rdi
	call	*%rsi
captured:				/* a second time by switch_resume */
	popq	%rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	switch_capture, .-switch_capture

	.globl	switch_resume
	.hidden	switch_resume
	.type	switch_resume, @function
switch_resume:
	movq	FPREGS, %rax
	fldenv	(%rax)
	ldmxcsr	24(%rax)
	movq	GREG(15), %rsp
	pushq	GREG(16)
	pushq	GREG(17)
	movq	GREG(0), %r8
	movq	GREG(1), %r9
	movq	GREG(2), %r10
	movq	GREG(3), %r11
	movq	GREG(4), %r12
	movq	GREG(5), %r13
	movq	GREG(6), %r14
	movq	GREG(7), %r15
	movq	GREG(9), %rsi
	movq	GREG(10), %rbp
	movq	GREG(11), %rbx
	movq	GREG(12), %rdx
	movq	GREG(13), %rax
	movq	GREG(14), %rcx
	movq	GREG(8), %rdi
	popfq
	ret
	.size	switch_resume, .-switch_resume

/* As if the kernel had entered a handler: rdi its frame, rsi the handler, rdx, rcx, r8 what it is given. */
	.globl	switch_frame
	.hidden	switch_frame
	.type	switch_frame, @function
switch_frame:
	movq	%rdi, %rsp
	movq	%rsi, %rax
	movl	%edx, %edi
	movq	%rcx, %rsi
	movq	%r8, %rdx
	jmp	*%rax
	.size	switch_frame, .-switch_frame

/* The outermost frame of a context: an unwinder stops here. r12: argument, r13: function. */
	.globl	switch_boot
	.hidden	switch_boot
	.type	switch_boot, @function
switch_boot:
	.cfi_startproc
	.cfi_undefined rip
	xorl	%ebp, %ebp
	movq	%r12, %rdi
	call	*%r13
	hlt
	.cfi_endproc
	.size	switch_boot, .-switch_boot

	.section .note.GNU-stack, "", @progbits
