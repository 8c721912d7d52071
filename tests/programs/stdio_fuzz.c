/*
 * Random calls on streams over a pipe, a socket and a file, with buffers of any kind, O_NONBLOCK,
 * closed ends and calls on the descriptor in between. What each call returns and reads goes into a checksum, one a seed.
 * usage: stdio_fuzz FIRST SEEDS THREADS [-v]  1 thread: a second one that sleeps now and then
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned long state, sum;
static int verbose, stop;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(state >> 33) % n;
}

static void mix(const char *what, long r, const void *data, size_t n, FILE *f)
{
    int e = r < 0 || (f != NULL && ferror(f)) ? errno : 0, flags = f == NULL ? 0 : feof(f) + 2 * ferror(f);
    const unsigned char *p = data;
    sum = sum * 31 + r;
    sum = sum * 31 + e;
    sum = sum * 31 + flags;
    for (size_t i = 0; i < n; i++)
        sum = sum * 33 + p[i];
    if (verbose)
        printf("  %s: %ld errno %d flags %d sum %lx\n", what, r, e, flags, sum);
    errno = 0;
}

/* A pair of streams: what is written to `out` comes from `in`. */
struct pair {
    FILE *in, *out;
    int in_fd, out_fd;
    int nonblock;
};

static long there(struct pair *p)
{
    int n = 0;
    return ioctl(p->in_fd, FIONREAD, &n) == 0 ? n : 0;
}

static void write_some(struct pair *p)
{
    static char text[9000];
    size_t n = pick(4) == 0 ? pick(8000) : pick(200);
    if (p->out == NULL || there(p) > 30000)
        return;
    memset(text, 'a' + pick(26), n);
    text[n] = '\0';
    if (n > 0 && pick(2))
        text[pick(n)] = '\n';
    switch (pick(6)) {
    case 0:
        mix("fputs", fputs(text, p->out) >= 0, NULL, 0, p->out);
        break;
    case 1:
        mix("fwrite", (long)fwrite(text, 1, n, p->out), NULL, 0, p->out);
        break;
    case 2:
        mix("fprintf", fprintf(p->out, "%s %d %f\n", text, (int)n, n / 7.0), NULL, 0, p->out);
        break;
    case 3:
        mix("putc", putc(text[0], p->out), NULL, 0, p->out);
        break;
    case 4:
        mix("dprintf", dprintf(p->out_fd, "%s", text), NULL, 0, NULL);
        break;
    case 5:
        mix("write", write(p->out_fd, text, n), NULL, 0, NULL);
    }
}

/* Only what will not wait for ever: there is data, or an end, or it does not block. */
static void read_some(struct pair *p)
{
    static char text[9000];
    char *line = NULL;
    size_t size = 0, n = pick(300) + 1;
    long r;
    int number = 0;
    if (p->in == NULL || (there(p) < 400 && p->out != NULL && !p->nonblock))
        return;
    memset(text, 0, sizeof text);
    switch (pick(7)) {
    case 0:
        if (p->out == NULL || p->nonblock)
            mix("fgets", fgets(text, n, p->in) != NULL, text, strlen(text), p->in);
        else
            mix("fgets", fgets(text, 100, p->in) != NULL, text, strlen(text), p->in);
        break;
    case 1:
        r = (long)fread(text, 1, n, p->in);
        mix("fread", r, text, r > 0 ? r : 0, p->in);
        break;
    case 2:
        r = getc(p->in);
        mix("getc", r, NULL, 0, p->in);
        if (r != EOF && pick(2))
            mix("ungetc", ungetc((int)r, p->in), NULL, 0, p->in);
        break;
    case 3:
        if (p->out != NULL && !p->nonblock)
            break;
        r = getline(&line, &size, p->in);
        mix("getline", r, line, r > 0 ? r : 0, p->in);
        free(line);
        break;
    case 4:
        mix("fscanf", fscanf(p->in, "%50[a-m\n]", text), text, strlen(text), p->in);
        break;
    case 5:
        if (p->out != NULL && !p->nonblock)
            break;
        mix("fscanf", fscanf(p->in, "%d", &number), &number, sizeof number, p->in);
        break;
    case 6:
        if (there(p) == 0 && p->out != NULL && !p->nonblock)
            break;
        r = read(p->in_fd, text, n);
        mix("read", r, text, r > 0 ? r : 0, NULL);
    }
}

