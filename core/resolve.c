#include "core/resolve.h"
#include "core/enter.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

static uint64_t limit(void)
{
    uint64_t ns = rt.config.timeout[OP_DNS];
    return ns == 0 ? CLOCK_NEVER : clock_after(ns);
}

/* The look-up was ended: by its own limit (false), or as a call of the program's, and errno says how. */
static bool stopped(int r)
{
    if (r != -ECANCELED && r != -E_DEADLINE)
        return false;
    errno = r == -ECANCELED ? ECANCELED : ETIMEDOUT;
    return true;
}

static char *copy_text(const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text) + 1;
    char *copy = n == 0 ? NULL : real.malloc(n);
    if (copy != NULL)
        memcpy(copy, text, n);
    return copy;
}

/* ---- getaddrinfo ---- */

struct addrinfo_job {
    struct job job;
    char *node, *service;
    struct addrinfo hints, *result;
    bool hinted;
    int r, error;
};

static void addrinfo_run(struct job *job)
{
    struct addrinfo_job *j = container_of(job, struct addrinfo_job, job);
    j->r = real.getaddrinfo(j->node, j->service, j->hinted ? &j->hints : NULL, &j->result);
    j->error = errno;
}

static void addrinfo_free(struct addrinfo_job *j)
{
    real.free(j->node);
    real.free(j->service);
    real.free(j);
}

static void addrinfo_drop(struct job *job)
{
    struct addrinfo_job *j = container_of(job, struct addrinfo_job, job);
    if (j->r == 0)
        real.freeaddrinfo(j->result);
    addrinfo_free(j);
}

/* The attempt without blocking: numbers need no look-up. Each result repeats the flags that were asked for. */
static bool addrinfo_numeric(const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **result)
{
    struct addrinfo numeric = {.ai_family = AF_UNSPEC, .ai_flags = AI_V4MAPPED | AI_ADDRCONFIG}; /* as if none */
    int before = errno;
    if (hints != NULL)
        numeric = *hints;
    int added = (AI_NUMERICHOST | AI_NUMERICSERV) & ~numeric.ai_flags;
    numeric.ai_flags |= added;
    if (real.getaddrinfo(node, service, &numeric, result) != 0) {
        errno = before;
        return false;
    }
    for (struct addrinfo *a = *result; a != NULL; a = a->ai_next)
        a->ai_flags &= ~added;
    return true;
}

int resolve_addrinfo(struct fiber *self, const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result)
{
    if (addrinfo_numeric(node, service, hints, result))
        return 0;
    struct addrinfo_job *j = real.malloc(sizeof *j);
    if (j == NULL)
        return EAI_MEMORY;
    *j = (struct addrinfo_job){.job = {.run = addrinfo_run, .drop = addrinfo_drop}, .hinted = hints != NULL};
    j->node = copy_text(node);
    j->service = copy_text(service);
    if (hints != NULL)
        j->hints = *hints;
    if ((node != NULL && j->node == NULL) || (service != NULL && j->service == NULL)) {
        addrinfo_free(j);
        return EAI_MEMORY;
    }
    int r = pool_run(self, &j->job, limit(), WAIT_STOP, "getaddrinfo");
    if (r != 0)
        return stopped(r) ? EAI_SYSTEM : EAI_AGAIN;
    r = j->r;
    if (r == 0)
        *result = j->result;
    if (r == EAI_SYSTEM)
        errno = j->error;
    addrinfo_free(j);
    return r;
}

/* ---- getnameinfo ---- */

struct nameinfo_job {
    struct job job;
    struct sockaddr_storage addr;
    socklen_t addrlen, hostlen, servicelen;
    int flags, r, error;
    char text[]; /* host, then service */
};

static void nameinfo_run(struct job *job)
{
    struct nameinfo_job *j = container_of(job, struct nameinfo_job, job);
    j->r = real.getnameinfo((struct sockaddr *)&j->addr, j->addrlen, j->hostlen ? j->text : NULL, j->hostlen,
                            j->servicelen ? j->text + j->hostlen : NULL, j->servicelen, j->flags);
    j->error = errno;
}

static void nameinfo_drop(struct job *job)
{
    real.free(container_of(job, struct nameinfo_job, job));
}

