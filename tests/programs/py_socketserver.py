"""socketserver.ThreadingTCPServer: a thread a connection, and as many client threads in the same process."""
import socket
import socketserver
import threading

CLIENTS, LINES = 60, 20


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    daemon_threads = True


answers = {}


def client(n, address):
    with socket.create_connection(address, timeout=30) as s, s.makefile("rwb") as f:
        got = []
        for i in range(LINES):
            f.write(f"line {n} {i}\n".encode())
            f.flush()
            got.append(f.readline())
        answers[n] = got


with Server(("127.0.0.1", 0), Upper) as server:
    loop = threading.Thread(target=server.serve_forever, args=(0.05,))
    loop.start()
    clients = [threading.Thread(target=client, args=(n, server.server_address)) for n in range(CLIENTS)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    server.shutdown()
    loop.join()

right = sum(answers.get(n) == [f"LINE {n} {i}\n".encode() for i in range(LINES)] for n in range(CLIENTS))
print("clients with the right answers", right, "of", CLIENTS)
