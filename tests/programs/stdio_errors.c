/*
 * What goes wrong on a stream is told as libc tells it: end of file, bad descriptor, broken pipe with its signal, full
 * device, a handler that interrupts or does not return, a descriptor that the program made non-blocking. The stream can be used again.
 * usage: stdio_errors THREADS      0: one thread; 1: a second one that sleeps now and then
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <wchar.h>

static int broken, alarms, stop;

static void count(int sig)
{
    if (sig == SIGPIPE)
        broken++;
    else
        alarms++;
}

static void *other(void *unused)
{
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    while (!stop)
        usleep(2000);
    return NULL;
}

static void say(const char *what, long r, FILE *f)
{
    int e = errno;
    printf("%s: %ld %s eof %d error %d\n", what, r, r < 0 || (f != NULL && ferror(f)) ? strerror(e) : "-",
           f != NULL && feof(f), f != NULL && ferror(f));
    errno = 0;
    if (f != NULL)
        clearerr(f);
}

static void handlers(int flags)
{
    struct sigaction act = {.sa_handler = count, .sa_flags = flags};
    sigaction(SIGALRM, &act, NULL);
    act.sa_flags = 0;
    sigaction(SIGPIPE, &act, NULL);
}

/* A signal in 20 ms, and again. */
static void alarm_soon(int again)
{
    struct itimerval t = {{0, again}, {0, 20000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static int later[2];

static void *write_later(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    usleep(60000);
    write(later[1], "late\n", 5);
    return NULL;
}

static void ends(void)
{
    int p[2];
    char buf[100];
    pipe(p);
    FILE *in = fdopen(p[0], "r"), *out = fdopen(p[1], "w");
    fputs("last line without an end", out);
    fclose(out);
    say("fgets", fgets(buf, sizeof buf, in) != NULL, in);
    say("fgets at the end", fgets(buf, sizeof buf, in) != NULL, in);
    say("fread at the end", (long)fread(buf, 1, 10, in), in);
    say("getc at the end", getc(in), in);
    say("putc on a stream for reading", putc('x', in), in);
    say("fclose", fclose(in), NULL);
}

static void bad(void)
{
    int p[2];
    char buf[100];
    pipe(p);
    FILE *in = fdopen(p[0], "r"), *out = fdopen(p[1], "w");
    close(p[0]);
    close(p[1]);
    say("fgets, closed behind its back", fgets(buf, sizeof buf, in) != NULL, in);
    say("fputs, closed behind its back", fputs("x", out), out);
    say("fflush", fflush(out), out);
    say("fclose", fclose(in), NULL);
    say("fclose with data", fclose(out), NULL);
    FILE *null = fopen("/dev/null", "r");
    say("fgets of nothing", fgets(buf, sizeof buf, null) != NULL, null);
    fclose(null);
    say("dprintf", dprintf(p[1], "x"), NULL);
}

static void pipes(void)
{
    int p[2];
    pipe(p);
    FILE *out = fdopen(p[1], "w");
    close(p[0]);
    say("fputs into a broken pipe", fputs("x\n", out), out);
    say("fflush", fflush(out), out);
    printf("signals: %d\n", broken);
    fclose(out);
    printf("and at the end: %d\n", broken);
    signal(SIGPIPE, SIG_IGN);
    socketpair(AF_UNIX, SOCK_STREAM, 0, p);
    out = fdopen(p[1], "w");
    setvbuf(out, NULL, _IONBF, 0);
    close(p[0]);
    say("fprintf into a broken socket", fprintf(out, "%d\n", 5), out);
    say("fclose", fclose(out), NULL);
}

static void full(void)
{
    FILE *f = fopen("/dev/full", "w");
    char buf[20000];
    memset(buf, 'x', sizeof buf);
    say("fputs to a full device", fputs("x", f), f);
    say("fflush", fflush(f), f);
    say("fwrite", (long)fwrite(buf, 1, sizeof buf, f), f);
    say("fclose", fclose(f), NULL);
    f = fopen("/dev/full", "w");
    fwide(f, 1);
    say("fwprintf", fwprintf(f, L"%ls", L"wide"), f);
    say("fclose", fclose(f), NULL);
}

static void interrupted(int threads)
{
    char buf[100];
    int p[2];
    pipe(p);
    FILE *in = fdopen(p[0], "r"), *out = fdopen(p[1], "w");
    handlers(0);
    alarm_soon(20000);
    say("fgets, a handler", fgets(buf, sizeof buf, in) != NULL, in);
    alarm_soon(0);
    usleep(30000);
    fputs("again\n", out);
    fflush(out);
    say("fgets again", fgets(buf, sizeof buf, in) != NULL, in);
    printf("%s", buf);
    static char big[200000];
    memset(big, 'y', sizeof big);
    alarm_soon(20000); /* one for what fits, one for the rest */
    say("fwrite, handlers", (long)fwrite(big, 1, sizeof big, out) < (long)sizeof big, out);
    alarm_soon(0);
    usleep(30000);
    printf("alarms %s\n", alarms > 1 ? "came" : "did not come");
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    long got = 0, n;
    while ((n = read(p[0], big, sizeof big)) > 0)
        got += n;
    printf("in the pipe %ld\n", got);
    say("fgets of an empty pipe that does not block", fgets(buf, sizeof buf, in) != NULL, in);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    say("fwrite to one that does not block", fwrite(big, 1, sizeof big, out) < sizeof big, out);
    if (threads) {
        pthread_t t;
        pipe(later);
        FILE *f = fdopen(later[0], "r");
        handlers(SA_RESTART);
        pthread_create(&t, NULL, write_later, NULL);
        alarm_soon(0);
        say("fgets, a handler that restarts", fgets(buf, sizeof buf, f) != NULL, f);
        printf("%s", buf);
        pthread_join(t, NULL);
        fclose(f);
        close(later[1]);
    }
}

static sigjmp_buf away;

static void jump(int sig)
{
    siglongjmp(away, 1);
}

static void leave(int sig)
{
    pthread_exit("left");
}

static FILE *shared;

static void *left(void *unused)
{
    char buf[100];
    return fgets(buf, sizeof buf, shared);
}

static void *next(void *buf)
{
    return fgets(buf, 100, shared);
}

/* Handlers that do not come back to the read that they interrupted. */
static void jumped(int threads)
{
    char buf[100];
    int p[2];
    pipe(p);
    shared = fdopen(p[0], "r");
    signal(SIGALRM, jump);
    if (sigsetjmp(away, 1) == 0) {
        alarm_soon(20000);
        fgets(buf, sizeof buf, shared);
    }
    alarm_soon(0);
    signal(SIGALRM, SIG_IGN);
    usleep(30000);
    write(p[1], "after the jump\n", 15);
    say("fgets in the same thread", fgets(buf, sizeof buf, shared) != NULL, shared);
    printf("%s", buf);
    funlockfile(shared); /* which had it locked all the time */
    if (threads) {
        pthread_t t, u;
        void *r;
        signal(SIGUSR1, leave);
        pthread_create(&t, NULL, left, NULL);
        while (ftrylockfile(shared) == 0) {
            funlockfile(shared);
            usleep(200);
        }
        pthread_create(&u, NULL, next, buf);
        usleep(2000);
        pthread_kill(t, SIGUSR1);
        pthread_join(t, &r);
        write(p[1], "after the exit\n", 15);
        printf("%s, ", r == NULL ? "read" : (char *)r);
        pthread_join(u, &r);
        printf("%s", (char *)r);
    }
    fclose(shared);
    close(p[1]);
}

int main(int argc, char **argv)
{
    int threads = atoi(argv[1]);
    pthread_t t;
    if (threads)
        pthread_create(&t, NULL, other, NULL);
    handlers(0);
    errno = 0;
    ends();
    bad();
    pipes();
    full();
    interrupted(threads);
    jumped(threads);
    stop = 1;
    if (threads)
        pthread_join(t, NULL);
    return 0;
}
