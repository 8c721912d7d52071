#!/usr/bin/env bats
# What a program, or who starts it, may take away, before its threads, after them and while they live: standard
# descriptors, limits, its root. It goes on as bare.
# shellcheck disable=SC2030,SC2031 # every test is a subshell with variables of its own

load helper

# hard WHEN WHAT [ARGUMENT]: the same report, output and status bare and wrapped, as fibers.
hard() {
    local report=$BATS_TEST_TMPDIR/report
    same "$PROGRAMS/hardship" "$report" "$@" || return 1
    [ "$status" = 0 ] || { echo "$*: status $status: $output" && cat "$report" && return 1; }
    [ "$(stat_of mode)" = fiber ] || { echo "$*: not as fibers" && return 1; }
}

# bats test_tags=hook:close,hook:pipe,hook:socketpair,hook:poll,hook:read,hook:write,hook:fork,hook:waitpid,hook:getaddrinfo,hook:dup
@test "standard descriptors are closed, each and together" {
    for when in before after during; do
        for which in 0 1 2 01 02 12 012; do
            hard $when close $which
        done
    done
}

# bats test_tags=hook:close,hook:pipe,hook:socketpair,hook:poll,hook:read,hook:write,hook:fork,hook:waitpid
@test "standard descriptors are closed from the start" {
    local how report=$BATS_TEST_TMPDIR/report
    for how in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        bare bash -c "exec \"\$@\" $how" - "$PROGRAMS/hardship" "$report" before nothing
        [ "$status" = 0 ]
        mv "$report" "$report.bare"
        wrapped bash -c "exec \"\$@\" $how" - "$PROGRAMS/hardship" "$report" before nothing
        [ "$status" = 0 ]
        cmp "$report" "$report.bare"
    done
}

# bats test_tags=hook:close,hook:pipe,hook:socketpair,hook:poll,hook:read,hook:write,hook:fork,hook:waitpid
@test "every descriptor is closed" {
    for when in before after during; do
        hard $when closeall
    done
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pipe,hook:socketpair,hook:fork,hook:waitpid
@test "limits are lowered: descriptors, address space, stack" {
    for when in before after during; do
        hard $when nofile 16
        hard $when as 40
        hard $when as 12
        hard $when stack 128
    done
}

# RLIMIT_DATA counts what vm.overcommit_memory=2 counts, for one process: private memory that may be written.
# bats test_tags=hook:pthread_create,hook:pthread_join,hook:fork,hook:waitpid
@test "memory is counted strictly" {
    for when in before after during; do
        hard $when data 40
        hard $when data 12
    done
}

@test "a large program with little address space" {
    local script='import threading
def f(): pass
for i in range(50):
    t = threading.Thread(target=f); t.start(); t.join()
print("fifty")'
    for mb in 100 200; do
        wrapped prlimit --as=$((mb << 20)) /usr/bin/python3 -c "$script"
        [ "$output" = fifty ]
        wrapped prlimit --data=$((mb << 19)) /usr/bin/python3 -c "$script"
        [ "$output" = fifty ]
    done
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:fork,hook:getaddrinfo
@test "the root is changed" {
    local root=$BATS_TEST_TMPDIR/root inside=()
    [ "$(id -u)" = 0 ] || inside=(unshare -r)
    "${inside[@]}" true 2>/dev/null || skip "no way to be root"
    mkdir -p "$root$BATS_TEST_TMPDIR"
    for when in before after during; do
        bare "${inside[@]}" "$PROGRAMS/hardship" "$BATS_TEST_TMPDIR/report" $when chroot "$root"
        [ "$status" = 0 ]
        mv "$BATS_TEST_TMPDIR/report" "$BATS_TEST_TMPDIR/report.bare"
        wrapped "${inside[@]}" "$PROGRAMS/hardship" "$BATS_TEST_TMPDIR/report" $when chroot "$root"
        [ "$status" = 0 ]
        cmp "$BATS_TEST_TMPDIR/report" "$BATS_TEST_TMPDIR/report.bare"
        grep -qx 'mode fiber' "$root$BATS_TEST_TMPDIR/stats"
    done
}

# No more kernel threads than there are: none for the core before the first thread, and it says so; later it has what
# it needs, so that more threads can be made than bare. Counted for a user who runs nothing else.
@test "no more processes" {
    local as=() dir
    dir=$(mktemp -d)
    mkdir "$dir/scripts" "$dir/build" "$dir/out"
    cp "$COAX" "$dir/scripts" && cp "$ROOT/build/libcoax.so" "$dir/build" && cp "$PROGRAMS/hardship" "$dir"
    chmod 755 "$dir" "$dir/scripts" "$dir/build" && chmod 777 "$dir/out"
    [ "$(id -u)" != 0 ] || as=(setpriv --reuid=61234 --regid=61234 --clear-groups)
    for when in before after during; do
        bare "${as[@]}" "$dir/hardship" "$dir/out/report" $when nproc 0
        [ "$status" = 1 ]
    done
    run "${as[@]}" timeout -k 5 60 "$dir/scripts/coax" "$dir/hardship" "$dir/out/report" before nproc 0
    [ "$status" = 1 ]
    [[ $output == "coax: running on kernel threads because "* ]]
    for when in after during; do
        run "${as[@]}" timeout -k 5 60 "$dir/scripts/coax" "$dir/hardship" "$dir/out/report" $when nproc 0
        [ "$status" = 0 ] && [ -z "$output" ]
        grep -qx well "$dir/out/report"
    done
    rm -rf "$dir"
}

# bats test_tags=hook:getaddrinfo,hook:getnameinfo,hook:gethostbyname,hook:waitpid,hook:wait
@test "no helpers" {
    COAX_OPTIONS=(--pool-size 0)
    same_cooperative 10 "$PROGRAMS/dns_names" 8
    [ "$(stat_of helpers)" = 0 ]
    same_cooperative 10 "$PROGRAMS/proc_any" 8
    [ "$(stat_of helpers)" = 0 ]
    same_cooperative 18 "$PROGRAMS/proc_wait" 16
    [ "$(stat_of helpers)" = 0 ]
    hard before nothing
}
