/* The hooks of HOOK_FILE. Each is a jump to libc's own with all arguments where they are, on the stack too: that of a
 * call with a list of arguments (printf) has no other way. As long as there is something to think of, or libc's is not
 * known yet, it goes through stdio_pass, which may wait, and says where to jump. */
#define EXPORT_DATA(name)
#define HOOK(name)
#define HOOK_AS(name, like)
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)

	.hidden	stdio_pass, stdio_libc, real_gate
	.set	index, 0

	.macro	file_hook name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	cmpl	$0, real_gate(%rip)
	jne	1f
	jmp	*stdio_libc+8*index(%rip)
1:	movl	$index, %r11d
	jmp	pass
	.cfi_endproc
	.size	\name, .-\name
	.pushsection .data
	.quad	1b
	.popsection
	.set	index, index+1
	.endm

	.data
	.globl	stdio_libc
	.type	stdio_libc, @object
	.p2align 3
stdio_libc:

	.text
	.type	pass, @function
	.p2align 4
pass:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq	$192, %rsp
	movq	%rdi, 0(%rsp)
	movq	%rsi, 8(%rsp)
	movq	%rdx, 16(%rsp)
	movq	%rcx, 24(%rsp)
	movq	%r8, 32(%rsp)
	movq	%r9, 40(%rsp)
	movq	%rax, 48(%rsp)	/* how many of the following hold arguments */
	movaps	%xmm0, 64(%rsp)
	movaps	%xmm1, 80(%rsp)
	movaps	%xmm2, 96(%rsp)
	movaps	%xmm3, 112(%rsp)
	movaps	%xmm4, 128(%rsp)
	movaps	%xmm5, 144(%rsp)
	movaps	%xmm6, 160(%rsp)
	movaps	%xmm7, 176(%rsp)
	movl	%r11d, %edi
	movq	%rsp, %rsi
	call	stdio_pass
	movq	%rax, %r11
	movq	0(%rsp), %rdi
	movq	8(%rsp), %rsi
	movq	16(%rsp), %rdx
	movq	24(%rsp), %rcx
	movq	32(%rsp), %r8
	movq	40(%rsp), %r9
	movq	48(%rsp), %rax
	movaps	64(%rsp), %xmm0
	movaps	80(%rsp), %xmm1
	movaps	96(%rsp), %xmm2
	movaps	112(%rsp), %xmm3
	movaps	128(%rsp), %xmm4
	movaps	144(%rsp), %xmm5
	movaps	160(%rsp), %xmm6
	movaps	176(%rsp), %xmm7
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	jmp	*%r11
	.cfi_endproc
	.size	pass, .-pass

#define HOOK_FILE(name, where) file_hook name
#include "shim/hooks.def"

	.data
	.size	stdio_libc, .-stdio_libc

	.section .note.GNU-stack, "", @progbits
