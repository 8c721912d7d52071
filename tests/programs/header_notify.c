/* Notifications and functions on signals. Says what it saw; a line that begins with "wrong" if something is. */
#define _GNU_SOURCE
#include <coax.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(int good, const char *what)
{
    if (!good)
        printf("wrong: %s (errno %d)\n", what, errno);
}

static int wait_for(const volatile int *count, int want)
{
    int i;
    for (i = 0; i < 20000 && *count < want; i++)
        usleep(1000);
    return *count >= want;
}

static void count_one(void *arg)
{
    ++*(volatile int *)arg;
}

/* ---- notifications ---- */

static char order[64];

static void write_letter(void *arg)
{
    size_t n = strlen(order);
    order[n] = *(const char *)arg;
    order[n + 1] = '\0';
}

static void basics(void)
{
    static char a = 'a', b = 'b', c = 'c';
    int one, two, three, i;
    volatile int calls = 0;
    one = coax_make_notification(0, write_letter, &a);
    two = coax_make_notification(0, write_letter, &b);
    three = coax_make_notification(1, write_letter, &c);
    check(one > 0 && two > 0 && three > 0 && one != two && two != three, "numbers");
    for (i = 0; i < 3; i++) {
        check(coax_send_notification(two) == 0, "send");
        check(coax_send_notification(one) == 0, "send");
        coax_send_notification(three);
    }
    for (i = 0; i < 5000 && strlen(order) < 7; i++)
        usleep(1000);
    usleep(20000);
    printf("order %s\n", order);
    check(coax_send_notification(three) == -1 && errno == ENOENT, "once has stopped");
    check(coax_set_notification(two, count_one, (void *)&calls) == 0, "set");
    check(coax_send_notification(two) == 0 && wait_for(&calls, 1), "what was set");
    check(coax_stop_notification(one) == 0, "stop");
    check(coax_stop_notification(one) == -1 && errno == ENOENT, "stop again");
    check(coax_send_notification(one) == -1 && errno == ENOENT, "send to none");
    check(coax_set_notification(one, count_one, NULL) == -1 && errno == ENOENT, "set none");
    check(coax_make_notification(0, NULL, NULL) == -1 && errno == EINVAL, "no function");
    check(coax_set_notification(two, NULL, NULL) == -1 && errno == EINVAL, "set no function");
    check(coax_send_notification(0) == -1 && errno == ENOENT, "send 0");
    check(coax_send_notification(-1) == -1 && errno == ENOENT, "send -1");
    check(coax_stop_notification(two) == 0, "stop the last");
    printf("basics\n");
}

/* libc's own thread, a kernel thread, runs these. */
static int many_id;
static volatile int many_calls, many_done;

static void send_many(union sigval value)
{
    int i;
    for (i = 0; i < value.sival_int; i++)
        check(coax_send_notification(many_id) == 0, "send from a kernel thread");
    many_done = 1;
}

static volatile int handled;

static void send_hundred(int sig)
{
    int i, saved = errno;
    (void)sig;
    for (i = 0; i < 100; i++)
        if (coax_send_notification(many_id) == 0)
            handled++;
    errno = saved;
}

static void none_lost(void)
{
    timer_t timer;
    struct sigevent event;
    struct itimerspec soon;
    struct sigaction act;
    int i;
    many_id = coax_make_notification(0, count_one, (void *)&many_calls);
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = send_many;
    event.sigev_value.sival_int = 100000;
    check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    memset(&soon, 0, sizeof soon);
    soon.it_value.tv_nsec = 1000000;
    check(timer_settime(timer, 0, &soon, NULL) == 0, "timer_settime");
    wait_for(&many_calls, 100000);
    usleep(10000);
    printf("%d from a kernel thread\n", many_calls);
    timer_delete(timer);

    many_calls = 0;
    memset(&act, 0, sizeof act);
    act.sa_handler = send_hundred;
    act.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &act, NULL);
    for (i = 0; i < 1000; i++)
        raise(SIGUSR1);
    wait_for(&many_calls, handled);
    usleep(10000);
    printf("%d from %d in a handler\n", many_calls, handled);

    /* Handlers that come while the core waits, or picks, or sends. */
    many_calls = handled = 0;
    fflush(stdout);
    if (fork() == 0) {
        for (i = 0; i < 3000; i++) {
            kill(getppid(), SIGUSR1);
            if (i % 3 == 0)
                usleep(50);
        }
        _exit(0);
    }
    for (i = 0; waitpid(-1, NULL, WNOHANG) == 0;) {
        i += coax_send_notification(many_id) == 0;
        if (i % 64 == 0)
            usleep(100);
    }
    wait_for(&many_calls, handled + i);
    usleep(10000);
    check(handled > 0 && many_calls == handled + i, "as many calls as sends");
    printf("none lost\n");
    coax_stop_notification(many_id);
}

