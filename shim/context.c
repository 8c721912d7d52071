#include "shim/context.h"
#include "shim/hook.h"

#include <stdarg.h>
#include <string.h>

/* A fiber that changes its stack pointer as it likes: its dead pages are not given back (core/trim.h). */
static struct fiber *enter(void)
{
    struct fiber *self = hook_enter();
    if (self != NULL)
        self->jumped = true;
    return self;
}

static void save_mask(const struct fiber *self, ucontext_t *context)
{
    memcpy(&context->uc_sigmask, &self->sig.mask, sizeof self->sig.mask);
}

void *context_save(ucontext_t *context)
{
    struct fiber *self = enter();
    if (self == NULL)
        return real.getcontext;
    save_mask(self, context);
    return NULL;
}

void *context_swap(ucontext_t *from)
{
    struct fiber *self = enter();
    if (self == NULL)
        return real.swapcontext;
    save_mask(self, from);
    return NULL;
}

void *context_load(const ucontext_t *context)
{
    struct fiber *self = enter();
    uint64_t mask;
    if (self == NULL)
        return real.setcontext;
    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    if (mask != self->sig.mask)
        signals_set_mask(self, mask);
    return NULL;
}

void context_ended(ucontext_t *link)
{
    if (link != NULL)
        setcontext(link);
    real.exit(link != NULL ? -1 : 0);
    __builtin_unreachable();
}

/* As libc's: the function's return address at the stack pointer, above it the arguments from the seventh on, above
 * these the link, to which rbx points. */
EXPORT void makecontext(ucontext_t *context, void (*fn)(void), int argc, ...)
{
    static const int in_registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9};
    enum { REGISTERS = 6 };
    hook_enter();
    greg_t *gregs = context->uc_mcontext.gregs;
    int on_stack = argc > REGISTERS ? argc - REGISTERS : 0;
    uintptr_t top = (uintptr_t)context->uc_stack.ss_sp + context->uc_stack.ss_size;
    uintptr_t *sp = (uintptr_t *)((top - ((size_t)on_stack + 1) * sizeof *sp) & ~(uintptr_t)15) - 1;
    va_list args;
    va_start(args, argc);
    for (int i = 0; i < argc; i++) {
        greg_t value = va_arg(args, greg_t);
        if (i < REGISTERS)
            gregs[in_registers[i]] = value;
        else
            sp[1 + i - REGISTERS] = (uintptr_t)value;
    }
    va_end(args);
    sp[0] = (uintptr_t)context_end;
    sp[1 + on_stack] = (uintptr_t)context->uc_link;
    gregs[REG_RIP] = (greg_t)fn;
    gregs[REG_RBX] = (greg_t)&sp[1 + on_stack];
    gregs[REG_RSP] = (greg_t)sp;
}
