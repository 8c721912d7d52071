#!/usr/bin/env bats
# Time limits by operation: a call that would hang ends with an ordinary error, nothing lost, and slow is not silent.

load helper

teardown() {
    [ -z "$peer" ] || kill "$peer"
}

# limited PROGRAM ARGS: under COAX_OPTIONS it ends well in one thread, in four (the last argument) as fibers, and in
# four as kernel threads; all three at the same time.
limited() {
    local out=$BATS_TEST_TMPDIR/limited mode pid pids=() failed=''
    for mode in solo fiber kernel; do
        one_mode "$mode" "$@" >"$out.$mode" 2>&1 3>&- &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    for mode in solo fiber kernel; do
        grep -qx "mode $mode" "$out.$mode.stats" || failed=1
    done
    [ -z "$failed" ] || { echo "$*:" && tail -n +1 "$out".* && return 1; }
}

one_mode() {
    local mode=$1 threads=4 options=("${COAX_OPTIONS[@]}")
    shift
    [ "$mode" != solo ] || threads=0
    [ "$mode" != kernel ] || options+=(--threads kernel)
    COAX_STATS="$BATS_TEST_TMPDIR/limited.$mode.stats" timeout -k 5 "$LIMIT" "$COAX" "${options[@]}" "$@" "$threads"
}

# A peer on loopback that takes connections and is silent: its port in $port.
silent_peer() {
    "$PROGRAMS/timeout_listener" "$BATS_TEST_TMPDIR/port" 3>&- &
    peer=$!
    wait_until 10 test -s "$BATS_TEST_TMPDIR/port"
    port=$(cat "$BATS_TEST_TMPDIR/port")
}

