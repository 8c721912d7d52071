/* fork in the middle of each race: a cancel against a completion, an abort against a close, the end of a notification
 * against a send, the end of a function on a signal against the signal. Three threads, each after a random time; the
 * child has the forking one alone, says what coax.h promises of it, and makes threads and races of its own.
 * usage: header_forks ROUNDS */
#define _GNU_SOURCE
#include <coax.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int wrong, round_of, in_child;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s%s, round %d (%s)\n", in_child ? "child: " : "", what, round_of, strerror(errno));
        fflush(stdout);
        wrong = 1;
        if (in_child)
            _exit(1);
    }
}

static unsigned seed = 1;

/* Some wait, some only let others run, some do not. */
static void pause_a_little(unsigned how)
{
    if (how % 4 == 1)
        sched_yield();
    if (how % 4 > 1)
        usleep(how / 4 % 300);
}

/* ---- what a child can do, whatever was under way at the fork ---- */

struct reading {
    int fd;
    ssize_t r;
    int error;
    char c;
};

static void *reads(void *arg)
{
    struct reading *t = arg;
    t->r = read(t->fd, &t->c, 1);
    t->error = errno;
    return NULL;
}

static volatile int called;

static void calls(void *arg)
{
    (void)arg;
    called++;
}

static void on_usr(int sig, void *arg)
{
    (void)sig;
    (void)arg;
    called++;
}

static int waited(int count)
{
    int i;
    for (i = 0; i < 5000 && called < count; i++)
        usleep(1000);
    return called == count;
}

static void lives(unsigned what)
{
    int fds[2];
    pthread_t t;
    struct reading r;
    memset(&r, 0, sizeof r);
    check(pipe(fds) == 0 && coax_fd_state(fds[0]) == COAX_FD_OPENED, "pipe");
    r.fd = fds[0];
    pthread_create(&t, NULL, reads, &r);
    pause_a_little(what);
    called = 0;
    if (what % 4 == 0) {
        check(coax_cancel(t) == 0 && coax_join(t, NULL) == -1 && errno == ECANCELED && r.error == ECANCELED, "cancel");
        return;
    }
    if (what % 4 == 1)
        check(coax_fd_abort(fds[0], EIO) == 0, "abort");
    else
        check(write(fds[1], "x", 1) == 1, "write");
    check(coax_join(t, NULL) == 0 && (what % 4 == 1 ? r.error == EIO : r.r == 1), "a read");
    if (what % 4 == 2)
        check(coax_send_notification(coax_make_notification(0, calls, NULL)) == 0 && waited(1), "a notification");
    if (what % 4 == 3) {
        coax_signal_handler *h = coax_on_signal(SIGUSR2, on_usr, NULL);
        check(h != NULL && kill(getpid(), SIGUSR2) == 0 && waited(1) && coax_disable_signal_handler(h) == 0, "a function");
    }
}

/* ---- the races ---- */

static int race[2], notification, stopped;
static coax_signal_handler *handler;
static pthread_t reader;
static struct reading reading;

static void cancel_begin(void)
{
    check(pipe(race) == 0, "pipe");
    memset(&reading, 0, sizeof reading);
    reading.fd = race[0];
    pthread_create(&reader, NULL, reads, &reading);
}

static void cancel_left(void) { check(coax_cancel(reader) == 0, "coax_cancel"); }
static void cancel_right(void) { check(write(race[1], "y", 1) == 1, "write"); }

static void cancel_child(void)
{
    check(coax_fd_check(race[0]) == 0, "the descriptor");
}

static void cancel_end(void)
{
    int r = coax_join(reader, NULL), left = 0;
    char c = 0;
    if (r == 0)
        check(reading.r == 1 && reading.c == 'y', "it was read");
    else
        check(errno == ECANCELED && reading.r == -1 && reading.error == ECANCELED, "it was cancelled");
    left = coax_readable(race[0]);
    check(left == (r != 0) && (r == 0 || (read(race[0], &c, 1) == 1 && c == 'y')), "what is left");
    close(race[0]);
    close(race[1]);
}

static void abort_left(void) { check(coax_fd_abort(race[0], EIO) == 0 || errno == EBADF, "coax_fd_abort"); }
static void abort_right(void) { check(close(race[0]) == 0, "close"); }

/* An abort is none of the child's, and so no state that the number could keep. */
static void abort_child(void)
{
    int state = coax_fd_state(race[0]), fds[2];
    check(state == COAX_FD_OPENED || state == COAX_FD_CLOSED, "the state");
    check(close(race[0]) == (state == COAX_FD_OPENED ? 0 : -1), "close");
    check(pipe(fds) == 0 && coax_fd_check(fds[0]) == 0 && coax_fd_check(fds[1]) == 0, "the next owner");
}

