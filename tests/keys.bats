#!/usr/bin/env bats
# Keys and their destructors.

load helper

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join
@test "destructors run in rounds, and not for ever" {
    same_cooperative 1 "$PROGRAMS/key_destructor"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join
@test "all keys that there are, in many threads" {
    same_cooperative 1 "$PROGRAMS/key_many"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "a deleted key, and the next one in its place" {
    same_cooperative 1 "$PROGRAMS/key_delete"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_exit,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pause
@test "which ends of a thread run destructors" {
    same_cooperative 1 "$PROGRAMS/key_exit"
}

# bats test_tags=hook:pthread_create,hook:pthread_join
@test "a new thread finds nothing of an old one" {
    same_cooperative 1 "$PROGRAMS/key_recycled"
}