# client COMMAND: an unmodified client under a read limit of 0.5 s fails by itself, within a wide margin.
client() {
    local start=${EPOCHREALTIME/./}
    COAX_OPTIONS=(--read-timeout 500ms)
    LIMIT=30 wrapped "$@"
    local ms=$(((${EPOCHREALTIME/./} - start) / 1000))
    echo "$* ended after $ms ms with status $status: $output"
    [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [ "$ms" -ge 400 ] && [ "$ms" -lt 15000 ]
}

@test "without limits every victim is as bare" {
    for how in read poll-then-read epoll-edge-then-read; do
        same "$PROGRAMS/timeout_read" tcp $how 0 0
        same_cooperative 4 "$PROGRAMS/timeout_read" tcp $how 0 4
    done
    same_cooperative 4 "$PROGRAMS/timeout_write" tcp write 0 4
    same_cooperative 6 "$PROGRAMS/timeout_connect" unix 0 4 # the real call: see sockets.bats
    same_cooperative 4 "$PROGRAMS/timeout_accept" poll 0 4
    same_cooperative 4 "$PROGRAMS/timeout_wait" waitpid 0 4
    same_cooperative 4 "$PROGRAMS/timeout_poll" 0 4
}

# bats test_tags=hook:read,hook:readv,hook:preadv2
@test "read limit: read, readv, preadv2 on a silent pipe and sockets" {
    COAX_OPTIONS=(--read-timeout 0.15)
    for kind in pipe unix tcp; do
        for how in read readv preadv2; do
            limited "$PROGRAMS/timeout_read" $kind $how 150
        done
    done
}

# bats test_tags=hook:recv,hook:recvfrom,hook:recvmsg,hook:recvmmsg
@test "read limit: the calls of sockets" {
    COAX_OPTIONS=(--read-timeout 0.15)
    for how in recv recvfrom recvmsg recvmmsg peek waitall waitall-peek waitall-msg waitall-msg-control; do
        limited "$PROGRAMS/timeout_read" tcp $how 150
    done
}

# bats test_tags=hook:poll,hook:ppoll,hook:select,hook:pselect,hook:epoll_wait,hook:read,hook:recv
@test "read limit: clients that wait in poll, select or epoll and then read" {
    COAX_OPTIONS=(--read-timeout 0.15)
    for how in poll-then-read ppoll-then-recv poll-finite-then-read select-then-recv pselect-then-read \
        epoll-then-read epoll-edge-then-read; do
        limited "$PROGRAMS/timeout_read" tcp $how 150
    done
    limited "$PROGRAMS/timeout_read" pipe poll-then-read 150
}

# bats test_tags=hook:poll,hook:select,hook:epoll_wait,hook:read,hook:recv,hook:recvmsg,hook:recvmmsg
@test "read limit: clients with non-blocking sockets" {
    COAX_OPTIONS=(--read-timeout 0.15)
    for how in nonblock-poll-then-read nonblock-select-then-recv nonblock-epoll-edge-then-read \
        poll-then-recv-dontwait poll-then-recvmsg-dontwait poll-then-recvmmsg-dontwait nonblock-poll-then-recvmmsg; do
        limited "$PROGRAMS/timeout_read" tcp $how 150
    done
}

# bats test_tags=hook:write,hook:writev,hook:pwritev2,hook:send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:poll,hook:select,hook:epoll_wait
@test "write limit: the short count first, then ETIMEDOUT" {
    COAX_OPTIONS=(--write-timeout 0.3)
    for kind in pipe unix tcp; do
        limited "$PROGRAMS/timeout_write" $kind write 300
    done
    limited "$PROGRAMS/timeout_write" pipe pwritev2 300
    for how in writev send sendto sendmsg sendmmsg poll select epoll nonblock dontwait; do
        limited "$PROGRAMS/timeout_write" tcp $how 300
    done
}

# bats test_tags=hook:read,hook:recv,hook:poll,hook:write
@test "slow but steady peers are not ended" {
    COAX_OPTIONS=(--read-timeout 1 --write-timeout 1)
    limited "$PROGRAMS/timeout_steady"
}

# bats test_tags=hook:pclose,hook:system,name:system
@test "wait limit: pclose and system, and the shell goes on" {
    COAX_OPTIONS=(--wait-timeout 0.7)
    limited "$PROGRAMS/proc_shell" limit
}

# bats test_tags=hook:fgets,hook:fwrite,hook:getc
@test "read and write limits hold within streams, which go on" {
    COAX_OPTIONS=(--read-timeout 0.8 --write-timeout 0.8)
    limited "$PROGRAMS/timeout_stdio" 0.8
}

# bats test_tags=hook:read,hook:poll,hook:recv
@test "terminals, events, timers, sleeps and earlier ends are left alone" {
    COAX_OPTIONS=(--read-timeout 0.4 --write-timeout 0.4)
    limited "$PROGRAMS/timeout_exempt"
}

# bats test_tags=hook:connect,hook:poll,hook:select,hook:epoll_wait,hook:getsockopt
@test "connect limit: blocking, driven by poll, select or epoll, and unix" {
    COAX_OPTIONS=(--connect-timeout 0.3)
    for how in block poll again select epoll unix; do
        limited "$PROGRAMS/timeout_connect" $how 300
    done
}

# bats test_tags=hook:connect,hook:poll,hook:select,hook:epoll_wait,hook:getsockopt,hook:recv
@test "a connect that succeeded is past its limit, and reading has its own" {
    COAX_OPTIONS=(--connect-timeout 0.2 --read-timeout 0.5)
    for how in poll select epoll; do
        limited "$PROGRAMS/timeout_connected" $how 200 500
    done
}

# bats test_tags=smoke,hook:accept,hook:accept4,hook:poll
@test "accept limit" {
    COAX_OPTIONS=(--accept-timeout 0.3)
    for how in accept accept4 poll select epoll nonblock; do
        limited "$PROGRAMS/timeout_accept" $how 300
    done
}

# bats test_tags=hook:wait,hook:wait3,hook:wait4,hook:waitpid,hook:waitid
@test "wait limit: the child is still there" {
    COAX_OPTIONS=(--wait-timeout 0.3)
    for how in wait4 waitpid waitid; do
        limited "$PROGRAMS/timeout_wait" $how 300
    done
    for how in wait wait3 any; do
        for threads in 0 1; do
            wrapped "$PROGRAMS/timeout_wait" $how 300 $threads
            [ "$status" -eq 0 ]
        done
        wrapped --threads kernel "$PROGRAMS/timeout_wait" $how 300 1
        [ "$status" -eq 0 ]
    done
}

# bats test_tags=hook:poll,hook:ppoll,hook:select,hook:pselect,hook:epoll_wait,hook:epoll_pwait,hook:epoll_pwait2
@test "poll limit: a wait without end returns 0" {
    COAX_OPTIONS=(--poll-timeout 0.2)
    limited "$PROGRAMS/timeout_poll" 200
}

# bats test_tags=hook:getaddrinfo,hook:getnameinfo,hook:gethostbyname,hook:gethostbyname_r,hook:gethostbyname2,hook:gethostbyname2_r,hook:gethostbyaddr,hook:gethostbyaddr_r
@test "dns limit: a name server that never answers" {
    local inside=(unshare -mn)
    [ "$(id -u)" -eq 0 ] || inside=(unshare -rmn)
    "${inside[@]}" true 2>/dev/null || skip "no namespaces of one's own here"
    local there='mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$BATS_TEST_TMPDIR/soon"
    printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:3\n' >"$BATS_TEST_TMPDIR/late"
    "${inside[@]}" sh -c "$there" sh "$BATS_TEST_TMPDIR/soon" true 2>/dev/null || skip "nothing can be mounted here"
    bare "${inside[@]}" sh -c "$there" sh "$BATS_TEST_TMPDIR/soon" "$PROGRAMS/timeout_dns" 0 0
    [ "$output" = "try again" ]
    for threads in 0 8; do
        for mode in fiber kernel; do
            run timeout -k 5 60 "${inside[@]}" sh -c "$there" sh "$BATS_TEST_TMPDIR/late" \
                "$COAX" --dns-timeout 0.3 --threads $mode "$PROGRAMS/timeout_dns" 300 $threads
            echo "$output"
            [ "$output" = "try again" ]
        done
    done
}

# bats test_tags=hook:read,hook:connect,hook:poll
@test "durations: 250ms, 1.5s, 3, 2m, 0" {
    COAX_OPTIONS=(--read-timeout 250ms)
    wrapped "$PROGRAMS/timeout_read" tcp read 250 0
    [ "$status" -eq 0 ]
    COAX_OPTIONS=(--connect-timeout 1.5s)
    wrapped "$PROGRAMS/timeout_connect" block 1500 0
    [ "$status" -eq 0 ]
    COAX_OPTIONS=(--connect-timeout 3)
    wrapped "$PROGRAMS/timeout_connect" poll 3000 4
    [ "$status" -eq 0 ]
    for long in 2m 1h 1d 0; do
        COAX_OPTIONS=(--read-timeout $long)
        wrapped "$PROGRAMS/timeout_read" tcp poll-then-read 0 4
        [ "$status" -eq 0 ]
    done
}

# bats test_tags=hook:read,hook:write,hook:connect,hook:accept,hook:waitpid,hook:poll
@test "every limit by environment" {
    COAX_READ_TIMEOUT=300ms wrapped "$PROGRAMS/timeout_read" tcp read 300 4
    [ "$status" -eq 0 ]
    COAX_WRITE_TIMEOUT=0.3 wrapped "$PROGRAMS/timeout_write" unix write 300 4
    [ "$status" -eq 0 ]
    COAX_CONNECT_TIMEOUT=0.3s wrapped "$PROGRAMS/timeout_connect" block 300 0
    [ "$status" -eq 0 ]
    COAX_ACCEPT_TIMEOUT=300ms wrapped "$PROGRAMS/timeout_accept" accept 300 0
    [ "$status" -eq 0 ]
    COAX_WAIT_TIMEOUT=300ms wrapped "$PROGRAMS/timeout_wait" waitpid 300 4
    [ "$status" -eq 0 ]
    COAX_POLL_TIMEOUT=200ms wrapped "$PROGRAMS/timeout_poll" 200 0
    [ "$status" -eq 0 ]
}

@test "curl ends on a silent server, and says why" {
    command -v curl >/dev/null || skip "no curl"
    silent_peer
    client curl -sS --noproxy '*' "http://127.0.0.1:$port/"
    [[ $output == *"timed out"* ]]
}

@test "wget ends on a silent server, and says why" {
    command -v wget >/dev/null || skip "no wget"
    silent_peer
    client wget --no-proxy --tries=1 -O /dev/null "http://127.0.0.1:$port/"
    [[ $output == *"timed out"* ]]
}

@test "python ends on a silent server, and says why" {
    [ -x /usr/bin/python3 ] || skip "no python3"
    silent_peer
    client /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port)).recv(1)"
    [[ $output == *TimeoutError* ]]
    client /usr/bin/python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/')"
    [[ $output == *"timed out"* ]]
}

