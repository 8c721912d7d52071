/* coax_cancel, coax_with_timeout, coax_protect and coax_join with every kind of wait. Says one line a wait; a line that
 * begins with "wrong" if something is. */
#define _GNU_SOURCE
#include <coax.h>
#include <netdb.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int empty[2], full[2], pair[2], listener, epoll_fd, child, busy_listener;
static struct sockaddr_in busy;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, with_cond = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static pthread_t endless;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(int good, const char *what, const char *detail)
{
    if (!good)
        printf("wrong: %s: %s\n", what, detail);
}

static void nap(void)
{
    usleep(20000);
}

/* pthread's way to fail as the others have it. */
static int number(int e)
{
    if (e == 0)
        return 0;
    errno = e;
    return -1;
}

static struct timespec far(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 1000;
    return t;
}

static int w_read(void) { char c; return (int)read(empty[0], &c, 1); }
static int w_write(void) { static char block[1 << 16]; return (int)write(full[1], block, sizeof block); }
static int w_recv(void) { char c; return (int)recv(pair[0], &c, 1, 0); }
static int w_recv_all(void) { char c[4]; return (int)recv(pair[0], c, sizeof c, MSG_WAITALL); }
static int w_accept(void) { return accept(listener, NULL, NULL); }
static int w_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int r = connect(fd, (struct sockaddr *)&busy, sizeof busy), e = errno;
    close(fd);
    errno = e;
    return r;
}
static int w_nanosleep(void)
{
    struct timespec t = {1000, 0}, left = {0, 0};
    int r = nanosleep(&t, &left), e = errno;
    check(left.tv_sec >= 990, "nanosleep", "no time left");
    errno = e;
    return r;
}
static int w_clock_nanosleep(void) { struct timespec t = {1000, 0}; return number(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL)); }
static int w_sleep(void) { unsigned left; errno = 0; left = sleep(1000); return left > 900 ? -1 : 0; }
static int w_usleep(void) { return usleep(999999999); }
static int w_coax_sleep(void) { return coax_sleep(1e300); }
static int w_poll(void) { struct pollfd p = {0, POLLIN, 0}; p.fd = empty[0]; return poll(&p, 1, -1); }
static int w_poll_none(void) { return poll(NULL, 0, 1000000); }
static int w_select(void) { fd_set s; FD_ZERO(&s); FD_SET(empty[0], &s); return select(empty[0] + 1, &s, NULL, NULL, NULL); }
static int w_epoll(void) { struct epoll_event e; return epoll_wait(epoll_fd, &e, 1, -1); }
static int w_waitpid(void) { return waitpid(child, NULL, 0); }
static int w_wait_any(void) { return wait(NULL); }
static int w_join(void) { return number(pthread_join(endless, NULL)); }
static int w_mutex(void) { struct timespec t = far(); return number(pthread_mutex_timedlock(&held, &t)); }
static int w_rdlock(void) { struct timespec t = far(); return number(pthread_rwlock_timedrdlock(&written, &t)); }
static int w_wrlock(void) { struct timespec t = far(); return number(pthread_rwlock_timedwrlock(&written, &t)); }
static int w_cond(void)
{
    int e;
    pthread_mutex_lock(&with_cond);
    e = pthread_cond_wait(&cond, &with_cond);
    check(pthread_mutex_unlock(&with_cond) == 0, "cond", "the mutex is not held");
    return number(e);
}
static int w_cond_timed(void)
{
    struct timespec t = far();
    int e;
    pthread_mutex_lock(&with_cond);
    e = pthread_cond_timedwait(&cond, &with_cond, &t);
    pthread_mutex_unlock(&with_cond);
    return number(e);
}
static int w_sem(void) { return sem_wait(&sem); }
static int w_sem_timed(void) { struct timespec t = far(); return sem_timedwait(&sem, &t); }
static int w_pause(void) { return pause(); }
static int w_name(void)
{
    struct addrinfo *found = NULL, hints;
    int r;
    memset(&hints, 0, sizeof hints);
    r = getaddrinfo("silent.example", "80", &hints, &found);
    return r == EAI_SYSTEM ? -1 : r == 0 ? 0 : number(1000 - r);
}
static int w_host(void) { return gethostbyname("silent.example") == NULL && h_errno == NETDB_INTERNAL ? -1 : 0; }

