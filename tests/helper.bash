# Shared by every *.bats: where things are, and how a victim is run bare and under coax.
# A victim is run with a time limit; on a hang coax is asked to print where each fiber waits (SIGQUIT is not used: a
# victim may catch it), see COAX_STATS for what a run did.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
COAX=$ROOT/scripts/coax
PROGRAMS=$ROOT/build/programs
LIMIT=${LIMIT:-60}

# Runs a victim bare: output in $output, exit status in $status.
bare() {
    run timeout -k 5 "$LIMIT" "$@" 3>&-
}

# Runs a victim under coax, options through COAX_OPTIONS (an array); what the run did goes to $BATS_TEST_TMPDIR/stats.
wrapped() {
    rm -f "$BATS_TEST_TMPDIR/stats"
    run env COAX_STATS="$BATS_TEST_TMPDIR/stats" timeout -k 5 "$LIMIT" "$COAX" "${COAX_OPTIONS[@]}" "$@" 3>&-
}

# One figure of the last wrapped run: mode (solo, fiber, kernel), fibers (created), switches, kernel_threads (most that
# carried fibers at one time), handoffs, helpers (most at one time).
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
