"""Rows of warm walks through files by programs with threads: what they cost more than bare, by each async method that
lets others go on, on a disk, in memory and on an overlay. A thread that waits for ever is put into find and tar by a
preload; git makes threads of its own."""
import os
import re
import shutil
import subprocess
import tempfile
import time

from counting import instructions, system_calls
from measure import Failed, Group, Row, run, times

METHODS = ("detach", "switch")
TENTH = times(1.1, "bare", "at most 10% over bare")


class Place:
    """A directory with a tree in it, that is also a repository."""
    def __init__(self, name, parent):
        self.name, self.parent, self.made, self.mounted = name, parent, None, False

    def prepare(self, setting):
        self.made = self.made or tempfile.mkdtemp(prefix="coax-walk.", dir=self.parent)
        below = os.path.join(self.made, "below")
        if not os.path.exists(below):
            os.mkdir(below)
            run([os.path.join(setting.build, "programs", "file_walk"), below, "20000"])
            time.sleep(1.1)  # what is as old as the index git reads again and again
            run(["git", "init", "-q", below])
            run(["git", "-C", below, "add", "."])
            run(["git", "-C", below, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "files"])
        self.overlay()
        run(["git", "-C", self.tree(), "status"])

    def overlay(self):
        if self.name != "overlayfs" or self.mounted:
            return
        for name in ("upper", "work", "tree"):
            os.mkdir(os.path.join(self.made, name))
        folders = "lowerdir={0}/below,upperdir={0}/upper,workdir={0}/work".format(self.made)
        run(["mount", "-t", "overlay", "-o", folders, "overlay", self.tree()])
        self.mounted = True

    def tree(self):
        return os.path.join(self.made, "tree" if self.name == "overlayfs" else "below")

    def clean_up(self):
        if self.mounted:
            run(["umount", self.tree()])
        if self.made:
            shutil.rmtree(self.made)
        self.made, self.mounted = None, False


def entries(setting, prefix, command):
    """System calls of all threads. The kernel's own counter, which does not slow the program down: strace does, and the
    monitor looks as often in each second as it does without."""
    count = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter"]
    probe = subprocess.run([*count, "true"], capture_output=True, check=False).stderr
    if not probe[:1].isdigit():
        return system_calls(setting, prefix, command)
    found = re.search(r"^(\d+),,raw_syscalls", run([*count, *prefix, *command]), re.M)
    if not found:
        raise Failed(f"{' '.join(command)}: perf counted nothing")
    return float(found.group(1))


def walk(name, place, method, command, threads):
    def take(mode, setting):
        preload = [os.path.join(setting.build, "libcoax.so")] if mode == "coax" else []
        preload += [] if threads else [os.path.join(setting.build, "programs", "one_more_thread.so")]
        prefix = ["env", f"LD_PRELOAD={':'.join(preload)}", f"COAX_ASYNC_METHOD={method}"]
        words = command(place.tree())
        return {"instructions": instructions(setting, prefix, words) / 1e6, "calls": entries(setting, prefix, words)}
    title = f"walk: {name}, {place.name}, {method}"
    return Group([
        Row(f"{title}: instructions", "million", "instructions", TENTH),
        Row(f"{title}: system calls", "", "calls", TENTH),
    ], take, rounds=3, quick_rounds=1, modes=("bare", "coax"), prepare=place.prepare, clean_up=place.clean_up)


def walks():
    places = [Place("disk", "/var/tmp"), Place("tmpfs", "/dev/shm")]
    if os.geteuid() == 0:
        places.append(Place("overlayfs", "/var/tmp"))
    commands = (("find", lambda tree: ["find", tree, "-size", "+1000000k"], False),
                ("tar", lambda tree: ["tar", "-cf", "/dev/null", "--exclude-vcs", tree], False),
                ("tar to a file", lambda tree: ["tar", "-cf", f"{tree}/../walk.tar", "--exclude-vcs", tree], False),
                ("git status", lambda tree: ["git", "-C", tree, "-c", "core.preloadIndex=true", "status"], True))
    return [walk(name, place, method, command, threads)
            for place in places for name, command, threads in commands for method in METHODS]
