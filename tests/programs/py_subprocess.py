"""subprocess, alone and from many threads: pipes both ways, exit statuses, signals, timeouts, large output."""
import subprocess
import sys
import threading

print("echo", subprocess.check_output(["echo", "hello"]).decode().strip())
print("status", subprocess.run(["sh", "-c", "exit 7"]).returncode)
print("signal", subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
print("shell", subprocess.run("echo out; echo err >&2", shell=True, capture_output=True).stderr.decode().strip())
large = b"0123456789abcdef" * 65536
print("through cat", subprocess.run(["cat"], input=large, stdout=subprocess.PIPE).stdout == large)
try:
    subprocess.run(["sleep", "30"], timeout=0.2)
    print("no timeout")
except subprocess.TimeoutExpired:
    print("timeout")
with subprocess.Popen(["sort", "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sort:
    out, _ = sort.communicate(b"3\n1\n2\n")
print("sorted", out.split())
try:
    subprocess.run(["/does/not/exist"])
except FileNotFoundError as error:
    print("missing", error.errno)

results = {}


def child(n):
    run = subprocess.run([sys.executable, "-c", f"import sys; print(sys.stdin.read() * 2); sys.exit({n})"],
                         input=str(n), capture_output=True, text=True, check=False)
    results[n] = (run.returncode, run.stdout.strip())


threads = [threading.Thread(target=child, args=(n,)) for n in range(12)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("from threads", all(results.get(n) == (n, str(n) * 2) for n in range(12)))
