/* Waits for locks, conditions, threads and time: see waits.h. */
#define WAITS_IN_FUTEX 1
#include "waits.h"

#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/select.h>
#include <threads.h>

struct objects {
    sem_t sem;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    pthread_t thread;
    pthread_once_t once;
    mtx_t mtx;
    cnd_t cnd;
    uint32_t word;
    volatile int set, held;
};

/* What a thread waits for in memory of its own nobody can give from another process. */
enum { PRIVATE = BIT(CLOSE) | BIT(OVER) | BIT(HANGUP) | BIT(SHUT) | BIT(CHILD) | BIT(TWICE) | REFUSED };

static struct objects *of(struct cell *c)
{
    return c->state;
}

static void begin(struct cell *c)
{
    pthread_mutexattr_t attr;
    struct objects *o = c->state = calloc(1, sizeof *o);
    sem_init(&o->sem, 0, 0);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&o->mutex, &attr);
    pthread_cond_init(&o->cond, NULL);
    pthread_rwlock_init(&o->rwlock, NULL);
    pthread_barrier_init(&o->barrier, NULL, 2);
    mtx_init(&o->mtx, mtx_plain);
    cnd_init(&o->cnd);
}

static const char *word_for(int e)
{
    return e == 0 ? "free" : strerrorname_np(e);
}

/* ---- semaphores ---- */

static void post(struct cell *c) { sem_post(&of(c)->sem); }
static void sem_left(struct cell *c)
{
    int n;
    sem_getvalue(&of(c)->sem, &n);
    say(c, "; value %d", n);
}
static const struct thing semaphore = {begin, post, sem_left, NULL, NULL, PRIVATE};
static long do_sem_wait(struct cell *c) { return sem_wait(&of(c)->sem); }
static long do_sem_timedwait(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return sem_timedwait(&of(c)->sem, &t); }
static long do_sem_clockwait(struct cell *c) { struct timespec t = in_ms(CLOCK_MONOTONIC, 100000); return sem_clockwait(&of(c)->sem, CLOCK_MONOTONIC, &t); }

/* ---- mutexes: the controller has it ---- */

static void mutex_begin(struct cell *c)
{
    begin(c);
    pthread_mutex_lock(&of(c)->mutex);
}
static void mutex_give(struct cell *c) { pthread_mutex_unlock(&of(c)->mutex); }
static void mutex_after(struct cell *c)
{
    if (of(c)->held)
        say(c, " unlock %s,", word_for(pthread_mutex_unlock(&of(c)->mutex)));
}
static void mutex_left(struct cell *c) { say(c, "; mutex %s", word_for(pthread_mutex_trylock(&of(c)->mutex))); }
static const struct thing mutex = {mutex_begin, mutex_give, mutex_left, NULL, mutex_after, PRIVATE};
static long locked(struct cell *c, int e)
{
    of(c)->held = e == 0;
    return number(e);
}
static long do_mutex(struct cell *c) { return locked(c, pthread_mutex_lock(&of(c)->mutex)); }
static long do_mutex_timed(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return locked(c, pthread_mutex_timedlock(&of(c)->mutex, &t)); }
static long do_mutex_clock(struct cell *c) { struct timespec t = in_ms(CLOCK_MONOTONIC, 100000); return locked(c, pthread_mutex_clocklock(&of(c)->mutex, CLOCK_MONOTONIC, &t)); }

static void mtx_begin(struct cell *c)
{
    begin(c);
    mtx_lock(&of(c)->mtx);
}
static void mtx_give(struct cell *c) { mtx_unlock(&of(c)->mtx); }
static void mtx_after(struct cell *c)
{
    if (of(c)->held)
        mtx_unlock(&of(c)->mtx);
}
static void mtx_left(struct cell *c) { say(c, "; mtx %s", mtx_trylock(&of(c)->mtx) == thrd_success ? "free" : "held"); }
static const struct thing c11_mutex = {mtx_begin, mtx_give, mtx_left, NULL, mtx_after, PRIVATE};
static long do_mtx(struct cell *c)
{
    int r = mtx_lock(&of(c)->mtx);
    of(c)->held = r == thrd_success;
    return r;
}

/* ---- read-write locks: the controller writes ---- */

