/*
 * The logger.
 *   errors THREADS   nobody listens; what is logged is on standard error, too
 *   socket THREADS   (where /dev is our own) it listens, but reads late: all wait, nothing is lost, others go on
 *   cancel THREADS   (there) it never reads: threads that wait in the send, or for each other, are cancelled
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern void __syslog_chk(int priority, int flag, const char *format, ...);
extern void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

enum { MESSAGES = 40 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void by_list(int checked, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (checked)
        __vsyslog_chk(LOG_ERR, 1, format, args);
    else
        vsyslog(LOG_ERR, format, args);
    va_end(args);
}

static void *errors(void *number)
{
    CHECK(pthread_mutex_lock(&one_at_a_time) == 0);
    openlog("victim", LOG_PERROR | LOG_NDELAY, LOG_LOCAL3);
    errno = ENOTDIR;
    syslog(LOG_INFO, "thread %ld: %s %m", (long)number, "plain");
    __syslog_chk(LOG_INFO, 1, "checked %d", 5);
    by_list(0, "list %d\n", 6);
    by_list(1, "checked list %d", 7);
    int mask = setlogmask(LOG_UPTO(LOG_ERR));
    syslog(LOG_INFO, "not to be seen");
    syslog(LOG_ERR, "mask was %x", mask);
    CHECK(setlogmask(mask) == LOG_UPTO(LOG_ERR));
    closelog();
    CHECK(pthread_mutex_unlock(&one_at_a_time) == 0);
    return NULL;
}

static int listener(void)
{
    struct sockaddr_un addr = {AF_UNIX, "/dev/log"};
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), size = 4096;
    CHECK(s >= 0 && bind(s, (struct sockaddr *)&addr, sizeof addr) == 0);
    CHECK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
    return s;
}

static atomic_int begun, stop;
static long ticks;

static void *ticker(void *unused)
{
    while (!stop) {
        usleep(1000);
        ticks++;
    }
    return NULL;
}

static void *talking(void *number)
{
    begun++;
    for (int i = 0; i < MESSAGES; i++)
        syslog(LOG_INFO, "thread %ld message %d %0500d", (long)number, i, 0);
    return NULL;
}

static void *talking_on(void *number)
{
    begun++;
    for (;;)
        syslog(LOG_INFO, "thread %ld %0500d", (long)number, 0);
}

/* In each thread's messages none is missing and their order is kept. */
static void read_all(int s, int threads)
{
    int next[threads];
    memset(next, 0, sizeof next);
    usleep(300000);
    for (int i = 0; i < threads * MESSAGES; i++) {
        char m[2000], *at;
        int thread, number;
        ssize_t n = recv(s, m, sizeof m - 1, 0);
        CHECK(n > 0);
        m[n] = '\0';
        CHECK((at = strstr(m, "victim: thread ")) && sscanf(at, "victim: thread %d message %d", &thread, &number) == 2);
        CHECK(number == next[thread]++);
    }
    printf("%d messages\n", threads * MESSAGES);
}

static void with_socket(int n, int cancel)
{
    int s = listener();
    pthread_t t[n], tick;
    fflush(stdout);
    pid_t child = cancel ? 0 : fork();
    CHECK(child >= 0);
    if (child == 0 && !cancel) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        read_all(s, n);
        fflush(stdout);
        _exit(0);
    }
    if (!cancel)
        close(s);
    openlog("victim", 0, LOG_DAEMON);
    CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, cancel ? talking_on : talking, (void *)i) == 0);
    while (begun < n || ticks < 50)
        usleep(1000);
    for (int i = 0; i < n && cancel; i++)
        CHECK(pthread_cancel(t[i]) == 0);
    for (int i = 0; i < n; i++) {
        void *result;
        CHECK(pthread_join(t[i], &result) == 0 && result == (cancel ? PTHREAD_CANCELED : NULL));
    }
    stop = 1;
    CHECK(pthread_join(tick, NULL) == 0);
    int status = 0;
    CHECK(cancel || (waitpid(child, &status, 0) == child && status == 0));
    closelog();
    printf("%d threads\n", n);
}

int main(int argc, char **argv)
{
    int n = atoi(argv[2]);
    pthread_t t[n + 1];
    if (strcmp(argv[1], "errors")) {
        with_socket(n, !strcmp(argv[1], "cancel"));
        return 0;
    }
    if (!n)
        errors(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, errors, (void *)i) == 0 && pthread_join(t[i], NULL) == 0);
    return 0;
}