/* The function may block and use threads and locks; the program goes on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int slept;

static void *nothing(void *arg)
{
    return arg;
}

static void slow(void *arg)
{
    pthread_t thread;
    usleep(30000);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, nothing, arg) == 0)
        pthread_join(thread, NULL);
    slept++;
}

static void leaves(void *arg)
{
    (void)arg;
    slept++;
    pthread_exit(NULL);
}

static void becomes_kernel_thread(void *arg)
{
    struct sched_param p;
    (void)arg;
    p.sched_priority = 0;
    sched_setscheduler(0, SCHED_BATCH, &p);
    slept++;
}

static void functions(void)
{
    void (*const fns[])(void *) = {slow, leaves, becomes_kernel_thread, slow};
    unsigned i;
    int turns;
    for (i = 0; i < sizeof fns / sizeof fns[0]; i++) {
        int id = coax_make_notification(0, fns[i], NULL);
        slept = turns = 0;
        check(id > 0, "make");
        coax_send_notification(id);
        coax_send_notification(id);
        for (; slept < 2 && turns < 10000; turns++)
            usleep(1000);
        check(slept == 2, "functions that block, end or change their thread");
        check(fns[i] != slow || turns > 5, "the program goes on meanwhile");
        coax_stop_notification(id);
    }
    printf("functions\n");
}

static volatile int child_calls;

/* In the child they are called once there are fibers. */
static void forks(void)
{
    int id = coax_make_notification(0, count_one, (void *)&child_calls), status, round;
    pthread_t thread;
    check(id > 0, "make");
    fflush(stdout);
    for (round = 0; round < 20; round++) {
        pid_t child;
        child_calls = 0;
        coax_send_notification(id); /* the parent's, whenever it comes */
        child = fork();
        if (child == 0) {
            child_calls = 0;
            if (coax_send_notification(id) != 0)
                _exit(1);
            if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
                _exit(2);
            if (!wait_for(&child_calls, 1))
                _exit(3);
            if (coax_stop_notification(id) != 0 || coax_stop_notification(id) != -1)
                _exit(4);
            _exit(child_calls == 1 ? 0 : 5);
        }
        check(waitpid(child, &status, 0) == child && status == 0, "child");
        if (status != 0)
            printf("status %x\n", (unsigned)status);
    }
    coax_stop_notification(id);
    printf("forks\n");
}

static void forks_inside(void *arg)
{
    pid_t child = fork();
    int status = 0;
    if (child == 0)
        return; /* the child's only thread ends */
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "child of a function");
    count_one(arg);
}

static void fork_in_function(void)
{
    volatile int calls = 0;
    int id = coax_make_notification(0, forks_inside, (void *)&calls), i;
    fflush(stdout);
    for (i = 0; i < 5; i++)
        coax_send_notification(id);
    check(wait_for(&calls, 5), "forks in functions");
    coax_stop_notification(id);
    printf("fork in a function\n");
}

/* ---- functions on signals ---- */

static volatile int own, firsts, seconds;
static char calls[256];

static void own_handler(int sig)
{
    (void)sig;
    own++;
}

static void first(int sig, void *arg)
{
    check(sig == SIGUSR2 && arg == (void *)&firsts, "argument");
    strcat(calls, "1");
    firsts++;
}

static void second(int sig, void *arg)
{
    (void)sig;
    check(arg == NULL, "argument");
    strcat(calls, "2");
    seconds++;
}

static void count_signal(int sig, void *arg)
{
    (void)sig;
    ++*(volatile int *)arg;
}

