/* What stands for a function of libc in the table `real` until its first call: a jump through real_late, which finds it.
 * One for each place of the table, 16 bytes apart. */
#include "shim/through.inc"

	.hidden	real_late, real_unknown

	.text
	jump_through late, real_late

	.globl	real_unknown
	.type	real_unknown, @function
	.p2align 4
real_unknown:
	.set	index, 0
	.rept	720
	.p2align 4
	movl	$index, %r11d
	jmp	late
	.set	index, index+1
	.endr
	.size	real_unknown, .-real_unknown

	.section .note.GNU-stack, "", @progbits
