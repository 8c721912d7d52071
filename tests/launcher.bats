#!/usr/bin/env bats
# The launcher: options, what it refuses, and that nothing but LD_PRELOAD and COAX_* is different for the program.
# It is run from an installed layout that a plain user can read, with the shim, or a library without code, in it.
# shellcheck disable=SC2030,SC2031 # every test runs in a subshell of its own

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    export DIR GOCACHE GO111MODULE=off CGO_ENABLED=0
    DIR=$(mktemp -d)
    GOCACHE=$DIR/gocache
    chmod 755 "$DIR"
    layout "$DIR/prefix" "$ROOT/build/libcoax.so"
    gcc -shared -o "$DIR/empty.so" -x c /dev/null
    layout "$DIR/empty" "$DIR/empty.so"
    cd "$DIR" || return
    cat >probe.c <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "exit"))
        return atoi(argv[2]);
    if (argc == 2 && !strcmp(argv[1], "closed"))
        return 40 + (fcntl(0, F_GETFD) < 0) + (fcntl(1, F_GETFD) < 0) + (fcntl(2, F_GETFD) < 0);
    for (int i = 0; i < argc; i++)
        printf("<%s>", argv[i]);
    return 0;
}
END
    gcc probe.c -o probe
    gcc -static probe.c -o static
    gcc -static-pie probe.c -o static-pie
    musl-gcc probe.c -o musl
    patched probe 4 '\001' class32   # EI_CLASS
    patched probe 18 '\267' aarch64  # e_machine
    far_headers probe far
    head -c 40 probe >torn
    printf 'package main\nfunc main() {}\n' >hello.go
    go build -o go hello.go
    go build -buildmode=pie -o go-dynamic hello.go
    chmod 755 torn
}

teardown_file() {
    chmod -R u+w "$DIR"
    rm -rf "$DIR"
}

setup() {
    cd "$DIR" || return
    COAX=$DIR/prefix/bin/coax
}

# layout PREFIX LIBRARY: as make install leaves it.
layout() {
    mkdir -p "$1/bin" "$1/lib/coax" "$1/lib/pkgconfig"
    cp "$ROOT/scripts/coax" "$1/bin/coax"
    cp "$2" "$1/lib/coax/libcoax.so"
    printf 'Name: coax\nVersion: 7.8.9\n' >"$1/lib/pkgconfig/coax.pc"
}

# patched FILE OFFSET BYTE COPY
patched() {
    cp "$1" "$4"
    printf "$3" | dd of="$4" bs=1 seek="$2" conv=notrunc status=none
}

# far_headers FILE COPY: with the program headers at the end of the file.
far_headers() {
    local size
    size=$(stat -c %s "$1")
    patched "$1" 32 "$(printf '\\%o' $((size & 255)) $((size >> 8 & 255)) $((size >> 16)))" "$2" # e_phoff
    dd if="$1" bs=1 skip=64 count=$((56 * $(od -An -tu1 -j56 -N1 "$1"))) status=none >>"$2"
}

# script NAME FIRST-LINE [SECOND]: an executable file of these lines.
script() {
    printf '%s\n' "${@:2}" >"$1"
    chmod 755 "$1"
}

plain_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# refuses STATUS TEXT COMMAND...: one line of ours with TEXT in it, and the status.
refuses() {
    run "-$1" "${@:3}"
    echo "$output"
    [ "${#lines[@]}" = 1 ] && [[ $output == coax:*"$2"* ]]
}

# The environment as a program gets it, one variable a line; $1 is the launcher or nothing.
environment_of() {
    env -i "${@:2}" ${1:+"$1"} /usr/bin/env -0 | tr '\0\n' '\n\001' | grep -av -e '^LD_PRELOAD=' -e '^COAX_' | sort
}

# --- options

