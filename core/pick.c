#include "core/pick.h"
#include "core/cancel.h"
#include "core/enter.h"
#include "core/mem.h"
#include "core/ready.h"

#include <errno.h>

enum { ON_STACK = 8 };

/* In order: the first that can be done, is. -EAGAIN: none. */
static long attempt_all(struct pick_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pick_op *op = &ops[i];
        if (op->entry != NULL)
            op->seq = __atomic_load_n(&op->entry->seq, __ATOMIC_SEQ_CST);
        if (op->fd < 0)
            op->result = clock_now() >= op->at ? 0 : -EAGAIN;
        else if (op->entry == NULL)
            op->result = -EBADF;
        else if (op->entry->state == FD_ABORTED)
            op->result = -fdtab_extra(op->entry)->abort_errno;
        else
            op->result = op->attempt(op);
        if (op->result != -EAGAIN)
            return (long)i;
    }
    return -EAGAIN;
}

/* Did something happen between an attempt and now? */
static bool moved(const struct pick_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i].entry != NULL && __atomic_load_n(&ops[i].entry->seq, __ATOMIC_SEQ_CST) != ops[i].seq)
            return true;
    return false;
}

/* Inside the core. */
static int stand_in_line(struct fiber *self, struct pick_op *ops, size_t n, struct ready_link *links, uint64_t at,
                         uint64_t turn)
{
    struct ready_wait w;
    ready_begin(&w, self, links);
    for (size_t i = 0; i < n; i++) {
        int r = ops[i].fd < 0 ? 0 : ready_link(&w, ops[i].fd, ops[i].dir, true, turn);
        if (r != 0) { /* closed meanwhile, or always ready: the next attempt tells */
            w.wait.unlink(&w.wait);
            return r == -EBADF || r == -EPERM ? 0 : r;
        }
    }
    return wait_park(&w.wait, at, WAIT_CANCEL | WAIT_INTR, "coax_pick_op");
}

/* 0: try again. */
static int wait_for_one(struct fiber *self, struct pick_op *ops, size_t n, struct ready_link *links, uint64_t *turn)
{
    uint64_t at = CLOCK_NEVER;
    for (size_t i = 0; i < n; i++) {
        uint64_t soon = ops[i].at < ops[i].again ? ops[i].at : ops[i].again;
        if (soon < at)
            at = soon;
    }
    core_enter(self);
    int r = 0;
    if (*turn == 0)
        *turn = ++rt.fdtab.turns;
    if (!moved(ops, n))
        r = stand_in_line(self, ops, n, links, at, *turn);
    core_leave(self);
    if (r == -ETIMEDOUT || (r == -EINTR && signals_restarts(self)))
        return 0;
    return r;
}

/* Who was woken and takes something else passes the turn on: another fiber may wait for what this one leaves. */
static void give_back(struct fiber *self, struct pick_op *ops, size_t n, long performed, bool waited)
{
    for (size_t i = 0; i < n; i++) {
        struct pick_op *op = &ops[i];
        if (op->connecting && ((long)i != performed || op->result < 0))
            io_undo_connect(op->fd);
        if (op->entry == NULL)
            continue;
        if ((long)i == performed && op->result >= 0)
            ready_progress(self, op->entry, op->dir);
        if (waited)
            ready_pass_on(self, op->entry, op->dir);
    }
}

long pick_run(struct fiber *self, struct pick_op *ops, size_t n)
{
    size_t size = n * sizeof(struct ready_link);
    struct ready_link few[ON_STACK], *links = n <= ON_STACK ? few : mem_map(size);
    uint64_t turn = 0;
    bool waited = false;
    long r;
    if (links == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        ops[i].entry = ops[i].fd < 0 ? NULL : fdtab_get(ops[i].fd);
    while ((r = attempt_all(ops, n)) == -EAGAIN) {
        r = wait_for_one(self, ops, n, links, &turn);
        waited = true;
        if (r != 0)
            break;
    }
    give_back(self, ops, n, r, waited);
    if (links != few)
        mem_unmap(links, size);
    return r;
}
