/* Makes a program of one thread into one of two: preloaded, it creates a thread that waits for ever. */
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t t;
    if (pthread_create(&t, NULL, wait_for_ever, NULL) == 0)
        pthread_detach(t);
}