@test "--help lists every option" {
    run "$COAX" --help
    [ "$status" = 0 ]
    local option
    for option in connect-timeout read-timeout write-timeout accept-timeout dns-timeout wait-timeout poll-timeout \
        threads strict keep-stacks stack-size pool-size no-follow log-level log-file stats verify help version; do
        [[ $output == *"  --$option"* || $output == *", --$option"* ]]
    done
}

@test "--version: installed from coax.pc, in a checkout from the changelog" {
    run "$COAX" --version
    [ "$output" = "coax 7.8.9" ]
    run "$ROOT/scripts/coax" --version
    [ "$output" = "coax $(sed -nE 's/^## \[([0-9.]+)\].*/\1/p' "$ROOT/CHANGELOG.md" | head -n 1)" ]
}

@test "options end at the first word that is none, or at --" {
    run "$COAX" --strict ./probe --strict -x
    [ "$output" = "<./probe><--strict><-x>" ]
    run "$COAX" --strict -- ./probe -- --help
    [ "$output" = "<./probe><--><--help>" ]
}

@test "every value arrives as its variable, in both ways to write it" {
    local option variable value
    while read -r option variable value; do
        run "$COAX" "--$option" "$value" sh -c "echo \$$variable"
        [ "$output" = "$value" ]
        run "$COAX" "--$option=$value" sh -c "echo \$$variable"
        [ "$output" = "$value" ]
    done <<END
connect-timeout COAX_CONNECT_TIMEOUT 250ms
read-timeout COAX_READ_TIMEOUT 3
write-timeout COAX_WRITE_TIMEOUT 1.5s
accept-timeout COAX_ACCEPT_TIMEOUT 2m
dns-timeout COAX_DNS_TIMEOUT 1h
wait-timeout COAX_WAIT_TIMEOUT 1d
poll-timeout COAX_POLL_TIMEOUT 0
threads COAX_THREADS kernel
async COAX_ASYNC_METHOD switch
stack-size COAX_STACK_SIZE 16k
pool-size COAX_POOL_SIZE 10000
log-level COAX_LOG_LEVEL warn
log-file COAX_LOG_FILE $DIR/log
stats COAX_STATS $DIR/stats
END
    run "$COAX" --strict --no-follow sh -c 'echo $COAX_STRICT $COAX_FOLLOW'
    [ "$output" = "1 0" ]
}

@test "an option beats the variable, a bad one too" {
    COAX_READ_TIMEOUT=nonsense run "$COAX" --read-timeout 4 sh -c 'echo $COAX_READ_TIMEOUT'
    [ "$output" = 4 ]
}

@test "a file is named from the launcher's directory" {
    run "$COAX" --log-file log --stats=sub/../stats sh -c 'echo $COAX_LOG_FILE $COAX_STATS'
    refuses 125 "--stats: 'sub/../stats' is not a file that can be written" "$COAX" --stats=sub/../stats ./probe
    mkdir -p sub
    run "$COAX" --log-file log --stats=sub/../stats sh -c 'echo $COAX_LOG_FILE $COAX_STATS'
    [ "$output" = "$DIR/log $DIR/sub/../stats" ]
    refuses 125 "--log-file: '$DIR' is not a file" "$COAX" --log-file "$DIR" ./probe
    refuses 125 "--log-file: '' is not a file" "$COAX" --log-file= ./probe
    refuses 125 "--log-file: '/proc/version' is not a file" plain_user "$COAX" --log-file=/proc/version ./probe
}

@test "a program that writes over its environment" {
    same_cooperative 1 "$PROGRAMS/proc_title"
    [ "$output" = ok ]
}

@test "bad options: one line that names it, 125" {
    refuses 125 "--nonsense: unknown option" "$COAX" --nonsense ./probe
    refuses 125 "--read: unknown option" "$COAX" --read=3 ./probe
    refuses 125 "-k: unknown option" "$COAX" -k 3 ./probe
    refuses 125 "--strict: takes no value" "$COAX" --strict=1 ./probe
    refuses 125 "--read-timeout: needs a value" "$COAX" --read-timeout
    refuses 125 "no program given" "$COAX"
    refuses 125 "no program given" "$COAX" --strict --
}

