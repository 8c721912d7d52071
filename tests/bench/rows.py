"""The rows of the bench: threads, switches, memory, daemons, compressors, the cost of a hook without threads."""
import os
import re

from counting import counted
from measure import Failed, Group, Row, at_least, at_most, figures, more_by, run, times, times_at_least
from walks import walks


def micro(name, *size):
    """One of the programs beside this file; SIZE is its argument, or two: for the whole run and for a quick one."""
    def take(mode, setting):
        chosen = size[-1 if setting.quick else 0:][:1]
        return figures(run(setting.prefix(mode) + [setting.bench(name), *map(str, chosen)]))
    return take


def blocked(pause):
    def take(mode, setting):
        return figures(run([*setting.prefix(mode), "--async", "switch", setting.bench("blocked"),
                            "40" if setting.quick else "200", str(pause)]))
    return take


def parked(count, *stack):
    def take(mode, setting):
        out = figures(run(setting.prefix(mode) + [setting.bench("parked"), str(count), *map(str, stack)], limit=600))
        return {**out, "kilobytes": out["bytes"] / 1000}
    return take


def printed(pattern, command, quick=None):
    """A program that prints its figure: the first group of the pattern."""
    def take(mode, setting):
        out = run(setting.prefix(mode) + (quick if quick and setting.quick else command))
        found = re.search(pattern, out)
        if not found:
            raise Failed(f"{' '.join(command)} does not say {pattern}: {out[-300:]}")
        return {"value": float(found.group(1))}
    return take


def daemon(name, connections):
    """Tunnels through a proxy, a hundred of them active, and what they cost."""
    def take(mode, setting):
        cpu = {"LOAD_CPU": str(os.cpu_count() - 1)} if os.cpu_count() > 1 else {}
        out = figures(run([os.path.join(setting.root, "tests", "load", "daemon-load"), name, str(connections), "100",
                           "1" if setting.quick else "4", *setting.prefix(mode)], BUILD=setting.build, **cpu))
        return {**out, "megabytes": (out["user_kb"] + out["kernel_kb"]) / 1024}
    return Group([
        Row(f"{name}, {connections} connections, 100 active", "req/s", "rps", times_at_least(1)),
        Row(f"{name}, {connections} connections: memory", "MB", "megabytes",
            times(1 / 3, text="at most 1/3 of pinned")),
        Row(f"{name}, {connections} connections: to open them", "s", "up_seconds"),
        Row(f"{name}, {connections} connections: kernel threads", "", "threads"),
    ], take, rounds=3, quick_rounds=1)


def gather(setting, name, megabytes):
    """Real data: the beginning of Debian's libraries and documents, one after another, in a file."""
    path = os.path.join(setting.work, name)
    left = megabytes << 20
    if os.path.exists(path):
        return path
    with open(path, "wb") as out:
        for top in ("/usr/lib/x86_64-linux-gnu", "/usr/share"):
            for folder, folders, names in os.walk(top):
                folders.sort()
                for file in sorted(names):
                    file = os.path.join(folder, file)
                    if left <= 0 or os.path.islink(file) or not os.path.isfile(file):
                        continue
                    with open(file, "rb") as data:
                        left -= out.write(data.read(left))
    return path


def compressor(name, command, megabytes):
    def take(mode, setting):
        size = megabytes // 4 if setting.quick else megabytes
        path = gather(setting, f"data{size}", size)
        out = run(["bash", "-c", 'TIMEFORMAT="seconds %R"; time "$@" >/dev/null', name,
                   *setting.prefix(mode), *command, path])
        return {"speed": size / figures(out)["seconds"]}
    return Group([Row(name, "MB/s", "speed", times_at_least(0.9, "bare"))], take, rounds=3, quick_rounds=1)


def groups(million):
    pipe = ["perf", "bench", "sched", "pipe", "-T", "-l"]
    hack = ["hackbench", "-T", "-g10", "-l", "200"]
    result = [
        Group([Row("create + join", "ns", "ns", times(1 / 20, text="at most 1/20 of pinned"))],
              micro("create_join", 50000, 10000)),
        Group([Row("switch (sched_yield, two threads)", "ns", "ns", at_most(60))], micro("yield", 500000, 100000)),
        Group([Row("ping-pong (mutex + cond), there and back", "ns", "ns",
                   times(1 / 20, text="at most 1/20 of pinned"))], micro("pingpong", 50000, 20000)),
        Group([Row("perf bench sched pipe -T", "ops/s", "value", times_at_least(2))],
              printed(r"(\d+) ops/sec", pipe + ["100000"], pipe + ["30000"])),
        Group([Row("hackbench -T -g10", "s", "value", times(0.8, text="1.25 x as fast as pinned"))],
              printed(r"Time: ([\d.]+)", hack)),
        Group([Row("hackbench -T -p -g10", "s", "value", times(0.8, text="1.25 x as fast as pinned"))],
              printed(r"Time: ([\d.]+)", hack + ["-p"])),
    ]
    for when, pause in (("after calls that did not", 0), ("after a pause", 30)):
        result.append(Group([
            Row(f"a call by switch blocks, {when}: another thread runs", "us", "median", at_most(100)),
            Row("... nine of ten times within", "us", "ninety"),
        ], blocked(pause), modes=("coax",)))
    for name, stack, limit in (("default stack", [], 13), ("256 kB stack", [262144], 10)):
        result.append(Group([
            Row(f"idle thread, {name}", "kB", "kilobytes", at_most(limit)),
            Row(f"10,000 idle threads, {name}: to make", "s", "make_seconds"),
        ], parked(10000, *stack), rounds=3, quick_rounds=1))
    result.append(Group([
        Row("threads blocked in read at a time", "", "served", at_least(100000)),
        Row("... from the first to the last", "s", "seconds"),
    ], micro("readers", 100000), rounds=1, quick_rounds=1, modes=("coax",)))
    if million:
        result.append(Group([
            Row("threads parked on a condition variable", "", "threads", at_least(1000000)),
            Row("... memory of all", "MB", "megabytes"),
            Row("... to make", "s", "make_seconds"),
            Row("... to wake and end", "s", "end_seconds"),
        ], parked(1000000, 65536), rounds=1, quick_rounds=1, modes=("coax",)))
    for name in ("microsocks", "tinyproxy"):
        for connections in (1000, 5000):
            result.append(daemon(name, connections))
    result += [
        compressor("pigz", ["pigz", "-c"], 128),
        compressor("xz -T4", ["xz", "-T4", "-2", "--block-size=4MiB", "-c"], 64),
        Group([Row(f"solo: {what}", "ns", what, more_by(10 * calls, "ns")) for what, calls in
               (("read", 1), ("write", 1), ("poll", 1), ("lock", 2), ("pipe", 2), ("socket", 2), ("getppid", 1))],
              micro("solo", 100), rounds=11, quick_rounds=5, modes=("bare", "coax"), combine=min),
    ]
    return result + counted(gather) + walks()
