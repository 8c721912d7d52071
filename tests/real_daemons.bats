#!/usr/bin/env bats
# Unmodified daemons of Debian that make a thread (or a process) a connection, bare and under coax. One that never ends
# by itself leaves no statistics: that it cooperated is told by its number of kernel threads.
# shellcheck disable=SC2030,SC2031 # every test is a subshell with variables of its own

load helper

# 64 helpers, which look up names, and a few that run fibers.
MOST_THREADS=72

setup_file() {
    flock "$ROOT/tests" make -s -C "$ROOT/tests/load" BUILD="$ROOT/build"
}

setup() {
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    export LC_ALL=C BUILD=$ROOT/build
    load=$BUILD/load
    PIDS=() clients=()
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    local pid
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${PIDS[@]}"; do
        wait_until 3 eval "! kill -0 $pid" || kill -9 "$pid" || true
        wait "$pid" 2>/dev/null || true
    done
}

# start NAME COMMAND...: a server in the background, its output in the file NAME, its pid in $pid.
start() {
    local name=$1
    shift
    "$@" >"$name" 2>&1 </dev/null 3>&- &
    pid=$!
    PIDS+=("$pid")
}

answers() {
    (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A bare web server, its port in $origin.
start_origin() {
    start origin-port "$load/origin"
    wait_until 10 test -s origin-port
    origin=$(cat origin-port)
}

# start_wrapped NAME COMMAND...: a server under coax; PORT in a word of the command is replaced by a free port ($port).
start_wrapped() {
    local name=$1
    shift
    port=$("$load/freeport")
    start "$name" "$COAX" "${COAX_OPTIONS[@]}" "${@//PORT/$port}"
    wait_until 15 answers "$port" || { cat "$name"; return 1; }
}

start_microsocks() {
    start_wrapped microsocks.log microsocks -i 127.0.0.1 -p PORT
}

start_tinyproxy() {
    port=$("$load/freeport")
    printf '%s\n' "Port $port" "Listen 127.0.0.1" "Allow 127.0.0.1" "MaxClients 500" "LogLevel Critical" >tinyproxy.conf
    start tinyproxy.log "$COAX" tinyproxy -d -c "$PWD/tinyproxy.conf"
    wait_until 15 answers "$port" || { cat tinyproxy.log; return 1; }
}

figure() {
    sed -n "s/^$1 //p" <<<"$output"
}

# serves DAEMON CONNECTIONS: all are answered without an error, bare by as many threads, under coax by a handful.
serves() {
    run timeout -k 10 150 "$ROOT/tests/load/daemon-load" "$1" "$2" 50 1
    echo "bare: $output"
    [ "$status" = 0 ]
    [ "$(figure connected)" = "$2" ]
    [ "$(figure errors)" = 0 ]
    [ "$(figure threads)" -ge "$2" ]
    run timeout -k 10 150 "$ROOT/tests/load/daemon-load" "$1" "$2" 50 1 "$COAX" "${UNDER[@]}"
    echo "wrapped: $output"
    [ "$status" = 0 ]
    [ "$(figure connected)" = "$2" ]
    [ "$(figure errors)" = 0 ]
    [ "$(figure requests)" -gt 0 ]
    [ "$(figure threads)" -le "$MOST_THREADS" ]
}

kernel_threads() {
    sed -n 's/^Threads:[[:space:]]*//p' "/proc/$1/status"
}

make_data() {
    head -c 6000000 /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >data
    cat data data >data2 && mv data2 data
}

# bats test_tags=smoke
@test "microsocks serves 10 connections" {
    serves microsocks 10
}

@test "microsocks serves 200 connections" {
    serves microsocks 200
}

@test "microsocks serves 2000 connections" {
    serves microsocks 2000
}

@test "tinyproxy serves 10 connections" {
    serves tinyproxy 10
}

@test "tinyproxy serves 200 connections" {
    serves tinyproxy 200
}

@test "tinyproxy serves 2000 connections" {
    serves tinyproxy 2000
}

@test "microsocks carries large data for several clients at once, byte by byte" {
    make_data
    start files /usr/bin/python3 -u -m http.server --bind 127.0.0.1 0
    wait_until 10 grep -q 'port [0-9]' files
    files=$(sed -n 's/.* port \([0-9]*\).*/\1/p' files)
    start_microsocks
    for n in 1 2 3 4 5 6; do
        timeout 60 curl -sS --socks5 "127.0.0.1:$port" -o "copy$n" "http://127.0.0.1:$files/data" 3>&- &
        clients+=("$!")
    done
    wait "${clients[@]}"
    for n in 1 2 3 4 5 6; do cmp data "copy$n"; done
    [ "$(kernel_threads "$pid")" -le "$MOST_THREADS" ]
}

@test "microsocks resolves names and refuses what cannot be reached as bare" {
    start_origin
    start_microsocks
    run timeout 30 curl -sS --socks5-hostname "127.0.0.1:$port" "http://localhost:$origin/"
    [ "$status" = 0 ]
    [ "${#output}" = 100 ]
    closed=$("$load/freeport")
    run timeout 30 curl -sS --socks5 "127.0.0.1:$port" "http://127.0.0.1:$closed/"
    [ "$status" = 97 ]
}

@test "tinyproxy carries plain requests, many at a time" {
    start_origin
    start_tinyproxy
    run timeout 60 curl -sS --no-progress-meter -Z --parallel-max 50 -x "127.0.0.1:$port" \
        "http://127.0.0.1:$origin/[1-1000]"
    [ "$status" = 0 ]
    [ "${#output}" = 100000 ]
    [ "$(kernel_threads "$pid")" -le "$MOST_THREADS" ]
}

@test "tinyproxy answers for a server that cannot be reached as bare" {
    start_tinyproxy
    closed=$("$load/freeport")
    run timeout 30 curl -s -o /dev/null -w '%{http_code}' -x "127.0.0.1:$port" "http://127.0.0.1:$closed/"
    [ "$output" = 500 ]
}

@test "tinyproxy ends by itself on SIGTERM" {
    start_tinyproxy
    answers "$port"
    kill "$pid"
    wait_until 10 eval "! kill -0 $pid"
    wait "$pid"
}

@test "microsocks dies of SIGTERM" {
    start_microsocks
    kill "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 143 ]
}

@test "socat forks a child a connection and serves them all" {
    start_wrapped socat.log socat TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr,fork,backlog=64 EXEC:cat
    run timeout 60 "$load/conns" --echo --connections 40 --active 40 --seconds 1 --opening 8 127.0.0.1 "$port"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"connected 40"*"errors 0" ]]
}

