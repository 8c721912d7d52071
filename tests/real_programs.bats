#!/usr/bin/env bats
# Unmodified programs of Debian that make no thread of their own, bare and under coax: equal output, status and files.
# And a debugger looks at a wrapped process.

load helper

setup_file() {
    flock "$ROOT/tests" make -s -C "$ROOT/tests/load" BUILD="$ROOT/build"
}

setup() {
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    export LC_ALL=C TZ=UTC HOME=$BATS_TEST_TMPDIR TMPDIR=$BATS_TEST_TMPDIR
    load=$ROOT/build/load
    PIDS=()
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    local pid
    for pid in "${PIDS[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

# start_origin [OPTION...]: a bare web or echo server, its port in $origin.
start_origin() {
    "$load/origin" "$@" >origin-port 2>&1 </dev/null 3>&- &
    PIDS+=("$!")
    wait_until 10 test -s origin-port
    origin=$(cat origin-port)
}

# A wrapped process with four threads that sleep and one that reads standard input, its pid in $pid.
start_threads() {
    mkfifo input
    "$COAX" /usr/bin/python3 -c 'import sys, threading, time
for n in range(4):
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
print("ready", flush=True)
print("read", sys.stdin.readline().strip(), flush=True)' <input >output 2>&1 3>&- &
    pid=$!
    PIDS+=("$pid")
    exec 5>input
    wait_until 15 grep -q ready output
}

# The process of start_threads goes on where it was.
still_works() {
    echo word >&5
    wait_until 15 grep -qx 'read word' output
    wait_until 15 eval "! kill -0 $pid"
    wait "$pid"
}

# tree_same NAME COMMAND...: the command, run bare and wrapped, leaves the same directory NAME and says the same.
tree_same() {
    local name=$1 bare_output
    shift
    bare "$@"
    [ "$status" = 0 ]
    bare_output=$output
    mv "$name" bare-tree
    wrapped "$@"
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "$bare_output" ]
    diff -r --no-dereference bare-tree "$name"
}

# file_same NAME COMMAND...: likewise for one file.
file_same() {
    local name=$1
    shift
    bare "$@"
    [ "$status" = 0 ]
    mv "$name" bare-file
    wrapped "$@"
    echo "$output"
    [ "$status" = 0 ]
    cmp bare-file "$name"
}

# bats test_tags=smoke
@test "curl fetches a page" {
    start_origin
    same curl -sS -i "http://127.0.0.1:$origin/"
    [ "$status" = 0 ]
}

@test "curl fetches many pages at a time" {
    start_origin
    same curl -sS --no-progress-meter -Z --parallel-max 20 "http://127.0.0.1:$origin/[1-100]"
    [ "$status" = 0 ]
    [ "${#output}" = 10000 ]
}

@test "curl is refused, and times out by its own option" {
    closed=$("$load/freeport")
    # curl says how long it took: that is no part of what must be equal
    same bash -c "set -o pipefail; curl -sS http://127.0.0.1:$closed/ 2>&1 | sed 's/after [0-9]* ms/after N ms/'"
    [ "$status" = 7 ]
    start_origin --silent
    bare curl -s -m 1 "http://127.0.0.1:$origin/"
    [ "$status" = 28 ]
    wrapped curl -s -m 1 "http://127.0.0.1:$origin/"
    [ "$status" = 28 ]
}

@test "wget fetches a page, is refused, and times out by its own option" {
    start_origin --size 60000
    file_same page wget -q -O page "http://127.0.0.1:$origin/"
    closed=$("$load/freeport")
    same wget -q -t 1 -O - "http://127.0.0.1:$closed/"
    [ "$status" = 4 ]
    start_origin --silent
    same wget -q -t 1 -T 1 -O - "http://127.0.0.1:$origin/"
    [ "$status" = 4 ]
}

@test "nc sends, receives and is refused" {
    start_origin --echo
    seq 2000 >lines
    same sh -c "nc -N 127.0.0.1 $origin <lines"
    [ "$status" = 0 ]
    [ "${lines[1999]}" = 2000 ]
    same nc -z -w 5 127.0.0.1 "$origin"
    [ "$status" = 0 ]
    same nc -z -w 5 127.0.0.1 "$("$load/freeport")"
    [ "$status" = 1 ]
}

