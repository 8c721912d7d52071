/*
 * Lines through pipes and sockets by every kind of call, more than fit: writers wait, readers wait. Each pair has a
 * stream at either end; what comes out is what went in.
 * usage: stdio_wait KIND LINES THREADS      THREADS pairs of threads; 0: a child writes, this process reads
 * KIND: line getline scan block char wide unbuffered linebuffered dprintf socket
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                    \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static const char *kind;
static int lines;

struct pair {
    pthread_t in, out;
    int fds[2];
    long sum;
};

static int is(const char *name)
{
    return strcmp(kind, name) == 0;
}

/* The text of line i, of a length that depends on it. */
static int line_of(char *buf, int i)
{
    int n = sprintf(buf, "%d ", i), end = n + 7 + i * 37 % 300;
    while (n < end)
        buf[n] = 'a' + (n + i) % 26, n++;
    buf[n++] = '\n';
    buf[n] = '\0';
    return n;
}

static void *writer(void *arg)
{
    struct pair *p = arg;
    char buf[400];
    wchar_t wide[400];
    FILE *f = fdopen(p->fds[1], "w");
    CHECK(f != NULL);
    if (is("unbuffered"))
        setvbuf(f, NULL, _IONBF, 0);
    if (is("linebuffered"))
        setvbuf(f, NULL, _IOLBF, 100);
    for (int i = 0; i < lines; i++) {
        int n = line_of(buf, i);
        if (is("wide")) {
            mbstowcs(wide, buf, 400);
            CHECK(i % 2 ? fputws(wide, f) >= 0 : fwprintf(f, L"%ls", wide) == n);
        } else if (is("dprintf")) {
            CHECK(dprintf(p->fds[1], "%s", buf) == n);
        } else if (is("block")) {
            CHECK(fwrite(buf, 1, n, f) == (size_t)n);
        } else if (is("char")) {
            for (int k = 0; k < n; k++)
                CHECK((k % 2 ? putc(buf[k], f) : putc_unlocked(buf[k], f)) != EOF);
        } else {
            CHECK(i % 2 ? fputs(buf, f) >= 0 : fprintf(f, "%s", buf) == n);
        }
        if (i % 50 == 0)
            CHECK(fflush(f) == 0);
    }
    CHECK(fclose(f) == 0);
    return NULL;
}

static void *reader(void *arg)
{
    struct pair *p = arg;
    char buf[400], want[400], *line = NULL;
    wchar_t wide[400];
    size_t size = 0;
    FILE *f = fdopen(p->fds[0], "r");
    CHECK(f != NULL);
    for (int i = 0; i < lines; i++) {
        int n = line_of(want, i), got;
        if (is("getline")) {
            CHECK(getline(&line, &size, f) == n);
            CHECK(strcmp(line, want) == 0);
        } else if (is("scan")) {
            CHECK(fscanf(f, "%d %398s", &got, buf) == 2 && got == i);
            CHECK(strncmp(buf, strchr(want, ' ') + 1, strlen(buf)) == 0);
        } else if (is("block")) {
            CHECK(fread(buf, 1, n, f) == (size_t)n);
            CHECK(memcmp(buf, want, n) == 0);
        } else if (is("char")) {
            for (int k = 0; k < n; k++)
                CHECK((k % 2 ? getc(f) : getc_unlocked(f)) == want[k]);
        } else if (is("wide")) {
            CHECK(fgetws(wide, 400, f) != NULL);
            wcstombs(buf, wide, 400);
            CHECK(strcmp(buf, want) == 0);
        } else {
            CHECK(fgets(buf, sizeof buf, f) != NULL);
            CHECK(strcmp(buf, want) == 0);
        }
        p->sum += n;
    }
    if (!is("scan"))
        CHECK((is("wide") ? (int)getwc(f) : getc(f)) == EOF && feof(f) && !ferror(f));
    CHECK(fclose(f) == 0);
    free(line);
    return NULL;
}

int main(int argc, char **argv)
{
    kind = argv[1];
    lines = atoi(argv[2]);
    int n = atoi(argv[3]), count = n == 0 ? 1 : n;
    struct pair *p = calloc(count, sizeof *p);
    for (int i = 0; i < count; i++)
        CHECK((is("socket") ? socketpair(AF_UNIX, SOCK_STREAM, 0, p[i].fds) : pipe(p[i].fds)) == 0);
    if (n == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            close(p->fds[0]);
            writer(p);
            _exit(0);
        }
        close(p->fds[1]);
        reader(p);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    for (int i = 0; i < n; i++) {
        pthread_create(&p[i].in, NULL, reader, &p[i]);
        pthread_create(&p[i].out, NULL, writer, &p[i]);
    }
    long sum = 0;
    for (int i = 0; i < count; i++) {
        if (n > 0) {
            pthread_join(p[i].in, NULL);
            pthread_join(p[i].out, NULL);
        }
        sum += p[i].sum;
    }
    printf("%s %d lines %d pairs: %ld bytes\n", kind, lines, count, sum);
    return 0;
}
