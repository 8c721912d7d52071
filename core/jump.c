#include "core/jump.h"
#include "core/altstack.h"
#include "core/enter.h"
#include "core/pending.h"

#include <string.h>

/* The words of the buffer's set that are ours, behind the 64 signals. */
enum { NOTED_MASK = 14, NOTED = 15 };
static const unsigned long noted = 0x636f61786d61736bul;

static unsigned long *words(struct __jmp_buf_tag *env)
{
    _Static_assert(sizeof env->__saved_mask >= 16 * sizeof(unsigned long), "libc's set has 1024 bits");
    return (unsigned long *)&env->__saved_mask;
}

void jump_note(const struct fiber *self, struct __jmp_buf_tag *env)
{
    unsigned long *w = words(env);
    if (self == NULL && w[NOTED] != noted)
        return;
    w[NOTED] = self != NULL ? noted : 0;
    w[NOTED_MASK] = self != NULL ? self->sig.mask : 0;
}

/* libc will give the kernel thread its own. */
static void give_back(struct fiber *self, struct __jmp_buf_tag *env)
{
    unsigned long *w = words(env), mask = w[NOTED] == noted ? w[NOTED_MASK] : w[0];
    if (mask != self->sig.mask || mask != self->sig.counted)
        signals_set_mask(self, mask);
    w[0] = self->kt->kernel_mask;
    w[NOTED] = noted; /* for the next jump there */
    w[NOTED_MASK] = mask;
}

void jump_leave(struct fiber *self, struct __jmp_buf_tag *env)
{
    uintptr_t sp = (uintptr_t)env->__jmpbuf[6], guard;
    __asm__("mov %%fs:0x30, %0" : "=r"(guard));
    sp = (sp >> 17 | sp << 47) ^ guard;
    self->jumped = true;
    wait_abandon(self, sp);
    self->sig.masked = false;
    const struct handler_frame *left = NULL; /* the outermost */
    for (struct handler_frame *f = signals_frames(self, 0); f != NULL; f = f->own == f ? f->outer : NULL)
        if (altstack_left(self, (uintptr_t)f, sp))
            left = f;
    if (left != NULL)
        self->sig.frames = left->outer;
    if (self->sig.queue != NULL || rt.signals.queue != NULL)
        self->sig.due = true;
    if (env->__mask_was_saved)
        give_back(self, env);
}