static void abort_end(void)
{
    pthread_join(reader, NULL);
    check(reading.r == -1 && (reading.error == EIO || reading.error == EBADF), "who waited");
    check(coax_fd_state(race[0]) == COAX_FD_CLOSED, "it is closed");
    close(race[1]);
}

static void stop_begin(void)
{
    called = stopped = 0;
    notification = coax_make_notification(0, calls, NULL);
    check(notification > 0, "coax_make_notification");
}

static void stop_left(void)
{
    check(coax_stop_notification(notification) == 0, "coax_stop_notification");
    stopped = 1;
}

static void stop_right(void)
{
    int i, r = 0;
    for (i = 0; i < 50 && r == 0; i++) {
        r = coax_send_notification(notification);
        pause_a_little((unsigned)i);
    }
    check(r == 0 || errno == ENOENT, "coax_send_notification");
}

static void stop_child(void)
{
    int there = coax_stop_notification(notification) == 0, before;
    check(there || errno == ENOENT, "coax_stop_notification");
    check(!there || !stopped, "it was stopped before");
    check(coax_send_notification(notification) == -1 && errno == ENOENT, "coax_send_notification");
    before = called;
    usleep(1000);
    check(called == before, "a call after the stop");
}

static void stop_end(void)
{
    int before = called;
    check(coax_send_notification(notification) == -1 && errno == ENOENT, "coax_send_notification");
    usleep(100);
    check(called <= before + 1, "calls after the stop"); /* one may have been under way */
}

static void disable_begin(void)
{
    called = 0;
    signal(SIGUSR1, SIG_IGN);
    handler = coax_on_signal(SIGUSR1, on_usr, NULL);
    check(handler != NULL && coax_signal_count() == 1, "coax_on_signal");
}

static void disable_left(void) { check(coax_disable_signal_handler(handler) == 0, "coax_disable_signal_handler"); }

static void disable_right(void)
{
    int i;
    for (i = 0; i < 20; i++) {
        check(kill(getpid(), SIGUSR1) == 0, "kill");
        pause_a_little((unsigned)i);
    }
}

static void disable_child(void)
{
    struct sigaction a;
    int before = called;
    check(coax_signal_count() == 0, "coax_signal_count");
    check(coax_disable_signal_handler(handler) == -1 && errno == ENOENT, "coax_disable_signal_handler");
    check(sigaction(SIGUSR1, NULL, &a) == 0 && a.sa_handler == SIG_IGN, "the program's own disposition");
    check(kill(getpid(), SIGUSR1) == 0, "kill");
    usleep(1000);
    check(called == before, "a call in the child");
}

static void disable_end(void)
{
    check(called <= 20 && coax_signal_count() == 0, "calls");
    signal(SIGUSR1, SIG_DFL);
}

static const struct race {
    const char *name;
    void (*begin)(void), (*left)(void), (*right)(void), (*child)(void), (*end)(void);
} races[] = {{"cancel against completion", cancel_begin, cancel_left, cancel_right, cancel_child, cancel_end},
             {"abort against close", cancel_begin, abort_left, abort_right, abort_child, abort_end},
             {"stop against send", stop_begin, stop_left, stop_right, stop_child, stop_end},
             {"disable against signal", disable_begin, disable_left, disable_right, disable_child, disable_end}};

struct part {
    void (*run)(void);
    unsigned how;
};

static void *runs(void *arg)
{
    const struct part *p = arg;
    pause_a_little(p->how);
    p->run();
    return NULL;
}

static const struct race *now;
static unsigned child_does;

static void forks(void)
{
    int status = -1;
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        in_child = 1;
        alarm(30);
        now->child();
        lives(child_does);
        _exit(0);
    }
    check(waitpid(pid, &status, 0) == pid && status == 0, "the child");
}

static void rounds(const struct race *r, int n)
{
    int i;
    now = r;
    for (i = 0; i < n && !wrong; i++) {
        pthread_t t[3];
        struct part parts[3];
        int j;
        round_of = i;
        child_does = (unsigned)rand_r(&seed);
        parts[0].run = r->left;
        parts[1].run = r->right;
        parts[2].run = forks;
        r->begin();
        for (j = 0; j < 3; j++)
            parts[j].how = (unsigned)rand_r(&seed);
        if (i % 4 == 0) { /* the fork is likely between the two */
            parts[i / 4 % 2].how = 0;
            parts[!(i / 4 % 2)].how = 4 * 299 + 2;
            parts[2].how = 1;
        }
        for (j = 0; j < 3; j++)
            pthread_create(&t[j], NULL, runs, &parts[(i + j) % 3]);
        for (j = 0; j < 3; j++)
            pthread_join(t[j], NULL);
        r->end();
    }
    printf("%s\n", r->name);
}

int main(int argc, char **argv)
{
    size_t i;
    alarm(200);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (i = 0; i < sizeof races / sizeof races[0]; i++)
        rounds(&races[i], argc > 1 ? atoi(argv[1]) : 200);
    printf("done\n");
    return wrong;
}
