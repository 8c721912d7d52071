"""Python's threading: locks, conditions, events, barriers, queues, semaphores, timers and thread-local data."""
import queue
import threading
import time

THREADS = 50
total = 0
lock = threading.Lock()
local = threading.local()
barrier = threading.Barrier(THREADS)
seen = set()


def count(n):
    global total
    local.value = n
    barrier.wait()
    for _ in range(200):
        with lock:
            total += 1
    time.sleep(0.01)
    with lock:
        seen.add(local.value)


threads = [threading.Thread(target=count, args=(n,)) for n in range(THREADS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("total", total, "seen", len(seen))

numbers, squares = queue.Queue(maxsize=5), queue.Queue()


def square():
    while (n := numbers.get()) is not None:
        squares.put(n * n)
    numbers.put(None)


workers = [threading.Thread(target=square) for _ in range(8)]
for w in workers:
    w.start()
for n in range(1000):
    numbers.put(n)
numbers.put(None)
for w in workers:
    w.join()
print("squares", sum(squares.get() for _ in range(1000)))

condition, turns = threading.Condition(), []


def ping(me, other):
    for _ in range(100):
        with condition:
            condition.wait_for(lambda: len(turns) % 2 == me)
            turns.append(me)
            condition.notify_all()


pair = [threading.Thread(target=ping, args=(me, 1 - me)) for me in (0, 1)]
for t in pair:
    t.start()
for t in pair:
    t.join()
print("turns", len(turns), turns == [0, 1] * 100)

event = threading.Event()
start = time.monotonic()
print("not set", event.wait(0.2), time.monotonic() - start >= 0.2)
timer = threading.Timer(0.1, event.set)
timer.start()
print("set", event.wait(30))
timer.join()

semaphore, most, inside = threading.Semaphore(3), 0, 0


def limited():
    global most, inside
    with semaphore:
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.005)
        with lock:
            inside -= 1


threads = [threading.Thread(target=limited) for _ in range(20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("at most three at a time", most <= 3)
