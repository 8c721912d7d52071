/*
 * A life of threads, pipes, sockets, sleeps, polls, names and children after something has been taken away.
 * usage: hardship REPORT WHEN WHAT [ARGUMENT]
 *   WHEN: before (the first thread), after (threads have lived already), during (they live meanwhile)
 *   WHAT: close 012 | nofile N | as MEGABYTES | data MEGABYTES | stack KILOBYTES | nproc N | chroot DIR | closeall | nothing
 * What happened is written to the file REPORT, for the standard descriptors may be closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4 };

static int report = -1;
static volatile int stop;

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            dprintf(report, "FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                    \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int done;

static void *lives(void *unused)
{
    int p[2], s[2];
    char c;
    pthread_mutex_lock(&lock); /* few descriptors: one at a time has some */
    CHECK(pipe(p) == 0);
    CHECK(write(p[1], "x", 1) == 1);
    struct pollfd f = {p[0], POLLIN, 0};
    CHECK(poll(&f, 1, -1) == 1 && read(p[0], &c, 1) == 1);
    CHECK(poll(&f, 1, 5) == 0);
    close(p[0]);
    close(p[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(send(s[0], "y", 1, 0) == 1 && recv(s[1], &c, 1, 0) == 1 && c == 'y');
    close(s[0]);
    close(s[1]);
    done++;
    pthread_mutex_unlock(&lock);
    usleep(2000);
    return NULL;
}

static void *echo(void *arg)
{
    char c;
    while (read(((int *)arg)[0], &c, 1) == 1)
        CHECK(write(((int *)arg)[1], &c, 1) == 1);
    return NULL;
}

static void threads(void)
{
    pthread_t t[THREADS];
    pthread_attr_t small;
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 65536) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], &small, lives, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(pthread_create(&t[0], NULL, lives, NULL) == 0); /* a default stack */
    CHECK(pthread_join(t[0], NULL) == 0);
}

/* Two threads that throw a byte to and fro, on descriptors that they have already. */
static void talk(void)
{
    int there[2], back[2], ends[2];
    pthread_t t;
    char c = 'z';
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    ends[0] = there[0];
    ends[1] = back[1];
    CHECK(pthread_create(&t, NULL, echo, ends) == 0);
    for (int i = 0; i < 200; i++)
        CHECK(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1 && c == 'z');
    close(there[1]);
    CHECK(pthread_join(t, NULL) == 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
}

static void child(int may_fork)
{
    int status;
    pid_t pid = fork();
    if (!may_fork) {
        CHECK(pid == -1 && errno == EAGAIN);
        return;
    }
    CHECK(pid >= 0);
    if (pid == 0) {
        threads();
        _exit(5);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static void lower(int which, rlim_t to)
{
    struct rlimit r = {to, to};
    CHECK(setrlimit(which, &r) == 0);
}

static rlim_t status_of(const char *format)
{
    char line[256];
    rlim_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, format, &kb);
    fclose(f);
    return kb << 10;
}

static int take_away(const char *what, const char *arg)
{
    if (!strcmp(what, "close")) {
        for (; *arg; arg++)
            CHECK(close(*arg - '0') == 0);
    } else if (!strcmp(what, "nofile")) {
        lower(RLIMIT_NOFILE, atoi(arg));
    } else if (!strcmp(what, "as")) {
        lower(RLIMIT_AS, status_of("VmSize: %lu") + ((rlim_t)atoi(arg) << 20));
    } else if (!strcmp(what, "data")) { /* counts private memory as strict overcommit does */
        lower(RLIMIT_DATA, status_of("VmData: %lu") + ((rlim_t)atoi(arg) << 20));
    } else if (!strcmp(what, "stack")) {
        lower(RLIMIT_STACK, (rlim_t)atoi(arg) << 10);
    } else if (!strcmp(what, "nproc")) {
        lower(RLIMIT_NPROC, atoi(arg));
        return 0;
    } else if (!strcmp(what, "chroot")) {
        CHECK(chroot(arg) == 0 && chdir("/") == 0);
    } else if (!strcmp(what, "closeall")) {
        for (int fd = 0; fd < 1024; fd++)
            if (fd != report)
                close(fd);
    }
    return 1;
}

static void *keeps(void *unused)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

int main(int argc, char **argv)
{
    struct addrinfo *list;
    pthread_t other;
    int may_fork;
    CHECK((report = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) >= 0);
    report = fcntl(report, F_DUPFD, 9);
    if (strcmp(argv[2], "before")) {
        threads();
        talk();
    }
    if (!strcmp(argv[2], "during"))
        CHECK(pthread_create(&other, NULL, keeps, NULL) == 0);
    may_fork = take_away(argv[3], argc > 4 ? argv[4] : "");
    threads();
    talk();
    child(may_fork);
    int e = getaddrinfo("127.0.0.1", "80", NULL, &list);
    dprintf(report, "getaddrinfo %d\n", e);
    CHECK(usleep(1000) == 0);
    int fd = dup(report);
    dprintf(report, "descriptor %d, %d lives\n", fd, done);
    if (!strcmp(argv[2], "during")) {
        stop = 1;
        CHECK(pthread_join(other, NULL) == 0);
    }
    dprintf(report, "well\n");
    return 0;
}
