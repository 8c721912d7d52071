#!/usr/bin/env bats
# Races, many rounds with random delays: nothing is lost and nothing happens twice. RACE_SEED and RACE_SECONDS (of each)
# repeat or prolong them.

load helper

race() {
    same_cooperative 3 "$PROGRAMS/$1" "${RACE_SEED:-$BATS_TEST_NUMBER}" "${RACE_SECONDS:-1}"
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_timedlock,hook:pthread_mutex_unlock
@test "hand-over of a mutex" {
    race race_mutex
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "a signal against the expiry of a wait" {
    race race_cond_timeout
}

# bats test_tags=hook:sigwaitinfo,hook:sigtimedwait,hook:pthread_sigqueue,hook:pthread_sigmask
@test "signals to threads that alone block and await them" {
    same_cooperative 6 "$PROGRAMS/race_sigwait"
    [ "$status" = 0 ]
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_clockwait,hook:sem_post
@test "a post against the expiry of a wait" {
    race race_sem_timeout
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_timedjoin_np,hook:pthread_exit
@test "join against exit" {
    race race_join_exit
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_detach,hook:sem_wait,hook:sem_post
@test "detach against exit" {
    race race_detach_exit
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:sem_wait,hook:sem_post
@test "cancellation against completion" {
    race race_cancel
}

# libc itself loses a byte here now and then: wrapped only.
# bats test_tags=hook:read,hook:write,hook:pipe,hook:usleep,hook:sched_yield,hook:poll,hook:pthread_create,hook:pthread_join,hook:pthread_cancel
@test "cancellation against a read" {
    wrapped "$PROGRAMS/race_cancel_read" "${RACE_SEED:-$BATS_TEST_NUMBER}" "${RACE_SECONDS:-1}"
    [ "$output" = ok ]
    [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
    [ "$(stat_of kernel_threads)" -le 3 ]
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "cancellations against broadcasts" {
    race race_cancel_broadcast
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_tryrdlock,hook:pthread_rwlock_timedrdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_unlock
@test "readers and writers with and without limits" {
    race race_rwlock
}

# bats test_tags=hook:read,hook:pipe,hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join
@test "the end of the process against everything" {
    local seed
    for seed in 1 2 3 4 5 6 7 8 9 10; do
        wrapped "$PROGRAMS/race_create_exit" "$seed"
        [ "$output" = ok ]
        [ "$status" = 0 ]
        [ "$(stat_of mode)" = fiber ]
    done
}
