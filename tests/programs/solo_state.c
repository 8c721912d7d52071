/*
 * What the process looks like from outside after a life of ordinary blocking calls: kernel threads, descriptors,
 * timers, signal mask and dispositions, limits, names; and how far each of them changes when it does something.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static void entries(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    printf("%s %d\n", dir, n);
    if (d)
        closedir(d);
}

static void lines(const char *file)
{
    FILE *f = fopen(file, "r");
    int n = 0;
    for (int c; f && (c = getc(f)) != EOF;)
        n += c == '\n';
    printf("%s %d\n", file, n);
    if (f)
        fclose(f);
}

static void status(void)
{
    static const char *wanted[] = {"Name:",   "Threads:", "SigQ:",       "SigPnd:",  "ShdPnd:", "SigBlk:",
                                   "SigIgn:", "SigCgt:",  "NoNewPrivs:", "Seccomp:", "Umask:",  "TracerPid:"};
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (!strncmp(line, wanted[i], strlen(wanted[i])) && strncmp(line, "SigQ:", 5))
                fputs(line, stdout);
    fclose(f);
}

static void look(const char *when)
{
    struct sigaction act;
    printf("%s\n", when);
    entries("/proc/self/task");
    entries("/proc/self/fd");
    lines("/proc/self/timers");
    status();
    for (int i = 1; i < NSIG; i++)
        if (sigaction(i, NULL, &act) == 0 && act.sa_handler != SIG_DFL)
            printf("signal %d %s\n", i, act.sa_handler == SIG_IGN ? "ignored" : "handled");
    stack_t alt;
    CHECK(sigaltstack(NULL, &alt) == 0);
    printf("alternate stack %s\n", alt.ss_flags & SS_DISABLE ? "none" : "set");
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    printf("descriptors %lu of %lu, ", (long)r.rlim_cur, (long)r.rlim_max);
    CHECK(getrlimit(RLIMIT_STACK, &r) == 0);
    printf("stack %ld, timer slack %d, subreaper %d, tid is pid %d\n", (long)r.rlim_cur, prctl(PR_GET_TIMERSLACK), ({
               int on = 0;
               prctl(PR_GET_CHILD_SUBREAPER, &on);
               on;
           }),
           gettid() == getpid() && syscall(SYS_gettid) == getpid());
}

static void live(void)
{
    int p[2], s[2], set, status;
    char c;
    struct timespec ms = {0, 1000000};
    struct timeval tv = {0, 1000};
    struct epoll_event e = {EPOLLIN, {0}};
    struct addrinfo *list;
    pid_t pid;
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    fflush(stdout);
    CHECK((pid = fork()) >= 0);
    if (pid == 0) {
        for (int i = 0; i < 4; i++) {
            usleep(5000);
            write(p[1], "x", 1);
            usleep(5000);
            send(s[1], "x", 1, 0);
        }
        _exit(0);
    }
    struct pollfd f = {p[0], POLLIN, 0};
    CHECK(read(p[0], &c, 1) == 1 && recv(s[0], &c, 1, 0) == 1);
    CHECK(poll(&f, 1, -1) == 1 && read(p[0], &c, 1) == 1);
    CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, s[0], &e) == 0);
    CHECK(epoll_wait(set, &e, 1, -1) == 1 && read(s[0], &c, 1) == 1);
    CHECK(read(p[0], &c, 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(nanosleep(&ms, NULL) == 0 && usleep(1000) == 0 && select(0, NULL, NULL, NULL, &tv) == 0);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL) == 0);
    CHECK(getaddrinfo("127.0.0.1", "1", NULL, &list) == 0);
    freeaddrinfo(list);
    CHECK(gethostbyname("localhost") != NULL || h_errno);
    if ((pid = vfork()) == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    close(p[0]);
    close(p[1]);
    close(s[0]);
    close(s[1]);
    close(set);
}

static void handler(int sig)
{
}

int main(void)
{
    sigset_t some;
    timer_t timer;
    look("at start");
    live();
    look("after blocking calls");
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigaddset(&some, 40);
    CHECK(sigprocmask(SIG_BLOCK, &some, NULL) == 0);
    CHECK(raise(SIGTERM) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
    int extra = open("/dev/null", O_RDONLY);
    CHECK(extra >= 0);
    look("with a handler, a mask, a timer and a descriptor of its own");
    live();
    look("and again");
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    return 0;
}
