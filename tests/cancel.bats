#!/usr/bin/env bats
# Cancellation: when it acts, what it leaves behind, which calls are its points.

load helper

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_setcancelstate,hook:pthread_setcanceltype,hook:sem_wait,hook:sem_post
@test "disabled, enabled, tested, before the start" {
    same_cooperative 1 "$PROGRAMS/cancel_state"
    same_cooperative 1 "$PROGRAMS/cancel_start"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_setcancelstate,hook:pthread_setcanceltype,hook:sem_wait,hook:sem_post
@test "asynchronous and deferred, of computing and of sleeping threads" {
    same_cooperative 3 "$PROGRAMS/cancel_async"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_detach,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pause
@test "of oneself, of main, of detached threads" {
    same_cooperative 1 "$PROGRAMS/cancel_self"
    same_cooperative 1 "$PROGRAMS/cancel_main"
    [ "$status" = 0 ]
    same_cooperative 1 "$PROGRAMS/cancel_detached"
}

# bats test_tags=smoke,hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_exit,hook:pthread_cancel,hook:pthread_setcanceltype,hook:sem_wait,hook:sem_post
@test "cleanup handlers: order, popped ones, on exit" {
    same_cooperative 1 "$PROGRAMS/cancel_cleanup"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:pthread_spin_lock,hook:sem_wait,hook:sem_post
@test "locks and barriers are no cancellation points" {
    same_cooperative 1 "$PROGRAMS/cancel_not_a_point"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_signal
@test "in a condition wait: the mutex is owned, no signal is lost" {
    same_cooperative 1 "$PROGRAMS/cancel_cond"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:sem_wait,hook:sem_post
@test "in a join: the other thread stays joinable" {
    same_cooperative 1 "$PROGRAMS/cancel_join"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock,hook:sem_wait,hook:sem_post,hook:pause
@test "C++ frames are unwound" {
    same_cooperative 1 "$PROGRAMS/cancel_cxx"
}

# bats test_tags=hook:pthread_cancel,hook:pthread_setcanceltype,hook:pthread_create,hook:pthread_join
@test "an asynchronous thread that defers for a while" {
    same_cooperative 3 "$PROGRAMS/cancel_defer"
    [ "$status" = 0 ]
}

# bats test_tags=hook:read,hook:close,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:pthread_cond_wait,hook:pthread_cond_signal
@test "cancelled before something else ends the call" {
    same_cooperative 1 "$PROGRAMS/cancel_then_close"
}

# bats test_tags=hook:pthread_cancel,hook:syscall
@test "in syscall() who is asynchronous, and nobody else" {
    same_cooperative 1 "$PROGRAMS/cancel_syscall"
    [ "$(grep -c 'cancelled: 1' <<<"$output")" = 2 ] && [[ $output = *"slept: 0"* ]]
}
