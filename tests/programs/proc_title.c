/* Writes over its arguments and its environment, as programs do that change their title, and has a thread. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static void *quick(void *arg)
{
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t;
    char *from = argv[0], *to = argv[argc - 1] + strlen(argv[argc - 1]);
    for (char **e = environ; *e != NULL; e++)
        if (*e == to + 1)
            to = *e + strlen(*e);
    memset(from, 'x', (size_t)(to - from));
    puts(pthread_create(&t, NULL, quick, NULL) == 0 && pthread_join(t, NULL) == 0 ? "ok" : "FAIL");
    return 0;
}
