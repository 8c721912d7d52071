/* What the user may write: durations, sizes, and the environment as a whole. */
#include "tests/unit/unit.h"

#include <fcntl.h>

static void durations_accepted(void)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"0", 0},
        {"0ms", 0},
        {"0d", 0},
        {"250ms", 250 * NS_PER_MS},
        {"3", 3 * NS_PER_S},
        {"3s", 3 * NS_PER_S},
        {"003", 3 * NS_PER_S},
        {"1.5s", 1500 * NS_PER_MS},
        {"1.5", 1500 * NS_PER_MS},
        {"1.5ms", 1500000},
        {"0.5ms", 500000},
        {"0.000000001", 1},
        {"0.999999999", 999999999},
        {"0.100000000s", 100 * NS_PER_MS},
        {"2m", 120 * NS_PER_S},
        {"0.5m", 30 * NS_PER_S},
        {"1h", 3600 * NS_PER_S},
        {"1.25h", 4500 * NS_PER_S},
        {"1d", 86400 * NS_PER_S},
        {"0.000000001d", 86400},
        {"10000d", 864000000 * NS_PER_S},
        {"240000h", 864000000 * NS_PER_S},
        {"864000000", 864000000 * NS_PER_S},
        {"864000000000ms", 864000000 * NS_PER_S},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t ns = 77;
        if (!config_duration(cases[i].text, &ns) || ns != cases[i].ns)
            unit_fail(__FILE__, __LINE__, cases[i].text, (long)ns, (long)cases[i].ns);
    }
    unit_ok("durations_accepted");
}

static void durations_refused(void)
{
    static const char *const cases[] = {
        "",
        " ",
        "s",
        "ms",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1 s",
        "1x",
        "1ss",
        "1.",
        ".5",
        "1.s",
        "1e3",
        "0x10",
        "1M",
        "1S",
        "1us",
        "1ns",
        "1.5.2",
        "1,5",
        "1s1",
        "1h30m",
        "inf",
        "0.0000000001",
        "never",
        "10001d",
        "240001h",
        "864000001",
        "864000000001ms",
        "18446744073709551616",
        "18446744073709551617s",
        "99999999999999999999999999999999",
    };
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t ns = 77;
        if (config_duration(cases[i], &ns) || ns != 77)
            unit_fail(__FILE__, __LINE__, cases[i], (long)ns, 77);
    }
    unit_ok("durations_refused");
}

/* Ten thousand days and a fraction are over the most, too. */
static void fraction_over_the_most(void)
{
    uint64_t ns = 77;
    CHECK(!config_duration("864000000.5", &ns) && !config_duration("10000.5d", &ns));
    CHECK(config_duration("9999.5d", &ns) && ns == 863956800 * NS_PER_S);
    unit_ok("fraction_over_the_most");
}

static void sizes(void)
{
    static const struct {
        const char *text;
        size_t bytes;
    } good[] = {
        {"0", 0},        {"1", 1},        {"65536", 65536},  {"64k", 65536},       {"64K", 65536},
        {"8m", 8 << 20}, {"8M", 8 << 20}, {"1g", 1ul << 30}, {"1024G", 1ul << 40}, {"1099511627776", 1ul << 40},
        {"0k", 0},
    };
    static const char *const bad[] = {"",
                                      "k",
                                      "-1",
                                      "1kb",
                                      "1t",
                                      "1 k",
                                      " 1",
                                      "1.5k",
                                      "0x10",
                                      "1025g",
                                      "1099511627777",
                                      "1099511627776k",
                                      "18446744073709551617"};
    for (size_t i = 0; i < countof(good); i++) {
        size_t n = 77;
        if (!config_size(good[i].text, &n) || n != good[i].bytes)
            unit_fail(__FILE__, __LINE__, good[i].text, (long)n, (long)good[i].bytes);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        size_t n = 77;
        if (config_size(bad[i], &n) || n != 77)
            unit_fail(__FILE__, __LINE__, bad[i], (long)n, 77);
    }
    unit_ok("sizes");
}

static void defaults(void)
{
    char *none[] = {NULL};
    char *others[] = {"PATH=/bin",         "COAX_READ_TIMEOUTS=3", "XCOAX_READ_TIMEOUT=3", "COAX_READ_TIMEOUT=",
                      "COAX_READ_TIMEOUT", "COAX_STRICT=",         "COAX_DISABLE=",        NULL};
    char **environs[] = {none, others, NULL};
    for (size_t i = 0; i < countof(environs); i++) {
        struct config c;
        memset(&c, 0xff, sizeof c);
        config_init(&c, environs[i]);
        for (int op = 0; op < OP_COUNT; op++)
            CHECK_EQ(c.timeout[op], 0);
        CHECK(!c.any_timeout && !c.kernel_threads && !c.strict && c.follow);
        CHECK_EQ(c.stack_size, 0);
        CHECK(c.pool_size > 0);
        CHECK_EQ(c.log_level, LOG_ERROR);
        CHECK(c.log_file == NULL && c.stats == NULL);
        CHECK_EQ(c.verify_fd, -1);
        for (int f = 0; f < FEATURE_COUNT; f++)
            CHECK(!c.disabled[f]);
    }
    unit_ok("defaults");
}