static void rwlock_begin(struct cell *c)
{
    begin(c);
    pthread_rwlock_wrlock(&of(c)->rwlock);
}
static void rwlock_give(struct cell *c) { pthread_rwlock_unlock(&of(c)->rwlock); }
static void rwlock_after(struct cell *c)
{
    if (of(c)->held)
        pthread_rwlock_unlock(&of(c)->rwlock);
}
static void rwlock_left(struct cell *c) { say(c, "; lock %s", word_for(pthread_rwlock_trywrlock(&of(c)->rwlock))); }
static const struct thing rwlock = {rwlock_begin, rwlock_give, rwlock_left, NULL, rwlock_after, PRIVATE};
static long do_rdlock(struct cell *c) { return locked(c, pthread_rwlock_rdlock(&of(c)->rwlock)); }
static long do_wrlock(struct cell *c) { return locked(c, pthread_rwlock_wrlock(&of(c)->rwlock)); }
static long do_timedrdlock(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return locked(c, pthread_rwlock_timedrdlock(&of(c)->rwlock, &t)); }
static long do_timedwrlock(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return locked(c, pthread_rwlock_timedwrlock(&of(c)->rwlock, &t)); }
static long do_clockwrlock(struct cell *c) { struct timespec t = in_ms(CLOCK_MONOTONIC, 100000); return locked(c, pthread_rwlock_clockwrlock(&of(c)->rwlock, CLOCK_MONOTONIC, &t)); }

/* ---- conditions: the mutex is owned afterwards, by a cleanup handler, too ---- */

static void cond_give(struct cell *c)
{
    pthread_mutex_lock(&of(c)->mutex);
    of(c)->set = 1;
    pthread_cond_signal(&of(c)->cond);
    pthread_mutex_unlock(&of(c)->mutex);
}
static const struct thing condition = {begin, cond_give, mutex_left, NULL, mutex_after, PRIVATE};
static long cond_loop(struct cell *c, int (*wait)(struct objects *, const struct timespec *), clockid_t clock)
{
    struct timespec t = in_ms(clock, 100000);
    int e = 0;
    pthread_mutex_lock(&of(c)->mutex);
    of(c)->held = 1;
    if (c->event == BEFORE || c->event == READY) /* it waits, whatever was said */
        of(c)->set = 0;
    while (!of(c)->set && e == 0)
        e = wait(of(c), &t);
    return number(e);
}
static int cond_plain(struct objects *o, const struct timespec *t) { (void)t; return pthread_cond_wait(&o->cond, &o->mutex); }
static int cond_timed(struct objects *o, const struct timespec *t) { return pthread_cond_timedwait(&o->cond, &o->mutex, t); }
static int cond_clock(struct objects *o, const struct timespec *t) { return pthread_cond_clockwait(&o->cond, &o->mutex, CLOCK_MONOTONIC, t); }
static long do_cond(struct cell *c) { return cond_loop(c, cond_plain, CLOCK_REALTIME); }
static long do_cond_timed(struct cell *c) { return cond_loop(c, cond_timed, CLOCK_REALTIME); }
static long do_cond_clock(struct cell *c) { return cond_loop(c, cond_clock, CLOCK_MONOTONIC); }

static void cnd_give(struct cell *c)
{
    mtx_lock(&of(c)->mtx);
    of(c)->set = 1;
    cnd_signal(&of(c)->cnd);
    mtx_unlock(&of(c)->mtx);
}
static const struct thing c11_condition = {begin, cnd_give, mtx_left, NULL, mtx_after, PRIVATE};
static long do_cnd(struct cell *c)
{
    struct timespec t = in_ms(CLOCK_REALTIME, 100000);
    int r = 0;
    mtx_lock(&of(c)->mtx);
    of(c)->held = 1;
    if (c->event == BEFORE || c->event == READY)
        of(c)->set = 0;
    while (!of(c)->set && r == 0)
        r = c->row->name[4] == 't' ? cnd_timedwait(&of(c)->cnd, &of(c)->mtx, &t) : cnd_wait(&of(c)->cnd, &of(c)->mtx);
    return r;
}

/* ---- barriers: the controller is the second, and may be told that it is the one ---- */

static void barrier_give(struct cell *c) { pthread_barrier_wait(&of(c)->barrier); }
static const struct thing barrier = {begin, barrier_give, NULL, NULL, NULL, PRIVATE};
static long do_barrier(struct cell *c) { return pthread_barrier_wait(&of(c)->barrier) > 0; }

/* ---- threads ---- */

static void *until_posted(void *arg)
{
    struct cell *c = arg;
    while (sem_wait(&of(c)->sem) != 0)
        ;
    return c->got;
}
static void thread_begin(struct cell *c)
{
    begin(c);
    pthread_create(&of(c)->thread, NULL, until_posted, c);
}
static void thread_left(struct cell *c)
{
    void *value = NULL;
    post(c);
    if (of(c)->set)
        return;
    say(c, "; joined %s", pthread_join(of(c)->thread, &value) == 0 && value == c->got ? "yes" : "no");
}
static void thread_give(struct cell *c)
{
    post(c);
    nap(BRIEF);
}
static const struct thing thread = {thread_begin, thread_give, thread_left, NULL, NULL, PRIVATE};
static long joined(struct cell *c, int e)
{
    of(c)->set = e == 0;
    return number(e);
}
static long do_join(struct cell *c) { return joined(c, pthread_join(of(c)->thread, NULL)); }
static long do_timedjoin(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return joined(c, pthread_timedjoin_np(of(c)->thread, NULL, &t)); }
static long do_clockjoin(struct cell *c) { struct timespec t = in_ms(CLOCK_MONOTONIC, 100000); return joined(c, pthread_clockjoin_np(of(c)->thread, NULL, CLOCK_MONOTONIC, &t)); }
static long do_thrd_join(struct cell *c) { return joined(c, thrd_join(of(c)->thread, NULL)); }

