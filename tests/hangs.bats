#!/usr/bin/env bats
# What a hang is answered with: each fiber says where it waits, of itself before the time limit ends it.

load helper

teardown() {
    [ -z "${pid-}" ] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
}

# start ARGS...: the victim under coax in the background, its pid in $pid.
start() {
    "$COAX" "$PROGRAMS/hang" "$@" >"$BATS_TEST_TMPDIR/says" 3>&- &
    pid=$!
    wait_until 20 grep -q ready "$BATS_TEST_TMPDIR/says"
}

report() {
    "$ROOT/tests/where-fibers-wait" "$pid" >"$BATS_TEST_TMPDIR/report" 2>&1 3>&-
}

# All have come to where they wait.
all_parked() {
    report
    [ "$(grep -c '^  fiber .*: parked, ' "$BATS_TEST_TMPDIR/report")" = 5 ]
}

says() {
    grep -qE "$1" "$BATS_TEST_TMPDIR/report" || { echo "no line like: $1" && cat "$BATS_TEST_TMPDIR/report" && return 1; }
}

@test "each fiber's name, call and object, and its frames" {
    start
    wait_until 30 all_parked || { cat "$BATS_TEST_TMPDIR/report" && return 1; }
    says '^  5 fibers, 0 ready; the baton is kernel thread [0-9]+.s, inside the core$'
    says "^  fiber $pid \(hang, main\): .*waits in pthread_join for fiber [0-9]+ \(locks\), no limit$"
    says "^  fiber [0-9]+ \(locks\): .*waits in pthread_mutex_lock on address 0x[0-9a-f]+ \(held\) held by fiber $pid "
    says '^  fiber [0-9]+ \(waits\): .*waits in pthread_cond_wait on address 0x[0-9a-f]+ \(never\), no limit$'
    says '^  fiber [0-9]+ \(reads\): .*waits in read on descriptor [0-9]+ \(pipe:.*\) in, no limit$'
    says '^  fiber [0-9]+ \(sleeps\): .*waits in sleep, ends in 99[0-9]{3}\.'
    for function in main locks waits reads sleeps; do
        says "^    #[0-9]+ +$function \(hang\.c:[0-9]+\)$"
    done
    says '^  kernel thread [0-9]+ \(.*\): the carrier with fiber '
    says '^  kernel thread [0-9]+ \(.*\): the monitor, in '
    kill -0 "$pid" # and goes on waiting
}

@test "the kernel thread of a process without fibers" {
    start alone
    wait_until 30 eval "report; says '^    #[0-9]+ +reads .hang'"
    says '^  no fibers$'
}

@test "who cannot be looked at says why" {
    run "$ROOT/tests/where-fibers-wait" 99999999
    [ "$output" = "process 99999999: there is none" ]
    [ "$status" = 1 ]
}

# A run with a limit, and one that has only the test's, with a process that bats would wait for.
@test "a run and a test whose time is up are reported, and end" {
    local at=@ # a line that begins with both would be a test of this file
    cat >"$BATS_TEST_TMPDIR/inner.bats" <<END
load $ROOT/tests/helper
${at}test "run" { LIMIT=2 REPORT_SECONDS=10; wrapped "\$PROGRAMS/hang"; [ "\$status" = 124 ]; }
${at}test "test" { run "\$COAX" "\$PROGRAMS/hang"; }
${at}test "test in a run" { LIMIT=100; wrapped "\$PROGRAMS/hang"; }
END
    run env -i PATH=/usr/local/bin:/usr/bin:/bin BATS_TEST_TIMEOUT=30 timeout -k 5 100 \
        bats --tap --filter '^run$' "$BATS_TEST_TMPDIR/inner.bats"
    grep '^# hangs: test_run' <<<"$output"
    grep '^#   fiber [0-9]* (reads): .* in read on descriptor' <<<"$output"
    grep '^ok 1 run' <<<"$output"
    for name in "test" "test in a run"; do
        run env -i PATH=/usr/local/bin:/usr/bin:/bin BATS_TEST_TIMEOUT=8 timeout -k 5 100 \
            bats --tap --filter "^$name\$" "$BATS_TEST_TMPDIR/inner.bats"
        grep '^# hangs: test_test' <<<"$output"
        grep "^not ok 1 $name # timeout" <<<"$output"
    done
}
