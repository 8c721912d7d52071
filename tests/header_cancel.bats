#!/usr/bin/env bats
# coax_cancel, deadlines, coax_join, coax_protect and coax_pick: what they end, and that nothing is lost by it.

load helper

# bats test_tags=name:cancel,name:with_timeout
@test "every kind of wait is cancelled and times out, and has done nothing" {
    wrapped "$PROGRAMS/header_cancel"
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]]
    [ "${lines[-1]}" = "26 kinds of waits" ]
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:cancel,name:with_timeout
@test "looking up a name is cancelled and times out" {
    local inside=(unshare -mn)
    [ "$(id -u)" -eq 0 ] || inside=(unshare -rmn)
    "${inside[@]}" true 2>/dev/null || skip "no namespaces of one's own here"
    # shellcheck disable=SC2016 # words of the inner shell
    local there='mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:3\n' >"$BATS_TEST_TMPDIR/late"
    "${inside[@]}" sh -c "$there" sh "$BATS_TEST_TMPDIR/late" true 2>/dev/null || skip "nothing can be mounted here"
    run_limited "${inside[@]}" sh -c "$there" sh "$BATS_TEST_TMPDIR/late" "$COAX" "$PROGRAMS/header_cancel" names
    echo "$output"
    [ "$output" = "getaddrinfo"$'\n'"gethostbyname" ]
}

# bats test_tags=name:cancel,name:with_timeout,name:pick
@test "nested, left by a jump or an exit, at the moment of success, with bad arguments" {
    wrapped "$PROGRAMS/header_edges"
    [ "$output" = "done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:cancel,name:with_timeout
@test "cancelled while it computes within a deadline, and then a file is opened" {
    bare "$PROGRAMS/header_deadline_due"
    [ "$output" = "without coax" ] && [ "$status" = 0 ]
    wrapped "$PROGRAMS/header_deadline_due"
    echo "$output"
    [ "$status" = 0 ] && [ "${#lines[@]}" = 5 ]
    for line in "${lines[@]}"; do
        [ "$line" = "opened, a sleep: Operation canceled" ]
    done
    [ "$(stat_of mode)" = fiber ]
}

@test "an exception leaves a deadline and a protection" {
    wrapped "$PROGRAMS/header_exception"
    echo "$output"
    [ "$output" = "thrown at once: 1
a sleep: 0
thrown by the deadline: 110
a sleep: 0
thrown in the protection: 2
a sleep: -1, cancelled" ]
}

@test "the first call in a program without threads" {
    for what in timeout cancel; do
        wrapped "$PROGRAMS/header_edges" $what
        [ "$output" = "done" ] && [ "$status" = 0 ]
    done
}

@test "without coax ENOSYS, with kernel threads ENOTSUP" {
    bare "$PROGRAMS/header_edges" unsupported 38
    [ "$output" = "" ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_edges" unsupported 95
    [ "$output" = "" ] && [ "$status" = 0 ]
}
