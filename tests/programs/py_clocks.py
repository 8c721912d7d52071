# What python says of its threads' processor time: a busy one, one that sleeps, one that computes in turns with another.
import resource
import threading
import time


def burn(seconds):
    start = time.thread_time()
    n = 0
    while time.thread_time() - start < seconds:
        n += sum(range(500))


def usage():
    u = resource.getrusage(resource.RUSAGE_THREAD)
    return u.ru_utime + u.ru_stime


def busy(result):
    result.append(time.thread_time() < 0.05)
    burn(0.2)
    result.append(0.15 < usage() < time.thread_time() + 0.05)
    spent.append(time.thread_time())


def idle(result):
    for _ in range(20):
        time.sleep(0.01)
    result.append(time.thread_time() < 0.1)
    spent.append(time.thread_time())


spent = []
before = time.process_time(), time.thread_time()
threads = []
results = []
for work in busy, idle, busy:
    results.append([])
    threads.append(threading.Thread(target=work, args=(results[-1],)))
for t in threads:
    t.start()
clock = time.pthread_getcpuclockid(threads[0].ident)
while time.clock_gettime(clock) < 0.1:
    time.sleep(0.001)
for t in threads:
    t.join()
print(results)
print(sum(spent) <= time.process_time() - before[0] + 0.02)
print(time.thread_time() - before[1] < 0.2)
