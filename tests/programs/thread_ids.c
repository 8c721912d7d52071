/*
 * Calls that take a thread's id, with the caller's and with another thread's: to the thread itself, or through it to its
 * process; by name and by number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

int capget(cap_user_header_t header, cap_user_data_t data);

static sem_t ready, go;
static atomic_int tid, handled, value, code;
static pthread_t by;

static void handler(int sig, siginfo_t *info, void *context)
{
    by = pthread_self();
    value = info->si_value.sival_int;
    code = info->si_code;
    atomic_fetch_add(&handled, 1);
}

static siginfo_t info_of(int sig, int si_code)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = sig;
    i.si_code = si_code;
    i.si_pid = getpid();
    i.si_uid = getuid();
    i.si_value.sival_int = 42;
    return i;
}

static long queue(pid_t to, int sig, siginfo_t *info)
{
    return syscall(SYS_rt_tgsigqueueinfo, getpid(), to, sig, info);
}

static void *target(void *unused)
{
    atomic_store(&tid, (int)gettid());
    sem_post(&ready);
    while (sem_wait(&go) != 0)
        CHECK(errno == EINTR);
    return NULL;
}

static void await_handled(int n)
{
    struct timespec t = {0, 1000000};
    for (int i = 0; i < 5000 && atomic_load(&handled) < n; i++)
        nanosleep(&t, NULL);
    CHECK(atomic_load(&handled) == n);
}

static void signals(pthread_t t, pid_t id)
{
    siginfo_t i = info_of(SIGUSR1, SI_QUEUE), mine = info_of(SIGUSR1, SI_USER);
    atomic_store(&handled, 0);
    CHECK(queue(id, SIGUSR1, &i) == 0);
    await_handled(1);
    CHECK(pthread_equal(by, t) && value == 42 && code == SI_QUEUE);
    CHECK(queue(id, SIGUSR1, &mine) == -1 && errno == EPERM);
    mine.si_code = SI_TKILL;
    CHECK(queue(id, SIGUSR1, &mine) == -1 && errno == EPERM);
    CHECK(queue(id, 65, &i) == -1 && errno == EINVAL);
    CHECK(queue(id, 0, &i) == 0);
    CHECK(queue(id, SIGUSR1, (void *)8) == -1 && errno == EFAULT);
    CHECK(queue(0x3ffffff0, SIGUSR1, &i) == -1 && errno == ESRCH);
    mine.si_code = SI_USER;
    CHECK(queue(gettid(), SIGUSR1, &mine) == 0);
    await_handled(2);
    CHECK(pthread_equal(by, pthread_self()) && code == SI_USER);
    CHECK(syscall(SYS_tkill, id, SIGUSR1) == 0);
    await_handled(3);
    CHECK(pthread_equal(by, t) && code == SI_TKILL);
    union sigval v = {.sival_int = 43};
    CHECK(pthread_sigqueue(t, SIGUSR1, v) == 0);
    await_handled(4);
    CHECK(pthread_equal(by, t) && value == 43);
    /* to the process */
    CHECK(kill(id, SIGUSR1) == 0);
    await_handled(5);
    CHECK(code == SI_USER);
    CHECK(sigqueue(id, SIGUSR1, v) == 0);
    await_handled(6);
    CHECK(syscall(SYS_kill, id, SIGUSR1) == 0);
    await_handled(7);
    CHECK(syscall(SYS_rt_sigqueueinfo, id, SIGUSR1, &i) == 0);
    await_handled(8);
    CHECK(kill(id, 0) == 0 && kill(0x3ffffff0, 0) == -1 && errno == ESRCH);
}

static void process(pid_t id)
{
    struct rlimit a, b;
    struct rlimit64 c;
    CHECK(prlimit(id, RLIMIT_NOFILE, NULL, &a) == 0 && prlimit64(id, RLIMIT_NOFILE, NULL, &c) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &b) == 0 && a.rlim_cur == b.rlim_cur && c.rlim_max == b.rlim_max);
    CHECK(syscall(SYS_prlimit64, id, RLIMIT_NOFILE, NULL, &c) == 0 && c.rlim_cur == b.rlim_cur);
    CHECK(prlimit(0x3ffffff0, RLIMIT_NOFILE, NULL, &a) == -1 && errno == ESRCH);
    CHECK(getpgid(id) == getpgrp() && __getpgid(id) == getpgrp() && getsid(id) == getsid(0));
    CHECK(syscall(SYS_getpgid, id) == getpgrp() && syscall(SYS_getsid, id) == getsid(0));
    CHECK(getpgid(0x3ffffff0) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_kcmp, id, gettid(), KCMP_VM, 0, 0) == 0);
    CHECK(syscall(SYS_kcmp, getpid(), id, KCMP_FILES, 0, 0) == 0);
    char from[] = "some bytes", to[sizeof from] = "";
    struct iovec f = {from, sizeof from}, o = {to, sizeof to};
    CHECK(process_vm_readv(id, &o, 1, &f, 1, 0) == sizeof from && strcmp(to, from) == 0);
    memset(to, 0, sizeof to);
    CHECK(process_vm_writev(id, &f, 1, &o, 1, 0) == sizeof from && strcmp(to, from) == 0);
    memset(to, 0, sizeof to);
    CHECK(syscall(SYS_process_vm_readv, id, &o, 1, &f, 1, 0) == sizeof from && strcmp(to, from) == 0);
    CHECK(process_vm_readv(0x3ffffff0, &o, 1, &f, 1, 0) == -1 && errno == ESRCH);
}