static void change(struct pair *p)
{
    static char buffer[5000];
    FILE *f = pick(2) ? p->in : p->out;
    switch (pick(9)) {
    case 0:
        if (f != NULL)
            mix("setvbuf", setvbuf(f, NULL, pick(2) ? _IONBF : _IOLBF, 0), NULL, 0, f);
        break;
    case 1:
        if (f != NULL)
            mix("fseek", fseek(f, pick(100), pick(3)), NULL, 0, f);
        break;
    case 2:
        if (f != NULL)
            mix("ftell", ftell(f), NULL, 0, f);
        break;
    case 3:
        if (f != NULL)
            clearerr(f);
        break;
    case 4:
        if (p->out != NULL)
            mix("fflush", fflush(p->out), NULL, 0, p->out);
        break;
    case 5:
        p->nonblock = !p->nonblock;
        fcntl(p->in_fd, F_SETFL, p->nonblock ? O_NONBLOCK : 0);
        break;
    case 6:
        if (p->out != NULL && pick(8) == 0) {
            mix("fclose out", fclose(p->out), NULL, 0, NULL);
            p->out = NULL;
        }
        break;
    case 7:
        if (p->in != NULL && pick(16) == 0) {
            mix("fclose in", fclose(p->in), NULL, 0, NULL);
            p->in = NULL;
        }
        break;
    case 8:
        if (f != NULL)
            rewind(f);
        mix("rewind", 0, NULL, 0, f);
    }
}

static void open_pair(struct pair *p)
{
    int fds[2];
    char name[4096];
    snprintf(name, sizeof name, "%s/fuzz.XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    *p = (struct pair){NULL};
    switch (pick(3)) {
    case 0:
        pipe(fds);
        break;
    case 1:
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        break;
    case 2:
        fds[1] = mkstemp(name);
        fds[0] = open(name, O_RDONLY);
        unlink(name);
    }
    p->in = fdopen(p->in_fd = fds[0], "r");
    p->out = fdopen(p->out_fd = fds[1], "w");
}

static void one(unsigned seed)
{
    struct pair p;
    state = seed * 7919ul + 1;
    sum = seed;
    errno = 0;
    open_pair(&p);
    for (int i = 0; i < 60 && (p.in != NULL || p.out != NULL); i++) {
        unsigned what = pick(10);
        if (what < 5)
            write_some(&p);
        else if (what < 8)
            read_some(&p);
        else
            change(&p);
    }
    if (p.in != NULL)
        fcntl(p.in_fd, F_SETFL, O_NONBLOCK);
    if (p.out != NULL && p.in != NULL)
        mix("last fclose out", there(&p) < 30000 ? fclose(p.out) : 0, NULL, 0, NULL);
    else if (p.out != NULL)
        mix("last fclose out", fclose(p.out), NULL, 0, NULL);
    if (p.in != NULL)
        mix("last fclose in", fclose(p.in), NULL, 0, NULL);
    printf("%u %lx\n", seed, sum);
}

static void *other(void *unused)
{
    while (!stop)
        usleep(300);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned first = atoi(argv[1]), n = atoi(argv[2]);
    pthread_t t;
    int threads = atoi(argv[3]);
    verbose = argc > 4;
    signal(SIGPIPE, SIG_IGN);
    if (threads)
        pthread_create(&t, NULL, other, NULL);
    for (unsigned i = 0; i < n; i++)
        one(first + i);
    stop = 1;
    if (threads)
        pthread_join(t, NULL);
    return 0;
}
