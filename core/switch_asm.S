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
