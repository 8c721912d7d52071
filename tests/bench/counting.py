"""Rows that count: instructions and system calls of single-threaded programs, which do not drift as times do."""
import os
import re
import subprocess

from measure import Failed, Group, Row, environment, run, within

servers = []


def instructions(setting, prefix, command):
    """Instructions of the program that PREFIX executes, its children included: by the CPU's counter, else by valgrind."""
    if subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True,
                      check=False).stderr[:1].isdigit():
        out = run(prefix + ["perf", "stat", "-x,", "-e", "instructions:u", *command])
        return float(re.search(r"^(\d+),,instructions", out, re.M).group(1))
    files = os.path.join(setting.work, "callgrind")
    out = run(prefix + ["valgrind", "--tool=callgrind", f"--callgrind-out-file={files}.%p", *command])
    for name in os.listdir(setting.work):
        if name.startswith("callgrind."):
            os.unlink(os.path.join(setting.work, name))
    counts = re.findall(r"Collected : (\d+)", out)
    if not counts:
        raise Failed(f"{' '.join(command)}: valgrind counted nothing: {out[-300:]}")
    return float(sum(map(int, counts)))


def system_calls(setting, prefix, command):
    """System calls from the program's execve on, which is in all of them the first."""
    trace = os.path.join(setting.work, "calls")
    run(prefix + ["strace", "-f", "-c", "-o", trace, *command])
    with open(trace, encoding="ascii") as file:
        total = [line.split() for line in file if line.rstrip().endswith(" total")]
    return float(total[0][3 if len(total[0]) > 4 else 2])


def counter(name, command, prepare):
    def take(mode, setting):
        words = command(setting)
        again = ["sh", "-c", f"rm -rf {setting.work}/to; exec \"$@\"", "sh"]
        run(again + ["true"])
        count = instructions(setting, setting.prefix(mode), words)
        run(again + ["true"])
        return {"instructions": count / 1e6, "calls": system_calls(setting, setting.prefix(mode), words)}
    return Group([
        Row(f"{name}: instructions", "million", "instructions", within(0.02)),
        Row(f"{name}: system calls", "", "calls", within(0.02)),
    ], take, rounds=3, quick_rounds=1, modes=("bare", "coax"), prepare=prepare, clean_up=stop_servers)


def stop_servers():
    while servers:
        server = servers.pop()
        server.kill()
        server.wait()


def counted(gather):
    port = []

    def tree(setting):
        path = os.path.join(setting.work, "tree")
        if not os.path.exists(path):
            os.mkdir(path)
            run(["cp", "-a", "/usr/share/perl", "/usr/include/linux", path])

    def origin(setting):
        # Ended by stop_servers.
        server = subprocess.Popen([setting.load("origin"), "--size", "20000"],  # pylint: disable=consider-using-with
                                  stdout=subprocess.PIPE, env=environment())
        servers.append(server)
        port[:] = [server.stdout.readline().decode().strip()]

    def file_url(setting):
        return ["curl", "-s", "-o", "/dev/null", "file://" + gather(setting, "data256", 256)]

    def http_url(_):
        return ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port[0]}/[1-500]"]

    return [
        counter("tar", lambda s: ["tar", "-cf", f"{s.work}/tree.tar", "-C", s.work, "tree"], tree),
        counter("curl file://", file_url, lambda s: None),
        counter("curl http://", http_url, origin),
        counter("rsync", lambda s: ["rsync", "-a", f"{s.work}/tree/", f"{s.work}/to/"], tree),
    ]
