/* What malloc keeps for each thread: threads that come and go, some of them kernel threads by then, allocate, free, and
 * free what others have allocated. */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 16, ROUNDS = 30, STEPS = 400, MINE = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned *shared; /* allocated by one thread, freed by another */

static unsigned *make(unsigned *seed)
{
    unsigned bytes = 16 + rand_r(seed) % 900, *p = malloc(bytes);
    CHECK(p && (size_t)p % 16 == 0);
    memset(p, (int)bytes & 0x7f, bytes);
    p[0] = bytes;
    return p;
}

static void drop(unsigned *p)
{
    unsigned bytes = p[0];
    for (unsigned i = 4; i < bytes; i++)
        CHECK(((unsigned char *)p)[i] == (bytes & 0x7f));
    free(p);
}

/* What was freed last of a size comes back first, to the same thread. (What was left over may be larger than asked.) */
static void check_own(void)
{
    void *p = malloc(1000), *other = malloc(1000);
    size_t usable = malloc_usable_size(p);
    free(p);
    sched_yield();
    void *again = malloc(1000);
    CHECK(again == p || usable != 1000);
    free(again);
    free(other);
}

static void *run(void *arg)
{
    unsigned *mine[MINE] = {NULL}, seed = (unsigned)(size_t)arg;
    check_own();
    for (int step = 0; step < STEPS; step++) {
        unsigned at = rand_r(&seed) % MINE;
        if (mine[at])
            drop(mine[at]);
        mine[at] = make(&seed);
        if (step % 8 == 0) {
            pthread_mutex_lock(&lock);
            unsigned *taken = shared;
            shared = mine[at];
            pthread_mutex_unlock(&lock);
            mine[at] = taken;
        }
        if (step % 50 == 0)
            sched_yield();
        if (step == STEPS / 2 && seed % 8 == 0)
            CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    }
    check_own();
    for (int i = 0; i < MINE; i++)
        if (mine[i])
            drop(mine[i]);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long round = 0; round < ROUNDS; round++) {
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], NULL, run, (void *)(round * THREADS + i)) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
    }
    free(shared);
    puts("ok");
    return 0;
}
