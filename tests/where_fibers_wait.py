"""Run by where-fibers-wait inside gdb: each line that it prints begins with |, for gdb prints lines of its own.

A fiber that is not on a kernel thread has its registers on its stack (core/switch_asm.S). An unwinder of ours tells
gdb that the innermost frame of the first kernel thread was called from there, so gdb's own unwinding goes on through
the fiber, and no register of the process is written."""
import os
import time

import gdb
from gdb.unwinder import Unwinder

FRAMES = 40        # of one backtrace
BACKTRACES = 200   # more fibers than these get one line each
CONTEXT = ("mxcsr", "r15", "r14", "r13", "r12", "rbx", "rbp", "rip")  # from the saved stack pointer upwards


def say(text):
    print("|" + text)


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class FromContext(Unwinder):
    """Makes the innermost frame of the selected kernel thread the callee of a saved context."""

    def __init__(self):
        super().__init__("coax saved context")
        self.here = self.context = None

    def choose(self, context):
        self.context = None
        gdb.invalidate_cached_frames()
        if context is not None:
            self.here = int(gdb.newest_frame().read_register("rsp"))
            self.context = context
            gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if self.context is None or int(pending.read_register("rsp")) != self.here:
            return None
        word = pending.read_register("rbx").type
        sp = self.context
        info = pending.create_unwind_info(FrameId(sp - 8, 1))
        for i, name in enumerate(CONTEXT[1:], 1):
            info.add_saved_register(name, gdb.Value(read_word(sp + 8 * i)).cast(word))
        info.add_saved_register("rsp", gdb.Value(sp + 8 * len(CONTEXT)).cast(word))
        return info


def read_word(address, size=8):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, size).tobytes(), "little")


