/* A reader that has been given one message makes calls on files, and comes back for the next only when its writer has
 * written that, too: the pipe has room. */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 80, ROOM = 100, ROUNDS = 50 };

static int fds[2];
static volatile int written;

static void *writes(void *arg)
{
    char message[MESSAGE] = {0};
    for (int i = 0; i < 2 * ROUNDS; i++) {
        if (write(fds[1], message, sizeof message) != sizeof message)
            return NULL;
        written++;
        if (i % 2 == 1)
            usleep(1000);
    }
    return arg;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
    pthread_t t;
    char buf[ROOM];
    int late = 0;
    struct stat st;
    if (pipe(fds) != 0 || pthread_create(&t, NULL, writes, fds) != 0)
        return 1;
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n = read(fds[0], buf, sizeof buf);
        double end = now() + 2;
        while (written < 2 * i + 2 && now() < end)
            stat("/", &st);
        late += written < 2 * i + 2;
        while (n < 2 * MESSAGE) {
            ssize_t more = read(fds[0], buf, sizeof buf);
            if (more <= 0)
                return 1;
            n += more;
        }
        if (late > 2)
            break;
    }
    printf("%d late\n", late);
    return 0;
}