static const struct kind {
    const char *name;
    int (*wait)(void);
} kinds[] = {
    {"read", w_read}, {"write", w_write}, {"recv", w_recv}, {"recv MSG_WAITALL", w_recv_all}, {"accept", w_accept},
    {"connect", w_connect}, {"nanosleep", w_nanosleep}, {"clock_nanosleep", w_clock_nanosleep}, {"sleep", w_sleep},
    {"usleep", w_usleep}, {"coax_sleep", w_coax_sleep}, {"poll", w_poll}, {"poll without descriptors", w_poll_none},
    {"select", w_select}, {"epoll_wait", w_epoll}, {"waitpid", w_waitpid}, {"wait", w_wait_any},
    {"pthread_join", w_join}, {"pthread_mutex_timedlock", w_mutex}, {"pthread_rwlock_timedrdlock", w_rdlock},
    {"pthread_rwlock_timedwrlock", w_wrlock}, {"pthread_cond_wait", w_cond}, {"pthread_cond_timedwait", w_cond_timed},
    {"sem_wait", w_sem}, {"sem_timedwait", w_sem_timed}, {"pause", w_pause},
};
static const struct kind names[] = {{"getaddrinfo", w_name}, {"gethostbyname", w_host}};

/* On a loopback of our own: a name server that never answers. */
static void silent_server(void)
{
    struct sockaddr_in at;
    struct ifreq lo;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&lo, 0, sizeof lo);
    strcpy(lo.ifr_name, "lo");
    lo.ifr_flags = IFF_UP;
    check(ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "loopback", strerror(errno));
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons(53);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "name server", strerror(errno));
}

/* What happens to one waiting thread, and what it saw. */
struct waiter {
    const struct kind *kind;
    int r, error, again, again_error;
    double took, again_took;
};

static void *wait_once(void *arg)
{
    struct waiter *w = arg;
    double before = now();
    w->r = w->kind->wait();
    w->error = errno;
    w->took = now() - before;
    return w;
}

static void cancelled(const struct kind *kind, int before)
{
    struct waiter w;
    pthread_t t;
    void *result = NULL;
    int r;
    memset(&w, 0, sizeof w);
    w.kind = kind;
    pthread_create(&t, NULL, wait_once, &w);
    if (!before)
        nap();
    check(coax_cancel(t) == 0, kind->name, "coax_cancel");
    r = coax_join(t, &result);
    check(r == -1 && errno == ECANCELED, kind->name, "coax_join does not tell");
    check(result == &w, kind->name, "the result of the join");
    check(w.r == -1, kind->name, "it did not fail");
    if (w.error != ECANCELED)
        printf("wrong: %s: %s\n", kind->name, strerror(w.error));
}

static int wait_twice(void *arg)
{
    struct waiter *w = arg;
    double before = now();
    w->r = w->kind->wait();
    w->error = errno;
    w->took = now() - before;
    before = now();
    w->again = w->kind->wait();
    w->again_error = errno;
    w->again_took = now() - before;
    return 42;
}

static void timed(const struct kind *kind)
{
    struct waiter w;
    memset(&w, 0, sizeof w);
    w.kind = kind;
    check(coax_with_timeout(0.03, wait_twice, &w) == 42, kind->name, "what the function returns");
    check(w.r == -1 && w.again == -1, kind->name, "it did not fail");
    if (w.error != ETIMEDOUT || w.again_error != ETIMEDOUT)
        printf("wrong: %s: %s, %s\n", kind->name, strerror(w.error), strerror(w.again_error));
    if (w.took < 0.029 || w.took > 5 || w.again_took > 5)
        printf("wrong: %s: took %f and %f\n", kind->name, w.took, w.again_took);
}