/* ---- once: another thread is in the function ---- */

static void initialise(void)
{
    of(own_cell)->set = 1;
    while (sem_wait(&of(own_cell)->sem) != 0)
        ;
}
static void *first_once(void *arg)
{
    own_cell = arg;
    pthread_once(&of(own_cell)->once, initialise);
    return NULL;
}
static void once_begin(struct cell *c)
{
    begin(c);
    of(c)->once = PTHREAD_ONCE_INIT;
    pthread_create(&of(c)->thread, NULL, first_once, c);
    while (!of(c)->set)
        nap(1);
}
static void once_left(struct cell *c)
{
    post(c);
    say(c, "; first %s", word_for(pthread_join(of(c)->thread, NULL)));
}
static void never(void) { abort(); }
static const struct thing once = {once_begin, post, once_left, NULL, NULL, PRIVATE};
static long do_once(struct cell *c) { return number(pthread_once(&of(c)->once, never)); }

/* ---- futexes ---- */

static void futex_give(struct cell *c)
{
    __atomic_store_n(&of(c)->word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &of(c)->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}
static const struct thing futex = {begin, futex_give, NULL, NULL, NULL, PRIVATE};
static long do_futex(struct cell *c) { return syscall(SYS_futex, &of(c)->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0); }
static long do_futex_bitset(struct cell *c)
{
    struct timespec t = in_ms(CLOCK_MONOTONIC, 100000);
    return syscall(SYS_futex, &of(c)->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &t, NULL, 1);
}

/* ---- time: it comes by itself ---- */

enum { MS = 400 };
static void nothing(struct cell *c) { (void)c; }
static const struct thing time_passes = {begin, nothing, NULL, NULL, NULL, PRIVATE | BIT(READY)};
static const struct timespec span = {0, MS * 1000000L};
/* What is left is more than nothing if it was ended early. */
static long with_rest(struct cell *c, long r, const struct timespec *left)
{
    if (r != 0 && errno == EINTR)
        snprintf(c->got, sizeof c->got, left->tv_sec == 0 && left->tv_nsec > 0 && left->tv_nsec < span.tv_nsec ? "rest" : "no rest");
    return r;
}
static long do_nanosleep(struct cell *c) { struct timespec left = {9, 0}; long r = nanosleep(&span, &left); return with_rest(c, r, &left); }
static long do_sys_nanosleep(struct cell *c) { struct timespec left = {9, 0}; long r = syscall(SYS_nanosleep, &span, &left); return with_rest(c, r, &left); }
static long do_clock_nanosleep(struct cell *c) { struct timespec left = {9, 0}; long r = number(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &left)); return with_rest(c, r, &left); }
static long do_absolute(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, MS); (void)c; return number(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL)); }
static long do_sleep(struct cell *c) { (void)c; return sleep(1); }
static long do_usleep(struct cell *c) { (void)c; return usleep(MS * 1000); }
static long do_thrd_sleep(struct cell *c) { struct timespec left = {9, 0}; long r = thrd_sleep(&span, &left); (void)c; return r; }
static long do_poll_time(struct cell *c) { (void)c; return poll(NULL, 0, MS); }
static long do_select_time(struct cell *c) { struct timeval t = {0, MS * 1000}; (void)c; return select(0, NULL, NULL, NULL, &t); }

/* ---- signals ---- */

static void await_begin(struct cell *c)
{
    begin(c);
}
static void send_handled(struct cell *c) { pthread_kill(c->thread, SIGUSR1); }
static const struct thing handled = {await_begin, send_handled, NULL, NULL, NULL, PRIVATE | BIT(READY)};
static long do_pause(struct cell *c) { (void)c; return pause(); }
static long do_sigsuspend(struct cell *c)
{
    sigset_t none, was;
    int e;
    (void)c;
    sigemptyset(&none);
    sigsuspend(&none);
    e = errno;
    pthread_sigmask(SIG_BLOCK, NULL, &was);
    must(!sigismember(&was, SIGUSR1), "have the mask back");
    errno = e;
    return -1;
}