@test "bad durations: one line that names the option, 125; good ones run" {
    local value
    for value in 5x '' x -1 +1 1.s .5 1. 1..2 1.2.3 5ss 5sm ms s 1e3 0x10 ' 1' '1 ' 1_000 inf 10001d \
        99999999999999999999 1.1234567890; do
        refuses 125 "--read-timeout: '$value' is not a duration (250ms, 3, 1.5s, 2m, 1h, 1d)" \
            "$COAX" --read-timeout="$value" ./probe
    done
    for value in 0 0ms 007 250ms 3 3s 1.5 1.5s 0.25h 2m 1h 1d 10000d 864000000; do
        run "$COAX" --dns-timeout "$value" ./probe
        [ "$output" = "<./probe>" ]
    done
}

@test "bad values: one line that names the option, 125" {
    local value
    for value in '' 1 16383 15k 0k 0m 1t k 1.5m -1 8mb 9999999999999999999 2000g; do
        refuses 125 "--stack-size: '$value' is not a size of at least 16k (65536, 256k, 8m)" \
            "$COAX" --stack-size "$value" ./probe
    done
    for value in '' -1 10001 1k x 99999999999999999999; do
        refuses 125 "--pool-size: '$value' is not a number from 0 to 10000" "$COAX" --pool-size "$value" ./probe
    done
    refuses 125 "--threads: 'green' is not fiber or kernel" "$COAX" --threads green ./probe
    refuses 125 "--async: 'fast' is not none, detach or switch" "$COAX" --async fast ./probe
    refuses 125 "--log-level: 'loud' is not error, warn, info or debug" "$COAX" --log-level loud ./probe
}

@test "bad values in the environment: one line that names the variable, 125; empty is unset" {
    local variable name
    for name in CONNECT READ WRITE ACCEPT DNS WAIT POLL; do
        variable=COAX_${name}_TIMEOUT
        refuses 125 "$variable: '5x' is not a duration" env "$variable=5x" "$COAX" ./probe
        run env "$variable=" "$COAX" ./probe
        [ "$output" = "<./probe>" ]
    done
    refuses 125 "COAX_THREADS: 'x' is not" env COAX_THREADS=x "$COAX" ./probe
    refuses 125 "COAX_ASYNC_METHOD: 'x' is not" env COAX_ASYNC_METHOD=x "$COAX" ./probe
    refuses 125 "COAX_STRICT: 'yes' is not 0 or 1" env COAX_STRICT=yes "$COAX" ./probe
    refuses 125 "COAX_FOLLOW: '2' is not 0 or 1" env COAX_FOLLOW=2 "$COAX" ./probe
    refuses 125 "COAX_STACK_SIZE: '1' is not" env COAX_STACK_SIZE=1 "$COAX" ./probe
    refuses 125 "COAX_POOL_SIZE: 'x' is not" env COAX_POOL_SIZE=x "$COAX" ./probe
    refuses 125 "COAX_LOG_LEVEL: 'x' is not" env COAX_LOG_LEVEL=x "$COAX" ./probe
    refuses 125 "COAX_DISABLE: 'all,x' is not" env COAX_DISABLE=all,x "$COAX" ./probe
    refuses 125 "COAX_STATS: '/no/where' is not" env COAX_STATS=/no/where "$COAX" ./probe
    refuses 125 "COAX_LOG_FILE: '/no/where' is not" env COAX_LOG_FILE=/no/where "$COAX" ./probe
    run env COAX_DISABLE=rwf_nowait,guard_install,close_range,pidfd,epoll_pwait2,wrfsbase "$COAX" ./probe
    [ "$output" = "<./probe>" ]
}

