"""As much of a PostgreSQL server as psql needs: any query gives as many rows as it has digits for. Prints its port."""
import re
import socket
import struct
import threading
import time


def exact(conn, n):
    data = b""
    while len(data) < n:
        part = conn.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def startup(conn):
    while True:
        body = exact(conn, struct.unpack("!i", exact(conn, 4))[0] - 4)
        if struct.unpack("!i", body[:4])[0] not in (80877103, 80877104):  # asks for encryption
            break
        conn.sendall(b"N")
    conn.sendall(message(b"R", struct.pack("!i", 0)))
    for name, value in ("server_version", "15.0"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"):
        conn.sendall(message(b"S", name.encode() + b"\0" + value.encode() + b"\0"))
    conn.sendall(message(b"Z", b"I"))


def rows(conn, count):
    conn.sendall(message(b"T", struct.pack("!h", 1) + b"row\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)))
    for n in range(count):
        text = b"row %d" % n
        conn.sendall(message(b"D", struct.pack("!hi", 1, len(text)) + text))
        if n % 1000 == 500:
            time.sleep(0.02)
    conn.sendall(message(b"C", b"SELECT %d\0" % count) + message(b"Z", b"I"))


def serve(conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        startup(conn)
        while True:
            kind = exact(conn, 1)
            body = exact(conn, struct.unpack("!i", exact(conn, 4))[0] - 4)
            if kind == b"X":
                break
            if b"error" in body:
                conn.sendall(message(b"E", b"SERROR\0C42601\0Mno such thing\0\0") + message(b"Z", b"I"))
            else:
                rows(conn, int(re.search(rb"\d+", body).group()))
    except (EOFError, OSError):
        pass
    conn.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