static void send_awaited(struct cell *c) { pthread_kill(c->thread, SIGRTMIN + 1); }
static const struct thing awaited = {await_begin, send_awaited, NULL, NULL, NULL, PRIVATE};
static sigset_t waited_for(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN + 1);
    return s;
}
static long do_sigwait(struct cell *c) { sigset_t s = waited_for(); int got = 0; int e = sigwait(&s, &got); (void)c; return e == 0 ? got : number(e); }
static long do_sigwaitinfo(struct cell *c) { sigset_t s = waited_for(); siginfo_t i; long r = sigwaitinfo(&s, &i); if (r > 0) snprintf(c->got, sizeof c->got, "code %d", i.si_code); return r; }
static long do_sigtimedwait(struct cell *c) { sigset_t s = waited_for(); struct timespec t = {100, 0}; (void)c; return sigtimedwait(&s, NULL, &t); }

enum { LOCK = NO_POINT | BIT(SIGNAL) };

static const struct row rows[] = {
    {"sem_wait", do_sem_wait, &semaphore, 0, 0, 0},
    {"sem_timedwait", do_sem_timedwait, &semaphore, 0, 0, 0},
    {"sem_clockwait", do_sem_clockwait, &semaphore, 0, 0, 0},
    {"pthread_mutex_lock", do_mutex, &mutex, 0, LOCK | ENDLESS, 0},
    {"pthread_mutex_timedlock", do_mutex_timed, &mutex, 0, LOCK, 0},
    {"pthread_mutex_clocklock", do_mutex_clock, &mutex, 0, LOCK, 0},
    {"mtx_lock", do_mtx, &c11_mutex, 0, LOCK | ENDLESS, 0},
    {"pthread_rwlock_rdlock", do_rdlock, &rwlock, 0, LOCK | ENDLESS, 0},
    {"pthread_rwlock_wrlock", do_wrlock, &rwlock, 0, LOCK | ENDLESS, 0},
    {"pthread_rwlock_timedrdlock", do_timedrdlock, &rwlock, 0, LOCK, 0},
    {"pthread_rwlock_timedwrlock", do_timedwrlock, &rwlock, 0, LOCK, 0},
    {"pthread_rwlock_clockwrlock", do_clockwrlock, &rwlock, 0, LOCK, 0},
    {"pthread_cond_wait", do_cond, &condition, 0, BIT(SIGNAL), 0},
    {"pthread_cond_timedwait", do_cond_timed, &condition, 0, BIT(SIGNAL), 0},
    {"pthread_cond_clockwait", do_cond_clock, &condition, 0, BIT(SIGNAL), 0},
    {"cnd_wait", do_cnd, &c11_condition, 0, BIT(SIGNAL), 0},
    {"cnd_timedwait", do_cnd, &c11_condition, 0, BIT(SIGNAL), 0},
    {"pthread_barrier_wait", do_barrier, &barrier, BIT(READY), LOCK | ENDLESS, 0}, /* ready: the controller would wait */
    {"pthread_join", do_join, &thread, 0, BIT(SIGNAL), 0},
    {"pthread_timedjoin_np", do_timedjoin, &thread, 0, BIT(SIGNAL), 0},
    {"pthread_clockjoin_np", do_clockjoin, &thread, 0, BIT(SIGNAL), 0},
    {"thrd_join", do_thrd_join, &thread, 0, BIT(SIGNAL), 0},
    {"pthread_once", do_once, &once, 0, LOCK | ENDLESS, 0},
    {"syscall(futex)", do_futex, &futex, 0, NO_POINT | ENDLESS, 0},
    {"syscall(futex), bitset", do_futex_bitset, &futex, 0, NO_POINT | ENDLESS, 0},
    {"nanosleep", do_nanosleep, &time_passes, 0, 0, 0},
    {"syscall(nanosleep)", do_sys_nanosleep, &time_passes, 0, 0, 0},
    {"clock_nanosleep", do_clock_nanosleep, &time_passes, 0, 0, 0},
    {"clock_nanosleep, absolute", do_absolute, &time_passes, 0, 0, 0},
    {"sleep", do_sleep, &time_passes, 0, 0, 0},
    {"usleep", do_usleep, &time_passes, 0, 0, 0},
    {"thrd_sleep", do_thrd_sleep, &time_passes, 0, 0, 0},
    {"poll of nothing", do_poll_time, &time_passes, 0, 0, 0},
    {"select of nothing", do_select_time, &time_passes, 0, 0, 0},
    {"pause", do_pause, &handled, 0, 0, 0},
    {"sigsuspend", do_sigsuspend, &handled, 0, 0, 0},
    {"sigwait", do_sigwait, &awaited, 0, BIT(SIGNAL), 0},
    {"sigwaitinfo", do_sigwaitinfo, &awaited, 0, 0, 0},
    {"sigtimedwait", do_sigtimedwait, &awaited, 0, 0, 0},
};

int main(int argc, char **argv)
{
    return run_table(rows, sizeof rows / sizeof *rows, argc, argv);
}
