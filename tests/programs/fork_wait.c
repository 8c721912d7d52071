/* Many threads fork at once, each waits for its own child in its own way, and gets that child's status. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 12, ROUNDS = 3 };

static void *thread(void *arg)
{
    int n = (long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int status = 0;
        siginfo_t info;
        struct rusage usage;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            usleep(1000 * (n % 5));
            _exit(20 + n);
        }
        switch (n % 3) {
        case 0:
            CHECK(waitpid(pid, &status, 0) == pid);
            break;
        case 1:
            CHECK(wait4(pid, &status, 0, &usage) == pid);
            break;
        case 2:
            CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
            CHECK(info.si_pid == pid && info.si_status == 20 + n);
            while (waitpid(pid, &status, WNOHANG) == 0)
                usleep(100);
            break;
        }
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 20 + n);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("ok");
    return 0;
}