static void signals(void)
{
    struct sigaction act, seen;
    coax_signal_handler *one, *two, *again;
    int i;
    memset(&act, 0, sizeof act);
    act.sa_handler = own_handler;
    act.sa_flags = SA_RESTART;
    sigaddset(&act.sa_mask, SIGHUP);
    check(sigaction(SIGUSR2, &act, NULL) == 0, "sigaction");
    check(coax_signal_count() == 0, "none yet");
    one = coax_on_signal(SIGUSR2, first, (void *)&firsts);
    two = coax_on_signal(SIGUSR2, second, NULL);
    check(one != NULL && two != NULL && one != two, "on_signal");
    check(coax_signal_count() == 2, "two");
    for (i = 1; i <= 5; i++) {
        kill(getpid(), SIGUSR2);
        check(wait_for(&seconds, i), "second function");
    }
    printf("own %d, first %d, second %d, in order %s\n", own, firsts, seconds, calls);
    check(sigaction(SIGUSR2, NULL, &seen) == 0 && seen.sa_handler == own_handler &&
              (seen.sa_flags & SA_RESTART) != 0 && sigismember(&seen.sa_mask, SIGHUP) == 1,
          "sigaction shows the program's own");

    /* Without a handler of the program's nothing but the functions happens. */
    signal(SIGUSR2, SIG_DFL);
    kill(getpid(), SIGUSR2);
    check(wait_for(&seconds, 6), "SIG_DFL");
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR2);
    check(wait_for(&seconds, 7), "SIG_IGN");
    check(own == 5, "no own handler meanwhile");
    check(signal(SIGUSR2, own_handler) == SIG_IGN, "what was set");

    check(coax_disable_signal_handler(one) == 0, "disable");
    check(coax_disable_signal_handler(one) == -1 && errno == ENOENT, "disable again");
    kill(getpid(), SIGUSR2);
    check(wait_for(&seconds, 8) && firsts == 7, "the other goes on");
    again = coax_on_signal(SIGUSR2, first, (void *)&firsts);
    check(again != NULL && again != one, "handles are not used again");
    check(coax_disable_signal_handler(two) == 0 && coax_disable_signal_handler(again) == 0, "disable all");
    check(coax_signal_count() == 0, "none left");
    own = 0;
    kill(getpid(), SIGUSR2);
    check(wait_for(&own, 1) && seconds == 8, "the program's own alone");
    check(coax_disable_signal_handler(NULL) == -1 && errno == ENOENT, "no handle");
    check(coax_disable_signal_handler((coax_signal_handler *)&act) == -1 && errno == ENOENT, "any pointer");
    errno = 0;
    check(coax_on_signal(0, count_signal, NULL) == NULL && errno == EINVAL, "signal 0");
    check(coax_on_signal(-1, count_signal, NULL) == NULL && errno == EINVAL, "signal -1");
    check(coax_on_signal(65, count_signal, NULL) == NULL && errno == EINVAL, "signal 65");
    check(coax_on_signal(SIGKILL, count_signal, NULL) == NULL && errno == EINVAL, "SIGKILL");
    check(coax_on_signal(SIGUSR1, NULL, NULL) == NULL && errno == EINVAL, "no function");
    printf("signals\n");
}

/* Ends calls early no more than it did without. */
static void quiet_signals(void)
{
    volatile int seen = 0;
    coax_signal_handler *h = coax_on_signal(SIGWINCH, count_signal, (void *)&seen);
    int fds[2], status;
    char c;
    fflush(stdout);
    check(pipe(fds) == 0, "pipe");
    if (fork() == 0) {
        usleep(30000);
        kill(getppid(), SIGWINCH);
        usleep(30000);
        if (write(fds[1], "x", 1) != 1)
            _exit(1);
        _exit(0);
    }
    check(read(fds[0], &c, 1) == 1, "a read goes on");
    check(wait(&status) > 0 && status == 0, "wait");
    check(wait_for(&seen, 1) && seen == 1, "seen once");
    coax_disable_signal_handler(h);
    close(fds[0]);
    close(fds[1]);
    printf("quiet signals\n");
}

