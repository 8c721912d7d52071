"""Threads that work on files: each copies a tree, changes the copy, walks it, compresses what is in it, and removes it."""
import hashlib, os, shutil, sys, tempfile, threading, zlib

root = sys.argv[1]
results = {}


def digest(top):
    h = hashlib.sha1()
    for path, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(files):
            full = os.path.join(path, name)
            with open(full, "rb") as f:
                data = f.read()
            st = os.stat(full)
            h.update(("%s %o %d " % (name, st.st_mode, st.st_size)).encode() + zlib.compress(data))
    return h.hexdigest()


def work(number):
    with tempfile.TemporaryDirectory() as top:
        for name in sorted(os.listdir(root)):
            if name.isdigit():
                shutil.copytree(os.path.join(root, name), os.path.join(top, name))
        first = digest(top)
        for i, name in enumerate(sorted(os.listdir(os.path.join(top, "0")))):
            full = os.path.join(top, "0", name)
            if i % 3 == 0:
                os.rename(full, full + ".moved")
            elif i % 3 == 1:
                os.unlink(full)
            else:
                with open(full, "r+b", buffering=0) as f:
                    f.truncate(1000)
                    f.seek(500)
                    f.write(b"middle")
                    os.fsync(f.fileno())
        results[number] = first, digest(top)


threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(set(results.values())), *results[0])
