/* Vectors of a read or write that has done a part of its work. */
#ifndef COAX_VEC_H
#define COAX_VEC_H

#include <stddef.h>
#include <sys/uio.h>

static inline size_t vec_length(const struct iovec *iov, int n)
{
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

/* What is left after `done` bytes, or its beginning, in `rest`. Returns the count of its elements, 0 if nothing is. */
static inline int vec_rest(struct iovec *rest, int room, const struct iovec *iov, int n, size_t done)
{
    int m = 0;
    for (int i = 0; i < n && m < room; i++) {
        if (done >= iov[i].iov_len) {
            done -= iov[i].iov_len;
            continue;
        }
        rest[m].iov_base = (char *)iov[i].iov_base + done;
        rest[m++].iov_len = iov[i].iov_len - done;
        done = 0;
    }
    return m;
}

#endif