@test "nc listens and takes what one client sends" {
    head -c 300000 /usr/bin/gdb >sent
    port=$("$load/freeport")
    start received "$COAX" nc -l 127.0.0.1 "$port"
    wait_until 15 eval "timeout 30 nc -N 127.0.0.1 $port <sent >nothing 3>&-"
    wait_until 10 eval "! kill -0 $pid"
    wait "$pid"
    cmp sent received
}

@test "an rsync daemon serves a tree" {
    printf '%s\n' "use chroot = no" "pid file = $PWD/rsyncd.pid" "[doc]" "path = /usr/share/common-licenses" \
        "read only = yes" >rsyncd.conf
    if [ "$(id -u)" = 0 ]; then printf '%s\n' "uid = 0" "gid = 0" >>rsyncd.conf; fi
    start_wrapped rsyncd.log rsync --daemon --no-detach --address=127.0.0.1 --port=PORT --config="$PWD/rsyncd.conf"
    for n in 1 2 3; do
        timeout 60 rsync -a "rsync://127.0.0.1:$port/doc/" "copy$n/" 3>&- &
        clients+=("$!")
    done
    wait "${clients[@]}"
    for n in 1 2 3; do diff -r --no-dereference /usr/share/common-licenses "copy$n"; done
}

@test "python's http.server serves a directory to many clients" {
    make_data
    port=$("$load/freeport")
    start files "$COAX" /usr/bin/python3 -u -m http.server --bind 127.0.0.1 "$port"
    wait_until 15 answers "$port"
    for n in 1 2 3 4; do
        timeout 60 curl -sS -o "copy$n" "http://127.0.0.1:$port/data" 3>&- &
        clients+=("$!")
    done
    wait "${clients[@]}"
    for n in 1 2 3 4; do cmp data "copy$n"; done
    [ "$(kernel_threads "$pid")" -le "$MOST_THREADS" ]
}