@test "psql ends on a silent server, and says why" {
    psql=$(find /usr/lib/postgresql -path '*/bin/psql' | head -n 1)
    silent_peer
    client "$psql" -h 127.0.0.1 -p "$port" -U nobody -c 'select 1' nothing
    [[ $output == *"timed out"* ]]
}

@test "rsync and git end on a silent server" {
    silent_peer
    client rsync "rsync://127.0.0.1:$port/doc/" "$BATS_TEST_TMPDIR/copy/"
    client git clone -q "git://127.0.0.1:$port/repository" "$BATS_TEST_TMPDIR/clone"
}

@test "both limits: a page that comes late but in time" {
    /usr/bin/python3 -c '
import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c = s.accept()[0]
    c.recv(1000)
    time.sleep(1)
    c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    c.close()' >"$BATS_TEST_TMPDIR/port" 3>&- &
    peer=$!
    wait_until 10 test -s "$BATS_TEST_TMPDIR/port"
    COAX_OPTIONS=(--connect-timeout 300ms --read-timeout 30)
    wrapped curl -sS --noproxy '*' "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/"
    [ "$output" = ok ]
    COAX_OPTIONS=(--connect-timeout 30 --read-timeout 300ms)
    wrapped curl -sS --noproxy '*' "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/"
    [ "$status" = 56 ]
    [[ $output == *"timed out"* ]]
}

@test "nc ends on a silent server" {
    command -v nc >/dev/null || skip "no nc"
    silent_peer
    local start=${EPOCHREALTIME/./}
    COAX_OPTIONS=(--read-timeout 500ms)
    LIMIT=30 wrapped nc 127.0.0.1 "$port" </dev/null
    local ms=$(((${EPOCHREALTIME/./} - start) / 1000))
    echo "ended after $ms ms with status $status: $output"
    [ "$status" -ne 124 ] && [ "$ms" -ge 400 ] && [ "$ms" -lt 15000 ]
}
