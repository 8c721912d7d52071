#!/usr/bin/env bats
# Unmodified threaded servers of Debian, each run bare and under coax: the same client gets the same answers, the server
# ends in the same way, and under coax its threads were fibers.
# shellcheck disable=SC2030,SC2031 # every test is a subshell with variables of its own

load helper

# The most kernel threads that may have carried fibers: computing ones may have a CPU each, blocked ones keep theirs.
MOST=$(($(nproc) + 6))

setup_file() {
    flock "$ROOT/tests" make -s -C "$ROOT/tests/load" BUILD="$ROOT/build"
}

setup() {
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    export LC_ALL=C TZ=UTC
    load=$ROOT/build/load
    PIDS=()
    dir=$(mktemp -d "${TMPDIR:-/tmp}/coax-servers.XXXXXX") # a server that changes its user must reach it
    chmod 777 "$dir"
    cd "$dir" || return
}

teardown() {
    local pid
    for pid in "${PIDS[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    cd / && rm -rf "$dir"
}

# start NAME COMMAND...: in the background, its output in the file NAME, its pid in $pid.
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
    start origin-port "$load/origin" --size 20000
    wait_until 10 test -s origin-port
    origin=$(cat origin-port)
}

# serves CLIENT CONFIGURE SERVER...: CONFIGURE is called with a free port and writes what the server reads; PORT in a word
# of the command is that port. CLIENT, called with it, prints what is compared. The server ends on SIGTERM.
serves() {
    local client=$1 configure=$2 port status run
    shift 2
    for run in bare wrapped; do
        port=$("$load/freeport")
        "$configure" "$port"
        if [ "$run" = bare ]; then
            start "$run.log" "${@//PORT/$port}"
        else
            start "$run.log" env COAX_STATS="$dir/stats" "$COAX" "${@//PORT/$port}"
        fi
        wait_until 20 answers "$port" || { cat "$run.log"; return 1; }
        "$client" "$port" >"$run.got" 2>&1 || echo "client: $?" >>"$run.got"
        kill -TERM "$pid"
        wait_until 20 eval "! kill -0 $pid" || { echo "$run: does not end" && tail -n 5 "$run.log" && return 1; }
        status=0
        wait "$pid" || status=$?
        echo "server: $status" >>"$run.got"
    done
    head -n 3 bare.got
    diff bare.got wrapped.got || { tail -n 20 wrapped.log; return 1; }
}

# What the server wrote at its end.
cooperated() {
    cat stats
    grep -q '^mode fiber$' stats && [ "$(sed -n 's/^kernel_threads //p' stats)" -le "$MOST" ]
}

# fetch_many URL OPTION...: eight at a time, the sums of what came.
fetch_many() {
    local url=$1 n pids=()
    shift
    for n in 1 2 3 4 5 6 7 8; do
        curl -sS -m 30 "$@" -o "got$n" -w '%{http_code} %{size_download}\n' "$url" "$url" -o "got$n-2" >"code$n" &
        pids+=("$!")
    done
    wait "${pids[@]}"
    cat code? | sort | uniq -c
    md5sum got? | cut -c-32 | sort | uniq -c
}

privoxy_configure() {
    printf '%s\n' "listen-address 127.0.0.1:$1" "toggle 0" "keep-alive-timeout 5" "socket-timeout 20" >privoxy.conf
}

privoxy_client() {
    fetch_many "http://127.0.0.1:$origin/" -x "127.0.0.1:$1"
    curl -sS -m 30 -x "127.0.0.1:$1" "http://name.invalid/" -o /dev/null -w '%{http_code}\n'
    curl -sS -m 30 -x "127.0.0.1:$1" "http://127.0.0.1:1/" -o /dev/null -w '%{http_code}\n'
}

@test "privoxy: a thread a connection, names by gethostbyname_r" {
    start_origin
    serves privoxy_client privoxy_configure privoxy --no-daemon "$dir/privoxy.conf"
    cooperated
    grep -q '16 200 20000' bare.got
}

