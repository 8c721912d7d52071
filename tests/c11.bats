#!/usr/bin/env bats
# C11 threads.

load helper

# bats test_tags=hook:thrd_sleep,hook:thrd_yield,hook:thrd_create,hook:thrd_join,hook:thrd_detach,hook:thrd_exit,hook:mtx_lock,hook:mtx_unlock,hook:cnd_wait,hook:cnd_signal
@test "threads" {
    same_cooperative 1 "$PROGRAMS/c11_threads"
}

# bats test_tags=hook:thrd_yield,hook:thrd_create,hook:thrd_join,hook:mtx_lock,hook:mtx_timedlock,hook:mtx_unlock
@test "mutexes of each type" {
    same_cooperative 1 "$PROGRAMS/c11_mutex"
}

# bats test_tags=hook:thrd_create,hook:thrd_join,hook:mtx_lock,hook:mtx_unlock,hook:cnd_wait,hook:cnd_timedwait,hook:cnd_signal,hook:cnd_broadcast
@test "conditions" {
    same_cooperative 1 "$PROGRAMS/c11_condition"
}

# bats test_tags=hook:thrd_sleep,hook:thrd_yield,hook:thrd_create,hook:thrd_join,hook:thrd_exit,hook:call_once
@test "call_once, and storage with destructors" {
    same_cooperative 1 "$PROGRAMS/c11_once_tss"
}
