"""A dialogue with a program on a terminal of its own: pty_talk.py DIALOGUE COMMAND...

Each line of DIALOGUE is `TEXT => ANSWER`: when ANSWER has been seen, the next TEXT is typed (\\x.. and such are as in
Python). What the program wrote is printed at the end, numbers of processes as N, then its exit status.
"""

import os
import pty
import re
import select
import signal
import sys
import time

LIMIT = 40


def talk(fd, steps):
    seen, at, end = b"", 0, time.monotonic() + LIMIT
    for text, answer in steps:
        if text == b"\x03":
            time.sleep(0.3)  # what it interrupts has begun: python looks for signals, and then goes to sleep
        os.write(fd, text)
        while answer not in seen[at:]:
            if time.monotonic() > end or not select.select([fd], [], [], 1)[0]:
                if time.monotonic() > end:
                    raise SystemExit("no %r in %r" % (answer, seen[at:]))
                continue
            try:
                more = os.read(fd, 4096)
            except OSError:
                more = b""
            if not more:
                raise SystemExit("ended without %r: %r" % (answer, seen[at:]))
            seen += more
        at = seen.index(answer, at) + len(answer)
    return seen


def rest(fd):
    seen = b""
    while True:
        try:
            more = os.read(fd, 4096)
        except OSError:
            return seen
        if not more:
            return seen
        seen += more


def main():
    steps = []
    with open(sys.argv[1]) as dialogue:
        for line in dialogue:
            parts = line.rstrip("\n").split(" => ")
            steps.append([part.encode().decode("unicode_escape").encode("latin-1") for part in parts])
    child, fd = pty.fork()
    if child == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    signal.alarm(2 * LIMIT)
    seen = talk(fd, steps) + rest(fd)
    text = re.sub(r"\b\d{3,}\b", "N", seen.decode("latin-1")).replace("\r", "")
    print(text)
    print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
