/* blocked [N [PAUSE_MS]]: how soon another thread runs when one blocks in a call on a file that nobody could know to wait
 * (the truncate of a file that another process has a lease on, and gives up 2 ms later). Before each of N such calls the
 * thread makes calls that do not wait for 5 ms; with PAUSE_MS it sleeps for so long, and makes none. Prints us. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static char path[64];
static _Atomic long *leases;          /* taken so far: shared with the holder */
static _Atomic double blocked, found; /* since when, 0: it is not; when the other thread ran then, 0: not yet */
static atomic_bool over;

static void hold(void)
{
    sigset_t set;
    int caught, fd = open(path, O_RDONLY);

    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        while (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
            usleep(100);
        atomic_fetch_add(leases, 1);
        sigwait(&set, &caught);
        usleep(2000);
        fcntl(fd, F_SETLEASE, F_UNLCK);
    }
}

static void *run(void *unused)
{
    (void)unused;
    while (!over) {
        if (blocked != 0 && found == 0)
            found = now();
        sched_yield();
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 200), pause_ms = argument(argc, argv, 2, 0);
    double *us = calloc((size_t)n, sizeof *us), began;
    struct stat st;
    pthread_t other;
    pid_t holder;
    int missed = 0;

    snprintf(path, sizeof path, "/tmp/blocked.%d", (int)getpid());
    close(open(path, O_CREAT | O_WRONLY, 0600));
    leases = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if ((holder = fork()) == 0)
        hold();
    check("pthread_create", pthread_create(&other, NULL, run, NULL));
    for (long i = 0; i < n; i++) {
        while (*leases <= i)
            usleep(100);
        if (pause_ms != 0)
            usleep((useconds_t)pause_ms * 1000);
        for (began = now(); pause_ms == 0 && now() - began < 5e-3;)
            if (stat("/etc/passwd", &st) != 0)
                check("stat", errno);
        found = 0;
        blocked = now();
        if (truncate(path, 0) != 0)
            check("truncate", errno);
        us[i] = found != 0 ? (found - blocked) * 1e6 : 1e6;
        missed += found == 0;
        blocked = 0;
    }
    over = 1;
    check("pthread_join", pthread_join(other, NULL));
    kill(holder, SIGKILL);
    unlink(path);
    qsort(us, (size_t)n, sizeof *us, by_size);
    printf("median %.1f\nninety %.1f\nleast %.1f\nmost %.1f\nnever %d\n", us[n / 2], us[n * 9 / 10], us[0], us[n - 1], missed);
    return 0;
}
