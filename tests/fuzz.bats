#!/usr/bin/env bats
# Random sequences of calls (tests/fuzz), and what they have found.

load helper

@test "500 random sequences of calls see the same bare and under coax" {
    cd "$BATS_TEST_TMPDIR"
    run_limited "$ROOT/tests/fuzz" 1 500
    echo "$output"
    [ "$status" = 0 ] && [[ ${lines[-1]} = "1000 sequences, "*" made again, 0 different" ]]
}

@test "fuzz finds a call that differs, and shrinks it" {
    local prog=$BATS_TEST_TMPDIR/build/programs/fuzz_calls
    mkdir -p "${prog%/*}"
    # A victim that knows by its environment that the shim is there, and then says something else for one step.
    cat >"$prog" <<'VICTIM'
#!/bin/bash
threads=$1 first=$2 last=$3
shift 4
for ((i = first; i <= last; i++)); do
    case " ${*:-17} " in
    *" 17 "*) [[ $i = 3 && ${LD_PRELOAD-} = *libcoax* ]] && echo "$i other" || echo "$i same" ;;
    *) echo "$i same" ;;
    esac
done
VICTIM
    chmod +x "$prog"
    BUILD=$BATS_TEST_TMPDIR/build run_limited "$ROOT/tests/fuzz" 1 5
    echo "$output"
    [ "$status" = 1 ] && [[ $output = *"sequence 3, no threads, differs by steps 17"* ]]
    [ "${lines[-1]}" = "10 sequences, 2 made again, 2 different" ]
}

# bats test_tags=hook:accept,hook:accept4,hook:read,hook:recv,hook:recvmsg,hook:recvmmsg,hook:write,hook:writev
@test "calls that answer at once where a look says wait" {
    mkdir "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/wrapped"
    bare "$PROGRAMS/io_edges" "$BATS_TEST_TMPDIR/bare"
    local expected=$output
    wrapped "$PROGRAMS/io_edges" "$BATS_TEST_TMPDIR/wrapped"
    diff <(echo "$expected") <(echo "$output") && [ "$(stat_of mode)" = fiber ]
}
