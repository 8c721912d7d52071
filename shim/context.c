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

/* The words of a context's set that are ours, behind the 64 signals: where the fiber is, which handlers and waits of
 * these. A context without them was filled by no fiber. */
enum { WAIT = 13, FRAMES = 14, NOTED = 15 };
static const unsigned long noted = 0x636f617863747874ul;

static void note(ucontext_t *context, const struct wait *wait, const struct handler_frame *frames)
{
    context->uc_sigmask.__val[WAIT] = (unsigned long)wait;
    context->uc_sigmask.__val[FRAMES] = (unsigned long)frames;
    context->uc_sigmask.__val[NOTED] = noted;
}

static void forget(ucontext_t *context)
{
    if (context->uc_sigmask.__val[NOTED] == noted)
        context->uc_sigmask.__val[NOTED] = 0;
}

static void save(const struct fiber *self, ucontext_t *context)
{
    memcpy(&context->uc_sigmask, &self->sig.mask, sizeof self->sig.mask);
    note(context, self->wait, self->sig.frames);
}

/* Handlers that are left for a context that is none of theirs will not return, as after a jump. */
static void go_to(struct fiber *self, const ucontext_t *context)
{
    const unsigned long *w = context->uc_sigmask.__val;
    bool ours = w[NOTED] == noted;
    struct handler_frame *frames = ours ? (struct handler_frame *)w[FRAMES] : NULL;
    wait_switch(self, ours ? (struct wait *)w[WAIT] : NULL);
    if (likely(frames == self->sig.frames))
        return;
    self->sig.frames = frames;
    self->sig.masked = false;
    if (self->sig.queue != NULL || rt.signals.queue != NULL)
        self->sig.due = true;
}

void *context_save(ucontext_t *context)
{
    struct fiber *self = enter();
    if (self == NULL) {
        forget(context);
        return real.getcontext;
    }
    save(self, context);
    return NULL;
}

void *context_swap(ucontext_t *from)
{
    struct fiber *self = enter();
    if (self == NULL) {
        forget(from);
        return real.swapcontext;
    }
    save(self, from);
    return NULL;
}

void *context_load(const ucontext_t *context)
{
    struct fiber *self = enter();
    uint64_t mask;
    if (self == NULL)
        return real.setcontext;
    go_to(self, context);
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
    if (context->uc_sigmask.__val[NOTED] == noted) /* it begins in no handler */
        note(context, NULL, NULL);
}
