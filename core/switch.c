#include "core/switch.h"
#include "core/rt.h"

#include <sys/auxv.h>

void switch_boot(void);

switch_fn *switch_to = switch_syscall;

void switch_init(void)
{
    const unsigned long fsgsbase = 2; /* AT_HWCAP2 bit 1: the kernel lets us use the instruction */
    if (feature_on(FEATURE_WRFSBASE) && (getauxval(AT_HWCAP2) & fsgsbase) != 0)
        switch_to = switch_wrfsbase;
}

void *switch_first(char *top, void (*start)(void *), void *arg)
{
    uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~63ul);
    uint32_t mxcsr;
    uint16_t x87;
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    *--sp = 0;
    *--sp = 0;
    *--sp = (uintptr_t)switch_boot;
    *--sp = 0;                /* rbp */
    *--sp = 0;                /* rbx */
    *--sp = (uintptr_t)arg;   /* r12 */
    *--sp = (uintptr_t)start; /* r13 */
    *--sp = 0;                /* r14 */
    *--sp = 0;                /* r15 */
    *--sp = mxcsr | (uintptr_t)x87 << 32;
    return sp;
}
