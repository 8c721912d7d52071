#!/usr/bin/env bats
# A program with one thread cannot tell that it is wrapped.

load helper

same_solo() {
    same "$@" || return 1
    [ "$(stat_of mode)" = solo ] || { cat "$BATS_TEST_TMPDIR/stats" && return 1; }
}

# bats test_tags=hook:read,hook:recv,hook:poll,hook:epoll_wait,hook:waitpid,hook:nanosleep,hook:select,hook:getaddrinfo,hook:vfork
@test "no thread, descriptor, timer, signal or limit more" {
    same_solo "$PROGRAMS/solo_state"
    [[ $output == *"/proc/self/task 1"* ]]
    COAX_OPTIONS=(--connect-timeout 1m --read-timeout 1m --write-timeout 1m --accept-timeout 1m --poll-timeout 1m
        --strict --stack-size 64k)
    same_solo "$PROGRAMS/solo_state"
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/solo_state"
}

# bats test_tags=hook:read,hook:readv,hook:preadv2,hook:recv,hook:recvfrom,hook:recvmsg,hook:send,hook:write,hook:sendmsg,hook:accept,hook:accept4,hook:waitpid,hook:poll,hook:ppoll,hook:select,hook:pselect,hook:epoll_wait,hook:epoll_pwait,hook:nanosleep,hook:clock_nanosleep,hook:usleep,hook:sleep,hook:pause
@test "alarms: EINTR and SA_RESTART in every blocking call" {
    same_solo "$PROGRAMS/solo_signal"
}

# bats test_tags=smoke,hook:read,hook:recv,hook:poll,hook:epoll_wait,hook:sleep,hook:accept,hook:waitpid
@test "siglongjmp out of blocking calls" {
    same_solo "$PROGRAMS/solo_jump"
}

# bats test_tags=hook:read,hook:write
@test "alternate signal stacks" {
    same_solo "$PROGRAMS/solo_stack"
}

# The same where a time limit may have to end each call, and never does.
# bats test_tags=hook:read,hook:recv,hook:send,hook:accept,hook:waitpid,hook:poll
@test "signals are the same under time limits that do not pass" {
    COAX_OPTIONS=(--read-timeout 1m --write-timeout 1m --accept-timeout 1m --wait-timeout 1m --connect-timeout 1m)
    same "$PROGRAMS/solo_signal"
    same "$PROGRAMS/solo_jump"
    same "$PROGRAMS/solo_stack"
}

# Not the time, which drifts, but the instructions: a hook that is not gated runs more than a handful.
# bats test_tags=hook:pread,hook:pwrite,hook:writev,hook:sendto,hook:getsockopt,hook:setsockopt,hook:epoll_ctl,hook:fcntl,hook:ioctl,hook:isatty,hook:getsockname,hook:dup2,hook:close,hook:sigaction,hook:sigprocmask,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_unlock,hook:pthread_cond_signal,hook:pthread_cond_broadcast,hook:pthread_once,hook:sem_post,hook:sem_wait
@test "each call costs a handful of instructions more" {
    same_solo "$PROGRAMS/solo_steps"
    wrapped "$PROGRAMS/solo_steps" figures
    [[ $output == *$'\nread '[1-9]* ]]
    ! grep ' 0$' <<<"${output#*stepped 1}"
}