static void state(pid_t id)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, id};
    struct __user_cap_data_struct d[2], own[2];
    CHECK(capget(&h, d) == 0);
    h.pid = 0;
    CHECK(capget(&h, own) == 0 && memcmp(d, own, sizeof own) == 0);
    h.pid = id;
    CHECK(syscall(SYS_capget, &h, d) == 0);
    h.version = 1;
    CHECK(capget(&h, d) == -1 && errno == EINVAL && h.version == _LINUX_CAPABILITY_VERSION_3);
    h.pid = 0x3ffffff0;
    CHECK(capget(&h, d) == -1 && errno == ESRCH);

    void *head = NULL;
    size_t size = 0;
    CHECK(syscall(SYS_get_robust_list, id, &head, &size) == 0 && head != NULL && size == 24);
    CHECK(syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head != NULL && size == 24);
    char *mine = (char *)pthread_self();
    CHECK((char *)head > mine && (char *)head < mine + 4096);
    CHECK(syscall(SYS_get_robust_list, id, (void *)8, &size) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_get_robust_list, 0x3ffffff0, &head, &size) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_ioprio_get, 1, id) >= 0);
    CHECK(syscall(SYS_ioprio_get, 1, 0x3ffffff0) == -1 && errno == ESRCH);
}

/* What the kernel keeps for a thread, asked for by the thread itself. */
static void *for_itself(void *what)
{
    enum { BEST_EFFORT_6 = 2 << 13 | 6 };
    int s[2], type;
    struct f_owner_ex owner = {F_OWNER_TID, gettid()}, is;
    switch (*(char *)what) {
    case 'i':
        CHECK(syscall(SYS_ioprio_set, 1, gettid(), BEST_EFFORT_6) == 0);
        CHECK(syscall(SYS_ioprio_get, 1, 0) == BEST_EFFORT_6 && syscall(SYS_ioprio_get, 1, gettid()) == BEST_EFFORT_6);
        CHECK(syscall(SYS_ioprio_set, 1, gettid(), 5 << 13) == -1 && errno == EINVAL);
        break;
    case 'o':
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
        atomic_store(&handled, 0);
        CHECK(fcntl(s[0], F_SETOWN_EX, &owner) == 0 && fcntl(s[0], F_SETSIG, SIGUSR1) == 0);
        CHECK(fcntl(s[0], F_SETFL, O_ASYNC) == 0 && fcntl(s[0], F_GETOWN_EX, &is) == 0);
        CHECK(is.type == F_OWNER_TID && is.pid == gettid());
        CHECK(write(s[1], "x", 1) == 1);
        await_handled(1);
        CHECK(pthread_equal(by, pthread_self()) && code == POLL_IN);
        CHECK(fcntl(s[0], F_SETOWN_EX, (void *)8) == -1 && errno == EFAULT);
        owner.pid = 0x3ffffff0;
        CHECK(fcntl(s[0], F_SETOWN_EX, &owner) == -1 && errno == ESRCH);
        close(s[0]);
        close(s[1]);
        break;
    }
    return NULL;
}

static void *all(void *of_main)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, target, NULL) == 0);
    sem_wait(&ready);
    pid_t other = atomic_load(&tid);
    signals(t, other);
    process(other);
    process(gettid());
    state(other);
    state(gettid());
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    return NULL;
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t t;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    all(NULL);
    puts("main");
    CHECK(pthread_create(&t, NULL, all, NULL) == 0 && pthread_join(t, NULL) == 0);
    puts("a thread");
    CHECK(pthread_create(&t, NULL, for_itself, "i") == 0 && pthread_join(t, NULL) == 0);
    puts("its own priority for files");
    CHECK(pthread_create(&t, NULL, for_itself, "o") == 0 && pthread_join(t, NULL) == 0);
    puts("signals of a descriptor");
    return 0;
}
