/* Code on the stack, as the compiler puts it there for nested functions: a program that is linked with -z execstack has
 * executable stacks, in every thread. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *thread(void *arg)
{
    unsigned char code[16] = {0xb8, 0, 0, 0, 0, 0xc3}; /* mov $value, %eax; ret */
    int value = (int)(intptr_t)arg * 11;
    memcpy(code + 1, &value, sizeof value);
    int (*f)(void) = (int (*)(void))(void *)code;
    __asm__ volatile("" : "+r"(f) : : "memory"); /* the compiler does not see what the call reads */
    return (void *)(intptr_t)f();
}

int main(void)
{
    pthread_t t[3];
    void *r;
    for (intptr_t i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, thread, (void *)(i + 1));
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], &r);
        printf("%ld\n", (long)r);
    }
    printf("%ld\n", (long)thread((void *)4L));
    return 0;
}
