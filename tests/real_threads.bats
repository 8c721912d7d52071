#!/usr/bin/env bats
# Unmodified threaded programs of Debian, bare and under coax: equal results, and under coax their threads were fibers.

load helper

# The most kernel threads that may have carried fibers: computing ones may have a CPU each, blocked ones keep theirs.
MOST=$(($(nproc) + 6))

setup() {
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    export LC_ALL=C TMPDIR=$BATS_TEST_TMPDIR
    cd "$BATS_TEST_TMPDIR" || return
}

python_same() {
    same_cooperative "$MOST" /usr/bin/python3 "$ROOT/tests/programs/$1.py"
    [ "$status" = 0 ]
}

# Every figure becomes N: what a benchmark prints is equal but for its times.
shape() {
    sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g' <<<"$output"
}

cooperated() {
    cat "$BATS_TEST_TMPDIR/stats"
    [ "$(stat_of mode)" = fiber ]
    [ "$(stat_of switches)" -gt 0 ]
    [ "$(stat_of kernel_threads)" -le "$MOST" ]
}

same_shape() {
    local expected
    bare "$@"
    echo "bare: $output"
    [ "$status" = 0 ]
    expected=$(shape)
    wrapped "$@"
    echo "wrapped: $output"
    [ "$status" = 0 ]
    [ "$(shape)" = "$expected" ]
    cooperated
}

# stress SECONDS OPTION...: the stressor verifies its own work, in children of stress-ng. What fails, fails often.
stress() {
    bare stress-ng --temp-path "$BATS_TEST_TMPDIR" --quiet --verify --timeout "$@"
    head -n 5 <<<"$output"
    [ "$status" = 0 ]
    wrapped stress-ng --temp-path "$BATS_TEST_TMPDIR" --quiet --verify --timeout "$@"
    head -n 5 <<<"$output"
    [ "$status" = 0 ]
    [ -z "$output" ]
}

# A program makes FILE from a copy of the data: the same bytes bare and wrapped. made_same FILE COMMAND...
made_same() {
    local file=$1
    shift
    bare "$@"
    [ "$status" = 0 ]
    mv "$file" "$file.bare"
    wrapped "$@"
    [ "$status" = 0 ]
    cmp "$file" "$file.bare"
    cooperated
}

make_data() {
    head -c 3000000 /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >data
    cat data data data >data3 && mv data3 data
}

@test "python: threading" {
    python_same py_threading
}

@test "python: socketserver.ThreadingTCPServer" {
    python_same py_socketserver
}

@test "python: http.server.ThreadingHTTPServer" {
    python_same py_httpserver
}

@test "python: concurrent.futures" {
    python_same py_futures
}

@test "python: subprocess from threads" {
    python_same py_subprocess
}

@test "perl: threads, shared variables and a queue" {
    cat >threads.pl <<'X'
use threads; use threads::shared; use Thread::Queue;
my $total :shared = 0;
my $queue = Thread::Queue->new(1 .. 500);
$queue->end;
my @threads = map { threads->create(sub {
    while (defined(my $n = $queue->dequeue)) { lock($total); $total += $n; }
    return threads->tid;
}) } 1 .. 6;
my $tids = join ' ', sort map { $_->join } @threads;
print "total $total threads $tids\n";
X
    same_cooperative "$MOST" perl threads.pl
    [ "$output" = "total 125250 threads 1 2 3 4 5 6" ]
}

# bats test_tags=hook:clock_gettime,hook:getrusage,hook:pthread_getcpuclockid
@test "python and perl: processor time of threads" {
    python_same py_clocks
    cat >clocks.pl <<'X'
use threads; use Time::HiRes qw(clock_gettime sleep CLOCK_THREAD_CPUTIME_ID);
sub used { my ($do, $start) = ($_[0], clock_gettime(CLOCK_THREAD_CPUTIME_ID)); $do->($start); clock_gettime(CLOCK_THREAD_CPUTIME_ID) - $start }
sub busy { my ($n, $start) = (0, @_); while (clock_gettime(CLOCK_THREAD_CPUTIME_ID) - $start < 0.15) { $n += $_ for 1 .. 1000 } }
sub idle { sleep 0.01 for 1 .. 20 }
my @threads = map { my $do = $_; threads->create(sub { used($do) }) } \&busy, \&idle, \&busy;
print join(" ", map { $_->join > 0.1 ? "busy" : "idle" } @threads), "\n";
X
    same_cooperative "$MOST" perl clocks.pl
    [ "$output" = "busy idle busy" ]
}

@test "hackbench -T over sockets" {
    same_shape hackbench -T -g 4 -l 100
}

