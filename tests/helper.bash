# Shared by every *.bats: where things are, and how a victim is run bare and under coax. Every run has a time limit, and so
# has every test (BATS_TEST_TIMEOUT); shortly before one of them passes, tests/where-fibers-wait looks at what still runs.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
COAX=$ROOT/scripts/coax
PROGRAMS=$ROOT/build/programs
LIMIT=${LIMIT:-60}

# Watches a test from beside it, no child of it. Looks once at the run whose time is up (REPORT_SECONDS before it is ended:
# gdb takes a while) and once at the whole test, and ends what bats leaves running when the test's time is up: bats would
# wait for it. What it finds goes where bats-exec-test writes, which is the output of its parent.
REPORT_SECONDS=${REPORT_SECONDS:-15}
watch_test() {
    local test=$1 output=/proc/$2/fd/1 tmpdir=$3 limit=$4 start=$EPOCHSECONDS seen='' looked='' run_end
    while read -rt 1 <> <(:) || [ -d "/proc/$test" ]; do
        run_end=$(cat "$tmpdir.limit" 2>/dev/null)
        if [ "$run_end" ] && [ "$run_end" != "$seen" ] && [ "$EPOCHSECONDS" -ge "$run_end" ]; then
            seen=$run_end
        elif [ "$limit" ] && [ -z "$looked" ] && [ "$((EPOCHSECONDS - start))" -ge $((limit * 7 / 8)) ]; then
            looked=1
        elif [ "$limit" ] && [ "$((EPOCHSECONDS - start))" -ge $((limit + 10)) ]; then
            "$ROOT/tests/where-fibers-wait" --list "$tmpdir" | xargs -r kill -KILL
            continue
        else
            continue
        fi
        {
            echo "# hangs: $BATS_TEST_NAME"
            "$ROOT/tests/where-fibers-wait" --test "$tmpdir" 2>&1 | sed 's/^/# /'
        } >"$output"
    done
}
[ -z "${BATS_TEST_TMPDIR-}" ] ||
    (watch_test $$ "$PPID" "$BATS_TEST_TMPDIR" "${BATS_TEST_TIMEOUT-}" >/dev/null 2>&1 </dev/null 3>&- 4>&- &)

# What a test runs does not have the descriptor on which bats says its result. The test's own shell keeps it meanwhile: it
# says there that the test's time is up.
eval "bats_$(declare -f run)"
run() {
    local options=()
    while [[ $1 = -* || $1 = ! ]]; do
        options+=("$1") && shift
    done
    bats_run "${options[@]}" without_result "$@"
}
without_result() {
    "$@" 3>&-
}

# run_limited COMMAND...: run with the time limit LIMIT.
run_limited() {
    echo "$((EPOCHSECONDS + LIMIT))" >"$BATS_TEST_TMPDIR.limit"
    run timeout -k 5 "$((LIMIT + REPORT_SECONDS))" "$@"
    rm -f "$BATS_TEST_TMPDIR.limit"
}

# Runs a victim bare: output in $output, exit status in $status.
bare() {
    run_limited "$@"
}

# Runs a victim under coax, options through COAX_OPTIONS (an array); what the run did goes to $BATS_TEST_TMPDIR/stats. With
# COAX_VALGRIND set, memcheck runs it, and whatever memcheck says makes the status 99.
UNDER=()
SWITCHES='client switching stacks\|to suppress, use: --max-stackframe\|further instances of this message'
[ -z "${COAX_VALGRIND-}" ] || UNDER=(valgrind -q --suppressions="$ROOT/tests/valgrind.supp" --max-stackframe=65536 --leak-check=no --trace-children=yes --error-exitcode=99 --log-file="$BATS_TEST_TMPDIR/valgrind.%p")
wrapped() {
    rm -f "$BATS_TEST_TMPDIR/stats"
    run_limited env COAX_STATS="$BATS_TEST_TMPDIR/stats" "$COAX" "${COAX_OPTIONS[@]}" "${UNDER[@]}" "$@"
    if [ "${COAX_VALGRIND-}" ] && grep -h '^==' "$BATS_TEST_TMPDIR"/valgrind.* | grep -v "$SWITCHES"; then
        status=99
    fi
}

# One figure of the last wrapped run: mode (solo, fiber, kernel), fibers (created), switches, kernel_threads (most that
# carried fibers at one time), handoffs, helpers (most at one time), handed (writes past the kernel), looks
# (of the monitor), blocked (calls on files that it has found waiting).
stat_of() {
    sed -n "s/^$1 //p" "$BATS_TEST_TMPDIR/stats"
}

# The victim's output and status are the same bare and wrapped.
same() {
    bare "$@"
    local bare_output=$output bare_status=$status
    wrapped "$@"
    if [ "$output" != "$bare_output" ] || [ "$status" != "$bare_status" ]; then
        printf 'bare (status %s):\n%s\nwrapped (status %s):\n%s\n' "$bare_status" "$bare_output" "$status" "$output"
        return 1
    fi
}

# As same, and the threads were fibers: falling back to kernel threads does not pass. $1: most kernel threads that the
# program needs by what it does; two more are allowed, for on a loaded machine the monitor hands over now and then.
same_cooperative() {
    local most=$1
    shift
    same "$@" || return 1
    [ -z "${COAX_VALGRIND-}" ] || most=1000 # it runs one thread at a time: who waits for that looks blocked to the monitor
    if [ "$(stat_of mode)" != fiber ] || [ "$(stat_of switches)" -lt 1 ] || [ "$(stat_of kernel_threads)" -gt $((most + 2)) ]; then
        echo "not cooperative:"
        cat "$BATS_TEST_TMPDIR/stats"
        return 1
    fi
}

# Waits until a command succeeds: wait_until SECONDS COMMAND...
wait_until() {
    local left=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.05
    done
}
