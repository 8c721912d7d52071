"""What a row of the bench is made of: running a program in one of the modes, targets, rows and groups of rows."""
import os
import signal
import statistics
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Optional

MODES = ("bare", "pinned", "coax")


class Failed(Exception):
    """A program ended badly, or not in time."""


@dataclass
class Setting:
    root: str
    build: str
    work: str
    quick: bool

    def prefix(self, mode):
        if mode == "coax":
            return [os.path.join(self.root, "scripts", "coax")]
        return ["taskset", "-c", "0"] if mode == "pinned" else []

    def bench(self, name):
        return os.path.join(self.build, "bench", name)

    def load(self, name):
        return os.path.join(self.build, "load", name)


def environment(**more):
    """Without proxies, whose names programs obey, and with messages in English."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return {**kept, "LC_ALL": "C", **more}


def run(command, limit=300, **more):
    """What a command prints on either output; it must end well within the limit (seconds)."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment(**more), start_new_session=True) as child:
        try:
            out, _ = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, _ = child.communicate()
            raise Failed(f"{' '.join(command)}: no end after {limit} seconds: {end_of(out)}") from None
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    if child.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {child.returncode}: {end_of(out)}")
    return out.decode(errors="replace")


def end_of(out):
    return out.decode(errors="replace")[-300:].strip()


def figures(out):
    """The lines "name number" of an output."""
    pairs = (line.split() for line in out.splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].replace(".", "", 1).isdigit()}


@dataclass
class Target:
    text: str
    holds: Callable[[dict], bool]


def at_most(limit):
    return Target(f"at most {limit}", lambda v: v["coax"] <= limit)


def at_least(limit):
    return Target(f"at least {limit}", lambda v: v["coax"] >= limit)


def times(limit, against="pinned", text=None):
    """coax is at most LIMIT times the other."""
    return Target(text or f"at most {limit:.3g} x {against}",
                  lambda v: against not in v or v["coax"] <= limit * v[against])


def times_at_least(limit, against="pinned"):
    return Target(f"at least {limit:.3g} x {against}", lambda v: against not in v or v["coax"] >= limit * v[against])


def more_by(limit, unit, against="bare"):
    return Target(f"at most {limit} {unit} over {against}",
                  lambda v: against not in v or v["coax"] - v[against] <= limit)


def within(share, against="bare"):
    return Target(f"within {share:.0%} of {against}",
                  lambda v: against not in v or abs(v["coax"] - v[against]) <= share * v[against])


@dataclass
class Row:
    name: str
    unit: str
    figure: str
    target: Optional[Target] = None


def nothing(*_):
    pass


@dataclass
class Group:
    """Rows that come out of the same run: take(mode, setting) runs it once and returns its figures by name."""
    rows: list
    take: Callable[[str, Setting], dict]
    rounds: int = 5
    quick_rounds: int = 2
    modes: tuple = MODES
    prepare: Callable[[Setting], None] = field(default=nothing)
    clean_up: Callable[[], None] = field(default=nothing)
    combine: Callable[[list], float] = field(default=statistics.median)