icecast_configure() {
    local owner=''
    [ "$(id -u)" != 0 ] || owner='<changeowner><user>nobody</user><group>nogroup</group></changeowner>'
    cat >icecast.xml <<X
<icecast><limits><clients>50</clients><sources>2</sources><queue-size>524288</queue-size></limits>
<authentication><source-password>word</source-password><admin-user>admin</admin-user>
<admin-password>word</admin-password></authentication><hostname>localhost</hostname>
<listen-socket><port>$1</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>/usr/share/icecast2</basedir><logdir>$dir</logdir><webroot>/usr/share/icecast2/web</webroot>
<adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><accesslog>access</accesslog><errorlog>error</errorlog><loglevel>2</loglevel></logging>
<security><chroot>0</chroot>$owner</security></icecast>
X
}

icecast_client() {
    local source pids=()
    curl -sS -m 60 -u source:word -H 'Content-Type: audio/mpeg' --limit-rate 400k -T music \
        "http://127.0.0.1:$1/stream" >/dev/null &
    source=$!
    wait_until 15 eval "curl -sS -m 5 -u admin:word http://127.0.0.1:$1/admin/listmounts | grep -q /stream"
    for _ in 1 2 3 4; do
        curl -sS -m 30 "http://127.0.0.1:$1/stream" 2>/dev/null | head -c 100000 | wc -c &
        pids+=("$!")
    done
    wait "${pids[@]}"
    kill "$source"
    curl -sS -m 30 "http://127.0.0.1:$1/nothing" -o /dev/null -w '%{http_code}\n'
    curl -sS -m 30 "http://127.0.0.1:$1/admin/stats" -o /dev/null -w '%{http_code}\n'
}

@test "icecast2: a source and its listeners" {
    head -c 4000000 /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >music
    serves icecast_client icecast_configure icecast2 -c "$dir/icecast.xml"
    cooperated
    [ "$(grep -c '^100000$' bare.got)" = 4 ]
}

apache_configure() {
    local modules=/usr/lib/apache2/modules
    mkdir -p htdocs logs
    head -c 300000 /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >htdocs/file
    cat >apache.conf <<X
ServerRoot $dir
ServerName localhost
Listen 127.0.0.1:$1
LoadModule mpm_worker_module $modules/mod_mpm_worker.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule deflate_module $modules/mod_deflate.so
LoadModule filter_module $modules/mod_filter.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
DocumentRoot $dir/htdocs
PidFile $dir/logs/pid
ErrorLog $dir/logs/error
StartServers 1
ThreadsPerChild 25
SetOutputFilter DEFLATE
ProxyPass /origin http://127.0.0.1:$origin/
X
    [ "$(id -u)" != 0 ] || printf '%s\n' "User nobody" "Group nogroup" >>apache.conf
}

apache_client() {
    fetch_many "http://127.0.0.1:$1/file"
    fetch_many "http://127.0.0.1:$1/file" --compressed
    fetch_many "http://127.0.0.1:$1/origin"
    curl -sS -m 30 -r 1000-1999 "http://127.0.0.1:$1/file" | md5sum
    curl -sS -m 30 "http://127.0.0.1:$1/nothing" -o /dev/null -w '%{http_code}\n'
    ab -q -n 400 -c 20 "http://127.0.0.1:$1/file" 2>&1 | grep -E '^(Complete|Failed|Non-2xx)'
}

@test "apache2 with the worker MPM" {
    start_origin
    serves apache_client apache_configure apache2 -X -f "$dir/apache.conf"
    cooperated
    grep -q 'Complete requests:      400' bare.got
}

memcached_many() {
    local n pids=()
    for n in 1 2 3 4 5 6 7 8; do
        (
            exec 4<>"/dev/tcp/127.0.0.1/$1"
            for key in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                printf 'set k%s-%s 0 0 6\r\nvalue%s\r\nincr all 1\r\nget k%s-%s\r\n' "$n" "$key" "$n" "$n" "$key" >&4
            done
            printf 'quit\r\n' >&4
            tr -d '\r' <&4 | grep -vE '^[0-9]+$' >"got$n"
        ) &
        pids+=("$!")
    done
    wait "${pids[@]}"
    cat got?
    exec 4<>"/dev/tcp/127.0.0.1/$1"
    printf 'get all\r\nflush_all\r\nget k1-1\r\nquit\r\n' >&4
    tr -d '\r' <&4
}

