	.text
	.globl	vfork, __vfork
	.type	vfork, @function
	.type	__vfork, @function
vfork:
__vfork:
	jmp	*vfork_target(%rip)
	.size	vfork, .-vfork

	.section .note.GNU-stack, "", @progbits
