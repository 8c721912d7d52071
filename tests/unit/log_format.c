/* The log's formats, and its lines. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <limits.h>

static size_t format(char *out, size_t size, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    size_t n = log_format(out, size, text, args);
    va_end(args);
    return n;
}

/* CHECK that the arguments after `want` give it. */
#define GIVES(want, ...)                                                                                               \
    do {                                                                                                               \
        char out_[128];                                                                                                \
        size_t n_ = format(out_, sizeof out_, __VA_ARGS__);                                                            \
        if (strcmp(out_, want) != 0)                                                                                   \
            unit_fail(__FILE__, __LINE__, out_, 0, 0);                                                                 \
        CHECK_EQ(n_, strlen(want));                                                                                    \
    } while (0)

static void formats(void)
{
    GIVES("", "%s", "");
    GIVES("plain", "plain");
    GIVES("a-b-c", "%s-%s-%s", "a", "b", "c");
    GIVES("100%", "%d%%", 100);
    GIVES("0 1 -1", "%d %d %d", 0, 1, -1);
    GIVES("2147483647 -2147483648", "%d %d", INT_MAX, INT_MIN);
    GIVES("0 18446744073709551615", "%u %u", 0ul, ULONG_MAX);
    GIVES("0 ff ffffffffffffffff", "%x %x %x", 0ul, 255ul, ULONG_MAX);
    GIVES("read(3): 7 of 10", "%s(%d): %u of %x", "read", 3, 7ul, 16ul);
    unit_ok("formats");
}

/* Cut, always terminated, and never a byte behind the end. */
static void truncation(void)
{
    char out[16];
    for (size_t size = 1; size <= 12; size++) {
        memset(out, '#', sizeof out);
        size_t n = format(out, size, "%s%d", "hello", 12345);
        size_t want = size - 1 < 10 ? size - 1 : 10;
        CHECK_EQ(n, want);
        CHECK(memcmp(out, "hello12345", want) == 0);
        CHECK_EQ(out[want], '\0');
        for (size_t i = size; i < sizeof out; i++)
            CHECK_EQ(out[i], '#');
    }
    unit_ok("truncation");
}

static void level_names(void)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int level = 77;
    CHECK(!log_level_named("", &level) && !log_level_named("Error", &level) && !log_level_named("warning", &level));
    CHECK_EQ(level, 77);
    for (int i = 0; i < 4; i++)
        CHECK(log_level_named(names[i], &level) && level == i);
    unit_ok("level_names");
}

static size_t logged(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t n = read(fd, text, size - 1);
    CHECK(n >= 0);
    close(fd);
    text[n] = '\0';
    return (size_t)n;
}

static void lines(void)
{
    char path[] = "/tmp/coax-unit-XXXXXX", text[2048], longer[1024];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    rt.config.log_file = path;
    rt.config.log_level = LOG_WARN;
    errno = 4711;
    log_line(LOG_ERROR, "one %d", 1);
    log_line(LOG_WARN, "two %s", "2");
    log_line(LOG_INFO, "not to be seen");
    CHECK_EQ(errno, 4711);
    logged(path, text, sizeof text);
    CHECK(strcmp(text, "coax: one 1\ncoax: two 2\n") == 0);

    CHECK_EQ(ftruncate(fd, 0), 0);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    log_line(LOG_ERROR, "%s", longer);
    log_line(LOG_ERROR, "next");
    size_t n = logged(path, text, sizeof text);
    char *end = strchr(text, '\n');
    CHECK(end != NULL && end - text > 400 && end - text < 512);
    CHECK(strcmp(end, "\ncoax: next\n") == 0 && n == strlen(text));
    close(fd);
    unlink(path);
    unit_ok("lines");
}

/* A log file that cannot be opened: the line goes to stderr. */
static void lines_without_file(void)
{
    int pipe_ends[2], saved = dup(2);
    char text[64] = {0};
    CHECK(saved >= 0 && pipe(pipe_ends) == 0);
    dup2(pipe_ends[1], 2);
    rt.config.log_file = "/nonexistent/log";
    log_line(LOG_ERROR, "here");
    rt.config.log_file = NULL;
    log_line(LOG_ERROR, "there");
    dup2(saved, 2);
    close(saved);
    close(pipe_ends[1]);
    for (ssize_t n, at = 0; (n = read(pipe_ends[0], text + at, sizeof text - 1 - (size_t)at)) > 0;)
        at += n;
    close(pipe_ends[0]);
    CHECK(strcmp(text, "coax: here\ncoax: there\n") == 0);
    unit_ok("lines_without_file");
}

int main(void)
{
    unit_start();
    formats();
    truncation();
    level_names();
    lines();
    lines_without_file();
    return 0;
}