memcached_configure() {
    :
}

memcached_client() {
    exec 4<>"/dev/tcp/127.0.0.1/$1"
    printf 'set all 0 0 3\r\n100\r\nquit\r\n' >&4
    cat <&4 >/dev/null
    memcached_many "$1"
}

@test "memcached: four worker threads" {
    serves memcached_client memcached_configure memcached -u "$(id -un)" -l 127.0.0.1 -p PORT -t 4
    cooperated
    grep -q 'VALUE all 0 3' bare.got
    grep -q '^260$' bare.got
}

redis_client() {
    local n pids=()
    for n in 1 2 3 4; do
        (for key in $(seq 50); do echo "RPUSH list $n.$key"; echo "INCR all"; done |
            redis-cli -p "$1" >/dev/null) &
        pids+=("$!")
    done
    wait "${pids[@]}"
    redis-cli -p "$1" <<'X'
LLEN list
GET all
EVAL "for i = 1, 20000 do redis.call('SADD', 'set', i) end return redis.call('SCARD', 'set')" 0
UNLINK set
EXISTS set
CONFIG SET appendonly yes
SET key word
BGSAVE
X
    for n in rdb_bgsave aof_rewrite; do # it refuses to end while its first append-only file is not there
        wait_until 20 eval "redis-cli -p $1 info persistence | grep -q ${n}_in_progress:0"
    done
    redis-cli -p "$1" info persistence | tr -d '\r' | grep -E 'last_bgsave_status|last_bgrewrite_status|aof_enabled'
    redis-benchmark -p "$1" -q -n 200 -c 10 -t set,get,lpush 2>&1 | tr '\r' '\n' | grep -cE '^(SET|GET|LPUSH): [0-9.]+ requests'
    redis-cli -p "$1" DEBUG SLEEP 0 | head -c 2
}

redis_configure() {
    rm -rf redis && mkdir redis
}

@test "redis-server: background and I/O threads" {
    serves redis_client redis_configure redis-server --port PORT --bind 127.0.0.1 --dir "$dir/redis" --io-threads 2 \
        --io-threads-do-reads yes --save '' --enable-debug-command local --appendfsync everysec
    cooperated
    [ "$(grep -cx '200\|20000\|last_bgsave_status:ok' bare.got)" -ge 3 ]
}

varnish_client() {
    fetch_many "http://127.0.0.1:$1/page"
    find "/proc/$(pgrep -P "$pid")/task" -mindepth 1 -maxdepth 1 | wc -l >"$run.threads"
    curl -sS -m 30 "http://127.0.0.1:$1/page" -o /dev/null -D - | grep -icE '^(x-varnish|age|via):'
}

varnish_configure() {
    rm -rf varnish
}

# The process that serves has a parent, which writes the figures last: threads are counted while it runs.
@test "varnishd: threads and jemalloc" {
    start_origin
    serves varnish_client varnish_configure varnishd -j none -F -a 127.0.0.1:PORT -b "127.0.0.1:$origin" \
        -n "$dir/varnish" -s malloc,10m -T none
    echo "threads: $(cat bare.threads) bare, $(cat wrapped.threads) under coax"
    [ "$(cat bare.threads)" -gt 100 ]
    [ "$(cat wrapped.threads)" -lt 80 ]
    grep -q '16 200 20000' bare.got
}

nbd_client() {
    local uri=nbd://127.0.0.1:$1 n pids=()
    nbdcopy --connections=4 data "$uri" && nbdinfo --size "$uri"
    for n in 1 2 3 4; do
        nbdcopy --connections=2 "$uri" - | md5sum &
        pids+=("$!")
    done
    wait "${pids[@]}"
}

nbd_configure() {
    head -c 3000000 /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >data
    truncate -s 4M data
}

@test "nbdkit: clients with several connections" {
    serves nbd_client nbd_configure nbdkit -f -i 127.0.0.1 -p PORT memory 4M
    cooperated
    [ "$(grep -c "^$(md5sum <data)$" bare.got)" = 4 ]
}
