/* The hooks of HOOK_FILE. Each is a jump to libc's own with all arguments where they are, on the stack too: that of a
 * call with a list of arguments (printf) has no other way. As long as there is something to think of, or libc's is not
 * known yet, it goes through stdio_pass, which may wait, and says where to jump. */
#include "shim/through.inc"

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
	jump_through pass, stdio_pass

#define HOOK_FILE(name, where) file_hook name
#include "shim/hooks.def"

	.data
	.size	stdio_libc, .-stdio_libc

	.section .note.GNU-stack, "", @progbits
