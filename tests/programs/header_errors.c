/* coax_handle_unix_error says which call failed. usage: header_errors CASE [threads] */
#define _GNU_SOURCE
#include <coax.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[2];

static int reads(void *arg) { char c; (void)arg; return (int)read(77, &c, 1); }
static int writes(void *arg)
{
    (void)arg;
    close(fds[0]);
    return write(fds[1], "x", 1) == 1 ? 0 : -1;
}
/* What cleans up afterwards is not what failed. */
static int receives(void *arg)
{
    int e, r = (int)recv(fds[0], &e, 1, 0);
    (void)arg;
    e = errno;
    close(fds[0]);
    if (write(fds[1], "x", 1) == -1)
        close(99);
    errno = e;
    return r;
}
static int sleeps(void *arg) { struct timespec t = {0, -1}; (void)arg; return nanosleep(&t, NULL); }
static int controls(void *arg) { (void)arg; return fcntl(-3, F_GETFL); }
static int nested(void *arg) { return coax_handle_unix_error(receives, arg); }
static int own(void *arg) { (void)arg; (void)close(88); errno = EDOM; return -1; }
static int reopens(void *arg) { (void)arg; return freopen("/nonesuch/file", "r", stdin) != NULL ? 0 : -1; }
static int reopens_nothing(void *arg) { (void)arg; return freopen((const char *)8, "r", stdin) != NULL ? 0 : -1; }
static int succeeds(void *arg) { (void)close(88); return arg != NULL ? 5 : 6; }

static const struct {
    const char *name;
    int (*fn)(void *);
} cases[] = {{"reads", reads}, {"writes", writes}, {"receives", receives}, {"sleeps", sleeps}, {"controls", controls}, {"nested", nested},
             {"own", own}, {"reopens", reopens}, {"nothing", reopens_nothing}, {"succeeds", succeeds}};

static volatile int failures;

/* What fails elsewhere is another thread's. */
static void *other(void *arg)
{
    char c;
    for (; failures < 5; failures++)
        if (read(99, &c, 1) != -1)
            return arg;
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    size_t i;
    pthread_t t;
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2) {
        pthread_create(&t, NULL, other, NULL);
        while (failures < 5)
            sched_yield();
    }
    if (pipe(fds) != 0)
        return 1;
    for (i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, argv[1]) == 0)
            printf("%d\n", coax_handle_unix_error(cases[i].fn, NULL));
    return 0;
}