/* Blocked everywhere: seen when it is unblocked; sigwait takes it first. */
static void masks(void)
{
    volatile int seen = 0;
    sigset_t set, old;
    int sig = 0;
    coax_signal_handler *h = coax_on_signal(SIGUSR1, count_signal, (void *)&seen);
    signal(SIGUSR1, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    check(pthread_sigmask(SIG_BLOCK, &set, &old) == 0, "block");
    kill(getpid(), SIGUSR1);
    usleep(30000);
    check(seen == 0, "blocked");
    check(sigwait(&set, &sig) == 0 && sig == SIGUSR1, "sigwait");
    usleep(30000);
    check(seen == 0, "sigwait has taken it");
    kill(getpid(), SIGUSR1);
    check(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0, "unblock");
    check(wait_for(&seen, 1), "seen when unblocked");
    coax_disable_signal_handler(h);
    printf("masks\n");
}

/* Real-time signals queue: each is seen. */
static void queued(void)
{
    volatile int seen = 0;
    coax_signal_handler *h = coax_on_signal(SIGRTMIN + 2, count_signal, (void *)&seen);
    union sigval value;
    int i;
    value.sival_int = 0;
    for (i = 0; i < 3000; i++)
        while (sigqueue(getpid(), SIGRTMIN + 2, value) != 0)
            usleep(100);
    check(wait_for(&seen, 3000), "each one");
    usleep(10000);
    printf("queued %d\n", seen);
    coax_disable_signal_handler(h);
}

/* All of it from threads that are no fibers: one that has become a kernel thread, and one of libc's. */
static volatile int tried;

static void everything(void)
{
    volatile int seen = 0, called = 0;
    coax_signal_handler *h = coax_on_signal(SIGUSR1, count_signal, (void *)&seen);
    int id = coax_make_notification(0, count_one, (void *)&called);
    check(h != NULL && id > 0, "from a kernel thread");
    kill(getpid(), SIGUSR1);
    check(wait_for(&seen, 1), "signal");
    check(coax_send_notification(id) == 0 && wait_for(&called, 1), "send");
    check(coax_set_notification(id, count_one, (void *)&seen) == 0, "set");
    check(coax_stop_notification(id) == 0 && coax_stop_notification(id) == -1 && errno == ENOENT, "stop");
    check(coax_disable_signal_handler(h) == 0, "disable");
    check(coax_disable_signal_handler(h) == -1 && errno == ENOENT, "disable again");
    tried++;
}

static void *promoted(void *arg)
{
    struct sched_param p;
    p.sched_priority = 0;
    check(sched_setscheduler(0, SCHED_BATCH, &p) == 0, "SCHED_BATCH");
    everything();
    return arg;
}

static void on_thread_of_libc(union sigval value)
{
    (void)value;
    everything();
}

static void kernel_threads(void)
{
    timer_t timer;
    struct sigevent event;
    struct itimerspec soon;
    pthread_t thread;
    check(pthread_create(&thread, NULL, promoted, NULL) == 0 && pthread_join(thread, NULL) == 0, "thread");
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = on_thread_of_libc;
    check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    memset(&soon, 0, sizeof soon);
    soon.it_value.tv_nsec = 1000000;
    check(timer_settime(timer, 0, &soon, NULL) == 0, "timer_settime");
    check(wait_for(&tried, 2), "both");
    timer_delete(timer);
    printf("kernel threads\n");
}

/* A child of fork has the program's own dispositions; a terminating one ends it. */
static void signals_and_fork(void)
{
    volatile int seen = 0;
    int status, round;
    coax_signal_handler *h = coax_on_signal(SIGTERM, count_signal, (void *)&seen);
    fflush(stdout);
    for (round = 0; round < 10; round++) {
        pid_t child = fork();
        if (child == 0) {
            if (coax_signal_count() != 0 || coax_disable_signal_handler(h) != -1 || errno != ENOENT)
                _exit(1);
            raise(SIGTERM);
            _exit(2);
        }
        check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "child");
    }
    check(seen == 0, "not the parent's");
    coax_disable_signal_handler(h);
    if (fork() == 0) {
        raise(SIGTERM);
        _exit(1);
    }
    check(wait(&status) > 0 && WIFSIGNALED(status), "restored");
    printf("signals and fork\n");
}

/* disable against the signal: after it no call begins; one at most may be under way. */
struct round {
    volatile int disabled, late;
};

static volatile int raced;

static void race_function(int sig, void *arg)
{
    struct round *r = arg;
    (void)sig;
    raced++;
    if (__atomic_load_n(&r->disabled, __ATOMIC_SEQ_CST))
        r->late++;
}