int resolve_nameinfo(struct fiber *self, const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen,
                     char *service, socklen_t servicelen, int flags)
{
    if (host == NULL)
        hostlen = 0;
    if (service == NULL)
        servicelen = 0;
    const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
    if ((flags & numbers) == numbers || addrlen > sizeof(struct sockaddr_storage) || hostlen > 1 << 20 ||
        servicelen > 1 << 20)
        return real.getnameinfo(addr, addrlen, host, hostlen, service, servicelen, flags);
    struct nameinfo_job *j = real.malloc(sizeof *j + hostlen + servicelen);
    if (j == NULL)
        return EAI_MEMORY;
    *j = (struct nameinfo_job){.job = {.run = nameinfo_run, .drop = nameinfo_drop},
                               .addrlen = addrlen,
                               .hostlen = hostlen,
                               .servicelen = servicelen,
                               .flags = flags};
    memcpy(&j->addr, addr, addrlen);
    int r = pool_run(self, &j->job, limit(), WAIT_STOP, "getnameinfo");
    if (r != 0)
        return stopped(r) ? EAI_SYSTEM : EAI_AGAIN;
    r = j->r;
    if (r == 0 && hostlen > 0)
        memcpy(host, j->text, strnlen(j->text, hostlen - 1) + 1);
    if (r == 0 && servicelen > 0)
        memcpy(service, j->text + hostlen, strnlen(j->text + hostlen, servicelen - 1) + 1);
    if (r == EAI_SYSTEM)
        errno = j->error;
    real.free(j);
    return r;
}

/* ---- gethostby* ---- */

struct host_job {
    struct job job;
    struct host_query query;
    char *name;
    char addr[64];
    struct hostent host, *result;
    size_t size;
    int r, error, h_error;
    char buf[] __attribute__((aligned(16)));
};

static void host_run(struct job *job)
{
    struct host_job *j = container_of(job, struct host_job, job);
    const struct host_query *q = &j->query;
    if (q->addr != NULL)
        j->r = real.gethostbyaddr_r(j->addr, q->addrlen, q->family, &j->host, j->buf, j->size, &j->result, &j->h_error);
    else if (q->family == AF_UNSPEC)
        j->r = real.gethostbyname_r(j->name, &j->host, j->buf, j->size, &j->result, &j->h_error);
    else
        j->r = real.gethostbyname2_r(j->name, q->family, &j->host, j->buf, j->size, &j->result, &j->h_error);
    j->error = errno;
}

static void host_free(struct host_job *j)
{
    real.free(j->name);
    real.free(j);
}

static void host_drop(struct job *job)
{
    host_free(container_of(job, struct host_job, job));
}

/* Moves a pointer from the job's buffer to the caller's. */
static void move(void *pointer, const struct host_job *j, char *to)
{
    char **p = pointer;
    if (*p != NULL && *p >= j->buf && *p < j->buf + j->size)
        *p = to + (*p - j->buf);
}

static void move_all(struct hostent *host, const struct host_job *j, char *buf)
{
    memcpy(buf, j->buf, j->size);
    move(&host->h_name, j, buf);
    move(&host->h_aliases, j, buf);
    move(&host->h_addr_list, j, buf);
    for (char **p = host->h_aliases; p != NULL && *p != NULL; p++)
        move(p, j, buf);
    for (char **p = host->h_addr_list; p != NULL && *p != NULL; p++)
        move(p, j, buf);
}

int resolve_host(struct fiber *self, const struct host_query *q, struct hostent *host, char *buf, size_t size,
                 struct hostent **result, int *h_error)
{
    struct host_job *j = real.malloc(sizeof *j + size);
    *result = NULL;
    if (j == NULL)
        return ENOMEM;
    *j = (struct host_job){.job = {.run = host_run, .drop = host_drop}, .query = *q, .size = size};
    j->name = copy_text(q->name);
    if (q->addr != NULL)
        memcpy(j->addr, q->addr, q->addrlen < sizeof j->addr ? q->addrlen : sizeof j->addr);
    int r = pool_run(self, &j->job, limit(), WAIT_STOP, q->addr != NULL ? "gethostbyaddr" : "gethostbyname");
    if (r != 0) {
        bool ended = stopped(r);
        *h_error = ended ? NETDB_INTERNAL : TRY_AGAIN;
        return ended ? errno : EAGAIN;
    }
    r = j->r;
    *h_error = j->h_error;
    if (j->result != NULL) {
        *host = j->host;
        move_all(host, j, buf);
        *result = host;
    }
    errno = j->error;
    host_free(j);
    return r;
}

struct answer {
    struct hostent host;
    size_t size;
    char buf[] __attribute__((aligned(16)));
};

static __thread struct answer *last_answer __attribute__((tls_model("initial-exec")));

/* Freed when the thread asks again: one answer a thread, as libc's is one a process. */
struct hostent *resolve_host_static(struct fiber *self, const struct host_query *query)
{
    for (size_t size = 1024; size <= 1 << 20; size *= 2) {
        struct answer *a = real.malloc(sizeof *a + size);
        struct hostent *result;
        int h_error = NETDB_INTERNAL;
        if (a == NULL)
            break;
        int r = resolve_host(self, query, &a->host, a->buf, size, &result, &h_error);
        if (r != ERANGE) {
            real.free(last_answer);
            last_answer = a;
            h_errno = h_error;
            return result;
        }
        real.free(a);
    }
    h_errno = NETDB_INTERNAL;
    return NULL;
}
