/*
 * system, popen, pclose and wordexp: each caller gets the status of its own shell, and signals are ignored or blocked as long
 * as somebody waits.
 * usage: proc_shell many THREADS | rules THREADS | cancel | limit THREADS (under a limit of less than a second)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            dprintf(2, "FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                         \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void *one(void *arg)
{
    int i = (int)(long)arg, number;
    char command[200], line[100];
    sprintf(command, "sleep 0.1; echo %d one; exit %d", i, i % 100);
    FILE *f = popen(command, "r");
    CHECK(f != NULL);
    CHECK(fgets(line, sizeof line, f) != NULL && sscanf(line, "%d one", &number) == 1 && number == i);
    CHECK(fgets(line, sizeof line, f) == NULL && feof(f));
    int status = pclose(f);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i % 100);

    sprintf(command, "read line; sleep 0.05; [ \"$line\" = 'to %d' ] || exit 99; kill -%d $$", i, i % 2 ? 9 : 15);
    f = popen(command, "w");
    fprintf(f, "to %d\n", i);
    status = pclose(f);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == (i % 2 ? 9 : 15));

    wordexp_t words;
    sprintf(command, "$(sleep 0.05; echo a%d b) `echo c` d$((%d + 1))", i, i);
    CHECK(wordexp(command, &words, 0) == 0 && words.we_wordc == 4);
    sprintf(line, "a%d d%d", i, i + 1);
    sprintf(command, "%s %s", words.we_wordv[0], words.we_wordv[3]);
    CHECK(strcmp(line, command) == 0 && strcmp(words.we_wordv[1], "b") == 0);
    wordfree(&words);
    CHECK(wordexp("$(echo)", &words, WRDE_NOCMD) == WRDE_CMDSUB);
    CHECK(wordexp("$(nothing-of-that-name 2>&- ; exit 1) *.nothing", &words, 0) == 0 && words.we_wordc == 1);
    wordfree(&words);

    sprintf(command, "sleep 0.05; exit %d", i % 100 + 1);
    status = system(command);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i % 100 + 1);
    return arg;
}

static void *nothing(void *unused)
{
    for (;;)
        usleep(2000);
}

static int children;

static void on_signal(int sig)
{
    children += sig == SIGCHLD;
}

static void rules(void)
{
    printf("a shell: %d\n", system(NULL));
    printf("status %x\n", system("exit 5"));
    printf("killed %x\n", system("kill -9 $$"));
    printf("not found %x\n", system("/nonexistent/program 2>/dev/null"));
    errno = 0;
    FILE *f = popen("true", "x");
    printf("popen mode: %d %s\n", f != NULL, strerror(errno));

    /* SIGINT and SIGQUIT end the shell, not us */
    struct sigaction act = {.sa_handler = on_signal}, now;
    sigaction(SIGCHLD, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    printf("interrupted: %x\n", system("kill -INT $PPID; kill -QUIT $PPID; kill -INT $$; exit 1"));
    sigaction(SIGINT, NULL, &now);
    printf("SIGINT: %d\n", now.sa_handler == on_signal);
    sigaction(SIGQUIT, NULL, &now);
    printf("SIGQUIT: %d\n", now.sa_handler == SIG_DFL);
    pthread_sigmask(SIG_BLOCK, NULL, &now.sa_mask);
    printf("SIGCHLD is blocked: %d\n", sigismember(&now.sa_mask, SIGCHLD));

    signal(SIGCHLD, SIG_IGN);
    errno = 0;
    int r = system("exit 3");
    printf("SIGCHLD ignored: system %d %s\n", r, strerror(errno));
    f = popen("exit 3", "r");
    usleep(20000);
    errno = 0;
    r = pclose(f);
    printf("pclose %d %s\n", r, strerror(errno));
    f = popen("sleep 0.1; exit 3", "r");
    errno = 0;
    r = pclose(f);
    printf("pclose, it lives %d %s\n", r, strerror(errno));
    signal(SIGCHLD, SIG_DFL);
    f = popen("exit 3", "r");
    int status;
    printf("taken by wait: %d", wait(&status) > 0);
    printf(" %x\n", status);
    errno = 0;
    r = pclose(f);
    printf("pclose %d %s\n", r, strerror(errno));
    f = popen("exit 0", "r");
    r = fclose(f);
    printf("fclose of a popen stream %d\n", r);
}

static void *in_system(void *unused)
{
    system("exec sleep 30");
    return NULL;
}

/* A cancelled system ends its shell and leaves the signals as they were. */
static void cancel(void)
{
    pthread_t t;
    void *r;
    struct sigaction now;
    CHECK(pthread_create(&t, NULL, in_system, NULL) == 0);
    usleep(100000);
    pthread_cancel(t);
    pthread_join(t, &r);
    sigaction(SIGINT, NULL, &now);
    errno = 0;
    printf("cancelled %d, SIGINT %d", r == PTHREAD_CANCELED, now.sa_handler == SIG_DFL);
    printf(", children %d %s\n", wait(NULL), strerror(errno));
}

/* The wait ends, the shell goes on and can be waited for. */
static void *limited(void *unused)
{
    FILE *f = popen("exec sleep 2 >/dev/null 2>&1", "w");
    CHECK(f != NULL);
    errno = 0;
    CHECK(pclose(f) == -1 && errno == ETIMEDOUT);
    errno = 0;
    CHECK(system("exec sleep 2 >/dev/null 2>&1") == -1 && errno == ETIMEDOUT);
    CHECK(system("exit 4") == 4 << 8);
    f = popen("exit 5", "r");
    CHECK(pclose(f) == 5 << 8);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[2]) : 0;
    pthread_t t[200], other;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(argv[1], "many") == 0) {
        for (long i = 0; i < n; i++)
            CHECK(pthread_create(&t[i], NULL, one, (void *)i) == 0);
        if (n == 0)
            one((void *)5);
        for (int i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        printf("%d done, children left: %d\n", n, wait(NULL) != -1);
    } else if (strcmp(argv[1], "limit") == 0) {
        for (int i = 0; i < n; i++)
            CHECK(pthread_create(&t[i], NULL, limited, NULL) == 0);
        if (n == 0)
            limited(NULL);
        for (int i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        struct sigaction now;
        sigaction(SIGINT, NULL, &now);
        CHECK(now.sa_handler == SIG_DFL);
        puts("ok");
    } else if (strcmp(argv[1], "rules") == 0) {
        if (n > 0)
            pthread_create(&other, NULL, nothing, NULL);
        rules();
    } else {
        cancel();
    }
    return 0;
}