@test "socat connects, pipes through a child and talks over a pair of terminals" {
    start_origin --echo
    seq 500 >lines
    same socat -t 5 FILE:lines!!- "TCP:127.0.0.1:$origin"
    same sh -c "socat -t 2 - EXEC:'sort -rn',pipes <lines"
    [ "${lines[0]}" = 500 ]
    same socat -u "EXEC:'echo over a terminal',pty,setsid,ctty" -
    [[ $output == *"over a terminal"* ]]
}

@test "tar packs and unpacks, also through a compressor of its own" {
    file_same pack.tar tar -cf pack.tar --sort=name -C /usr/share common-licenses bash-completion
    tree_same unpacked sh -c "mkdir unpacked && exec tar -xf pack.tar -C unpacked"
    file_same pack.tgz tar --use-compress-program='gzip -n' -cf pack.tgz --sort=name -C /usr/share common-licenses
    same tar -tvzf pack.tgz
    [ "$status" = 0 ]
}

@test "gzip compresses, decompresses and finds an error" {
    cat /usr/lib/x86_64-linux-gnu/libcrypto.so.3 >data
    file_same data.gz gzip -kfn data
    cp data expected
    file_same data gzip -dkf data.gz
    cmp data expected
    head -c 100000 data.gz >short.gz
    same gzip -t short.gz
    [ "$status" = 1 ]
}

@test "rsync copies a tree, then only what changed" {
    cp -r /usr/share/common-licenses from
    tree_same to rsync -a from/ to/
    rm -rf bare-tree
    echo more >>from/BSD
    rm from/GPL-3
    same rsync -ai --delete --dry-run from/ to/
    [ "$status" = 0 ]
    [[ $output == *BSD* ]]
    tree_same to rsync -a --delete --no-whole-file from/ to/
}

@test "git makes, clones, packs and searches a repository" {
    cat >session <<'X'
set -e
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
rm -rf repository clone
git init -q -b main repository
cd repository
for n in 1 2 3 4 5; do
    seq "$n" 3000 >"file$n"
    git add .
    git commit -qm "commit $n"
done
git gc -q
git fsck --no-progress
git log --stat --format='%H %s' | cat
git grep -c -w 1500 | cat
cd ..
git clone -q "file://$PWD/repository" clone
git -C clone status --short --branch
git -C clone rev-parse HEAD
X
    same bash session
    [ "$status" = 0 ]
}

@test "a bash script with pipes, jobs, substitutions and here documents" {
    cat >script <<'X'
seq 1 5000 | awk '{ s += $1 } END { print s }' | tr 0-9 a-j
printf '%s\n' "$(seq 3 | while read -r n; do echo "$(echo "<$n>")"; done)"
for n in 3 1 2; do (sleep "0.$n"; echo "job $n" >"job$n") & done
wait
cat job1 job2 job3
diff <(seq 5) <(seq 2 6)
cat <<Y | rev
here
Y
yes | head -n 3
echo "pipe status ${PIPESTATUS[*]}"
coproc cat
echo through a coprocess >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
exec {COPROC[1]}>&-
wait
read -r -t 0.2 nothing < <(sleep 2) || echo "read ended by its own timeout"
exit 9
X
    same bash script
    [ "$status" = 9 ]
}

@test "a bash script with traps and signals" {
    cat >script <<'X'
trap 'echo usr1' USR1
trap 'echo "child done"' CHLD
trap 'echo bye' EXIT
kill -USR1 $$
sleep 0.3 &
wait $!
trap - CHLD
rm -f trapped
(trap 'echo inner term; exit 5' TERM; : >trapped; while :; do sleep 0.05; done) &
until [ -e trapped ]; do sleep 0.05; done
kill -TERM $!
wait $!
echo "status $?"
sleep 30 &
kill -9 $!
wait $! 2>/dev/null
echo "status $?"
(sleep 0.3; kill -USR1 $$) &
sleep 1
wait
timeout 0.3 sleep 5
echo "status $?"
kill -INT $$
echo not reached
X
    same bash script
}

