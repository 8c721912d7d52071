#!/usr/bin/env bats
# fork, exec and waits for children, from threads.

load helper

# bats test_tags=smoke,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:gettid,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,name:fork
@test "a child of a thread prints, allocates and makes threads" {
    same_cooperative 1 "$PROGRAMS/fork_thread"
}

# bats test_tags=hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_exit
@test "in the child the thread returns or exits" {
    same_cooperative 1 "$PROGRAMS/fork_thread_return"
}

# bats test_tags=hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join
@test "the order of atfork handlers" {
    same_cooperative 1 "$PROGRAMS/fork_atfork"
}

# bats test_tags=hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "while other threads hold locks, allocate and print" {
    same_cooperative 3 "$PROGRAMS/fork_locks"
}

# bats test_tags=hook:usleep,hook:fork,hook:wait4,hook:waitpid,hook:waitid,hook:pthread_create,hook:pthread_join
@test "many threads wait for their own children" {
    same_cooperative 1 "$PROGRAMS/fork_wait"
}

# bats test_tags=hook:usleep,hook:fork,hook:vfork,hook:waitpid,hook:pthread_create,hook:pthread_join
@test "programs started from threads, in every way" {
    same_cooperative 13 "$PROGRAMS/fork_exec"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join
@test "a thread replaces the program" {
    same_cooperative 1 "$PROGRAMS/fork_exec_self"
    [ "$status" = 6 ]
}

# bats test_tags=hook:fork,hook:read,hook:msgrcv,hook:semop,hook:sem_wait,hook:nanosleep,hook:poll,hook:pthread_kill,hook:pthread_create
@test "a handler that has interrupted a wait forks" {
    for _ in 1 2 3; do
        same_cooperative 3 "$PROGRAMS/fork_handler"
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:fork,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedwrlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:sem_wait,hook:syscall,hook:flockfile,hook:pthread_kill
@test "a handler that has interrupted a wait for another thread forks" {
    for _ in 1 2; do
        same_cooperative 3 "$PROGRAMS/fork_handler_waits"
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:fork,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_timedjoin_np,hook:pthread_detach
@test "in the child the other threads have ended" {
    same_cooperative 2 "$PROGRAMS/fork_join"
    [ "$status" = 0 ]
}
