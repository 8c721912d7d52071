#include "core/errors.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/rt.h"
#include "shim/real.h"

#include <errno.h>

static unsigned watchers;

/* Who finds it busy goes without: a handler may have interrupted who writes it. */
static bool busy;

enum { KEPT = 16 };

static struct note {
    const char *call;
    pthread_t thread;
    int error;
    enum errors_kind kind;
    intptr_t arg;
    char copy[128];
} notes[KEPT];
static unsigned next;

void errors_watch(bool on)
{
    if (on) {
        __atomic_fetch_add(&watchers, 1, __ATOMIC_SEQ_CST);
        real_gate_set(REAL_ERRORS, true);
    } else if (__atomic_sub_fetch(&watchers, 1, __ATOMIC_SEQ_CST) == 0) {
        real_gate_set(REAL_ERRORS, false);
    }
}

/* False: it cannot be read, or does not fit. */
static bool copy_text(char *to, size_t size, const char *from)
{
    enum { PAGE = 4096 };
    for (size_t i = 0; i < size; i++) {
        if ((i == 0 || (uintptr_t)(from + i) % PAGE == 0) && !mem_readable(from + i, 1))
            return false;
        to[i] = from[i];
        if (to[i] == '\0')
            return true;
    }
    return false;
}

void errors_note(const char *call, intptr_t arg, enum errors_kind kind)
{
    int error = errno;
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    struct note *n = &notes[next++ % KEPT];
    n->call = call;
    n->thread = real.pthread_self();
    n->error = error;
    n->kind = kind;
    n->arg = arg;
    if (kind == ERRORS_TEXT && !copy_text(n->copy, sizeof n->copy, (const char *)arg))
        n->kind = ERRORS_OTHER;
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    errno = error;
}

static const struct note *find(int error)
{
    for (unsigned i = 1; i <= KEPT; i++) {
        const struct note *n = &notes[(next - i) % KEPT];
        if (n->call != NULL && n->error == error && n->thread == real.pthread_self())
            return n;
    }
    return NULL;
}

void errors_say(int error, char *out, size_t size)
{
    *out = '\0';
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    const struct note *n = find(error);
    if (n != NULL && n->kind == ERRORS_OTHER)
        log_text(out, size, "%s", n->call);
    else if (n != NULL && n->kind == ERRORS_TEXT)
        log_text(out, size, "%s(%s)", n->call, n->copy);
    else if (n != NULL)
        log_text(out, size, "%s(%d)", n->call, (int)n->arg);
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}
