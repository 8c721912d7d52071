#!/usr/bin/env bats
# Kernel threads that libc or the program makes beside the fibers share locks, joins and descriptors with them.

load helper

# bats test_tags=smoke,hook:read,hook:write,hook:pipe,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:sem_wait,hook:sem_post
@test "a timer's notification thread gives and waits" {
    same_cooperative 1 "$PROGRAMS/foreign_timer"
}

# bats test_tags=hook:close,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pause
@test "a notification thread makes threads of its own" {
    same_cooperative 1 "$PROGRAMS/foreign_timer_create"
}

# bats test_tags=hook:read,hook:write,hook:pipe,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:sem_wait,hook:sem_post
@test "a message queue's notification thread" {
    same_cooperative 1 "$PROGRAMS/foreign_mqueue"
}

# bats test_tags=hook:read,hook:pipe,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:syscall
@test "a raw clone writes to a pipe" {
    same_cooperative 1 "$PROGRAMS/foreign_clone" pipe
}

# bats test_tags=hook:read,hook:pipe,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:syscall
@test "a raw clone wakes a futex" {
    same_cooperative 40 "$PROGRAMS/foreign_clone" futex # waits in the kernel
}

# bats test_tags=hook:read,hook:pipe,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:syscall
@test "the kernel wakes a futex at the end of a raw clone" {
    same_cooperative 40 "$PROGRAMS/foreign_clone" exit # waits in the kernel
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:syscall,hook:usleep
@test "a raw clone is made while a thread is on its way into a futex wait" {
    same_cooperative 40 "$PROGRAMS/foreign_clone_late" # waits in the kernel
    [ "$output" = woken ]
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:usleep,hook:timer_create
@test "a timer's notification thread joins a thread while the last one computes" {
    same_cooperative 2 "$PROGRAMS/foreign_timer_joins"
    [ "$output" = joined ]
}
