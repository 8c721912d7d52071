#include "core/config.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/rt.h"

#include <string.h>

static const char *const feature_names[FEATURE_COUNT] = {
    [FEATURE_RWF_NOWAIT] = "rwf_nowait",     [FEATURE_GUARD_INSTALL] = "guard_install",
    [FEATURE_CLOSE_RANGE] = "close_range",   [FEATURE_PIDFD] = "pidfd",
    [FEATURE_EPOLL_PWAIT2] = "epoll_pwait2", [FEATURE_WRFSBASE] = "wrfsbase",
    [FEATURE_HANDOVER] = "handover",
};

static const char *const timeout_names[OP_COUNT] = {
    [OP_CONNECT] = "COAX_CONNECT_TIMEOUT", [OP_READ] = "COAX_READ_TIMEOUT", [OP_WRITE] = "COAX_WRITE_TIMEOUT",
    [OP_ACCEPT] = "COAX_ACCEPT_TIMEOUT",   [OP_DNS] = "COAX_DNS_TIMEOUT",   [OP_WAIT] = "COAX_WAIT_TIMEOUT",
    [OP_POLL] = "COAX_POLL_TIMEOUT",
};

enum { POOL_DEFAULT = 64, STACK_LEAST = 16384 };

void feature_off(enum feature f)
{
    __atomic_store_n(&rt.config.disabled[f], true, __ATOMIC_RELAXED);
}

/* Reads digits into *value, at most `most`; NULL if there is no digit or too much of it. */
static const char *number(const char *p, uint64_t most, uint64_t *value)
{
    const char *start = p;
    uint64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (uint64_t)(*p - '0');
        if (v > most)
            return NULL;
    }
    *value = v;
    return p == start ? NULL : p;
}

bool config_duration(const char *text, uint64_t *ns)
{
    static const struct {
        const char *suffix;
        uint64_t ns;
    } units[] = {{"", NS_PER_S},       {"ms", NS_PER_MS},      {"s", NS_PER_S},
                 {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S}};
    const uint64_t most = 10000ull * 86400;
    uint64_t whole, fraction = 0, scale = 1;
    const char *p = number(text, most * 1000, &whole);
    if (p == NULL)
        return false;
    if (*p == '.') {
        const char *digits = p + 1;
        p = number(digits, 999999999, &fraction);
        if (p == NULL || p - digits > 9)
            return false;
        for (const char *d = digits; d < p; d++)
            scale *= 10;
    }
    for (size_t i = 0; i < countof(units); i++) {
        if (strcmp(p, units[i].suffix) != 0)
            continue;
        if (whole > most * NS_PER_S / units[i].ns)
            return false;
        *ns = whole * units[i].ns + (uint64_t)((__uint128_t)fraction * units[i].ns / scale);
        return *ns <= most * NS_PER_S;
    }
    return false;
}

bool config_size(const char *text, size_t *bytes)
{
    uint64_t v;
    const char *p = number(text, 1ull << 40, &v);
    if (p == NULL)
        return false;
    unsigned shift = *p == 'k' || *p == 'K' ? 10 : *p == 'm' || *p == 'M' ? 20 : *p == 'g' || *p == 'G' ? 30 : 0;
    if (shift != 0)
        p++;
    if (*p != '\0' || v > (1ull << 40) >> shift)
        return false;
    *bytes = (size_t)v << shift;
    return true;
}

static const char *lookup(char **env, const char *name)
{
    size_t n = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=' && (*env)[n + 1] != '\0')
            return *env + n + 1;
    return NULL;
}

/* A copy: programs that change their title write over their environment. */
static const char *keep(const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text) + 1;
    char *copy = n == 0 ? NULL : mem_map(n);
    return copy == NULL ? text : memcpy(copy, text, n);
}

static void ignored(const char *name, const char *value, const char *expected)
{
    log_line(LOG_ERROR, "%s: '%s' is not %s; ignored", name, value, expected);
}

static bool flag(char **env, const char *name, bool otherwise)
{
    const char *v = lookup(env, name);
    if (v == NULL)
        return otherwise;
    if ((v[0] == '0' || v[0] == '1') && v[1] == '\0')
        return v[0] == '1';
    ignored(name, v, "0 or 1");
    return otherwise;
}

