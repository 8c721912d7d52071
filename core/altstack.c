#include "core/altstack.h"
#include "core/enter.h"
#include "core/mem.h"
#include "core/switch.h"
#include "core/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum {
    LEAST = 2048,       /* what the kernel takes */
    ROOM = 16 << 10,    /* of ours, below the kernel's frame */
    RED_ZONE = 128,     /* below the stack pointer, in use */
    FPSTATE_ALIGN = 64, /* XSAVE's */
};

/* ---- what the program has set ---- */

static bool within(const struct altstack *a, uintptr_t at)
{
    return a->size != 0 && at - (uintptr_t)a->low < a->size;
}

static bool on_it(const struct altstack *a, uintptr_t sp)
{
    return within(a, sp) && !a->disarmed;
}

static uintptr_t here(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

static void show(const struct altstack *a, stack_t *to)
{
    memset(to, 0, sizeof *to);
    to->ss_flags = SS_DISABLE;
    if (a->size == 0 || a->disarmed)
        return;
    to->ss_sp = a->low;
    to->ss_size = a->size;
    to->ss_flags = a->autodisarm ? (int)SS_AUTODISARM : 0;
}

static struct altstack from(const stack_t *s)
{
    struct altstack a = {NULL, 0, false, false};
    if ((s->ss_flags & SS_DISABLE) == 0)
        a = (struct altstack){s->ss_sp, s->ss_size, ((unsigned)s->ss_flags & SS_AUTODISARM) != 0, false};
    return a;
}

int altstack_set(struct fiber *self, const stack_t *set, stack_t *old)
{
    struct altstack *a = &self->sig.alt;
    stack_t was, want;
    bool inside = on_it(a, here());
    if (set != NULL) {
        if (!mem_readable(set, sizeof *set))
            return -EFAULT;
        want = *set;
        unsigned mode = (unsigned)want.ss_flags & ~SS_AUTODISARM;
        if (inside && !a->autodisarm)
            return -EPERM;
        if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
            return -EINVAL;
        if (mode != SS_DISABLE && want.ss_size < LEAST)
            return -ENOMEM;
    }
    show(a, &was);
    if (inside)
        was.ss_flags |= SS_ONSTACK;
    if (set != NULL) {
        *a = from(&want);
        if (a->size != 0) {
            core_enter(self);
            rt.signals.altstacks = true;
            altstack_carry(self->kt);
            core_leave(self);
        }
    }
    if (old == NULL)
        return 0;
    if (!mem_writable(old, sizeof *old))
        return -EFAULT; /* it is set, as bare */
    *old = was;
    return 0;
}

void altstack_begin(struct fiber *self, ucontext_t *context, bool alternate)
{
    show(&self->sig.alt, &context->uc_stack);
    if (alternate && self->sig.alt.autodisarm)
        self->sig.alt.disarmed = true;
}

void altstack_end(struct fiber *self, const ucontext_t *context)
{
    self->sig.alt = from(&context->uc_stack);
}

void *altstack_top(const struct fiber *self, const struct sigaction *act)
{
    const struct altstack *a = &self->sig.alt;
    if ((act->sa_flags & SA_ONSTACK) == 0 || a->size == 0 || a->disarmed || on_it(a, here()))
        return NULL;
    return (void *)(((uintptr_t)a->low + a->size) & ~(uintptr_t)15);
}

bool altstack_left(const struct fiber *self, uintptr_t at, uintptr_t sp)
{
    bool from_it = within(&self->sig.alt, at), to_it = within(&self->sig.alt, sp);
    return from_it == to_it ? at < sp : from_it;
}

/* ---- what the kernel has ---- */

void altstack_native(const struct fiber *f)
{
    stack_t s;
    if (!rt.signals.altstacks)
        return;
    show(&f->sig.alt, &s);
    (void)sys(SYS_sigaltstack, &s, NULL);
}

void altstack_start(struct fiber *main)
{
    stack_t s;
    memset(&main->sig.alt, 0, sizeof main->sig.alt);
    if (sys(SYS_sigaltstack, NULL, &s) != 0)
        return;
    main->sig.alt = from(&s);
    rt.signals.altstacks = main->sig.alt.size != 0;
    altstack_carry(main->kt);
}

/* Refused while a handler of before the first thread runs on the program's: then at the next turn. */
void altstack_carry(struct kthread *k)
{
    if (likely(!rt.signals.altstacks) || k->alt_set)
        return;
    unsigned long frame = getauxval(AT_MINSIGSTKSZ);
    if (k->alt == NULL) {
        k->alt_size = (ROOM + frame + 4095) & ~4095ul;
        k->alt = mem_map(k->alt_size);
    }
    stack_t ours = {.ss_sp = k->alt, .ss_size = k->alt_size};
    k->alt_set = k->alt != NULL && sys(SYS_sigaltstack, &ours, NULL) == 0;
}

void altstack_return(const struct kthread *k, ucontext_t *context)
{
    memset(&context->uc_stack, 0, sizeof context->uc_stack);
    context->uc_stack.ss_flags = SS_DISABLE;
    if (k->alt_set)
        context->uc_stack = (stack_t){.ss_sp = k->alt, .ss_size = k->alt_size};
}

/* ---- moving a frame ---- */

/* The kernel's, upwards: where the handler returns to, context, siginfo, then the state of the floating-point unit. */
struct frame {
    void *restorer;
    char context[304]; /* the kernel's ucontext, which is shorter than libc's */
    char info[128];
};

/* Of valgrind, it is another: that one stays. */
bool altstack_ours(const struct kthread *k, const siginfo_t *info, const ucontext_t *context)
{
    const struct frame *f = (const void *)((const char *)context - offsetof(struct frame, context));
    return k->alt != NULL && here() - (uintptr_t)k->alt < k->alt_size && (const char *)info == f->info;
}

static size_t fpstate_size(const char *fpstate)
{
    enum { LEGACY = 512, WORDS = 464, EXTENDED = 0x46505853 };
    uint32_t words[2]; /* magic, size of it all */
    memcpy(words, fpstate + WORDS, sizeof words);
    return words[0] == EXTENDED ? words[1] : LEGACY;
}

void altstack_move(const struct fiber *self, bool alternate, void (*then)(int, siginfo_t *, void *), int sig,
                   siginfo_t *info, ucontext_t *context)
{
    (void)info; /* it is in the same frame */
    const struct altstack *a = &self->sig.alt;
    const char *fpstate = (const char *)context->uc_mcontext.fpregs;
    uintptr_t sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
    alternate = alternate && a->size != 0 && !a->disarmed && !within(a, sp);
    sp = alternate ? (uintptr_t)a->low + a->size : sp - RED_ZONE;
    if (fpstate != NULL) {
        size_t size = fpstate_size(fpstate);
        sp = (sp - size) & ~(uintptr_t)(FPSTATE_ALIGN - 1);
        memcpy((void *)sp, fpstate, size);
        context->uc_mcontext.fpregs = (fpregset_t)sp;
    }
    struct frame *to = (void *)(((sp - sizeof *to) & ~(uintptr_t)15) - 8); /* as a call leaves it */
    memcpy(to, (const char *)context - offsetof(struct frame, context), sizeof *to);
    switch_frame(to, then, sig, (siginfo_t *)to->info, to->context);
}
