/* Threads run on the memory that the program gave them, stay inside it, and it can be used again after the join. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { SIZE = 128 << 10, PAGE = 4096 };

static char *stack;
static char aligned_static[64 << 10] __attribute__((aligned(4096)));

static __attribute__((noinline)) int depth(int n)
{
    volatile char frame[1000];
    memset((char *)frame, n, sizeof frame);
    return n == 0 ? 0 : depth(n - 1) + (frame[500] == (char)n);
}

static void *thread(void *arg)
{
    char here, *low = arg;
    size_t size = low == stack ? SIZE : sizeof aligned_static;
    pthread_attr_t a;
    void *addr;
    size_t got;

    CHECK(&here >= low && &here < low + size);
    CHECK(pthread_getattr_np(pthread_self(), &a) == 0);
    CHECK(pthread_attr_getstack(&a, &addr, &got) == 0);
    CHECK(addr == low);
    CHECK(got == size);
    CHECK(pthread_attr_destroy(&a) == 0);
    CHECK(depth(40) == 40);
    sched_yield();
    char *text = malloc(100);
    strcpy(text, "from own stack");
    return text;
}

static void run(char *low, size_t size)
{
    pthread_attr_t a;
    pthread_t t;
    void *r, *addr;
    size_t got;
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setstack(&a, low, size) == 0);
    CHECK(pthread_attr_getstack(&a, &addr, &got) == 0);
    CHECK(addr == low && got == size);
    CHECK(pthread_create(&t, &a, thread, low) == 0);
    CHECK(pthread_attr_destroy(&a) == 0);
    CHECK(pthread_join(t, &r) == 0);
    puts(r);
    free(r);
}

int main(void)
{
    char *map = mmap(NULL, SIZE + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    memset(map, 0x5a, SIZE + 2 * PAGE);
    stack = map + PAGE;

    pthread_attr_t a;
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setstack(&a, stack, 100) == EINVAL);

    for (int round = 0; round < 3; round++) {
        run(stack, SIZE);
        run(aligned_static, sizeof aligned_static);
    }
    /* Nothing outside was touched, and the inside is plain memory of the program again. */
    for (int i = 0; i < PAGE; i++)
        CHECK(map[i] == 0x5a && map[PAGE + SIZE + i] == 0x5a);
    memset(stack, 1, SIZE);
    CHECK(munmap(map, SIZE + 2 * PAGE) == 0);
    puts("ok");
    return 0;
}
