/*
 * A handler that leaves a blocking call by siglongjmp: out of read, poll, sleep, accept, wait, many times, and the
 * program goes on as if nothing had been under way.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static sigjmp_buf out;
static int jumps;

static void on_alarm(int sig)
{
    siglongjmp(out, 1);
}

int main(void)
{
    int p[2], s[2], listener = socket(AF_INET, SOCK_STREAM, 0), set = epoll_create1(0), status;
    struct sigaction act = {.sa_handler = on_alarm};
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {EPOLLIN, {0}};
    sigset_t now;
    char c;
    volatile int i;
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(bind(listener, (void *)&where, sizeof where) == 0 && listen(listener, 5) == 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e) == 0);
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    for (i = 0; i < 140; i++) {
        struct pollfd f = {p[0], POLLIN, 0};
        struct itimerval soon = {{0, 0}, {0, 3000}};
        if (sigsetjmp(out, 1)) {
            jumps++;
            continue;
        }
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
        switch (i % 7) {
        case 0:
            read(p[0], &c, 1);
            break;
        case 1:
            recv(s[0], &c, 1, 0);
            break;
        case 2:
            poll(&f, 1, -1);
            break;
        case 3:
            epoll_wait(set, &e, 1, -1);
            break;
        case 4:
            sleep(100);
            break;
        case 5:
            accept(listener, NULL, NULL);
            break;
        default:
            waitpid(pid, &status, 0);
        }
        CHECK(!"came back");
    }
    CHECK(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGALRM));
    CHECK(write(p[1], "x", 1) == 1 && read(p[0], &c, 1) == 1);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    usleep(1000);
    printf("%d jumps\n", jumps);
    return 0;
}