static void read_features(struct config *c, const char *list)
{
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ",");
        bool known = n == 0 || (n == 3 && strncmp(list, "all", 3) == 0);
        for (int f = 0; f < FEATURE_COUNT; f++) {
            bool named = strlen(feature_names[f]) == n && strncmp(list, feature_names[f], n) == 0;
            if (named || (n == 3 && strncmp(list, "all", 3) == 0))
                c->disabled[f] = known = true;
        }
        if (!known)
            ignored("COAX_DISABLE", list, "a list of feature names, or all");
        list += n + (list[n] == ',');
    }
}

static void read_method(struct config *c, const char *v)
{
    static const char *const names[METHODS] = {
        [METHOD_NONE] = "none", [METHOD_DETACH] = "detach", [METHOD_SWITCH] = "switch"};
    c->method = METHOD_DETACH;
    if (v == NULL)
        return;
    for (int m = 0; m < METHODS; m++)
        if (strcmp(v, names[m]) == 0) {
            c->method = m;
            return;
        }
    ignored("COAX_ASYNC_METHOD", v, "none, detach or switch");
}

static void read_limits(struct config *c, char **env)
{
    for (int op = 0; op < OP_COUNT; op++) {
        const char *v = lookup(env, timeout_names[op]);
        if (v != NULL && !config_duration(v, &c->timeout[op]))
            ignored(timeout_names[op], v, "a duration (250ms, 3, 1.5s, 2m, 1h, 1d)");
        c->any_timeout |= c->timeout[op] != 0;
    }
    const char *v = lookup(env, "COAX_STACK_SIZE");
    if (v != NULL && (!config_size(v, &c->stack_size) || c->stack_size < STACK_LEAST)) {
        ignored("COAX_STACK_SIZE", v, "a size of at least 16k (65536, 256k, 8m)");
        c->stack_size = 0;
    }
    uint64_t n;
    const char *end;
    v = lookup(env, "COAX_POOL_SIZE");
    if (v != NULL && ((end = number(v, POOL_MOST, &n)) == NULL || *end != '\0'))
        ignored("COAX_POOL_SIZE", v, "a number from 0 to 10000");
    else if (v != NULL)
        c->pool_size = (unsigned)n;
    v = lookup(env, "COAX_VERIFY_FD");
    if (v != NULL && (end = number(v, 1 << 20, &n)) != NULL && *end == '\0')
        c->verify_fd = (int)n;
}

/* The variables that may be ours, so that not every look-up walks the whole environment. They stay where they are. */
static char **own_variables(char **env, char **own, size_t room)
{
    size_t n = 0;
    for (char **e = env; e != NULL && *e != NULL; e++) {
        if ((*e)[0] != 'C' || strncmp(*e, "COAX_", 5) != 0)
            continue;
        if (n == room - 1)
            return env;
        own[n++] = *e;
    }
    own[n] = NULL;
    return own;
}

void config_init(struct config *c, char **env)
{
    char *own[64];
    env = own_variables(env, own, countof(own));
    *c = (struct config){.pool_size = POOL_DEFAULT, .verify_fd = -1, .follow = true, .log_level = LOG_ERROR};
    c->log_file = keep(lookup(env, "COAX_LOG_FILE"));
    const char *v = lookup(env, "COAX_LOG_LEVEL");
    if (v != NULL && !log_level_named(v, &c->log_level))
        ignored("COAX_LOG_LEVEL", v, "error, warn, info or debug");
    c->stats = keep(lookup(env, "COAX_STATS"));
    v = lookup(env, "COAX_THREADS");
    c->kernel_threads = v != NULL && strcmp(v, "kernel") == 0;
    if (v != NULL && !c->kernel_threads && strcmp(v, "fiber") != 0)
        ignored("COAX_THREADS", v, "fiber or kernel");
    read_method(c, lookup(env, "COAX_ASYNC_METHOD"));
    c->strict = flag(env, "COAX_STRICT", false);
    c->keep_stacks = flag(env, "COAX_KEEP_STACKS", false);
    c->follow = flag(env, "COAX_FOLLOW", true);
    read_limits(c, env);
    read_features(c, lookup(env, "COAX_DISABLE"));
}
