/* The layout of glibc's thread block, learnt at the first pthread_create: see tls.h. */
#include "core/sys.h"
#include "core/mem.h"
#include "core/tls_libc.h"
#include "shim/real.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <resolv.h>
#undef p_type /* resolv.h has one, too */
#include <string.h>

struct tls_libc tls_libc;

static int fail(const char *why)
{
    rt.tls.failure = why;
    return -1;
}

/* A debugger's descriptor of a field: bits, count, offset. */
static bool field(const char *name, unsigned *bits, unsigned *count, long *offset)
{
    char symbol[96] = "_thread_db_";
    strncat(symbol, name, sizeof symbol - strlen(symbol) - 1);
    const uint32_t *d = real_symbol(symbol);
    if (d == NULL)
        return false;
    if (bits != NULL)
        *bits = d[0];
    if (count != NULL)
        *count = d[1];
    *offset = (long)d[2];
    return true;
}

static int find_names(void)
{
    struct tls *t = &rt.tls;
    *(void **)&tls_libc.allocate = real_symbol("_dl_allocate_tls");
    *(void **)&tls_libc.deallocate = real_symbol("_dl_deallocate_tls");
    *(void **)&tls_libc.static_info = real_symbol("_dl_get_tls_static_info");
    *(void **)&tls_libc.ctype_init = real_symbol("__ctype_init");
    *(void **)&tls_libc.call_tls_dtors = real_symbol("__call_tls_dtors");
    tls_libc.rtld_global = real_symbol("_rtld_global");
    tls_libc.keys = real_symbol("__pthread_keys");
    const uint32_t *size = real_symbol("_thread_db_sizeof_pthread");
    if (!tls_libc.allocate || !tls_libc.deallocate || !tls_libc.static_info || !tls_libc.ctype_init ||
        !tls_libc.call_tls_dtors || !tls_libc.rtld_global || !tls_libc.keys || size == NULL)
        return fail("this libc keeps its thread block under other names");
    t->pd_size = *size;
    tls_libc.static_info(&t->static_size, &t->align);

    unsigned key_bits, bits, count;
    long user, off;
    if (!field("pthread_tid", NULL, NULL, &t->off_tid) || !field("pthread_list", NULL, NULL, &t->off_list) ||
        !field("pthread_specific", &bits, &count, &t->off_specific) ||
        !field("pthread_dtvp", NULL, NULL, &t->off_dtv) ||
        !field("pthread_cancelhandling", NULL, NULL, &t->off_cancel) ||
        !field("pthread_start_routine", NULL, NULL, &t->off_start) ||
        !field("rtld_global__dl_stack_user", NULL, NULL, &user) ||
        !field("__pthread_keys", &key_bits, &t->keys, &off) || key_bits != 8 * sizeof(struct key))
        return fail("this libc describes its thread block in another way");
    t->specific_blocks = bits / 64 * count;
    tls_libc.user_stacks = (struct chain *)(tls_libc.rtld_global + user);
    return 0;
}

/* The lock of the thread lists lies behind the two lists, a size and a pointer. Believed only if the list of cached
 * stacks is where that predicts. */
static void find_stack_lock(void)
{
    struct chain *cache = tls_libc.user_stacks + 1;
    uint32_t *lock = (uint32_t *)((char *)(cache + 1) + sizeof(size_t) + sizeof(uintptr_t));
    if (cache->next != NULL && cache->next->prev == cache && cache->prev->next == cache && *lock == 0)
        tls_libc.stack_lock = lock;
}

static int check_main(void)
{
    struct tls *t = &rt.tls;
    uintptr_t fs = tls_pointer();
    struct chain *mine = (struct chain *)(fs + (uintptr_t)t->off_list);
    bool found = false;
    for (struct chain *c = tls_libc.user_stacks->next; c != tls_libc.user_stacks && !found; c = c->next)
        found = c == mine;
    if (!found)
        return fail("the main thread is not on libc's list");
    if (*(int *)(fs + (uintptr_t)t->off_tid) != sys_gettid())
        return fail("the thread id is not where it should be");
    find_stack_lock();
    return 0;
}

struct libc_tls {
    char *block;
    size_t size;
};

/* libc's part of the caller's static TLS, and how much of that is any object's. */
static int find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct tls *t = &rt.tls;
    struct libc_tls *out = arg;
    uintptr_t below = tls_pointer() - (uintptr_t)info->dlpi_tls_data;
    (void)size;
    if (info->dlpi_tls_data == NULL)
        return 0;
    if (below <= t->static_size - t->pd_size && below > t->used)
        t->used = below;
    if (info->dlpi_name == NULL || strstr(info->dlpi_name, "libc.so") == NULL)
        return 0;
    out->block = info->dlpi_tls_data;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            out->size = info->dlpi_phdr[i].p_memsz;
    return 0;
}

enum { DONOR_STACK = 256 << 10 /* and the static TLS */ };

static struct {
    size_t libc_size;
    long off_res;
    bool understood;
} donor;

