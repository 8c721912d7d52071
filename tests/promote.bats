#!/usr/bin/env bats
# Threads that need what the kernel keeps per thread become kernel threads of their own, while others stay fibers.
# kernel_threads counts those that carry fibers, promoted the others.

load helper

# As same_cooperative, and threads became kernel threads: so many at least. $1: how many.
same_promoted() {
    local least=$1
    shift
    same_cooperative 3 "$@" || return 1
    if [ "$(stat_of promoted)" -lt "$least" ]; then
        echo "not promoted:"
        cat "$BATS_TEST_TMPDIR/stats"
        return 1
    fi
}

# bats test_tags=hook:sched_setaffinity,hook:sched_getaffinity,hook:pthread_setaffinity_np,hook:pthread_getaffinity_np,hook:syscall,hook:gettid,hook:sched_yield
@test "processors of a running thread, by itself and by others, are applied and inherited" {
    same_promoted 7 "$PROGRAMS/promote_affinity"
}

# bats test_tags=hook:__sched_setscheduler,hook:__sched_getscheduler,hook:__sched_getparam,hook:sched_setscheduler,hook:sched_getscheduler,hook:sched_getparam,hook:setpriority,hook:getpriority,hook:nice,hook:pthread_setschedparam,hook:pthread_setschedprio,hook:syscall
@test "policies, priorities and nice values of a running thread are the kernel's" {
    same_promoted 3 "$PROGRAMS/promote_policy"
}

# bats test_tags=hook:setns,hook:unshare,hook:syscall
@test "namespaces and the working directory of one thread" {
    same_promoted 3 "$PROGRAMS/promote_namespaces"
}

# bats test_tags=hook:unshare
@test "a user namespace when the last other thread has ended" {
    same_cooperative 1 "$PROGRAMS/promote_userns"
}

# bats test_tags=hook:setfsuid,hook:setfsgid,hook:capset,hook:prctl,hook:syscall
@test "ids and capabilities of one thread, then ids of all" {
    same_promoted 4 "$PROGRAMS/promote_ids"
}

# bats test_tags=hook:capset,hook:prctl,hook:pthread_join,hook:pthread_timedjoin_np
@test "a thread without privileges that has been joined is not there any more" {
    same_promoted 300 "$PROGRAMS/race_ids"
}

# bats test_tags=hook:prctl,hook:syscall,hook:sem_post,hook:sem_wait
@test "a filter of system calls in one thread" {
    same_promoted 2 "$PROGRAMS/promote_seccomp"
}

# bats test_tags=hook:personality,hook:arch_prctl,hook:__arch_prctl,hook:syscall,hook:wait4
@test "a personality, a base of GS, a ring for one thread, children of one's own" {
    same_promoted 9 "$PROGRAMS/promote_settings" 4
}

# bats test_tags=hook:ptrace,hook:fork,hook:waitpid,hook:waitid,hook:syscall
@test "threads trace children, and processes that they attach to" {
    same "$PROGRAMS/promote_trace" 0
    same_promoted 1 "$PROGRAMS/promote_trace" 1
    same_promoted 4 "$PROGRAMS/promote_trace" 4
    COAX_OPTIONS=(--wait-timeout 30)
    same "$PROGRAMS/promote_trace" 2
}

# bats test_tags=hook:prctl,hook:fork,hook:waitpid,hook:sem_post,hook:sem_wait
@test "a signal at the death of the parent thread" {
    same_promoted 6 "$PROGRAMS/promote_death"
}

# bats test_tags=hook:prctl,hook:gettid,hook:tgkill,hook:pthread_kill,hook:pthread_sigqueue,hook:raise,hook:sigwait,hook:sigsuspend,hook:sigpending,hook:pthread_sigmask,hook:syscall
@test "signals to and from it, its mask and its number" {
    same_promoted 1 "$PROGRAMS/promote_signals"
}

# bats test_tags=hook:prctl,hook:sigaction
@test "signals to the process stay the main thread's" {
    same_promoted 2 "$PROGRAMS/promote_process"
}

# bats test_tags=hook:prctl,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock
@test "locks of each kind are kept across it" {
    same_promoted 20 "$PROGRAMS/promote_locks"
}

# bats test_tags=hook:prctl,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_mutex_unlock,hook:pthread_cond_timedwait
@test "a lock with priority inheritance goes between fibers and kernel threads" {
    same_promoted 6 "$PROGRAMS/race_inherit"
}

# bats test_tags=hook:prctl,hook:pthread_cond_wait,hook:pthread_cond_broadcast,hook:sem_wait,hook:sem_post,hook:read,hook:write,hook:pthread_barrier_wait
@test "traffic with fibers, both ways" {
    same_promoted 4 "$PROGRAMS/promote_traffic"
}

# bats test_tags=hook:prctl,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_timedjoin_np,hook:pthread_detach,hook:pthread_exit,hook:pthread_cancel,hook:pthread_setcancelstate,hook:pthread_setcanceltype,hook:pthread_cond_wait
@test "it is joined, detached and cancelled, and does so to others" {
    same_promoted 10 "$PROGRAMS/promote_life"
}

# bats test_tags=hook:prctl,hook:pthread_join,hook:pthread_detach
@test "thousands of them, one after the other, lose no memory" {
    same_promoted 4500 "$PROGRAMS/promote_many"
    [ "$status" = 0 ]
}

# bats test_tags=hook:prctl,hook:fork,hook:_Fork,hook:waitpid,hook:gettid
@test "it forks, and the child has threads of both kinds" {
    same_promoted 3 "$PROGRAMS/promote_fork"
}

# bats test_tags=hook:unshare,hook:prctl,hook:gettid,hook:pthread_getname_np,hook:pthread_exit
@test "the main thread, which ends before the last" {
    same_promoted 1 "$PROGRAMS/promote_main"
}

# bats test_tags=hook:unshare,hook:gettid,hook:syscall
@test "the main thread while others block on kernel threads" {
    same_promoted 1 "$PROGRAMS/promote_main_moved"
}

# bats test_tags=hook:sched_setaffinity,hook:sched_getaffinity,hook:sched_setscheduler,hook:sched_getscheduler,hook:sched_setparam,hook:sched_getparam,hook:setpriority,hook:getpriority,hook:setns,hook:unshare,hook:prctl,hook:capset,hook:setfsuid,hook:setfsgid,hook:pthread_setschedprio,hook:syscall
@test "what these calls refuse" {
    same_promoted 2 "$PROGRAMS/promote_errors"
}

# bats test_tags=hook:prctl,hook:pthread_create,hook:pthread_join,hook:pthread_detach,hook:pthread_cancel
@test "many at a time, created, joined, detached and cancelled" {
    same_promoted 300 "$PROGRAMS/race_promote"
}

# bats test_tags=hook:sched_setscheduler,hook:pthread_kill,hook:usleep
@test "main computes, alone, and hears the signals of a thread that has become a kernel thread" {
    same_promoted 1 "$PROGRAMS/promote_spin"
    [ "$output" = "20 handled, all sent" ]
}

# bats test_tags=hook:syscall,hook:fork,hook:signal
@test "threads that do not agree about their ids: libc aborts, and the handler runs" {
    same "$PROGRAMS/promote_abort"
    [ "$(id -u)" != 0 ] || [ "$output" = "handled in 20 of 20" ]
}
