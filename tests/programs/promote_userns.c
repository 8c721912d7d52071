/* A user namespace is for a process with one thread: refused beside a second one, given when that has ended, and
 * threads are made again afterwards; a name that was looked up leaves no thread behind that would count. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static void *wait_for_end(void *arg)
{
    char c;
    read(ends[0], &c, 1);
    return arg;
}

static void say(const char *when, int e)
{
    printf("%s: %d %d\n", when, e, e == 0 ? 0 : errno);
}

static void look_up(void)
{
    struct addrinfo *found;
    int e = getaddrinfo("localhost", NULL, NULL, &found);
    printf("look-up: %s\n", e == 0 ? "found" : gai_strerror(e));
    if (e == 0)
        freeaddrinfo(found);
}

int main(void)
{
    pthread_t t;
    pipe(ends);
    pthread_create(&t, NULL, wait_for_end, NULL);
    say("beside a thread", unshare(CLONE_NEWUSER));
    write(ends[1], "", 1);
    pthread_join(t, NULL);
    say("alone", unshare(CLONE_NEWUSER));
    say("again", unshare(CLONE_NEWUSER));
    pthread_create(&t, NULL, wait_for_end, NULL);
    look_up();
    write(ends[1], "", 1);
    pthread_join(t, NULL);
    say("after a look-up", unshare(CLONE_NEWUSER));
    puts("ok");
    return 0;
}