static int wait_protected(void *arg)
{
    struct waiter *w = arg;
    w->r = coax_sleep(0.05);
    w->error = errno;
    return 7;
}

static void *protected_waiter(void *arg)
{
    struct waiter *w = arg;
    check(coax_protect(wait_protected, arg) == 7, w->kind->name, "what coax_protect returns");
    w->again = w->kind->wait();
    w->again_error = errno;
    return NULL;
}

static void kept(const struct kind *kind)
{
    struct waiter w;
    pthread_t t;
    memset(&w, 0, sizeof w);
    w.kind = kind;
    pthread_create(&t, NULL, protected_waiter, &w);
    nap();
    check(coax_cancel(t) == 0, kind->name, "coax_cancel");
    pthread_join(t, NULL);
    check(w.r == 0, kind->name, "the protected call failed");
    check(w.again == -1 && w.again_error == ECANCELED, kind->name, "the request was lost");
}

static void *sleep_long(void *arg)
{
    (void)arg;
    pthread_rwlock_wrlock(&written);
    while (coax_sleep(1e9) == 0)
        ;
    pthread_rwlock_unlock(&written);
    return NULL;
}

static void setup(void)
{
    static char block[1 << 16];
    struct epoll_event e;
    socklen_t size = sizeof busy;
    int i;
    check(pipe(empty) == 0 && pipe(full) == 0, "pipe", "");
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    while (write(full[1], block, 4096) == 4096) {
        struct pollfd p;
        p.fd = full[1];
        p.events = POLLOUT;
        if (poll(&p, 1, 0) == 0)
            break;
    }
    for (i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        memset(&busy, 0, sizeof busy);
        busy.sin_family = AF_INET;
        busy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bind(fd, (struct sockaddr *)&busy, sizeof busy);
        listen(fd, i == 0 ? 8 : 0);
        getsockname(fd, (struct sockaddr *)&busy, &size);
        if (i == 0)
            listener = fd;
        else
            busy_listener = fd;
    }
    for (i = 0; i < 2; i++) { /* fill its queue */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&busy, sizeof busy);
    }
    epoll_fd = epoll_create1(0);
    memset(&e, 0, sizeof e);
    e.events = EPOLLIN;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, empty[0], &e);
    child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    pthread_mutex_lock(&held);
    sem_init(&sem, 0, 0);
    pthread_create(&endless, NULL, sleep_long, NULL);
    nap();
}

/* What was waited for is still there: nothing has been taken or done. */
static void nothing_done(void)
{
    char c = 'x';
    struct pollfd p;
    int status;
    check(write(empty[1], "a", 1) == 1 && read(empty[0], &c, 1) == 1 && c == 'a', "pipe", "a byte is lost");
    check(write(pair[1], "b", 1) == 1 && read(pair[0], &c, 1) == 1 && c == 'b', "socketpair", "a byte is lost");
    p.fd = full[1];
    p.events = POLLOUT;
    check(poll(&p, 1, 0) == 0, "pipe", "it is not full any more");
    sem_post(&sem);
    check(sem_trywait(&sem) == 0, "semaphore", "a post is lost");
    kill(child, SIGKILL);
    check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "child", "the status is lost");
    pthread_mutex_unlock(&held);
    check(pthread_mutex_trylock(&held) == 0, "mutex", "somebody has it");
    coax_cancel(endless);
    check(coax_join(endless, NULL) == -1 && errno == ECANCELED, "endless", "not cancelled");
    check(pthread_rwlock_trywrlock(&written) == 0, "rwlock", "somebody has it");
}

static void all(const struct kind *k, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++) {
        cancelled(&k[i], 0);
        cancelled(&k[i], 1);
        kept(&k[i]);
        timed(&k[i]);
        printf("%s\n", k[i].name);
    }
}

int main(int argc, char **argv)
{
    size_t n = sizeof kinds / sizeof kinds[0];
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "names") == 0) {
        silent_server();
        all(names, 2);
        return 0;
    }
    setup();
    all(kinds, n);
    nothing_done();
    printf("%zu kinds of waits\n", n);
    return 0;
}