@test "the launcher knows every feature that the shim does" {
    local names
    names=$(sed -n '/^static const char \*const feature_names/,/};/p' "$ROOT/core/config.c" | grep -o '"[a-z0-9_]*"' | tr -d '"')
    [ "$(wc -w <<<"$names")" -ge 6 ]
    for name in $names; do
        run env "COAX_DISABLE=$name" "$COAX" ./probe
        [ "$output" = "<./probe>" ]
    done
}

@test "a bad value without the launcher: one line, and it is ignored" {
    local value
    for value in COAX_READ_TIMEOUT=5x COAX_THREADS=green COAX_DISABLE=all,x COAX_STACK_SIZE=1 COAX_POOL_SIZE=-1 \
        COAX_STRICT=yes COAX_FOLLOW=2 COAX_LOG_LEVEL=loud COAX_ASYNC_METHOD=fast; do
        run --separate-stderr env "LD_PRELOAD=$DIR/prefix/lib/coax/libcoax.so" "$value" ./probe
        [ "$status" = 0 ] && [ "$output" = "<./probe>" ]
        [[ $stderr == "coax: ${value%%=*}: "*"; ignored" && $stderr != *$'\n'* ]]
    done
}

# --- what reaches the program

@test "the program's own exit status, signals too" {
    run "$COAX" ./probe exit 0
    [ "$status" = 0 ]
    run "$COAX" ./probe exit 77
    [ "$status" = 77 ]
    run "$COAX" sh -c 'kill -9 $$'
    [ "$status" = 137 ]
}

@test "names and arguments pass untouched" {
    local odd=$'a b\nc' word
    cp probe "$odd" && cp probe ./-dash && cp probe 'q"$x`y'\''z'
    PATH=$DIR:$PATH
    for word in "./$odd" "$odd" ./-dash './q"$x`y'\''z'; do
        run "$COAX" "$word" '' '  ' $'two\nlines' '$HOME' '*' '\n' "it's" --help -- -
        [ "$output" = "<$word><><  ><two"$'\n'"lines><\$HOME><*><\\n><it's><--help><--><->" ]
    done
    run "$COAX" -- -dash -x
    [ "$output" = "<-dash><-x>" ]
}

@test "the environment is what it was" {
    local set empty=() usual=(PATH="$PATH" PWD="$PWD" HOME=/x lib=1 file=2 name=3 value=4 page=5)
    local odd=(PWD=/nowhere OLDPWD=/old IFS=x OPTIND=7 PPID=1 _=u a.b=1 'BASH_FUNC_f%%=() {  echo "it'\''s"
}' 1x=2 "quotes='a' \"b\" \\c \$d" $'invalid=\xff\xfe' 'empty=')
    for set in empty usual odd; do
        local -n variables=$set
        environment_of "$COAX" "${variables[@]}" | grep -ac = || [ "$set" = empty ]
        diff <(environment_of '' "${variables[@]}") <(environment_of "$COAX" "${variables[@]}")
    done
}

@test "our library is put before what LD_PRELOAD holds, but behind a sanitizer's runtime" {
    local ours=$DIR/prefix/lib/coax/libcoax.so
    cp empty.so other.so && cp empty.so libasan.so.8 && cp empty.so libclang_rt.asan-x86_64.so
    run "$COAX" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$ours" ]
    LD_PRELOAD="$DIR/other.so $DIR/empty.so" run "$COAX" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$ours:$DIR/other.so $DIR/empty.so" ]
    LD_PRELOAD=$DIR/libasan.so.8:$DIR/other.so run "$COAX" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$DIR/libasan.so.8:$ours:$DIR/other.so" ]
    run "$COAX" "$COAX" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$ours" ]
    LD_PRELOAD=$DIR/libclang_rt.asan-x86_64.so run "$COAX" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$DIR/libclang_rt.asan-x86_64.so:$ours" ]
}

