/* errno, the locale and libc's per-thread buffers belong to the thread, across every switch. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20 };

static pthread_barrier_t barrier;

static void *thread(void *arg)
{
    int n = (long)arg;
    CHECK(errno == 0);
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL), utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    CHECK(c && utf8);
    CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
    uselocale(n % 2 ? utf8 : c);
    errno = 1000 + n;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 20; i++) {
        CHECK(errno == 1000 + n);
        char text[40], *unknown = strerror(5000 + n);
        snprintf(text, sizeof text, "Unknown error %d", 5000 + n);
        errno = 1000 + n;
        sched_yield();
        CHECK(errno == 1000 + n);
        CHECK(strcmp(unknown, text) == 0);
        CHECK(uselocale(NULL) == (n % 2 ? utf8 : c));
        CHECK(MB_CUR_MAX == (n % 2 ? 6 : 1));
        CHECK(isalpha('a') && !isalpha('1'));
        if (i % 5 == 0) {
            CHECK(close(-1) == -1 && errno == EBADF);
            usleep(100);
            CHECK(errno == EBADF);
            errno = 1000 + n;
        }
    }
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(c);
    freelocale(utf8);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    errno = 77;
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(errno == 77);
    puts("ok");
    return 0;
}
