#!/usr/bin/env bats
# Condition variables.

load helper

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "a signal wakes one, or is not remembered" {
    same_cooperative 1 "$PROGRAMS/cond_signal"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "a broadcast wakes a thousand" {
    same_cooperative 1 "$PROGRAMS/cond_broadcast"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_timedwait,hook:pthread_cond_clockwait,hook:pthread_cond_signal
@test "time limits on both clocks" {
    same_cooperative 1 "$PROGRAMS/cond_timed"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "destroyed as soon as all were released" {
    same_cooperative 1 "$PROGRAMS/cond_destroy"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_broadcast
@test "with mutexes of every kind" {
    same_cooperative 1 "$PROGRAMS/cond_mutex_kinds"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast
@test "many producers and consumers" {
    same_cooperative 1 "$PROGRAMS/cond_queue"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_cond_wait_old,hook:pthread_cond_timedwait_old,hook:pthread_cond_signal_old,hook:pthread_cond_broadcast_old
@test "the calls of before glibc 2.3.2" {
    same_cooperative 1 "$PROGRAMS/cond_old_version"
}

@test "found by name and by version" {
    same_cooperative 1 "$PROGRAMS/cond_by_name"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_cond_wait,hook:pthread_cond_signal
@test "a mutex that a waiter has given up is in use" {
    same_cooperative 1 "$PROGRAMS/cond_mutex_in_use"
}
