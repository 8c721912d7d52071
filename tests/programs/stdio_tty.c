/*
 * A terminal through streams: lines from standard input and a word by getpass, typed late, while other threads run and
 * write. The echo is as the program left it.
 * usage: stdio_tty
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static long ticks;
static int stop;

static void *ticker(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        usleep(500);
        __atomic_fetch_add(&ticks, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void inside(void)
{
    char line[100];
    struct termios before = {0}, after = {0};
    pthread_t t;
    tcgetattr(0, &before);
    pthread_create(&t, NULL, ticker, NULL);
    printf("name: ");
    fgets(line, sizeof line, stdin);
    printf("hello %s", line);
    char *word = getpass("word: ");
    printf("word %s\n", word);
    tcgetattr(0, &after);
    printf("same terminal: %d\n", before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag);
    printf("others ran: %d\n", __atomic_load_n(&ticks, __ATOMIC_SEQ_CST) > 3);
    printf("end: %d\n", fgets(line, sizeof line, stdin) == NULL && feof(stdin));
    stop = 1;
    pthread_join(t, NULL);
    exit(0);
}

/* Reads what the program says until it ends so. */
static void expect(int fd, const char *end)
{
    static char text[10000];
    static size_t n;
    while (n < strlen(end) || strcmp(text + n - strlen(end), end) != 0) {
        if (read(fd, text + n, 1) != 1) {
            printf("FAIL: the program ended: %s\n", text);
            exit(1);
        }
        text[++n] = '\0';
    }
    fputs(text, stdout);
    text[n = 0] = '\0';
}

int main(void)
{
    int fd, status;
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);
    if (pid == 0)
        inside();
    expect(fd, "name: ");
    usleep(30000);
    write(fd, "somebody\n", 9);
    expect(fd, "word: ");
    usleep(30000);
    write(fd, "secret\n", 7);
    expect(fd, "ran: 1\r\n");
    usleep(30000);
    write(fd, "\4", 1);
    expect(fd, "end: 1\r\n");
    waitpid(pid, &status, 0);
    printf("status %x\n", status);
    return 0;
}