@test "hackbench -T -p over pipes" {
    same_shape hackbench -T -p -g 4 -l 100
}

@test "perf bench sched pipe -T" {
    same_shape perf bench sched pipe -T -l 20000
}

@test "perf bench sched messaging -t" {
    same_shape perf bench sched messaging -t -g 4 -l 50
}

@test "sysbench threads" {
    same_shape sysbench threads --threads=16 --events=500 --time=0 --thread-yields=10 run
}

@test "sysbench mutex" {
    same_shape sysbench mutex --threads=16 --mutex-num=64 --mutex-locks=2000 --mutex-loops=100 run
}

@test "pigz compresses and tests" {
    make_data
    made_same data.gz pigz -kfn -p 4 data
    same pigz -t data.gz
    [ "$status" = 0 ]
}

@test "pigz decompresses" {
    make_data
    pigz -kfn data
    cp data expected
    made_same data pigz -dkf data.gz
    cmp data expected
}

# through PROGRAM ARGS: from a pipe that stops for a while into one that is read late; the checksum of what comes out.
through() {
    # shellcheck disable=SC2016 # words of the inner shell
    run_limited sh -c '{ head -c 300000 data; sleep 0.2; cat data; } | "$@" | { sleep 0.3; md5sum; }' sh "$@"
    [ "$status" = 0 ]
}

through_same() {
    through "$@"
    local expected=$output
    COAX_STATS="$BATS_TEST_TMPDIR/stats" through "$COAX" "$@"
    [ "$output" = "$expected" ]
    cooperated
}

@test "zstd -T3 between pipes" {
    make_data
    through_same zstd -T3 -q -c
    zstd -q data
    # shellcheck disable=SC2016 # words of the inner shell
    COAX_STATS="$BATS_TEST_TMPDIR/stats" run_limited sh -c '"$1" zstd -dqc <data.zst | { sleep 0.3; cmp - data; }' sh "$COAX"
    [ "$status" = 0 ]
}

@test "sort --parallel between pipes" {
    seq 1 200000 | rev >data
    through_same sort --parallel=4 -S 200M -n
}

@test "xz -T4 compresses" {
    make_data
    made_same data.xz xz -T4 -1 -kf --block-size=1MiB data
}

@test "xz -T4 decompresses" {
    make_data
    xz -T2 -1 -kf --block-size=1MiB data
    cp data expected
    made_same data xz -dkf -T4 data.xz
    cmp data expected
}

# It ends itself by a signal to all its threads and _exit, and leaves no figures.
@test "lbzip2 compresses and decompresses" {
    make_data
    cp data expected
    wrapped lbzip2 -kf -n 4 data
    [ "$status" = 0 ]
    lbzip2 -c -n 4 data | cmp - data.bz2
    wrapped lbzip2 -dkf -n 4 data.bz2
    [ "$status" = 0 ]
    cmp data expected
}

@test "zstd -T4" {
    make_data
    made_same data.zst zstd -q -kf -T4 -3 -B1MiB data
    cp data expected
    made_same data zstd -q -dkf data.zst
    cmp data expected
}

@test "OpenMP" {
    same_cooperative "$MOST" "$PROGRAMS/openmp"
    [ "$status" = 0 ]
}

@test "Rust: threads, channels, locks, sockets, children; a stack that overflows is told" {
    /usr/bin/rustc -O -o rust_threads "$ROOT/tests/programs/rust_threads.rs" 3>&-
    same_cooperative "$MOST" ./rust_threads
    [ "$status" = 0 ]
    ulimit -c 0
    same ./rust_threads deep
    [ "$status" = 134 ]
    [[ $output = *"thread 'deep' has overflowed its stack"* ]]
}

@test "curl resolves names in a thread" {
    same_cooperative "$MOST" curl -sS http://name.invalid/
    [ "$status" = 6 ]
}

@test "stress-ng: pthread" {
    stress 40 --pthread 1 --pthread-ops 1000
}

@test "stress-ng: mutex" {
    stress 40 --mutex 1 --mutex-ops 20000
}

# This one runs for its time, whatever its number of operations.
@test "stress-ng: sem" {
    stress 2 --sem 1
}

@test "stress-ng: futex" {
    stress 40 --futex 1 --futex-ops 2000
}

@test "stress-ng: pipe" {
    stress 40 --pipe 1 --pipe-ops 20000
}

@test "stress-ng: sock" {
    stress 40 --sock 1 --sock-ops 200
}

@test "stress-ng: poll" {
    stress 40 --poll 1 --poll-ops 5000
}

@test "stress-ng: switch" {
    stress 40 --switch 1 --switch-ops 20000
}
