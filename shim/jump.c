/* Jumps out of handlers and within threads. */
#include "core/jump.h"
#include "shim/hook.h"
#include "shim/jump.h"

int (*sigsetjmp_target)(struct __jmp_buf_tag[1], int) = sigsetjmp_first;

void sigsetjmp_bind(void)
{
    hook_bind();
    sigsetjmp_target = real_late(REAL_PLACE(__sigsetjmp));
}

void sigsetjmp_note(struct __jmp_buf_tag *env)
{
    jump_note(rt.coop ? fiber_self : NULL, env);
}

static void jump(struct __jmp_buf_tag *env)
{
    struct fiber *self = hook_enter();
    if (self != NULL && (self->sig.frames != NULL || env->__mask_was_saved || self->scope != NULL))
        jump_leave(self, env);
}

EXPORT void longjmp(struct __jmp_buf_tag env[1], int value)
{
    jump(env);
    real.longjmp(env, value);
    __builtin_unreachable();
}
TWIN(_longjmp, longjmp);

EXPORT void siglongjmp(struct __jmp_buf_tag env[1], int value)
{
    jump(env);
    real.siglongjmp(env, value);
    __builtin_unreachable();
}

EXPORT void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
{
    jump(env);
    real.__longjmp_chk(env, value);
    __builtin_unreachable();
}