def read_file(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError as e:
        return e.strerror


def frames_from(frame):
    n = 0
    while frame is not None and n < FRAMES:
        name = frame.name() or hex(frame.pc())
        where = frame.find_sal()
        if where.symtab is not None:
            place = "%s:%d" % (os.path.basename(where.symtab.filename), where.line)
        else:
            place = os.path.basename(gdb.solib_name(frame.pc()) or "?")
        yield name, place
        n += 1
        frame = frame.older()


def backtrace(frame, indent):
    try:
        for i, (name, place) in enumerate(frames_from(frame)):
            say("%s#%-2d %s (%s)" % (indent, i, name, place))
    except (gdb.error, gdb.MemoryError) as e:
        say("%s(%s)" % (indent, e))


def find_runtime():
    for objfile in gdb.objfiles():
        symbol = objfile.lookup_global_symbol("rt")
        if symbol is not None and str(symbol.type) == "struct runtime":
            return symbol.value()
    return None


class Report:
    def __init__(self, rt):
        self.rt, self.pid = rt, gdb.selected_inferior().pid
        self.now = time.clock_gettime(time.CLOCK_MONOTONIC)  # all stands still from here on
        self.threads = {t.ptid[1]: t for t in gdb.selected_inferior().threads()}
        self.fiber_type = rt["fibers"]["first"].type
        self.unwinder = FromContext()
        gdb.unwinder.register_unwinder(None, self.unwinder, replace=True)
        self.kthreads = list(self.walk(rt["baton"]["all"], "next"))
        self.owner = int(rt["baton"]["owner"]) & ~1
        self.in_core = int(rt["baton"]["owner"]) & 1
        self.idle = {int(k.address) for k in self.walk(rt["baton"]["idle"], "next_idle")}
        self.returned = {int(f.address) for f in self.walk(rt["baton"]["returned"], "next")}
        self.returned |= {int(k["leaving"]) for k in self.kthreads}
        self.on = {int(k["running"]): k for k in self.kthreads if int(k["running"]) and int(k.address) not in self.idle}
        self.fibers = list(self.all_fibers())
        self.by_tid = {self.tid(f): f for f in self.fibers}

    @staticmethod
    def walk(pointer, link, most=100000):
        while int(pointer) and most:
            yield pointer.dereference()
            pointer, most = pointer.dereference()[link], most - 1

    def all_fibers(self):
        head = self.rt["fibers"]["all"]
        offset = next(f.bitpos // 8 for f in self.fiber_type.fields() if f.name == "all")
        link, most = head["next"], 2000000
        while int(link) not in (0, int(head.address)) and most:
            yield gdb.Value(int(link) - offset).cast(self.fiber_type.pointer()).dereference()
            link, most = link.dereference()["next"], most - 1

    def tid(self, fiber):
        return read_word(int(fiber["fs"]) + int(self.rt["tls"]["off_tid"]), 4)

    def title(self, fiber):
        name = fiber["name"].string(errors="replace") or "unnamed"
        return "fiber %d (%s%s)" % (self.tid(fiber), name, ", main" if fiber["main"] else "")

    def title_of_tid(self, tid):
        return self.title(self.by_tid[tid]) if tid in self.by_tid else "thread %d" % tid

    def symbol_at(self, address):
        text = gdb.execute("info symbol %#x" % address, to_string=True)
        return "" if text.startswith("No symbol") else " (%s)" % text.split(" in section")[0].strip()

    def name_fd(self, fd):
        try:
            return "%d (%s)" % (fd, os.readlink("/proc/%d/fd/%d" % (self.pid, fd)))
        except OSError as e:
            return "%d (%s)" % (fd, e.strerror)

    def container(self, wait, function, name):
        block = gdb.block_for_pc(function)
        return wait.cast(gdb.lookup_type("struct " + name, block).pointer()).dereference()

    def waits_for(self, fiber, call):
        """What the wait is linked with: told by the function that takes it off. Each has the wait as its first member."""
        wait = fiber["wait"]
        function = int(wait["unlink"])
        if function == 0:
            return ""
        name = self.symbol_at(function).strip(" ()")
        if name == "unlink_wait":
            address = int(self.container(wait, function, "addr_wait")["addr"])
            text = " on address %#x%s" % (address, self.symbol_at(address))
            if call == "pthread_mutex_lock":
                owner = read_word(address + 8, 4)
                text += " held by " + self.title_of_tid(owner) if owner else " held by nobody"
            return text
        if name == "unlink_all":
            links = self.container(wait, function, "ready_wait")
            fds = [(int(links["links"][i]["fd"]), "out" if links["links"][i]["dir"] else "in")
                   for i in range(min(int(links["nlinks"]), 16))]
            return "".join(" on descriptor %s %s" % (self.name_fd(fd), way) for fd, way in fds)
        if name == "leave_join":
            return " for " + self.title(self.container(wait, function, "join_wait")["target"].dereference())
        if name == "abandon":
            job = self.container(wait, function, "pool_wait")["job"]
            return " for a helper in" + self.symbol_at(int(job["run"]))
        return " (%s)" % name

    def deadline(self, fiber):
        timer = fiber["wait"]["timer"]
        if int(timer["index"]) == 0:
            return ", no limit"
        left = int(timer["at"]) / 1e9 - self.now
        return ", ends in %.3f s" % left if left >= 0 else ", should have ended %.3f s ago" % -left

    def describe(self, fiber):
        """Its line, and how it is to be unwound: a kernel thread, a saved context, or neither."""
        state = str(fiber["state"]).replace("FIBER_", "").lower()
        call = fiber["call"].string(errors="replace") if int(fiber["call"]) else ""
        kthread = self.on.get(int(fiber.address))
        text, context = state, int(fiber["sp"])
        if int(fiber.address) in self.returned:
            text = "wants back to the carrier"
        elif kthread is not None:
            context = None
            if state == "parked":
                text = "parked, sits in the loop on the carrier"
            elif int(kthread.address) == self.owner:
                text = "runs on the carrier"
            else:
                text = "away on kernel thread %d" % int(kthread["tid"])
        elif state == "ready":
            text = "ready, in the run queue"
        elif state not in ("parked",):
            context = None
        if state == "parked" and int(fiber["wait"]):
            text += ", waits in %s%s%s" % (call, self.waits_for(fiber, call), self.deadline(fiber))
        elif call:
            text += ", in %s" % call
        if int(fiber["wait"]) and int(fiber["wait"]["outer"]):
            text += ", in a handler that interrupted another wait"
        if fiber["cancel_pending"]:
            text += ", cancellation pending"
        return text, kthread, context

    def show_fiber(self, fiber, with_frames):
        try:
            text, kthread, context = self.describe(fiber)
            say("  %s: %s" % (self.title(fiber), text))
        except (gdb.error, gdb.MemoryError) as e:
            say("  fiber at %#x: %s" % (int(fiber.address), e))
            return
        if not with_frames:
            return
        if kthread is not None and int(kthread["tid"]) in self.threads:
            self.threads[int(kthread["tid"])].switch()
            backtrace(gdb.newest_frame(), "    ")
        elif context:
            self.unwinder.choose(context)
            real = gdb.newest_frame()
            while real.type() == gdb.INLINE_FRAME:
                real = real.older()
            backtrace(real.older(), "    ")
            self.unwinder.choose(None)

    def role(self, tid, names):
        for k in self.kthreads:
            if int(k["tid"]) == tid:
                doing = " with " + self.title(self.on_of(k)) if self.on_of(k) is not None else ""
                if int(k.address) == self.owner:
                    return "the carrier" + doing
                return "spare, idle" if int(k.address) in self.idle else "was the carrier" + doing
        for function, role in (("monitor", "the monitor"), ("shadow", "the shadow"), ("helper", "a helper")):
            if function in names:
                return role
        return "foreign"

    def on_of(self, kthread):
        return kthread["running"].dereference() if int(kthread["running"]) in self.on else None

    def show_threads(self):
        for tid, thread in sorted(self.threads.items()):
            thread.switch()
            try:
                stack = list(frames_from(gdb.newest_frame()))
            except (gdb.error, gdb.MemoryError):
                stack = []
            task = "/proc/%d/task/%d/" % (self.pid, tid)
            say("  kernel thread %d (%s): %s, in %s" % (tid, read_file(task + "comm"),
                self.role(tid, [name for name, _ in stack]), " < ".join(name for name, _ in stack[:6]) or "?"))

    def show(self):
        owner = [k for k in self.kthreads if int(k.address) == self.owner]
        say("  %d fibers, %d ready; the baton is kernel thread %s's, %s the core" % (
            len(self.fibers), int(self.rt["sched"]["ready"]), int(owner[0]["tid"]) if owner else "?",
            "inside" if self.in_core else "outside"))
        for i, fiber in enumerate(self.fibers):
            self.show_fiber(fiber, i < BACKTRACES)
        self.show_threads()


def main():
    rt = find_runtime()
    if rt is not None and rt["coop"]:
        Report(rt).show()
        return
    say("  no fibers" + ("" if rt is not None else " and no coax"))
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        say("  kernel thread %d (%s)" % (thread.ptid[1], thread.name))
        backtrace(gdb.newest_frame(), "    ")


try:
    main()
except Exception as e:  # whatever gdb or a damaged process throws: what was said before it counts
    say("  the report ends here: %s" % e)
