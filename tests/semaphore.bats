#!/usr/bin/env bats
# Semaphores, unnamed and named.

load helper

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "counting, trying, overflow, many waiters" {
    same_cooperative 1 "$PROGRAMS/sem_basic"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_timedwait,hook:sem_clockwait,hook:sem_post
@test "time limits on both clocks" {
    same_cooperative 1 "$PROGRAMS/sem_timed"
}

# A named one is shared with other processes: its waiters may hold a kernel thread each.
# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "named" {
    same_cooperative 11 "$PROGRAMS/sem_named"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_timedwait,hook:sem_post,hook:sigaction,hook:pthread_kill
@test "posted by a signal handler, interrupted by one" {
    same_cooperative 1 "$PROGRAMS/sem_handler"
}

# bats test_tags=hook:sem_wait,hook:sem_timedwait,hook:sem_clockwait,hook:sem_post,hook:pthread_kill
@test "a wait whose own handler posts fails with EINTR where it does bare" {
    same_cooperative 3 "$PROGRAMS/sem_handler_posts"
    [ "$status" = 0 ]
}

# bats test_tags=hook:sem_post,hook:sem_wait,hook:siglongjmp,hook:__sigsetjmp,hook:sigaction
@test "a handler jumps out of a post wherever it is, and later posts still wake" {
    same_cooperative 3 "$PROGRAMS/sem_post_jump"
    [ "$output" = "3 answers" ]
}
