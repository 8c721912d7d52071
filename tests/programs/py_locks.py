"""Threads of python with locks on files and semaphores of multiprocessing, which processes share; a child contends."""
import fcntl
import multiprocessing
import os
import sys
import tempfile
import threading
import time

path = os.path.join(tempfile.mkdtemp(), "lock")
open(path, "w").close()
context = multiprocessing.get_context("fork")
semaphore = context.Semaphore(0)
tokens = context.BoundedSemaphore(2)
counter = context.Value("i", 0, lock=False)
inside = 0
order = threading.Lock()


def count(lock, n):
    for _ in range(n):
        with open(path, "r+") as f:
            lock(f, fcntl.LOCK_EX)
            seen = counter.value
            time.sleep(0)
            counter.value = seen + 1
            lock(f, fcntl.LOCK_UN)


def take_tokens():
    global inside
    for _ in range(20):
        with tokens:
            with order:
                inside += 1
                assert inside <= 2
            time.sleep(0.0003)
            with order:
                inside -= 1


def all_of(target, args, n):
    threads = [threading.Thread(target=target, args=args) for _ in range(n)]
    for t in threads:
        t.start()
    return threads


pid = os.fork()
if pid == 0:
    count(fcntl.flock, 100)
    os._exit(0)
for t in all_of(count, (fcntl.flock, 25), 8):
    t.join()
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print("counted", counter.value)

# A lock of the process's: one of its threads waits for a child that has it.
pid = os.fork()
if pid == 0:
    with open(path, "r+") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        semaphore.release()
        time.sleep(0.05)
        os._exit(0)
semaphore.acquire()
with open(path, "r+") as f:
    try:
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("it was not held")
    except BlockingIOError:
        print("held")
    ticks = 0
    waits = threading.Thread(target=fcntl.lockf, args=(f, fcntl.LOCK_EX))
    waits.start()
    while waits.is_alive():
        time.sleep(0.001)
        ticks += 1
    waits.join()
    print("others ran:", ticks > 3)
os.waitpid(pid, 0)

for t in all_of(take_tokens, (), 6):
    t.join()
print("tokens")
waiting = all_of(semaphore.acquire, (), 5)
print("timed:", semaphore.acquire(timeout=0.01))
for _ in range(5):
    semaphore.release()
for t in waiting:
    t.join()
print("released")
sys.stdout.flush()