static void everything_set(void)
{
    char *env[] = {"COAX_CONNECT_TIMEOUT=1", "COAX_READ_TIMEOUT=2",  "COAX_WRITE_TIMEOUT=3",
                   "COAX_ACCEPT_TIMEOUT=4",  "COAX_DNS_TIMEOUT=5",   "COAX_WAIT_TIMEOUT=6",
                   "COAX_POLL_TIMEOUT=7",    "COAX_THREADS=kernel",  "COAX_STRICT=1",
                   "COAX_FOLLOW=0",          "COAX_STACK_SIZE=256k", "COAX_POOL_SIZE=0",
                   "COAX_LOG_LEVEL=debug",   "COAX_LOG_FILE=/x/log", "COAX_STATS=/x/stats",
                   "COAX_VERIFY_FD=9",       "COAX_READ_TIMEOUT=99", NULL};
    struct config c;
    config_init(&c, env);
    for (int op = 0; op < OP_COUNT; op++)
        CHECK_EQ(c.timeout[op], (uint64_t)(op + 1) * NS_PER_S);
    CHECK(c.any_timeout && c.kernel_threads && c.strict && !c.follow);
    CHECK_EQ(c.stack_size, 256 << 10);
    CHECK_EQ(c.pool_size, 0);
    CHECK_EQ(c.log_level, 3);
    CHECK(strcmp(c.log_file, "/x/log") == 0 && strcmp(c.stats, "/x/stats") == 0);
    CHECK_EQ(c.verify_fd, 9);
    char *zero[] = {"COAX_READ_TIMEOUT=0", "COAX_THREADS=fiber", "COAX_STRICT=0", "COAX_FOLLOW=1", NULL};
    config_init(&c, zero);
    CHECK(!c.any_timeout && !c.kernel_threads && !c.strict && c.follow);
    unit_ok("everything_set");
}

static int lines_of(const char *path, const char *must_name)
{
    char text[8192];
    int fd = open(path, O_RDONLY), lines = 0;
    CHECK(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    CHECK(n >= 0);
    close(fd);
    text[n] = '\0';
    for (ssize_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    if (must_name != NULL && strstr(text, must_name) == NULL)
        unit_fail(__FILE__, __LINE__, text, 0, 0);
    return lines;
}

/* Each is ignored with one line that names the variable; the default stays. */
static void bad_values(void)
{
    char path[] = "/tmp/coax-unit-XXXXXX", log[64];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    snprintf(log, sizeof log, "COAX_LOG_FILE=%s", path);
    char *bad[] = {"COAX_READ_TIMEOUT=soon", "COAX_POLL_TIMEOUT=-1", "COAX_STACK_SIZE=16383", "COAX_STACK_SIZE=big",
                   "COAX_POOL_SIZE=10001",   "COAX_POOL_SIZE=-1",    "COAX_POOL_SIZE=3x",     "COAX_THREADS=green",
                   "COAX_STRICT=yes",        "COAX_FOLLOW=2",        "COAX_LOG_LEVEL=loud",   "COAX_DISABLE=al",
                   "COAX_DISABLE=rwf",       "COAX_DISABLE=pidfd2"};
    struct config fresh;
    config_init(&fresh, NULL);
    for (size_t i = 0; i < countof(bad); i++) {
        char *env[] = {log, bad[i], NULL};
        char name[32] = {0};
        CHECK_EQ(ftruncate(fd, 0), 0);
        memcpy(name, bad[i], strcspn(bad[i], "="));
        config_init(&rt.config, env);
        if (lines_of(path, name) != 1)
            unit_fail(__FILE__, __LINE__, bad[i], lines_of(path, NULL), 1);
        rt.config.log_file = NULL;
        if (memcmp(&rt.config, &fresh, sizeof fresh) != 0)
            unit_fail(__FILE__, __LINE__, bad[i], 0, 0);
    }
    close(fd);
    unlink(path);
    unit_ok("bad_values");
}

static void disabled_features(void)
{
    static const char *const names[FEATURE_COUNT] = {
        [FEATURE_RWF_NOWAIT] = "rwf_nowait",     [FEATURE_GUARD_INSTALL] = "guard_install",
        [FEATURE_CLOSE_RANGE] = "close_range",   [FEATURE_PIDFD] = "pidfd",
        [FEATURE_EPOLL_PWAIT2] = "epoll_pwait2", [FEATURE_WRFSBASE] = "wrfsbase",
        [FEATURE_HANDOVER] = "handover",
    };
    char text[128];
    char *env[] = {text, NULL};
    for (int f = 0; f < FEATURE_COUNT; f++) {
        snprintf(text, sizeof text, "COAX_DISABLE=%s", names[f]);
        config_init(&rt.config, env);
        for (int g = 0; g < FEATURE_COUNT; g++)
            CHECK_EQ(feature_on((enum feature)g), f != g);
    }
    strcpy(text, "COAX_DISABLE=,pidfd,,close_range,");
    config_init(&rt.config, env);
    for (int f = 0; f < FEATURE_COUNT; f++)
        CHECK_EQ(feature_on((enum feature)f), f != FEATURE_PIDFD && f != FEATURE_CLOSE_RANGE);
    strcpy(text, "COAX_DISABLE=all");
    config_init(&rt.config, env);
    for (int f = 0; f < FEATURE_COUNT; f++)
        CHECK(!feature_on((enum feature)f));
    strcpy(text, "COAX_DISABLE=");
    config_init(&rt.config, env);
    feature_off(FEATURE_PIDFD);
    for (int f = 0; f < FEATURE_COUNT; f++)
        CHECK_EQ(feature_on((enum feature)f), f != FEATURE_PIDFD);
    unit_ok("disabled_features");
}

int main(void)
{
    unit_start();
    durations_accepted();
    durations_refused();
    sizes();
    defaults();
    everything_set();
    bad_values();
    disabled_features();
    fraction_over_the_most();
    return 0;
}
