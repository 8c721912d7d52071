/* Ids are changed for all threads, by any of them, while others wait, compute and come and go. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 50 };
static volatile int stop;

static void *waits(void *arg)
{
    char c;
    read(*(int *)arg, &c, 1);
    return NULL;
}

static void *computes(void *unused)
{
    while (!stop)
        ;
    return NULL;
}

static void *quick(void *unused)
{
    usleep(100);
    return NULL;
}

static void *changes(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, quick, NULL) || setuid(getuid()) || setgid(getgid()) || seteuid(geteuid()) ||
            pthread_join(t, NULL)) {
            printf("FAIL round %d: %d\n", i, errno);
            exit(1);
        }
    }
    return NULL;
}

int main(void)
{
    int p[2];
    pthread_t waiter, computer, changer;
    pipe(p);
    pthread_create(&waiter, NULL, waits, &p[0]);
    pthread_create(&computer, NULL, computes, NULL);
    pthread_create(&changer, NULL, changes, NULL);
    changes(NULL);
    pthread_join(changer, NULL);
    stop = 1;
    write(p[1], "x", 1);
    pthread_join(waiter, NULL);
    pthread_join(computer, NULL);
    puts("ids changed");
    return 0;
}
