/*
 * A program with one thread makes short calls and is single-stepped meanwhile: how many instructions does each call
 * run that belong neither to the program nor to libc, its loader and the kernel's page? Bare that is none. Prints the
 * call, and the count if it is above the limit or asked for by an argument.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RANGES = 64 };

static int zero, null, set, ends[2];
static char c;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;
static struct iovec one = {&c, 1};
static struct msghdr msg = {.msg_iov = &one, .msg_iovlen = 1};
static struct pollfd watched;
static struct epoll_event event;
static sigset_t mask;
static struct timespec none;

static void nothing(void)
{
}

#define CALLS(X)                                                                                                       \
    X(read, read(zero, &c, 1))                                                                                         \
    X(write, write(null, &c, 1))                                                                                       \
    X(readv, readv(zero, &one, 1))                                                                                     \
    X(writev, writev(null, &one, 1))                                                                                   \
    X(pread, pread(zero, &c, 1, 0))                                                                                    \
    X(pwrite, pwrite(null, &c, 1, 0))                                                                                  \
    X(send, send(ends[0], &c, 1, 0))                                                                                   \
    X(recv, recv(ends[1], &c, 1, 0))                                                                                   \
    X(sendto, sendto(ends[0], &c, 1, 0, NULL, 0))                                                                      \
    X(recvfrom, recvfrom(ends[1], &c, 1, 0, NULL, NULL))                                                               \
    X(sendmsg, sendmsg(ends[0], &msg, 0))                                                                              \
    X(recvmsg, recvmsg(ends[1], &msg, 0))                                                                              \
    X(accept, accept(ends[0], NULL, NULL))                                                                             \
    X(getsockopt, getsockopt(ends[0], SOL_SOCKET, 0, NULL, NULL))                                                      \
    X(setsockopt, setsockopt(ends[0], SOL_SOCKET, 0, NULL, 0))                                                         \
    X(poll, poll(&watched, 1, 0))                                                                                      \
    X(ppoll, ppoll(&watched, 1, &none, &mask))                                                                         \
    X(select, select(0, NULL, NULL, NULL, &(struct timeval){0, 0}))                                                    \
    X(epoll_ctl, epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event))                                                       \
    X(epoll_wait, epoll_wait(set, &event, 1, 0))                                                                       \
    X(fcntl, fcntl(zero, F_GETFL))                                                                                     \
    X(ioctl, ioctl(zero, FIONREAD, &c))                                                                                \
    X(isatty, isatty(zero))                                                                                            \
    X(getsockname, getsockname(ends[0], NULL, NULL))                                                                   \
    X(dup2, dup2(zero, null))                                                                                          \
    X(close, close(null))                                                                                              \
    X(nanosleep, nanosleep(&none, NULL))                                                                               \
    X(waitpid, waitpid(-1, NULL, WNOHANG))                                                                             \
    X(sigaction, sigaction(SIGUSR1, NULL, NULL))                                                                       \
    X(sigprocmask, sigprocmask(SIG_BLOCK, NULL, &mask))                                                                \
    X(pthread_mutex_lock, pthread_mutex_lock(&mutex))                                                                  \
    X(pthread_mutex_trylock, pthread_mutex_trylock(&mutex))                                                            \
    X(pthread_mutex_unlock, pthread_mutex_unlock(&mutex))                                                              \
    X(pthread_rwlock_rdlock, pthread_rwlock_rdlock(&rwlock))                                                           \
    X(pthread_rwlock_unlock, pthread_rwlock_unlock(&rwlock))                                                           \
    X(pthread_rwlock_wrlock, pthread_rwlock_wrlock(&rwlock))                                                           \
    X(pthread_cond_signal, pthread_cond_signal(&cond))                                                                 \
    X(pthread_cond_broadcast, pthread_cond_broadcast(&cond))                                                           \
    X(pthread_once, pthread_once(&once, nothing))                                                                      \
    X(sem_post, sem_post(&sem))                                                                                        \
    X(sem_wait, sem_wait(&sem))

enum {
#define X(name, call) CALL_##name,
    CALLS(X)
#undef X
        N
};

static const char *const names[] = {
#define X(name, call) #name,
    CALLS(X)
#undef X
};

/* Who gives something up makes the real call first, and looks for waiters after it. Who copies a descriptor, or may
 * send or get one, is noted without threads, too. */
static int most(const char *name)
{
    static const char *const notes[] = {"dup", "fcntl", "sendmsg", "recvmsg"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (strstr(name, notes[i]) != NULL)
            return 48;
    static const char *const gives[] = {"unlock", "cond_signal", "broadcast", "post"};
    for (size_t i = 0; i < sizeof gives / sizeof *gives; i++)
        if (strstr(name, gives[i]) != NULL)
            return 24;
    return 8;
}

static volatile int *current; /* shared with the child */

static void make_calls(void)
{
#define X(name, call)                                                                                                  \
    *current = CALL_##name;                                                                                            \
    (void)(call);                                                                                                      \
    *current = -1;
    CALLS(X)
#undef X
    pthread_rwlock_unlock(&rwlock);
}

/* The second call of each counts: at the first one libc's is looked up. */
static void child(void)
{
    make_calls();
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(errno);
    raise(SIGSTOP);
    make_calls();
    _exit(0);
}

static struct {
    unsigned long start, end;
} ranges[RANGES];
static int nranges;

/* Code that is neither the program's nor the system's. */
static void find_ranges(void)
{
    char line[512], self[256];
    FILE *maps = fopen("/proc/self/maps", "r");

    self[readlink("/proc/self/exe", self, sizeof self - 1)] = '\0';
    while (fgets(line, sizeof line, maps) != NULL && nranges < RANGES) {
        char perms[5], path[256] = "";

        sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &ranges[nranges].start, &ranges[nranges].end, perms, path);
        if (perms[2] == 'x' && strcmp(path, self) != 0 && strstr(path, "/libc.so") == NULL &&
            strstr(path, "/ld-linux") == NULL && path[0] != '[')
            nranges++;
    }
    fclose(maps);
}

int main(int argc, char **argv)
{
    static long counts[N];
    int status, bad = 0;
    long steps = 0;

    zero = open("/dev/zero", O_RDONLY);
    null = open("/dev/null", O_WRONLY);
    set = epoll_create1(0);
    watched = (struct pollfd){zero, POLLIN, 0};
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    sem_init(&sem, 0, 0);
    current = mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *current = -1;
    find_ranges();

    pid_t pid = fork();
    if (pid == 0)
        child();
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        struct user_regs_struct regs;

        if (*current >= 0 && ptrace(PTRACE_GETREGS, pid, NULL, &regs) == 0)
            for (int i = 0; i < nranges; i++)
                counts[*current] += regs.rip >= ranges[i].start && regs.rip < ranges[i].end;
        steps++;
        ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
    }
    printf("child %d\n", status);
    printf("stepped %d\n", steps > N * 10);
    for (int i = 0; i < N; i++) {
        int above = counts[i] > most(names[i]);
        printf(above || argc > 1 ? "%s %ld\n" : "%s\n", names[i], counts[i]);
        bad |= above;
    }
    return bad;
}
