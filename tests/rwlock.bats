#!/usr/bin/env bats
# Read-write locks.

load helper

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_tryrdlock,hook:pthread_rwlock_timedrdlock,hook:pthread_rwlock_clockrdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_clockwrlock,hook:pthread_rwlock_unlock
@test "every call, its errors and its time limits" {
    same_cooperative 1 "$PROGRAMS/rwlock_basic"
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "readers together, writers alone" {
    same_cooperative 1 "$PROGRAMS/rwlock_readers"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_tryrdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock
@test "readers or waiting writers first" {
    same_cooperative 1 "$PROGRAMS/rwlock_kinds"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_unlock
@test "a writer that gives up lets the readers behind it in" {
    same_cooperative 1 "$PROGRAMS/rwlock_timeout_releases"
}
