#!/usr/bin/env bats
# What C++ makes of threads.

load helper

# bats test_tags=hook:nanosleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_detach,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_broadcast
@test "std::thread" {
    same_cooperative 1 "$PROGRAMS/cxx_thread"
}

# bats test_tags=smoke,hook:usleep,hook:sched_yield
@test "exceptions in many threads at once, across switches" {
    same_cooperative 1 "$PROGRAMS/cxx_exceptions"
}

# bats test_tags=hook:usleep,hook:pause
@test "an exception that nobody catches" {
    same "$PROGRAMS/cxx_uncaught" thread
    [ "$status" = 134 ]
    same "$PROGRAMS/cxx_uncaught" noexcept
    [ "$status" = 134 ]
    same "$PROGRAMS/cxx_uncaught" joinable
    [ "$status" = 134 ]
}

# bats test_tags=hook:nanosleep,hook:sched_yield,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_timedlock,hook:pthread_mutex_clocklock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_clockwait,hook:pthread_cond_broadcast,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_clockwrlock,hook:pthread_rwlock_unlock,hook:pthread_once
@test "mutexes, conditions, shared locks, call_once" {
    same_cooperative 1 "$PROGRAMS/cxx_sync"
}

# bats test_tags=hook:nanosleep,hook:pthread_once,hook:syscall
@test "promises, futures, tasks, async" {
    same_cooperative 1 "$PROGRAMS/cxx_future"
}

# bats test_tags=hook:usleep,hook:syscall
@test "a local static that many threads reach at once" {
    same_cooperative 1 "$PROGRAMS/cxx_static_init"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_exit,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pause
@test "thread_local objects and their destructors" {
    same_cooperative 1 "$PROGRAMS/cxx_thread_local"
}