static void *donate(void *unused)
{
    struct tls *t = &rt.tls;
    uintptr_t fs = tls_pointer();
    memcpy(t->image, (void *)fs, t->pd_size); /* nothing before this */
    (void)unused;
    t->image_pd = fs;
    donor.off_res = (long)((uintptr_t)__res_state() - fs);
    donor.understood = mcache_study(libc_block(fs), donor.libc_size);
    return NULL;
}

static int run_donor(void)
{
    struct tls *t = &rt.tls;
    size_t size = DONOR_STACK + ((tls_room() + 4095) & ~4095ul);
    char *stack = mem_map(size);
    t->image = mem_map((t->pd_size + 4095) & ~4095ul);
    if (stack == NULL || t->image == NULL)
        return fail("no memory for calibration");
    t->image_stack = (uintptr_t)stack;
    t->image_stack_size = size;
    pthread_attr_t attr;
    pthread_t thread;
    real.pthread_attr_init(&attr);
    real.pthread_attr_setstack(&attr, stack, size);
    int e = real.pthread_create(&thread, &attr, donate, NULL);
    if (e == 0)
        e = real.pthread_join(thread, NULL);
    real.pthread_attr_destroy(&attr);
    if (e != 0)
        return fail("no thread could be made for calibration");
    mem_unmap(stack, size);
    return 0;
}

static int study_image(void)
{
    struct tls *t = &rt.tls;
    t->off_stack = t->off_stack_size = -1;
    for (size_t i = 0; i + sizeof(uintptr_t) <= t->pd_size; i += sizeof(uintptr_t)) {
        uintptr_t w = *(uintptr_t *)(t->image + i);
        if (w == t->image_stack && t->off_stack < 0)
            t->off_stack = (long)i;
        if (w == t->image_stack_size && t->off_stack_size < 0)
            t->off_stack_size = (long)i;
    }
    if (!donor.understood)
        return fail("malloc's per-thread cache looks unknown");
    t->off_res = donor.off_res;
    if (t->off_stack < 0 || t->off_stack_size < 0)
        return fail("the thread block of a new thread looks unknown");
    /* The robust list head points at itself in a fresh thread: the first such word behind the tid. */
    t->off_robust = -1;
    for (long i = (t->off_tid + 15) & ~7l; i < t->off_cancel && t->off_robust < 0; i += 8)
        if (*(uintptr_t *)(t->image + i) == t->image_pd + (uintptr_t)i)
            t->off_robust = i;
    return 0;
}

static void study_cond(void)
{
    pthread_condattr_t attr;
    pthread_cond_t plain, monotonic;
    memset(&plain, 0, sizeof plain);
    memset(&monotonic, 0, sizeof monotonic);
    real.pthread_cond_init(&plain, NULL);
    real.pthread_condattr_init(&attr);
    real.pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    real.pthread_cond_init(&monotonic, &attr);
    rt.tls.cond_clock_bit = (int)(monotonic.__data.__wrefs & ~plain.__data.__wrefs);
}

int tls_calibrate(void)
{
    struct tls *t = &rt.tls;
    if (find_names() != 0 || check_main() != 0)
        return -1;
    struct libc_tls own = {NULL, 0};
    real.dl_iterate_phdr(find_tls, &own);
    const char *resp = real_symbol("__resp");
    if (own.block == NULL || own.size > MCACHE_STUDIED || resp == NULL)
        return fail("libc's thread-local data was not found");
    donor.libc_size = own.size;
    t->off_libc = own.block - (char *)tls_pointer();
    t->off_resp = resp - (char *)tls_pointer();
    t->off_self = (char *)&fiber_self - (char *)tls_pointer();
    t->off_record = (char *)&fiber_record - (char *)tls_pointer();
    const long *rseq = real_symbol("__rseq_offset");
    const unsigned *rseq_size = real_symbol("__rseq_size");
    t->off_rseq = rseq != NULL ? *rseq : 0;
    t->rseq_size = rseq_size != NULL && *rseq_size != 0 ? (*rseq_size < 32 ? 32 : *rseq_size) : 0;
    /* From another start in each process: locks in shared memory compare owners across processes. */
    t->next_tid = FAKE_TID_FIRST + (unsigned)sys_getpid() * 40503u % (FAKE_TID_END - FAKE_TID_FIRST);
    study_cond();
    if (run_donor() != 0)
        return -1;
    return study_image();
}

/* What pthread_cancel writes: while cancellation is disabled, nothing else happens. */
static void *learn_cancel(void *bits)
{
    const int *handling = (const int *)(tls_pointer() + (uintptr_t)rt.tls.off_cancel);
    real.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    int before = *handling;
    real.pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    rt.tls.async_bits = *handling & ~before;
    real.pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    before = *handling;
    real.pthread_cancel(real.pthread_self());
    *(int *)bits = *handling & ~before;
    return NULL;
}

/* Not part of calibration: libc's pthread_cancel loads the unwinder's library, or ends a process that has none. */
int tls_learn_cancel(void)
{
    pthread_t thread;
    int bits = 0;
    if (rt.tls.cancel_bits != 0)
        return 0;
    int e = real.pthread_create(&thread, NULL, learn_cancel, &bits);
    if (e != 0)
        return e;
    real.pthread_join(thread, NULL);
    rt.tls.cancel_bits = bits;
    return 0;
}
