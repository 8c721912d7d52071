#!/usr/bin/env bats
# Waiting for readiness: what is ready is told, what is not is waited for, while the other threads go on.

load helper

# bats test_tags=hook:poll,hook:__poll,hook:__poll_chk,hook:ppoll,hook:__ppoll_chk,hook:select,hook:__select,hook:pselect,hook:epoll_ctl,hook:epoll_wait,hook:epoll_pwait,hook:epoll_pwait2
@test "no time, some time, no end" {
    same "$PROGRAMS/poll_timeout" 0
    same_cooperative 4 "$PROGRAMS/poll_timeout" 16
}

# bats test_tags=smoke,hook:poll,hook:select,hook:epoll_wait
@test "what each kind of descriptor is ready for" {
    same "$PROGRAMS/poll_kinds" 0
    same_cooperative 4 "$PROGRAMS/poll_kinds" 1
}

# bats test_tags=hook:poll,hook:select,hook:epoll_wait
@test "sets of a thousand entries" {
    same "$PROGRAMS/poll_huge" 0
    same_cooperative 4 "$PROGRAMS/poll_huge" 8
}

# bats test_tags=hook:ppoll,hook:pselect,hook:epoll_pwait,hook:epoll_pwait2
@test "the mask of a wait holds for the wait" {
    same "$PROGRAMS/poll_mask" 0
    same_cooperative 4 "$PROGRAMS/poll_mask" 8
}

# bats test_tags=hook:poll,hook:select,hook:epoll_wait,hook:recv
@test "many threads wait on one descriptor" {
    same_cooperative 4 "$PROGRAMS/poll_shared" 4
    same_cooperative 4 "$PROGRAMS/poll_shared" 32
}

# bats test_tags=hook:epoll_wait,hook:poll
@test "edge-triggered, one-shot, nested, changing and shared epoll sets" {
    same "$PROGRAMS/poll_epoll" 0
    same_cooperative 4 "$PROGRAMS/poll_epoll" 8
}

# bats test_tags=hook:poll,hook:select,hook:epoll_wait,hook:accept4,hook:connect,hook:recv,hook:send,hook:read,hook:write
@test "an event loop in one thread serves clients in others" {
    for kind in poll select epoll; do
        same_cooperative 4 "$PROGRAMS/poll_server" $kind 150
    done
}
