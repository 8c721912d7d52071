"""concurrent.futures: a pool of threads and one of processes, results, exceptions, timeouts and cancellation."""
import concurrent.futures
import hashlib
import threading
import time


def digest(n):
    return hashlib.sha256(b"x" * n).hexdigest()[:8]


def fails(n):
    raise ValueError(f"no {n}")


def main():
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        print("map", list(pool.map(digest, range(100))) == [digest(n) for n in range(100)])
        futures = [pool.submit(fails, n) for n in range(10)]
        done, rest = concurrent.futures.wait(futures, timeout=30)
        print("failed", sorted(str(f.exception()) for f in done), len(rest))
        slept = [pool.submit(time.sleep, 0.05) for _ in range(32)]
        print("completed", sum(1 for _ in concurrent.futures.as_completed(slept, timeout=30)))
        print("digests of large data", len({f.result() for f in [pool.submit(digest, 1 << 20) for _ in range(8)]}))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        gate = threading.Event()
        first, second = pool.submit(gate.wait, 30), pool.submit(digest, 1)
        try:
            first.result(timeout=0.1)
            print("no timeout")
        except concurrent.futures.TimeoutError:
            print("timeout")
        print("cancelled", second.cancel())
        gate.set()
        print("first", first.result())
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print("processes", list(pool.map(digest, range(20))) == [digest(n) for n in range(20)])


if __name__ == "__main__":
    main()
