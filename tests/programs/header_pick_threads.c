/* coax_pick: one thread reads fd1, one reads fd2, one gives up after a while; the first to end is joined and the others
 * are cancelled. A read that is cancelled has taken nothing; one that was done before the cancel reached it is not
 * lost: its thread is joined, and says so. usage: header_pick_threads ROUNDS */
#define _GNU_SOURCE
#include <coax.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static int pipes[2][2];
static unsigned written[2], seen[2];
static int ended;

/* Counts up on each of the two, at random times. */
static void *writer(void *arg)
{
    unsigned seed = 5, which;
    (void)arg;
    while (!ended) {
        which = (unsigned)rand_r(&seed) % 3;
        if (which < 2) {
            check(write(pipes[which][1], &written[which], sizeof written[which]) == sizeof written[which], "write");
            written[which]++;
        }
        if (rand_r(&seed) % 3 != 0)
            usleep((useconds_t)rand_r(&seed) % 200);
    }
    return NULL;
}

struct try {
    int which; /* 2: the timeout */
    unsigned value;
    double seconds;
    ssize_t r;
    int error;
};

static void *tries(void *arg)
{
    struct try *t = arg;
    if (t->which == 2)
        t->r = coax_timeout(t->seconds);
    else
        t->r = read(pipes[t->which][0], &t->value, sizeof t->value);
    t->error = errno;
    return t;
}

/* What a thread that is joined has done: 1, its operation; 0, nothing. */
static int performed(const struct try *t, int cancelled)
{
    if (cancelled) {
        check(t->r == -1 && t->error == ECANCELED, "what a cancelled call says");
        check(t->value == ~0u, "a cancelled read has touched nothing");
        return 0;
    }
    if (t->which == 2) {
        check(t->r == -1 && t->error == ETIMEDOUT, "the timeout");
        return 1;
    }
    check(t->r == sizeof t->value && t->value == seen[t->which], "out of order, lost, or read twice");
    seen[t->which] = t->value + 1;
    return 1;
}

static void many(unsigned rounds, int sockets)
{
    pthread_t w, threads[3];
    unsigned i, j, seed = 9, won[3] = {0, 0, 0}, late = 0, value;
    for (i = 0; i < 2; i++)
        check((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, pipes[i]) : pipe(pipes[i])) == 0, "pipe");
    memset(written, 0, sizeof written);
    memset(seen, 0, sizeof seen);
    ended = 0;
    pthread_create(&w, NULL, writer, NULL);
    for (i = 0; i < rounds && !wrong; i++) {
        struct try each[3];
        size_t winner = 99;
        void *result = NULL;
        for (j = 0; j < 3; j++) {
            memset(&each[j], 0, sizeof each[j]);
            each[j].which = (int)((i + j) % 3);
            each[j].value = ~0u;
            each[j].seconds = (rand_r(&seed) % 300) * 1e-6;
            check(pthread_create(&threads[j], NULL, tries, &each[j]) == 0, "pthread_create");
        }
        check(coax_pick(threads, 3, &winner, &result) == 0 && winner < 3 && result == &each[winner], "coax_pick");
        if (winner >= 3)
            break;
        check(performed(&each[winner], 0) == 1, "who won has done something");
        won[each[winner].which]++;
        for (j = 0; j < 3; j++) {
            int r = j == winner ? 0 : coax_join(threads[j], NULL);
            check(r == 0 || errno == ECANCELED, "coax_join");
            late += j != winner && performed(&each[j], r != 0);
        }
    }
    ended = 1;
    pthread_join(w, NULL);
    for (i = 0; i < 2; i++) {
        close(pipes[i][1]);
        while (read(pipes[i][0], &value, sizeof value) == sizeof value) {
            check(value == seen[i], "what comes later is there for the next reader");
            seen[i] = value + 1;
        }
        check(seen[i] == written[i], "all that was written has been read once");
        close(pipes[i][0]);
    }
    check(won[0] > 0 && won[1] > 0 && won[2] > 0, "each of the three has won");
    check(late < rounds, "most that lose have done nothing");
    if (getenv("PICK_FIGURES") != NULL)
        printf("won %u %u %u, late %u\n", won[0], won[1], won[2], late);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    many(rounds, 0);
    many(rounds, 1);
    printf("done\n");
    return wrong;
}