static void races(void)
{
    static struct round rounds[1000];
    pid_t child;
    int i, status;
    signal(SIGUSR1, SIG_IGN); /* what comes when nobody looks */
    fflush(stdout);
    child = fork();
    if (child == 0)
        for (;;) {
            if (kill(getppid(), SIGUSR1) != 0 || getppid() == 1)
                _exit(0);
            usleep(20);
        }
    for (i = 0; i < 1000; i++) {
        coax_signal_handler *h = coax_on_signal(SIGUSR1, race_function, &rounds[i]);
        check(h != NULL, "on_signal");
        if (i % 3 == 0)
            usleep((unsigned)(i % 7) * 30);
        check(coax_disable_signal_handler(h) == 0, "disable");
        __atomic_store_n(&rounds[i].disabled, 1, __ATOMIC_SEQ_CST);
        if (i % 50 == 0) {
            pid_t other = fork();
            if (other == 0)
                _exit(0);
            check(waitpid(other, &status, 0) == other && status == 0, "fork meanwhile");
        }
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    usleep(20000);
    for (i = 0; i < 1000; i++)
        check(rounds[i].late <= 1, "called after it was disabled");
    check(raced > 0, "called at all");
    printf("races\n");
}

/* The usual way to go: clean up, then end by the signal. */
static void clean_up(int sig, void *arg)
{
    coax_signal_handler **h = arg;
    printf("cleaned up\n");
    fflush(stdout);
    coax_disable_signal_handler(*h);
    raise(sig);
}

static void dies(void)
{
    coax_signal_handler *h = NULL;
    h = coax_on_signal(SIGTERM, clean_up, &h);
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}

/* A fault ends the program as it does without a function. */
static void faults(void)
{
    volatile int seen = 0;
    if (coax_on_signal(SIGSEGV, count_signal, (void *)&seen) == NULL)
        exit(3);
    *(volatile int *)8 = 1;
}

/* The main thread computes, or blocks where nobody looks, and the function is called all the same. */
static void busy(int block)
{
    volatile int calls = 0;
    int i, id = coax_make_notification(0, count_one, (void *)&calls);
    struct timespec until, t = {0, 300000000};
    usleep(200000); /* our other kernel threads would have left */
    coax_send_notification(id);
    if (block) {
        syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
    } else {
        clock_gettime(CLOCK_MONOTONIC, &until);
        for (i = 0, t = until; t.tv_sec - until.tv_sec < 2 && !calls; i++)
            clock_gettime(CLOCK_MONOTONIC, &t);
    }
    printf("called %d\n", calls);
}

static int unsupported(int error)
{
    int r = 0;
    r |= coax_make_notification(0, count_one, NULL) != -1 || errno != error;
    r |= coax_on_signal(SIGUSR1, count_signal, NULL) != NULL || errno != error;
    r |= coax_send_notification(1) != -1 || errno != (error == ENOSYS ? ENOSYS : ENOENT);
    r |= coax_stop_notification(1) != -1 || errno != (error == ENOSYS ? ENOSYS : ENOENT);
    r |= coax_set_notification(1, count_one, NULL) != -1 || errno != (error == ENOSYS ? ENOSYS : ENOENT);
    r |= coax_disable_signal_handler(NULL) != -1 || errno != (error == ENOSYS ? ENOSYS : ENOENT);
    r |= coax_signal_count() != 0;
    return r;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int id;
    if (strcmp(what, "unsupported") == 0)
        return unsupported(atoi(argv[2]));
    if (strcmp(what, "dies") == 0)
        dies();
    if (strcmp(what, "faults") == 0)
        faults();
    if (strcmp(what, "blocks") == 0 || strcmp(what, "computes") == 0) {
        busy(strcmp(what, "blocks") == 0);
        return 0;
    }
    if (strcmp(what, "ends") == 0) { /* the process ends with its last thread */
        id = coax_make_notification(0, slow, NULL);
        coax_send_notification(id);
        printf("ends\n");
        pthread_exit(NULL);
    }
    if (strcmp(what, "signals") == 0) {
        signals();
        quiet_signals();
        masks();
        queued();
        kernel_threads();
        signals_and_fork();
        races();
    } else {
        basics();
        none_lost();
        functions();
        forks();
        fork_in_function();
    }
    return 0;
}
