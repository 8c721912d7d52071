#!/usr/bin/env bats
# Terminals: attributes, flow, process groups, and programs that talk to somebody at one.

load helper

# bats test_tags=hook:tcgetattr,hook:tcsetattr,hook:tcdrain,hook:tcsendbreak,hook:tcflow,hook:tcflush,hook:tcgetpgrp,hook:tcsetpgrp,hook:tcgetsid
@test "attributes, flow, flush, sessions, background jobs, errors; a call that blocks" {
    same "$PROGRAMS/term_calls" 0
    same_cooperative 2 "$PROGRAMS/term_calls" 1
    same_cooperative 6 "$PROGRAMS/term_calls" 8
}

# bats test_tags=hook:read,hook:waitpid,hook:tcsetpgrp
@test "a background job reads its terminal: EIO, a handler, stopped" {
    for threads in 0 1 6; do
        same "$PROGRAMS/tty_background" "$threads"
        [ "$output" = good ]
    done
    COAX_OPTIONS=(--poll-timeout 10)
    same "$PROGRAMS/tty_background" 0
}

# talks DIALOGUE COMMAND...: what is said is the same bare and under coax.
talks() {
    printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/dialogue"
    shift
    bare /usr/bin/python3 "$ROOT/tests/programs/pty_talk.py" "$BATS_TEST_TMPDIR/dialogue" "$@"
    local bare_output=$output
    echo "bare: $output"
    [ "$status" -eq 0 ]
    bare env COAX_STATS="$BATS_TEST_TMPDIR/stats" /usr/bin/python3 "$ROOT/tests/programs/pty_talk.py" \
        "$BATS_TEST_TMPDIR/dialogue" "$COAX" "$@"
    echo "wrapped: $output"
    [ "$output" = "$bare_output" ]
}

# bats test_tags=hook:tcsetattr,hook:tcsetpgrp,hook:tcgetpgrp
@test "bash -i: jobs are stopped, continued, interrupted; what is typed is read" {
    cd "$BATS_TEST_TMPDIR"
    # It says when it has the terminal: what is typed before is somebody else's.
    cat >job <<'END'
trap 'echo continued' CONT
echo started
while :; do read -r x && echo "got $x"; done
END
    printf 'echo started\ncat\n' >reader
    # shellcheck disable=SC2016
    talks ' => $ 
PS1=rea""dy:\n => ready:
sh job\n => started
one\n => got one
\x1a => ready:
jobs\n => sh job\r\nready:
fg\n => continued
two\n => got two
\x03 => ready:
sh reader\n => started
a line\n => a line\r\na line\r\n
\x04 => ready:
stty -echo; echo -n "sec""ret: "; read -r secret; stty echo\n => secret: 
hidden\n => ready:
echo "<$secret>"\n => <hidden>\r\nready:
stty -a | grep -c baud\n => 1\r\nready:
exit 3\n => exit' env PS1='$ ' TERM=dumb bash --norc --noprofile -i
}

# bats test_tags=hook:tcsetattr,hook:tcgetattr
@test "python3 with readline, while threads sleep and compute" {
    talks ' => >>> 
import threading, time, readline\n => >>> 
def work():\n => ... 
    while True: time.sleep(0.01)\n => ... 
\n => >>> 
for i in range(5): threading.Thread(target=work, daemon=True).start()\n => ... 
\n => >>> 
prinx\x7ft(6*111)\n => 666\r\n>>> 
\x1b[A\n => 666\r\n>>> 
input("sa" "y: ")\n => say: 
something\n => something\x27\r\n>>> 
import getpass; getpass.getpass("wo" "rd: ")\n => word: 
secret\n => secret\x27\r\n>>> 
print("sle" + "eps"); time.sleep(100)\n => sleeps\r\n
\x03 => KeyboardInterrupt\r\n>>> 
exit(4)\n => )' env -u PYTHONSTARTUP TERM=dumb HOME="$BATS_TEST_TMPDIR" /usr/bin/python3 -q
    grep -q '^mode fiber$' "$BATS_TEST_TMPDIR/stats"
}

# bats test_tags=hook:tcgetattr,hook:tcsetattr
@test "script keeps what was said" {
    talks ' => go
word\n => got word' script -qec 'echo go; read -r x; echo got $x; exit 9' /dev/null
}
