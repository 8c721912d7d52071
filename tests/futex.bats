#!/usr/bin/env bats
# The futex call through syscall(), as language runtimes use it.

load helper

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:syscall
@test "wait and wake" {
    same_cooperative 1 "$PROGRAMS/futex_wait"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:syscall
@test "a lock and a condition built on it" {
    same_cooperative 1 "$PROGRAMS/futex_lock"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:syscall
@test "waits for bits, absolute times" {
    same_cooperative 1 "$PROGRAMS/futex_bitset"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:syscall
@test "waiters moved to another word" {
    same_cooperative 1 "$PROGRAMS/futex_requeue"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:syscall
@test "two words at once" {
    same_cooperative 1 "$PROGRAMS/futex_wake_op"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:syscall
@test "what it refuses" {
    same_cooperative 1 "$PROGRAMS/futex_errors"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:syscall
@test "words that hold the owner" {
    same_cooperative 4 "$PROGRAMS/futex_pi"
}