@test "closed standard descriptors stay closed" {
    run bash -c '"$0" ./probe closed <&- >&- 2>&-' "$COAX"
    [ "$status" = 43 ]
    run bash -c '"$0" --verify ./probe closed <&- >&- 2>&-' "$COAX"
    [ "$status" = 43 ]
    run bash -c '"$0" --nonsense <&- >&- 2>&-' "$COAX"
    [ "$status" = 125 ]
}

@test "works through a symbolic link, by a relative name, from PATH, from the checkout" {
    ln -sf "$COAX" link
    run ./link ./probe
    [ "$output" = "<./probe>" ]
    cd prefix
    CDPATH=/ run bin/coax ../probe
    [ "$output" = "<../probe>" ]
    cd bin
    run sh coax ../../probe
    [ "$output" = "<../../probe>" ]
    PATH=$DIR/prefix/bin:$PATH run coax "$DIR/probe"
    [ "$output" = "<$DIR/probe>" ]
    run "$ROOT/scripts/coax" "$DIR/probe"
    [ "$output" = "<$DIR/probe>" ]
}

@test "a missing library, or one that LD_PRELOAD cannot name: 125" {
    layout "$DIR/none" empty.so && rm none/lib/coax/libcoax.so
    refuses 125 "build it with make" none/bin/coax ./probe
    layout "$DIR/with space" empty.so
    refuses 125 "move it" "with space/bin/coax" ./probe
}

# --- finding the program

@test "not found: 127" {
    refuses 127 "no-such-program: not found" "$COAX" no-such-program
    refuses 127 "./no-such: no such file" "$COAX" ./no-such
    refuses 127 "not found" "$COAX" ''
}

@test "a directory, not executable, not readable: 126" {
    mkdir -p directory
    cp probe plain && chmod 644 plain
    cp probe hidden && chmod 111 hidden
    refuses 126 "is a directory" "$COAX" ./directory
    refuses 126 "plain: is not executable: chmod +x" "$COAX" ./plain
    PATH=$DIR:$PATH refuses 126 "plain: is not executable" "$COAX" plain
    refuses 126 "hidden: cannot be read" plain_user "$COAX" ./hidden
}

@test "PATH is searched as execvp does" {
    mkdir -p first second/found
    cp probe first/found && chmod 644 first/found
    cp probe found
    PATH=$DIR/first:$DIR/second:$DIR:/usr/bin run "$COAX" found
    [ "$output" = "<found>" ]
    PATH=/usr/bin: run "$COAX" found
    [ "$output" = "<found>" ]
    PATH=$DIR run "$COAX" found
    [ "$output" = "<found>" ]
}

# --- what a preload does not reach

@test "static programs: 126" {
    refuses 126 "./static: is statically linked" "$COAX" ./static
    refuses 126 "./static-pie: is a static-pie" "$COAX" ./static-pie
}

@test "Go programs, static and dynamic: 126" {
    refuses 126 "./go: is a Go program" "$COAX" ./go
    refuses 126 "./go-dynamic: is a Go program" "$COAX" ./go-dynamic
}

@test "musl, 32-bit, another machine, damaged: 126" {
    refuses 126 "./musl: its loader is /lib/ld-musl-" "$COAX" ./musl
    refuses 126 "./class32: is a 32-bit program" "$COAX" ./class32
    refuses 126 "./aarch64: is for another machine" "$COAX" ./aarch64
    refuses 126 "./torn: is a damaged ELF file" "$COAX" ./torn
}

@test "program headers that do not end in the first page are read" {
    output=$("$COAX" ./far 2>&1) || true # it ends in some way of its own
    [[ $output != *coax:* ]]
}

@test "setuid and setgid to somebody else: 126; to the caller, or without effect: runs" {
    refuses 126 "su: is setuid" plain_user "$COAX" su --version
    refuses 126 "chage: is setgid" plain_user "$COAX" chage --help
    run plain_user setpriv --no-new-privs "$COAX" su --version
    [ "$status" = 0 ]
    cp probe mine && chmod ug+s mine
    run "$COAX" ./mine
    [ "$output" = "<./mine>" ]
    cp probe locking && chmod 2745 locking # setgid without the group's x is no setgid
    run plain_user "$COAX" ./locking
    [ "$output" = "<./locking>" ]
}

