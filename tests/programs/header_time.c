/* Sleeping, yielding and timing out by coax.h; the lines are the same under coax and without it. In the words that C89,
 * C17 and C++ have in common. */
#include <coax.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double now(void)
{
    struct timeval t;
    gettimeofday(&t, NULL);
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void report(const char *what, int r)
{
    int e = errno;
    printf("%s: %d", what, r);
    if (r < 0)
        printf(" %s", strerror(e));
    printf("\n");
}

static void *sleeper(void *arg)
{
    *(int *)arg = coax_sleep(0.05);
    return NULL;
}

static int turns;

static void *taker(void *arg)
{
    int i;
    (void)arg;
    for (i = 0; i < 100; i++) {
        turns++;
        coax_yield();
    }
    return NULL;
}

static void bad(void)
{
    double zero = 0;
    struct coax_auto_yield y;
    report("sleep -1", coax_sleep(-1));
    report("sleep nan", coax_sleep(zero / zero));
    report("timeout -1", coax_timeout(-1));
    report("timeout nan", coax_timeout(zero / zero));
    report("auto_yield null", coax_auto_yield(NULL));
    y.interval = zero / zero;
    y.last = 0;
    report("auto_yield nan", coax_auto_yield(&y));
    y.interval = -1;
    report("auto_yield -1", coax_auto_yield(&y));
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void timed(const char *what, int (*fn)(double), double seconds)
{
    double before = now(), took;
    report(what, fn(seconds));
    took = now() - before;
    printf("%s\n", took < seconds - 0.001 ? "early" : took > seconds + 5 ? "late" : "in time");
}

static void yields(void)
{
    struct coax_auto_yield y;
    int i, n = 0;
    double before = now();
    y.interval = 0.02;
    y.last = 0;
    report("the first auto_yield", coax_auto_yield(&y));
    for (i = 0; now() - before < 0.2; i++)
        n += coax_auto_yield(&y);
    printf("auto_yield %s\n", n == 0 ? "never yields" : n > 10 ? "yields too often" : "yields now and then");
    y.interval = 0;
    report("auto_yield 0", coax_auto_yield(&y));
    y.interval = 1e300;
    report("auto_yield for ever", coax_auto_yield(&y));
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int result = -1;
    if (argc > 1 && strcmp(argv[1], "active") == 0) {
        printf("%d \"%s\"\n", coax_active(), coax_version());
        return 0;
    }
    timed("sleep 0", coax_sleep, 0);
    timed("sleep 0.03", coax_sleep, 0.03);
    timed("timeout 0.03", coax_timeout, 0.03);
    report("yield", coax_yield());
    bad();
    pthread_create(&thread, NULL, sleeper, &result);
    pthread_join(thread, NULL);
    report("a thread's sleep", result);
    pthread_create(&thread, NULL, taker, NULL);
    while (__atomic_load_n(&turns, __ATOMIC_SEQ_CST) < 100)
        coax_yield();
    pthread_join(thread, NULL);
    printf("%d turns\n", turns);
    timed("sleep 0.03", coax_sleep, 0.03);
    timed("timeout 0.03", coax_timeout, 0.03);
    yields();
    bad();
    signal(SIGALRM, on_alarm);
    alarm(1);
    report("an endless sleep, and a signal", coax_sleep(1e300));
    return 0;
}
