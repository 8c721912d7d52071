"""http.server.ThreadingHTTPServer and urllib clients in threads: small answers, a large one, a posted body."""
import hashlib
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENTS = 40
LARGE = bytes(range(256)) * 16384


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(LARGE if self.path == "/large" else self.path.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(hashlib.sha256(body).hexdigest().encode())

    def log_message(self, *args):
        pass


def fetch(path, data=None):
    with opener.open(f"http://127.0.0.1:{port}{path}", data, timeout=60) as answer:
        return answer.read()


opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port = server.server_address[1]
loop = threading.Thread(target=server.serve_forever, args=(0.05,))
loop.start()
answers = {}
threads = [threading.Thread(target=lambda n=n: answers.update({n: fetch(f"/{n}")})) for n in range(CLIENTS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("small", sum(answers.get(n) == f"/{n}".encode() for n in range(CLIENTS)), "of", CLIENTS)
print("large", fetch("/large") == LARGE)
print("posted", fetch("/", LARGE).decode() == hashlib.sha256(LARGE).hexdigest())
server.shutdown()
loop.join()
server.server_close()