@test "file capabilities: 126, but not for root" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    cp probe capable && setcap cap_net_raw=ep capable
    refuses 126 "./capable: has file capabilities" plain_user "$COAX" ./capable
    run "$COAX" ./capable
    [ "$output" = "<./capable>" ]
}

@test "the loader itself is let through" {
    run "$COAX" /lib64/ld-linux-x86-64.so.2 ./probe
    [ "$output" = "<./probe>" ]
}

# --- scripts

@test "scripts run: #!, with an argument, through env, without #!, empty" {
    script s1 '#!/bin/sh' 'echo "$0 $1"'
    script s2 '#! /bin/sh -e' 'false' 'echo "not here"'
    script s3 '#!/usr/bin/env sh' 'echo env'
    script s4 '#!/usr/bin/env -S A=1 sh -e' 'echo $A'
    script s5 'echo "no $1"'
    : >s6 && chmod 755 s6
    run "$COAX" ./s1 x
    [ "$output" = "./s1 x" ]
    run "$COAX" ./s2
    [ "$status" = 1 ] && [ -z "$output" ]
    run "$COAX" ./s3
    [ "$output" = env ]
    run "$COAX" ./s4
    [ "$output" = 1 ]
    run "$COAX" ./s5 x
    [ "$output" = "no x" ]
    run "$COAX" ./s6
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "a script is refused for its interpreter" {
    script t1 "#!$DIR/static -x"
    script t2 "#! $DIR/nowhere"
    script t3 "#!$DIR"
    script t4 "#!/usr/bin/env static"
    script t5 "#!/usr/bin/env -S -i A=1 static -x"
    script t6 "#!$DIR/t1"
    refuses 126 "./t1: its interpreter $DIR/static: is statically linked" "$COAX" ./t1
    refuses 127 "./t2: its interpreter $DIR/nowhere: no such file" "$COAX" ./t2
    refuses 126 "./t3: its interpreter $DIR: is a directory" "$COAX" ./t3
    PATH=$DIR:$PATH
    refuses 126 "./t4: its interpreter /usr/bin/env static: is statically linked" "$COAX" ./t4
    refuses 126 "./t5: its interpreter /usr/bin/env static: is statically linked" "$COAX" ./t5
    refuses 126 "$DIR/t1: its interpreter $DIR/static: is statically linked" "$COAX" ./t6
}

@test "scripts that lead to themselves are refused, not followed for ever" {
    script self "#!$DIR/self"
    script through '#!/usr/bin/env through'
    script one "#!$DIR/two" && script two "#!$DIR/one"
    refuses 126 "its #! lines lead too far" "$COAX" ./self
    PATH=$DIR:$PATH refuses 126 "its #! lines lead too far" "$COAX" ./through
    refuses 126 "its #! lines lead too far" "$COAX" ./one
}

@test "#! lines of odd forms" {
    script o1 '#!'
    script o2 '#!   ' 'echo two'
    printf '#!/bin/sh' >o3 && chmod 755 o3 # no end of line
    printf '#!/bin/sh\r\necho four\n' >o4 && chmod 755 o4
    script o5 $'#!\t/bin/sh\t-e' 'echo five'
    script o6 '#!/usr/bin/env -Ssh -e' 'echo six'
    run "$COAX" ./o3
    [ "$status" = 0 ] && [ -z "$output" ]
    refuses 127 "no such file" "$COAX" ./o4
    run "$COAX" ./o5
    [ "$output" = five ]
    run "$COAX" ./o6
    [ "$output" = six ]
    for name in o1 o2; do
        run timeout 10 ./$name
        local bare_status=$status bare_output=$output
        run timeout 10 "$COAX" ./$name
        echo "$name: $bare_status $bare_output; $status $output"
        [ "$status" = "$bare_status" ] || [ "$status" = 126 ] # as bare, or refused
    done
}

@test "as many #! lines as the kernel follows" {
    local i
    script d1 '#!/bin/sh' 'echo deep'
    for i in 2 3 4 5 6; do
        script d$i "#!$DIR/d$((i - 1))" 'echo deep'
    done
    run "$COAX" ./d5
    [ "$status" = 0 ] && [ "${lines[0]}" = deep ]
    refuses 126 "its #! lines lead too far" "$COAX" ./d6
}

# --- --verify

@test "--verify: the shim reports in; standard input and the status are the program's" {
    run sh -c 'echo hello | "$0" --verify cat' "$COAX"
    [ "$status" = 0 ] && [ "$output" = hello ]
    run "$COAX" --verify ./probe exit 3
    [ "$status" = 3 ] && [ -z "$output" ]
    run "$COAX" --verify sh -c 'kill -TERM $$'
    [ "$status" = 143 ] && [ -z "$output" ]
}

@test "--verify says so when the shim never reported in" {
    refuses 3 "./probe: ran bare, the shim never reported in" empty/bin/coax --verify ./probe exit 3
}

@test "--verify leaves no descriptor and no variable behind" {
    script left '#!/bin/sh' 'ls /proc/self/fd; echo "fd=$COAX_VERIFY_FD"'
    run "$COAX" ./left
    local without=$output
    run "$COAX" --verify ./left
    [ "$output" = "$without" ]
}

@test "--verify passes on HUP, INT and TERM, and leaves them at their defaults" {
    local signal pid
    for signal in HUP INT TERM; do
        script waits '#!/bin/bash' "trap 'echo got $signal; exit 9' $signal" "touch '$BATS_TEST_TMPDIR/$signal'" \
            'for ((i = 0; i < 200; i++)); do sleep 0.05; done'
        env --default-signal=INT,HUP "$COAX" --verify ./waits >"$BATS_TEST_TMPDIR/out" 3>&- &
        pid=$!
        wait_until 10 test -e "$BATS_TEST_TMPDIR/$signal"
        kill -s "$signal" "$pid"
        wait "$pid" && status=0 || status=$?
        [ "$status" = 9 ]
        [ "$(cat "$BATS_TEST_TMPDIR/out")" = "got $signal" ]
    done
    run env --default-signal=INT "$COAX" --verify sh -c 'kill -INT $$; echo survived'
    [ "$status" = 130 ] && [ -z "$output" ]
}

# --- installation

@test "make install and uninstall, with PREFIX and DESTDIR" {
    local to="$BATS_TEST_TMPDIR/dest dir"
    make -s -C "$ROOT" install DESTDIR="$to" PREFIX=/opt/coax
    [ "$(cd "$to" && find . -type f | sort | xargs)" = \
        "./opt/coax/bin/coax ./opt/coax/include/coax.h ./opt/coax/lib/coax/libcoax.so ./opt/coax/lib/pkgconfig/coax.pc ./opt/coax/share/man/man3/coax.h.3" ]
    refuses 125 "move it" "$to/opt/coax/bin/coax" ./probe # for the space; that is where it was put together
    mv "$to/opt/coax" "$BATS_TEST_TMPDIR/used"
    run "$BATS_TEST_TMPDIR/used/bin/coax" ./probe
    [ "$output" = "<./probe>" ]
    run "$BATS_TEST_TMPDIR/used/bin/coax" --version
    [ "$output" = "$("$ROOT/scripts/coax" --version)" ]
    mv "$BATS_TEST_TMPDIR/used" "$to/opt/coax"
    make -s -C "$ROOT" uninstall DESTDIR="$to" PREFIX=/opt/coax
    [ -z "$(find "$to" -type f)" ]
}