@test "perl: fork, pipe, select, sockets and alarm" {
    cat >script.pl <<'X'
use strict; use IO::Socket::INET; use IO::Select; $| = 1;
pipe(my $r, my $w); my $child = fork;
if (!$child) { close $r; print $w "from the child\n"; exit 3 }
close $w; print scalar <$r>; waitpid $child, 0; print "status ", $? >> 8, "\n";
my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;
my @children = map { my $n = $_; my $p = fork; if (!$p) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listen->sockport) or die;
    print $s "hello $n\n"; print scalar <$s>; exit 0 } $p } 1 .. 1;
my $select = IO::Select->new($listen); my $served = 0;
while ($served < 1) { for my $s ($select->can_read(10)) {
    if ($s == $listen) { $select->add($s->accept) }
    else { my $line = <$s>; print $s uc $line; $select->remove($s); close $s; $served++ } } }
waitpid $_, 0 for @children;
print "sleep ended\n" if eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; sleep 30; 1 }; print $@;
print "select ", select(undef, undef, undef, 0.1), "\n"; print `echo backticks`; print system('exit 4') >> 8, "\n";
X
    same perl script.pl
    [ "$status" = 0 ]
    [[ $output == *alarm* ]]
}

@test "psql says why it cannot reach a server" {
    psql=$(find /usr/lib/postgresql -path '*/bin/psql' | head -n 1)
    closed=$("$load/freeport")
    same "$psql" -h 127.0.0.1 -p "$closed" -U nobody -c 'select 1' nothing
    [ "$status" = 2 ]
    [[ $output == *"Connection refused"* ]]
    same "$psql" -h "$PWD" -U nobody -c 'select 1' nothing
    [ "$status" = 2 ]
    same "$psql" --version
}

@test "psql asks a server, which is also wrapped" {
    local psql server
    psql=$(find /usr/lib/postgresql -path '*/bin/psql' | head -n 1)
    for server in '' "$COAX"; do
        # shellcheck disable=SC2086 # nothing, or the launcher
        $server /usr/bin/python3 "$ROOT/tests/programs/py_pgserver.py" >port 2>&1 </dev/null 3>&- &
        PIDS+=("$!")
        wait_until 15 test -s port
        same "$psql" "host=127.0.0.1 port=$(cat port) user=u dbname=d" -c 'select 5000' -c 'error' -c 'select 3'
        [ "$status" = 0 ]
        [[ $output == *"(5000 rows)"*"no such thing"*"(3 rows)"* ]]
        same sh -c "yes 'select 10;' | head -n 300 | '$psql' -At 'host=127.0.0.1 port=$(cat port) user=u dbname=d' | sort | uniq -c"
        [ "${#lines[@]}" = 10 ]
        rm port
    done
}

@test "gdb -p attaches to a wrapped process and lets it go" {
    start_threads
    run timeout -k 5 60 gdb -p "$pid" -batch -nx -ex 'info threads' -ex bt -ex detach 5>&-
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"#0 "* ]]
    still_works
}

@test "gdb runs a threaded program to a breakpoint, and on to its end" {
    for options in '' --no-follow; do
        # shellcheck disable=SC2086
        run timeout -k 5 60 "$COAX" $options gdb -batch -nx -ex 'set confirm off' -ex 'break use' -ex run -ex bt \
            -ex delete -ex continue --args "$PROGRAMS/fifo_alone" "$PWD" 3 5>&-
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"hit Breakpoint 1"*"#0 "*"ended"*"exited normally"* ]]
    done
}

@test "gcore saves a wrapped process" {
    start_threads
    run timeout -k 5 60 gcore -o core "$pid" 5>&-
    echo "$output"
    [ "$status" = 0 ]
    run timeout -k 5 60 gdb -batch -nx -ex bt /usr/bin/python3 "core.$pid" 5>&-
    echo "$output"
    [[ $output == *"#0 "* ]]
    still_works
}

@test "strace -f follows a wrapped program and attaches to one" {
    bare /usr/bin/python3 "$ROOT/tests/programs/py_subprocess.py"
    expected=$output
    run timeout -k 5 60 strace -f -o trace "$COAX" /usr/bin/python3 "$ROOT/tests/programs/py_subprocess.py"
    [ "$output" = "$expected" ]
    start_threads
    timeout -k 5 30 strace -f -o attached -p "$pid" 2>strace-says 3>&- 5>&- &
    PIDS+=("$!")
    wait_until 10 grep -q attached strace-says
    still_works
}
