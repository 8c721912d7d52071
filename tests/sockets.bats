#!/usr/bin/env bats
# Sockets: what is sent arrives, what waits is woken, flags and options keep their meaning.

load helper

# bats test_tags=hook:socket,hook:socketpair,hook:connect,hook:__connect,hook:accept4,hook:send,hook:__send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:recv,hook:__recv_chk,hook:recvfrom,hook:__recvfrom_chk,hook:recvmsg,hook:recvmmsg,hook:read,hook:write,hook:shutdown,name:send,name:recv,name:sendto,name:recvfrom
@test "megabytes over stream sockets by every call, alone" {
    for kind in unix tcp tcp6; do
        same "$PROGRAMS/sock_stream" $kind 2048 0
    done
}

# bats test_tags=hook:socket,hook:socketpair,hook:connect,hook:__connect,hook:accept4,hook:send,hook:__send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:recv,hook:__recv_chk,hook:recvfrom,hook:__recvfrom_chk,hook:recvmsg,hook:recvmmsg,hook:read,hook:write,hook:shutdown
@test "megabytes over stream sockets by every call, many threads at once" {
    for kind in unix tcp tcp6; do
        same_cooperative 4 "$PROGRAMS/sock_stream" $kind 512 24
    done
}

# bats test_tags=hook:sendto,hook:recvfrom,hook:recvmsg,hook:sendmsg,hook:sendmmsg,hook:recvmmsg,hook:recv,hook:send,hook:connect,hook:read,hook:write
@test "datagrams: addresses, truncation, several a call and in what time, room, refusal" {
    same "$PROGRAMS/sock_dgram" 0
    same_cooperative 4 "$PROGRAMS/sock_dgram" 8
}

# bats test_tags=hook:sendto
@test "datagrams: a send to a full receiver waits without computing, and in time" {
    same "$PROGRAMS/sock_full" threads
    [ "$output" = "full ok" ]
    COAX_OPTIONS=(--write-timeout 250ms)
    for threads in fiber kernel; do
        COAX_OPTIONS+=(--threads "$threads")
        wrapped "$PROGRAMS/sock_full" limit
        [ "$output" = $'Connection timed out\nConnection timed out' ]
    done
}

# recvmsg with MSG_WAITALL is the real call and keeps its kernel thread: one for each of the eight.
# bats test_tags=hook:send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:recv,hook:recvfrom,hook:recvmsg,hook:recvmmsg
@test "flags: DONTWAIT, PEEK, WAITALL, TRUNC, NOSIGNAL, OOB, MORE, ERRQUEUE" {
    same "$PROGRAMS/sock_flags" 0
    same_cooperative 10 "$PROGRAMS/sock_flags" 8
}

# bats test_tags=smoke,hook:sendmsg,hook:recvmsg,hook:read,hook:recv
@test "descriptors and credentials pass" {
    same "$PROGRAMS/sock_rights" 0
    same_cooperative 4 "$PROGRAMS/sock_rights" 8
}

# bats test_tags=hook:accept,hook:accept4,hook:connect
@test "several acceptors share one listener" {
    for kind in tcp unix; do
        same "$PROGRAMS/sock_accept" $kind 0
        same_cooperative 4 "$PROGRAMS/sock_accept" $kind 24
    done
}

# A connect to a unix socket whose queue is full is the real call: nothing tells when there is room again.
# bats test_tags=hook:connect,hook:__connect
@test "connect: done, refused, twice, not waiting, full queue" {
    same "$PROGRAMS/sock_connect" 0
    same_cooperative 10 "$PROGRAMS/sock_connect" 8
}

# bats test_tags=hook:connect,hook:shutdown
@test "connect: shutdown of the socket ends its wait" {
    same "$PROGRAMS/sock_connecting" shutdown
    [[ $output == *"shutdown ok" ]]
}

# bats test_tags=hook:sendto,hook:send,hook:write,hook:connect
@test "connect: by a send" {
    same "$PROGRAMS/sock_fastopen" 0
    same_cooperative 4 "$PROGRAMS/sock_fastopen" 8
    [ "$output" = "fast open ok" ]
}

# bats test_tags=hook:connect,hook:__connect
@test "connect: after EINTR another waits for what is under way" {
    same "$PROGRAMS/sock_connecting" signal
    [[ $output == *"signal ok" ]]
    same "$PROGRAMS/sock_connecting" restart
    [[ $output == *"restart ok" ]]
}

# bats test_tags=hook:read,hook:readv,hook:recv,hook:recvfrom,hook:recvmsg,hook:recvmmsg,hook:write,hook:writev,hook:send,hook:sendmsg,hook:accept,hook:accept4,hook:connect
@test "SO_RCVTIMEO and SO_SNDTIMEO are honoured" {
    same "$PROGRAMS/sock_timeo" 0
    same_cooperative 10 "$PROGRAMS/sock_timeo" 8
}

# bats test_tags=hook:shutdown,hook:read,hook:recv,hook:write,hook:poll,name:shutdown
@test "shutdown and reset wake who waits" {
    same "$PROGRAMS/sock_shutdown" 0
    same_cooperative 4 "$PROGRAMS/sock_shutdown" 8
}

# bats test_tags=hook:setsockopt,hook:read,hook:readv,hook:recv,hook:recvfrom,hook:recvmsg
@test "SO_RCVLOWAT: reads wait for as much" {
    for kind in unix tcp; do
        same "$PROGRAMS/sock_least" $kind
        [ "$output" = "least ok" ]
    done
}

# bats test_tags=hook:getsockopt,hook:setsockopt,name:getsockopt_int,name:getsockopt_optint,name:getsockopt_float,name:getsockopt_error,name:setsockopt_int,name:setsockopt_optint,name:setsockopt_float,name:gethostname
@test "options: yes or no, numbers, seconds, errors; the name of the host" {
    same "$PROGRAMS/sock_options" 0
    same_cooperative 4 "$PROGRAMS/sock_options" 8
    [[ $output == *done ]]
}
